"""Statements: listed by key, one that adds up in each account, its rewards on record, and the same as a file."""

import csv
from datetime import timedelta
from io import StringIO

import pytest
from flask import Flask
from sqlalchemy import select

from app.admin.queries.keyset import Window
from app.admin.queries.statements import find_statement, list_statements
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import adjust, review
from app.engine.rules.facts import CustomerFact
from app.engine.rules.roles import Role
from app.engine.rules.states import TransferKind
from app.models import AuditEvent, CreditAccount, Customer, ReasonCode, Shop, Statement, Transfer
from tests.admin.factories import ADA, BIG, NOON, Page, Visitor, order, publish, reading, reward_of, tell
from tests.people import hire

BEN = CustomerFact(BIG + 702, "ben@example.com", "Ben Sample")
GID = "gid://shopify/StoreCreditAccountCreditTransaction/77"


@pytest.fixture
def march(shop_id: int) -> int:
    """Return Ada's statement of March: 2.00 settled, 2.00 rejected, 2.00 that wait, and 5.00 taken by hand."""
    facts = [order(number) for number in (1, 2, 3)]
    tell(shop_id, *facts)
    publish(shop_id, debit_may_owe=True)
    first, second = reward_of(facts[0]), reward_of(facts[1])
    at = NOON + timedelta(days=2)
    with transaction() as session:
        review.approve(session, shop_id, first.id, first.version, "system", at)
        review.reject(session, shop_id, second.id, second.version, "system", at, "Resale.")
        (ada,) = session.scalars(select(Customer.id))
        take, why = TransferKind.DEBIT, ReasonCode.ADJUSTMENT
        adjust.propose(session, shop_id, ada, take, 500, why, "", "system", at + timedelta(days=1), "k")
        session.add(CreditAccount(shop_id=shop_id, customer_id=ada, currency="JPY", shopify_id=1))
        account = session.scalars(select(CreditAccount).where(CreditAccount.currency == "USD")).one_or_none()
        account = account or CreditAccount(shop_id=shop_id, customer_id=ada, currency="USD")
        account.shopify_id = 4711
        session.add(account)
        for row in session.scalars(select(Transfer).where(Transfer.reward_id == first.id)):
            row.shopify_transaction_id = GID
    with reading() as session:
        return session.scalars(select(Statement.id).where(Statement.starts_at <= at, Statement.ends_at > at)).one()


def test_a_statement_adds_up_in_every_account(shop_id: int, march: int) -> None:
    with reading() as session:
        figures = find_statement(session, session.get_one(Shop, shop_id), march).read.figures
    for name in ("pending_minor", "available_minor", "owed_minor", "total_minor"):
        moved = sum(getattr(amounts, name) for amounts in figures.lines.values())
        assert getattr(figures.closing, name) == getattr(figures.opening, name) + moved, name
    closing = figures.closing
    assert (closing.pending_minor, closing.available_minor, closing.owed_minor) == (200, 0, -300)


def test_the_page_shows_figures_rewards_and_whose_they_are(visitor: Visitor, march: int) -> None:
    answer = visitor.load(f"/statements/{march}")
    page = Page(answer.text)
    for words in (
        "Mar 1, 2026 \u2013 Mar 31, 2026", "Ada Example", "Opening", "Earned", "$6.00", "Settled",
        "Promises taken back", "By hand", "-$5.00", "Closing", "-$3.00", "#1001", "#1002", "#1003", "Rejected",
        "Account 4711 in Shopify",
    ):  # fmt: skip
        assert words in page.text, words
    assert GID in answer.text
    assert any("data-prints" in button for button in page.of("button", type="button"))


def test_the_file_holds_the_figures_and_each_reward(visitor: Visitor, march: int) -> None:
    answer = visitor.post(f"/statements/{march}/export")
    rows = list(csv.DictReader(StringIO(answer.text.removeprefix("\ufeff"))))
    by_line = {row["line"]: row for row in rows if row["line"] != "reward"}
    amounts = {name: (row["pending"], row["available"], row["owed"], row["amount"]) for name, row in by_line.items()}
    assert amounts == {
        "opening": ("0.00", "0.00", "0.00", "0.00"),
        "earned": ("6.00", "0.00", "0.00", "6.00"),
        "voided": ("-2.00", "0.00", "0.00", "-2.00"),
        "settled": ("-2.00", "2.00", "0.00", "0.00"),
        "adjusted": ("0.00", "-2.00", "-3.00", "-5.00"),
        "closing": ("2.00", "0.00", "-3.00", "-1.00"),
    }
    rewards = [row for row in rows if row["line"] == "reward"]
    assert [(row["order"], row["amount"]) for row in rewards] == [
        ("#1001", "2.00"),
        ("#1002", "2.00"),
        ("#1003", "2.00"),
    ]
    first = rewards[0]
    assert (first["customer"], first["account"], first["transactions"]) == (str(ADA.customer_id), "4711", GID)
    assert (first["date"], first["currency"]) == ("2026-03-01T12:01:00Z", "USD")
    with reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "export_statement"))
        assert event.after == {"rows": len(rows), "filters": {"statement": str(march)}}


