"""Before money moves the order is looked at: what changed is heard of first, what is unknown is refused."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.db import db, transaction
from app.engine.flows import program
from app.engine.flows import transfer as books
from app.engine.flows.check_books import check_books
from app.engine.rules.states import TransferState
from app.engine.rules.terms import Mode
from app.errands.lookups import Lookups
from app.errands.told_orders import hear_orders
from app.models import Order, ShopToken, Transfer
from app.shopify.connect import open_gateway
from app.shopify.orders import read_orders
from app.webhooks.inbox import drain
from tests.shopify.conftest import PATIENCE
from tests.shopify.deck import Deck
from tests.shopify.desk import Desk

S = TransferState
#: The default terms give two per cent.
EARNED = 200


class Shelf:
    """Orders that are sold in the sandbox and told to the books, whose credit waits to be sent."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.deck = Deck(desk.box.url, seed=1)

    def sell(self, email: str = "ada@example.com", **wanted: Any) -> int:
        """Sell for 100.00, tell the books and return Shopify's id of the order."""
        line = {"price": "50.00", "quantity": 2}
        order = self.call("orders", **{"customer": {"email": email}, "lines": [line], **wanted})
        self.tell(int(order["id"]))
        return int(order["id"])

    def call(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.deck.call(path, **body)
        assert answer is not None, (path, body)
        return dict(answer.get("order", answer))

    def tell(self, order_id: int) -> None:
        told = read_orders(open_gateway(self.desk.shop_id)[0], [order_id])[order_id]
        assert told is not None
        self.desk.hear(self.desk.shop_id, [told])

    def transfers(self) -> list[Transfer]:
        db.session.rollback()
        return list(db.session.scalars(select(Transfer).order_by(Transfer.id)))

    def seen(self) -> list[tuple[str, int, S]]:
        """Return kind, what is left and state of each transfer; the books must add up."""
        db.session.rollback()
        assert list(check_books(db.session())) == []
        return [(row.kind.value, row.left_minor, row.state) for row in self.transfers()]

    def amounts(self, email: str = "ada@example.com") -> list[int]:
        """Return what moved on a customer's account."""
        shop = self.desk.sandbox_shop
        with shop.lock:
            owner = shop.by_email[email]
            return [t.amount_minor for a in shop.credit.accounts_of(owner, shop.clock.now()) for t in a.transactions]


@pytest.fixture
def shelf(desk: Desk) -> Shelf:
    with transaction() as session:
        program.set_mode(session, desk.shop_id, Mode.AUTOMATIC, program.Waiting.KEEP, "test", desk.clock())
    desk.clock.advance(2)
    return Shelf(desk)


def test_a_credit_whose_order_is_as_the_books_know_it_is_sent_at_once(shelf: Shelf) -> None:
    shelf.sell()
    assert shelf.desk.send().outcomes == {"confirmed": 1}
    assert shelf.amounts() == [EARNED]


def test_what_was_refunded_without_our_hearing_is_not_credited(shelf: Shelf) -> None:
    order_id = shelf.sell()
    shelf.call(f"orders/{order_id}/refund", lines=[{"index": 0, "quantity": 1}])

    outcomes = shelf.desk.send_until_done()

    assert outcomes == {"changed": 1, "confirmed": 1}
    assert shelf.amounts() == [EARNED // 2]
    assert shelf.seen() == [("credit", 100, S.CONFIRMED), ("debit", 0, S.NOT_APPLICABLE)]


def test_an_order_that_was_cancelled_without_our_hearing_is_not_credited_at_all(shelf: Shelf) -> None:
    order_id = shelf.sell()
    shelf.call(f"orders/{order_id}/cancel", refund=True)

    assert shelf.desk.send_until_done() == {"changed": 1}

    assert shelf.amounts() == []
    assert {left for _, left, _ in shelf.seen()} == {0}


def test_an_order_that_went_to_another_customer_is_credited_to_that_one(shelf: Shelf) -> None:
    order_id = shelf.sell()
    shelf.call(f"orders/{order_id}/customer", customer={"email": "ben@example.com"})

    shelf.desk.send_until_done()

    assert (shelf.amounts(), shelf.amounts("ben@example.com")) == ([], [EARNED])


def test_a_change_that_is_no_change_for_the_credit_only_costs_a_look(shelf: Shelf) -> None:
    order_id = shelf.sell()
    shelf.call(f"orders/{order_id}/fulfil")

    outcomes = shelf.desk.send_until_done()

    assert outcomes == {"changed": 1, "confirmed": 1}
    assert shelf.amounts() == [EARNED]


def test_in_a_batch_each_order_has_its_own_fate(shelf: Shelf) -> None:
    people = [f"person-{number}@example.com" for number in range(4)]
    orders = [shelf.sell(email) for email in people]
    shelf.call(f"orders/{orders[1]}/cancel", refund=True)
    shelf.call(f"orders/{orders[2]}/refund", lines=[{"index": 0, "quantity": 1}])

    # On a slow machine what changed is due again before the batch is over.
    outcomes = shelf.desk.send(batch=10).outcomes
    assert (outcomes["changed"], outcomes["confirmed"] >= 2) == (2, True)
    shelf.desk.send_until_done(batch=10)

    assert [shelf.amounts(email) for email in people] == [[EARNED], [], [EARNED // 2], [EARNED]]


def test_an_order_that_shopify_does_not_know_in_this_shop_is_refused(shelf: Shelf) -> None:
    order_id = shelf.sell()
    del shelf.desk.sandbox_shop.orders[order_id]

    assert shelf.desk.send().outcomes == {"refused": 1}

    (row,) = shelf.transfers()
    assert "Shopify does not know the order" in row.error
    assert "in this shop" in row.error
    assert shelf.amounts() == []
    with transaction() as session:
        books.retry(session, shelf.desk.shop_id, row.id, "staff:7", shelf.desk.clock())
    assert shelf.desk.send().outcomes == {"refused": 1}


def test_an_order_told_under_another_shops_name_brings_nobody_anything(shelf: Shelf) -> None:
    """Its customer is not of this shop either, so neither of the two is credited."""
    order_id = shelf.sell()
    there = shelf.desk.box.world.add_shop("another-shop.myshopify.com")
    here = shelf.desk.sandbox_shop
    there.orders[order_id] = here.orders.pop(order_id)
    customer = there.orders[order_id].customer
    assert customer is not None
    there.customers[customer.id] = here.customers.pop(customer.id)

    assert shelf.desk.send().outcomes == {"refused": 1}
    assert "no longer knows this customer" in shelf.transfers()[0].error


@pytest.mark.parametrize(("sees_all", "expected"), [(False, {"confirmed": 1}), (True, {"refused": 1})])
def test_an_old_order_that_the_token_may_not_see_is_credited_by_the_books_word(
    shelf: Shelf, sees_all: bool, expected: dict[str, int]
) -> None:
    order_id = shelf.sell()
    with transaction() as session:
        row = session.scalars(select(Order).where(Order.shopify_id == order_id)).one()
        row.placed_at -= timedelta(days=90)
        session.scalars(select(ShopToken)).one().scope = "read_orders,read_all_orders" if sees_all else "read_orders"
    del shelf.desk.sandbox_shop.orders[order_id]

    assert shelf.desk.send().outcomes == expected


def test_what_contradicts_the_books_again_and_again_is_left_to_a_person(shelf: Shelf) -> None:
    order_id = shelf.sell()
    shop = shelf.desk.sandbox_shop
    with shop.lock:
        # Another customer, and no newer version to hear of.
        shop.orders[order_id].customer = shop.add_customer("aaa@example.com", "A", "Example", [])
    outcomes: list[str] = []
    for _ in range(8):
        report = shelf.desk.send(hear=lambda *_: None)
        outcomes += list(report.outcomes.elements())
        shelf.desk.clock.advance(60)

    assert outcomes == ["changed"] * 5 + ["refused"]
    assert "it belongs to another customer" in shelf.transfers()[0].error


def test_a_newer_version_that_cannot_be_heard_of_is_waited_for(shelf: Shelf) -> None:
    order_id = shelf.sell()
    shelf.call(f"orders/{order_id}/fulfil")
    for number in range(8):
        assert shelf.desk.send(hear=lambda *_: None).outcomes == {"changed": 1}
        shelf.desk.clock.advance(2 ** (number + 1))
    assert shelf.desk.send_until_done() == {"changed": 1, "confirmed": 1}


def test_a_debit_needs_no_look_at_its_order(shelf: Shelf) -> None:
    order_id = shelf.sell()
    shelf.desk.send()
    shelf.call(f"orders/{order_id}/cancel", refund=True)
    shelf.tell(order_id)
    del shelf.desk.sandbox_shop.orders[order_id]

    assert shelf.desk.send().outcomes == {"confirmed": 1}
    assert shelf.amounts() == [EARNED, -EARNED]


def test_orders_that_changed_wait_in_the_inbox_like_deliveries(shelf: Shelf, redis_client: Any) -> None:
    order_id = shelf.sell()
    shelf.call(f"orders/{order_id}/refund", lines=[{"index": 0, "quantity": 1}])

    for _ in range(2):
        assert shelf.desk.send(hear=hear_orders).outcomes == {"changed": 1}
        shelf.desk.clock.advance(4)
    assert redis_client.llen("rq:queue:inbox") == 1
    Lookups(shelf.desk.clock, patience_seconds=PATIENCE).ask_first()
    assert drain(shelf.desk.clock).taken == 1

    assert shelf.desk.send_until_done() == {"confirmed": 1}
    assert shelf.amounts() == [EARNED // 2]
