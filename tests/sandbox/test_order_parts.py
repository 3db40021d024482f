"""What an order's body holds besides lines and payments: addresses, company, discounts, shipping, guests."""

from typing import Any

import pytest

from tests.sandbox.conftest import Shopper
from tests.sandbox.tiny_app import TinyApp

ORDER = """query Parts($id: ID!) { order(id: $id) { email cancelledAt displayFinancialStatus sourceName discountCodes
    billingAddressMatchesShippingAddress billingAddress { countryCodeV2 name } shippingAddress { countryCodeV2 city }
    purchasingEntity { __typename ... on Customer { id } ... on PurchasingCompany { company { name } location { id } } }
    totalShippingPriceSet { shopMoney { amount } } totalTaxSet { shopMoney { amount } }
    totalDiscountsSet { shopMoney { amount } }
    shippingLines(first: 2) { nodes { originalPriceSet { shopMoney { amount } }
      discountedPriceSet { shopMoney { amount } } currentDiscountedPriceSet { shopMoney { amount } }
      taxLines { ratePercentage priceSet { shopMoney { amount } } }
      discountAllocations { allocatedAmountSet { shopMoney { amount } } } } }
    refunds { refundShippingLines(first: 2) { nodes { subtotalAmountSet { shopMoney { amount } }
      taxAmountSet { shopMoney { amount } } } } totalRefundedSet { shopMoney { amount } } } } }"""


def read(shopper: Shopper, order: dict[str, Any]) -> dict[str, Any]:
    return shopper.graphql(ORDER, id=order["admin_graphql_api_id"])["data"]["order"]


def amount(value: dict[str, Any]) -> str:
    return value["shopMoney"]["amount"]


def test_addresses_may_lie_in_two_countries(shopper: Shopper) -> None:
    order = shopper.order(billing_address={"country_code": "DE", "city": "Kiel"}, shipping_address="US")
    assert (order["billing_address"]["country_code"], order["billing_address"]["country"]) == ("DE", "Germany")
    assert (order["billing_address"]["city"], order["shipping_address"]["country_code"]) == ("Kiel", "US")
    found = read(shopper, order)
    assert found["billingAddress"] == {"countryCodeV2": "DE", "name": "Ada Example"}
    assert found["shippingAddress"] == {"countryCodeV2": "US", "city": "Exampleton"}
    assert found["billingAddressMatchesShippingAddress"] is False


def test_an_order_without_addresses_has_none(shopper: Shopper) -> None:
    order = shopper.order()
    assert (order["billing_address"], order["shipping_address"]) == (None, None)
    assert read(shopper, order)["billingAddress"] is None


def test_a_company_buys_and_the_body_says_so(shopper: Shopper) -> None:
    own, person = shopper.order(company={"name": "Acme", "id": 5, "location_id": 6}), shopper.order()
    assert own["company"] == {"id": 5, "location_id": 6}
    assert "company" not in person
    assert read(shopper, own)["purchasingEntity"] == {
        "__typename": "PurchasingCompany",
        "company": {"name": "Acme"},
        "location": {"id": "gid://shopify/CompanyLocation/6"},
    }
    assert read(shopper, person)["purchasingEntity"] == {
        "__typename": "Customer",
        "id": person["customer"]["admin_graphql_api_id"],
    }
    assert shopper.order(company=True)["company"]["id"] > 0


def test_a_guest_with_an_address_becomes_a_customer_later(shopper: Shopper, app: TinyApp) -> None:
    order = shopper.order(customer=None, email="gus@example.com")
    assert (order["customer"], order["email"], order["contact_email"]) == (None, *["gus@example.com"] * 2)
    found = read(shopper, order)
    assert (found["email"], found["purchasingEntity"]) == ("gus@example.com", None)
    gus = shopper.post("customers", email="gus@example.com", verified_email=True)["customer"]
    after = shopper.post(f"orders/{order['id']}/customer", customer=gus["id"])["order"]
    shopper.settle()
    assert (after["customer"]["id"], after["email"]) == (gus["id"], "gus@example.com")
    assert after["customer"]["created_at"] is not None
    assert app.topics()[-1] == "orders/updated"


