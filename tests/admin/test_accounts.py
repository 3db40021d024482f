"""Store-credit accounts against the books: what differs, what was found, and what waits for a person."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.admin.queries.account_lists import list_accounts, list_moves
from app.admin.queries.keyset import Window
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import account_statements
from app.engine.rules.facts import CustomerFact, MoveKind
from app.engine.rules.roles import Role
from app.engine.rules.states import TransferState
from app.engine.rules.terms import Mode
from app.errors import NotAllowed, NotFound
from app.models import AuditEvent, CreditAccount, CreditMoveRow, Customer, Shop, StatementImport, Transfer
from tests.admin.factories import BIG, NOON, Page, Visitor, order, reading, tell
from tests.people import hire

SOON = timedelta(hours=2)


@pytest.fixture
def credit(shop_id: int) -> int:
    """Return a shop with five customers' accounts, of which the second has 2.50 too much and the third too little."""
    with transaction() as session:
        session.get_one(Shop, shop_id).mode = Mode.AUTOMATIC
    tell(shop_id, *(order(number, customer=customer(number)) for number in range(1, 6)))
    with transaction() as session:
        session.query(CreditAccount).filter(CreditAccount.shop_id == shop_id).delete()
        for row in session.scalars(select(Customer).order_by(Customer.id)):
            drift = {BIG + 802: 250, BIG + 803: -100}.get(row.shopify_id, 0)
            session.add(account(shop_id, row.id, drift))
    return shop_id


def customer(number: int) -> CustomerFact:
    return CustomerFact(BIG + 800 + number, f"c{number}@example.com", f"Customer {number} Example")


def account(shop_id: int, customer_id: int, drift_minor: int) -> CreditAccount:
    return CreditAccount(
        shop_id=shop_id, customer_id=customer_id, currency="USD", shopify_id=customer_id,
        balance_minor=200 + drift_minor, read_at=NOON, next_read_at=utcnow() + SOON,
        drift_minor=drift_minor, drift_since=NOON if drift_minor else None,
    )  # fmt: skip


def found(shop_id: int, number: int, kind: MoveKind, **values: Any) -> int:
    """Let something have been found on the first customer's account; return its number."""
    with transaction() as session:
        whose = session.scalars(select(Customer.id).where(Customer.shop_id == shop_id).order_by(Customer.id)).first()
        row = CreditMoveRow(
            shop_id=shop_id, key=f"gid://made-up/{number}", customer_id=whose, kind=kind, currency="USD",
            amount_minor=100 + number, at=NOON + timedelta(minutes=number // 3), first_seen_at=NOON, **values,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id


def a_transfer(shop_id: int, **values: Any) -> int:
    with transaction() as session:
        row = session.scalars(select(Transfer).where(Transfer.shop_id == shop_id).order_by(Transfer.id)).first()
        assert row is not None
        for name, value in values.items():
            setattr(row, name, value)
        return row.id


def shown(page: Page, of: str = "account-") -> list[int]:
    ids = [row["id"] or "" for row in page.of("tr") if row.get("id")]
    return [int(one.removeprefix(of)) for one in ids]


def test_those_that_differ_are_shown_first_with_both_sides(visitor: Visitor, credit: int) -> None:
    page = Page(visitor.load("/accounts").text)
    assert len(shown(page)) == 2
    for words in ("Customer 2 Example", "$4.50", "$2.00", "$2.50", "-$1.00", "Customers who differ 2"):
        assert words in page.text, words
    assert "Customer 1 Example" not in page.text
    everybody = Page(visitor.load("/accounts", show="all").text)
    assert len(shown(everybody)) == 5
    assert "none" in everybody.text


def test_accounts_that_agree_and_a_shop_without_any_say_so(visitor: Visitor, shop_id: int) -> None:
    assert "Everything agrees" in visitor.load("/accounts").text
    assert "No accounts yet" in visitor.load("/accounts", show="all").text


def test_what_is_not_known_is_not_made_up(visitor: Visitor, credit: int) -> None:
    with transaction() as session:
        row = session.scalars(select(CreditAccount).order_by(CreditAccount.id)).first()
        assert row is not None
        row.balance_minor = row.drift_minor = row.read_at = None
        row.next_read_at = NOON
        row.error = "Shopify no longer knows this customer."
    text = Page(visitor.load("/accounts", show="all").text).text
    for words in ("not compared", "never", "being read", "Shopify no longer knows this customer."):
        assert words in text, words


def test_trouble_with_reading_and_spending_is_said(visitor: Visitor, credit: int) -> None:
    with transaction() as session:
        session.get_one(Shop, credit).store_credit_enabled = False
        row = StatementImport(shop_id=credit, stopped_since=NOON, stopped_by="Shopify did not answer.", listed_at=NOON)
        session.add(row)
    text = Page(visitor.load("/accounts").text).text
    assert "cannot spend store credit" in text
    assert "Shopify did not answer." in text


@pytest.mark.parametrize("size", [1, 2, 5])
def test_pages_hold_every_account_once_there_and_back(credit: int, size: int) -> None:
    with reading() as session:
        shop = session.get_one(Shop, credit)
        page = list_accounts(session, shop, differing=False, size=size)
        assert page.newer is None
        there = [row.customer.id for row in page.rows]
        while page.older:
            page = list_accounts(session, shop, differing=False, after=page.older, size=size)
            there += [row.customer.id for row in page.rows]
        back = [row.customer.id for row in page.rows]
        while page.newer:
            page = list_accounts(session, shop, differing=False, before=page.newer, size=size)
            back = [row.customer.id for row in page.rows] + back
        everybody = session.scalars(select(Customer.id).order_by(Customer.id)).all()
    assert there == back == everybody


def test_a_transfer_in_doubt_leads_to_its_order(visitor: Visitor, credit: int) -> None:
    a_transfer(credit, state=TransferState.UNKNOWN, needs_person=True, sent_at=NOON)
    page = Page(visitor.load("/accounts").text)
    assert "Transfers in doubt" in page.text
    assert page.of("a", href=f"/orders/{BIG + 1}")
    a_transfer(credit, needs_person=False)
    assert "Transfers in doubt" not in visitor.load("/accounts").text


def test_what_looks_carried_out_twice_is_pointed_out_until_somebody_looked(visitor: Visitor, credit: int) -> None:
    move = found(credit, 1, MoveKind.EXTERNAL_CREDIT, repeats_transfer_id=a_transfer(credit))
    assert "Looks carried out twice" in visitor.load("/accounts").text
    path = f"/accounts/repeats/{move}/seen"
    bad = visitor.post(path, {"reason": "  "})
    assert bad.status_code == 422
    assert "needs a reason" in bad.text
    assert visitor.post(path, {"reason": "x" * 501}).status_code == 422
    assert "x" * 501 in visitor.post(path, {"reason": "x" * 501}).text
    done = visitor.post(path, {"reason": "Taken back by hand."})
    assert (done.status_code, "Looks carried out twice" in done.text) == (200, False)
    again = visitor.post(path, {"reason": "Once more."}, htmx=False)
    assert again.json == {"done": "Noted: somebody looked at it."}
    with reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "see_repeated_transfer"))
        assert (event.actor, event.reason) == ("staff:42", "Taken back by hand.")
    assert visitor.post(f"/accounts/repeats/{move + 1}/seen", {"reason": "x"}).status_code == 404
    assert visitor.post(f"/accounts/repeats/{2**70}/seen", {"reason": "x"}).status_code == 404


