"""*Process cashback*: an order that has none, or whose credit failed, is seen, confirmed and done."""

from dataclasses import dataclass

from flask import Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.admin import answers, bp
from app.admin.forms import FormError, load, process_schema
from app.admin.order_page import find_file, get_deliveries, render_order
from app.admin.order_story import tell_steps
from app.admin.people import needs
from app.admin.queries.order import DeliveryNote
from app.admin.ways import Way, find_way
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import deliveries, process, transfer
from app.engine.rules.roles import Duty
from app.engine.rules.states import TransferState
from app.errors import NotAllowed, NotFound, NotYet, Refused
from app.languages import translate
from app.models import Transfer
from app.queue import CHORES, INBOX, TRANSFERS, enqueue_once


@dataclass(frozen=True, slots=True)
class Plan:
    """What can be done about an order, and what it comes to."""

    shopify_id: int
    name: str
    way: Way
    transfers: tuple[Transfer, ...] = ()
    failed: tuple[DeliveryNote, ...] = ()


@bp.get("/orders/<int:shopify_id>/process")
@needs(Duty.MANAGE)
def see_process(shopify_id: int) -> ResponseReturnValue:
    """Show what processing an order comes to and why; nothing is done."""
    return _render(shopify_id)


@bp.post("/orders/<int:shopify_id>/process")
@needs(Duty.MANAGE)
def process_order(shopify_id: int) -> ResponseReturnValue:
    """Process an order, as the person saw it."""
    try:
        form = load(process_schema, request.form)
        plan = _plan(shopify_id)
        if form["way"] is not plan.way:
            raise Refused("This order changed meanwhile; look at it again before you process it.")
        with transaction() as session:
            _do(session, plan, form["seen_minor"])
    except (NotFound, NotAllowed):
        raise
    except FormError as error:
        return _answer(shopify_id, 422, translate(error))
    except (Refused, NotYet) as error:
        return _answer(shopify_id, 409, translate(error))
    if plan.way is Way.REPLAY:
        enqueue_once(INBOX, "drain_inbox")
    else:
        enqueue_once(TRANSFERS, "send_transfers", g.shop.id)
    return _answer(shopify_id, 200, None)


@bp.post("/orders/<int:shopify_id>/ask")
@needs(Duty.MANAGE)
def ask_shopify(shopify_id: int) -> ResponseReturnValue:
    """Have Shopify asked what is not known of an order; the page waits for the answer."""
    plan = _plan(shopify_id)
    enqueue_once(CHORES, "ask_about_order", g.shop.id, plan.shopify_id)
    if not answers.wants_html():
        return answers.as_json({"done": _("Shopify is being asked.")})
    return _render(shopify_id, is_asked=True)


def _do(session: Session, plan: Plan, seen_minor: int) -> None:
    now = utcnow()
    match plan.way:
        case Way.ASK:
            process.process(session, g.shop.id, plan.shopify_id, seen_minor, g.actor, now)
        case Way.RETRY:
            for row in plan.transfers:
                transfer.retry(session, g.shop.id, row.id, g.actor, now)
        case Way.REPLAY:
            for note in plan.failed:
                deliveries.replay(session, g.shop.id, note.id, g.actor, now)


def _plan(shopify_id: int) -> Plan:
    """Return what can be done about an order; raise NotFound, or Refused where nothing is to be done."""
    file = find_file(shopify_id)
    notes = get_deliveries(shopify_id) if file is None else file.deliveries
    failed = tuple(note for note in notes if note.can_be_replayed)
    way = find_way(file) if file is not None else Way.REPLAY if failed else None
    if way is None:
        raise Refused("There is nothing to process in this order.")
    if file is None:
        return Plan(shopify_id, str(shopify_id), way, failed=failed)
    refused = tuple(row for row in file.transfers if row.state is TransferState.REFUSED)
    return Plan(shopify_id, file.order.name, way, refused, failed)


def _answer(shopify_id: int, status: int, error: str | None) -> Response:
    done = _("The order is processed.")
    if not answers.wants_html():
        return answers.as_json({"error": error} if error else {"done": done}, status)
    response = make_response(render_order(shopify_id) if error is None else _render(shopify_id, error), status)
    if error is None:
        response.headers["HX-Push-Url"] = f"/orders/{shopify_id}"
    return answers.add_toast(response, error or done, is_error=error is not None)


def _render(shopify_id: int, problem: str | None = None, *, is_asked: bool = False) -> str:
    seen: process.Preview | None = None
    waits: str | None = None
    try:
        plan = _plan(shopify_id)
        if plan.way is Way.ASK:
            seen = process.preview(db.session(), g.shop.id, shopify_id, g.actor, utcnow())
    except NotYet as error:
        waits = translate(error)
    except NotFound:
        raise
    except Refused as error:
        # Somebody else was quicker: the order's page shows what it has become.
        return render_order(shopify_id, problem or translate(error))
    sentences = [] if seen is None else list(tell_steps(seen.steps, seen.currency))
    return render_template(
        "admin/order_process.html",
        plan=plan,
        seen=seen,
        waits=waits,
        is_asked=is_asked or "asked" in request.args,
        sentences=sentences,
        problem_found=problem,
    )
