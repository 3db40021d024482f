"""The token in every POST form, bound to shop and person.

The session token in the ``Authorization`` header already proves where a POST comes from: no other site can set
it, and the guard refuses every POST without it. The form's token is the second lock: when a form brings one, it
must have been made for this shop and this person.
"""

from flask import Flask, current_app, g, request
from flask_babel import gettext as _
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.exceptions import Forbidden

from app.config import current_settings

FIELD = "token"


def init_form_tokens(app: Flask) -> None:
    """Give the templates ``form_token()``."""
    app.jinja_env.globals["form_token"] = make_form_token


def make_form_token() -> str:
    """Return the token for forms shown to the person of this request."""
    token = _serializer().dumps([g.shop.id, g.staff_id])
    return token if isinstance(token, str) else token.decode()


def check_form_token() -> None:
    """Raise Forbidden when the form carries a token that was not made for this shop and person."""
    token = request.form.get(FIELD)
    if token is None:
        return
    try:
        bound_to = _serializer().loads(token)
    except BadSignature:
        bound_to = None
    if bound_to != [g.shop.id, g.staff_id]:
        sentence = _("This form was not made for you in this shop: open the page again and repeat what you did.")
        raise Forbidden(sentence)


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_settings().secret_key, salt=f"{current_app.name}.form")
