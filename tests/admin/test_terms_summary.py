"""Each section of the rules says in a line what is set."""

from typing import Any

import pytest

from app.admin.terms_summary import summarise
from app.engine.rules.terms import Cycle, Expiry, HoldRules, Limits, OwedPolicy, Release, ReleaseKind, Terms, Tier
from app.engine.rules.terms_told import SECTIONS
from tests.admin.factories import NOON

DAY = NOON.date()


@pytest.mark.parametrize(
    ("changes", "section", "line"),
    [
        ({}, "tiers", "1 tier · 2 %"),
        ({"tiers": (Tier("A", 0, 200), Tier("B", 5, 450))}, "tiers", "2 tiers · 2 % to 4.5 %"),
        ({}, "order", "No minimum · No cap"),
        ({"minimum_order_minor": 1_000, "cap_per_order_minor": 500}, "order", "From $10.00 · At most $5.00"),
        ({}, "earning", "Goods after discounts · Without tax · Without shipping"),
        (
            {"includes_tax": True, "includes_shipping": True, "before_discounts": True}, "earning",
            "Goods before discounts · With tax · With shipping",
        ),
        ({"excludes_b2b": False, "excludes_paid_with_credit": False}, "exclusions", "Nothing but gift cards"),
        (
            {"excludes_on_sale": True, "excluded_tags": frozenset({"a", "b"}), "excluded_skus": frozenset({"c"})},
            "exclusions", "Companies · Goods on sale · What is paid with credit · 1 SKU · 2 tags",
        ),
        ({}, "rates", "No rates of goods · No campaigns"),
        ({}, "limits", "None"),
        ({"limits": Limits(day_minor=100, budget_minor=500)}, "limits", "$1.00 per day · $5.00 for all per month"),
        ({}, "holds", "No rules"),
        (
            {"hold_above_minor": 0, "holds": HoldRules(first_order=True, release_after_days=1)}, "holds",
            "2 rules · For 1 day",
        ),
        ({"holds": HoldRules(release_after_days=1)}, "holds", "No rules"),
        ({}, "mixed", "Not set up"),
        ({"automatic_up_to_minor": 100, "automatic_tiers": frozenset({"Everyone"})}, "mixed",
         "Up to $1.00 · Everyone"),
        ({}, "release", "At once"),
        ({"release": Release(ReleaseKind.ON_DATE, on=DAY)}, "release", "On 2026-03-01"),
        ({"release": Release(ReleaseKind.DAYS_AFTER_PAID, 1)}, "release", "1 day after the order"),
        ({"release": Release(ReleaseKind.DAYS_AFTER_FULFILLED, 3)}, "release", "3 days after it was fulfilled"),
        ({"release": Release(ReleaseKind.MONTH_END, 2)}, "release", "2 months after the end of the month"),
        ({}, "expiry", "Credit never expires"),
        ({"expiry": Expiry(on=DAY)}, "expiry", "Credit expires on 2026-03-01"),
        ({"expiry": Expiry(days=30)}, "expiry", "Credit expires after 30 days"),
        ({}, "owed", "Set off against later cashback"),
        ({"owed": OwedPolicy.FORGIVE}, "owed", "Forgiven, and noted"),
        ({"owed": OwedPolicy.BLOCK}, "owed", "Kept as owed; nothing is earned until it is settled"),
        ({}, "hand", "One person is enough"),
        (
            {"second_person_above_minor": 100, "debit_may_owe": True}, "hand",
            "A second person above $1.00 · Debits may leave credit owed",
        ),
        ({}, "statements", "By calendar month · Guests have 90 days"),
        ({"cycle": Cycle(28, DAY), "claim_days": 0}, "statements", "Every 28 days · Guests cannot claim"),
    ],
)  # fmt: skip
def test_each_section_says_in_a_line_what_is_set(changes: dict[str, Any], section: str, line: str) -> None:
    some = Terms(**{"version": 1, "currency": "USD", "tiers": (Tier("Everyone", 0, 200),), **changes})
    assert summarise(some)[section] == line


def test_every_section_has_its_line() -> None:
    assert list(summarise(Terms(1, "USD", (Tier("Everyone", 0, 200),)))) == list(SECTIONS)
