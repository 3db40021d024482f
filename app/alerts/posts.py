"""Posts what the merchant's address is to be told: signed, in order, and again later when it was not taken."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from flask import current_app

from app.alerts.wire import NotTaken, post
from app.clock import utcnow
from app.config import current_settings
from app.crypto import Vault
from app.db import transaction
from app.engine.flows import alert_posts
from app.engine.flows.alert_posts import PostClaim
from app.engine.flows.incidents import Ways, find_ways
from app.errors import Broken
from app.sentences import marked, sentence_of

log = structlog.get_logger()

#: A run ends after this long, so that an address that does not answer keeps no worker from the mails.
RUN_FOR = timedelta(seconds=10)
NO_ADDRESS = marked("There is no address to post to any more.")

Clock = Callable[[], datetime]


def post_due(shop_id: int, *, clock: Clock = utcnow) -> bool:
    """Post what is due of a shop, for some seconds; return whether more may be due at once.

    Call it outside any transaction. An address that does not take something is asked again later.
    """
    ends_at = clock() + RUN_FOR
    while clock() < ends_at:
        with transaction(shop_id) as session:
            ways = find_ways(session, shop_id)
            if not ways.url:
                alert_posts.give_up_all(session, shop_id, NO_ADDRESS)
                return False
            claim = alert_posts.claim_next(session, shop_id, clock())
        if claim is None:
            return False
        _carry(claim, ways, clock)
    return True


def sign(body: bytes, secret: str) -> str:
    """Return what ``X-Boomerang-Signature`` holds for a body as it was sent."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _carry(claim: PostClaim, ways: Ways, clock: Clock) -> None:
    sent_at = clock().isoformat(timespec="seconds")
    told = {"id": claim.post_id, "event": claim.event.value, **claim.body, "sent_at": sent_at}
    body = json.dumps(told, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Boomerang",
        "X-Boomerang-Timestamp": sent_at,
    }
    try:
        if ways.secret is not None:
            vault: Vault = current_app.extensions["vault"]
            headers["X-Boomerang-Signature"] = sign(body, vault.decrypt(ways.secret))
        post(ways.url, body, headers, is_local=current_settings().is_local)
    except (NotTaken, Broken) as refusal:
        with transaction(claim.shop_id) as session:
            again = alert_posts.put_back(session, claim, sentence_of(refusal), clock())
        log.warning("alert_not_taken", shop_id=claim.shop_id, post_id=claim.post_id, reason=str(refusal), again=again)
        return
    with transaction(claim.shop_id) as session:
        alert_posts.mark_posted(session, claim, clock())