def test_codes_of_lines_and_of_shipping_are_told_apart(shopper: Shopper) -> None:
    order = shopper.order(
        "20.00",
        discount={"type": "percentage", "value": "10", "code": "TEN"},
        shipping="8.00",
        shipping_discount={"type": "fixed", "value": "3.00", "code": "SHIP3"},
    )
    assert order["discount_codes"] == [
        {"code": "TEN", "amount": "2.00", "type": "percentage"},
        {"code": "SHIP3", "amount": "3.00", "type": "shipping"},
    ]
    assert [(one["target_type"], one["value_type"], one["code"]) for one in order["discount_applications"]] == [
        ("line_item", "percentage", "TEN"),
        ("shipping_line", "fixed_amount", "SHIP3"),
    ]
    (line,) = order["shipping_lines"]
    assert (line["price"], line["discounted_price"]) == ("8.00", "5.00")
    (part,) = line["discount_allocations"]
    assert (part["amount"], part["discount_application_index"]) == ("3.00", 1)
    assert order["line_items"][0]["discount_allocations"][0]["discount_application_index"] == 0
    assert (order["total_discounts"], order["total_price"]) == ("5.00", "23.00")
    found = read(shopper, order)
    assert (found["discountCodes"], amount(found["totalDiscountsSet"])) == (["TEN", "SHIP3"], "5.0")
    (shown,) = found["shippingLines"]["nodes"]
    assert (amount(shown["originalPriceSet"]), amount(shown["discountedPriceSet"])) == ("8.0", "5.0")
    assert amount(shown["discountAllocations"][0]["allocatedAmountSet"]) == "3.0"
    assert amount(found["totalShippingPriceSet"]) == "8.0"


def test_a_discount_without_a_code_is_automatic(shopper: Shopper) -> None:
    order = shopper.order("20.00", discount={"type": "percentage", "value": "10", "code": None})
    assert order["discount_codes"] == []
    (application,) = order["discount_applications"]
    assert (application["type"], "code" in application) == ("automatic", False)
    assert order["total_discounts"] == "2.00"


def test_free_shipping_keeps_its_line(shopper: Shopper) -> None:
    order = shopper.order("20.00", shipping="8.00", shipping_discount={"type": "percentage", "value": "100"})
    (line,) = order["shipping_lines"]
    assert (line["price"], line["discounted_price"], order["total_price"]) == ("8.00", "0.00", "20.00")
    assert order["discount_codes"][0]["code"] == "FREESHIP"


@pytest.mark.parametrize(
    ("included", "total", "tax", "back"), [(False, "30.00", "5.00", "6.0"), (True, "25.00", "4.16", "5.0")]
)
def test_taxed_shipping_goes_back_with_its_tax(
    shopper: Shopper, included: bool, total: str, tax: str, back: str
) -> None:
    wanted = {"rate": "0.2", "included": included, "shipping": True}
    order = shopper.order("20.00", shipping="5.00", tax=wanted)
    assert (order["total_price"], order["total_tax"]) == (total, tax)
    (line,) = order["shipping_lines"]
    assert line["tax_lines"][0]["price"] == ("0.83" if included else "1.00")
    after = shopper.post(f"orders/{order['id']}/refund", shipping=True)["order"]
    assert after["current_shipping_price_set"]["shop_money"]["amount"] == "0.00"
    (told,) = after["refunds"][0]["refund_shipping_lines"]
    assert told["subtotal_amount_set"]["shop_money"]["amount"] == "5.00"
    assert after["refunds"][0]["order_adjustments"] == []
    (refund,) = read(shopper, order)["refunds"]
    assert amount(refund["totalRefundedSet"]) == back
    (shown,) = refund["refundShippingLines"]["nodes"]
    assert amount(shown["taxAmountSet"]) == ("0.83" if included else "1.0")


def test_a_cancelled_order_reads_as_cancelled(shopper: Shopper) -> None:
    order = shopper.order(source_name="pos")
    shopper.post(f"orders/{order['id']}/cancel", at="2030-01-01T10:00:00Z")
    found = read(shopper, order)
    assert (found["cancelledAt"], found["displayFinancialStatus"]) == ("2030-01-01T10:00:00Z", "REFUNDED")
    assert found["sourceName"] == "pos"


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"billing_address": "Germany"}, "billing_address.country_code must be a country code"),
        ({"shipping_address": {"city": "Kiel"}}, "shipping_address.country_code must be a country code"),
        ({"shipping_address": 5}, "shipping_address must be a country code"),
        ({"company": "Acme"}, "company must be true or"),
        ({"shipping_discount": {"type": "half"}}, "shipping_discount must be"),
        ({"email": 5}, "email must be a string"),
        ({"risk": "extreme"}, "risk must be one of"),
        ({"fulfilled": 1}, "fulfilled must be true or false"),
        ({"tax": {"rate": "0.2", "shipping": "yes"}}, "shipping must be true or false"),
    ],
)
def test_a_bad_wish_is_refused_and_places_nothing(shopper: Shopper, wish: dict[str, Any], sentence: str) -> None:
    assert sentence in shopper.refusal("orders", {"lines": [{"price": "10.00"}], **wish})
    assert shopper.get("orders")["count"] == 0
