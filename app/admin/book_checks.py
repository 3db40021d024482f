"""The books are checked when somebody asks; that they are every day, and what was found, stands with the ledger."""

from flask import g, make_response
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import answers, bp
from app.admin.ledger import show_ledger
from app.admin.people import needs
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import check_books as flow
from app.engine.rules.roles import Duty
from app.errors import NotAllowed, Refused
from app.languages import translate
from app.queue import CHORES, enqueue_once


@bp.post("/ledger/check")
@needs(Duty.MANAGE)
def check_books() -> ResponseReturnValue:
    """Have the books checked now."""
    message, status = _("The books are being checked."), 200
    try:
        with transaction() as session:
            flow.ask(session, g.shop.id, g.actor, utcnow())
    except NotAllowed:
        raise
    except Refused as error:
        message, status = translate(error), 409
    enqueue_once(CHORES, "look_through_books", g.shop.id)
    if not answers.wants_html():
        return answers.as_json({"done" if status == 200 else "error": message}, status)
    return answers.add_toast(make_response(show_ledger(), status), message, is_error=status != 200)