def test_all_accounts_are_read_again_when_somebody_asks(visitor: Visitor, credit: int) -> None:
    assert visitor.post("/accounts/read", htmx=False).status_code == 200
    with reading() as session:
        due = session.scalars(select(CreditAccount.next_read_at).where(CreditAccount.shop_id == credit)).all()
        assert len(due) == 5
        assert all(at is not None and at <= utcnow() for at in due)
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "look_at_all_accounts"))
        assert event.actor == "staff:42"


def test_asking_twice_leaves_the_same_accounts_due(credit: int) -> None:
    for _ in range(2):
        with transaction() as session:
            account_statements.look_at_all(session, credit, "cli", NOON)
    with reading() as session:
        due = session.scalars(select(CreditAccount.next_read_at).where(CreditAccount.shop_id == credit)).all()
    assert due == [NOON] * 5


def test_whoever_may_only_look_or_decide_has_none_of_it_read(app: Flask, credit: int) -> None:
    with transaction() as session:
        hire(session, credit, "50", Role.APPROVER)
    approver = Visitor(app, staff="50")
    move = found(credit, 1, MoveKind.EXTERNAL_CREDIT, repeats_transfer_id=a_transfer(credit))
    assert approver.post("/accounts/read").status_code == 403
    assert approver.post(f"/accounts/repeats/{move}/seen", {"reason": "x"}).status_code == 403
    text = approver.load("/accounts").text
    assert "/accounts/read" not in text
    assert "I looked at it" not in text
    with transaction() as session:
        with pytest.raises(NotAllowed):
            account_statements.look_at_all(session, credit, "staff:50", NOON)
        with pytest.raises(NotFound):
            account_statements.look_at_all(session, credit + 99, "cli", NOON)


def test_what_was_found_is_listed_by_kind_with_its_order(visitor: Visitor, credit: int) -> None:
    assert "Nothing was found yet" in visitor.load("/accounts/changes").text
    spent = found(credit, 1, MoveKind.REDEMPTION, order_shopify_id=BIG + 1)
    foreign = found(credit, 2, MoveKind.EXTERNAL_DEBIT, order_shopify_id=5)
    page = Page(visitor.load("/accounts/changes").text)
    assert set(shown(page, "move-")) == {spent, foreign}
    assert page.of("a", href=f"/orders/{BIG + 1}")
    assert not page.of("a", href="/orders/5")
    assert shown(Page(visitor.load("/accounts/changes", kind="redemption").text), "move-") == [spent]
    assert "No change matches" in visitor.load("/accounts/changes", kind="expiry").text
    assert len(shown(Page(visitor.load("/accounts/changes", kind="x", before="x").text), "move-")) == 2


def test_pages_hold_every_change_once_there_and_back(credit: int) -> None:
    numbers = {found(credit, number, list(MoveKind)[number % 5]) for number in range(20)}
    with reading() as session:
        page = list_moves(session, credit, None, Window(size=6))
        there = [row.move.id for row in page.rows]
        while page.older:
            page = list_moves(session, credit, None, Window(before=page.older, size=6))
            there += [row.move.id for row in page.rows]
        back = [row.move.id for row in page.rows]
        while page.newer:
            page = list_moves(session, credit, None, Window(after=page.newer, size=6))
            back = [row.move.id for row in page.rows] + back
    assert there == back
    assert set(there) == numbers
    assert len(there) == 20


def test_another_shops_accounts_are_closed(stranger: Visitor, credit: int) -> None:
    move = found(credit, 1, MoveKind.EXTERNAL_CREDIT, repeats_transfer_id=a_transfer(credit))
    assert shown(Page(stranger.load("/accounts", show="all").text)) == []
    assert shown(Page(stranger.load("/accounts/changes").text)) == []
    assert stranger.post(f"/accounts/repeats/{move}/seen", {"reason": "x"}).status_code == 404
    stranger.post("/accounts/read")
    with reading() as session:
        assert session.scalars(select(CreditAccount.id).where(CreditAccount.next_read_at <= utcnow())).all() == []
