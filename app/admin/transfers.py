"""What a person decides about a transfer: try a refused one again, or say whether a doubtful one arrived."""

from flask import g, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import answers, bp
from app.admin.forms import FormError, load, transfer_schema
from app.admin.order_page import render_order
from app.admin.people import needs
from app.admin.queries.order import find_order_of_transfer
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import transfer
from app.engine.rules.roles import Duty
from app.errors import NotFound, Refused
from app.languages import translate
from app.queue import TRANSFERS, enqueue_once


@bp.post("/transfers/<int:transfer_id>/retry")
@needs(Duty.MANAGE)
def retry_transfer(transfer_id: int) -> ResponseReturnValue:
    """Plan a refused transfer once more."""
    order_id = _get_order(transfer_id)
    try:
        with transaction() as session:
            transfer.retry(session, g.shop.id, transfer_id, g.actor, utcnow())
    except NotFound:
        raise
    except Refused as error:
        return _answer(order_id, 409, translate(error))
    return _answer(order_id, 200, None, _("The transfer is sent again."))


@bp.post("/transfers/<int:transfer_id>/decide")
@needs(Duty.MANAGE)
def decide_transfer(transfer_id: int) -> ResponseReturnValue:
    """Say whether a transfer with an unknown outcome arrived."""
    order_id = _get_order(transfer_id)
    try:
        form = load(transfer_schema, request.form)
        with transaction() as session:
            transfer.decide(
                session,
                g.shop.id,
                transfer_id,
                form["arrived"],
                form["transaction_id"] or None,
                g.actor,
                utcnow(),
                seen=form["seen"],
            )
    except NotFound:
        raise
    except FormError as error:
        return _answer(order_id, 422, translate(error))
    except Refused as error:
        return _answer(order_id, 409, translate(error))
    done = _("Noted: the transfer arrived.") if form["arrived"] else _("The transfer is sent again.")
    return _answer(order_id, 200, None, done)


def _get_order(transfer_id: int) -> int:
    order_id = find_order_of_transfer(db.session(), g.shop.id, transfer_id) if transfer_id < 2**63 else None
    if order_id is None:
        raise NotFound("There is no such transfer in this shop.")
    return order_id


def _answer(order_id: int, status: int, error: str | None, done: str = "") -> ResponseReturnValue:
    if error is None:
        enqueue_once(TRANSFERS, "send_transfers", g.shop.id)
    if not answers.wants_html():
        return answers.as_json({"error": error} if error else {"done": done}, status)
    response = make_response(render_order(order_id, error), status)
    return answers.add_toast(response, error or done, is_error=error is not None)
