"""The chain of entries in the database: written as the rules say, and found broken by whatever a vandal does."""

import threading
import time
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.engine.flows.check_books import check_books, check_invariant
from app.engine.ledger import EntryDraft, post
from app.engine.rules import postings
from app.engine.rules.chain import NO_DIGEST, Link, compute_digest
from app.engine.rules.postings import EntryKind, Posting
from app.models import Customer, LedgerEntry, LedgerPosting, Shop
from tests.flows.builders import BEN, Till, all_rows, day, line, order, reading

CHAIN = "Each entry's digest covers the entry, its postings and its customer's entry before it"
BEFORE = "Only entries from before a customer's chain have no digest"
CHANGED = "is not what was digested: it, a posting of it or the digest before it was changed"
#: Of Ada's entries accrual, settlement, clawback: all but their ids and digests change places.
SWAP = """
    UPDATE ledger_entries e SET (position, digest) = (o.position + 100, o.digest) FROM ledger_entries o
    WHERE (e.position, o.position) IN ((2, 3), (3, 2)) AND e.customer_id = 1 AND o.customer_id = 1;
    UPDATE ledger_entries SET position = position - 100 WHERE position > 100
"""
#: What a vandal may do to Ada's entries 1, 2 and 5 and their postings, and what is said about it.
TAMPERING = {
    "an amount": ("UPDATE postings SET amount_minor = amount_minor + 1 WHERE entry_id = 2", "entry 2", CHANGED),
    "an account": ("UPDATE postings SET source = 'program:external' WHERE entry_id = 1", "entry 1", CHANGED),
    "an actor": ("UPDATE ledger_entries SET actor = 'staff:9' WHERE id = 2", "entry 2", CHANGED),
    "a key": ("UPDATE ledger_entries SET key = 'made-up' WHERE id = 5", "entry 5", CHANGED),
    "a kind": ("UPDATE ledger_entries SET kind = 'void' WHERE id = 5", "entry 5", CHANGED),
    "a currency": ("UPDATE ledger_entries SET currency = 'EUR' WHERE id = 1", "entry 1", CHANGED),
    "when it happened": (
        "UPDATE ledger_entries SET occurred_at = occurred_at + interval '1 microsecond' WHERE id = 1",
        "entry 1",
        CHANGED,
    ),
    "when it was written": (
        "UPDATE ledger_entries SET recorded_at = recorded_at - interval '1 microsecond' WHERE id = 2",
        "entry 2",
        CHANGED,
    ),
    "its reward": ("UPDATE ledger_entries SET reward_id = NULL WHERE id = 2", "entry 2", CHANGED),
    "its adjustment": ("UPDATE ledger_entries SET adjustment_id = 5 WHERE id = 2", "entry 2", CHANGED),
    "its move": ("UPDATE ledger_entries SET move_id = 5 WHERE id = 2", "entry 2", CHANGED),
    "a digest": ("UPDATE ledger_entries SET digest = sha256('') WHERE id = 2", "entry 2", CHANGED),
    "a posting less": ("DELETE FROM postings WHERE entry_id = 2", "entry 2", CHANGED),
    "a posting more": (
        "INSERT INTO postings (shop_id, entry_id, customer_id, currency, source, destination, amount_minor) "
        "SELECT shop_id, entry_id, customer_id, currency, destination, source, 1 FROM postings WHERE entry_id = 2",
        "entry 2",
        CHANGED,
    ),
    "postings in another order": (
        "UPDATE postings SET id = id + 100 WHERE id = (SELECT MIN(id) FROM postings WHERE entry_id = 5)",
        "entry 5",
        CHANGED,
    ),
    "the first entry gone": ("DELETE FROM ledger_entries WHERE id = 1", "no entry between positions 0 and 2", ""),
    "an entry gone from the middle": (
        "DELETE FROM ledger_entries WHERE id = 2",
        "no entry between positions 1 and 3",
        "",
    ),
    "an entry gone and the rest moved up": (
        "DELETE FROM ledger_entries WHERE id = 2; UPDATE ledger_entries SET position = 2 WHERE id = 5",
        "entry 5",
        CHANGED,
    ),
    "an entry given to another customer": (
        "UPDATE ledger_entries SET customer_id = 999 WHERE id = 1",
        "customer 999",
        CHANGED,
    ),
    "entries in another order": (SWAP, "comes after entry 5, which was written later", ""),
}


@pytest.fixture
def shop_with_a_chain(shop: Till) -> Till:
    """Return a shop in which Ada has an accrual, a settlement and a clawback in two postings, and Ben two entries."""
    first = order(1, line(1, 20_000, 2))
    shop.tell(first)
    shop.tell(order(2, customer=BEN))
    shop.run(_owe_a_little)
    return shop


def _owe_a_little(session: Session, shop: Shop) -> None:
    moves = postings.claw_back(450, 400)
    post(session, shop.id, [draft("made-up:1", 1, *moves, kind=EntryKind.CLAWBACK)], day(11))


def draft(key: str, customer_id: int, *moves: Posting, kind: EntryKind = EntryKind.ACCRUAL) -> EntryDraft:
    """Return an entry about to be written."""
    return EntryDraft(key, kind, customer_id, "USD", day(1), "staff:7|é\n", moves or postings.accrue(100))


def broken() -> list[str]:
    """Return what is wrong with the chain."""
    with reading() as session:
        return [found.detail for found in check_invariant(session, CHAIN)]


