"""The log of deliveries: what Shopify told, what became of it, and failed ones once more."""

from urllib.parse import urlencode

from flask import Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import answers, bp
from app.admin.guard import FRAME_PARAMETERS
from app.admin.people import needs
from app.admin.queries.deliveries import Wanted, find_delivery, list_deliveries, list_topics, measure_delays
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import deliveries as flow
from app.engine.rules.roles import Duty
from app.errors import NotFound, Refused
from app.languages import translate
from app.masking import show_body
from app.models import Delivery, DeliveryState
from app.queue import INBOX, enqueue_once

LONGEST_SEARCH = 100
_LARGEST_ID = 2**63 - 1
#: In the order in which they are offered.
STATES = (DeliveryState.FAILED, DeliveryState.RECEIVED, DeliveryState.HANDLED, DeliveryState.IGNORED)


@bp.get("/deliveries")
def deliveries() -> ResponseReturnValue:
    """Show a page of deliveries; an unknown state or a broken number counts as none."""
    state, topic = request.args.get("state", ""), _read("topic")
    wanted = Wanted(DeliveryState(state) if state in list(DeliveryState) else None, topic, _read("order"))
    session = db.session()
    page = list_deliveries(session, g.shop.id, wanted, before=_number("before"), after=_number("after"))
    chosen = {"state": wanted.state or "", "topic": wanted.topic, "order": wanted.order}
    return render_template(
        "admin/deliveries.html",
        page=page,
        chosen=chosen,
        is_filtered=any(chosen.values()),
        states=STATES,
        topics=list_topics(session, g.shop.id),
        delays=measure_delays(session, g.shop.id, utcnow()),
        newer=page.newer and _link(chosen, after=page.newer),
        older=page.older and _link(chosen, before=page.older),
    )


@bp.get("/deliveries/<int:delivery_id>")
def delivery(delivery_id: int) -> ResponseReturnValue:
    """Show one delivery with its body; what is personal in it is hidden."""
    return _render(_get(delivery_id))


@bp.post("/deliveries/<int:delivery_id>/replay")
@needs(Duty.MANAGE)
def replay(delivery_id: int) -> ResponseReturnValue:
    """Put a failed delivery back to those that wait."""
    found = _get(delivery_id)
    try:
        with transaction() as session:
            flow.replay(session, g.shop.id, found.id, g.actor, utcnow())
    except Refused as error:
        return _answer(delivery_id, 409, translate(error), is_error=True)
    enqueue_once(INBOX, "drain_inbox")
    return _answer(delivery_id, 200, _("It is handled again."))


def _answer(delivery_id: int, status: int, message: str, *, is_error: bool = False) -> Response:
    if not answers.wants_html():
        return answers.as_json({"error": message} if is_error else {"done": message}, status)
    response = make_response(_render(_get(delivery_id), message if is_error else None), status)
    return answers.add_toast(response, message, is_error=is_error)


def _render(found: Delivery, notice: str | None = None) -> str:
    body = None if found.pruned_at is not None else show_body(found.body)
    return render_template("admin/delivery.html", delivery=found, body=body, notice=notice)


def _get(delivery_id: int) -> Delivery:
    found = find_delivery(db.session(), g.shop.id, delivery_id)
    if found is None:
        raise NotFound("There is no such delivery in this shop.")
    return found


def _read(name: str) -> str:
    return request.args.get(name, "").replace("\0", "")[:LONGEST_SEARCH].strip()


def _number(name: str) -> int:
    number = request.args.get(name, 0, type=int)
    return number if 0 < number <= _LARGEST_ID else 0


def _link(chosen: dict[str, str], **cursor: int) -> str:
    kept = {name: request.args[name] for name in FRAME_PARAMETERS if name in request.args}
    return "/deliveries?" + urlencode({**kept, **{name: value for name, value in chosen.items() if value}, **cursor})
