"""Every invariant of the books: broken by hand it is named, with the shop and what is wrong; left alone none is."""

from dataclasses import replace
from importlib import import_module
from typing import Any

import psycopg
import pytest
from sqlalchemy.orm import Session

from app.engine.flows import adjust, figures, moves
from app.engine.flows.check_books import INVARIANTS, Finding, check_books, check_invariant
from app.engine.rules.facts import CreditMove, MoveKind
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import Cycle, Limits
from app.models import ReasonCode, Shop
from tests.flows.builders import ADA, BEN, STAFF, Till, day, line, order, reading, refund_of
from tests.rules.tables import tables_with

MOVES = "Every entry moves something, and its postings are of its customer and currency"
ZERO = "No account of a customer but owed is below zero, and owed is never above"
SENT = "What is available is what was credited minus what was debited"
DONE = "A transfer that is done says what was sent"
CHAIN = "Each entry's digest covers the entry, its postings and its customer's entry before it"
BEFORE = "Only entries from before a customer's chain have no digest"
KNOWN = "Every known order has a reward, and it is that order's customer's"
KEPT = "The books hold for each reward exactly what it is granted and kept, in the account of its state"
STATE = "A reward says what belongs to its state, why it earns nothing, and by which terms"
WHOSE = "Who had a reward before it was another customer's was left with nothing of it"
PERIOD = "No customer was granted more in a period than the reward's own terms allow"
BUDGET = "No month's rewards took more than the programme's budget"
LEFT = "No reward keeps more than each of its limits left for it"
TAKEN = "A reward counts in the limits as what it takes of them, and as its customer's"
SPEND = "What an order added to its customer's spend is that customer's"
CIRCLE = "A customer is merged into another one of the same shop, and never in a circle"
MERGED = "A merge moves what was owed and leaves the programme as it was"
MOVED = "What moved on the account in Shopify besides our transfers is booked exactly once"
OUTSIDE = "What had to be presumed to come from outside is taken back at most once"
EXPIRED = "No credit expired more than there was of it, nor twice because Shopify told of it, too"
FOLLOW = "A customer's statements follow each other without a gap and without an overlap"
LISTED = "Every entry of a chain is on a statement, so that the last one closes with the balance"
FILED = "Every reward in the books is on the statement of the period in which it was booked"
FIGURES = "A day's figures are what the entries counted into it come to"
APART = "No row names a row of another shop"
HANDS = "Credit or debit by hand is booked exactly once when it was agreed, and never otherwise"
ANOTHER_CUSTOMER = "(SELECT id FROM customers WHERE id <> t.customer_id LIMIT 1)"
#: Turns what Ada spent first into an expiry that we reckoned ourselves.
SPENT_IS_EXPIRED = (
    "UPDATE ledger_entries SET kind = 'expiry', key = 'expiry:transfer:1:1', move_id = NULL WHERE key LIKE '%:spent';"
    "UPDATE postings SET destination = 'program:expired' WHERE amount_minor = 40;"
)

