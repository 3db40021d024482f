"""What does not earn, and which reason wins when there are several."""

import pytest

from app.engine.rules.eligibility import (
    ExclusionReason,
    IneligibleReason,
    decide_line_exclusion,
    decide_order_exclusion,
)
from app.engine.rules.facts import CustomerFact, FinancialStatus

from .made import BIG, make_line, make_order, make_terms


@pytest.mark.parametrize("tag", ["wholesale", " Wholesale ", "WHOLESALE"])
def test_tags_are_compared_without_case_and_outer_blanks(tag: str) -> None:
    tagged, plain = make_order(tags=(tag,)), make_order(tags=("wholesale",))
    excluded = IneligibleReason.EXCLUDED_ORDER_TAG
    assert decide_order_exclusion(tagged, make_terms(excluded_tags=frozenset({"Wholesale"}))) is excluded
    assert decide_order_exclusion(plain, make_terms(excluded_tags=frozenset({tag}))) is excluded


def test_a_part_of_a_tag_excludes_nothing() -> None:
    order = make_order(tags=("wholesale-2026", "whole"))
    assert decide_order_exclusion(order, make_terms(excluded_tags=frozenset({"wholesale"}))) is None


def test_unknown_customer_tags_exclude_nothing() -> None:
    terms = make_terms(excluded_tags=frozenset({"staff"}))
    assert decide_order_exclusion(make_order(customer=CustomerFact(BIG, tags=None)), terms) is None
    assert decide_order_exclusion(make_order(customer=None), terms) is None


def test_a_gift_card_is_called_one_even_where_its_product_is_excluded() -> None:
    terms = make_terms(excluded_product_ids=frozenset({5}))
    assert decide_line_exclusion(make_line(product_id=5, is_gift_card=True), terms) is ExclusionReason.GIFT_CARD
    assert decide_line_exclusion(make_line(product_id=5), terms) is ExclusionReason.EXCLUDED_PRODUCT
    assert decide_line_exclusion(make_line(product_id=6), terms) is None


def test_a_line_without_a_product_counts() -> None:
    assert decide_line_exclusion(make_line(product_id=None), make_terms()) is None


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (FinancialStatus.PENDING, IneligibleReason.UNPAID),
        (FinancialStatus.AUTHORIZED, IneligibleReason.UNPAID),
        (FinancialStatus.PARTIALLY_PAID, IneligibleReason.UNPAID),
        (FinancialStatus.VOIDED, IneligibleReason.VOIDED),
        (FinancialStatus.EXPIRED, IneligibleReason.VOIDED),
        (FinancialStatus.PAID, None),
        (FinancialStatus.PARTIALLY_REFUNDED, None),
        (FinancialStatus.REFUNDED, None),
    ],
)
def test_every_financial_status_is_decided(status: FinancialStatus, reason: IneligibleReason | None) -> None:
    assert decide_order_exclusion(make_order(financial_status=status), make_terms()) is reason


def test_a_voided_test_order_is_called_a_test_order() -> None:
    order = make_order(is_test=True, financial_status=FinancialStatus.VOIDED)
    assert decide_order_exclusion(order, make_terms()) is IneligibleReason.TEST_ORDER
