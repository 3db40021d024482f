"""Every invariant of the books: broken by hand it is named, with the shop and what is wrong; left alone none is."""

from typing import Any

import psycopg
import pytest

from app.engine.flows.check_books import INVARIANTS, check_books
from tests.flows.builders import BEN, Till, line, order, reading, refund_of

MOVES = "Every entry moves something"
SAME = "A posting is of its entry's customer and currency"
KEPT = "The books hold for each reward exactly what it is granted and kept, in the account of its state"
ZERO = "No account of a customer but owed is below zero, and owed is never above"
SENT = "What is available is what was credited minus what was debited"
DONE = "A transfer that is done says what was sent"
WHY = "A reward that earns nothing says why"
SPEND = "What an order added to its customer's spend is that customer's"
WHOSE = "A reward is its order's customer's, and another customer was left with nothing of it"
ANOTHER_CUSTOMER = "(SELECT id FROM customers WHERE id <> t.customer_id LIMIT 1)"

#: What a vandal with the keys to the database might do, and the invariant that sees it. Reward 1 is settled with
#: 4.00 and a debit of 2.00, reward 2 is another customer's, reward 3 earns nothing.
BREACHES = [
    (MOVES, "DELETE FROM postings WHERE entry_id = 1"),
    (MOVES, "UPDATE postings SET shop_id = shop_id + 1 WHERE entry_id = 1"),
    (SAME, "UPDATE postings SET currency = 'EUR' WHERE id = 1"),
    (SAME, "UPDATE postings t SET customer_id = ANOTHER WHERE id = 1"),
    (SAME, "UPDATE ledger_entries SET currency = 'EUR' WHERE id = 1"),
    (KEPT, "UPDATE rewards SET granted_minor = granted_minor - 1 WHERE order_id = 1"),
    (KEPT, "UPDATE rewards SET reversed_minor = reversed_minor - 1 WHERE order_id = 1"),
    (KEPT, "UPDATE rewards SET state = 'in_review' WHERE order_id = 1"),
    (KEPT, "UPDATE rewards SET state = 'rejected' WHERE order_id = 2"),
    (KEPT, "UPDATE postings SET amount_minor = amount_minor + 1 WHERE id = 1"),
    (KEPT, "DELETE FROM postings WHERE destination = 'customer:available'"),
    (KEPT, "UPDATE ledger_entries SET reward_id = NULL WHERE id = 1"),
    (ZERO, "UPDATE postings SET amount_minor = amount_minor + 1 WHERE source = 'customer:pending'"),
    (ZERO, "UPDATE postings SET source = 'program:promised', destination = 'customer:owed' WHERE id = 1"),
    (ZERO, "UPDATE postings SET amount_minor = 99999 WHERE source = 'customer:available'"),
    (SENT, "DELETE FROM transfers WHERE kind = 'credit'"),
    (SENT, "UPDATE transfers SET amount_minor = amount_minor + 1 WHERE kind = 'debit'"),
    (SENT, "UPDATE transfers SET currency = 'EUR'"),
    (SENT, "UPDATE transfers t SET customer_id = ANOTHER WHERE kind = 'credit' AND id = 1"),
    (SENT, "UPDATE transfers SET state = 'not_applicable', sent_minor = 1 WHERE kind = 'debit'"),
    (DONE, "UPDATE transfers SET state = 'confirmed', shopify_transaction_id = 'x' WHERE id = 1"),
    (DONE, "UPDATE transfers SET state = 'confirmed', sent_minor = amount_minor WHERE id = 1"),
    (DONE, "UPDATE transfers SET state = 'not_applicable' WHERE kind = 'debit'"),
    (WHY, "UPDATE rewards SET ineligible_reason = 'unpaid' WHERE order_id = 1"),
    (WHY, "UPDATE rewards SET ineligible_reason = NULL WHERE order_id = 3"),
    (WHY, "UPDATE rewards SET state = 'ineligible' WHERE order_id = 1"),
    (SPEND, "UPDATE spend_events t SET customer_id = ANOTHER WHERE order_id = 1"),
    (SPEND, "UPDATE spend_events SET shop_id = shop_id + 1 WHERE order_id = 1"),
    (WHOSE, "UPDATE rewards t SET customer_id = ANOTHER WHERE order_id = 1"),
    (WHOSE, "UPDATE orders t SET customer_id = ANOTHER WHERE id = 1"),
    (WHOSE, "UPDATE ledger_entries t SET customer_id = ANOTHER WHERE id = 1"),
]  # fmt: skip


@pytest.fixture
def traded(shop: Till) -> Till:
    """Return a shop with a settled and partly reversed reward, another customer's, and one that earned nothing."""
    first = order(1, line(1, 20_000, 2))
    shop.tell(first)
    shop.tell(order(2, customer=BEN))
    shop.tell(order(3, line(is_gift_card=True)))
    shop.pay_back(refund_of(first, units=1))
    return shop


@pytest.mark.parametrize(("invariant", "breach"), BREACHES)
def test_a_breach_is_named_with_the_shop_and_what_is_wrong(
    traded: Till, admin_connection: "psycopg.Connection[Any]", invariant: str, breach: str
) -> None:
    assert admin_connection.execute(breach.replace("ANOTHER", ANOTHER_CUSTOMER)).rowcount > 0
    with reading() as session:
        named = [found for found in check_books(session) if found.invariant == invariant]
    assert named
    assert all(found.detail.strip() and found.shop_id for found in named)


def test_every_invariant_is_broken_by_some_test() -> None:
    assert set(INVARIANTS) == {invariant for invariant, _ in BREACHES}


def test_books_that_were_left_alone_have_no_findings(traded: Till) -> None:
    with reading() as session:
        assert list(check_books(session)) == []


def test_the_finding_of_one_shop_does_not_accuse_another(
    traded: Till, manual_shop: Till, admin_connection: "psycopg.Connection[Any]"
) -> None:
    manual_shop.tell(order(1))
    admin_connection.execute("DELETE FROM transfers WHERE shop_id = %s", [traded.id])
    with reading() as session:
        assert {found.shop_id for found in check_books(session)} == {traded.id}
