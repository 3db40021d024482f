"""The way in for stores outside Shopify's managed installation: to the shop's page on which it agrees, and back."""

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from app.admin import errors
from app.clock import utcnow
from app.config import current_settings
from app.engine.flows import terms
from app.shopify import code_grant
from app.shopify.install import install
from app.shopify.signed_query import BadQuery
from app.shopify.token_endpoint import exchange_code

bp = Blueprint("auth", __name__, url_prefix="/auth", template_folder="templates")
errors.answer_errors_of(bp)

COOKIE = "boomerang_installation"
#: Nobody of the shop is known by name in this flow: its token is the shop's, not a person's.
ACTOR = "system"


@bp.get("/begin")
def begin() -> ResponseReturnValue:
    """Send the person to the page on which the shop agrees."""
    settings = current_settings()
    try:
        journey = code_grant.begin(_pairs(), settings, utcnow())
    except BadQuery as refusal:
        return _refuse(refusal)
    response = redirect(journey.address, 302)
    response.set_cookie(
        COOKIE,
        journey.cookie,
        max_age=code_grant.STATE_LIVES,
        path="/auth",
        secure=settings.app_url.startswith("https://"),
        httponly=True,
        samesite="Lax",
    )
    return response


@bp.get("/callback")
def callback() -> ResponseReturnValue:
    """Install the app in the shop that agreed, and open it there."""
    settings, now = current_settings(), utcnow()
    try:
        shop_domain, code = code_grant.finish(_pairs(), request.cookies.get(COOKIE, ""), settings, now)
    except BadQuery as refusal:
        return _refuse(refusal)
    install(shop_domain, exchange_code(shop_domain, code, now), ACTOR, now, terms.publish_default)
    response = redirect(code_grant.app_address(shop_domain, settings), 302)
    response.delete_cookie(COOKIE, path="/auth")
    return response


def _pairs() -> list[tuple[str, str]]:
    return list(request.args.items(multi=True))


def _refuse(refusal: BadQuery) -> ResponseReturnValue:
    return errors.show_page(400, "The installation did not go through", str(refusal))