#: What a vandal with the keys to the database might do, and the invariant that sees it. Reward 1 is settled with
#: 4.00, and 2.00 of it went back before it was sent, so that its debit is not needed; reward 2 is another
#: customer's, reward 3 earns nothing. Credit by hand 1 is booked, credit by hand 2 waits.
BREACHES = [
    (MOVES, "DELETE FROM postings WHERE entry_id = 1"),
    (MOVES, "UPDATE postings SET shop_id = shop_id + 1 WHERE entry_id = 1"),
    (MOVES, "DELETE FROM ledger_entries WHERE id = 1"),
    (MOVES, "UPDATE postings SET currency = 'EUR' WHERE id = 1"),
    (MOVES, "UPDATE postings t SET customer_id = ANOTHER WHERE id = 1"),
    (MOVES, "UPDATE ledger_entries SET currency = 'EUR' WHERE id = 1"),
    (BEFORE, "UPDATE ledger_entries SET position = NULL, digest = NULL WHERE id = 2"),
    (KNOWN, "DELETE FROM rewards WHERE order_id = 3"),
    (STATE, "UPDATE rewards SET terms_version = 99 WHERE order_id = 3"),
    (KEPT, "UPDATE rewards SET granted_minor = granted_minor - 1 WHERE order_id = 1"),
    (KEPT, "UPDATE rewards SET reversed_minor = reversed_minor - 1 WHERE order_id = 1"),
    (KEPT, "UPDATE rewards SET state = 'in_review' WHERE order_id = 1"),
    (KEPT, "UPDATE rewards SET state = 'rejected' WHERE order_id = 2"),
    (KEPT, "UPDATE rewards SET state = 'voided', void_reason = 'unclaimed' WHERE order_id = 2"),
    (KEPT, "UPDATE postings SET amount_minor = amount_minor + 1 WHERE id = 1"),
    (KEPT, "DELETE FROM postings WHERE destination = 'customer:available'"),
    (KEPT, "UPDATE ledger_entries SET reward_id = NULL WHERE id = 1"),
    (ZERO, "UPDATE postings SET amount_minor = amount_minor + 1 WHERE source = 'customer:pending'"),
    (ZERO, "UPDATE postings SET source = 'program:promised', destination = 'customer:owed' WHERE id = 1"),
    (ZERO, "UPDATE postings SET amount_minor = 99999 WHERE source = 'customer:available'"),
    (SENT, "DELETE FROM transfers WHERE kind = 'credit'"),
    (SENT, "UPDATE transfers SET cancelled_minor = cancelled_minor - 1 WHERE kind = 'credit' AND cancelled_minor > 0"),
    (SENT, "UPDATE transfers SET currency = 'EUR'"),
    (SENT, "UPDATE transfers t SET customer_id = ANOTHER WHERE kind = 'credit' AND id = 1"),
    (SENT, "UPDATE transfers SET state = 'not_applicable', sent_minor = 1 WHERE kind = 'debit'"),
    (SENT, "UPDATE ledger_entries SET kind = 'redemption' WHERE kind = 'clawback'"),
    (DONE, "UPDATE transfers SET state = 'confirmed', shopify_transaction_id = 'x' WHERE id = 1"),
    (DONE, "UPDATE transfers SET state = 'confirmed', sent_minor = amount_minor WHERE id = 1"),
    (DONE, "UPDATE transfers SET sent_minor = NULL WHERE kind = 'debit'"),
    (STATE, "UPDATE rewards SET ineligible_reason = 'unpaid' WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET ineligible_reason = NULL WHERE order_id = 3"),
    (STATE, "UPDATE rewards SET state = 'ineligible' WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET settled_at = NULL WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET hold_reason = 'risk' WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET state = 'held' WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET held_until = now() WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET claim_until = now() WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET state = 'awaiting_customer' WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET customer_id = NULL WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET void_reason = 'unclaimed' WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET state = 'voided' WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET state = 'reversed' WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET reversed_minor = granted_minor WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET state = 'rejected', decided_by = 'staff:7' WHERE order_id = 2"),
    (STATE, "UPDATE rewards SET adjusted_minor = 5 WHERE order_id = 1"),
    (STATE, "UPDATE rewards SET adjusted_minor = 5, adjusted_by = 'staff:7' WHERE order_id = 1"),
    (SPEND, "UPDATE spend_events t SET customer_id = ANOTHER WHERE order_id = 1"),
    (SPEND, "UPDATE spend_events SET shop_id = shop_id + 1 WHERE order_id = 1"),
    (KNOWN, "UPDATE rewards t SET customer_id = ANOTHER WHERE order_id = 1"),
    (KNOWN, "UPDATE orders t SET customer_id = ANOTHER WHERE id = 1"),
    (WHOSE, "UPDATE rewards t SET customer_id = ANOTHER WHERE order_id = 1"),
    (WHOSE, "UPDATE ledger_entries t SET customer_id = ANOTHER, position = NULL, digest = NULL WHERE id = 1"),
    (LEFT, "UPDATE rewards SET ceilings = '[{\"kind\": \"balance\", \"ceiling_minor\": 199}]' WHERE order_id = 1"),
    (CIRCLE, "UPDATE customers SET merged_into_id = id WHERE id = 1"),
    (CIRCLE, "UPDATE customers t SET merged_into_id = (SELECT id FROM customers WHERE id <> t.id LIMIT 1)"),
    (CIRCLE, "UPDATE customers t SET shop_id = id, "
        "merged_into_id = CASE id WHEN 1 THEN (SELECT MAX(id) FROM customers) END"),
    (MERGED, "UPDATE ledger_entries SET kind = 'merge' WHERE id = 1"),
    (HANDS, "UPDATE adjustments SET state = 'declined' WHERE id = 1"),
    (HANDS, "UPDATE adjustments SET amount_minor = amount_minor + 1 WHERE id = 1"),
    (HANDS, "UPDATE adjustments SET kind = 'debit' WHERE id = 1"),
    (HANDS, "UPDATE adjustments t SET customer_id = ANOTHER WHERE id = 1"),
    (HANDS, "DELETE FROM adjustments WHERE id = 1"),
    (HANDS, "UPDATE adjustments SET state = 'booked' WHERE id = 2"),
    (MOVED, "UPDATE credit_moves SET amount_minor = amount_minor + 1 WHERE key = 'spent'"),
    (MOVED, "UPDATE credit_moves SET kind = 'return' WHERE key = 'spent'"),
    (MOVED, "UPDATE credit_moves SET kind = 'external_debit' WHERE key = 'given'"),
    (MOVED, "UPDATE credit_moves t SET customer_id = ANOTHER WHERE key = 'given'"),
    (MOVED, "DELETE FROM credit_moves WHERE key = 'spent'"),
    (MOVED, "UPDATE ledger_entries SET move_id = NULL WHERE kind = 'redemption'"),
    (MOVED, "UPDATE ledger_entries SET move_id = (SELECT id FROM credit_moves WHERE key = 'spent') WHERE id = 1"),
    (OUTSIDE, "UPDATE postings SET source = destination, destination = source "
        "WHERE source = 'program:external' AND amount_minor > 30"),
    (EXPIRED, "EXPIRY; UPDATE postings SET amount_minor = 401 WHERE destination = 'program:expired'"),
    (EXPIRED, "EXPIRY; UPDATE postings SET destination = source, source = destination "
        "WHERE destination = 'program:expired'"),
    (EXPIRED, "EXPIRY; UPDATE credit_moves SET kind = 'expiry', key = 'expiration:made-up' "
        "WHERE key = 'given'; UPDATE transfers SET shopify_transaction_id = 'made-up' WHERE id = 1"),
    (FOLLOW, "INSERT INTO statements (shop_id, customer_id, starts_at, ends_at) "
        "SELECT shop_id, customer_id, ends_at + interval '1 second', ends_at + interval '1 day' FROM statements"),
    (FOLLOW, "INSERT INTO statements (shop_id, customer_id, starts_at, ends_at) "
        "SELECT shop_id, customer_id, ends_at - interval '1 second', ends_at + interval '1 day' FROM statements"),
    (LISTED, "DELETE FROM statements"),
    (LISTED, "UPDATE statements SET starts_at = '2026-03-12Z'"),
    (LISTED, "UPDATE statements SET ends_at = '2026-03-12Z'"),
    (FILED, "UPDATE rewards SET statement_id = NULL WHERE order_id = 1"),
    (FILED, "UPDATE rewards SET statement_id = 99 WHERE order_id = 1"),
    (FILED, "UPDATE rewards SET statement_id = (SELECT MAX(statement_id) FROM rewards) WHERE order_id = 1"),
    (FILED, "UPDATE statements SET starts_at = '2026-03-12Z'"),
    (HANDS, "UPDATE ledger_entries SET adjustment_id = 1 WHERE kind = 'settlement'"),
    (HANDS, "UPDATE ledger_entries SET adjustment_id = NULL WHERE kind = 'adjustment'"),
    (FIGURES, "UPDATE daily_figures SET issued_minor = issued_minor + 1"),
    (FIGURES, "UPDATE daily_figures SET owed_minor = owed_minor - 1"),
    (FIGURES, "DELETE FROM daily_figures"),
    (FIGURES, "UPDATE figure_counts SET counted_to = counted_to - 1"),
    (APART, "UPDATE customers SET shop_id = shop_id + 1 WHERE id = 1"),
    (APART, "UPDATE credit_moves SET shop_id = shop_id + 1 WHERE id = 1"),
]  # fmt: skip

