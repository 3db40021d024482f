"""The money of orders adds up, in every currency, through refunds, edits and cancellations."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import orders, payments, refunds, totals
from sandbox.bodies import order_body, refund_body
from sandbox.errors import BadInput
from sandbox.money import Money, allocate, graphql_text, parse, share, webhook_text
from sandbox.options import Options
from sandbox.order_requests import read_order
from sandbox.refunds import RefundRequest
from sandbox.state import Shop, World

CURRENCIES = ("USD", "JPY", "KWD")
CUSTOMER = {"email": "ada@example.com"}


def make_shop(currency: str = "USD") -> Shop:
    return World(Options(app_url="", currency=currency, first_id=1_000)).main


def place(shop: Shop, **body: Any) -> Any:
    return orders.place(shop, read_order({"customer": CUSTOMER, **body}, shop.currency))


@pytest.mark.parametrize(
    ("minor", "currency", "webhook", "graphql"),
    [
        (200, "USD", "2.00", "2.0"),
        (723, "USD", "7.23", "7.23"),
        (0, "USD", "0.00", "0.0"),
        (-222, "USD", "-2.22", "-2.22"),
        (14319, "JPY", "14319", "14319.0"),
        (1250, "KWD", "1.250", "1.25"),
    ],
)
def test_amounts_are_written_in_both_of_shopifys_ways(minor: int, currency: str, webhook: str, graphql: str) -> None:
    assert webhook_text(Money(minor, currency)) == webhook
    assert graphql_text(Money(minor, currency)) == graphql


@pytest.mark.parametrize(
    ("text", "currency"), [("12.345", "USD"), ("1.5", "JPY"), ("-1", "USD"), ("ten", "USD"), (12.5, "USD")]
)
def test_an_amount_that_cannot_be_exact_is_refused(text: object, currency: str) -> None:
    with pytest.raises(BadInput, match="price"):
        parse(text, currency, "price")


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=9))
def test_allocated_parts_add_up_to_the_whole(total: int, weights: list[int]) -> None:
    parts = allocate(total, weights)
    assert sum(parts) == (total if any(weights) else 0)
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)


def test_an_order_with_discount_tax_and_shipping_adds_up() -> None:
    shop = make_shop()
    lines = [{"price": "10.00", "quantity": 3}, {"title": "B", "price": "3.33"}, {"price": "50.00", "gift_card": True}]
    body = order_body(
        place(
            shop,
            lines=lines,
            discount={"type": "percentage", "value": "10"},
            tax={"rate": "0.2", "included": False},
            shipping="5.00",
        )
    )
    assert body["total_line_items_price"] == "83.33"
    assert body["total_discounts"] == "3.33"
    assert [len(line["discount_allocations"]) for line in body["line_items"]] == [1, 1, 0]  # type: ignore[attr-defined]
    assert body["subtotal_price"] == "80.00"
    assert body["total_tax"] == "6.00"
    assert body["total_price"] == "91.00"
    assert body["total_outstanding"] == "0.00"
    assert body["financial_status"] == "paid"


def test_tax_that_prices_include_is_not_added() -> None:
    body = order_body(place(make_shop(), lines=[{"price": "12.00"}], tax={"rate": "0.2", "included": True}))
    assert (body["total_price"], body["total_tax"], body["taxes_included"]) == ("12.00", "2.00", True)


def test_a_fixed_discount_takes_at_most_the_price() -> None:
    body = order_body(place(make_shop(), lines=[{"price": "4.00"}], discount={"type": "fixed", "value": "9.00"}))
    assert (body["total_discounts"], body["total_price"]) == ("4.00", "0.00")


PRICES = st.integers(0, 99_999)


@st.composite
def order_wishes(draw: st.DrawFn) -> dict[str, Any]:
    currency = draw(st.sampled_from(CURRENCIES))

    def text(minor: int) -> str:
        return webhook_text(Money(minor, currency))

    lines = draw(st.lists(st.tuples(PRICES, st.integers(1, 7), st.booleans()), min_size=1, max_size=4))
    discount = draw(
        st.none()
        | st.integers(0, 100).map(lambda rate: {"type": "percentage", "value": str(rate)})
        | PRICES.map(lambda minor: {"type": "fixed", "value": text(minor)})
    )
    tax = draw(
        st.none()
        | st.tuples(st.sampled_from(("0.07", "0.19", "0.2", "0.0825")), st.booleans(), st.booleans()).map(
            lambda drawn: {"rate": drawn[0], "included": drawn[1], "shipping": drawn[2]}
        )
    )
    off_shipping = draw(st.none() | st.integers(0, 100).map(lambda rate: {"type": "percentage", "value": str(rate)}))
    return {
        "currency": currency,
        "lines": [
            {"title": f"T{i}", "price": text(p), "quantity": q, "gift_card": g} for i, (p, q, g) in enumerate(lines)
        ],
        "discount": discount,
        "tax": tax,
        "shipping": text(draw(PRICES)),
        "shipping_discount": off_shipping,
    }


def check_sums(order: Any) -> None:
    """The figures of an order's body, read as an app reads them, agree with each other."""
    body: Any = order_body(order)
    lines = body["line_items"]
    nets = []
    for line in lines:
        allocated = sum((Decimal(part["amount"]) for part in line["discount_allocations"]), Decimal(0))
        nets.append(Decimal(line["price"]) * line["quantity"] - allocated)
        assert line["current_quantity"] >= 0
    taxed = [*lines, *body["shipping_lines"]]
    taxes = sum((Decimal(tax["price"]) for line in taxed for tax in line["tax_lines"]), Decimal(0))
    assert sum(nets) == Decimal(body["subtotal_price"])
    assert taxes == Decimal(body["total_tax"])
    on_top = Decimal(0) if body["taxes_included"] else taxes
    shipping = sum((Decimal(line["discounted_price"]) for line in body["shipping_lines"]), Decimal(0))
    off_shipping = sum(
        (Decimal(part["amount"]) for line in body["shipping_lines"] for part in line["discount_allocations"]),
        Decimal(0),
    )
    assert Decimal(body["total_shipping_price_set"]["shop_money"]["amount"]) == shipping + off_shipping
    assert Decimal(body["total_line_items_price"]) + off_shipping - sum(nets) == Decimal(body["total_discounts"])
    assert Decimal(body["total_price"]) == sum(nets) + shipping + on_top
    back = sum((Decimal(t["amount"]) for r in body["refunds"] for t in r["transactions"]), Decimal(0))
    assert back == Decimal(webhook_text(Money(totals.refunded(order), order.currency)))
    if not order.edited:  # after an edit, money goes back for lines that no refund names
        for refund, made in zip(body["refunds"], order.refunds, strict=True):
            check_refund(refund, body["taxes_included"], Money(made.shipping_tax_minor, order.currency))


