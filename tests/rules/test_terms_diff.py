"""What changed between two versions is told in sentences, with every part of the terms in the words of the screens."""

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, get_type_hints
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from app.engine.rules.terms import (
    Campaign,
    Cycle,
    Evaluation,
    Expiry,
    HoldRules,
    Limits,
    Mode,
    OwedPolicy,
    Precedence,
    RateRule,
    Release,
    ReleaseKind,
    RiskLevel,
    Scope,
    Terms,
    Tier,
    TierMethod,
)
from app.engine.rules.terms_diff import Change, diff_terms, document_name
from app.engine.rules.terms_words import CHOICES, LABELS, tell_choice, tell_scope

from .drawn import terms
from .made import LADDER, make_terms

BASE = make_terms(*LADDER)
SALE = Campaign(
    "Sale", datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 30, 23, 30, tzinfo=UTC), multiplier_bps=15_000
)
MUGS = RateRule("Mugs", 800, Scope(product_ids=frozenset({7, 5}), vendors=frozenset({"Kiln"})))


def sentences(older: Terms, newer: Terms, zone: str = "UTC") -> list[str]:
    return [change.sentence for change in diff_terms(older, newer, ZoneInfo(zone))]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"minimum_order_minor": 1_050}, "Minimum order: 10.50 USD instead of 0.00 USD."),
        ({"cap_per_order_minor": 500}, "Cap per order: 5.00 USD instead of none."),
        ({"includes_tax": True}, "Tax earns: yes instead of no."),
        ({"excludes_b2b": False}, "Exclude orders of companies: no instead of yes."),
        ({"excluded_tags": frozenset({"staff", "press"})}, "Excluded tags: added 'press', 'staff'."),
        ({"excluded_product_ids": frozenset({9, 10})}, "Excluded products: added 9, 10."),
        (
            {"precedence": Precedence.SUM},
            "When several rates apply: they are added up instead of the highest counts.",
        ),
        ({"tier_method": TierMethod.CALENDAR_YEAR},
         "Spend that counts for tiers: the calendar year instead of all there ever was."),
        ({"tier_evaluation": Evaluation.MONTHLY}, "Tiers are taken away: every month instead of at once."),
        ({"tier_grace_days": 30}, "Days of grace: 30 instead of 0."),
        ({"limits": Limits(day_minor=200)}, "Limit per day: 2.00 USD instead of none."),
        ({"limits": Limits(gives_back=False)}, "What goes back makes room again: no instead of yes."),
        ({"holds": HoldRules(risk_from=RiskLevel.HIGH)}, "Hold from this risk on: high instead of none."),
        (
            {"holds": HoldRules(refund_share_above_bps=5_000)},
            "Hold above this refunded share: 50 % instead of none.",
        ),
        ({"holds": HoldRules(tags=frozenset({"vip"}))}, "Hold tags: added 'vip'."),
        ({"automatic_tiers": frozenset({"Gold"})}, "Mixed mode: automatic for tiers: added 'Gold'."),
        (
            {"release": Release(ReleaseKind.ON_DATE, on=date(2027, 1, 1))},
            "Release: on a date instead of at once.",
        ),
        ({"expiry": Expiry(days=365)}, "Credit expires after days: 365 instead of none."),
        ({"cycle": Cycle(28, date(2026, 1, 5))}, "First day of a statement period: 2026-01-05 instead of none."),
        ({"owed": OwedPolicy.FORGIVE},
         "What a refund leaves owed: forgiven instead of set off against later cashback."),
        ({"claim_days": 30}, "Days for guests to claim: 30 instead of 90."),
        ({"debit_may_owe": True}, "Debits by hand may leave credit owed: yes instead of no."),
        ({"currency": "EUR"}, "Currency: EUR instead of USD."),
        ({"campaigns": (SALE,)},
         "Campaign 'Sale' is new: begins 2026-11-27 00:00 UTC, ends 2026-11-30 23:30 UTC, multiplier 1.5 times."),
        ({"rates": (MUGS,)}, "Rate 'Mugs' is new: cashback 8 %, goods products 5, 7; vendors 'Kiln'."),
        (
            {"tiers": (*LADDER, Tier("Platin", 500_000, 850, "✦", "#e5e4e2"))},
            "Tier 'Platin' is new: from net spend 5000.00 USD, cashback 8.5 %, icon ✦, colour #e5e4e2.",
        ),
        ({"tiers": LADDER[:2]}, "Tier 'Gold' is gone (from net spend 1500.00 USD, cashback 6 %)."),
        (
            {"tiers": (LADDER[0], replace(LADDER[1], rate_bps=425), LADDER[2])},
            "Tier 'Silver', cashback: 4.25 % instead of 4 %.",
        ),
        ({"tiers": (replace(LADDER[0], icon="★"), *LADDER[1:])}, "Tier 'Bronze', icon: ★ instead of none."),
        ({"tiers": (replace(LADDER[0], name="BRONZE"), *LADDER[1:])}, "Tier 'BRONZE' was written 'Bronze'."),
    ],
)  # fmt: skip
def test_a_change_is_told_in_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in sentences(BASE, replace(BASE, **changes))