#: Limits of 5.00 a day, 6.00 in ten days, 7.00 a month and 8.00 in a life, a budget of 9.00; three orders, a month
#: and more apart, took 2.00 each. Each breach is of one limit only.
LIMITS = Limits(day_minor=500, cycle_minor=600, month_minor=700, lifetime_minor=800, budget_minor=900)
LIMIT_BREACHES = [
    (PERIOD, "01 in a day, with a limit of 500", "UPDATE grant_events SET amount_minor = 501 WHERE order_id = 1;"
        "UPDATE grant_events SET amount_minor = 1 WHERE order_id = 3"),
    (PERIOD, "01 in a lifetime, with a limit of 800", "UPDATE grant_events SET amount_minor = 401 WHERE order_id = 3"),
    (PERIOD, "01 in a month, with a limit of 700", "UPDATE grant_events SET amount_minor = 500 WHERE order_id = 1;"
        "UPDATE grant_events SET amount_minor = 201, placed_at = '2026-03-15T12:00Z' WHERE order_id = 2;"
        "UPDATE grant_events SET amount_minor = 1 WHERE order_id = 3"),
    (PERIOD, "01 in a cycle, with a limit of 600", "UPDATE grant_events SET amount_minor = 401 WHERE order_id = 1;"
        "UPDATE grant_events SET placed_at = '2026-03-05T12:00Z' WHERE order_id = 2;"
        "UPDATE grant_events SET amount_minor = 1 WHERE order_id = 3"),
    (PERIOD, "01 in a cycle, with a limit of 600",
        "UPDATE terms_versions SET body = jsonb_set(jsonb_set(body, '{limits,month_minor}', 'null'), "
        "'{cycle,days}', 'null');"
        "UPDATE grant_events SET amount_minor = 401 WHERE order_id = 1;"
        "UPDATE grant_events SET placed_at = '2026-03-25T12:00Z' WHERE order_id = 2;"
        "UPDATE grant_events SET amount_minor = 1 WHERE order_id = 3"),
    (BUDGET, "901 was granted of the budget of 2026-03, which is 900",
        "UPDATE rewards SET counted_minor = 901 WHERE order_id = 1"),
    (BUDGET, "600 was granted of the budget of 2026-03, which is", "UPDATE rewards SET budget_month = '2026-03-01';"
        "UPDATE terms_versions SET body = jsonb_set(body, '{limits,budget_minor}', 'null')"),
    (TAKEN, "counts as 201", "UPDATE rewards SET counted_minor = 201 WHERE order_id = 1"),
    (TAKEN, "grant events give customer  0", "DELETE FROM grant_events WHERE order_id = 1"),
    (TAKEN, "grant events give customer 4 200", "UPDATE grant_events SET customer_id = 4 WHERE order_id = 1"),
]  # fmt: skip


