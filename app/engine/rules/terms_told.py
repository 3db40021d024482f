"""All that one version of the terms says, section by section, in words."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.engine.rules.terms import Terms
from app.engine.rules.terms_diff import document_name, tell_row
from app.engine.rules.terms_words import LABELS, Told, tell_value
from app.sentences import Sentence, say

#: The sections that people read and write the terms in, with the names of their parts as the document has them.
SECTIONS = {
    "tiers": ("tiers", "tier_method", "tier_evaluation", "tier_grace_days"),
    "order": ("minimum_order", "cap_per_order"),
    "earning": ("includes_tax", "includes_shipping", "before_discounts"),
    "exclusions": (
        "excludes_paid_with_credit",
        "excludes_b2b",
        "excludes_on_sale",
        "excluded_product_ids",
        "excluded_variant_ids",
        "excluded_collection_ids",
        "excluded_vendors",
        "excluded_product_types",
        "excluded_product_tags",
        "excluded_skus",
        "excluded_tags",
        "excluded_channels",
        "excluded_discount_codes",
    ),
    "rates": ("rates", "campaigns", "precedence"),
    "limits": ("limits",),
    "holds": ("hold_above", "holds"),
    "mixed": ("automatic_up_to", "automatic_tiers"),
    "release": ("release",),
    "expiry": ("expiry",),
    "owed": ("owed",),
    "hand": ("second_person_above", "debit_may_owe"),
    "statements": ("cycle", "claim_days"),
}


#: Numbers of which 0 says that nothing is counted.
_COUNTS = ("number", "tier_grace_days")


class Part(NamedTuple):
    """One thing that terms say: what it is about, and what holds."""

    what: Sentence
    value: Told


def tell_terms(terms: Terms, zone: ZoneInfo) -> dict[str, list[Part]]:
    """Return what terms say by section; what is not set is left out."""
    names = {document_name(field.name): field.name for field in fields(terms)}
    return {
        section: [
            part for path in paths for part in _tell((path,), names[path], getattr(terms, names[path]), terms, zone)
        ]
        for section, paths in SECTIONS.items()
    }


def _tell(where: tuple[str, ...], name: str, value: Any, terms: Terms, zone: ZoneInfo) -> Iterator[Part]:
    if isinstance(value, tuple):
        for row in value:
            what = say("{kind} {name}", kind=say(LABELS[name]), name=repr(row.name))
            yield Part(what, tell_row(name, row, terms.currency, zone))
    elif is_dataclass(value):
        for field in fields(value):
            inner = getattr(value, field.name)
            yield from _tell((*where, document_name(field.name)), field.name, inner, terms, zone)
    elif value not in (None, frozenset()) and (value or name not in _COUNTS):
        yield Part(say(LABELS[".".join(where)]), tell_value(name, value, terms.currency, zone))
