"""The log of deliveries: filtered, paged, measured, each with its masked body, and failed ones once more."""

import json
from datetime import timedelta
from typing import Any

import pytest

from app.admin.display import format_span
from app.admin.queries.deliveries import Delays, Wanted, list_deliveries, measure_delays
from app.db import db, transaction
from app.masking import MASK, MOST_CHARACTERS, mask, show_body
from app.models import AuditEvent, Delivery, DeliveryState
from tests.admin.factories import BIG, NOON, Page, Visitor, order, reading, tell

BODY = {"id": BIG + 1, "name": "#1001", "email": "ada@example.com", "customer": {"id": 7, "first_name": "Ada"}}


def add(shop_id: int, number: int, state: DeliveryState = DeliveryState.HANDLED, **values: Any) -> int:
    """Store a delivery that was handled two seconds after it came."""
    received_at = NOON + timedelta(minutes=number)
    stored: dict[str, Any] = {
        "shop_id": shop_id,
        "webhook_id": f"made-up-{number}",
        "topic": "orders/paid",
        "triggered_at": received_at - timedelta(milliseconds=420),
        "received_at": received_at,
        "handled_at": received_at + timedelta(seconds=2) if state is DeliveryState.HANDLED else None,
        "body": json.dumps(BODY).encode(),
        "state": state,
        **values,
    }
    with transaction() as session:
        row = Delivery(**stored)
        session.add(row)
        session.flush()
        return row.id


def state_of(delivery_id: int) -> DeliveryState:
    with reading() as session:
        return session.get_one(Delivery, delivery_id).state


def test_the_list_says_what_came_when_and_how_long_it_took(visitor: Visitor, shop_id: int) -> None:
    add(shop_id, 1)
    add(shop_id, 2, DeliveryState.FAILED, reason="The body is not JSON.", topic="refunds/create")
    page = Page(visitor.load("/deliveries").text)
    for words in (
        "orders/paid",
        "refunds/create",
        "The body is not JSON.",
        "420\u00a0ms",
        "2.0\u00a0s",
        "Failed",
        "Handled",
    ):
        assert words in page.text or words.replace("\u00a0", " ") in page.text, words


def test_an_empty_log_says_so(visitor: Visitor) -> None:
    assert "No deliveries yet" in visitor.load("/deliveries").text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, {1, 2, 3}),
        ({"state": "failed"}, {2}),
        ({"state": "no such state"}, {1, 2, 3}),
        ({"topic": "refunds/create"}, {3}),
        ({"topic": "no/topic"}, set()),
        ({"order": "#1001"}, {1}),
        ({"order": "1001"}, {1}),
        ({"order": str(BIG + 1)}, {1}),
        ({"order": str(2**70)}, set()),
        ({"order": "nobody\x00"}, set()),
        ({"before": "x", "after": "-3"}, {1, 2, 3}),
        ({"before": str(2**70)}, {1, 2, 3}),
    ],
)
def test_the_list_is_filtered(visitor: Visitor, shop_id: int, query: dict[str, str], shown: set[int]) -> None:
    tell(shop_id, order(1))
    numbers = {
        add(shop_id, 1, order_shopify_id=BIG + 1): 1,
        add(shop_id, 2, DeliveryState.FAILED): 2,
        add(shop_id, 3, topic="refunds/create"): 3,
    }
    links = Page(visitor.fetch("/deliveries", **query).text).of("tr")
    assert {numbers[int((row["id"] or "").rpartition("-")[2])] for row in links if row.get("id")} == shown


def test_pages_hold_every_delivery_once_there_and_back(shop_id: int) -> None:
    ids = [add(shop_id, number) for number in range(7)]
    session, seen, page = db.session(), [], list_deliveries(db.session(), shop_id, Wanted(), size=3)
    while True:
        seen.append([row.id for row in page.rows])
        if page.older is None:
            break
        page = list_deliveries(session, shop_id, Wanted(), before=page.older, size=3)
    assert seen == [ids[6:3:-1], ids[3:0:-1], ids[:1]]
    back = [page]
    while back[-1].newer is not None:
        back.append(list_deliveries(session, shop_id, Wanted(), after=back[-1].newer, size=3))
    assert [row.id for shown in reversed(back[1:]) for row in shown.rows] == ids[:0:-1]


def test_delays_are_measured_over_the_last_hour_of_handled_ones(shop_id: int) -> None:
    for number in range(20):
        took = timedelta(milliseconds=100 * (number + 1))
        add(shop_id, 100, webhook_id=f"fresh-{number}", handled_at=NOON + timedelta(minutes=100) + took)
    add(shop_id, 100, DeliveryState.RECEIVED, webhook_id="waits")
    add(shop_id, 1, webhook_id="old", handled_at=NOON + timedelta(days=1))
    now = NOON + timedelta(minutes=110)
    found = measure_delays(db.session(), shop_id, now)
    assert found == Delays(20, timedelta(seconds=1), timedelta(seconds=1.9))
    assert measure_delays(db.session(), shop_id, now + timedelta(days=9)) == Delays(0, None, None)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(microseconds=1999), "1 ms"),
        (timedelta(seconds=-4), "0 ms"),
        (timedelta(milliseconds=999), "999 ms"),
        (timedelta(milliseconds=1000), "1.0 s"),
        (timedelta(milliseconds=59_999), "59.9 s"),
        (timedelta(minutes=5), "5 minutes"),
    ],
)
def test_spans_are_short_to_read(span: timedelta, text: str) -> None:
    assert format_span(span).replace("\u00a0", " ") == text