def test_each_customers_entries_are_chained_as_the_rules_say(shop_with_a_chain: Till) -> None:
    seen = []
    with reading() as session:
        for customer_id in session.scalars(select(Customer.id)):
            entries = session.scalars(
                select(LedgerEntry).where(LedgerEntry.customer_id == customer_id).order_by(LedgerEntry.id)
            )
            before = NO_DIGEST
            for position, entry in enumerate(entries, start=1):
                rows = session.scalars(
                    select(LedgerPosting).where(LedgerPosting.entry_id == entry.id).order_by(LedgerPosting.id)
                )
                link = Link(
                    shop_id=entry.shop_id,
                    customer_id=customer_id,
                    position=position,
                    key=entry.key,
                    kind=entry.kind,
                    currency=entry.currency,
                    occurred_at=entry.occurred_at,
                    recorded_at=entry.recorded_at,
                    actor=entry.actor,
                    postings=[Posting(row.source, row.destination, row.amount_minor) for row in rows],
                    reward_id=entry.reward_id,
                    adjustment_id=entry.adjustment_id,
                    move_id=entry.move_id,
                )
                before = compute_digest(before, link)
                assert (entry.position, entry.digest) == (position, before)
            seen.append(position)
    assert sorted(seen) == [2, 3]


def test_entries_of_one_batch_are_chained_one_after_the_other(shop: Till) -> None:
    shop.tell(order(1), order(2, customer=BEN), order(3), order(4, customer=BEN))
    with reading() as session:
        ids = select(LedgerEntry.customer_id, LedgerEntry.position).order_by(LedgerEntry.id)
        positions: dict[int, list[int | None]] = {}
        for customer_id, position in session.execute(ids):
            positions.setdefault(customer_id, []).append(position)
    assert list(positions.values()) == [[1, 2, 3, 4], [1, 2, 3, 4]]
    assert broken() == []


def test_an_entry_written_before_takes_no_position(shop_with_a_chain: Till) -> None:
    rows = all_rows()
    shop_with_a_chain.run(_owe_a_little_again)
    assert broken() == []
    assert len(all_rows()) == len(rows) + 2


def _owe_a_little_again(session: Session, shop: Shop) -> None:
    drafts = [draft("made-up:1", 1), draft("made-up:2", 1), draft("made-up:1", 1)]
    assert post(session, shop.id, drafts, day(12)) == {"made-up:2"}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_is_found_and_named(
    shop_with_a_chain: Till, admin_connection: "psycopg.Connection[Any]", what: str
) -> None:
    assert broken() == []
    statement, where, how = TAMPERING[what]
    admin_connection.execute(statement)
    assert [detail for detail in broken() if where in detail and how in detail]


def test_a_chain_that_was_cut_off_at_its_end_is_found_by_what_it_was_the_books_of(
    shop_with_a_chain: Till, admin_connection: "psycopg.Connection[Any]"
) -> None:
    admin_connection.execute("DELETE FROM postings WHERE entry_id = 4; DELETE FROM ledger_entries WHERE id = 4")
    assert broken() == []
    with reading() as session:
        found = {finding.invariant for finding in check_books(session)}
    assert "What is available is what was credited minus what was debited" in found


def test_entries_from_before_the_chain_stay_as_they_are(
    shop: Till, admin_connection: "psycopg.Connection[Any]"
) -> None:
    shop.tell(order(1))
    admin_connection.execute("UPDATE ledger_entries SET position = NULL, digest = NULL")
    shop.tell(order(2))
    with reading() as session:
        in_order = select(LedgerEntry.position).order_by(LedgerEntry.id)
        assert session.scalars(in_order).all() == [None, None, 1, 2]
        assert list(check_books(session)) == []


def test_an_entry_without_a_digest_after_the_chain_has_begun_is_named(
    shop_with_a_chain: Till, admin_connection: "psycopg.Connection[Any]"
) -> None:
    admin_connection.execute("UPDATE ledger_entries SET position = NULL, digest = NULL WHERE id = 5")
    with reading() as session:
        (found,) = check_invariant(session, BEFORE)
    assert found.detail == "entry 5 (made-up:1) of customer 1 has no digest, but entry 1 before it has one"


def test_the_database_wants_a_position_and_a_digest_together(
    shop_with_a_chain: Till, admin_connection: "psycopg.Connection[Any]"
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        admin_connection.execute("UPDATE ledger_entries SET digest = NULL WHERE id = 5")


def test_of_two_who_come_without_the_customers_lock_one_is_refused(
    shop_with_a_chain: Till, admin_connection: "psycopg.Connection[Any]"
) -> None:
    shop_id = shop_with_a_chain.id
    outcomes: list[str] = []

    def write(engine: Engine) -> None:
        with Session(engine) as late:
            try:
                post(late, shop_id, [draft("made-up:6", 1)], day(12))
            except IntegrityError as error:
                outcomes.append(str(error.orig))

    with reading() as session:
        engine = session.get_bind()
        assert isinstance(engine, Engine)
    with Session(engine) as early:
        post(early, shop_id, [draft("made-up:5", 1)], day(12))
        thread = threading.Thread(target=write, args=[engine])
        thread.start()
        until = time.monotonic() + 30
        # In this database alone: the server is shared, and its other databases have waits of their own.
        waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        while not admin_connection.execute(waits).fetchone():
            assert time.monotonic() < until
        early.commit()
        thread.join(30)
    assert len(outcomes) == 1
    assert "uq_ledger_entries_shop_id_customer_id_position" in outcomes[0]
    assert broken() == []
