"""The list of customers: sorted by key both ways, searched, filtered, as a file, and a tier for many at once."""

import csv
from datetime import timedelta
from io import StringIO

import pytest
from sqlalchemy import select, update

from app.admin.queries.customers import Show, Sort, Spot, Wanted, list_customers, read_spot
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import adjust
from app.engine.rules.facts import CustomerFact
from app.engine.rules.roles import Role
from app.engine.rules.states import TransferKind
from app.models import AuditEvent, CreditAccount, Customer, ReasonCode, Shop, TierAssignmentRow
from tests.admin.factories import ADA, BIG, NOON, Page, Visitor, order, publish, reading, tell
from tests.people import hire

BEN = CustomerFact(BIG + 702, "ben@example.com", "Ben Sample")


def add(shop_id: int, number: int, **values: object) -> int:
    """Add a customer without any order."""
    with transaction() as session:
        row = Customer(shop_id=shop_id, shopify_id=BIG + 900 + number, created_at=NOON, **values)
        session.add(row)
        session.flush()
        return row.id


def add_account(shop_id: int, customer_id: int, balance_minor: int | None, currency: str = "USD") -> None:
    with transaction() as session:
        known = {"shop_id": shop_id, "customer_id": customer_id, "currency": currency}
        row = session.scalars(select(CreditAccount).filter_by(**known)).one_or_none() or CreditAccount(**known)
        row.balance_minor = balance_minor
        session.add(row)


def owe(shop_id: int, customer_id: int, minor: int) -> None:
    """Let a customer owe something."""
    publish(shop_id, debit_may_owe=True)
    with transaction() as session:
        adjust.propose(
            session, shop_id, customer_id, TransferKind.DEBIT, minor, ReasonCode.ADJUSTMENT, "", "system",
            utcnow(), f"owe-{customer_id}-{minor}",
        )  # fmt: skip


def walk(shop_id: int, sort: Sort, size: int) -> list[int]:
    """Return the ids on all pages there, and fail unless the way back holds the same."""
    session, there = db.session(), []
    shop, wanted = session.get_one(Shop, shop_id), Wanted(sort=sort)
    page = list_customers(session, shop, wanted, size=size)
    assert page.previous is None
    while True:
        there.append([row.customer.id for row in page.rows])
        if page.following is None:
            break
        page = list_customers(session, shop, wanted, after=page.following, size=size)
    back = [there[-1]]
    while page.previous is not None:
        page = list_customers(session, shop, wanted, before=page.previous, size=size)
        back.append([row.customer.id for row in page.rows])
    assert [number for part in reversed(back) for number in part] == [number for part in there for number in part]
    db.session.rollback()
    return [number for part in there for number in part]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9])
@pytest.mark.parametrize("sort", list(Sort))
def test_every_order_of_the_list_holds_everybody_once_there_and_back(shop_id: int, sort: Sort, size: int) -> None:
    names = ["Zoe", "ada", None, "Ben", None, "ada", "", "Cleo"]
    spends = [None, 500, 500, 0, None, 10_000, -5, 7]
    balances = [300, None, 300, 0, None, 1, 99, 300]
    owed = [0, 200, 0, 200, 0, 900, 0, 0]
    ids = []
    for number, (name, spend, balance, debt) in enumerate(zip(names, spends, balances, owed, strict=True)):
        ids.append(add(shop_id, number, name=name, tier_spend_minor=spend))
        if balance is not None:
            add_account(shop_id, ids[-1], balance)
            add_account(shop_id, ids[-1], balance * 7, "EUR")
        if debt:
            owe(shop_id, ids[-1], debt)
    place = {number: index for index, number in enumerate(ids)}
    falling = {
        Sort.NEWEST: [None] * 8,
        Sort.SPEND: spends,
        Sort.BALANCE: balances,
        Sort.OWED: [each or None for each in owed],
    }
    if sort is Sort.NAME:
        keys = {n: (names[place[n]] is None, (names[place[n]] or "").lower(), n) for n in ids}
        named = sorted((n for n in ids if not keys[n][0]), key=lambda n: keys[n][1:])
        expected = named + sorted((n for n in ids if keys[n][0]), reverse=True)
    else:
        values = falling[sort]
        have = [n for n in ids if values[place[n]] is not None]
        expected = sorted(have, key=lambda n: (values[place[n]], n), reverse=True)
        expected += sorted(set(ids) - set(have), reverse=True)
    assert walk(shop_id, sort, size) == expected


def test_a_spot_reads_back_what_it_says() -> None:
    for sort, spot in (
        (Sort.NEWEST, Spot(None, 5)), (Sort.NAME, Spot("ada_l=x", 2**63 - 1)), (Sort.NAME, Spot("", 1)),
        (Sort.SPEND, Spot(-5, 1)), (Sort.OWED, Spot(2**63 - 1, 0)), (Sort.BALANCE, Spot(None, 9)),
    ):  # fmt: skip
        assert read_spot(str(spot), sort) == spot
    nonsense = ("", "_", "x_1", "=5_x", f"=5_{2**63}", f"={2**63}_1", "=--5_1", "=_1", "=five_1", "=٣_1")
    for text in nonsense:
        assert read_spot(text, Sort.SPEND) is None, text
    assert read_spot("=5_1", Sort.NEWEST) is None


