"""What Shopify asked about people's data: files to hand over, and what was removed."""

from flask import Response, g, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from app.admin import answers, bp
from app.admin.people import needs
from app.admin.queries.privacy import list_requests
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import privacy_requests
from app.engine.rules.roles import Duty
from app.errors import NotFound, Refused
from app.languages import translate
from app.models import PrivacyKind

_LARGEST_ID = 2**63 - 1
KINDS = {
    PrivacyKind.DATA_REQUEST: lazy_gettext("Hand over a customer's data"),
    PrivacyKind.CUSTOMER_REDACT: lazy_gettext("Forget a customer"),
    PrivacyKind.SHOP_REDACT: lazy_gettext("Forget everybody in the shop"),
}


@bp.get("/privacy")
def privacy() -> ResponseReturnValue:
    """List the requests."""
    return _render()


@bp.post("/privacy/<int:request_id>/file")
@needs(Duty.MANAGE)
def fetch_file(request_id: int) -> ResponseReturnValue:
    """Return the file of a request, and note who fetched it; a form, since looking alone writes nothing."""
    _check(request_id)
    with transaction() as session:
        row = privacy_requests.note_download(session, g.shop.id, request_id, g.actor, utcnow())
        content, customer = row.file or b"", row.customer_shopify_id
    response = Response(content, 200, mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="customer-{customer}.zip"'
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.post("/privacy/<int:request_id>/done")
@needs(Duty.MANAGE)
def mark_done(request_id: int) -> ResponseReturnValue:
    """Note that the merchant handed the data over."""
    _check(request_id)
    try:
        with transaction() as session:
            privacy_requests.mark_done(session, g.shop.id, request_id, g.actor, utcnow())
    except NotFound:
        raise
    except Refused as error:
        return _answer(409, translate(error), is_error=True)
    return _answer(200, _("Noted: it was handed over."))


def _check(request_id: int) -> None:
    if request_id > _LARGEST_ID:
        raise NotFound("There is no such request in this shop.")


def _answer(status: int, message: str, *, is_error: bool = False) -> Response:
    if not answers.wants_html():
        return answers.as_json({"error": message} if is_error else {"done": message}, status)
    response = make_response(_render(message if is_error else None), status)
    return answers.add_toast(response, message, is_error=is_error)


def _render(notice: str | None = None) -> str:
    requests = list_requests(db.session(), g.shop.id)
    return render_template("admin/privacy.html", requests=requests, kinds=KINDS, notice=notice, now=utcnow())