def test_one_delivery_is_shown_with_its_body_and_nobody_in_it(visitor: Visitor, shop_id: int) -> None:
    number = add(shop_id, 1, order_shopify_id=BIG + 1, customer_shopify_id=7, api_version="2026-10")
    text = visitor.load(f"/deliveries/{number}").text
    for words in ("#1001", "made-up-1", "2026-10", f"/orders/{BIG + 1}", MASK):
        assert words in text
    assert "ada@example.com" not in text
    assert "Ada" not in text


def test_what_cannot_be_masked_is_not_shown(visitor: Visitor, shop_id: int) -> None:
    number = add(shop_id, 1, DeliveryState.FAILED, body=b'{"email": "ada@example.com"', reason="The body is not JSON.")
    text = visitor.load(f"/deliveries/{number}").text
    assert "ada@" not in text
    assert "it is not shown" in text


def test_a_pruned_delivery_keeps_its_log(visitor: Visitor, shop_id: int) -> None:
    number = add(shop_id, 1, body=b"", pruned_at=NOON + timedelta(days=30))
    text = visitor.load(f"/deliveries/{number}").text
    assert "Removed" in text
    assert "made-up-1" in text


def test_a_failed_one_is_replayed_once(visitor: Visitor, shop_id: int) -> None:
    number = add(shop_id, 1, DeliveryState.FAILED, reason="Broken.")
    answer = visitor.post(f"/deliveries/{number}/replay")
    assert (answer.status_code, state_of(number)) == (200, DeliveryState.RECEIVED)
    again = visitor.post(f"/deliveries/{number}/replay", htmx=False)
    assert (again.status_code, again.json) == (
        409,
        {"error": f"Delivery {number} has not failed; only a failed one can be replayed."},
    )
    with reading() as session:
        (event,) = session.query(AuditEvent).where(AuditEvent.action == "replay").all()
        assert (event.actor, event.subject, event.subject_id) == ("staff:42", "delivery", number)


def test_one_whose_body_is_gone_is_not_replayed(visitor: Visitor, shop_id: int) -> None:
    number = add(shop_id, 1, DeliveryState.FAILED, body=b"", pruned_at=NOON)
    assert "button--primary" not in visitor.load(f"/deliveries/{number}").text
    answer = visitor.post(f"/deliveries/{number}/replay")
    assert answer.status_code == 409
    assert "was removed" in answer.text


def test_another_shops_deliveries_are_not_there(stranger: Visitor, visitor: Visitor, shop_id: int) -> None:
    number = add(shop_id, 1, DeliveryState.FAILED)
    assert "orders/paid" not in stranger.load("/deliveries").text
    assert stranger.load(f"/deliveries/{number}").status_code == 404
    assert stranger.post(f"/deliveries/{number}/replay").status_code == 404
    assert state_of(number) is DeliveryState.FAILED
    assert visitor.load(f"/deliveries/{2**70}").status_code == 404


def test_masking_hides_people_and_leaves_the_rest() -> None:
    body = {
        "name": "#1001",
        "note": "Ring Ada",
        "total_price": "10.00",
        "cart_token": "abc",
        "billing_address": {"first_name": "Ada"},
        "customer": {"id": 1, "name": "Ada Example", "tags": ["vip"], "email": None, "state": "enabled"},
        "line_items": [{"name": "Apron", "properties": []}],
        "user": {"name": "Sam"},
    }
    assert mask(body) == {
        "name": "#1001",
        "note": MASK,
        "total_price": "10.00",
        "cart_token": MASK,
        "billing_address": MASK,
        "customer": {"id": 1, "name": MASK, "tags": MASK, "email": None, "state": "enabled"},
        "line_items": [{"name": "Apron", "properties": []}],
        "user": {"name": MASK},
    }
    assert mask({"first_name": "Ada", "tags": "vip", "id": 3}) == {"first_name": MASK, "tags": MASK, "id": 3}


def test_a_body_of_any_size_and_shape_is_shown_or_not_at_all() -> None:
    assert show_body(b"[1.10, 9007199254740993]") == "[\n  1.10,\n  9007199254740993\n]".replace("1.10", '"1.10"')
    long = show_body(json.dumps({"title": "x" * 2 * MOST_CHARACTERS}).encode())
    assert long is not None
    assert len(long) < MOST_CHARACTERS + 30
    for raw in (b"", b"\xff", b"{", b"[" * 100_000, b'{"a": 1e99999999999999999999}'):
        assert show_body(raw) is None
