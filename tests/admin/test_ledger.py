"""The book of entries: what it shows, how it is filtered and paged, and that balances run and add up."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.admin.queries import search
from app.admin.queries.keyset import Place, Window, read_place
from app.admin.queries.ledger import Wanted, list_entries
from app.admin.queries.running import read_running, read_totals
from app.db import transaction
from app.engine.flows import adjust
from app.engine.ledger import read_balances
from app.engine.rules.facts import CustomerFact
from app.engine.rules.postings import Account, EntryKind
from app.engine.rules.roles import Role
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import Mode
from app.models import AuditEvent, Customer, LedgerEntry, ReasonCode, Shop
from tests.admin.factories import ADA, BIG, NOON, Page, Visitor, line, order, reading, tell
from tests.people import hire

BEN = CustomerFact(BIG + 702, "ben@example.com", "Ben Example")


@pytest.fixture
def books(shop_id: int) -> int:
    """Return a shop with six orders of Ada's settled, one of Ben's, and credit given to Ada by hand."""
    with transaction() as session:
        session.get_one(Shop, shop_id).mode = Mode.AUTOMATIC
    for number in range(1, 7):
        tell(shop_id, order(number, line(net_minor=10_000 * number)))
    tell(shop_id, order(7, customer=BEN))
    ada = id_of(shop_id)
    with transaction() as session:
        adjust.propose(
            session, shop_id, ada, TransferKind.CREDIT, 777, ReasonCode.GOODWILL, "Sorry.", "staff:42",
            NOON + timedelta(days=2), "made-up",
        )  # fmt: skip
    return shop_id


def id_of(shop_id: int, fact: CustomerFact = ADA) -> int:
    with reading() as session:
        query = select(Customer.id).where(Customer.shop_id == shop_id, Customer.shopify_id == fact.customer_id)
        return session.scalars(query).one()


def shown(page: Page) -> list[int]:
    return [int((row["id"] or "").removeprefix("entry-")) for row in page.of("tr") if row.get("id")]


def kinds_of(shop_id: int, ids: list[int]) -> set[EntryKind]:
    with reading() as session:
        return set(session.scalars(select(LedgerEntry.kind).where(LedgerEntry.id.in_(ids))))


def test_an_entry_says_what_moved_from_where_to_where_by_whom_and_what_shopify_has_of_it(
    visitor: Visitor, books: int
) -> None:
    page = Page(visitor.load("/ledger").text)
    for words in (
        "Settled", "Earned", "By hand", "Pending → Available", "Promised → Pending", "By hand → Available", "$7.77",
        "#1007", "Ben Example", "by Boomerang", "by Sam 42 Staff", "Planned",
    ):  # fmt: skip
        assert words in page.text, words
    assert page.of("a", href=f"/orders/{BIG + 7}")
    assert page.of("a", href=f"/customers/{id_of(books, BEN)}")


def test_books_without_an_entry_say_so(visitor: Visitor) -> None:
    assert "Nothing is booked yet" in visitor.load("/ledger").text


def test_a_filter_that_nothing_matches_says_so(visitor: Visitor, books: int) -> None:
    assert "No entry matches" in visitor.load("/ledger", search="#9999").text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 15),
        ({"kind": "settlement"}, 7),
        ({"kind": "no such kind"}, 15),
        ({"search": "#1003"}, 2),
        ({"search": "1003"}, 2),
        ({"search": "ben@example.com"}, 2),
        ({"search": "example"}, 15),
        ({"search": "nobody@example.com"}, 0),
        ({"actor": "staff:42"}, 1),
        ({"actor": "system"}, 14),
        ({"actor": "system", "kind": "adjustment"}, 0),
        ({"amount": "7.77"}, 1),
        ({"amount": "7.77", "kind": "accrual"}, 0),
        ({"amount": "7.77", "search": "ada@example.com"}, 1),
        ({"amount": "7.777"}, 15),
        ({"from": "2026-03-03"}, 1),
        ({"to": "2026-03-02"}, 14),
        ({"from": "2026-03-02", "to": "2026-03-02"}, 14),
        ({"from": "2026-02-30"}, 15),
        ({"from": "0001-01-01", "to": "9999-12-31"}, 15),
        ({"customer": "0"}, 15),
        ({"customer": str(2**70)}, 15),
        ({"before": "nonsense", "after": "2026_x"}, 15),
    ],
)
def test_the_list_is_filtered(visitor: Visitor, books: int, query: dict[str, str], count: int) -> None:
    assert len(shown(Page(visitor.fetch("/ledger", **query).text))) == count


def test_one_customer_has_a_running_balance_that_ends_where_the_books_do(visitor: Visitor, books: int) -> None:
    ada = id_of(books)
    text = visitor.load("/ledger", customer=str(ada)).text
    with reading() as session:
        available = read_balances(session, books, {ada}, "USD")[ada][Account.AVAILABLE]
        totals = read_totals(session, books, ada, "USD", None, None)
        rows = list_entries(session, books, Wanted(customer_ids=(ada,)), Window()).rows
        running = read_running(session, books, ada, "USD", [row.entry.id for row in rows])
        for newer, older in pairwise(rows):
            change = sum(
                (posting.destination is Account.AVAILABLE) * posting.amount_minor
                - (posting.source is Account.AVAILABLE) * posting.amount_minor
                for posting in newer.postings
            )
            assert running[newer.entry.id] - running[older.entry.id] == change
        assert running[rows[0].entry.id] == available
        ids = [row.entry.id for row in rows]
    assert (totals.opening_minor, totals.closing_minor) == (0, available)
    assert "Available after" in text
    assert shown(Page(text)) == ids


def test_the_balance_runs_on_below_a_filter_that_hides_entries(visitor: Visitor, books: int) -> None:
    ada = id_of(books)
    hand = Page(visitor.load("/ledger", customer=str(ada), kind="accrual").text)
    with reading() as session:
        running = read_running(session, books, ada, "USD", shown(hand))
    # The first order was only promised when nothing was available yet; the sixth when five were settled.
    assert running[min(shown(hand))] == 0
    assert running[max(shown(hand))] > 0


def test_totals_of_days_open_where_the_days_before_closed(books: int) -> None:
    ada = id_of(books)
    noon = NOON + timedelta(days=1, hours=12)
    with reading() as session:
        before = read_totals(session, books, ada, "USD", None, noon)
        after = read_totals(session, books, ada, "USD", noon, None)
        whole = read_totals(session, books, ada, "USD", None, None)
    assert after.opening_minor == before.closing_minor > 0
    assert (after.came_minor, after.went_minor) == (777, 0)
    assert after.closing_minor == whole.closing_minor


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(kind=EntryKind.ACCRUAL), Wanted(actor="system")])
@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_pages_hold_every_entry_once_there_and_back(books: int, wanted: Wanted, size: int) -> None:
    walk_there_and_back(books, wanted, size)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_of_an_amount_and_of_a_customer_do_so_too(books: int, size: int) -> None:
    with reading() as session:
        oldest = list_entries(session, books, Wanted(), Window(size=100)).rows[-1]
        amount_minor = oldest.postings[0].amount_minor
    walk_there_and_back(books, Wanted(amount_minor=amount_minor), size)
    walk_there_and_back(books, Wanted(customer_ids=(id_of(books),)), size)


def walk_there_and_back(shop_id: int, wanted: Wanted, size: int) -> None:
    with reading() as session:
        everything = [row.entry.id for row in list_entries(session, shop_id, wanted, Window(size=10_000)).rows]
        assert len(everything) == len(set(everything)) > 0
        page = list_entries(session, shop_id, wanted, Window(size=size))
        there = [row.entry.id for row in page.rows]
        while page.older:
            page = list_entries(session, shop_id, wanted, Window(before=page.older, size=size))
            there += [row.entry.id for row in page.rows]
        back = [row.entry.id for row in page.rows]
        while page.newer:
            page = list_entries(session, shop_id, wanted, Window(after=page.newer, size=size))
            back = [row.entry.id for row in page.rows] + back
    assert there == back == everything


def test_links_to_the_next_page_keep_what_was_chosen(visitor: Visitor, shop_id: int) -> None:
    with transaction() as session:
        session.get_one(Shop, shop_id).mode = Mode.AUTOMATIC
    tell(shop_id, *(order(number) for number in range(1, 30)))
    page = Page(visitor.fetch("/ledger", kind="accrual").text)
    assert len(shown(page)) == 25
    (older,) = page.of("a", rel="next")
    assert "kind=accrual" in (older["href"] or "")
    rest = Page(visitor.fetch(older["href"] or "").text)
    assert len(shown(rest)) == 4
    assert kinds_of(shop_id, shown(page) + shown(rest)) == {EntryKind.ACCRUAL}


def test_the_file_holds_a_line_for_each_posting_and_its_fetching_is_noted(visitor: Visitor, books: int) -> None:
    answer = visitor.post("/ledger/export", {"search": "#1003"})
    head, *lines = answer.data.decode("utf-8-sig").splitlines()
    assert head.startswith("entry,recorded_at,occurred_at,kind,customer,order,from,to,amount,currency")
    assert [line.split(",")[3] for line in lines] == ["settlement", "accrual"]
    assert all(",#1003,customer:pending" in line or ",program:promised,customer:pending" in line for line in lines)
    with reading() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
        assert (event.action, event.after["rows"], event.after["filters"]) == (
            "export_ledger", 2, {"search": "…"},
        )  # fmt: skip


def test_whoever_may_only_look_takes_no_file(app: Flask, books: int) -> None:
    with transaction() as session:
        hire(session, books, "50", Role.VIEWER)
    viewer = Visitor(app, staff="50")
    assert viewer.post("/ledger/export").status_code == 403
    assert "/ledger/export" not in viewer.load("/ledger").text


def test_another_shops_books_are_closed(stranger: Visitor, books: int) -> None:
    assert "Nothing is booked yet" in stranger.load("/ledger").text
    text = stranger.load("/ledger", customer=str(id_of(books))).text
    assert "Ada" not in text
    assert "entry-" not in text
    assert stranger.post("/ledger/export", {"search": "#1003"}).data.decode("utf-8-sig").count("\n") == 1


def test_an_entry_from_before_the_chain_and_one_in_another_currency_are_shown(visitor: Visitor, books: int) -> None:
    with transaction() as session:
        newest = session.scalars(select(func.max(LedgerEntry.id))).one()
        row = session.get_one(LedgerEntry, newest)
        page = list_entries(session, books, Wanted(customer_ids=(row.customer_id,)), Window(size=1))
        assert page.rows[0].entry.digest is not None
        assert read_running(session, books, row.customer_id, "EUR", [newest]) == {}


def test_a_place_reads_back_what_it_says() -> None:
    place = Place(NOON + timedelta(microseconds=5), 2**63 - 1)
    assert read_place(str(place)) == place
    assert read_place(str(replace(place, id=2**63))) is None
    assert read_place(str(replace(place, at=NOON.replace(tzinfo=None)))) is None
    for nonsense in ("", "_", "x_1", f"{NOON.isoformat()}_x"):
        assert read_place(nonsense) is None


def test_a_word_that_many_are_called_by_shows_some_and_says_so(
    visitor: Visitor, books: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST_PEOPLE", 1)
    note = "this list is not about all of them"
    assert note not in visitor.load("/ledger").text
    for path in ("/ledger", "/activity"):
        assert note in visitor.load(path, search="example").text
        refused = visitor.post(f"{path}/export", {"search": "example"})
        assert refused.status_code == 409
        assert "write more of the name" in refused.text
