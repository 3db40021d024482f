"""orders/risk_assessment_changed: somebody has looked at how risky an order is."""

from datetime import datetime

from app.engine.rules.facts import RiskFact
from app.engine.rules.terms import RiskLevel
from app.sentences import say
from app.webhooks.body import BodyError, Json, NothingToDo
from app.webhooks.reader import Reader

PENDING = "pending"


def parse_risk(body: Json, at: datetime) -> RiskFact:
    """Return what one assessment says. Raises NothingToDo while it is still being made, and BodyError.

    Each assessment is one provider's; the highest of all counts, which is asked of Shopify where an order's
    decision needs it. ``at`` stands in for a missing ``created_at``.
    """
    risk = Reader(body)
    order_id = risk.shopify_id("order_id") if risk.has("order_id") else risk.gid("admin_graphql_api_order_id", "Order")
    level = (risk.text("risk_level") or "").lower()
    if level == PENDING:
        raise NothingToDo(say("The order's risk is still being assessed."))
    try:
        return RiskFact(order_id, RiskLevel(level), risk.optional_instant("created_at") or at)
    except ValueError as error:
        known = ", ".join([*RiskLevel, PENDING])
        raise BodyError(
            say("risk_level must be one of {known}; it is {level}.", known=known, level=ascii(level[:40]))
        ) from error
