"""What does not earn, and which reason wins when there are several."""

from typing import Any

import pytest

from app.engine.rules.eligibility import (
    ExclusionReason,
    IneligibleReason,
    decide_order_exclusion,
    exclusions_of,
)
from app.engine.rules.facts import CustomerFact, FinancialStatus, OrderLine, ProductFact

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


def reason_of(line: OrderLine, product: ProductFact | None = None, **excluded: Any) -> ExclusionReason | None:
    return exclusions_of(make_terms(**excluded)).decide_line(line, product)


def test_a_gift_card_is_called_one_even_where_its_product_is_excluded() -> None:
    excluded = frozenset({5})
    card = make_line(product_id=5, is_gift_card=True)
    assert reason_of(card, excluded_product_ids=excluded) is ExclusionReason.GIFT_CARD
    assert reason_of(make_line(product_id=5), excluded_product_ids=excluded) is ExclusionReason.EXCLUDED_PRODUCT
    assert reason_of(make_line(product_id=6), excluded_product_ids=excluded) is None


def test_a_line_without_product_variant_sku_or_vendor_counts() -> None:
    line = make_line(product_id=None, variant_id=None, sku=None, vendor=None)
    excluded = {
        "excluded_product_ids": frozenset({1}),
        "excluded_variant_ids": frozenset({1}),
        "excluded_skus": frozenset({""}),
        "excluded_vendors": frozenset({""}),
        "excluded_product_types": frozenset({""}),
        "excludes_on_sale": True,
    }
    assert reason_of(line, **excluded) is None
    assert reason_of(line, ProductFact(1, on_sale_variant_ids=(2,)), **excluded) is None


ALL_EXCLUDED: dict[str, Any] = {
    "excluded_product_ids": frozenset({1}),
    "excluded_variant_ids": frozenset({2}),
    "excluded_skus": frozenset({" Sku-3 "}),
    "excluded_vendors": frozenset({"ACME"}),
    "excluded_product_types": frozenset({"Wine"}),
    "excluded_product_tags": frozenset({"Dry"}),
    "excluded_collection_ids": frozenset({4}),
    "excludes_on_sale": True,
}
WINE = ProductFact(1, "x", " wine", ("red", "DRY "), (9, 4), (2,))
FULL = make_line(product_id=1, variant_id=2, sku="SKU-3", vendor="Acme ")


@pytest.mark.parametrize("left_out", range(len(ALL_EXCLUDED) + 1))
def test_the_first_reason_that_fits_is_named(left_out: int) -> None:
    """Each list is taken away in turn, so that the next one has to speak."""
    reasons = [reason for reason in ExclusionReason if reason is not ExclusionReason.GIFT_CARD]
    left = dict(list(ALL_EXCLUDED.items())[left_out:])
    expected = (*reasons, None)[left_out]
    assert reason_of(FULL, WINE, **left) is expected


def test_orders_are_excluded_for_the_first_reason_that_fits() -> None:
    order = make_order(
        tags=("a",),
        customer=CustomerFact(BIG, tags=("b",)),
        source_name="POS",
        discount_codes=("x", "SAVE "),
        is_b2b=True,
    )
    lists: list[tuple[IneligibleReason, dict[str, Any]]] = [
        (IneligibleReason.EXCLUDED_ORDER_TAG, {"excluded_tags": frozenset({"A", "B"})}),
        (IneligibleReason.EXCLUDED_CUSTOMER_TAG, {"excluded_tags": frozenset({"B"})}),
        (IneligibleReason.EXCLUDED_CHANNEL, {"excluded_channels": frozenset({"pos "})}),
        (IneligibleReason.EXCLUDED_DISCOUNT_CODE, {"excluded_discount_codes": frozenset({"save"})}),
        (IneligibleReason.B2B, {}),
    ]
    for index, (reason, _) in enumerate(lists):
        # Later lists first, so that an earlier one replaces what both say.
        values = {key: value for _, some in reversed(lists[index:]) for key, value in some.items()}
        assert decide_order_exclusion(order, make_terms(**values)) is reason
    assert decide_order_exclusion(order, make_terms(excludes_b2b=False)) is None


def test_an_order_of_no_known_channel_or_customer_tag_is_not_excluded_by_them() -> None:
    terms = make_terms(excluded_channels=frozenset({"pos"}), excluded_tags=frozenset({"b"}))
    assert decide_order_exclusion(make_order(source_name=None), terms) is None
    assert decide_order_exclusion(make_order(source_name="web", customer=None), terms) is None


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
