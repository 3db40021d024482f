"""An edit that adds unpaid lines does not take the reward of what was paid."""

from dataclasses import replace
from typing import Any

import pytest

from app.engine.rules.facts import FinancialStatus, OrderFact
from app.engine.rules.paid_version import decide_version
from app.engine.rules.reward import compute_target

from .made import FIVE_PERCENT, day, make_line, make_order, make_terms

PAID = make_order(make_line(1, 8000, quantity=2))
UNPAID_EDIT: dict[str, Any] = {"financial_status": FinancialStatus.PARTIALLY_PAID, "updated_at": day(1)}


def kept(order: OrderFact) -> int:
    return compute_target(order, (), make_terms(), FIVE_PERCENT).kept_minor


def test_added_lines_wait_for_their_money() -> None:
    edited = make_order(*PAID.lines, make_line(2, 5000), **UNPAID_EDIT)
    decided = decide_version(PAID, edited)
    assert decided.lines == PAID.lines
    assert decided.updated_at == day(1)
    assert kept(decided) == kept(PAID) == 400


def test_what_the_unpaid_edit_says_of_money_and_codes_waits_too() -> None:
    paid = make_order(
        total_minor=9100, shipping_minor=1000, shipping_tax_minor=100, discount_codes=("SPRING",),
        payment_gateways=("card",),
    )  # fmt: skip
    edited = make_order(
        *paid.lines, make_line(2, 5000), total_minor=15_000, shipping_minor=2000, shipping_tax_minor=200,
        discount_codes=("SPRING", "STAFF"), payment_gateways=("card", "gift_card"), tags=("late",), **UNPAID_EDIT,
    )  # fmt: skip
    assert decide_version(paid, edited) == replace(paid, tags=("late",), updated_at=day(1))


def test_units_taken_out_while_others_were_added_count_as_gone() -> None:
    edited = make_order(make_line(1, 8000, quantity=2, removed_quantity=1), make_line(2, 9000), **UNPAID_EDIT)
    assert kept(decide_version(PAID, edited)) == 200


def test_a_line_that_is_no_longer_listed_is_gone() -> None:
    assert kept(decide_version(PAID, make_order(make_line(2, 9000), **UNPAID_EDIT))) == 0


def test_more_units_of_a_paid_line_wait_for_their_money() -> None:
    edited = make_order(make_line(1, 20_000, quantity=5), **UNPAID_EDIT)
    assert decide_version(PAID, edited).lines == PAID.lines


def test_once_all_is_paid_the_newest_version_counts() -> None:
    newest = make_order(*PAID.lines, make_line(2, 5000), updated_at=day(2))
    assert decide_version(PAID, newest) is newest


@pytest.mark.parametrize("status", [FinancialStatus.VOIDED, FinancialStatus.EXPIRED, FinancialStatus.REFUNDED])
def test_a_payment_that_went_away_is_not_kept_alive(status: FinancialStatus) -> None:
    newest = make_order(financial_status=status, updated_at=day(1))
    assert decide_version(PAID, newest) is newest


def test_an_order_that_was_never_paid_stays_unpaid() -> None:
    newest = make_order(financial_status=FinancialStatus.PENDING)
    assert decide_version(None, newest) is newest
