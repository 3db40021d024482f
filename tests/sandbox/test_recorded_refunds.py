"""Refunds as they were recorded at Shopify, and the same refunds played in the sandbox."""

import re
from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.conftest import Shopper
from tests.sandbox.recorded import ask, differences, load, needs_recordings, wish_of_read

pytestmark = needs_recordings

FULL = "refund-create-full-2025-01"
OVER = "refund-create-over-refund-2025-01"
PARTIAL = "refund-create-partial-shipping-restock-2025-01"
ERRORS = "refund-create-user-errors-and-quantities-2025-01"
TRANSACTIONS = "refund-create-transactions-validation-2026-04"

#: In the answer that made it, the refund of a whole line was recorded with a subtotal of 0.0 although its price went
#: back. Bodies of refunds that are public tell the price, and so does the sandbox.
ZERO_SUBTOTAL = ("subtotalSet",)

Json = dict[str, Any]


class Played:
    """An order that was read before a refund was recorded, played in the sandbox."""

    def __init__(self, shopper: Shopper, before: Json) -> None:
        self.shopper = shopper
        self.before = before
        placed = shopper.post("orders", **wish_of_read(before["order"]))["order"]
        self.gid: str = placed["admin_graphql_api_id"]
        self.number: int = placed["id"]

    def read(self, told: Json) -> Json:
        return ask(self.shopper, told, order=self.gid)

    def refund(self, wanted: Json) -> Json:
        """Return the control API's answer to what was recorded as `refundCreate`."""
        url = f"{self.shopper.box.url}/sandbox/orders/{self.number}/refund"
        answer: Json = self.shopper.session.post(url, json=self._wish(wanted)).json()
        return answer

    def _wish(self, wanted: Json) -> Json:
        nodes = self.before["order"]["lineItems"]["nodes"]
        lines = [
            {"index": [node["id"] for node in nodes].index(one["lineItemId"]), "quantity": one["quantity"]}
            for one in wanted.get("refundLineItems", [])
        ]
        shipping = wanted.get("shipping", {})
        left = Decimal(nodes_price(self.before)) if shipping.get("fullRefund") else Decimal(shipping.get("amount", 0))
        money = sum((Decimal(one["amount"]) for one in wanted.get("transactions", [])), Decimal(0))
        goods = sum(Decimal(price(nodes[line["index"]])) * line["quantity"] for line in lines)
        beyond = money - goods - left if money else Decimal(0)
        restock = any(one["restockType"] != "NO_RESTOCK" for one in wanted.get("refundLineItems", []))
        return {
            "lines": lines,
            "shipping": True if shipping.get("fullRefund") else str(left),
            "amount": str(beyond),
            "note": wanted.get("note"),
            "restock": restock,
        }


def price(node: Json) -> str:
    return str(node["originalUnitPriceSet"]["shopMoney"]["amount"])


def nodes_price(before: Json) -> str:
    (line,) = before["order"]["shippingLines"]["nodes"]
    return str(line["originalPriceSet"]["shopMoney"]["amount"])


def start(shopper: Shopper, recorded: Json, call: int = 0) -> Played:
    """Play the order as it was before, and make sure that it reads as it did."""
    played = Played(shopper, recorded["upstreamCalls"][call]["response"]["body"]["data"])
    assert differences(played.read(played.before), played.before) == []
    return played


@pytest.mark.parametrize(("name", "apart"), [(FULL, ZERO_SUBTOTAL), (PARTIAL, ())])
def test_lines_and_shipping_go_back_as_they_did_at_shopify(name: str, apart: tuple[str, ...], shopper: Shopper) -> None:
    recorded = load(name)
    played = start(shopper, recorded)
    made = played.refund(recorded["variables"]["input"])

    told = recorded["mutation"]["response"]["data"]["refundCreate"]
    refund = {"refund": told["refund"]}
    got = ask(shopper, refund, refund=f"gid://shopify/Refund/{made['refund_id']}")
    assert got["refund"]["transactions"]["nodes"]
    assert differences(got, refund, apart=apart) == []
    for order in ({"order": told["order"]}, recorded["downstreamRead"]["response"]["data"]):
        assert differences(played.read(order), order) == []


