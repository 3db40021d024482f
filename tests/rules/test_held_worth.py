"""What an order counts with at its edges: one cent, a discount of everything, an order nobody paid for."""

from dataclasses import replace

import pytest

from app.engine.rules.facts import NO_DETAILS, Details, FinancialStatus, PaymentFact
from app.engine.rules.parts import find_kept, find_parts
from app.engine.rules.steps_lines import LineCounts, LineExcluded, ShippingCounts
from app.engine.rules.worth import credit_paid_minor, lacks_payments, line_worth_minor, shipping_worth_minor

from .made import BIG, FIVE_PERCENT, make_line, make_order, make_refund, make_terms

WHOLE_PRICE = make_terms(before_discounts=True)
EVERYTHING = make_terms(includes_tax=True, before_discounts=True, includes_shipping=True)


def test_a_cent_of_shipping_counts_and_tax_on_free_shipping_does_not() -> None:
    assert shipping_worth_minor(make_order(shipping_minor=1), EVERYTHING) == 1
    assert shipping_worth_minor(make_order(shipping_minor=0, shipping_tax_minor=20), EVERYTHING) == 0


def test_an_order_of_one_cent_paid_with_credit_does_not_earn_on_it() -> None:
    order = make_order(make_line(1, 1), total_minor=1, payment_gateways=("gift_card",))
    assert credit_paid_minor(order, make_terms(excludes_paid_with_credit=True), ()) == 1
    paid = [PaymentFact(1, BIG, "shopify_store_credit", 1)]
    assert credit_paid_minor(order, make_terms(excludes_paid_with_credit=True), paid) == 1


def test_the_discount_of_a_line_without_tax_counts_whole() -> None:
    assert line_worth_minor(make_line(1, 1, discount_minor=100), WHOLE_PRICE, True) == 101
    assert line_worth_minor(make_line(1, 1, discount_minor=100), EVERYTHING, False) == 101


def test_the_discount_of_a_line_given_away_counts_whole_even_where_a_tax_was_left() -> None:
    free = make_line(1, 0, tax_minor=300, discount_minor=1900)
    assert line_worth_minor(free, WHOLE_PRICE, True) == 1900
    assert line_worth_minor(free, EVERYTHING, False) == 2200


def test_each_line_and_the_shipping_say_whether_and_how_they_count() -> None:
    order = make_order(
        make_line(1, 800, quantity=2, tax_minor=152, discount_minor=1),
        make_line(2, 500, quantity=3, product_id=9),
        make_line(3, 70, is_gift_card=True),
        shipping_minor=400,
    )
    _, trail = find_parts(order, EVERYTHING, FIVE_PERCENT, Details())
    first, second, gift_card, shipping = trail
    assert isinstance(gift_card, LineExcluded)
    assert (gift_card.line_id, gift_card.title, gift_card.quantity, gift_card.net_minor) == (3, "Thing 3", 1, 70)
    assert first == LineCounts(1, "Thing 1", 2, 953, tax_inside=True, before_discount=True)
    assert second == LineCounts(2, "Thing 2", 3, 500, tax_inside=True, before_discount=False)
    assert shipping == ShippingCounts(400)
    plain = find_parts(order, make_terms(), FIVE_PERCENT, Details())[1]
    assert plain[0] == LineCounts(1, "Thing 1", 2, 800)
    gross = find_parts(order, make_terms(includes_tax=True), FIVE_PERCENT, Details())[1]
    assert gross[0] == LineCounts(1, "Thing 1", 2, 952, tax_inside=True)
    whole = find_parts(order, WHOLE_PRICE, FIVE_PERCENT, Details())[1]
    assert whole[0] == LineCounts(1, "Thing 1", 2, 801, before_discount=True)


def test_no_more_of_the_shipping_goes_back_than_was_paid_for_it() -> None:
    order = make_order(make_line(), shipping_minor=400, shipping_tax_minor=76)
    parts, _ = find_parts(order, EVERYTHING, FIVE_PERCENT, Details())
    for stated, back in ((100, 100), (476, 476), (900, 476)):
        kept = find_kept(order, [make_refund(1, money_minor=stated, shipping_minor=stated)], parts, NO_DETAILS)
        assert (kept.shipping_back_minor, kept.worths, kept.gross_minor) == (back, [8000, 476 - back], 8476 - back)


@pytest.mark.parametrize(
    ("gateways", "known", "lacks"),
    [
        ((), (), False),
        (("card",), (), False),
        # All of it was credit: nothing is left to ask.
        (("gift_card",), (), False),
        (("gift_card", "gift_card"), (), False),
        (("gift_card", "shopify_store_credit"), (), False),
        # A part of it was, and only the payment says how much.
        (("card", "gift_card"), (), True),
        (("card", "gift_card"), ("card",), True),
        (("card", "gift_card"), ("gift_card",), False),
        (("card", "Gift_Card "), ("Gift_Card ",), False),
        (("card", "gift_card", "shopify_store_credit"), ("gift_card",), True),
        (("card", "gift_card", "shopify_store_credit"), ("shopify_store_credit", "gift_card", "card"), False),
    ],
)
def test_an_order_paid_partly_with_credit_waits_until_its_amount_is_told(
    gateways: tuple[str, ...], known: tuple[str, ...], lacks: bool
) -> None:
    terms = make_terms(excludes_paid_with_credit=True)
    order = make_order(payment_gateways=gateways)
    assert lacks_payments(order, terms, known) is lacks
    assert not lacks_payments(order, make_terms(excludes_paid_with_credit=False), known)
    assert not lacks_payments(replace(order, financial_status=FinancialStatus.PENDING), terms, known)
