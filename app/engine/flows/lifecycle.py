"""A shop took the app away: forget its tokens and stop; its books stay."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.models import Shop, ShopToken


def uninstall(session: Session, shop: Shop, now: datetime) -> None:
    """Delete the shop's tokens and mark it uninstalled; a second word of it changes nothing."""
    session.execute(delete(ShopToken).where(ShopToken.shop_id == shop.id))
    if shop.uninstalled_at is None:
        shop.uninstalled_at = now
        record(
            session,
            shop.id,
            "system",
            "uninstall",
            subject=("shop", shop.id),
            before={"installed": True},
            after={"installed": False},
            now=now,
        )
    session.flush()
