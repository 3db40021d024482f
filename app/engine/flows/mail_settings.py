"""How a shop tells its customers and its merchant: looked up, and changed by people."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.rules.mail_choices import Alerting, Teller, Telling, check_alerting, check_telling
from app.engine.rules.roles import Duty
from app.engine.seen import check_seen
from app.engine.staffing import check_may
from app.errors import NotFound, Refused
from app.languages import LANGUAGES
from app.models import MailSettings, Shop
from app.sentences import Sentence

_OF_CUSTOMERS = (
    "digest_times", "quiet_from", "quiet_to", "switched_off", "remind_days", "cap_per_run", "per_minute",
    "sender_name", "reply_to", "language", "keep_days",
)  # fmt: skip


class BadChoices(Refused):
    """What was chosen cannot be taken; ``errors`` holds a sentence by field, the message is the first of them."""

    def __init__(self, errors: Mapping[str, Sentence]) -> None:
        self.errors = dict(errors)
        super().__init__(next(iter(errors.values())))


def get_telling(session: Session, shop: Shop) -> Telling:
    """Return how a shop's customers are told now; a shop that never chose has the defaults."""
    row = _find(session, shop.id)
    values: dict[str, Any] = {} if row is None else {name: _still(getattr(row, name)) for name in _OF_CUSTOMERS}
    return Telling(_teller(shop), **values)


def get_alerting(session: Session, shop_id: int) -> Alerting:
    """Return how a shop's merchant is told now."""
    row = _find(session, shop_id)
    if row is None:
        return Alerting()
    return Alerting(tuple(row.alert_addresses), row.alert_url, row.summary_time, dict(row.stage_limits))


def has_secret(session: Session, shop_id: int) -> bool:
    """Say whether what is posted to the merchant's address is signed."""
    row = _find(session, shop_id)
    return row is not None and row.alert_secret is not None


def set_telling(
    session: Session, shop_id: int, wanted: Telling, actor: str, now: datetime, *, seen: str | None = None
) -> None:
    """Choose who tells customers, when, and of what; raises BadChoices where something of it cannot be.

    ``seen`` is the mark of ``asdict(get_telling(…))`` as the form showed it; raises ChangedMeanwhile where it is
    another by now. What waits to be told and is not wanted any more is dropped by the next digest.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    if wrong := check_telling(wanted, LANGUAGES):
        raise BadChoices(wrong)
    shop = _lock(session, shop_id)
    before = get_telling(session, shop)
    check_seen(seen, asdict(before))
    if wanted == before:
        return
    shop.notify_customers = wanted.teller is Teller.SHOPIFY
    shop.mails_customers = wanted.teller is Teller.US
    row = _make(session, shop_id)
    for name in _OF_CUSTOMERS:
        value = getattr(wanted, name)
        setattr(row, name, list(value) if isinstance(value, tuple) else value)
    record(
        session,
        shop_id,
        actor,
        "set_mails",
        subject=("shop", shop_id),
        before=_noted(asdict(before)),
        after=_noted(asdict(wanted)),
        now=now,
    )
    session.flush()


def set_alerting(
    session: Session,
    shop_id: int,
    wanted: Alerting,
    actor: str,
    now: datetime,
    *,
    seen: str | None = None,
    is_local: bool = False,
) -> None:
    """Choose where and when the merchant is told; raises BadChoices where something of it cannot be.

    ``seen`` is the mark of ``asdict(get_alerting(…))``. ``is_local``: an installation for trying out, which may tell
    an address of its own machine.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    if wrong := check_alerting(wanted, is_local=is_local):
        raise BadChoices(wrong)
    _lock(session, shop_id)
    before = get_alerting(session, shop_id)
    check_seen(seen, asdict(before))
    if wanted == before:
        return
    row = _make(session, shop_id)
    row.alert_addresses, row.alert_url = list(wanted.alert_addresses), wanted.alert_url
    row.summary_time, row.stage_limits = wanted.summary_time, dict(wanted.stage_limits)
    record(
        session,
        shop_id,
        actor,
        "set_alerts",
        subject=("shop", shop_id),
        before=_noted(asdict(before)),
        after=_noted(asdict(wanted)),
        now=now,
    )
    session.flush()


def _teller(shop: Shop) -> Teller:
    if shop.mails_customers:
        return Teller.US
    return Teller.SHOPIFY if shop.notify_customers else Teller.NOBODY


def _still(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _find(session: Session, shop_id: int) -> MailSettings | None:
    row = select(MailSettings).where(MailSettings.shop_id == shop_id).execution_options(populate_existing=True)
    return session.scalars(row).one_or_none()


def _make(session: Session, shop_id: int) -> MailSettings:
    """Return the shop's row, made with the defaults; somebody may just have made it for another reason."""
    session.execute(upsert(MailSettings).values(shop_id=shop_id).on_conflict_do_nothing(index_elements=["shop_id"]))
    row = _find(session, shop_id)
    assert row is not None
    return row


def _lock(session: Session, shop_id: int) -> Shop:
    """Return the shop; two who choose at once take turns."""
    found = select(Shop).where(Shop.id == shop_id).with_for_update(key_share=True)
    shop: Shop | None = session.scalar(found.execution_options(populate_existing=True))
    if shop is None:
        raise NotFound("There is no such shop in this installation.")
    return shop


def _noted(values: dict[str, Any]) -> dict[str, Any]:
    """Return what the trail keeps for good: no names and addresses of people, and no address that may be a key."""
    noted = dict(values)
    if "sender_name" in noted:
        noted["sender_name"] = bool(noted["sender_name"])
        noted["reply_to"] = _mask(noted["reply_to"])
    if "alert_url" in noted:
        noted["alert_addresses"] = [_mask(one) for one in noted["alert_addresses"]]
        noted["alert_url"] = urlsplit(noted["alert_url"]).hostname or ""
    return noted


def _mask(address: str) -> str:
    name, at, domain = address.partition("@")
    return f"{name[:1]}…{at}{domain}" if at else ""
