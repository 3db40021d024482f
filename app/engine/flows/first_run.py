"""The first run: five steps from the installation to the first order's cashback. What people said of them is kept."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.rules.roles import Duty
from app.engine.staffing import check_may
from app.errors import NotFound
from app.models import Shop


class FirstStep(StrEnum):
    """A step, in their order. Most are seen to be done by facts; the others are done when somebody says so."""

    CONNECTION = "connection"
    RATE = "rate"
    MODE = "mode"
    START = "start"
    ORDER = "order"


def settle_step(session: Session, shop_id: int, step: FirstStep, actor: str, now: datetime) -> None:
    """Note that somebody is through with a step: it suits them as it is, or they leave it out."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    shop = _lock_shop(session, shop_id)
    before = shop.first_run_done
    if step in before:
        return
    shop.first_run_done = [*before, step.value]
    subject = ("shop", shop_id)
    was, is_ = {"done": before}, {"done": shop.first_run_done}
    record(session, shop_id, actor, "settle_first_step", subject=subject, before=was, after=is_, now=now)
    session.flush()


def close(session: Session, shop_id: int, actor: str, now: datetime) -> None:
    """Do not show the first run by itself any more."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    shop = _lock_shop(session, shop_id)
    if shop.first_run_closed_at is not None:
        return
    shop.first_run_closed_at = now
    subject = ("shop", shop_id)
    was, is_ = {"closed": False}, {"closed": True}
    record(session, shop_id, actor, "close_first_run", subject=subject, before=was, after=is_, now=now)
    session.flush()


def _lock_shop(session: Session, shop_id: int) -> Shop:
    shop: Shop | None = session.scalar(
        select(Shop).where(Shop.id == shop_id).with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    if shop is None:
        raise NotFound("There is no such shop in this installation.")
    return shop
