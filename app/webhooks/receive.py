"""POST /webhooks/shopify: verify the raw bytes, store them once, answer. Nothing else happens in the request.

Checks, in this order: size (413) · the four headers we need (400, a missing signature included) · the signature
(401) · the shop (404). Shopify signs the body only, so nothing is believed of the headers but where to file it.
"""

import re

import structlog
from flask import Blueprint, Response, jsonify, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge

from app.clock import utcnow
from app.config import current_settings
from app.db import transaction
from app.models import DeliveryState, Shop
from app.queue import INBOX, enqueue_once
from app.webhooks.body import clean_text
from app.webhooks.inbox import Arrival, store_delivery
from app.webhooks.reader import parse_instant
from app.webhooks.signature import is_signed
from app.webhooks.topics import PRIVACY_TOPICS

log = structlog.get_logger()
blueprint = Blueprint("webhooks", __name__)

LARGEST_BODY_BYTES = 2 * 1024 * 1024
#: Far above what Shopify sends; an index takes no more than 2,700 bytes.
HEADER_LIMIT = 255
REQUIRED_HEADERS = ("Hmac-Sha256", "Topic", "Shop-Domain", "Webhook-Id")
_SHOP_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")


class _Answered(Exception):
    """The request is answered with a status and a sentence, and nothing is stored."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@blueprint.post("/webhooks/shopify")
def receive() -> Response:
    """Store one delivery of Shopify's; 200 also for one that is stored already."""
    try:
        return _accept(_verified())
    except _Answered as answer:
        return _answer(answer.status, error=str(answer))


def _verified() -> Arrival:
    raw = _read_body()
    missing = [name for name in REQUIRED_HEADERS if not _header(name)]
    if missing:
        raise _Answered(400, f"The request lacks the header X-Shopify-{missing[0]}.")
    if any(len(_header(name)) > HEADER_LIMIT for name in REQUIRED_HEADERS):
        raise _Answered(400, f"A header is longer than {HEADER_LIMIT} characters.")
    if not is_signed(raw, _header("Hmac-Sha256"), current_settings().client_secrets):
        raise _Answered(401, "The signature does not fit the body.")
    return Arrival(
        shop_domain=_header("Shop-Domain").lower(),
        webhook_id=_header("Webhook-Id"),
        topic=_header("Topic").lower(),
        body=raw,
        received_at=utcnow(),
        api_version=_header("Api-Version")[:HEADER_LIMIT] or None,
        triggered_at=parse_instant(_header("Triggered-At")),
    )


def _accept(arrival: Arrival) -> Response:
    with transaction() as session:
        state = store_delivery(session, arrival) if _SHOP_DOMAIN.fullmatch(arrival.shop_domain) else None
        known = state is not None or _is_known(session, arrival.shop_domain)
    if not known and arrival.topic in PRIVACY_TOPICS:
        # We hold nothing of a shop we do not know, so there is nothing to give out or to delete.
        log.info("privacy_request_of_unknown_shop", topic=arrival.topic, shop=arrival.shop_domain)
    elif not known:
        raise _Answered(404, "No shop of that name uses this app.")
    if state is DeliveryState.RECEIVED:
        enqueue_once(INBOX, "drain_inbox")
    return _answer(200)


def _is_known(session: Session, shop_domain: str) -> bool:
    return session.scalar(select(Shop.id).where(Shop.domain == shop_domain)) is not None


def _read_body() -> bytes:
    # One byte more than allowed may be read: a body in chunks names no length, and Werkzeug cuts it off in silence.
    request.max_content_length = LARGEST_BODY_BYTES + 1
    too_large = _Answered(413, f"The body is larger than {LARGEST_BODY_BYTES} bytes.")
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise too_large from error
    if len(raw) > LARGEST_BODY_BYTES:
        raise too_large
    return raw


def _header(name: str) -> str:
    # Shopify writes X-Shopify-Topic in its classic webhooks and Shopify-Topic in the newer ones.
    value = request.headers.get(f"X-Shopify-{name}", "").strip() or request.headers.get(f"Shopify-{name}", "")
    return clean_text(value, HEADER_LIMIT + 1)


def _answer(status: int, **content: str) -> Response:
    response = jsonify(content)
    response.status_code = status
    return response