def test_the_recorded_subtotal_of_a_whole_line_is_still_the_odd_one() -> None:
    told = load(FULL)["mutation"]["response"]["data"]["refundCreate"]["refund"]
    (line,) = told["refundLineItems"]["nodes"]
    assert (line["quantity"], line["subtotalSet"]["shopMoney"]["amount"]) == (1, "0.0")


def test_more_than_was_paid_is_refused_with_the_same_figures_and_changes_nothing(shopper: Shopper) -> None:
    recorded = load(OVER)
    played = start(shopper, recorded)
    (error,) = recorded["mutation"]["response"]["data"]["refundCreate"]["userErrors"]
    assert same_sentence(played.refund(recorded["variables"]["input"])["error"], error["message"])
    for order in (
        {"order": recorded["mutation"]["response"]["data"]["refundCreate"]["order"]},
        recorded["downstreamRead"]["response"]["data"],
    ):
        assert differences(played.read(order), order) == []


@pytest.mark.parametrize("case", ["overRefundQuantityLineItem", "overRefundAmountNoAllow", "overRefundAllowed"])
def test_what_was_refused_after_a_first_refund_is_refused_here(case: str, shopper: Shopper) -> None:
    recorded = load(ERRORS)
    before = recorded["upstreamCalls"][0]["response"]["body"]["data"]
    played = Played(shopper, before)
    (first,) = before["order"]["refunds"]
    lines = [
        {"index": index, "quantity": node["quantity"] - node["currentQuantity"]}
        for index, node in enumerate(before["order"]["lineItems"]["nodes"])
        if node["quantity"] != node["currentQuantity"]
    ]
    shopper.post(f"orders/{played.number}/refund", lines=lines, note=first["note"])
    assert differences(played.read(before), before) == []

    told = recorded[case]["response"]["data"]["refundCreate"]
    refusal = played.refund(recorded[case]["variables"]["input"])["error"]
    if case != "overRefundQuantityLineItem":  # That sentence of ours says which line it is.
        assert same_sentence(refusal, told["userErrors"][0]["message"])
    order = {"order": told["order"]}
    assert differences(played.read(order), order) == []
    assert differences(played.read(before), before) == []


def test_an_order_that_is_unknown_reads_as_nothing(shopper: Shopper) -> None:
    call = load(ERRORS)["upstreamCalls"][1]
    told = call["response"]["body"]["data"]
    assert ask(shopper, told, order=call["variables"]["id"]) == told == {"order": None}


@pytest.mark.parametrize(("case", "call"), [("mismatchedGateway", 0), ("happyPath", 1)])
def test_bare_money_goes_back_through_the_payment_it_came_by(case: str, call: int, shopper: Shopper) -> None:
    recorded = load(TRANSACTIONS)
    played = start_by_any_gateway(shopper, recorded, call)
    made = played.refund(recorded[case]["variables"]["input"])

    told = recorded[case]["response"]["data"]["refundCreate"]
    refund, order = {"refund": told["refund"]}, {"order": told["order"]}
    got = ask(shopper, refund, refund=f"gid://shopify/Refund/{made['refund_id']}")
    assert differences(got, refund, apart=("gateway",)) == []
    (back,) = got["refund"]["transactions"]["nodes"]
    (sale,) = played.before["order"]["transactions"]
    theirs = told["refund"]["transactions"]["nodes"][0]
    assert theirs["gateway"] == sale["gateway"]
    assert back["gateway"] == played.read(played.before)["order"]["transactions"][0]["gateway"]
    assert differences(played.read(order), order) == []


def start_by_any_gateway(shopper: Shopper, recorded: Json, call: int) -> Played:
    """Play an order whose gateway has a made-up name, which the sandbox calls bogus."""
    played = Played(shopper, recorded["upstreamCalls"][call]["response"]["body"]["data"])
    assert differences(played.read(played.before), played.before, apart=("gateway",)) == []
    return played


def same_sentence(ours: str, theirs: str) -> bool:
    """Say whether two refusals say the same, whichever way they write amounts."""
    return re.sub(r"\$([\d.]+\d)", r"\1 CAD", theirs) == ours.removesuffix(".")
