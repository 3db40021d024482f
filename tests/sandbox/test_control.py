"""The control API refuses what cannot be done with a sentence that says what to do."""

from typing import Any

import pytest

from tests.sandbox.conftest import Shopper

LINE = {"price": "10.00", "quantity": 2}
BAD_ORDERS: list[tuple[dict[str, Any], str]] = [
    ({}, "lines must be a list"),
    ({"lines": []}, "lines must be a list"),
    ({"lines": ["x"]}, "lines[0] must be an object"),
    ({"lines": [{}]}, "lines[0] needs a price"),
    ({"lines": [{"price": 10}]}, "lines[0].price must be a decimal string"),
    ({"lines": [{"price": "10.005"}]}, "more decimals than USD knows"),
    ({"lines": [{"price": "-1.00"}]}, "must not be negative"),
    ({"lines": [{"price": "1.00", "quantity": 0}]}, "lines[0].quantity must be a whole number"),
    ({"lines": [{"price": "1.00", "gift_card": "yes"}]}, "gift_card must be true or false"),
    ({"lines": [LINE], "customer": {"first_name": "Ada"}}, 'customer needs an "email"'),
    ({"lines": [LINE], "customer": 99}, "There is no customer 99"),
    ({"lines": [LINE], "customer": "ada"}, "customer must be an id"),
    ({"lines": [LINE], "discount": {"type": "bogo"}}, "discount must be"),
    ({"lines": [LINE], "discount": {"type": "percentage", "value": "101"}}, "from 0 to 100"),
    ({"lines": [LINE], "tax": {"rate": "20"}}, '20 % is "0.2"'),
    ({"lines": [LINE], "currency": "EURO"}, "currency must be a code"),
    ({"lines": [{"price": "10.50"}], "currency": "JPY"}, "more decimals than JPY knows"),
    ({"lines": [LINE], "shipping": "free"}, "shipping must be a decimal string"),
    ({"lines": [LINE], "paid": "yes"}, "paid must be true or false"),
    ({"lines": [LINE], "tags": [1]}, "tags must be a list of strings"),
    ({"lines": [LINE], "created_at": "yesterday"}, "created_at must be a time"),
    ({"lines": [LINE], "created_at": "2026-01-01T10:00:00"}, "created_at must be a time"),
    ({"lines": [LINE], "store_credit": "1.00"}, "A guest has no store credit"),
    ({"lines": [LINE], "shop": "nowhere.myshopify.com"}, "There is no shop nowhere.myshopify.com"),
]


@pytest.mark.parametrize(("body", "sentence"), BAD_ORDERS)
def test_a_bad_order_is_refused_and_places_nothing(shopper: Shopper, body: dict[str, Any], sentence: str) -> None:
    assert sentence in shopper.refusal("orders", body)
    assert shopper.get("orders")["count"] == 0
    assert shopper.get("deliveries")["last_seq"] == 0


@pytest.mark.parametrize("body", ["[]", "{", '"x"'])
def test_a_body_that_is_no_object_is_refused(shopper: Shopper, body: str) -> None:
    answer = shopper.session.post(f"{shopper.box.url}/sandbox/orders", data=body)
    assert (answer.status_code, answer.json()) == (400, {"error": "The body must be a JSON object."})


BAD_ACTS: list[tuple[str, dict[str, Any], str]] = [
    ("refund", {}, "Say what to refund"),
    ("refund", {"lines": [{"index": 0, "quantity": 3}]}, "has 2 units left to refund, not 3"),
    ("refund", {"lines": [{"index": 0, "quantity": 1}, {"index": 0, "quantity": 2}]}, "units left to refund, not 3"),
    ("refund", {"lines": [{"index": 1, "quantity": 1}]}, "has 1 lines; index 1 is not one of them"),
    ("refund", {"lines": [{"line_item_id": 5, "quantity": 1}]}, "has no line 5"),
    ("refund", {"lines": [{"quantity": 1}]}, "lines.index (or line_item_id)"),
    ("refund", {"amount": "20.01"}, "Refund amount 20.01 USD is greater than net payment received 20.00 USD"),
    ("refund", {"shipping": "1.00"}, "Only 0.00 USD of shipping"),
    ("pay", {}, "already paid"),
    ("edit", {}, "Say what to edit"),
    ("edit", {"set_quantity": [{"index": 0, "quantity": 3}]}, "can only lower that"),
    ("cancel", {"reason": "bored"}, "reason must be one of"),
    ("customer", {"customer": {"email": ""}}, 'customer needs an "email"'),
]


