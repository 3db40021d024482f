"""Error pages: one sentence that says what to do, and no details of ours."""

from flask import Blueprint, Flask, Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from app.admin import answers
from app.errors import BoomerangError, NotAllowed, NotFound, Refused
from app.languages import translate

SENTENCES = {
    400: (_("That request was not understood"), _("Load the page again and repeat what you did.")),
    403: (_("That is not allowed"), _("Load the page again and repeat what you did.")),
    404: (_("There is nothing here"), _("It may have been removed, or the address is wrong. Go back to the orders.")),
    405: (_("That cannot be done here"), _("Go back to the orders.")),
    413: (_("That is too much at once"), _("Send less and try again.")),
    500: (
        _("Something went wrong on our side"),
        _("Nothing was changed. Try again; if it happens again, look into the log."),
    ),
    502: (_("Shopify could not be asked"), _("Nothing was changed. Load the page again in a moment.")),
}


def answer_errors_of(bp: Blueprint) -> None:
    """Answer every error of the admin with a page or a sentence."""
    bp.register_error_handler(NotFound, _missing)
    bp.register_error_handler(NotAllowed, _not_allowed)
    bp.register_error_handler(Refused, _refused)
    bp.register_error_handler(BoomerangError, _trouble)
    bp.register_error_handler(HTTPException, _http)


def init_errors(app: Flask) -> None:
    """Answer every unknown address of the app, and whatever went wrong unexpectedly."""
    app.register_error_handler(404, _unknown_address)
    app.register_error_handler(405, _unknown_address)
    app.register_error_handler(InternalServerError, _unexpected)


def show_page(status: int, title: str, sentence: str) -> Response:
    """Return an error page; to a script that did not ask for HTML, the sentence as JSON. It may be a lazy one."""
    if not answers.wants_html():
        return answers.as_json({"error": str(sentence)}, status)
    template = "admin/error.html" if "shop" in g else "admin/bare_error.html"
    return make_response(render_template(template, title=title, sentence=sentence), status)


def _missing(error: NotFound) -> ResponseReturnValue:
    return show_page(404, SENTENCES[404][0], translate(error) or SENTENCES[404][1])


def _not_allowed(error: NotAllowed) -> ResponseReturnValue:
    return show_page(403, str(_("That is not yours to do")), translate(error))


def _refused(error: Refused) -> ResponseReturnValue:
    return show_page(409, str(_("That cannot be done as things stand")), translate(error))


def _trouble(error: BoomerangError) -> ResponseReturnValue:
    """Shopify would not or could not be asked, which happens while installing."""
    return show_page(502, SENTENCES[502][0], translate(error) or SENTENCES[502][1])


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:
        return error.get_response()
    title, sentence = SENTENCES.get(status, SENTENCES[400])
    own = error.description if status in (403, 404) and error.description != type(error).description else None
    return show_page(status, title, own or sentence)


def _unknown_address(error: HTTPException) -> ResponseReturnValue:
    from app.admin import guard  # the guard shows error pages too

    if request.blueprint not in (None, "admin"):
        return error
    guard.recognise()
    response = show_page(error.code or 404, *SENTENCES[error.code or 404])
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _unexpected(error: InternalServerError) -> ResponseReturnValue:
    if request.blueprint not in (None, "admin"):
        return error
    return show_page(500, *SENTENCES[500])