def test_the_row_says_what_somebody_has(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1))
    with reading() as session:
        (ada,) = session.scalars(select(Customer.id)).all()
    owe(shop_id, ada, 123)
    text = Page(visitor.load("/customers").text).text
    for words in ("Ada Example", "ada@example.com", "Bronze", "$100.00", "$2.00", "$1.23"):
        assert words in text, words


def shown(visitor: Visitor, **query: str) -> set[str]:
    """Return the names on the list."""
    page = Page(visitor.fetch("/customers", **query).text)
    return {name for name in ("Ada Example", "Ben Sample", "Gone Away", "Old Merged") if name in page.text}


def test_the_list_is_searched_and_filtered(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1), order(2, customer=BEN))
    gone = add(shop_id, 1, name="Gone Away", deleted_at=NOON, tags=["VIP"])
    add(shop_id, 2, name="Old Merged", merged_into_id=gone)
    with reading() as session:
        ids = dict(session.execute(select(Customer.name, Customer.id)).all())
        session.execute(update(Customer).where(Customer.name == "Ada Example").values(tier_name="Gold"))
    owe(shop_id, ids["Ben Sample"], 5)
    everybody = {"Ada Example", "Ben Sample", "Gone Away", "Old Merged"}
    for query, names in (
        ({}, everybody), ({"search": "exam"}, {"Ada Example"}), ({"search": "ben@"}, {"Ben Sample"}),
        ({"search": str(BEN.customer_id)}, {"Ben Sample"}), ({"search": "nobody"}, set()),
        ({"tag": "vip"}, {"Gone Away"}), ({"tag": "other"}, set()),
        ({"of_tier": "Gold"}, {"Ada Example"}), ({"of_tier": "No such tier"}, set()),
        ({"show": Show.OWING}, {"Ben Sample"}), ({"show": Show.PENDING}, {"Ada Example", "Ben Sample"}),
        ({"show": Show.GONE}, {"Gone Away", "Old Merged"}), ({"show": "no such part"}, everybody),
        ({"sort": "no such order"}, everybody), ({"after": "x", "before": "\x00"}, everybody),
        ({"sort": "owed", "show": "owing"}, {"Ben Sample"}), ({"search": "9" * 40}, set()),
    ):  # fmt: skip
        assert shown(visitor, **query) == names, query


def test_each_kind_of_emptiness_says_what_it_is(visitor: Visitor, shop_id: int) -> None:
    assert "No customers yet" in visitor.load("/customers").text
    add(shop_id, 1, name="Somebody")
    assert "No customer matches" in visitor.load("/customers", search="nobody").text
    assert "No more customers" in visitor.load("/customers", after="_0").text


def test_the_links_lead_through_all_pages_with_what_was_chosen(visitor: Visitor, shop_id: int) -> None:
    for number in range(60):
        add(shop_id, number, name=f"Person {number % 7}", tier_name="Gold")
    path, seen = "/customers?sort=name&of_tier=Gold", []
    while path:
        page = Page(visitor.fetch(path).text)
        rows = [link["href"] for link in page.of("a") if (link.get("href") or "").startswith("/customers/")]
        seen += rows
        links = page.of("a", rel="next")
        path = links[0]["href"] or "" if links else ""
        assert "of_tier=Gold" in path or not path
    assert len(seen) == len(set(seen)) == 60


def test_the_file_holds_what_is_asked_for_and_says_who_took_it(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1), order(2, customer=BEN))
    add(shop_id, 1, name="=cmd()", tags=["a", "b"])
    answer = visitor.post("/customers/export", {"sort": "name"})
    rows = list(csv.DictReader(StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["name"] for row in rows] == ["'=cmd()", "Ada Example", "Ben Sample"]
    ada = rows[1]
    assert (ada["customer"], ada["email"], ada["tier"], ada["spend"], ada["pending"], ada["currency"]) == (
        str(ADA.customer_id), "ada@example.com", "Bronze", "100.00", "2.00", "USD",
    )  # fmt: skip
    assert (ada["available"], ada["owed"], ada["balance_in_shopify"], rows[0]["tags"]) == ("0.00", "0.00", "", "a, b")
    assert ada["last_order_at"] == (NOON + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "export_customers"))
        assert (event.actor, event.after) == ("staff:42", {"rows": 3, "filters": {"sort": "name"}})


def test_a_file_of_many_holds_everybody_once(visitor: Visitor, shop_id: int) -> None:
    with transaction() as session:
        session.add_all(
            Customer(shop_id=shop_id, shopify_id=BIG + n, created_at=NOON, name=f"P{n % 3}") for n in range(1_100)
        )
    rows = list(csv.DictReader(StringIO(visitor.post("/customers/export", {"sort": "name"}).text)))
    assert len({row["email"] + next(iter(row.values())) for row in rows}) == len(rows) == 1_100


