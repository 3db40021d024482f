"""Orders as they were recorded at Shopify, and the same orders played in the sandbox."""

from typing import Any

import pytest

from tests.sandbox.conftest import Shopper
from tests.sandbox.recorded import (
    FOLDER,
    ask,
    differences,
    load,
    needs_recordings,
    wish_of,
    wish_of_read,
)

pytestmark = needs_recordings

MATRIX = "order-create-math-matrix-2025-01"
EDITS = "order-edit-money-math-2026-04"
BAGS = "money-bag-presentment-2025-01"
CASES = sorted(load(MATRIX)["cases"]) if FOLDER.exists() else []

#: The sandbox sells in the shop's currency only; orders that were shown in another are compared in the shop's.
FOREIGN = ("presentmentMoney",)


def place(shopper: Shopper, wish: dict[str, Any]) -> str:
    return str(shopper.post("orders", **wish)["order"]["admin_graphql_api_id"])


def number(gid: str) -> str:
    return gid.rsplit("/", 1)[-1]


@pytest.mark.parametrize("case", CASES)
def test_an_order_adds_up_as_it_did_at_shopify(case: str, shopper: Shopper) -> None:
    recorded = load(MATRIX)["cases"][case]
    told = {"order": recorded["response"]["payload"]["data"]["orderCreate"]["order"]}
    wanted = recorded["variables"]["order"]
    gid = place(shopper, wish_of(wanted))
    apart = FOREIGN if "presentmentCurrency" in wanted else ()
    got = ask(shopper, told, order=gid)
    assert len(got["order"]) >= 19
    assert differences(got, told, apart=apart) == []


@pytest.mark.parametrize("case", ["taxed", "discount"])
def test_an_edit_changes_the_sums_that_it_changed_at_shopify(case: str, shopper: Shopper) -> None:
    recorded = load(EDITS)["cases"][case]
    made = {"order": recorded["create"]["response"]["payload"]["data"]["orderCreate"]["order"]}
    gid = place(shopper, wish_of(recorded["create"]["variables"]["order"]))
    assert differences(ask(shopper, made, order=gid), made) == []

    if case == "taxed":
        edit = {"set_quantity": [{"index": 0, "quantity": recorded["setQuantity"]["variables"]["quantity"]}]}
    else:
        off = recorded["addLineItemDiscount"]["variables"]["discount"]["fixedValue"]["amount"]
        edit = {"discount": [{"index": 0, "amount": off}]}
    shopper.post(f"orders/{number(gid)}/edit", **edit)

    for step, field in (("commit", "orderEditCommit"), ("downstreamRead", None)):
        data = recorded[step]["response"]["payload"]["data"]
        told = {"order": data[field]["order"] if field else data["order"]}
        got = ask(shopper, told, order=gid)
        assert "currentTaxLines" in got["order"]
        assert differences(got, told) == []


def test_an_order_in_another_currency_adds_up_in_the_shops(shopper: Shopper) -> None:
    recorded = load(BAGS)
    made = {"order": recorded["orderCreate"]["response"]["payload"]["data"]["orderCreate"]["order"]}
    gid = place(shopper, wish_of(recorded["orderCreate"]["variables"]["order"]))
    assert differences(ask(shopper, made, order=gid), made, apart=FOREIGN) == []

    shopper.post(f"orders/{number(gid)}/pay", gateway="manual")
    paid = {"order": recorded["markAsPaid"]["response"]["payload"]["data"]["orderMarkAsPaid"]["order"]}
    # Money is worth in the shop's currency what it was worth when it was paid, not when the order was placed.
    assert differences(ask(shopper, paid, order=gid), paid, apart=(*FOREIGN, "amountSet")) == []


@pytest.mark.parametrize("name", ["orderCancel-2026-04", "orderCancel-restock-refundMethod-2026-04"])
def test_a_cancelled_order_is_left_as_shopify_leaves_it(name: str, shopper: Shopper) -> None:
    recorded = load(name)
    before = recorded["upstreamCalls"][0]["response"]["body"]["data"]
    gid = place(shopper, wish_of_read(before["order"]))
    assert differences(ask(shopper, before, order=gid), before) == []

    shopper.post(f"orders/{number(gid)}/cancel", reason=recorded["variables"]["reason"].lower())
    after = recorded["downstreamRead"]["response"]["data"]
    assert differences(ask(shopper, after, order=gid), after) == []


def test_an_order_can_lose_its_customer(shopper: Shopper) -> None:
    recorded = load("orderCustomerRemove-2026-04")
    before = recorded["upstreamCalls"][0]["response"]["body"]["data"]
    gid = place(shopper, wish_of_read(before["order"]))
    assert differences(ask(shopper, before, order=gid), before) == []

    shopper.post(f"orders/{number(gid)}/customer", customer=None)
    for part, field in (("mutation", "orderCustomerRemove"), ("downstreamRead", None)):
        data = recorded[part]["response"]["data"]
        told = {"order": data[field]["order"] if field else data["order"]}
        assert differences(ask(shopper, told, order=gid), told) == []
