"""What an order's body says around its lines: shipping, codes, companies, countries, parcels, the guest's email."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.engine.rules.facts import OrderFact
from app.webhooks.body import BodyError
from app.webhooks.orders import parse_order
from tests.webhooks.sending import example

Body = dict[str, Any]


def order(**changes: Any) -> OrderFact:
    """Return the example order with some of its fields changed."""
    return parse_order({**example("orders/paid"), **changes})


def parcel(created_at: str, status: str = "success") -> Body:
    return {"id": 1, "status": status, "created_at": created_at}


@pytest.mark.parametrize(
    ("fields", "email"),
    [
        ({"email": "Ada@Example.com"}, "ada@example.com"),
        ({"email": "", "contact_email": " guest@example.com "}, "guest@example.com"),
        ({"email": None, "contact_email": None}, None),
        ({"email": "no address"}, None),
    ],
)
def test_the_email_is_the_orders_or_the_contacts_in_small_letters(fields: Body, email: str | None) -> None:
    assert order(**{"email": None, **fields}).email == email


@pytest.mark.parametrize(("company", "is_b2b"), [({"id": 71, "location_id": 72}, True), (None, False), ({}, False)])
def test_an_order_with_a_company_is_b2b(company: Body | None, is_b2b: bool) -> None:
    assert order(company=company).is_b2b is is_b2b


def test_discount_codes_are_kept_once_each_and_in_their_order() -> None:
    codes = [{"code": "SPRING", "amount": "5.00"}, {"code": " VIP "}, {"code": "SPRING"}, {"code": None}]
    assert order(discount_codes=codes).discount_codes == ("SPRING", "VIP")


@pytest.mark.parametrize(
    ("line", "included", "expected"),
    [
        ({"price": "5.00"}, False, (500, 0)),
        ({"price": "5.00", "tax_lines": [{"price": "0.40"}]}, False, (500, 40)),
        ({"price": "5.00", "tax_lines": [{"price": "0.40"}, {"price": "0.10"}]}, True, (450, 50)),
        ({"price": "5.00", "discount_allocations": [{"amount": "2.00"}]}, False, (300, 0)),
        # An order's discount is in the allocations only, a carrier's own in the discounted price only.
        ({"price": "5.00", "discounted_price": "5.00", "discount_allocations": [{"amount": "5.00"}]}, False, (0, 0)),
        ({"price": "5.00", "discounted_price": "1.00", "discount_allocations": []}, False, (100, 0)),
        ({"price": "5.00", "discounted_price": "1.00", "tax_lines": [{"price": "2.00"}]}, True, (0, 200)),
        ({"price": "5.00", "is_removed": True}, False, (0, 0)),
    ],
)
def test_shipping_is_what_was_to_pay_for_it_without_its_tax(
    line: Body, included: bool, expected: tuple[int, int]
) -> None:
    read = order(shipping_lines=[line], taxes_included=included)
    assert (read.shipping_minor, read.shipping_tax_minor) == expected


def test_several_parcels_add_up_and_no_shipping_is_nothing() -> None:
    assert order(shipping_lines=[{"price": "5.00"}, {"price": "2.50"}]).shipping_minor == 750
    assert order(shipping_lines=None).shipping_minor == 0


def test_shipping_beyond_what_the_books_can_hold_is_refused() -> None:
    dear = {"price": "9999999999999.00"}
    with pytest.raises(BodyError, match="shipping_lines add up to more than the books can hold"):
        order(shipping_lines=[dear, dear])


@pytest.mark.parametrize(
    ("status", "parcels", "at"),
    [
        ("fulfilled", [parcel("2026-03-03T10:00:00Z"), parcel("2026-03-05T10:00:00+01:00")], "2026-03-05T09:00Z"),
        # What was called off did not leave.
        ("fulfilled", [parcel("2026-03-03T10:00:00Z"), parcel("2026-03-09T10:00Z", "cancelled")], "2026-03-03T10:00Z"),
        ("fulfilled", [], None),
        ("partial", [parcel("2026-03-03T10:00:00Z")], None),
        (None, [parcel("2026-03-03T10:00:00Z")], None),
    ],
)
def test_an_order_is_fulfilled_when_its_last_parcel_left(
    status: str | None, parcels: list[Body], at: str | None
) -> None:
    read = order(fulfillment_status=status, fulfillments=parcels)
    assert read.fulfilled_at == (None if at is None else datetime.fromisoformat(at))


def test_a_parcel_without_its_time_is_refused() -> None:
    with pytest.raises(BodyError, match=r"fulfillments\[0\]\.created_at must be a time with its offset"):
        order(fulfillment_status="fulfilled", fulfillments=[{"status": "success"}])


@pytest.mark.parametrize(
    ("address", "country"),
    [({"country_code": "PL"}, "PL"), ({"country_code": "de"}, "DE"), ({"country_code": "Poland"}, None), (None, None)],
)
def test_countries_are_two_letters_or_nothing(address: Body | None, country: str | None) -> None:
    read = order(billing_address=address, shipping_address={"country_code": "SE"})
    assert (read.billing_country, read.shipping_country) == (country, "SE")


def test_a_customers_account_has_its_opening_where_the_body_says_it() -> None:
    customer = example("orders/paid")["customer"]
    told = order(customer={**customer, "created_at": "2024-02-29T12:00:00+01:00"}).customer
    assert told is not None
    assert told.created_at == datetime(2024, 2, 29, 11, tzinfo=UTC)


def test_a_line_keeps_its_discounts_as_stated() -> None:
    lines = example("orders/paid")["line_items"]
    lines[0]["discount_allocations"] = [{"amount": "3.00"}, {"amount": "1.25"}]
    assert order(line_items=lines, taxes_included=True).lines[0].discount_minor == 425