def test_the_list_shows_what_there_was_at_the_end_of_each_period(visitor: Visitor, shop_id: int, march: int) -> None:
    later = order(9, customer=BEN, placed_at=NOON + timedelta(days=3))
    tell(shop_id, later)
    text = Page(visitor.load("/statements").text).text
    for words in ("Mar 1, 2026 \u2013 Mar 31, 2026", "Ada Example", "Ben Sample", "$2.00", "$3.00", "Closed"):
        assert words in text, words
    found = Page(visitor.fetch("/statements", search="ben").text).text
    assert ("Ben Sample" in found, "Ada Example" in found) == (True, False)
    with reading() as session:
        ada = session.scalars(select(Customer.id).where(Customer.shopify_id == ADA.customer_id)).one()
    found = Page(visitor.fetch("/statements", customer=str(ada)).text).text
    assert ("Ben Sample" in found, "Ada Example" in found) == (False, True)


def test_each_kind_of_emptiness_says_what_it_is(visitor: Visitor, shop_id: int) -> None:
    assert "No statements yet" in visitor.load("/statements").text
    tell(shop_id, order(1))
    assert "No statement matches" in visitor.load("/statements", search="nobody").text
    assert "No more statements" in visitor.load("/statements", before="2000-01-01T00:00:00+00:00_1").text


@pytest.mark.parametrize("size", [1, 2, 5, 6, 7])
def test_pages_hold_every_statement_once_there_and_back(shop_id: int, size: int) -> None:
    with transaction() as session:
        for number in range(3):
            person = Customer(shop_id=shop_id, shopify_id=BIG + number, created_at=NOON)
            session.add(person)
            session.flush()
            for month in range(2):
                starts_at = NOON + timedelta(days=30 * month)
                period = {"starts_at": starts_at, "ends_at": starts_at + timedelta(days=30)}
                session.add(Statement(shop_id=shop_id, customer_id=person.id, **period))
    session = db.session()
    shop, there, back = session.get_one(Shop, shop_id), [], []
    page = list_statements(session, shop, Window(size=size))
    while True:
        there.append([row.statement.id for row in page.rows])
        if page.older is None:
            break
        page = list_statements(session, shop, Window(before=page.older, size=size))
    back = [there[-1]]
    while page.newer is not None:
        page = list_statements(session, shop, Window(after=page.newer, size=size))
        back.insert(0, [row.statement.id for row in page.rows])
    flat = [number for part in there for number in part]
    assert [number for part in back for number in part] == flat
    assert len(flat) == len(set(flat)) == 6
    db.session.rollback()


def test_a_period_that_goes_on_says_so(visitor: Visitor, shop_id: int) -> None:
    with transaction() as session:
        person = Customer(shop_id=shop_id, shopify_id=BIG + 1, created_at=NOON)
        session.add(person)
        session.flush()
        period = {"starts_at": NOON, "ends_at": utcnow() + timedelta(days=5)}
        row = Statement(shop_id=shop_id, customer_id=person.id, **period)
        session.add(row)
        session.flush()
        number = row.id
    text = Page(visitor.load(f"/statements/{number}").text).text
    for words in ("Running", "As of now", "Nothing moved in this period.", "No order earned anything"):
        assert words in text, words


def test_who_only_looks_takes_no_statement_along(app: Flask, shop_id: int, march: int) -> None:
    with transaction() as session:
        hire(session, shop_id, "50", Role.VIEWER)
    viewer = Visitor(app, staff="50")
    assert "Export CSV" not in viewer.load(f"/statements/{march}").text
    assert viewer.post(f"/statements/{march}/export").status_code == 403


def test_another_shops_statements_are_not_there(stranger: Visitor, march: int) -> None:
    assert "Ada Example" not in stranger.load("/statements").text
    for number in (march, 2**70):
        assert stranger.load(f"/statements/{number}").status_code == 404
        assert stranger.post(f"/statements/{number}/export").status_code == 404
