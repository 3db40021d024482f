"""The control API: what a test or a person makes happen in the sandbox. JSON in, JSON out."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, current_app, request

from sandbox import orders, refunds
from sandbox.bodies import order_body
from sandbox.clock import millisecond_text
from sandbox.errors import BadInput, NotThere
from sandbox.events import Announcer
from sandbox.models import Line, Order
from sandbox.money import parse
from sandbox.refunds import RefundRequest
from sandbox.requests_in import (
    Json,
    read_currency,
    read_flag,
    read_id,
    read_lines,
    read_order,
    read_person,
    read_quantity,
    read_time,
)
from sandbox.state import Shop, World
from sandbox.totals import current_shipping

blueprint = Blueprint("control", __name__)
LATEST = 50
MOST_LISTED = 1_000


def world() -> World:
    """Return the world this application serves."""
    found: World = current_app.extensions["world"]
    return found


def announcer() -> Announcer:
    """Return what fires the webhooks."""
    found: Announcer = current_app.extensions["announcer"]
    return found


def as_json(body: object, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(json.dumps(body), status, content_type="application/json")


def controlled(view: Callable[..., Response]) -> Callable[..., Response]:
    """Answer every refusal of a control call with its sentence: 400, or 404 for what is not there."""

    @wraps(view)
    def call(**arguments: Any) -> Response:
        try:
            return view(**arguments)
        except NotThere as refusal:
            return as_json({"error": str(refusal)}, 400)
        except BadInput as refusal:
            return as_json({"error": str(refusal)}, 400)

    return call


def read_body() -> Json:
    """Return the request's JSON object; an empty body is an empty object."""
    if not request.get_data():
        return {}
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise BadInput("The body must be a JSON object.")
    return body


def chosen_shop(body: Json | None = None) -> Shop:
    """Return the shop named in the body or the query, the main one by default."""
    domain = (body or {}).get("shop") or request.args.get("shop")
    if domain is not None and not isinstance(domain, str):
        raise BadInput("shop must be the shop's domain, a string.")
    return world().get_shop(domain)


