"""An order's body in every shape Shopify has sent, and the oddities, as facts with exact amounts."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.engine.rules.facts import CustomerFact, FinancialStatus, OrderLine
from app.webhooks.body import BodyError, read_object
from app.webhooks.orders import parse_order
from tests.webhooks.sending import example, example_bytes

Body = dict[str, Any]
#: 2017's shape: no ``*_set``, no allocations, no current quantities, no global ids, amounts as text or number.
OLD: Body = {
    "id": 5180000004,
    "name": "#1007",
    "created_at": "2017-06-15T17:52:28+02:00",
    "updated_at": "2017-06-25T13:35:51+02:00",
    "currency": "EUR",
    "financial_status": "paid",
    "taxes_included": True,
    "total_price": "119.00",
    "gateway": "bank, by hand",
    "line_items": [
        {
            "id": 10060000001,
            "title": "Brass lamp",
            "quantity": 2,
            "price": "60.00",
            "total_discount": "20.00",
            "tax_lines": [{"price": "15.97", "rate": 0.19, "title": "MwSt"}],
        }
    ],
}


def money(amount: str, currency: str = "USD") -> Body:
    return {
        "shop_money": {"amount": amount, "currency_code": currency},
        "presentment_money": {"amount": "99999.99", "currency_code": "SEK"},
    }


def line(**changes: Any) -> OrderLine:
    """Return the first line of the example order with some of its fields changed; None takes a field out."""
    body = example("orders/paid")
    first = body["line_items"][0]
    for name, value in changes.items():
        first[name] = value
        first.pop(f"{name}_set", None)
    body["line_items"] = [{name: value for name, value in first.items() if value is not None}]
    return parse_order(body).lines[0]


def old(**changes: Any) -> Body:
    return {**OLD, **changes}


def test_the_example_order_is_read_field_by_field() -> None:
    order = parse_order(read_object(example_bytes("orders/paid")))
    assert (order.order_id, order.name, order.currency) == (9007199254740995, "#2041", "USD")
    assert order.financial_status is FinancialStatus.PAID
    assert (order.is_test, order.taxes_included, order.cancelled_at) == (False, False, None)
    assert order.placed_at == datetime(2026, 3, 2, 17, 30, tzinfo=UTC)
    assert order.updated_at == datetime(2026, 3, 2, 17, 31, 7, tzinfo=UTC)
    assert order.placed_at.tzinfo is UTC
    assert order.customer == CustomerFact(8200000000017, "mara.lindqvist@example.com", "Mara Lindqvist", None)
    assert (order.total_minor, order.tags, order.source_name) == (13692, ("spring", "wholesale-lead"), "web")
    assert (order.payment_gateways, order.refunds) == (("shopify_payments",), ())
    apron, tray, gift_card = order.lines
    assert apron == OrderLine(
        line_id=9110000000000101,
        title="Linen apron",
        quantity=2,
        removed_quantity=0,
        net_minor=7200,
        tax_minor=576,
        product_id=7300000000001,
        variant_id=7300000005001,
        sku="SKU-101",
        vendor="Harbour & Loom",
        discount_minor=800,
    )
    assert (order.email, order.is_b2b, order.discount_codes) == ("mara.lindqvist@example.com", False, ())
    assert (order.shipping_minor, order.shipping_tax_minor, order.fulfilled_at) == (500, 0, None)
    assert (order.billing_country, order.shipping_country) == (None, None)
    assert (tray.net_minor, tray.tax_minor, tray.is_gift_card) == (2700, 216, False)
    assert (gift_card.net_minor, gift_card.tax_minor, gift_card.is_gift_card) == (2500, 0, True)


def test_the_shape_of_2017_is_read_too() -> None:
    order = parse_order(OLD)
    # twice 60.00 - 20.00 = 100.00, of which 15.97 is tax
    assert [(line.net_minor, line.tax_minor, line.removed_quantity) for line in order.lines] == [(8403, 1597, 0)]
    assert (order.total_minor, order.payment_gateways, order.customer) == (11900, ("bank, by hand",), None)


def test_shop_money_is_preferred_to_the_text_beside_it() -> None:
    body = example("orders/paid")
    body["line_items"] = body["line_items"][:1]
    body["line_items"][0] |= {"price": "1.00", "price_set": money("40.00"), "tax_lines": []}
    body |= {"total_price": "1.00", "total_price_set": money("72.00")}
    order = parse_order(body)
    assert (order.lines[0].net_minor, order.total_minor) == (7200, 7200)


def test_a_set_without_an_amount_falls_back_to_the_text() -> None:
    empties: list[Body | None] = [None, {}, *({"shop_money": money} for money in (None, {}, {"amount": None}))]
    for empty in empties:
        assert parse_order(old(total_price_set=empty)).total_minor == 11900


def test_shop_money_in_another_currency_than_the_orders_is_refused() -> None:
    with pytest.raises(BodyError, match=r"total_price_set\.shop_money\.currency_code must be EUR; it is text 'USD'"):
        parse_order(old(total_price_set=money("119.00", "USD")))


@pytest.mark.parametrize(
    ("price", "net_minor"),
    [("40.00", 7200), ("40.0", 7200), ("40", 7200), (40, 7200), (Decimal("40.00"), 7200), (Decimal("4e1"), 7200)],
)
def test_an_amount_may_be_text_or_a_number(price: object, net_minor: int) -> None:
    assert line(price=price).net_minor == net_minor


def test_a_number_with_the_noise_of_a_double_is_the_amount_it_stands_for() -> None:
    assert line(price=Decimal("17.990000000000002"), discount_allocations=[]).net_minor == 3598


@pytest.mark.parametrize(
    "price", ["40.001", "4o", "", "1e2", "-", "NaN", "40,00", None, True, [], {}, Decimal("40.001"), 0.5]
)
def test_what_is_no_exact_amount_is_refused_with_its_place(price: object) -> None:
    with pytest.raises(BodyError, match=r"line_items\[0\]\.price must be an amount in USD; it is "):
        line(price=price)


@pytest.mark.parametrize("price", ["99999999999999.99", Decimal("1e999"), 10**30, int("9" * 4000)])
def test_an_amount_beyond_the_books_is_refused(price: object) -> None:
    with pytest.raises(BodyError, match=r"line_items\[0\]\.price must be an amount"):
        line(price=price)


def test_lines_that_together_are_beyond_the_books_are_refused() -> None:
    with pytest.raises(BodyError, match="more than the books can hold"):
        line(price="9999999999999.99", quantity=1_000_000)


@pytest.mark.parametrize(
    ("currency", "price", "net_minor"),
    [("JPY", "4000", 8000), ("JPY", "4000.0", 8000), ("KWD", "4.125", 8250), ("ISK", 400, 800), ("EUR", "4.10", 820)],
)
def test_decimals_follow_the_currency(currency: str, price: object, net_minor: int) -> None:
    lines = [{"id": 1, "title": "x", "quantity": 2, "price": price}]
    assert parse_order(old(currency=currency, total_price=0, line_items=lines)).lines[0].net_minor == net_minor


def test_yen_with_a_fraction_are_refused() -> None:
    with pytest.raises(BodyError, match=r"must be an amount in JPY; it is text '40\.50'"):
        parse_order(old(currency="JPY", total_price="40.50", line_items=[]))


def test_allocations_count_and_the_lines_own_discount_only_where_there_are_none() -> None:
    assert line(total_discount="5.00").net_minor == 7200, "the allocation of 8.00 is all of the discount"
    assert line(total_discount="5.00", discount_allocations=[]).net_minor == 8000
    assert line(total_discount="5.00", discount_allocations=None).net_minor == 7500
    two = [{"amount": "3.33"}, {"amount": "1.00", "amount_set": money("3.34")}]
    assert line(discount_allocations=two).net_minor == 8000 - 333 - 334


@pytest.mark.parametrize("part", ["discount_allocations", "tax_lines"])
def test_a_part_of_a_line_without_its_amount_is_refused(part: str) -> None:
    with pytest.raises(BodyError, match=rf"line_items\[0\]\.{part}\[0\]\.\w+ must be an amount in USD; it is nothing"):
        line(**{part: [{"title": "?"}]})


def test_tax_is_taken_off_only_where_prices_include_it() -> None:
    body = example("orders/paid")
    assert parse_order(body).lines[0].net_minor == 7200
    assert parse_order({**body, "taxes_included": True}).lines[0].net_minor == 7200 - 576


def test_several_taxes_of_a_line_are_added() -> None:
    taxes = [{"price": "7.81"}, {"price": Decimal("3.26")}, {"price": "1", "price_set": money("0.50")}]
    assert line(tax_lines=taxes).tax_minor == 781 + 326 + 50


def test_nothing_is_ever_worth_less_than_nothing() -> None:
    assert line(price="1.00").net_minor == 0  # 2.00 - 8.00
    assert line(price="-40.00").net_minor == 0
    assert line(tax_lines=[{"price": "-1.00"}]).tax_minor == 0
    assert parse_order(old(total_price="-5.00")).total_minor == 0


def test_a_missing_total_is_what_the_lines_add_up_to() -> None:
    assert parse_order(old(total_price=None)).total_minor == 10000


@pytest.mark.parametrize(
    ("quantity", "current", "returned", "removed"),
    [
        (3, 3, 0, 0),
        (3, 1, 0, 2),
        (3, 1, 2, 0),
        (3, 0, 2, 1),
        (3, 3, 2, 0),
        (3, 5, 0, 0),
        (3, None, 0, 0),
        (3, None, 2, 0),
    ],
)
def test_units_edited_out_are_those_that_neither_stayed_nor_were_refunded(
    quantity: int, current: int | None, returned: int, removed: int
) -> None:
    body = example("orders/paid")
    body["line_items"][0] |= {"quantity": quantity, "current_quantity": current}
    refund = {**example("refunds/create"), "id": 1, "admin_graphql_api_id": None}
    refund["refund_line_items"][0]["quantity"] = returned
    body["refunds"] = [refund, refund]  # told twice, returned once
    assert parse_order(body).lines[0].removed_quantity == removed


def test_refunds_inside_the_order_are_facts_with_the_orders_exact_id() -> None:
    order = parse_order(example("orders/cancelled"))
    (refund,) = order.refunds
    assert order.cancelled_at == datetime(2026, 3, 4, 7, 15, tzinfo=UTC)
    assert (refund.order_id, refund.refund_id) == (9007199254740995, 4400000000000900)
    assert (refund.money_minor, refund.shipping_minor) == (13692, 500)
    assert [(line.quantity, line.subtotal_minor, line.tax_minor) for line in refund.lines] == [
        (2, 7200, 576),
        (1, 2700, 216),
        (1, 2500, 0),
    ]


@pytest.mark.parametrize("customer", [None, {}, {"id": None}, {"id": None, "email": "x@example.com"}])
def test_nobody_is_nobody(customer: object) -> None:
    assert parse_order(old(customer=customer)).customer is None


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (None, None),
        ("", ()),
        ("vip", ("vip",)),
        (" vip,  Noël ,, vip", ("vip", "Noël")),
        (["a, b", "c", 7, None], ("a, b", "c")),
        (17, None),
    ],
)
def test_tags_come_as_text_with_commas_or_as_a_list_or_not_at_all(
    tags: object, expected: tuple[str, ...] | None
) -> None:
    order = parse_order(old(tags=tags, customer={"id": 5, "tags": tags}))
    assert order.tags == (expected or ())
    assert order.customer == CustomerFact(5, None, None, expected)


def test_ids_of_64_bits_stay_exact() -> None:
    body = read_object(b'{"id": 9223372036854775807}')
    assert parse_order(old(**body)).order_id == 2**63 - 1


@pytest.mark.parametrize(
    ("number", "gid", "expected"),
    [
        (820982911946154500, "gid://shopify/Order/820982911946154508", 820982911946154508),
        (450789469, "gid://shopify/Order/450789469", 450789469),
        # The number says another order than the global id: no rounding explains that, so the number counts.
        (450789470, "gid://shopify/Order/450789469", 450789470),
        (820982911946154500, "gid://shopify/Order/820982911946999999", 820982911946154500),
        (450789469, None, 450789469),
        (450789469, "Order/1", 450789469),
        (450789469, 7, 450789469),
        ("450789469", None, 450789469),
    ],
)
def test_the_global_id_gives_back_the_digits_a_double_lost(number: object, gid: object, expected: int) -> None:
    assert parse_order(old(id=number, admin_graphql_api_id=gid)).order_id == expected


@pytest.mark.parametrize("bad", [0, -1, 2**63, True, 1.5, Decimal("12.0"), "", "12x", "٣", [], {}, "9" * 30])
def test_what_is_no_id_is_refused(bad: object) -> None:
    with pytest.raises(BodyError, match=r"^id must be an id; it is "):
        parse_order(old(id=bad))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-03-02T18:30:00+01:00", datetime(2026, 3, 2, 17, 30, tzinfo=UTC)),
        ("2026-03-02T18:30:00Z", datetime(2026, 3, 2, 18, 30, tzinfo=UTC)),
        ("2026-03-02T18:30:00.250-05:00", datetime(2026, 3, 2, 23, 30, 0, 250_000, UTC)),
    ],
)
def test_times_are_brought_to_utc(written: str, expected: datetime) -> None:
    order = parse_order(old(processed_at=written, updated_at=written))
    assert (order.placed_at, order.updated_at) == (expected, expected)


@pytest.mark.parametrize("bad", ["2026-03-02T18:30:00", "yesterday", "", 1772472600, "0001-01-01T00:00:00+23:00", []])
def test_a_time_without_offset_or_sense_is_refused(bad: object) -> None:
    with pytest.raises(BodyError, match="updated_at must be a time with its offset"):
        parse_order(old(updated_at=bad))


def test_the_order_was_placed_when_it_was_processed_or_else_created() -> None:
    created = datetime(2017, 6, 15, 15, 52, 28, tzinfo=UTC)
    assert parse_order(OLD).placed_at == created
    assert parse_order(old(processed_at="2017-06-14T00:00:00Z")).placed_at == datetime(2017, 6, 14, tzinfo=UTC)


def test_a_version_without_its_time_has_the_time_at_which_it_was_sent_or_the_order_placed() -> None:
    sent = datetime(2017, 7, 1, tzinfo=UTC)
    body = old(updated_at=None)
    assert parse_order(body, sent).updated_at == sent
    assert parse_order(body).updated_at == parse_order(body).placed_at


@pytest.mark.parametrize("value", ["paid", "PAID", "partially_refunded", "voided", "expired", "authorized"])
def test_every_known_payment_status_is_read(value: str) -> None:
    assert parse_order(old(financial_status=value)).financial_status == value.lower()


def test_an_order_on_which_no_payment_was_tried_is_not_paid() -> None:
    assert parse_order(old(financial_status=None)).financial_status is FinancialStatus.PENDING
    cancelled = old(financial_status=None, cancelled_at="2017-07-02T10:00:00-04:00")
    assert parse_order(cancelled).financial_status is FinancialStatus.VOIDED


def test_an_order_that_says_nothing_of_its_payment_is_refused() -> None:
    body = old()
    del body["financial_status"]
    with pytest.raises(BodyError, match=r"financial_status must be one of .*; it is missing"):
        parse_order(body)


@pytest.mark.parametrize("value", ["settled", "", 1, ["paid"]])
def test_an_unknown_payment_status_is_refused_and_never_taken_for_paid(value: object) -> None:
    with pytest.raises(BodyError, match="financial_status must be one of pending, authorized, "):
        parse_order(old(financial_status=value))


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), ("true", True), (1, True), (False, False), (None, False)]
)
def test_a_test_order_is_known_as_one(value: object, expected: bool) -> None:
    assert parse_order(old(test=value)).is_test is expected


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("id", "id must be an id; it is nothing."),
        ("currency", "currency must be a currency code like USD; it is nothing."),
        ("line_items", "line_items must be a list; it is nothing."),
        ("created_at", "processed_at must be a time with its offset; it is nothing."),
    ],
)
def test_a_missing_field_is_named(field: str, sentence: str) -> None:
    with pytest.raises(BodyError) as refused:
        parse_order({name: value for name, value in OLD.items() if name != field})
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("field", "value"),
    [("line_items", {}), ("line_items", ["x"]), ("line_items", [None]), ("refunds", 7), ("customer", "Mara"),
     ("customer", {"id": "Mara"}), ("currency", "usd"), ("currency", "US\n"), ("refunds", [{}])],
)  # fmt: skip
def test_a_field_of_another_kind_is_named(field: str, value: object) -> None:
    with pytest.raises(BodyError, match=f"^{field}"):
        parse_order(old(**{field: value}))


@pytest.mark.parametrize("quantity", [None, -1, "two", 1.5, True, 10**7])
def test_what_is_no_quantity_is_refused(quantity: object) -> None:
    with pytest.raises(BodyError, match=r"line_items\[0\]\.quantity must be a quantity"):
        line(quantity=quantity)


def test_text_is_cleaned_of_what_the_database_cannot_store_and_cut() -> None:
    body = read_object(json.dumps(old(name="#1\x00007 \ud83d", source_name="x" * 5000)).encode())
    order = parse_order(body)
    assert order.name == "#1007 \ufffd"
    assert order.source_name == "x" * 255


def test_a_sentence_quotes_little_and_in_plain_letters() -> None:
    with pytest.raises(BodyError) as refused:
        parse_order(old(currency="\x00\ud83d" + "é" * 1000))
    assert str(refused.value).isascii()
    assert len(str(refused.value)) < 300


def test_of_a_repeated_name_the_last_counts() -> None:
    assert read_object(b'{"id": 1, "id": 2}') == {"id": 2}


def test_what_the_customer_reads_is_kept_if_it_is_a_locale() -> None:
    assert parse_order(old(customer_locale="pt-BR")).locale == "pt-BR"
    assert parse_order(old()).locale is None
    assert parse_order(old(customer_locale="<script>")).locale is None
