"""Who may come in: every admin request proves its shop and person by a session token, and by nothing else."""

import re
from urllib.parse import quote, urlencode

from flask import Response, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import errors, form_tokens, headers, people
from app.clock import utcnow
from app.config import current_settings
from app.db import bind_all, db, transaction
from app.engine.flows import terms
from app.engine.staffing import PREFIX
from app.models import Shop
from app.shopify.install import ensure_installed, is_installed
from app.shopify.session_tokens import BadSessionToken, SessionToken, verify_session_token
from app.shopify.signed_query import SHOP_DOMAIN, BadQuery, check_query

RETRY_HEADER = "X-Shopify-Retry-Invalid-Session-Request"
#: What Shopify adds to a document's address to prove something once; never carried along.
ONE_TIME_PARAMETERS = ("id_token", "hmac", "session", "timestamp", "bounced")
FRAME_PARAMETERS = ("shop", "host", "embedded", "locale")
_BEARER = re.compile(r"Bearer +(\S+)", re.IGNORECASE)


def admit() -> ResponseReturnValue | None:
    """Let the request in with ``g.shop``, ``g.staff``, ``g.staff_id`` and ``g.actor`` set, or answer it instead."""
    raw = _presented_token()
    try:
        if raw is None:
            raise BadSessionToken("missing")
        token = verify_session_token(raw, current_settings())
    except BadSessionToken as refusal:
        return _refuse(refusal)
    headers.allow_frames_of(token.shop_domain)
    g.shop = _get_shop(token, raw)
    g.staff_id = token.staff_id
    g.actor = f"{PREFIX}{token.staff_id}"
    g.staff = people.find_staff(g.shop.id, token, raw, utcnow())
    form_tokens.check_form_token()
    if request.endpoint is not None:
        people.check_duty(current_app.view_functions[request.endpoint])
    return None


def leave(_: BaseException | None = None) -> None:
    """End what binds the database to the shop, should whatever runs the request go on after it."""
    if g.get("bound_shop_id") is not None:
        db.session.rollback()
        bind_all(None)


def recognise() -> None:
    """Let a page that shows nothing of a shop be framed by the shop whose valid token came with the request."""
    raw = _presented_token()
    if raw is None:
        return
    try:
        token = verify_session_token(raw, current_settings())
    except BadSessionToken:
        return
    headers.allow_frames_of(token.shop_domain)


def is_document_load() -> bool:
    """Return whether the browser loads a page, rather than a script fetching something."""
    if request.method not in ("GET", "HEAD") or "Authorization" in request.headers or "HX-Request" in request.headers:
        return False
    return request.headers.get("Sec-Fetch-Dest", "iframe") in ("iframe", "document", "frame")


def asked_shop() -> str | None:
    """Return the shop the address names, if it is a shop's name at all. Good for framing, never for data."""
    shop = request.args.get("shop", "")
    return shop.lower() if SHOP_DOMAIN.fullmatch(shop) else None


def _presented_token() -> str | None:
    if "Authorization" in request.headers:
        match = _BEARER.fullmatch(request.headers["Authorization"])
        return match[1] if match else None
    # A token in the address is good for looking only: an address can be made by anyone who saw one.
    return request.args.get("id_token") if request.method in ("GET", "HEAD") else None


def _refuse(refusal: BadSessionToken) -> ResponseReturnValue:
    if is_document_load():
        return _begin_installation() or _bounce(refusal)
    response = Response(f"{refusal}\n", 401, mimetype="text/plain")
    response.headers[RETRY_HEADER] = "1"
    response.headers["Cache-Control"] = "no-store"
    return response


def _begin_installation() -> ResponseReturnValue | None:
    """Lead to the shop's own page where Shopify opens the app, outside its admin, in a shop that has not agreed yet."""
    if "id_token" in request.args or "hmac" not in request.args or request.args.get("embedded") == "1":
        return None
    try:
        shop_domain = check_query(list(request.args.items(multi=True)), current_settings().client_secrets, utcnow())
    except BadQuery:
        return None
    with transaction() as session:
        if is_installed(session, shop_domain):
            return None
    return redirect(f"{url_for('auth.begin')}?{request.query_string.decode('ascii', 'ignore')}", 302)


def _bounce(refusal: BadSessionToken) -> ResponseReturnValue:
    """Send the browser where App Bridge fetches a new token and comes back; once only, or it would go on forever."""
    headers.allow_frames_of(asked_shop())
    if "bounced" in request.args:
        return errors.show_page(
            401,
            "Shopify's proof of who you are was refused twice",
            f"{refusal} If this stays so, check the app's client id and secret and the clock of its server.",
        )
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in ONE_TIME_PARAMETERS]
    reload = f"{quote(request.path)}?{urlencode([*kept, ('bounced', '1')])}"
    frame = [(name, value) for name, value in kept if name in FRAME_PARAMETERS]
    return redirect(f"{url_for('bounce.show')}?{urlencode([*frame, ('shopify-reload', reload)])}", 302)


def _get_shop(token: SessionToken, raw: str) -> Shop:
    """Return the row of the token's shop; the first visit after an installation makes it."""
    shop_id = ensure_installed(token, raw, utcnow(), terms.publish_default)
    bind_all(shop_id)
    return db.session().get_one(Shop, shop_id)
