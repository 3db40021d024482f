"""The page on which a shop agrees to an app that Shopify does not install by itself, and the way there and back."""

import time
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sandbox.calls import as_json, chosen_shop, control_blueprint, controlled, refuse_other_sites, world
from sandbox.scopes import read_scopes
from sandbox.signing import signed_query
from sandbox.state import Shop

blueprint = Blueprint("authorize", __name__, template_folder="templates")
control = control_blueprint("control_authorize")
blueprint.before_request(refuse_other_sites)
PATHS = ("/admin/oauth/authorize", "/shops/<domain>/admin/oauth/authorize")


@control.get("/sandbox/install-url")
@controlled
def install_url() -> Response:
    """The address at which Shopify opens the app in a shop that has not agreed to it: signed, outside the admin."""
    shop = chosen_shop()
    query = signed_query(shop.options.client_secret, {"shop": shop.domain, "timestamp": _now()})
    return as_json({"url": f"{shop.options.app_url.rstrip('/')}/?{query}"})


@blueprint.get(PATHS[0])
@blueprint.get(PATHS[1])
def ask(domain: str | None = None) -> ResponseReturnValue:
    """Show what the app asks for."""
    shop = _shop(domain)
    problem = _problem(shop)
    if problem is not None:
        return render_template("authorize.html", shop=shop, problem=problem), 400
    scopes = sorted(read_scopes(request.args.get("scope", "")))
    return render_template("authorize.html", shop=shop, problem=None, scopes=scopes, given=request.args)


@blueprint.post(PATHS[0])
@blueprint.post(PATHS[1])
def agree(domain: str | None = None) -> ResponseReturnValue:
    """Install the app and send the person back to it, with a code; or back into the shop."""
    shop = _shop(domain)
    problem = _problem(shop)
    if problem is not None:
        return render_template("authorize.html", shop=shop, problem=problem), 400
    if request.form.get("answer") != "install":
        return redirect(f"/store/{_handle(shop)}/orders", 302)
    with shop.lock:
        shop.installed = True
        shop.grants.install(read_scopes(request.values.get("scope", "")))
        code = shop.tokens.make_code()
    told = {"code": code, "shop": shop.domain, "state": request.values.get("state", ""), "timestamp": _now()}
    return redirect(f"{request.values['redirect_uri']}?{signed_query(shop.options.client_secret, told)}", 302)


@blueprint.get("/admin/apps/<client_id>")
@blueprint.get("/admin/apps/<client_id>/<path:path>")
@blueprint.get("/shops/<domain>/admin/apps/<client_id>")
@blueprint.get("/shops/<domain>/admin/apps/<client_id>/<path:path>")
def open_app(client_id: str, domain: str | None = None, path: str = "") -> ResponseReturnValue:
    """Open the app in the shop's admin, at one of its pages."""
    shop = _shop(domain)
    if client_id != shop.options.client_id:
        return as_json({"error": "There is no such app."}, 404)
    query = f"?{request.query_string.decode('ascii', 'ignore')}" if request.query_string else ""
    return redirect(f"/store/{_handle(shop)}/apps/boomerang{path and f'/{path}'}{query}", 302)


def _shop(domain: str | None) -> Shop:
    shop = world().main if domain is None else world().shops.get(domain)
    if shop is None:
        abort(404)
    return shop


def _problem(shop: Shop) -> str | None:
    """Return why Shopify would show an error here, if it would."""
    if request.values.get("client_id") != shop.options.client_id:
        return "invalid_request: no app has this client_id."
    wanted, own = urlsplit(request.values.get("redirect_uri", "")), urlsplit(shop.options.app_url)
    if (wanted.scheme, wanted.netloc) != (own.scheme, own.netloc):
        return "invalid_request: the redirect_uri is not one of the app's redirect URLs."
    return None


def _handle(shop: Shop) -> str:
    return shop.domain.removesuffix(".myshopify.com")


def _now() -> str:
    return str(int(time.time()))