@pytest.fixture
def traded(shop: Till) -> Till:
    """Return a shop with a settled and partly reversed reward, another customer's, and one that earned nothing.

    And with credit by hand that was agreed to, some that waits for a second person, and moves in Shopify.
    """
    first = order(1, line(1, 20_000, 2))
    shop.tell(first)
    shop.tell(order(2, customer=BEN))
    shop.tell(order(3, line(is_gift_card=True)))
    shop.pay_back(refund_of(first, units=1))
    shop.publish(on=10, second_person_above_minor=100)
    shop.run(give_by_hand)
    shop.run(move_in_shopify)
    shop.run(lambda session, row: figures.count_days(session, row, day(14)))
    shop.check()
    return shop


@pytest.fixture
def limited(shop: Till) -> Till:
    """Return a shop with limits of all kinds, and three orders far apart within them."""
    shop.publish(on=-1, limits=LIMITS, cycle=Cycle(days=10, starts_on=day(0).date()))
    shop.tell(order(1), order(2, on=40), order(3, on=80), on=90)
    return shop


def give_by_hand(session: Session, shop: Shop) -> None:
    """Give 1.50 to customer 1, which a second person agrees to, and propose 1.20 that nobody agrees to yet."""
    for key, amount_minor in (("made-up:1", 150), ("made-up:2", 120)):
        given = adjust.propose(
            session,
            shop.id,
            1,
            TransferKind.CREDIT,
            amount_minor,
            ReasonCode.GOODWILL,
            "It came late.",
            STAFF,
            day(11),
            key,
        )
        if given.amount_minor == 150:
            adjust.agree(session, shop.id, given.id, "staff:8", day(11))


def move_in_shopify(session: Session, shop: Shop) -> None:
    """Let Ada spend 0.40 and more than she has, and somebody give her 0.30."""
    told = (
        CreditMove("spent", ADA.customer_id, MoveKind.REDEMPTION, 40, day(12)),
        CreditMove("given", ADA.customer_id, MoveKind.EXTERNAL_CREDIT, 30, day(12, 1)),
        CreditMove("spent again", ADA.customer_id, MoveKind.REDEMPTION, 1_000, day(12, 2)),
    )
    moves.record_moves(session, shop, told, day(13))


