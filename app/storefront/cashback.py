"""A customer's cashback as JSON, for a theme to show; nothing but what Shopify signed says who the customer is."""

from collections.abc import Mapping

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from sqlalchemy import select

from app.clock import utcnow
from app.config import current_settings
from app.db import transaction
from app.engine.flows.cashback import Cashback, read_cashback
from app.engine.flows.journey import CustomerJourney, read_customer_journeys
from app.engine.rules.money import to_decimal_string
from app.languages import LANGUAGES, current_language, find_language, translate
from app.models import Shop
from app.shopify.signed_query import BadQuery, check_proxied

bp = Blueprint("storefront", __name__, url_prefix="/proxy")
_LARGEST_ID = 2**63 - 1


@bp.get("/cashback")
def cashback() -> ResponseReturnValue:
    """Return what the customer who is logged in has: amounts as decimal text, a sentence for each order.

    Sentences are in the language of ``locale``, else in the customer's own, else in English.
    """
    pairs = list(request.args.items(multi=True))
    try:
        domain, customer = check_proxied(pairs, current_settings().client_secrets, utcnow())
    except BadQuery as refusal:
        return _answer({"error": str(refusal)}, 401)
    with transaction() as session:
        shop_id = session.scalar(select(Shop.id).where(Shop.domain == domain, Shop.uninstalled_at.is_(None)))
    if shop_id is None:
        return _answer({"error": "Boomerang is not installed in this shop."}, 404)
    if not customer:
        return _answer({"logged_in": False})
    customer_id = int(customer) if customer.isascii() and customer.isdigit() and len(customer) < 20 else 0
    if not 0 < customer_id <= _LARGEST_ID:
        return _answer({"error": "logged_in_customer_id is no customer's id."}, 400)
    with transaction(shop_id) as session:
        shop = session.get_one(Shop, shop_id)
        found = read_cashback(session, shop, customer_id)
        known = read_customer_journeys(session, shop, found.customer_id, utcnow()) if found.customer_id else ()
    # The theme may say what it is read in (?locale=), for the shop's language is often not the customer's own.
    with force_locale(find_language(request.args.get("locale"), found.locale) or LANGUAGES[0]):
        return _answer(_as_json(found, {journey.reward_id: journey for journey in known}))


def _as_json(found: Cashback, journeys: Mapping[int, CustomerJourney]) -> dict[str, object]:
    def text(minor: int) -> str:
        return to_decimal_string(minor, found.currency)

    return {
        "logged_in": True,
        "language": current_language(),
        "currency": found.currency,
        "pending": text(found.pending_minor),
        "available": text(found.available_minor),
        "recent": [
            {
                "order": one.order_name,
                "placed_at": one.placed_at.isoformat(),
                "cashback": text(one.kept_minor),
                "stage": one.stage.value,
                "sentence": translate(one.sentence),
                **_way(journeys.get(one.reward_id)),
            }
            for one in found.recent
        ],
    }


def _way(journey: CustomerJourney | None) -> dict[str, object]:
    """Return the stages that were reached, and when the credit is expected; null where nobody can say."""
    if journey is None:
        return {"journey": [], "expected_by": None, "takes_longer": False}
    expected_by = None if journey.expected_by is None else journey.expected_by.isoformat()
    stages = [{"stage": stage.value, "at": at.isoformat()} for stage, at in journey.stages]
    return {"journey": stages, "expected_by": expected_by, "takes_longer": journey.takes_longer}


def _answer(data: dict[str, object], status: int = 200) -> ResponseReturnValue:
    response = jsonify(data)
    # One customer's answer must not be kept for the next, by anything between us and them.
    response.headers["Cache-Control"] = "private, no-store"
    return response, status
