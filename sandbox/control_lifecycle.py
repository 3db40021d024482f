"""Control calls about returns, orders that are deleted, the shop itself, and people's data."""

from flask import Response

from sandbox.body_parts import Json
from sandbox.calls import as_json, chosen_shop, control_blueprint, controlled, post, read_body
from sandbox.errors import BadInput, NotThere
from sandbox.requests_in import read_choice, read_currency, read_id, read_text
from sandbox.returns import STEPS, Return, move, return_body
from sandbox.shop_bodies import shop_body
from sandbox.state import Shop

PRIVACY_TOPICS = ("customers/data_request", "customers/redact", "shop/redact")

blueprint = control_blueprint("control_lifecycle")


@blueprint.post("/sandbox/orders/<int:order_id>/return")
@controlled
def open_return(order_id: int) -> Response:
    """Let a customer ask for a return, or staff open one."""
    body = read_body()
    shop = chosen_shop(body)
    status = read_choice(body.get("status", "open"), "status", ("requested", "open"))
    with shop.lock:
        order = shop.get_order(order_id)
        number = sum(made.order is order for made in shop.returns.values()) + 1
        made = Return(next(shop.ids), order, number, status)
        shop.returns[made.id] = made
        _tell(shop, made, "returns/request" if status == "requested" else "returns/approve")
        return as_json({"return": {"id": made.id, "status": made.status}}, 201)


@blueprint.post("/sandbox/returns/<int:return_id>")
@controlled
def change_return(return_id: int) -> Response:
    """Let a return go on: approve, decline, process, cancel, close or reopen it."""
    body = read_body()
    shop = chosen_shop(body)
    step = read_choice(body.get("step"), "step", tuple(STEPS))
    with shop.lock:
        made = shop.returns.get(return_id)
        if made is None:
            raise NotThere(f"There is no return {return_id}; open one with POST /sandbox/orders/…/return.")
        _tell(shop, made, move(made, step))
        return as_json({"return": {"id": made.id, "status": made.status}})


@blueprint.post("/sandbox/orders/<int:order_id>/delete")
@controlled
def delete_order(order_id: int) -> Response:
    """Delete an order: it is unknown from then on, and only its number is told."""
    shop = chosen_shop(read_body())
    with shop.lock:
        order = shop.get_order(order_id)
        del shop.orders[order.id]
        lane = order.customer.id if order.customer else order.id
        post().send(shop, "orders/delete", {"id": order.id}, lane, shop.clock.now())
    return as_json({"deleted": order_id})


@blueprint.post("/sandbox/shop")
@controlled
def change_shop() -> Response:
    """Change what the shop says of itself: name, timezone, currency."""
    body = read_body()
    shop = chosen_shop(body)
    with shop.lock:
        shop.given_name = read_text(body, "name") or shop.given_name
        shop.timezone = read_text(body, "timezone") or shop.timezone
        if "currency" in body:
            shop.currency = read_currency(body["currency"], shop.currency)
        now = shop.clock.now()
        post().send(shop, "shop/update", shop_body(shop, now), shop.id, now)
        return as_json({"shop": shop.domain, "name": shop.name, "timezone": shop.timezone, "currency": shop.currency})


@blueprint.post("/sandbox/privacy")
@controlled
def ask_for_privacy() -> Response:
    """Send one of the three topics about people's data; Shopify itself sends shop/redact 48 hours after a goodbye."""
    body = read_body()
    shop = chosen_shop(body)
    topic = read_choice(body.get("topic"), "topic", PRIVACY_TOPICS)
    with shop.lock:
        told: Json = {"shop_id": shop.id, "shop_domain": shop.domain}
        lane = shop.id
        if topic == "shop/redact":
            if shop.installed:
                raise BadInput(f"The app is installed on {shop.domain}; POST /sandbox/uninstall first.")
        else:
            customer = shop.get_customer(read_id(body.get("customer_id"), "customer_id"))
            lane = customer.id
            orders = [order.id for order in shop.orders.values() if order.customer is customer]
            told["customer"] = {"id": customer.id, "email": customer.email, "phone": None}
            told["orders_requested" if topic == "customers/data_request" else "orders_to_redact"] = orders
            if topic == "customers/data_request":
                told["data_request"] = {"id": next(shop.ids)}
        post().send(shop, topic, told, lane, shop.clock.now())
        return as_json({"sent": topic}, 201)


def _tell(shop: Shop, made: Return, topic: str) -> None:
    lane = made.order.customer.id if made.order.customer else made.order.id
    post().send(shop, topic, return_body(made, topic), lane, shop.clock.now())