def named(invariant: str) -> list[Finding]:
    """Return what breaks one invariant."""
    with reading() as session:
        return [found for found in check_books(session) if found.invariant == invariant]


@pytest.mark.parametrize(("invariant", "breach"), BREACHES)
def test_a_breach_is_named_with_the_shop_and_what_is_wrong(
    traded: Till, admin_connection: "psycopg.Connection[Any]", invariant: str, breach: str
) -> None:
    statement = breach.replace("ANOTHER", ANOTHER_CUSTOMER).replace("EXPIRY;", SPENT_IS_EXPIRED)
    assert admin_connection.execute(statement).rowcount > 0
    found = named(invariant)
    assert found
    assert all(finding.detail.strip() and finding.shop_id for finding in found)


@pytest.mark.parametrize(("invariant", "detail", "breach"), LIMIT_BREACHES)
def test_a_limit_that_was_exceeded_is_named(
    limited: Till, admin_connection: "psycopg.Connection[Any]", invariant: str, detail: str, breach: str
) -> None:
    admin_connection.execute(breach)
    found = named(invariant)
    assert [detail in finding.detail for finding in found] == [True]


def test_every_invariant_is_broken_by_some_test() -> None:
    broken = {invariant for invariant, *_ in [*BREACHES, *LIMIT_BREACHES]}
    # How the chain is broken has a file of its own: test_chain_of_entries.py.
    assert set(INVARIANTS) == broken | {CHAIN}


def test_the_page_about_money_lists_the_invariants_that_are_checked() -> None:
    (rows,) = tables_with("about", "holds")
    assert [row["holds"] for row in rows] == list(INVARIANTS)
    for row in rows:
        assert row["holds"] in import_module(f"app.engine.invariants.{row['about']}").QUERIES


def test_books_that_were_left_alone_have_no_findings(traded: Till) -> None:
    with reading() as session:
        assert list(check_books(session)) == []


def test_room_that_a_refund_made_may_be_taken_again(shop: Till) -> None:
    shop.publish(on=-1, limits=Limits(day_minor=300))
    first = order(1)
    shop.tell(first, order(2))
    shop.pay_back(refund_of(first, units=1, on=0, processed_at=day(0, 60)))
    later = replace(order(3), placed_at=day(0, 120), updated_at=day(0, 120))
    shop.tell(later)
    assert [shop.kept(fact) for fact in (first, order(2), later)] == [0, 100, 200]
    with reading() as session:
        assert list(check_books(session)) == []


def test_newer_terms_judge_nothing_that_came_before_them(shop: Till) -> None:
    shop.publish(on=-1, limits=Limits(month_minor=1_000, budget_minor=1_000))
    shop.tell(order(1, line(1, 40_000)))
    shop.publish(on=1, limits=Limits(month_minor=300, budget_minor=300))
    shop.tell(order(2, on=2))
    assert (shop.kept(order(1)), shop.kept(order(2, on=2))) == (800, 0)
    with reading() as session:
        assert list(check_books(session)) == []


def test_the_finding_of_one_shop_does_not_accuse_another(
    traded: Till, manual_shop: Till, admin_connection: "psycopg.Connection[Any]"
) -> None:
    manual_shop.tell(order(1))
    admin_connection.execute("DELETE FROM transfers WHERE shop_id = %s", [traded.id])
    with reading() as session:
        assert {found.shop_id for found in check_books(session)} == {traded.id}


def test_one_shop_can_be_checked_without_the_others(
    traded: Till, manual_shop: Till, admin_connection: "psycopg.Connection[Any]"
) -> None:
    manual_shop.tell(order(1))
    admin_connection.execute("UPDATE rewards SET settled_at = NULL, hold_reason = 'risk'")
    with reading() as session:
        both = list(check_invariant(session, STATE))
        assert {found.shop_id for found in both} == {traded.id, manual_shop.id}
        assert set(check_invariant(session, STATE, traded.id)) == {f for f in both if f.shop_id == traded.id}
        assert {found.shop_id for found in check_books(session, manual_shop.id)} == {manual_shop.id}


@pytest.mark.parametrize("shop_id", [None, 1])
def test_every_invariant_can_be_asked_of_empty_books(shop: Till, shop_id: int | None) -> None:
    with reading() as session:
        assert list(check_books(session, shop_id)) == []
