"""The figures of the shop's trade that a merchant states, to see what the programme costs and brings."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.rules.business import LARGEST_TARGET_BPS, WHOLE_BPS, Trade
from app.engine.rules.roles import Duty
from app.engine.seen import check_seen
from app.engine.staffing import check_may
from app.errors import NotFound, Refused
from app.models import BusinessFigures, Shop


def find_trade(session: Session, shop_id: int) -> Trade | None:
    """Return what the merchant stated, or None where nothing was."""
    row = session.scalars(
        select(BusinessFigures).where(BusinessFigures.shop_id == shop_id).execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return None
    return Trade(row.margin_bps, row.shipping_minor, row.order_value_minor, row.target_roi_bps)


def set_trade(
    session: Session, shop_id: int, wanted: Trade, actor: str, now: datetime, *, seen: str | None = None
) -> None:
    """State the figures of the shop's trade; raise Refused with a sentence where they cannot be.

    ``seen`` is the mark of the figures that the form showed (see ``show_trade``); raises ChangedMeanwhile where they
    are others by now.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    _check(wanted)
    # Two who state them at once take turns.
    if session.scalar(select(Shop.id).where(Shop.id == shop_id).with_for_update(key_share=True)) is None:
        raise NotFound("There is no such shop in this installation.")
    before = find_trade(session, shop_id)
    check_seen(seen, show_trade(before))
    if wanted == before:
        return
    put = upsert(BusinessFigures).values(shop_id=shop_id, **asdict(wanted))
    session.execute(put.on_conflict_do_update(index_elements=["shop_id"], set_=asdict(wanted)))
    record(
        session,
        shop_id,
        actor,
        "set_business_figures",
        subject=("shop", shop_id),
        before=show_trade(before),
        after=show_trade(wanted),
        now=now,
    )
    session.flush()


def show_trade(trade: Trade | None) -> dict[str, int]:
    """Return the figures as the trail and the mark have them; nothing where none were stated."""
    return {} if trade is None else asdict(trade)


def _check(wanted: Trade) -> None:
    if not 0 <= wanted.margin_bps <= WHOLE_BPS:
        raise Refused("The margin is a share between 0 and 100 percent.")
    if wanted.shipping_minor < 0:
        raise Refused("What sending costs must not be negative.")
    if wanted.order_value_minor <= 0:
        raise Refused("An average order must be worth something.")
    if not 0 <= wanted.target_roi_bps <= LARGEST_TARGET_BPS:
        raise Refused("The return aimed at is between 0 and 10,000 percent.")
