"""The terms as a form: text fields out of terms, and terms out of text fields."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from werkzeug.datastructures import MultiDict

from app.engine.rules.facts_json import terms_from_json
from app.engine.rules.money import rate_text, to_decimal_string
from app.engine.rules.terms import Terms, Tier
from app.models import TermsVersion

Fields = dict[str, Any]
_TIER_FIELDS = ("name", "threshold", "rate")
_TEXT_FIELDS = ("minimum_order", "cap_per_order", "hold_above", "excluded_product_ids", "excluded_tags")


def terms_of(version: TermsVersion | None, currency: str) -> Terms:
    """Return a version's terms; for a shop without any, terms that earn nothing yet."""
    if version is None:
        return Terms(0, currency, (Tier("Everyone", 0, 0),))
    return terms_from_json(version.body)


def fields_of(terms: Terms) -> Fields:
    """Return terms as the texts a person edits."""

    def text(minor: int | None) -> str:
        return "" if minor is None else to_decimal_string(minor, terms.currency)

    return {
        "tiers": [
            {"name": tier.name, "threshold": text(tier.threshold_minor), "rate": rate_text(tier.rate_bps)[:-2]}
            for tier in terms.tiers
        ],
        "minimum_order": text(terms.minimum_order_minor or None),
        "cap_per_order": text(terms.cap_per_order_minor),
        "hold_above": text(terms.hold_above_minor),
        "excluded_product_ids": "\n".join(str(product) for product in sorted(terms.excluded_product_ids)),
        "excluded_tags": ", ".join(sorted(terms.excluded_tags)),
    }


def fields_from_request(form: MultiDict[str, str]) -> Fields:
    """Return the texts a person sent; rows of the tier table that were left empty are dropped.

    Columns of different lengths leave gaps, which the check of the fields refuses: no tier gets lost in silence.
    """
    columns: Sequence[list[str]] = [[_clean(text) for text in form.getlist(f"tier_{name}")] for name in _TIER_FIELDS]
    rows = [dict(zip(_TIER_FIELDS, row, strict=True)) for row in zip_longest(*columns, fillvalue="")]
    texts = {name: _clean(form.get(name, "")) for name in _TEXT_FIELDS}
    return {"tiers": [row for row in rows if any(text.strip() for text in row.values())], **texts}


def terms_from_form(data: Fields, currency: str) -> Terms:
    """Return the terms that checked fields say; the version is set by whoever publishes them."""
    tiers = tuple(
        Tier(tier["name"].strip(), tier["threshold"] or 0, tier["rate"])
        for tier in sorted(data["tiers"], key=lambda tier: tier["threshold"] or 0)
    )
    return Terms(
        version=1,
        currency=currency,
        tiers=tiers,
        minimum_order_minor=data["minimum_order"] or 0,
        cap_per_order_minor=data["cap_per_order"],
        hold_above_minor=data["hold_above"],
        excluded_product_ids=data["excluded_product_ids"],
        excluded_tags=data["excluded_tags"],
    )


def _clean(text: str) -> str:
    return text.replace("\x00", "")  # the one character PostgreSQL's text cannot hold
