"""What a line or the shipping counts with, and what was paid with credit, where the tables do not reach."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules.facts import PaymentFact
from app.engine.rules.worth import credit_paid_minor, line_worth_minor, shipping_gross_minor, shipping_worth_minor

from .made import BIG, make_line, make_order, make_terms

TERMS = make_terms()
EVERYTHING = make_terms(includes_tax=True, before_discounts=True, includes_shipping=True)


def pay(number: int, gateway: str, amount_minor: int) -> PaymentFact:
    return PaymentFact(number, BIG, gateway, amount_minor)


@pytest.mark.parametrize("taxes_included", [False, True])
def test_odd_figures_of_a_line_never_make_its_worth_negative(taxes_included: bool) -> None:
    odd = make_line(1, -500, tax_minor=-70, discount_minor=-30)
    assert line_worth_minor(odd, EVERYTHING, taxes_included) == 0
    assert line_worth_minor(make_line(1, 500, quantity=0), EVERYTHING, taxes_included) == 0


@pytest.mark.parametrize("taxes_included", [False, True])
def test_a_line_given_away_counts_before_its_discount_with_the_discount_as_stated(taxes_included: bool) -> None:
    line = make_line(1, 0, discount_minor=1900)
    assert line_worth_minor(line, EVERYTHING, taxes_included) == 1900
    assert line_worth_minor(line, make_terms(before_discounts=True), taxes_included) == 1900
    assert line_worth_minor(line, TERMS, taxes_included) == 0


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_net_worth_is_the_same_part_of_the_whole_price_as_of_what_was_paid(net: int, tax: int, less: int) -> None:
    line = make_line(1, net, tax_minor=tax, discount_minor=less)
    inclusive = line_worth_minor(line, make_terms(before_discounts=True), True)
    price = line_worth_minor(line, make_terms(before_discounts=True, includes_tax=True), True)
    assert price == net + tax + less
    assert abs(inclusive * (net + tax) - price * net) <= net + tax
    on_top = line_worth_minor(line, make_terms(before_discounts=True, includes_tax=True), False)
    assert abs((on_top - net - less) * net - tax * (net + less)) <= net


def test_shipping_counts_only_where_the_terms_say_so() -> None:
    order = make_order(shipping_minor=500, shipping_tax_minor=95)
    assert shipping_worth_minor(order, TERMS) == 0
    assert shipping_worth_minor(order, make_terms(includes_shipping=True)) == 500
    assert shipping_worth_minor(order, EVERYTHING) == 595
    assert shipping_gross_minor(order) == 595


def test_odd_figures_of_shipping_count_nothing() -> None:
    order = make_order(shipping_minor=-5, shipping_tax_minor=-1)
    assert (shipping_worth_minor(order, EVERYTHING), shipping_gross_minor(order)) == (0, 0)
    taxed = make_order(shipping_minor=5, shipping_tax_minor=-1)
    assert (shipping_worth_minor(taxed, EVERYTHING), shipping_gross_minor(taxed)) == (5, 5)


@pytest.mark.parametrize(
    ("payments", "credit_minor"),
    [
        ([], 0),
        ([pay(1, "visa", 10_000)], 0),
        ([pay(1, "gift_card", 2500), pay(2, "visa", 7500)], 2500),
        ([pay(1, " Gift_Card ", 2500), pay(2, "shopify_store_credit", 500)], 3000),
        ([pay(1, "gift_card", 2500), pay(1, "gift_card", 2500)], 2500),
        ([pay(1, "gift_card", 2500), pay(2, "gift_card", 2500)], 5000),
        ([pay(1, "gift_card", 99_999)], 10_000),
        ([pay(1, "gift_card", -5)], 0),
        ([pay(1, "gift_card_2", 2500)], 0),
    ],
)
def test_what_was_paid_with_credit_is_summed_once_and_never_beyond_the_total(
    payments: list[PaymentFact], credit_minor: int
) -> None:
    order = make_order(total_minor=10_000)
    assert credit_paid_minor(order, TERMS, payments) == credit_minor
    assert credit_paid_minor(order, make_terms(excludes_paid_with_credit=False), payments) == 0


@pytest.mark.parametrize("total_minor", [0, -1])
def test_an_order_without_a_total_was_not_paid_with_credit(total_minor: int) -> None:
    order = make_order(total_minor=total_minor, payment_gateways=("gift_card",))
    assert credit_paid_minor(order, TERMS, [pay(1, "gift_card", 5)]) == 0
    assert credit_paid_minor(order, TERMS, []) == 0


@pytest.mark.parametrize(
    ("gateways", "credit_minor"),
    [((), 0), (("gift_card",), 700), (("Shopify_Store_Credit", "gift_card"), 700), (("gift_card", "visa"), 0)],
)
def test_where_no_payment_is_known_the_ways_to_pay_decide_if_all_are_credit(
    gateways: tuple[str, ...], credit_minor: int
) -> None:
    order = make_order(total_minor=700, payment_gateways=gateways)
    assert credit_paid_minor(order, TERMS, []) == credit_minor
    assert credit_paid_minor(order, TERMS, [pay(1, "visa", 700)]) == 0