@pytest.mark.parametrize(("verb", "body", "sentence"), BAD_ACTS)
def test_what_cannot_be_done_to_an_order_is_refused(
    shopper: Shopper, verb: str, body: dict[str, Any], sentence: str
) -> None:
    order = shopper.order(quantity=2)
    assert sentence in shopper.refusal(f"orders/{order['id']}/{verb}", body)
    assert shopper.get(f"orders/{order['id']}")["order"] == order


def test_a_cancelled_order_takes_no_more(shopper: Shopper) -> None:
    path = f"orders/{shopper.order()['id']}"
    shopper.post(f"{path}/cancel")
    for verb, body in (("cancel", {}), ("pay", {}), ("edit", {"add": [LINE]})):
        assert "is cancelled" in shopper.refusal(f"{path}/{verb}", body) or "already cancelled" in shopper.refusal(
            f"{path}/{verb}", body
        )


def test_an_unpaid_order_cannot_be_refunded(shopper: Shopper) -> None:
    order = shopper.order(paid=False)
    assert "is not paid" in shopper.refusal(f"orders/{order['id']}/refund", {"amount": "1.00"})


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("deliver", {"body": "{}"}, "topic must be a name"),
        ("deliver", {"topic": "orders/paid"}, "body must be a string"),
        ("deliver", {"topic": "orders/paid", "body_base64": "%"}, "body_base64 must be base64"),
        ("deliver", {"topic": "orders/paid", "body": "", "secret": "new"}, 'secret must be "old" or "wrong"'),
        ("session-token", {"expires_in": "soon"}, "expires_in must be whole seconds"),
        ("shops", {"shop": "evil.example.com"}, "shop must look like"),
        ("history", {"orders": 0}, "orders must be a whole number"),
        ("traffic", {}, "every_seconds must be a number"),
        ("reset", {"seed": "x"}, "seed must be a whole number"),
        ("clock", {"advance_days": -1}, "advance_days must be a whole number"),
        ("customers/5/spend", {"amount": "1.00"}, "There is no customer 5"),
    ],
)
def test_other_calls_are_refused_with_a_sentence(
    shopper: Shopper, path: str, body: dict[str, Any], sentence: str
) -> None:
    assert sentence in shopper.refusal(path, body)


def test_a_mistyped_address_says_where_to_look(shopper: Shopper) -> None:
    answer = shopper.session.post(f"{shopper.box.url}/sandbox/order")
    assert (answer.status_code, "README" in answer.json()["error"]) == (404, True)


def test_pages_of_other_sites_may_not_give_orders(shopper: Shopper) -> None:
    headers = {"Origin": "https://evil.example.com"}
    answer = shopper.session.post(f"{shopper.box.url}/sandbox/session-token", headers=headers)
    assert answer.status_code == 403


def test_an_order_tells_when_it_was_paid_and_credited(shopper: Shopper) -> None:
    order = shopper.order()
    told = shopper.get(f"orders/{order['id']}")
    assert told["paid_at_ms"].endswith("Z")
    assert told["next_credit_at_ms"] is None


def test_a_product_of_the_same_title_is_the_same_product(shopper: Shopper) -> None:
    first, second = (shopper.order()["line_items"][0] for _ in range(2))
    assert first["product_id"] == second["product_id"]
    lines = [
        {"title": "Own", "price": "1.00", "product_id": None},
        {"title": "Thing", "price": "1.00", "product_id": 77},
    ]
    custom, named = shopper.order(lines=lines)["line_items"]
    assert (custom["product_id"], custom["product_exists"]) == (None, False)
    assert named["product_id"] == 77


def test_ids_go_on_after_a_reset(shopper: Shopper) -> None:
    before = shopper.order()["id"]
    shopper.post("reset", seed=5)
    assert shopper.order()["id"] > before