def check_refund(refund: Any, included: bool, shipping_tax: Money) -> None:
    """Money = lines + tax on top + shipping and its tax, which the body does not name - adjustments."""
    goods = Decimal(0) if included else Decimal(webhook_text(shipping_tax))
    for line in refund["refund_line_items"]:
        goods += Decimal(line["subtotal_set"]["shop_money"]["amount"])
        goods += Decimal(0) if included else Decimal(line["total_tax_set"]["shop_money"]["amount"])
    goods += sum(
        Decimal(line["subtotal_amount_set"]["shop_money"]["amount"]) for line in refund["refund_shipping_lines"]
    )
    goods -= sum(Decimal(part["amount"]) for part in refund["order_adjustments"])
    assert goods == sum(Decimal(payment["amount"]) for payment in refund["transactions"])


@settings(max_examples=60)
@given(order_wishes(), st.data())
def test_any_row_of_refunds_of_all_pieces_gives_back_exactly_what_was_paid(
    wish: dict[str, Any], data: st.DataObject
) -> None:
    shop = make_shop(wish["currency"])
    order = place(shop, **wish)
    check_sums(order)
    paid = totals.received(order)
    while any(line.kept for line in order.lines):
        line = data.draw(st.sampled_from([line for line in order.lines if line.kept]))
        quantity = data.draw(st.integers(1, line.kept))
        refunds.refund(shop, order, RefundRequest(((line, quantity),), 0, 0, None), None)
        check_sums(order)
        assert totals.outstanding(order) == 0
    if order.shipping_minor:
        refunds.refund(shop, order, RefundRequest((), order.shipping_minor, 0, None), None)
    assert totals.refunded(order) == paid
    assert totals.current_total(order) == 0
    assert totals.financial_status(order) == ("refunded" if paid else "paid")