def test_a_list_tells_what_came_and_what_went() -> None:
    older = replace(BASE, excluded_tags=frozenset({"staff", "press"}))
    newer = replace(BASE, excluded_tags=frozenset({"staff", "trade"}))
    assert diff_terms(older, newer) == (
        Change(
            ("excluded_tags",), "'press', 'staff'", "'staff', 'trade'", "Excluded tags: added 'trade', removed 'press'."
        ),
    )  # fmt: skip
    assert diff_terms(newer, BASE)[0].after == "none"


def test_another_spelling_and_another_rate_of_one_tier_are_two_changes_of_it() -> None:
    newer = replace(BASE, tiers=(replace(LADDER[0], name="BRONZE", rate_bps=300), *LADDER[1:]))
    assert [(change.where, change.before, change.after) for change in diff_terms(BASE, newer)] == [
        (("tiers", "BRONZE", "name"), "Bronze", "BRONZE"),
        (("tiers", "BRONZE", "rate"), "2 %", "3 %"),
    ]


def test_a_campaigns_moments_are_told_in_the_shops_time_zone() -> None:
    older, newer = replace(BASE, campaigns=(SALE,)), replace(BASE, campaigns=(replace(SALE, ends_at=SALE.starts_at),))
    assert sentences(older, newer, "Europe/Berlin") == [
        "Campaign 'Sale', ends: 2026-11-27 01:00 Europe/Berlin instead of 2026-12-01 00:30 Europe/Berlin."
    ]


def test_changes_come_as_data_in_the_order_of_the_terms() -> None:
    newer = replace(BASE, claim_days=1, limits=Limits(month_minor=5), tiers=LADDER[1:], rates=(MUGS,))
    found = [(change.where, change.before, change.after) for change in diff_terms(BASE, newer)]
    assert found == [
        (("tiers", "Bronze"), "from net spend 0.00 USD, cashback 2 %", None),
        (("rates", "Mugs"), None, "cashback 8 %, goods products 5, 7; vendors 'Kiln'"),
        (("limits", "month"), "none", "0.05 USD"),
        (("claim_days",), "90", "1"),
    ]


@given(terms(), terms())
@settings(max_examples=40)
def test_equal_terms_have_no_changes_and_others_have_some(one: Terms, other: Terms) -> None:
    assert diff_terms(one, replace(one, version=one.version + 1)) == ()
    assert bool(diff_terms(one, other)) == (one != other)
    there, back = diff_terms(one, other), diff_terms(other, one)
    assert sorted((change.before or "", change.after or "") for change in there) == sorted(
        (change.after or "", change.before or "") for change in back
    )


def paths(kind: type, path: tuple[str, ...] = ()) -> set[str]:
    """Return the names of all values of the terms, as the document has them."""
    found: set[str] = set()
    hints = get_type_hints(kind)
    for field in fields(kind):
        hint = hints[field.name]
        if is_dataclass(hint) and hint is not Scope:
            found |= paths(hint, (*path, field.name))
        elif hint in (tuple[Tier, ...], tuple[RateRule, ...], tuple[Campaign, ...]):
            found |= {field.name} | paths(hint.__args__[0], (field.name,))
        elif field.name not in ("version", "name"):
            found.add(".".join((*path, document_name(field.name))))
    return found


def test_everything_in_the_terms_has_a_name_and_every_choice_its_words() -> None:
    assert paths(Terms) == set(LABELS)
    kinds = {type(choice): choice for told in CHOICES.values() for choice in told}
    assert all(set(CHOICES[kind]) == set(kind) for kind in kinds)
    assert Mode not in CHOICES
    assert tell_choice(ReleaseKind.MONTH_END) == "months after the end of the month"
    assert tell_scope(Scope()) == "everything"
