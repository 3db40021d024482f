"""What Shopify is asked besides its webhooks: products, payments, risks, tags, page by page and in batches."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses

from app.engine.rules.facts import ProductFact, RiskFact
from app.engine.rules.terms import RiskLevel
from app.shopify import catalogue
from app.shopify.connect import open_gateway
from app.shopify.customers import read_tags
from app.shopify.errors import NoAnswer
from app.shopify.gateway import Gateway
from app.shopify.nodes import Unreadable
from app.shopify.order_details import MOST_TRANSACTIONS, read_payments, read_risks
from tests.shopify.desk import Desk

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
ENDPOINT = "https://made-up.myshopify.com/admin/api/2026-10/graphql.json"
Json = dict[str, Any]


@pytest.fixture
def post(desk: Desk) -> Callable[..., Json]:
    """Return a function that calls the sandbox's control API."""
    http = requests.Session()
    http.trust_env = False

    def call(path: str, **body: Any) -> Json:
        answer = http.post(f"{desk.box.url}/sandbox/{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return dict(answer.json())

    return call


@pytest.fixture
def gateway(desk: Desk) -> Gateway:
    return open_gateway(desk.shop_id)[0]


@pytest.fixture
def shopify() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def told(shopify: responses.RequestsMock, *answers: Json) -> Gateway:
    """Return a gateway to a Shopify that gives these answers, one after the other."""
    for answer in answers:
        shopify.post(ENDPOINT, json={"data": answer})
    return Gateway("https://made-up.myshopify.com", "2026-10", "a-token", 1.0, requests.Session())


def product_id(made: Json) -> int:
    return int(made["product"]["id"])


def test_a_product_is_read_with_its_collections_and_what_of_it_is_on_sale(
    gateway: Gateway, post: Callable[..., Json]
) -> None:
    variants = [{"title": "Small", "price": "10.00", "compare_at_price": "12.00"}, {"title": "Large", "price": "9.00"}]
    made = post("products", title="Lamp", vendor="Brass", product_type="Light", tags=["b", "a"], variants=variants)
    shelf = post("collections", title="Bright", products=[product_id(made)])["collection"]["id"]
    small = made["product"]["variants"][0]["id"]
    found = catalogue.read_products(gateway, [product_id(made), 17])
    fact = found[product_id(made)]
    assert fact is not None
    assert (fact.vendor, fact.product_type, sorted(fact.tags)) == ("Brass", "Light", ["a", "b"])
    assert (fact.collection_ids, fact.on_sale_variant_ids) == ((shelf,), (small,))
    assert found[17] is None, "Shopify does not know it"


@pytest.mark.parametrize(
    ("price", "before", "is_on_sale"),
    [("9.99", "10.00", True), ("10.00", "10.00", False), ("10.00", "9.00", False), ("10.00", None, False)],
)
def test_on_sale_is_what_costs_less_than_its_price_of_comparison(
    gateway: Gateway, post: Callable[..., Json], price: str, before: str | None, is_on_sale: bool
) -> None:
    made = product_id(post("products", title="Lamp", price=price, compare_at_price=before))
    fact = catalogue.read_products(gateway, [made])[made]
    assert fact is not None
    assert bool(fact.on_sale_variant_ids) is is_on_sale


def test_what_does_not_fit_into_the_first_answer_is_read_page_by_page(
    gateway: Gateway, post: Callable[..., Json]
) -> None:
    variants = [
        {"title": f"No {number}", "price": "5.00", "compare_at_price": "6.00"}
        for number in range(catalogue.VARIANTS + 3)
    ]
    made = product_id(post("products", title="Rug", variants=variants))
    shelves = [
        post("collections", title=f"Shelf {number}", products=[made])["collection"]["id"]
        for number in range(catalogue.COLLECTIONS + 2)
    ]
    fact = catalogue.read_products(gateway, [made])[made]
    assert fact is not None
    assert fact.collection_ids == tuple(sorted(shelves))
    assert len(fact.on_sale_variant_ids) == len(variants)


def test_more_products_than_a_query_bears_are_asked_in_batches(gateway: Gateway, post: Callable[..., Json]) -> None:
    made = [product_id(post("products", title=f"Thing {number}")) for number in range(catalogue.BATCH + 2)]
    found = catalogue.read_products(gateway, made)
    assert list(found) == sorted(made)
    assert None not in found.values()


def test_a_product_deleted_while_it_is_read_keeps_what_was_said(shopify: responses.RequestsMock) -> None:
    page = {"hasNextPage": True, "endCursor": "x"}
    node = {
        "id": "gid://shopify/Product/5",
        "vendor": "",
        "productType": "",
        "tags": [],
        "collections": {"nodes": [{"id": "gid://shopify/Collection/7"}], "pageInfo": page},
        "variants": {"nodes": [], "pageInfo": {**page, "hasNextPage": False}},
    }
    found = catalogue.read_products(told(shopify, {"nodes": [node]}, {"product": None}), [5])
    assert found == {5: ProductFact(5, collection_ids=(7,))}


def test_pages_without_end_are_given_up(shopify: responses.RequestsMock) -> None:
    rest = {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "x"}}
    node = {"vendor": "", "productType": "", "tags": [], "collections": rest, "variants": rest}
    answers = [{"nodes": [node]}, *[{"product": {"collections": rest}}] * catalogue.MOST_PAGES]
    with pytest.raises(Unreadable, match="more collections or variants than can be read"):
        catalogue.read_products(told(shopify, *answers), [5])


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"nodes": []},
        {"nodes": "many"},
        {"nodes": [{"vendor": "x"}]},
        {"nodes": [7]},
    ],
)
def test_an_answer_of_another_shape_is_no_answer(shopify: responses.RequestsMock, answer: Json) -> None:
    questions: list[Callable[[Gateway], object]] = [
        lambda gateway: catalogue.read_products(gateway, [5]),
        lambda gateway: read_payments(gateway, [5]),
        lambda gateway: read_risks(gateway, [5], NOW),
        lambda gateway: read_tags(gateway, [5]),
    ]
    for question in questions:
        with pytest.raises(NoAnswer):
            question(told(shopify, answer))