@blueprint.before_request
def refuse_other_sites() -> Response | None:
    """Keep pages of other sites, open in the same browser, from giving orders."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != request.host_url.rstrip("/"):
        return as_json({"error": f"The control API is not for pages of {origin}."}, 403)
    return None


@blueprint.post("/sandbox/orders")
@controlled
def place_order() -> Response:
    """Place an order."""
    body = read_body()
    shop = chosen_shop(body)
    wanted = read_order(body, shop.currency)
    with shop.lock:
        order = orders.place(shop, wanted)
        announcer().placed(shop, order)
        return as_json(show_order(shop, order), 201)


@blueprint.get("/sandbox/orders")
@controlled
def list_orders() -> Response:
    """The latest orders, newest first."""
    shop = chosen_shop()
    limit = read_limit(LATEST)
    with shop.lock:
        latest = list(shop.orders.values())[-limit:][::-1]
        return as_json({"orders": [order_body(order) for order in latest], "count": len(shop.orders)})


@blueprint.get("/sandbox/orders/<int:order_id>")
@controlled
def get_order(order_id: int) -> Response:
    """One order, with when it was paid."""
    shop = chosen_shop()
    with shop.lock:
        return as_json(show_order(shop, shop.get_order(order_id)))


@blueprint.post("/sandbox/orders/<int:order_id>/pay")
@controlled
def pay_order(order_id: int) -> Response:
    """Pay what is outstanding."""
    body = read_body()
    shop = chosen_shop(body)
    with shop.lock:
        order = shop.get_order(order_id)
        orders.pay(shop, order, read_time(body.get("at"), "at"))
        announcer().paid(shop, order)
        return as_json(show_order(shop, order))


@blueprint.post("/sandbox/orders/<int:order_id>/refund")
@controlled
def refund_order(order_id: int) -> Response:
    """Refund lines, shipping, or a bare amount."""
    body = read_body()
    shop = chosen_shop(body)
    with shop.lock:
        order = shop.get_order(order_id)
        made = refunds.refund(shop, order, _read_refund(body, order), read_time(body.get("at"), "at"))
        announcer().refunded(shop, made)
        return as_json({**show_order(shop, order), "refund_id": made.id}, 201)


@blueprint.post("/sandbox/orders/<int:order_id>/cancel")
@controlled
def cancel_order(order_id: int) -> Response:
    """Cancel, by default with the money back."""
    body = read_body()
    shop = chosen_shop(body)
    reason = body.get("reason", "customer")
    with_refund = read_flag(body, "refund", True)
    with shop.lock:
        order = shop.get_order(order_id)
        made = refunds.cancel(shop, order, str(reason), with_refund, read_time(body.get("at"), "at"))
        announcer().cancelled(shop, order, made)
        return as_json(show_order(shop, order))


@blueprint.post("/sandbox/orders/<int:order_id>/edit")
@controlled
def edit_order(order_id: int) -> Response:
    """Add lines, lower quantities."""
    body = read_body()
    shop = chosen_shop(body)
    with shop.lock:
        order = shop.get_order(order_id)
        additions = read_lines(body["add"], order.currency) if body.get("add") else ()
        quantities = _read_line_quantities(body.get("set_quantity", []), order, "set_quantity", lowest=0)
        if not additions and not quantities:
            raise BadInput('Say what to edit: "add" (lines) or "set_quantity" ([{"index": 0, "quantity": 1}]).')
        changes = orders.edit(shop, order, additions, quantities, read_time(body.get("at"), "at"))
        announcer().edited(shop, order, changes)
        return as_json(show_order(shop, order))


@blueprint.post("/sandbox/orders/<int:order_id>/customer")
@controlled
def assign_customer(order_id: int) -> Response:
    """Give the order to a customer later."""
    body = read_body()
    shop = chosen_shop(body)
    with shop.lock:
        order = shop.get_order(order_id)
        orders.assign(shop, order, read_person(body.get("customer")), read_time(body.get("at"), "at"))
        announcer().updated(shop, order)
        return as_json(show_order(shop, order))


@blueprint.post("/sandbox/customers/<int:customer_id>/spend")
@controlled
def spend_credit(customer_id: int) -> Response:
    """Spend store credit at a checkout, of an order of this sandbox or of none."""
    body = read_body()
    shop = chosen_shop(body)
    currency = read_currency(body.get("currency"), shop.currency)
    minor = parse(body.get("amount"), currency, "amount")
    if minor == 0:
        raise BadInput("amount must be above zero.")
    with shop.lock:
        customer = shop.get_customer(customer_id)
        if body.get("order_id") is None:
            orders.spend(shop, customer, minor, currency)
        else:
            _spend_on(shop, customer_id, read_id(body["order_id"], "order_id"), minor)
    return as_json({"spent": body["amount"], "currency": currency})


def _spend_on(shop: Shop, customer_id: int, order_id: int, minor: int) -> None:
    order = shop.get_order(order_id)
    if order.customer is None or order.customer.id != customer_id:
        raise BadInput(f"Order {order_id} is not customer {customer_id}'s; only the owner's credit can pay it.")
    orders.pay_with_credit(shop, order, minor)
    shop.touch(order)
    if orders.is_settled(order):
        orders.settle_payment(shop, order, shop.clock.now())
        announcer().paid(shop, order)
    else:
        announcer().updated(shop, order)


def show_order(shop: Shop, order: Order) -> dict[str, object]:
    """Return the order as control answers show it."""
    confirmed = None
    if order.customer is not None and order.paid_at_clock is not None:
        account = shop.credit.find(order.customer, order.currency, shop.clock.now())
        entries = account.transactions if account else []
        later = [e.landed_at for e in entries if e.type == "credit" and e.landed_at >= order.paid_at_clock]
        confirmed = min(later, default=None)
    return {
        "id": order.id,
        "order": order_body(order),
        "paid_at_ms": millisecond_text(order.paid_at_clock),
        "next_credit_at_ms": millisecond_text(confirmed),
    }


def read_limit(default: int) -> int:
    """Return the `limit` of a list."""
    return min(MOST_LISTED, read_quantity(request.args.get("limit", default, type=int), "limit"))


def _read_refund(body: Json, order: Order) -> RefundRequest:
    shipping = body.get("shipping")
    left = current_shipping(order)
    shipping_minor = left if shipping is True else parse(shipping or "0", order.currency, "shipping")
    note = body.get("note")
    return RefundRequest(
        lines=tuple(_read_line_quantities(body.get("lines", []), order, "lines", lowest=1)),
        shipping_minor=shipping_minor,
        amount_minor=parse(body.get("amount") or "0", order.currency, "amount"),
        note=str(note) if note is not None else None,
        restock_type="return" if read_flag(body, "restock", True) else "no_restock",
    )


def _read_line_quantities(value: object, order: Order, name: str, lowest: int) -> list[tuple[Line, int]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadInput(f'{name} must be a list such as [{{"index": 0, "quantity": 1}}].')
    return [
        (_find_line(item, order, name), read_quantity(item.get("quantity"), f"{name}.quantity", lowest))
        for item in value
    ]


def _find_line(item: Json, order: Order, name: str) -> Line:
    if item.get("line_item_id") is not None:
        wanted = read_id(item["line_item_id"], f"{name}.line_item_id")
        for line in order.lines:
            if line.id == wanted:
                return line
        raise NotThere(f"Order {order.id} has no line {wanted}.")
    index = read_quantity(item.get("index"), f"{name}.index (or line_item_id)", 0)
    if index >= len(order.lines):
        raise NotThere(f"Order {order.id} has {len(order.lines)} lines; index {index} is not one of them.")
    return order.lines[index]
