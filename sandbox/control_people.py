"""Control calls about customers themselves: create, change, delete, merge."""

from flask import Response

from sandbox import people
from sandbox.calls import as_json, chosen_shop, control_blueprint, controlled, customer_announcer, read_body
from sandbox.control_customers import show_customer
from sandbox.people import CustomerRequest
from sandbox.requests_in import Json, read_flag, read_id, read_tags, read_text

blueprint = control_blueprint("control_people")


@blueprint.post("/sandbox/customers")
@controlled
def add_customer() -> Response:
    """Make a customer who has not ordered yet."""
    body = read_body()
    shop = chosen_shop(body)
    wanted = _read_customer(body)
    with shop.lock:
        customer = people.create(shop, wanted)
        customer_announcer().created(shop, customer)
        return as_json({"customer": show_customer(shop, customer)}, 201)


@blueprint.post("/sandbox/customers/<int:customer_id>")
@controlled
def change_customer(customer_id: int) -> Response:
    """Change what the call names."""
    body = read_body()
    shop = chosen_shop(body)
    wanted = _read_customer(body)
    with shop.lock:
        customer = shop.get_customer(customer_id)
        added, removed = people.update(shop, customer, wanted)
        customer_announcer().updated(shop, customer, added, removed)
        return as_json({"customer": show_customer(shop, customer)})


@blueprint.post("/sandbox/customers/<int:customer_id>/delete")
@controlled
def delete_customer(customer_id: int) -> Response:
    """Delete a customer without orders."""
    body = read_body()
    shop = chosen_shop(body)
    force = read_flag(body, "force", False)
    with shop.lock:
        customer = shop.get_customer(customer_id)
        people.delete(shop, customer, force=force)
        customer_announcer().deleted(shop, customer)
    return as_json({"deleted": customer_id})


@blueprint.post("/sandbox/customers/merge")
@controlled
def merge_customers() -> Response:
    """Merge two customers into the one to keep."""
    body = read_body()
    shop = chosen_shop(body)
    keep, away = read_id(body.get("keep"), "keep"), read_id(body.get("away"), "away")
    with shop.lock:
        kept, gone = shop.get_customer(keep), shop.get_customer(away)
        people.merge(shop, kept, gone)
        customer_announcer().merged(shop, kept, gone)
        return as_json({"customer": show_customer(shop, kept)})


def _read_customer(body: Json) -> CustomerRequest:
    return CustomerRequest(
        email=read_text(body, "email"),
        first_name=read_text(body, "first_name"),
        last_name=read_text(body, "last_name"),
        locale=read_text(body, "locale"),
        note=read_text(body, "note"),
        verified_email=read_flag(body, "verified_email", True) if "verified_email" in body else None,
        tags=read_tags(body["tags"]) if "tags" in body else None,
        add_tags=read_tags(body.get("add_tags"), "add_tags"),
        remove_tags=read_tags(body.get("remove_tags"), "remove_tags"),
    )
