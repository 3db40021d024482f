"""What is kept of an order at its edges: a single cent, nothing at all, and two things in one second."""

from itertools import permutations

import pytest

from app.engine.rules.facts import RefundLine
from app.engine.rules.kept import (
    compute_extra_minor,
    distinct,
    gross_minor_of,
    kept_quantities,
    net_minor_of,
    returned_quantities,
    shipping_back_minor,
)

from .made import day, make_line, make_order, make_refund


def test_a_unit_given_away_is_worth_nothing_and_costs_its_tax_alone() -> None:
    free = make_line(1, 0, tax_minor=30)
    assert (net_minor_of(free, 1), gross_minor_of(free, 1)) == (0, 30)
    odd = make_line(1, -500, tax_minor=-30)
    assert (net_minor_of(odd, 1), gross_minor_of(odd, 1)) == (0, 0)


def test_a_line_of_no_units_is_worth_nothing() -> None:
    nothing = make_line(1, 800, quantity=0, tax_minor=30)
    assert (net_minor_of(nothing, 1), gross_minor_of(nothing, 1)) == (0, 0)


def test_a_cancelled_order_keeps_no_unit_of_any_line() -> None:
    lines = make_line(1, quantity=3), make_line(2)
    assert kept_quantities(make_order(*lines), ()) == {1: 3, 2: 1}
    assert kept_quantities(make_order(*lines, cancelled_at=day(1)), ()) == {1: 0, 2: 0}


@pytest.mark.parametrize("quantity", [0, -1])
def test_money_for_a_line_of_which_no_unit_went_back_returns_no_unit(quantity: int) -> None:
    assert returned_quantities([make_refund(1, [RefundLine(1, quantity, 500)])])[1] == 0


def test_refunds_stand_in_the_order_in_which_they_were_processed_whatever_order_they_come_in() -> None:
    two = [make_refund(1), make_refund(2)]
    for heard in permutations(two):
        assert distinct(heard) == tuple(two)
    of_one_second = [make_refund(1, processed_at=day(3)), make_refund(2, processed_at=day(3)), make_refund(4)]
    for heard in permutations(of_one_second):
        assert distinct(heard) == tuple(of_one_second)


def test_a_single_cent_of_shipping_takes_its_tax_with_it() -> None:
    order = make_order(make_line(), shipping_minor=1, shipping_tax_minor=1)
    refund = make_refund(1, money_minor=2, shipping_minor=1)
    assert shipping_back_minor(order, [refund]) == 2
    assert compute_extra_minor(order, [refund]) == 0


@pytest.mark.parametrize(("money", "back"), [(9600, 1000), (9700, 1100), (9800, 1200), (9900, 1200)])
def test_the_tax_on_shipping_is_what_the_money_leaves_after_the_goods_and_their_tax(money: int, back: int) -> None:
    order = make_order(make_line(1, 8000, tax_minor=600), shipping_minor=1000, shipping_tax_minor=200)
    refund = make_refund(1, [RefundLine(1, 1, 8000, 600)], money_minor=money, shipping_minor=1000)
    assert shipping_back_minor(order, [refund]) == back
    assert compute_extra_minor(order, [refund]) == max(money - 9800, 0)


@pytest.mark.parametrize(("taxes_included", "extra"), [(True, 600), (False, 0)])
def test_what_goods_returned_without_money_cost_is_told_with_their_tax_once(taxes_included: bool, extra: int) -> None:
    order = make_order(make_line(1, 8000, tax_minor=600), taxes_included=taxes_included)
    goods, money = make_refund(1, [RefundLine(1, 1, 8000, 600)]), make_refund(2, money_minor=8600)
    assert compute_extra_minor(order, [goods, money]) == extra


def test_goods_returned_for_a_cent_were_paid_for_and_what_follows_is_goodwill() -> None:
    goods, money = make_refund(1, [RefundLine(1, 1, 8000)], money_minor=1), make_refund(2, money_minor=500)
    assert compute_extra_minor(make_order(), [goods, money]) == 500
