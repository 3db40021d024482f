"""An order read from Shopify is the same fact as its webhook's body, and nothing of it is ever cut silently."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses

from app.engine.rules.facts import DisputeStatus, FinancialStatus, OrderFact, RiskFact
from app.engine.rules.kept import compute_extra_minor
from app.engine.rules.terms import RiskLevel
from app.shopify.connect import open_gateway
from app.shopify.errors import DocumentRefused
from app.shopify.gateway import Gateway
from app.shopify.nodes import Unreadable
from app.shopify.orders import MOST_PAGES, OrderReader, OrderTold, read_order, read_orders
from app.shopify.reconcile import read_changed
from app.webhooks.orders import parse_order
from tests.shopify.deck import Deck
from tests.shopify.desk import Desk

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
ENDPOINT = "https://made-up.myshopify.com/admin/api/2026-10/graphql.json"
Json = dict[str, Any]


@pytest.fixture
def deck(desk: Desk) -> Deck:
    return Deck(desk.box.url, seed=7)


@pytest.fixture
def gateway(desk: Desk) -> Gateway:
    return open_gateway(desk.shop_id)[0]


@pytest.fixture
def shopify() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def made_up(shopify: responses.RequestsMock, *answers: Json) -> Gateway:
    """Return a gateway to a Shopify that gives these answers, one after the other."""
    for answer in answers:
        shopify.post(ENDPOINT, json=answer if "errors" in answer else {"data": answer})
    return Gateway("https://made-up.myshopify.com", "2026-10", "a-token", 1.0, requests.Session())


def read_one(gateway: Gateway, body: Json) -> OrderTold:
    told = read_orders(gateway, [body["id"]])[body["id"]]
    assert told is not None
    return told


def differences(body: OrderFact, asked: OrderFact) -> list[str]:
    """Return the fields that differ, which is easier to read than two whole orders."""
    pairs = {name: (getattr(body, name), getattr(asked, name)) for name in OrderFact.__dataclass_fields__}
    return [f"{name}: {told} / {read}" for name, (told, read) in pairs.items() if told != read]


def money(amount: str, currency: str = "USD") -> Json:
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}


NOTHING = {"subtotalSet": money("0.0"), "totalTaxSet": money("0.0")}


def node(**changes: Any) -> Json:
    """Return an Order of one line without anything else, as bulk results are put together: with plain lists."""
    line = {
        "id": "gid://shopify/LineItem/11", "title": "Lamp", "name": "Lamp", "quantity": 2, "currentQuantity": 2,
        "sku": None, "vendor": None, "isGiftCard": False, "originalUnitPriceSet": money("10.0"),
        "discountAllocations": [], "taxLines": [], "product": None, "variant": None,
    }  # fmt: skip
    plain: Json = {
        "id": "gid://shopify/Order/5", "name": "#1001", "updatedAt": "2026-03-01T12:00:00Z",
        "processedAt": "2026-03-01T12:00:00Z", "cancelledAt": None, "currencyCode": "USD",
        "displayFinancialStatus": "PAID", "displayFulfillmentStatus": "UNFULFILLED", "test": False,
        "taxesIncluded": False, "sourceName": "web", "email": None, "tags": [], "discountCodes": [],
        "paymentGatewayNames": ["bogus"], "totalPriceSet": money("20.0"), "customer": None,
        "purchasingEntity": None, "billingAddress": None, "shippingAddress": None, "fulfillments": [],
        "transactions": [], "disputes": [], "risk": {"assessments": []}, "lineItems": [line],
        "shippingLines": [], "refunds": [],
    }  # fmt: skip
    return {**plain, **changes}


@pytest.mark.parametrize("seed", range(4))
def test_sixty_random_orders_are_the_same_facts_by_webhook_and_by_question(
    desk: Desk, gateway: Gateway, seed: int
) -> None:
    deck = Deck(desk.box.url, seed)
    bodies = [deck.live(deck.order()) for _ in range(60)]

    found = read_orders(gateway, [body["id"] for body in bodies])

    for body in bodies:
        told = found[body["id"]]
        assert told is not None
        assert differences(parse_order(body), told.order) == []


def test_the_random_orders_are_of_every_kind(desk: Desk, gateway: Gateway) -> None:
    deck = Deck(desk.box.url, seed=0)
    told = [read_one(gateway, deck.live(deck.order())) for _ in range(60)]
    facts = [one.order for one in told]
    seen = {
        "edited": any(line.removed_quantity for fact in facts for line in fact.lines),
        "refunded lines": any(refund.lines for fact in facts for refund in fact.refunds),
        "refunded shipping": any(refund.shipping_minor for fact in facts for refund in fact.refunds),
        "cancelled": any(fact.cancelled_at for fact in facts),
        "guest": any(fact.customer is None and fact.email for fact in facts),
        "b2b": any(fact.is_b2b for fact in facts),
        "gift card line": any(line.is_gift_card for fact in facts for line in fact.lines),
        "taxes inside": any(fact.taxes_included and line.tax_minor for fact in facts for line in fact.lines),
        "taxes outside": any(not fact.taxes_included and line.tax_minor for fact in facts for line in fact.lines),
        "discount": any(line.discount_minor for fact in facts for line in fact.lines),
        "code": any(fact.discount_codes for fact in facts),
        "fulfilled": any(fact.fulfilled_at for fact in facts),
        "disputed": any(one.disputes for one in told),
        "risky": any(one.risk and one.risk.level is RiskLevel.HIGH for one in told),
        "unpaid": any(not fact.financial_status.was_paid for fact in facts),
    }
    assert [kind for kind, is_there in seen.items() if not is_there] == []


def test_what_bodies_leave_out_stands_beside_the_order(gateway: Gateway, deck: Deck) -> None:
    customer = {"email": "ada@example.com", "first_name": "Ada", "tags": ["b", "a"]}
    body = deck.order(customer=customer, gift_card="5.00", gateway="paypal", paid=True, risk="high", test=False)
    deck.call(f"orders/{body['id']}/dispute")
    told = read_one(gateway, body)
    assert sorted(told.customer_tags or ()) == ["a", "b"]
    assert told.order.customer is not None
    assert told.order.customer.tags is None, "as in a body"
    assert {payment.gateway for payment in told.payments} == {"gift_card", "paypal"}
    assert sum(payment.amount_minor for payment in told.payments) == told.order.total_minor
    assert told.risk is not None
    assert told.risk.level is RiskLevel.HIGH
    assert [(dispute.status, dispute.order_id) for dispute in told.disputes] == [
        (DisputeStatus.NEEDS_RESPONSE, body["id"])
    ]
    assert told.details == (*told.payments, *told.disputes, told.risk)


def test_an_order_that_shopify_does_not_know_in_this_shop_is_none(gateway: Gateway, deck: Deck) -> None:
    body = deck.order()
    deck.call("shops", shop="other.myshopify.com")
    elsewhere = deck.call("orders", shop="other.myshopify.com", lines=[{"price": "5.00"}])
    assert elsewhere is not None
    found = read_orders(gateway, [body["id"], elsewhere["id"], 17])
    assert {order_id: told is None for order_id, told in found.items()} == {
        body["id"]: False,
        elsewhere["id"]: True,
        17: True,
    }


def test_many_lines_are_read_page_by_page(gateway: Gateway, deck: Deck) -> None:
    lines = [{"price": f"{number}.00", "quantity": 2} for number in range(1, 61)]
    body = deck.order(lines=lines, gift_card="0", paid=True, fulfilled=False)
    back = [{"index": index, "quantity": 1} for index in range(60)]
    refunded = deck.call(f"orders/{body['id']}/refund", lines=back)
    assert refunded is not None
    told = read_one(gateway, body)
    assert (len(told.order.lines), len(told.order.refunds[0].lines)) == (60, 60)
    assert differences(parse_order(refunded["order"]), told.order) == []


def asked(**changes: Any) -> Json:
    """Return the order as a query answers: with pages that end."""
    plain = node(**changes)
    lists = {name: page(*plain[name], more=False) for name in ("lineItems", "shippingLines") if name not in changes}
    return {**plain, **lists}


def page(*nodes: Json, more: bool) -> Json:
    return {"nodes": list(nodes), "pageInfo": {"hasNextPage": more, "endCursor": "x"}}


def test_an_order_that_changes_between_two_pages_is_not_put_together(shopify: responses.RequestsMock) -> None:
    first = node(lineItems=page(*node()["lineItems"], more=True))
    second = {"order": {"updatedAt": "2026-03-01T12:00:01Z", "lineItems": page(more=False)}}
    with pytest.raises(Unreadable, match="changed while it was being read"):
        read_orders(made_up(shopify, {"nodes": [first]}, second), [5])


def test_an_order_whose_lines_never_end_is_given_up(shopify: responses.RequestsMock) -> None:
    lines = page(*node()["lineItems"], more=True)
    more = {"order": {"updatedAt": node()["updatedAt"], "lineItems": lines}}
    with pytest.raises(Unreadable, match="more lines than can be read"):
        read_orders(made_up(shopify, {"nodes": [node(lineItems=lines)]}, *[more] * MOST_PAGES), [5])


@pytest.mark.parametrize("field", ["shippingLines", "refundShippingLines", "transactions"])
def test_short_lists_that_go_on_are_refused_and_not_cut(field: str) -> None:
    refund = {
        "id": "gid://shopify/Refund/6", "processedAt": "2026-03-01T12:00:00Z", "note": None,
        "refundLineItems": [], "refundShippingLines": [], "transactions": [],
    }  # fmt: skip
    whole = node(refunds=[refund])
    assert len(read_order(whole, NOW).order.refunds) == 1
    (whole if field == "shippingLines" else refund)[field] = page(more=True)
    with pytest.raises(Unreadable, match="more lines"):
        read_order(whole, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "gid://shopify/Order/none"},
        {"displayFinancialStatus": "GIVEN_AWAY"},
        {"updatedAt": "2026-03-01T12:00:00"},
        {"updatedAt": None},
        {"totalPriceSet": None},
        {"totalPriceSet": money("20.001")},
        {"totalPriceSet": money("20.0", "EUR")},
        {"lineItems": None},
        {"customer": {}},
        {"risk": None},
        {"disputes": [{"id": "gid://shopify/OrderDisputeSummary/1", "status": "NEW"}]},
    ],
)
def test_an_order_that_is_not_as_its_schema_says_is_unreadable(changes: Json) -> None:
    with pytest.raises(Unreadable):
        read_order(node(**changes), NOW)


@pytest.mark.parametrize("price", ["9999999999999.99", "4999999999999.99"])
def test_more_than_the_books_can_hold_is_refused(price: str) -> None:
    line = {**node()["lineItems"][0], "originalUnitPriceSet": money(price)}
    with pytest.raises(Unreadable, match="more than the books can hold"):
        read_order(node(lineItems=[line, line]), NOW)


def test_one_order_that_cannot_be_read_holds_up_no_other(shopify: responses.RequestsMock) -> None:
    odd = asked(id="gid://shopify/Order/6", lineItems=None)
    gateway = made_up(shopify, {"nodes": [asked(), odd, None]})
    found = dict(OrderReader(gateway).read([5, 6, 7]))
    assert isinstance(found[5], OrderTold)
    assert isinstance(found[6], Unreadable)
    assert found[7] is None


def test_fewer_orders_are_asked_for_where_many_are_too_dear(shopify: responses.RequestsMock) -> None:
    too_dear = {"errors": [{"message": "too dear", "extensions": {"code": "MAX_COST_EXCEEDED"}}]}
    whole = [{"nodes": [asked(id=f"gid://shopify/Order/{number}")]} for number in (5, 6, 7)]
    gateway = made_up(shopify, too_dear, *whole)
    found = dict(OrderReader(gateway).read([5, 6, 7]))
    assert [isinstance(found[number], OrderTold) for number in (5, 6, 7)] == [True] * 3
    assert len(shopify.calls) == 4, "three at once were too dear, and then it goes one by one"


def test_one_order_that_is_too_dear_by_itself_is_an_error(shopify: responses.RequestsMock) -> None:
    too_dear = {"errors": [{"message": "too dear", "extensions": {"code": "MAX_COST_EXCEEDED"}}]}
    with pytest.raises(DocumentRefused, match="too dear"):
        read_orders(made_up(shopify, too_dear), [5])


def test_a_plain_order_has_nothing_beside_it_but_that_nobody_found_it_risky() -> None:
    told = read_order(node(), NOW)
    assert (told.payments, told.disputes, told.customer_tags) == ((), (), None)
    assert told.risk == RiskFact(5, RiskLevel.NONE, NOW)
    assert (told.order.lines[0].net_minor, told.order.total_minor) == (2000, 2000)


@pytest.mark.parametrize(
    ("cancelled_at", "status"), [(None, FinancialStatus.PENDING), ("2026-03-02T12:00:00Z", FinancialStatus.VOIDED)]
)
def test_an_order_on_which_no_payment_was_ever_tried_has_no_status_and_is_not_paid(
    cancelled_at: str | None, status: FinancialStatus
) -> None:
    order = read_order(node(displayFinancialStatus=None, cancelledAt=cancelled_at), NOW).order
    assert (order.financial_status, order.financial_status.was_paid) == (status, False)


@pytest.mark.parametrize(
    ("told", "taxes_included", "expected"),
    [
        (("0.0", "0.0"), False, (1000, 200)),
        (("0.0", "0.0"), True, (1000, 167)),
        (("7.5", "0.0"), False, (750, 0)),
        (("0.0", "0.3"), False, (0, 30)),
    ],
)
def test_a_line_that_went_back_for_nothing_is_worth_what_it_was_sold_for(
    told: tuple[str, str], taxes_included: bool, expected: tuple[int, int]
) -> None:
    tax = "3.34" if taxes_included else "4.0"
    sold = {**node()["lineItems"][0], "taxLines": [{"priceSet": money(tax)}]}
    gift = {**sold, "id": "gid://shopify/LineItem/12", "originalUnitPriceSet": money("0.0"), "taxLines": []}
    back = {"quantity": 1, "subtotalSet": money(told[0]), "totalTaxSet": money(told[1])}
    refund = {
        "id": "gid://shopify/Refund/3", "processedAt": "2026-03-02T12:00:00Z", "note": None, "transactions": [],
        "refundShippingLines": [], "refundLineItems": [
            {**back, "lineItem": {"id": "gid://shopify/LineItem/11"}},
            {**back, **NOTHING, "lineItem": {"id": "gid://shopify/LineItem/12"}},
        ],
    }  # fmt: skip
    order = read_order(node(lineItems=[sold, gift], refunds=[refund], taxesIncluded=taxes_included), NOW).order
    lines = [(line.subtotal_minor, line.tax_minor) for line in order.refunds[0].lines]
    assert lines == [expected, (0, 0)]


def test_money_for_a_line_told_as_worth_nothing_is_not_taken_for_goodwill() -> None:
    kept = {**node()["lineItems"][0], "id": "gid://shopify/LineItem/12"}
    refund = {
        "id": "gid://shopify/Refund/3", "processedAt": "2026-03-02T12:00:00Z", "note": None,
        "transactions": [{"kind": "REFUND", "status": "SUCCESS", "amountSet": money("20.0")}],
        "refundShippingLines": [], "refundLineItems": [
            {"quantity": 2, "lineItem": {"id": "gid://shopify/LineItem/11"}, **NOTHING}
        ],
    }  # fmt: skip
    order = read_order(node(lineItems=[*node()["lineItems"], kept], refunds=[refund]), NOW).order
    assert compute_extra_minor(order, order.refunds) == 0


def test_a_risk_that_is_still_assessed_says_nothing() -> None:
    told = read_order(node(risk={"assessments": [{"riskLevel": "PENDING"}]}), NOW)
    assert told.risk is None


@pytest.mark.parametrize(
    ("status", "expected", "is_final"),
    [("LOST", DisputeStatus.LOST, True), ("PREVENTED", DisputeStatus.CHARGE_REFUNDED, True),
     ("UNDER_REVIEW", DisputeStatus.UNDER_REVIEW, False)],
)  # fmt: skip
def test_a_disputes_dates_are_those_of_the_orders_version(status: str, expected: DisputeStatus, is_final: bool) -> None:
    summary = {"id": "gid://shopify/OrderDisputeSummary/9", "status": status}
    (dispute,) = read_order(node(disputes=[summary]), NOW).disputes
    version_at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert (dispute.dispute_id, dispute.status, dispute.initiated_at) == (9, expected, version_at)
    assert dispute.finalized_at == (version_at if is_final else None)


def test_shipping_that_was_removed_does_not_count_and_the_lower_of_two_prices_does() -> None:
    line = {
        "isRemoved": False, "originalPriceSet": money("10.0"), "discountedPriceSet": money("9.0"),
        "discountAllocations": [{"allocatedAmountSet": money("3.0")}], "taxLines": [{"priceSet": money("0.7")}],
    }  # fmt: skip
    order = read_order(node(shippingLines=[line, {**line, "isRemoved": True}]), NOW).order
    assert (order.shipping_minor, order.shipping_tax_minor) == (700, 70)


def test_an_order_that_is_gone_when_it_is_read_is_left_out(gateway: Gateway, deck: Deck) -> None:
    body = deck.order()
    reading = read_changed(OrderReader(gateway), [body["id"], 17])
    assert [told.order.order_id for told in reading.told] == [body["id"]]
    assert reading.unreadable == {}
