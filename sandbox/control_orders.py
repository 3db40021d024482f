"""Control calls about orders: place, pay, refund, cancel, edit, assign."""

from flask import Response

from sandbox import orders, payments, refunds
from sandbox.bodies import order_body
from sandbox.calls import LATEST, announcer, as_json, chosen_shop, control_blueprint, controlled, read_body, read_limit
from sandbox.clock import millisecond_text
from sandbox.errors import BadInput, NotThere
from sandbox.models import Line, Order
from sandbox.money import parse
from sandbox.order_requests import GATEWAYS, read_lines, read_order
from sandbox.refunds import RefundRequest
from sandbox.requests_in import Json, read_choice, read_flag, read_id, read_person, read_quantity, read_time
from sandbox.state import Shop
from sandbox.totals import current_shipping

blueprint = control_blueprint("control_orders")


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
    """Pay what is outstanding or a part of it, or fail to."""
    body = read_body()
    shop = chosen_shop(body)
    gateway = read_choice(body.get("gateway", payments.CARD), "gateway", GATEWAYS)
    fails = read_flag(body, "fails", False)
    with shop.lock:
        order = shop.get_order(order_id)
        minor = parse(body["amount"], order.currency, "amount") if body.get("amount") is not None else None
        at = read_time(body.get("at"), "at")
        if payments.pay(shop, order, at, gateway, minor, fails=fails):
            announcer().paid(shop, order)
        else:
            announcer().updated(shop, order)
        return as_json(show_order(shop, order))


@blueprint.post("/sandbox/orders/<int:order_id>/void")
@controlled
def void_order(order_id: int) -> Response:
    """Let the order's authorization go."""
    body = read_body()
    shop = chosen_shop(body)
    with shop.lock:
        order = shop.get_order(order_id)
        payments.void(shop, order, read_time(body.get("at"), "at"))
        announcer().updated(shop, order)
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
    """Add lines, lower quantities, take something off lines."""
    body = read_body()
    shop = chosen_shop(body)
    with shop.lock:
        order = shop.get_order(order_id)
        additions = read_lines(body["add"], order.currency) if body.get("add") else ()
        quantities = read_line_quantities(body.get("set_quantity", []), order, "set_quantity", lowest=0)
        cuts = _read_cuts(body.get("discount", []), order)
        if not (additions or quantities or cuts):
            raise BadInput(
                'Say what to edit: "add" (lines), "set_quantity" ([{"index": 0, "quantity": 1}]) '
                'or "discount" ([{"index": 0, "amount": "5.00"}]).'
            )
        orders.check_take_off(order, cuts)
        changes = orders.edit(shop, order, additions, quantities, read_time(body.get("at"), "at"))
        orders.take_off(order, cuts)
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


def _read_refund(body: Json, order: Order) -> RefundRequest:
    shipping = body.get("shipping")
    left = current_shipping(order)
    shipping_minor = left if shipping is True else parse(shipping or "0", order.currency, "shipping")
    note = body.get("note")
    return RefundRequest(
        lines=tuple(read_line_quantities(body.get("lines", []), order, "lines", lowest=1)),
        shipping_minor=shipping_minor,
        amount_minor=parse(body.get("amount") or "0", order.currency, "amount"),
        note=str(note) if note is not None else None,
        restock_type="return" if read_flag(body, "restock", True) else "no_restock",
        to_credit=read_flag(body, "to_store_credit", False),
    )


def read_line_quantities(value: object, order: Order, name: str, lowest: int) -> list[tuple[Line, int]]:
    """Check lines of an order with a number of units each."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadInput(f'{name} must be a list such as [{{"index": 0, "quantity": 1}}].')
    return [
        (_find_line(item, order, name), read_quantity(item.get("quantity"), f"{name}.quantity", lowest))
        for item in value
    ]


def _read_cuts(value: object, order: Order) -> list[tuple[Line, int]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadInput('discount must be a list such as [{"index": 0, "amount": "5.00"}].')
    return [
        (_find_line(item, order, "discount"), parse(item.get("amount"), order.currency, "discount.amount"))
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
