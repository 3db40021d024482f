"""Control calls about shops, tokens, time and made-up business."""

from flask import Response, request

from sandbox.calls import (
    announcer,
    as_json,
    chosen_shop,
    control_blueprint,
    controlled,
    dispatcher,
    read_body,
    traffic,
    world,
)
from sandbox.clock import utc_text
from sandbox.control_inbox import inbox
from sandbox.errors import BadInput
from sandbox.requests_in import read_currency, read_id, read_quantity
from sandbox.staff import DEFAULT_STAFF
from sandbox.state import Shop
from sandbox.tokens import SESSION_TOKEN_SECONDS, mint_session_token

LONGEST_TOKEN = 3600
MOST_ORDERS = 100_000

blueprint = control_blueprint("control_platform")


@blueprint.post("/sandbox/shops")
@controlled
def add_shop() -> Response:
    """Make another shop, served under /shops/<shop>."""
    body = read_body()
    shop = world().add_shop(str(body.get("shop")))
    if body.get("currency") is not None:
        currency = read_currency(body["currency"], shop.currency)
        with shop.lock:
            if shop.orders and currency != shop.currency:
                raise BadInput(f"{shop.domain} has orders in {shop.currency}; its currency stays.")
            shop.currency = currency
    return as_json({"shop": shop.domain, "currency": shop.currency, "admin_origin": admin_origin(shop)}, 201)


@blueprint.get("/sandbox/shops")
@controlled
def list_shops() -> Response:
    """All shops."""
    shops = [
        {"shop": shop.domain, "currency": shop.currency, "installed": shop.installed, "orders": len(shop.orders)}
        for shop in world().shops.values()
    ]
    return as_json({"shops": shops})


def admin_origin(shop: Shop) -> str:
    """Return the address under which the app reaches this shop's Admin API."""
    root = request.host_url.rstrip("/")
    return root if shop is world().main else f"{root}/shops/{shop.domain}"


@blueprint.post("/sandbox/session-token")
@controlled
def session_token() -> Response:
    """A fresh session token, as App Bridge would fetch it."""
    body = read_body()
    shop = chosen_shop(body)
    if not shop.installed:
        raise BadInput(f"The app is not installed on {shop.domain}; POST /sandbox/install first.")
    staff_id = read_id(body.get("staff_id", DEFAULT_STAFF), "staff_id")
    seconds = body.get("expires_in", SESSION_TOKEN_SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or abs(seconds) > LONGEST_TOKEN:
        raise BadInput(f"expires_in must be whole seconds, at most {LONGEST_TOKEN}; below zero is expired.")
    session_id = f"{shop.id:016x}{staff_id:016x}"
    token = mint_session_token(shop.options, shop.domain, staff_id, session_id, seconds)
    return as_json({"token": token, "shop": shop.domain, "expires_in": seconds})


@blueprint.post("/sandbox/uninstall")
@controlled
def uninstall() -> Response:
    """Remove the app: its tokens end, and app/uninstalled is sent."""
    shop = chosen_shop(read_body())
    with shop.lock:
        shop.installed = False
        shop.tokens.revoke_all()
        announcer().uninstalled(shop)
    return as_json({"shop": shop.domain, "installed": False})


@blueprint.post("/sandbox/install")
@controlled
def install() -> Response:
    """Install the app again."""
    shop = chosen_shop(read_body())
    shop.installed = True
    return as_json({"shop": shop.domain, "installed": True})


@blueprint.post("/sandbox/expire-tokens")
@controlled
def expire_tokens() -> Response:
    """Let all access tokens of the shop run out now; they can be refreshed."""
    shop = chosen_shop(read_body())
    shop.tokens.expire_access_tokens()
    return as_json({"shop": shop.domain})


@blueprint.post("/sandbox/reset")
@controlled
def reset() -> Response:
    """Empty all shops and switch all faults and traffic off; access tokens stay good."""
    body = read_body()
    seed = body.get("seed", world().options.seed)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise BadInput(f"seed must be a whole number, not {seed!r}.")
    traffic().stop()
    world().faults.reset(seed)
    world().subscriptions.reset()
    dispatcher().forget()
    inbox().clear()
    for shop in world().shops.values():
        with shop.lock:
            shop.clear(seed)
    return as_json({"seed": seed})


@blueprint.post("/sandbox/clock")
@controlled
def move_clock() -> Response:
    """Move the sandbox's time forward, so that credit expires."""
    body = read_body()
    seconds = read_quantity(body.get("advance_seconds", 0), "advance_seconds", 0)
    days = read_quantity(body.get("advance_days", 0), "advance_days", 0)
    world().clock.advance(seconds + days * 86_400)
    return as_json({"now": utc_text(world().clock.now())})


@blueprint.post("/sandbox/history")
@controlled
def make_history() -> Response:
    """Make up orders of the past days and deliver their webhooks in order."""
    body = read_body()
    shop = chosen_shop(body)
    count = read_quantity(body.get("orders"), "orders")
    days = read_quantity(body.get("days", 365), "days")
    if count > MOST_ORDERS:
        raise BadInput(f"orders must be at most {MOST_ORDERS}.")
    traffic().start_history(shop, count, days)
    return as_json({"orders": count, "days": days}, 202)


@blueprint.get("/sandbox/history")
@controlled
def history_progress() -> Response:
    """How far the history has come."""
    return as_json(traffic().progress())


@blueprint.post("/sandbox/traffic")
@controlled
def set_traffic() -> Response:
    """Place an order every so many seconds; 0 stops."""
    seconds = read_body().get("every_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 86_400:
        raise BadInput(f"every_seconds must be a number of seconds, 0 to stop, not {seconds!r}.")
    traffic().every(seconds)
    return as_json({"every_seconds": seconds})
