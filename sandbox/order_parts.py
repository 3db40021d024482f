"""Parts of an order that stand for themselves: addresses, the company that buys, assessments of risk."""

from dataclasses import dataclass
from datetime import datetime

RECOMMENDATIONS = {"high": "CANCEL", "medium": "INVESTIGATE", "low": "ACCEPT"}
"""Worst first; Shopify does not publish how it weighs several assessments."""
RISK_LEVELS = (*RECOMMENDATIONS, "none", "pending")


@dataclass(frozen=True)
class Address:
    """Where a bill or a parcel goes."""

    id: int
    first_name: str
    last_name: str
    address1: str
    city: str
    zip: str
    country: str
    country_code: str


@dataclass(frozen=True)
class Company:
    """The company that buys, and the location it buys for."""

    id: int
    name: str
    location_id: int


@dataclass(frozen=True)
class RiskAssessment:
    """What one provider thinks of an order; no provider means Shopify itself."""

    level: str
    provider: str | None
    provider_id: int | None
    created_at: datetime
    facts: tuple[tuple[str, str], ...] = ()
    """Each with a description and a sentiment: `negative`, `neutral` or `positive`."""


def recommend(assessments: list[RiskAssessment]) -> str:
    """Return the recommendation for the order: that of the worst assessment."""
    levels = {assessment.level for assessment in assessments}
    return next((advice for level, advice in RECOMMENDATIONS.items() if level in levels), "NONE")
