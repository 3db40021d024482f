"""The shop as its customers see it: one page of their account, and the app proxy behind it."""

import http.client
import time
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, render_template, request

from sandbox.calls import world
from sandbox.scopes import has
from sandbox.signing import signed_proxy_query
from sandbox.state import Shop

blueprint = Blueprint("storefront", __name__, template_folder="templates")
PREFIX = "/apps/boomerang"
#: Where the app's configuration wants what comes below the prefix.
TARGET = "/proxy"
SCOPE = "write_app_proxy"
SECONDS = 10


@blueprint.get("/storefront/<handle>/account")
def account(handle: str) -> str:
    """A customer's account page, which asks the app for the cashback."""
    shop = _shop(handle)
    with shop.lock:
        people = [(person.id, person.display_name) for person in list(shop.customers.values())[-50:][::-1]]
    chosen = request.args.get("customer", type=int)
    return render_template("storefront.html", shop=shop, handle=handle, people=people, chosen=chosen)


@blueprint.get(f"/storefront/<handle>{PREFIX}/<path:path>")
def proxied(handle: str, path: str) -> Response:
    """Hand a visitor's request on to the app, signed, with the customer who is logged in."""
    shop = _shop(handle)
    if not shop.installed or not has(shop.grants.granted, SCOPE):
        abort(404)
    # Here a header stands for the session of the customer's login.
    customer = request.headers.get("X-Sandbox-Customer", "")
    pairs = [
        *request.args.items(multi=True),
        ("shop", shop.domain),
        ("logged_in_customer_id", customer),
        ("path_prefix", PREFIX),
        ("timestamp", str(int(time.time()))),
    ]
    query = signed_proxy_query(shop.options.client_secret, pairs)
    return _ask_app(shop.options.app_url, f"{TARGET}/{path}?{query}")


def _ask_app(app_url: str, path: str) -> Response:
    own = urlsplit(app_url)
    kind = http.client.HTTPSConnection if own.scheme == "https" else http.client.HTTPConnection
    connection = kind(own.netloc, timeout=SECONDS)
    try:
        connection.request("GET", own.path.rstrip("/") + path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        return Response(answer.read(), answer.status, content_type=answer.headers.get("Content-Type"))
    except (OSError, http.client.HTTPException):
        return Response("The app gave no answer.", 502, content_type="text/plain")
    finally:
        connection.close()


def _shop(handle: str) -> Shop:
    shop = world().shops.get(f"{handle}.myshopify.com")
    if shop is None:
        abort(404)
    return shop
