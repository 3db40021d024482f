"""What the pages show."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from app.engine.flows import review
from app.engine.rules.facts import CustomerFact, RefundFact, RefundLine
from app.models import Delivery, DeliveryState
from tests.admin.factories import (
    ADA,
    BIG,
    NOON,
    Page,
    Visitor,
    line,
    make_shop,
    order,
    publish,
    reading,
    reward_of,
    tell,
)
from tests.flows.builders import all_rows

HOSTILE = "<script>alert('1')</script>\"'><img src=x onerror=alert(1)>"
RIGHT_TO_LEFT = "\u202e\u0645\u0631\u062d\u0628\u0627"


def page(visitor: Visitor, path: str, **query: str) -> Page:
    response = visitor.load(path, **query)
    assert response.status_code == 200, response.text
    return Page(response.text)


def test_a_new_shop_is_told_what_will_appear(visitor: Visitor) -> None:
    assert "No orders yet" in page(visitor, "/orders").text
    assert "Nothing to review" in page(visitor, "/reviews").text


def test_the_list_shows_order_customer_total_cashback_and_badge(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1))
    text = page(visitor, "/orders").text
    for shown in ("#1001", "Ada Example", "$100.00", "$2.00", "Pending"):
        assert shown in text


def test_dates_are_in_the_shops_time_zone(app: object) -> None:
    shop_id = make_shop("far-east.myshopify.com", timezone="Asia/Tokyo")
    tell(shop_id, order(1, placed_at=NOON.replace(hour=18)))
    visitor = Visitor(app, "far-east.myshopify.com")  # type: ignore[arg-type]
    shown = page(visitor, "/orders")
    assert "Mar 2, 2026 at 3:00\u202fAM" in " ".join(shown.words)
    assert shown.of("time")[0]["datetime"] == "2026-03-01T18:00:00+00:00"


@pytest.mark.parametrize(("currency", "minor", "text"), [("JPY", 1234, "¥1,234"), ("KWD", 1234, "KWD\u00a01.234")])
def test_amounts_have_their_currencys_decimals(app: object, currency: str, minor: int, text: str) -> None:
    shop_id = make_shop("money.myshopify.com", currency=currency)
    tell(shop_id, order(1, line(net_minor=minor), currency=currency))
    assert text in " ".join(page(Visitor(app, "money.myshopify.com"), "/orders").words)  # type: ignore[arg-type]


@pytest.mark.parametrize("words", ["#1002", "1002", "ben", "BEN@EXAMPLE", "ben 1002"])
def test_orders_are_found_by_name_customer_and_email(visitor: Visitor, shop_id: int, words: str) -> None:
    ben = CustomerFact(BIG + 702, "ben@example.com", "Ben Other")
    tell(shop_id, order(1), order(2, customer=ben))
    shown = page(visitor, "/orders", search=words).text
    assert "#1002" in shown
    assert "#1001" not in shown


@pytest.mark.parametrize("words", ["%", "_", "\\", "100%1", "nobody"])
def test_search_takes_wildcards_as_they_are(visitor: Visitor, shop_id: int, words: str) -> None:
    tell(shop_id, order(1))
    assert "No order matches" in page(visitor, "/orders", search=words).text


def test_odd_addresses_show_the_first_page(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1))
    for query in ({"badge": "nonsense"}, {"before": "nonsense"}, {"after": "2026_9" * 9}, {"search": "\0"}):
        assert "#1001" in page(visitor, "/orders", **query).text
    assert visitor.load("/reviews", after="-9" * 30).status_code == 200


def test_an_order_tells_why_its_amount_is_what_it_is(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, excluded_product_ids=frozenset({7}), cap_per_order_minor=150)
    fact = order(1, line(1), line(2, 5_000, product_id=7), line(3, 2_000, is_gift_card=True))
    tell(shop_id, fact)
    text = page(visitor, f"/orders/{fact.order_id}").text
    for shown in (
        "Thing 1",
        "Does not count: this product is excluded",
        "Does not count: gift cards earn nothing",
        "Bronze",
        "$1.50",
        "At most $1.50 per order: $2.00 was cut to that.",
        "Pending",
    ):
        assert shown in text


def test_an_order_shows_ledger_refunds_transfers_deliveries_and_timeline(visitor: Visitor, shop_id: int) -> None:
    fact = order(1, line(quantity=2))
    tell(shop_id, fact)
    with reading() as session:
        session.add(
            Delivery(
                shop_id=shop_id, webhook_id="w1", topic="orders/paid", received_at=NOON, body=b"{}",
                state=DeliveryState.HANDLED, order_shopify_id=fact.order_id,
            )
        )  # fmt: skip
    reward = reward_of(fact)
    with reading() as session:
        review.approve(session, shop_id, reward.id, reward.version, "staff:42", NOON + timedelta(days=2))
    tell(
        shop_id,
        RefundFact(BIG + 9, fact.order_id, NOON + timedelta(days=3), (RefundLine(BIG + 1, 1, 5_000),), 5_000),
    )
    text = page(visitor, f"/orders/{fact.order_id}").text
    for shown in (
        "Promised → Pending", "Pending → Available", "Earned", "Settled", "Taken back", "Credit $2.00",
        "Debit $1.00", "1 unit returned", "orders/paid", "Approved by Sam 42 Staff", "Order placed", "Refunded",
        "Taken back", "Available",
    ):  # fmt: skip
        assert shown in text, shown


def test_an_order_of_a_guest_says_so(visitor: Visitor, shop_id: int) -> None:
    fact = order(1, customer=None)
    tell(shop_id, fact)
    text = page(visitor, f"/orders/{fact.order_id}").text
    assert "Awaiting account" in text
    assert "A guest placed this order" in text


@pytest.mark.parametrize("path", ["/orders/1", f"/orders/{2**70}", "/orders/abc", "/nowhere", "/orders/"])
def test_what_does_not_exist_is_a_page_with_a_sentence(visitor: Visitor, path: str) -> None:
    response = visitor.load(path)
    assert response.status_code == 404
    assert "Traceback" not in response.text
    assert Page(response.text).of("main", id="page")


def test_other_shops_orders_do_not_exist(visitor: Visitor, shop_id: int, stranger: Visitor) -> None:
    fact = order(1)
    tell(shop_id, fact)
    assert stranger.load(f"/orders/{fact.order_id}").status_code == 404
    assert "#1001" not in page(stranger, "/orders").text
    assert "#1001" not in page(stranger, "/reviews").text


@pytest.mark.parametrize("text", [HOSTILE, RIGHT_TO_LEFT])
def test_what_others_wrote_is_shown_as_text(visitor: Visitor, shop_id: int, text: str) -> None:
    publish(shop_id, excluded_tags=frozenset({text}))
    fact = order(
        1, line(title=text), name=text, customer=replace(ADA, name=text, email=text, tags=()), tags=("fine", text)
    )
    plain = replace(fact, order_id=BIG + 2, tags=())
    tell(shop_id, fact, plain)
    with reading() as session:
        session.add(
            Delivery(
                shop_id=shop_id, webhook_id=text, topic="orders/paid", received_at=NOON, body=b"{}", reason=text,
                state=DeliveryState.FAILED, order_shopify_id=fact.order_id,
            )
        )  # fmt: skip
    for path in ("/orders", "/reviews", f"/orders/{fact.order_id}", f"/orders/{plain.order_id}", "/rules"):
        shown = page(visitor, path, search=text)
        assert text in " ".join(shown.words) or any(text == value for _, at in shown.elements for value in at.values())
        assert not shown.inline
        assert not shown.of("img")
        assert all(not name.startswith("on") for _, found in shown.elements for name in found)


def test_looking_writes_nothing(visitor: Visitor, shop_id: int) -> None:
    fact = order(1)
    tell(shop_id, fact)
    before = all_rows()
    for rule in visitor.client.application.url_map.iter_rules():
        if rule.endpoint.startswith("admin.") and "GET" in (rule.methods or ()):
            path = re.sub(r"<int:\w+>", "1", rule.rule.replace("<int:shopify_id>", str(fact.order_id)))
            visitor.load(path)
            visitor.fetch(path)
    assert all_rows() == before
