"""The pages a person sees: a shop's admin with the app in its frame, and the sandbox's own pages around it."""

import base64
import hashlib
import time
from pathlib import Path

from flask import Blueprint, Response, abort, redirect, render_template, request, send_from_directory
from flask.typing import ResponseReturnValue

from sandbox.calls import as_json, chosen_shop, controlled, traffic, waiting, world
from sandbox.errors import BadInput
from sandbox.models import Order
from sandbox.money import Money, webhook_text
from sandbox.requests_in import read_id
from sandbox.signing import signed_query
from sandbox.staff import DEFAULT_STAFF, STAFF
from sandbox.state import Shop
from sandbox.tokens import mint_session_token
from sandbox.totals import current_total, financial_status, outstanding
from sandbox.wire import HOST

HERE = Path(__file__).parent
blueprint = Blueprint("frame", __name__, template_folder="templates")
ROOMS = {
    "orders": "Orders",
    "customers": "Customers",
    "inbox": "Customers' inbox",
    "deliveries": "Webhooks",
    "faults": "Faults",
}
SHOWN_ORDERS = 25
SHOWN_CUSTOMERS = 50


@blueprint.before_request
def use_one_address() -> ResponseReturnValue | None:
    """Lead people who typed `localhost` to the one address that the app allows to frame it."""
    name, _, port = request.host.partition(":")
    if name == HOST or request.method != "GET":
        return None
    return redirect(f"http://{HOST}:{port or 80}{request.full_path}", 302)


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """Open the app in the main shop's admin."""
    return redirect(f"/store/{_handle(world().main)}/apps/boomerang", 302)


@blueprint.get("/store/<handle>/apps/boomerang")
@blueprint.get("/store/<handle>/apps/boomerang/<path:path>")
def app_frame(handle: str, path: str = "") -> str:
    """The admin with the app in its frame, at the app's own path."""
    shop = _shop(handle)
    query = request.query_string.decode()
    wanted = f"/{path}?{query}" if query else f"/{path}"
    return _page(shop, "app", "Boomerang", wanted)


@blueprint.get("/store/<handle>/<room>")
def room(handle: str, room: str) -> str:
    """One of the sandbox's own pages."""
    if room not in ROOMS:
        abort(404)
    return _page(_shop(handle), room, ROOMS[room], "")


@blueprint.get("/app-bridge.js")
def app_bridge() -> Response:
    """The stand-in for Shopify's App Bridge."""
    return send_from_directory(HERE / "static", "app-bridge.js", max_age=0)


@blueprint.get("/sandbox/static/<path:name>")
def static(name: str) -> Response:
    """The pages' own styles and scripts."""
    return send_from_directory(HERE / "static", name, max_age=0)


@blueprint.get("/sandbox/frame-url")
@controlled
def frame_url() -> Response:
    """The address at which the admin opens the app: with a fresh token, and signed."""
    shop = chosen_shop()
    path = request.args.get("path", "/")
    if not path.startswith("/") or path.startswith("//"):
        raise BadInput(f"path must be a path of the app such as /orders, not {path!r}.")
    staff_id = read_id(request.args.get("staff", DEFAULT_STAFF), "staff")
    return as_json({"url": app_address(shop, path, staff_id)})


@blueprint.get("/sandbox/summary")
@controlled
def summary() -> Response:
    """What the pages show and ask for every other second."""
    shop = chosen_shop()
    with shop.lock:
        latest = list(shop.orders.values())[-SHOWN_ORDERS:][::-1]
        body = {
            "shop": shop.domain,
            "currency": shop.currency,
            "orders": [_row(order) for order in latest],
            "orders_count": len(shop.orders),
            "customers": _customers(shop),
            "customers_count": len(shop.customers),
        }
    switches = world().faults.show()
    on = [name for name, value in switches.items() if value and name not in ("seconds", "only")]
    return as_json({**body, "faults_on": on, "waiting": waiting(), "history": traffic().progress()})


@blueprint.app_errorhandler(404)
def not_found(_error: Exception) -> tuple[Response, int]:
    """Say what is there to a caller who mistyped an address."""
    return as_json({"error": f"There is no {request.path}; sandbox/README.md lists the addresses."}), 404


def app_address(shop: Shop, path: str, staff_id: int = DEFAULT_STAFF) -> str:
    """Return the app's address for a document load, as Shopify's admin builds it."""
    admin = f"admin.shopify.com/store/{_handle(shop)}"
    session_id = f"{shop.id:016x}{staff_id:016x}"
    bare, _, query = path.partition("?")
    signed = {
        "embedded": "1",
        "host": base64.b64encode(admin.encode()).decode().rstrip("="),
        "id_token": mint_session_token(shop.options, shop.domain, staff_id, session_id),
        "locale": "en",
        "session": hashlib.sha256(session_id.encode()).hexdigest(),
        "shop": shop.domain,
        "timestamp": str(int(time.time())),
    }
    own = f"{query}&" if query else ""
    return f"{shop.options.app_url.rstrip('/')}{bare}?{own}{signed_query(shop.options.client_secret, signed)}"


def _page(shop: Shop, name: str, title: str, path: str) -> str:
    settings = {
        "shop": shop.domain,
        "handle": _handle(shop),
        "appUrl": shop.options.app_url.rstrip("/"),
        "path": path,
        "room": name,
        "currency": shop.currency,
    }
    return render_template(
        "shell.html", shop=shop, handle=_handle(shop), room=name, title=title, settings=settings, staff=STAFF
    )


def _shop(handle: str) -> Shop:
    shop = world().shops.get(f"{handle}.myshopify.com")
    if shop is None:
        abort(404)
    return shop


def _handle(shop: Shop) -> str:
    return shop.domain.removesuffix(".myshopify.com")


def _row(order: Order) -> dict[str, object]:
    return {
        "id": order.id,
        "name": f"#{order.number}",
        "customer": order.customer.display_name if order.customer else None,
        "customer_id": order.customer.id if order.customer else None,
        "total": webhook_text(Money(current_total(order), order.currency)),
        "currency": order.currency,
        "status": "cancelled" if order.cancelled_at else financial_status(order),
        "can_pay": order.cancelled_at is None and (order.paid_at is None or outstanding(order) > 0),
        "can_refund": order.paid_at is not None and any(line.kept for line in order.lines),
        "can_cancel": order.cancelled_at is None,
        "at": order.created_at.isoformat(),
        "lines": [
            {"title": line.title, "kept": line.kept, "price": webhook_text(Money(line.price_minor, order.currency))}
            for line in order.lines
        ],
    }


def _customers(shop: Shop) -> list[dict[str, object]]:
    """Return those who ordered last, then the rest, newest first."""
    recent = [order.customer for order in list(shop.orders.values())[-200:][::-1] if order.customer]
    rest = list(shop.customers.values())[-SHOWN_CUSTOMERS:][::-1]
    chosen = list({customer.id: customer for customer in [*recent, *rest]}.values())[:SHOWN_CUSTOMERS]
    now = shop.clock.now()
    return [
        {
            "id": customer.id,
            "name": customer.display_name,
            "email": customer.email,
            "orders": customer.number_of_orders,
            "credit": [
                f"{webhook_text(Money(account.balance_minor, account.currency))} {account.currency}"
                for account in shop.credit.accounts_of(customer, now)
            ],
        }
        for customer in chosen
    ]