def test_many_get_a_tier_at_once(visitor: Visitor, shop_id: int) -> None:
    ids = [add(shop_id, number, name=f"Person {number}") for number in range(3)]
    form = {"customer": [str(ids[0]), str(ids[2])], "tier": "Gold", "reason": "Moved house.", "lock": "true"}
    answer = visitor.post("/customers/tier", form)
    assert answer.status_code == 200
    assert "2 customers have the tier now." in answer.headers["HX-Trigger"]
    with reading() as session:
        rows = session.scalars(select(TierAssignmentRow).order_by(TierAssignmentRow.id)).all()
        assert [(row.customer_id, row.tier_name, row.is_locked, row.ends_at) for row in rows] == [
            (ids[0], "Gold", True, None), (ids[2], "Gold", True, None),
        ]  # fmt: skip
    assert "0 customers have the tier now." in visitor.post("/customers/tier", form).headers["HX-Trigger"]


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"customer": []}, 422, "Tick at least one customer of the list."),
        ({"customer": ["x", str(2**70)]}, 422, "Tick at least one customer of the list."),
        ({"customer": [str(n) for n in range(1, 200)]}, 422, "Tick at most 100 customers at once."),
        ({"customer": ["999999"]}, 409, "Not in this shop, or deleted: customer 999999."),
        ({"tier": ""}, 422, "Choose a tier."),
        ({"tier": "No such tier"}, 409, "There is no tier"),
        ({"reason": "  "}, 422, "Say why; it is kept"),
        ({"reason": "x" * 501}, 422, "This is too long; use at most 500 characters."),
        ({"until": "soon"}, 422, "Write the day like 2026-11-27."),
        ({"until": "9999-12-31"}, 422, "The end is too far away"),
        ({"until": "2020-01-01"}, 409, "The end lies in the past"),
    ],
)
def test_what_cannot_be_given_to_many_is_said_and_what_was_typed_stays(
    visitor: Visitor, shop_id: int, changes: dict[str, object], status: int, sentence: str
) -> None:
    number = add(shop_id, 1, name="Somebody")
    form = {"customer": [str(number)], "tier": "Gold", "reason": "Moved house.", **changes}
    answer = visitor.post("/customers/tier", form)
    assert (answer.status_code, sentence in Page(answer.text).text) == (status, True)
    assert str(form["reason"]).strip() in answer.text
    as_json = visitor.post("/customers/tier", form, htmx=False)
    assert as_json.status_code == status
    assert sentence in as_json.json["error"]
    with reading() as session:
        assert session.scalars(select(TierAssignmentRow)).all() == []


def test_who_only_looks_takes_no_file_and_gives_no_tier(app: object, visitor: Visitor, shop_id: int) -> None:
    number = add(shop_id, 1, name="Somebody")
    with transaction() as session:
        hire(session, shop_id, "50", Role.VIEWER)
        hire(session, shop_id, "51", Role.APPROVER)
    viewer, approver = Visitor(app, staff="50"), Visitor(app, staff="51")  # type: ignore[arg-type]  # the Flask app
    page = viewer.load("/customers").text
    assert "Somebody" in page
    assert "Export CSV" not in page
    assert "Give the tier" not in page
    assert viewer.post("/customers/export").status_code == 403
    assert approver.post("/customers/export").status_code == 200
    form = {"customer": [str(number)], "tier": "Gold", "reason": "Moved house."}
    assert approver.post("/customers/tier", form).status_code == 403


def test_another_shops_customers_are_not_listed_nor_given_anything(
    stranger: Visitor, visitor: Visitor, shop_id: int
) -> None:
    number = add(shop_id, 1, name="Somebody")
    assert "Somebody" not in stranger.load("/customers").text
    assert "Somebody" not in stranger.post("/customers/export").text
    form = {"customer": [str(number)], "tier": "Gold", "reason": "Moved house."}
    assert stranger.post("/customers/tier", form).status_code == 409
    with reading() as session:
        assert session.scalars(select(TierAssignmentRow)).all() == []


def test_customers_are_found_by_the_tags_they_have_now(visitor: Visitor, shop_id: int) -> None:
    first = add(shop_id, 1, name="Gone Away", tags=["VIP", "Early Bird", "vip"])
    second = add(shop_id, 2, name="Old Merged", tags=None)

    def tag(customer_id: int, tags: list[str] | None) -> None:
        with transaction() as session:
            session.get_one(Customer, customer_id).tags = tags

    assert shown(visitor, tag="early bird") == {"Gone Away"}
    assert shown(visitor, tag="Vip") == {"Gone Away"}
    tag(first, ["Late"])
    tag(second, ["LATE"])
    assert shown(visitor, tag="late") == {"Gone Away", "Old Merged"}
    tag(first, None)
    assert shown(visitor, tag="late") == {"Old Merged"}
    assert shown(visitor, tag="vip") == set()
