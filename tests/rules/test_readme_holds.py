"""The tables of modes, holds and release in app/engine/README.md, row by row."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.engine.rules import money
from app.engine.rules.facts import (
    CustomerFact,
    Details,
    DisputeFact,
    DisputeStatus,
    OrderFact,
    ReturnFact,
    ReturnStatus,
    RiskFact,
)
from app.engine.rules.holds import HoldReason, Past, decide_hold, needs_review
from app.engine.rules.release import compute_release_at
from app.engine.rules.reward import compute_target
from app.engine.rules.terms import HoldRules, Mode, Release, ReleaseKind, RiskLevel, Terms

from .made import BIG, FIVE_PERCENT, day, make_line, make_order, make_terms
from .tables import NOTHING, Row, tables_with

(MODES,) = tables_with("mode", "decides")
(HOLDS,) = tables_with("hold", "the terms say")
(RELEASES,) = tables_with("release", "placed", "due")
YORK = ZoneInfo("America/New_York")
WINE, MUG = BIG + 1, BIG + 2


def minor(text: str) -> int:
    return money.to_minor(text, "USD")


def parse_rules(text: str) -> Terms:
    """Return terms with the one hold rule that a cell says."""
    match text.split():
        case ["—"]:
            return make_terms()
        case ["above", amount]:
            return make_terms(hold_above_minor=minor(amount))
        case ["first", "order"]:
            rules = HoldRules(first_order=True)
        case ["younger", "than", days, "days"]:
            rules = HoldRules(account_younger_than_days=int(days))
        case ["risk", "from", level]:
            rules = HoldRules(risk_from=RiskLevel(level))
        case ["more", "than", percent, "%", "back"]:
            rules = HoldRules(refund_share_above_bps=int(percent) * 100)
        case ["more", "than", number, "in", "24", "hours"]:
            rules = HoldRules(orders_per_day_above=int(number))
        case ["tag", tag]:
            rules = HoldRules(tags=frozenset({tag}))
        case ["product", "Wine"]:
            rules = HoldRules(product_ids=frozenset({WINE}))
        case ["return", "open"]:
            rules = HoldRules(open_return=True)
        case ["countries", "differ"]:
            rules = HoldRules(country_mismatch=True)
        case _:
            raise AssertionError(f"the page says {text!r}, which nobody understands")
    return make_terms(holds=rules)


def parse_known(text: str) -> tuple[OrderFact, Details, Past | None]:
    """Return the order and what a cell says is known about it."""
    order, details, past = make_order(make_line(1, 8000)), Details(), Past(orders=5)
    match re.split(r",? ", text):
        case ["worth", amount]:
            order = make_order(make_line(1, minor(amount)))
        case [number, "orders", "before"]:
            past = Past(orders=int(number))
        case ["nothing", "about", "the", "customer"]:
            past = None
        case [days, "days", "old"]:
            order = replace(order, customer=CustomerFact(BIG, created_at=day(0) - timedelta(days=int(days))))
        case ["age" | "risk", "unknown"]:
            pass
        case ["risk", level]:
            details = Details(risk=RiskFact(order.order_id, RiskLevel(level), day(0)))
        case [back, "of", spent, "went", "back"]:
            past = Past(5, 0, minor(spent), minor(back))
        case [number, "in", "the", "24", "hours", "before"]:
            past = Past(orders=5, orders_in_a_day=int(number))
        case ["order", "tagged", tag]:
            order = replace(order, tags=(tag,))
        case ["customer", "tagged", tag]:
            order = replace(order, customer=CustomerFact(BIG, tags=(tag,)))
        case ["billed", "to", billing, "sent", "to", shipping]:
            shipped = None if shipping == "nowhere" else shipping
            order = replace(order, billing_country=billing, shipping_country=shipped)
        case ["return", word]:
            details = Details(returns=(ReturnFact(BIG, order.order_id, ReturnStatus(word), day(1)),))
        case ["dispute", *words]:
            status = DisputeStatus("_".join(words))
            details = Details(disputes=(DisputeFact(BIG, order.order_id, status, day(1)),))
        case _:
            products = {"Wine": WINE, "Mug": MUG}
            goods = [part.split(" ") for part in text.split(" + ")]
            order = make_order(
                *(
                    make_line(number, minor(price), product_id=products[name])
                    for number, (name, price) in enumerate(goods)
                )
            )
    return order, details, past


@pytest.mark.parametrize("row", MODES, ids=lambda row: f"{row['mode']} {row['up to']} {row['tier']} {row['granted']}")
def test_the_mode_decides_who_decides_as_the_page_says(row: Row) -> None:
    up_to = None if row["up to"] == NOTHING else minor(row["up to"])
    chosen = frozenset() if row["chosen tiers"] == NOTHING else frozenset({row["chosen tiers"]})
    terms = make_terms(automatic_up_to_minor=up_to, automatic_tiers=chosen)
    answer = needs_review(Mode(row["mode"]), terms, row["tier"], minor(row["granted"]))
    assert row["decides"] == ("a person" if answer else "nobody")


@pytest.mark.parametrize("row", HOLDS, ids=lambda row: f"{row['hold']}: {row['what is known']}")
def test_an_order_is_held_as_the_page_says(row: Row) -> None:
    terms = parse_rules(row["the terms say"])
    order, details, past = parse_known(row["what is known"])
    target = compute_target(order, (), terms, FIVE_PERCENT)
    reason = decide_hold(order, terms, target, details=details, past=past)
    expected = HoldReason(row["hold"].replace(" ", "_")) if row["held"] == "yes" else None
    assert reason is expected


def test_the_page_has_every_hold_but_the_one_by_people() -> None:
    named = {row["hold"].replace(" ", "_") for row in HOLDS if row["held"] == "yes"}
    assert named == set(HoldReason) - {HoldReason.BY_STAFF}


def parse_release(text: str) -> Release:
    match text.split():
        case ["at", "once"]:
            return Release()
        case [days, "days", "after", "paid" | "fulfilled" as what]:
            return Release(ReleaseKind(f"days_after_{what}"), int(days))
        case ["month", "end"]:
            return Release(ReleaseKind.MONTH_END)
        case ["month", "end", "and", months, "months"]:
            return Release(ReleaseKind.MONTH_END, int(months))
        case ["on", on]:
            return Release(ReleaseKind.ON_DATE, on=date.fromisoformat(on))
    raise AssertionError(f"the page says {text!r}, which nobody understands")


def instant(text: str) -> datetime | None:
    return None if text == NOTHING else datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("row", RELEASES, ids=lambda row: f"{row['release']} {row['placed']} {row['fulfilled']}")
def test_a_reward_is_due_when_the_page_says(row: Row) -> None:
    order = make_order(placed_at=instant(row["placed"]), fulfilled_at=instant(row["fulfilled"]))
    assert compute_release_at(order, parse_release(row["release"]), YORK) == instant(row["due"])
