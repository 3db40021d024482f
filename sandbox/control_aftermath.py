"""Control calls about what comes after an order: fulfilment, risk, disputes."""

from flask import Response

from sandbox import aftermath
from sandbox.aftermath import DISPUTE_TYPES, FINAL_STATUSES, NETWORK_CODES, OPEN_STATUSES
from sandbox.calls import announcer, as_json, chosen_shop, control_blueprint, controlled, read_body
from sandbox.control_orders import read_line_quantities, show_order
from sandbox.errors import BadInput, NotThere
from sandbox.models import Dispute
from sandbox.money import parse
from sandbox.order_part_bodies import dispute_body
from sandbox.order_parts import RISK_LEVELS, recommend
from sandbox.requests_in import Json, read_choice, read_text, read_time
from sandbox.state import Shop

SENTIMENTS = ("negative", "neutral", "positive")

blueprint = control_blueprint("control_aftermath")


@blueprint.post("/sandbox/orders/<int:order_id>/fulfil")
@controlled
def fulfil_order(order_id: int) -> Response:
    """Send lines of an order, or all that is left of it."""
    body = read_body()
    shop = chosen_shop(body)
    with shop.lock:
        order = shop.get_order(order_id)
        lines = read_line_quantities(body.get("lines", []), order, "lines", lowest=1)
        sent = aftermath.fulfil(shop, order, lines, read_time(body.get("at"), "at"))
        announcer().fulfilled(shop, sent)
        return as_json({**show_order(shop, order), "fulfillment_id": sent.id}, 201)


@blueprint.post("/sandbox/orders/<int:order_id>/risk")
@controlled
def assess_order(order_id: int) -> Response:
    """Assess an order's risk, as Shopify or as a provider."""
    body = read_body()
    shop = chosen_shop(body)
    level = read_choice(body.get("level"), "level", RISK_LEVELS)
    provider, facts = read_text(body, "provider"), _read_facts(body)
    with shop.lock:
        order = shop.get_order(order_id)
        made = aftermath.assess(shop, order, level, provider, facts)
        announcer().assessed(shop, order, made)
        return as_json({"order_id": order.id, "level": level, "recommendation": recommend(order.assessments)}, 201)


@blueprint.post("/sandbox/orders/<int:order_id>/dispute")
@controlled
def open_dispute(order_id: int) -> Response:
    """Let the bank dispute an order's payment."""
    body = read_body()
    shop = chosen_shop(body)
    kind = read_choice(body.get("type", "chargeback"), "type", DISPUTE_TYPES)
    reason = read_choice(body.get("reason", "fraudulent"), "reason", tuple(NETWORK_CODES))
    status = read_choice(body.get("status", "needs_response"), "status", OPEN_STATUSES)
    at = read_time(body.get("at"), "at")
    with shop.lock:
        order = shop.get_order(order_id)
        minor = parse(body["amount"], order.currency, "amount") if body.get("amount") is not None else None
        made = aftermath.dispute(shop, order, kind, reason, minor, status, at)
        announcer().disputed(shop, made, made.initiated_at, is_new=True)
        return as_json({"dispute": dispute_body(made)}, 201)


@blueprint.get("/sandbox/disputes")
@controlled
def list_disputes() -> Response:
    """The shop's disputes, newest first."""
    shop = chosen_shop()
    with shop.lock:
        return as_json({"disputes": [dispute_body(made) for made in reversed(shop.disputes.values())]})


@blueprint.post("/sandbox/disputes/<int:dispute_id>")
@controlled
def change_dispute(dispute_id: int) -> Response:
    """Let a dispute go on, or end it."""
    body = read_body()
    shop = chosen_shop(body)
    at = read_time(body.get("at"), "at")
    with shop.lock:
        made = _get_dispute(shop, dispute_id)
        kind = read_choice(body.get("type", made.type), "type", DISPUTE_TYPES)
        status = read_choice(body.get("status", made.status), "status", (*OPEN_STATUSES, *FINAL_STATUSES))
        moment = (at or shop.clock.now()).replace(microsecond=0)
        aftermath.move_dispute(made, kind, status, moment)
        announcer().disputed(shop, made, moment, is_new=False)
        return as_json({"dispute": dispute_body(made)})


def _get_dispute(shop: Shop, dispute_id: int) -> Dispute:
    made = shop.disputes.get(dispute_id)
    if made is None:
        raise NotThere(f"There is no dispute {dispute_id}; GET /sandbox/disputes lists them.")
    return made


def _read_facts(body: Json) -> tuple[tuple[str, str], ...]:
    value = body.get("facts", [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadInput('facts must be a list such as [{"description": "Two cards tried", "sentiment": "negative"}].')
    return tuple(
        (
            read_text(item, "description") or "",
            read_choice(item.get("sentiment", "neutral"), "facts.sentiment", SENTIMENTS),
        )
        for item in value
    )