@settings(max_examples=40)
@given(order_wishes(), st.data())
def test_a_cancellation_after_anything_gives_back_the_rest(wish: dict[str, Any], data: st.DataObject) -> None:
    shop = make_shop(wish["currency"])
    order = place(shop, **wish)
    line = order.lines[0]
    if data.draw(st.booleans()):
        orders.edit(shop, order, (), [(line, line.kept - 1)], None)
    left = totals.received(order)
    if left and data.draw(st.booleans()):
        refunds.refund(shop, order, RefundRequest((), 0, data.draw(st.integers(1, left)), None), None)
    refunds.cancel(shop, order, "customer", True, None)
    check_sums(order)
    assert totals.refunded(order) == totals.received(order)
    assert (totals.current_total(order), totals.outstanding(order)) == (0, 0)


def test_money_back_for_no_line_is_a_negative_discrepancy() -> None:
    shop = make_shop()
    order = place(shop, lines=[{"price": "20.00"}])
    made: Any = refund_body(refunds.refund(shop, order, RefundRequest((), 0, 300, "sorry"), None))
    assert [part["amount"] for part in made["order_adjustments"]] == ["-3.00"]
    assert [payment["amount"] for payment in made["transactions"]] == ["3.00"]
    assert order_body(order)["current_total_price"] == "20.00"
    assert totals.outstanding(order) == 0


def test_money_back_after_an_edit_is_no_discrepancy() -> None:
    shop = make_shop()
    order = place(shop, lines=[{"price": "20.00", "quantity": 2}])
    orders.edit(shop, order, (), [(order.lines[0], 1)], None)
    assert totals.outstanding(order) == -2000
    made: Any = refund_body(refunds.refund(shop, order, RefundRequest((), 0, 2000, None), None))
    assert made["order_adjustments"] == []
    assert totals.outstanding(order) == 0


def test_a_cancellation_without_refund_keeps_the_money() -> None:
    shop = make_shop()
    order = place(shop, lines=[{"price": "20.00"}])
    made: Any = refund_body(refunds.cancel(shop, order, "fraud", False, None))  # type: ignore[arg-type]
    assert made["transactions"] == []
    body = order_body(order)
    assert (body["financial_status"], body["cancel_reason"], body["current_total_price"]) == ("paid", "fraud", "0.00")


def test_a_cancelled_unpaid_order_is_voided() -> None:
    shop = make_shop()
    order = place(shop, lines=[{"price": "20.00"}], paid=False)
    assert order_body(order)["financial_status"] == "pending"
    assert refunds.cancel(shop, order, "other", True, None) is None
    assert order_body(order)["financial_status"] == "voided"


def test_a_line_added_by_an_edit_is_paid_afterwards() -> None:
    shop = make_shop()
    order = place(shop, lines=[{"price": "20.00"}])
    added = read_order({"lines": [{"title": "More", "price": "5.00"}]}, "USD").lines
    orders.edit(shop, order, added, [], None)
    assert (totals.financial_status(order), totals.outstanding(order)) == ("partially_paid", 500)
    payments.pay(shop, order, None)
    assert (totals.financial_status(order), totals.received(order)) == ("paid", 2500)


def test_updated_at_moves_on_by_at_least_a_second_with_every_change() -> None:
    shop = make_shop()
    order = place(shop, lines=[{"price": "20.00", "quantity": 5}], created_at="2026-01-01T10:00:00Z")
    seen = [order.updated_at]
    for _ in range(4):
        refunds.refund(
            shop, order, RefundRequest(((order.lines[0], 1),), 0, 0, None), datetime(2026, 1, 1, 10, tzinfo=UTC)
        )
        seen.append(order.updated_at)
    assert [(later - earlier).total_seconds() for earlier, later in pairwise(seen)] == [1, 1, 1, 1]


def test_times_carry_the_shops_offset() -> None:
    body = order_body(place(make_shop(), lines=[{"price": "1.00"}], created_at="2026-01-01T10:00:00Z"))
    assert body["created_at"] == "2026-01-01T05:00:00-05:00"


def test_the_same_seed_draws_the_same_shop() -> None:
    draws = [[make_shop().random.random() for _ in range(3)] for _ in range(2)]
    assert draws[0] == draws[1]


@given(st.integers(0, 10**6), st.integers(1, 50))
def test_shares_of_units_end_at_the_whole(total: int, whole: int) -> None:
    assert (share(total, whole, whole), share(total, 0, whole)) == (total, 0)