def test_the_payments_of_an_order_are_its_successful_sales_and_captures(
    gateway: Gateway, post: Callable[..., Json]
) -> None:
    order = post("orders", lines=[{"price": "80.00"}], gift_card="30.00", customer=None)
    payments = read_payments(gateway, [order["id"], 17])
    assert sorted((payment.gateway, payment.amount_minor) for payment in payments) == [
        ("bogus", 5000),
        ("gift_card", 3000),
    ]
    assert {payment.order_id for payment in payments} == {order["id"]}


def transaction(number: int, kind: str, status: str, gateway: str | None, amount: str = "10.00") -> Json:
    return {
        "id": f"gid://shopify/OrderTransaction/{number}",
        "kind": kind,
        "status": status,
        "gateway": gateway,
        "amountSet": {"shopMoney": {"amount": amount, "currencyCode": "USD"}},
    }


def payments_of(shopify: responses.RequestsMock, *transactions: Json) -> list[tuple[int, str, int]]:
    gateway = told(shopify, {"nodes": [{"id": "gid://shopify/Order/5", "transactions": list(transactions)}]})
    return [(paid.payment_id, paid.gateway, paid.amount_minor) for paid in read_payments(gateway, [5])]


def test_a_gateway_that_brought_nothing_is_known_to_have_brought_nothing(shopify: responses.RequestsMock) -> None:
    paid = payments_of(
        shopify,
        transaction(1, "AUTHORIZATION", "SUCCESS", "gift_card"),
        transaction(2, "VOID", "SUCCESS", "gift_card"),
        transaction(3, "SALE", "FAILURE", "shopify_store_credit"),
        transaction(4, "CAPTURE", "SUCCESS", "shopify_payments", "80.0"),
        transaction(5, "REFUND", "SUCCESS", "shopify_payments"),
        transaction(6, "SALE", "SUCCESS", None, "1.5"),
    )
    assert paid == [(4, "shopify_payments", 8000), (6, "", 150), (1, "gift_card", 0), (3, "shopify_store_credit", 0)]


def test_of_a_gateway_that_may_still_bring_something_nothing_is_known(shopify: responses.RequestsMock) -> None:
    assert payments_of(shopify, transaction(1, "SALE", "PENDING", "gift_card")) == []


def test_an_order_with_more_transactions_than_were_asked_for_is_left_out(shopify: responses.RequestsMock) -> None:
    many = [transaction(number, "SALE", "SUCCESS", "gift_card") for number in range(MOST_TRANSACTIONS)]
    assert payments_of(shopify, *many) == []


def test_payments_are_in_the_shops_money_of_their_time(shopify: responses.RequestsMock) -> None:
    yen = transaction(1, "SALE", "SUCCESS", "gift_card")
    yen["amountSet"]["shopMoney"] = {"amount": "1200.0", "currencyCode": "JPY"}
    assert payments_of(shopify, yen) == [(1, "gift_card", 1200)]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([], RiskLevel.NONE),
        (["low"], RiskLevel.LOW),
        (["high", "low"], RiskLevel.HIGH),
        (["medium", "high", "none"], RiskLevel.HIGH),
    ],
)
def test_the_highest_risk_that_anyone_found_counts(
    gateway: Gateway, post: Callable[..., Json], levels: list[str], expected: RiskLevel
) -> None:
    order_id = post("orders", lines=[{"price": "80.00"}], customer=None)["id"]
    for number, level in enumerate(levels):
        post(f"orders/{order_id}/risk", level=level, provider=f"Watcher {number}")
    assert read_risks(gateway, [order_id, 17], NOW) == [RiskFact(order_id, expected, NOW)]


@pytest.mark.parametrize(
    ("levels", "expected"), [(["PENDING"], []), (["PENDING", "MEDIUM"], [RiskFact(5, RiskLevel.MEDIUM, NOW)])]
)
def test_an_assessment_that_is_still_being_made_says_nothing(
    shopify: responses.RequestsMock, levels: list[str], expected: list[RiskFact]
) -> None:
    assessments = [{"riskLevel": level} for level in levels]
    assert read_risks(told(shopify, {"nodes": [{"risk": {"assessments": assessments}}]}), [5], NOW) == expected


def test_customers_have_their_tags_and_unknown_ones_none(gateway: Gateway, post: Callable[..., Json]) -> None:
    made = post("customers", email="ada@example.com", tags=["vip", "Wholesale"])["customer"]["id"]
    found = read_tags(gateway, [made, 17])
    assert (sorted(found[made]), found[17]) == (["Wholesale", "vip"], ())


def test_nothing_is_asked_for_nothing(shopify: responses.RequestsMock) -> None:
    gateway = told(shopify)
    assert catalogue.read_products(gateway, []) == {}
    assert (read_payments(gateway, []), read_risks(gateway, [], NOW), read_tags(gateway, [])) == ([], [], {})
