"""A shop took the app away: forget its tokens and stop; its books stay. Or it says anew who it is."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.goodbyes import end_alerts
from app.engine.rules.terms import Mode
from app.engine.rules.zones import is_zone
from app.models import Shop, ShopToken


def uninstall(session: Session, shop: Shop, now: datetime) -> None:
    """Delete the shop's tokens and mark it uninstalled; a second word of it changes nothing.

    What was to be told to its people is given up: nobody is there to read it, and it is no news to who comes back.
    Whoever does begins in manual mode, like every shop: what was bought meanwhile earns when somebody has seen it.
    """
    session.execute(delete(ShopToken).where(ShopToken.shop_id == shop.id))
    if shop.uninstalled_at is None:
        mode, shop.mode = shop.mode, Mode.MANUAL
        shop.uninstalled_at = now
        record(
            session,
            shop.id,
            "system",
            "uninstall",
            subject=("shop", shop.id),
            before={"installed": True, "mode": mode},
            after={"installed": False, "mode": shop.mode},
            now=now,
        )
        session.flush()
        end_alerts(session, shop.id, now)
    session.flush()


def change_shop(
    session: Session,
    shop: Shop,
    name: str | None,
    currency: str,
    timezone: str | None,
    told_at: datetime,
    now: datetime,
) -> None:
    """Remember a shop's name and time zone as Shopify tells them; an older word told late changes nothing.

    The books stay in their currency: another one is noted, so that people are told, and never taken over.
    """
    if shop.told_at is not None and told_at < shop.told_at:
        return
    before = _seen(shop)
    shop.told_at = told_at
    shop.name = name or shop.name
    shop.other_currency = None if currency == shop.currency else currency
    if timezone is not None and is_zone(timezone):
        shop.timezone = timezone
    after = _seen(shop)
    if after != before:
        subject = ("shop", shop.id)
        record(session, shop.id, "system", "change_shop", subject=subject, before=before, after=after, now=now)
    session.flush()


def _seen(shop: Shop) -> dict[str, str | None]:
    # Not the name, which may be a person's: what is in the audit trail stays there.
    return {"timezone": shop.timezone, "other_currency": shop.other_currency}
