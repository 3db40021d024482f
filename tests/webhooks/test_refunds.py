"""A refund's body as a fact: its lines, the money that moved, and the part of it that was for shipping."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.engine.rules.facts import RefundLine
from app.webhooks.body import BodyError, read_object
from app.webhooks.orders import parse_order
from app.webhooks.refunds import parse_refund
from tests.webhooks.sending import example, example_bytes

Body = dict[str, Any]
#: 2017's shape, money only.
OLD: Body = {"id": 71, "order_id": 5180000004, "created_at": "2017-10-07T13:59:31+02:00"}


def both(shop: str, presentment: str, currency: str = "EUR") -> Body:
    return {
        "shop_money": {"amount": shop, "currency_code": "USD"},
        "presentment_money": {"amount": presentment, "currency_code": currency},
    }


def paid(amount: object, currency: str | None = "USD", **changes: Any) -> Body:
    return {"kind": "refund", "status": "success", "amount": amount, "currency": currency, **changes}


def money_of(*transactions: Body, currency: str = "USD", **changes: Any) -> int:
    return parse_refund({**OLD, "transactions": list(transactions), **changes}, currency).money_minor


def test_the_example_refund_is_read_field_by_field() -> None:
    refund = parse_refund(read_object(example_bytes("refunds/create")), "USD")
    assert (refund.refund_id, refund.order_id) == (4400000000000700, 9007199254740995)
    assert refund.processed_at == datetime(2026, 3, 5, 9, tzinfo=UTC)
    assert refund.lines == (RefundLine(9110000000000101, 1, 3600, 288),)
    assert (refund.money_minor, refund.shipping_minor, refund.note) == (3888, 0, "A seam came loose")


def test_a_refund_is_the_same_fact_whether_it_comes_alone_or_inside_its_order() -> None:
    alone, order = example("refunds/create"), example("orders/paid")
    for taxes_included in (False, True):
        inside = parse_order({**order, "refunds": [alone], "taxes_included": taxes_included}).refunds[0]
        assert inside == parse_refund(alone, "USD")


def test_a_refund_may_name_nothing_at_all() -> None:
    refund = parse_refund(OLD, "USD")
    assert (refund.lines, refund.money_minor, refund.shipping_minor, refund.note) == ((), 0, 0, None)


def test_only_successful_refund_transactions_are_money() -> None:
    assert (
        money_of(
            paid("10.00"),
            paid("5.00", status="failure"),
            paid("6.00", status="pending"),
            paid("7.00", kind="void"),
            paid("8.00", kind="sale"),
            paid(Decimal("2.50")),
        )
        == 1250
    )


def test_a_transaction_may_name_no_currency() -> None:
    assert money_of(paid("75.00", None)) == 7500


@pytest.mark.parametrize(("currency", "amount", "minor"), [("JPY", "1500", 1500), ("KWD", "1.250", 1250)])
def test_without_shop_money_the_transactions_say_the_currency(currency: str, amount: str, minor: int) -> None:
    assert money_of(paid(amount, currency), currency="USD") == minor


def test_without_any_currency_the_shops_counts() -> None:
    assert money_of(paid("1500", None), currency="JPY") == 1500


def test_figures_come_from_the_set_and_else_from_the_number() -> None:
    lines = [
        {"line_item_id": 1, "quantity": 1, "subtotal": Decimal("1.0"), "subtotal_set": both("36.00", "33.00")},
        {"line_item_id": 2, "quantity": 2, "subtotal": Decimal("195.67"), "total_tax": Decimal("3.98")},
        {"line_item_id": 3, "quantity": 0},
    ]
    assert parse_refund({**OLD, "refund_line_items": lines}, "USD").lines == (
        RefundLine(1, 1, 3600, 0),
        RefundLine(2, 2, 19567, 398),
        RefundLine(3, 0, 0, 0),
    )


def test_the_lines_own_global_id_gives_back_the_digits_a_double_lost() -> None:
    inside = {"id": 487817672276298560, "admin_graphql_api_id": "gid://shopify/LineItem/487817672276298554"}
    line = {"line_item_id": 487817672276298560, "quantity": 1, "subtotal": "1.00", "line_item": inside}
    assert parse_refund({**OLD, "refund_line_items": [line]}, "USD").lines[0].line_id == 487817672276298554
    line["line_item"] = {**inside, "id": 5, "admin_graphql_api_id": "gid://shopify/LineItem/5"}
    assert parse_refund({**OLD, "refund_line_items": [line]}, "USD").lines[0].line_id == 487817672276298560


SHIPPED = {"subtotal_amount": "5.00", "subtotal_amount_set": both("5.00", "4.60")}
ADJUSTED = {"kind": "shipping_refund", "amount": "-5.00", "tax_amount": "-0.40"}


@pytest.mark.parametrize(
    ("lines", "adjustments", "shipping_minor"),
    [
        ([], [ADJUSTED], 540),
        ([SHIPPED], [], 500),
        ([SHIPPED], [ADJUSTED], 540),
        ([SHIPPED, SHIPPED], [], 1000),
        ([{**SHIPPED, "tax_amount_set": both("0.40", "0.37")}], [], 540),
        ([], [{**ADJUSTED, "kind": "refund_discrepancy"}], 0),
        ([], [{**ADJUSTED, "amount": "5.00", "tax_amount": None}], 0),
    ],
)
def test_shipping_is_found_in_either_place_and_counted_once(
    lines: list[Body], adjustments: list[Body], shipping_minor: int
) -> None:
    body = {**OLD, "refund_shipping_lines": lines, "order_adjustments": adjustments}
    assert parse_refund(body, "USD").shipping_minor == shipping_minor


def goods(subtotal: tuple[str, str], tax: tuple[str, str]) -> list[Body]:
    return [{"line_item_id": 1, "quantity": 1, "subtotal_set": both(*subtotal), "total_tax_set": both(*tax)}]


@pytest.mark.parametrize(
    ("lines", "changes", "paid_back", "money_minor"),
    [
        # tax beside the line: 100.00 + 8.00 dollars are 92.00 + 7.36 euros
        (goods(("100.00", "92.00"), ("8.00", "7.36")), {}, "99.36", 10800),
        # tax inside the line: 92.00 euros were all
        (goods(("100.00", "92.00"), ("8.00", "7.36")), {}, "92.00", 10000),
        # with 5.00 dollars of shipping
        (goods(("100.00", "92.00"), ("8.00", "7.36")), {"refund_shipping_lines": [SHIPPED]}, "103.96", 11300),
        # the shop kept 10.00 dollars
        (
            goods(("100.00", "92.00"), ("0.00", "0.00")),
            {"order_adjustments": [{"kind": "refund_discrepancy", "amount_set": both("10.00", "9.20")}]},
            "82.80",
            9000,
        ),
        # money only, beyond what is written: by the rate
        (
            [],
            {"order_adjustments": [{"kind": "refund_discrepancy", "amount_set": both("-20.00", "-18.40")}]},
            "9.20",
            1000,
        ),
    ],
)
def test_a_refund_paid_in_the_customers_currency_is_counted_in_the_shops(
    lines: list[Body], changes: Body, paid_back: str, money_minor: int
) -> None:
    body = {**changes, "refund_line_items": lines, "total_duties_set": both("0.00", "0.00")}
    assert money_of(paid(paid_back, "EUR"), **body) == money_minor


def test_without_a_rate_the_refunds_own_figures_count() -> None:
    lines = [{"line_item_id": 1, "quantity": 1, "subtotal": "30.00", "total_tax": "2.40"}]
    zero = both("0.00", "0.00")
    assert money_of(paid("29.80", "EUR"), refund_line_items=lines, total_duties_set=zero) == 3240


def test_a_transaction_with_shop_money_needs_no_rate() -> None:
    transaction = paid("9.20", "EUR", amount_set=both("10.00", "9.20"))
    assert money_of(transaction, total_duties_set=both("0.00", "0.00")) == 1000


def test_money_is_never_negative() -> None:
    assert money_of(paid("-3.00")) == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"id": None}, "id must be an id; it is nothing."),
        ({"order_id": None}, "order_id must be an id; it is nothing."),
        ({"created_at": None}, "processed_at must be a time with its offset; it is nothing."),
        ({"refund_line_items": {}}, "refund_line_items must be a list; it is an object."),
        ({"refund_line_items": [{"quantity": 1}]}, "refund_line_items[0].line_item_id must be an id; it is nothing."),
        (
            {"refund_line_items": [{"line_item_id": 1, "quantity": 1, "subtotal": "a lot"}]},
            "refund_line_items[0].subtotal must be an amount in USD; it is text 'a lot'.",
        ),
        (
            {"refund_line_items": [{"line_item_id": 1, "quantity": 1}]},
            "refund_line_items[0].subtotal must be an amount in USD; it is nothing.",
        ),
        ({"transactions": [paid(None)]}, "transactions[0].amount must be an amount in USD; it is nothing."),
        (
            {"transactions": [paid("9999999999999.99")] * 2},
            "The refund adds up to more than the books can hold.",
        ),
    ],
)
def test_what_cannot_be_read_is_named(changes: Body, sentence: str) -> None:
    with pytest.raises(BodyError) as refused:
        parse_refund({**OLD, **changes}, "USD")
    assert str(refused.value) == sentence
