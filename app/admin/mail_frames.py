"""A mail inside a page of the admin: in a frame of its own, in which nothing runs, loads, or leads anywhere.

The page has no inline style and allows none, and a frame made of its own content would inherit that; a mail is styled
inline throughout. So the page sends the mail's HTML here and gets it back under a policy that allows style and nothing
else. What is shown is sealed by the page that wants it shown: nobody can have any other HTML shown at our address.
Whether it is shown as a light or as a dark mail program would is asked for by the page, not by the browser.
"""

import hashlib
import re
from typing import NamedTuple

from flask import Blueprint, Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from itsdangerous import BadSignature, URLSafeTimedSerializer
from markupsafe import escape

from app.admin import headers
from app.config import current_settings

bp = Blueprint("mail_frames", __name__)

#: For so many seconds a page may show its mail; whoever comes back to it later loads it again anyway.
SHOWN_FOR = 900
POLICY = (
    "default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "form-action 'none'", "base-uri 'none'",
    "sandbox",
)  # fmt: skip

_IF_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)")


class Frame(NamedTuple):
    """What a page sends to show a mail."""

    html: str
    proof: str


def init_mail_frames(app: Flask) -> None:
    """Give the templates ``mail_frame(html)``."""
    app.jinja_env.globals["mail_frame"] = make_frame


def make_frame(html: str) -> Frame:
    """Return a mail's HTML, sealed for the shop of this request."""
    return Frame(html, str(_serializer().dumps([g.shop.domain, _digest(html)])))


@bp.post("/mail-frame")
def show() -> ResponseReturnValue:
    """Show a mail that a page of ours has sealed, and nothing else."""
    html, framed_by = request.form.get("mail", ""), None
    try:
        domain, digest = _serializer().loads(request.form.get("proof", ""), max_age=SHOWN_FOR)
        if digest == _digest(html):
            framed_by = domain
    except BadSignature:
        pass
    if framed_by is None:
        html = f"<!doctype html><title>…</title><p>{escape(_('Load the page again to see this mail.'))}"
    html = _as_in(request.form.get("scheme", ""), html)
    headers.allow_frames_of(framed_by)
    response = Response(html, 200 if framed_by else 403, mimetype="text/html")
    ancestors = f"frame-ancestors 'self' {g.framed_by}"
    response.headers["Content-Security-Policy"] = "; ".join((*POLICY, ancestors))
    return response


def _as_in(scheme: str, html: str) -> str:
    """Return a mail's HTML with its rules for dark mail programs always, or never, in force."""
    is_dark = scheme == "dark"
    html = html.replace('content="light dark"', f'content="{"dark" if is_dark else "light"}"')
    return _IF_DARK.sub("all" if is_dark else "not all", html)


def _digest(html: str) -> str:
    # A browser sends every end of a line as two characters.
    return hashlib.sha256("".join(html.split()).encode()).hexdigest()


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_settings().secret_key, salt=f"{current_app.name}.mail-frame")
