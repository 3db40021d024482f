"""The page of one order: everything about it, and what can be done."""

from flask import g, render_template

from app.admin.order_story import tell
from app.admin.order_timeline import Way
from app.admin.queries.order import DeliveryNote, OrderFile, find_order, find_told_mail, list_deliveries
from app.admin.ways import find_way
from app.clock import utcnow
from app.db import db
from app.engine.flows.transfer import show_sending
from app.engine.journeys import read_journeys
from app.engine.rules.doubts import doubt_from_json
from app.engine.rules.messages import Stage
from app.engine.seen import mark
from app.engine.stage_lags import read_limits
from app.errors import NotFound
from app.models import DeliveryState

_LARGEST_ID = 2**63 - 1


def render_order(shopify_id: int, notice: str | None = None) -> str:
    """Return the page of an order; raise NotFound when this shop has none of that id."""
    file = find_file(shopify_id)
    if file is None:
        return _render_lost(shopify_id, notice)
    return render_template(
        "admin/order.html",
        file=file,
        story=tell(file, _find_way(file)),
        way=find_way(file),
        doubts={transfer.id: doubt_from_json(transfer.doubt) for transfer in file.transfers if transfer.doubt},
        sendings={transfer.id: mark(show_sending(transfer)) for transfer in file.transfers if transfer.needs_person},
        notice=notice,
    )


def find_file(shopify_id: int) -> OrderFile | None:
    """Return what is known about an order of the shop, by Shopify's id of it; None for one that is not known."""
    return find_order(db.session(), g.shop.id, shopify_id) if shopify_id <= _LARGEST_ID else None


def get_deliveries(shopify_id: int) -> tuple[DeliveryNote, ...]:
    """Return what was told of an order that is not known; raise NotFound where nothing was."""
    notes = list_deliveries(db.session(), g.shop.id, shopify_id) if shopify_id <= _LARGEST_ID else ()
    if not notes:
        raise NotFound("There is no such order in this shop. It may not have arrived yet.")
    return notes


def _find_way(file: OrderFile) -> Way | None:
    """Return the way of an order's cashback; None where nobody has asked for any."""
    if file.reward is None or file.is_unasked:
        return None
    session, shop, now = db.session(), g.shop, utcnow()
    journey = read_journeys(session, shop, [file.reward], now)[file.reward.id]
    told = None if journey.at(Stage.TOLD) is None else find_told_mail(session, shop.id, file.reward.id)
    return Way(journey, read_limits(session, shop, now), told, now)


def _render_lost(shopify_id: int, notice: str | None) -> str:
    """Return the page of an order of which nothing is known but that it was told."""
    notes = get_deliveries(shopify_id)
    return render_template(
        "admin/order_lost.html",
        shopify_id=shopify_id,
        deliveries=notes,
        can_be_replayed=any(note.can_be_replayed for note in notes),
        is_waiting=any(note.state is DeliveryState.RECEIVED for note in notes),
        notice=notice,
    )
