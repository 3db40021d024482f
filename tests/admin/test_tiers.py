"""The tiers' room: who has which, looks at everybody, and the log of who moved."""

import csv
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from flask import Flask
from sqlalchemy import select

from app.admin.queries.tier_log import Wanted, all_moves, list_moves
from app.admin.queries.tiers import Figures, Since, find_sinces, list_in_use, read_figures
from app.admin.tier_form import list_versions
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import terms as flow
from app.engine.flows import tiers as assigning
from app.engine.rules.facts import CustomerFact
from app.engine.rules.roles import Role
from app.engine.rules.terms import Evaluation, Tier, TierMethod
from app.errors import NotFound
from app.jobs import recalculate_tiers
from app.models import AuditEvent, Customer, Shop, TierChange, TierChangeKind, TierRun
from tests.admin.factories import ADA, BIG, NOON, OTHER, Page, Visitor, line, make_shop, order, publish, reading, tell
from tests.people import hire

BEN = CustomerFact(BIG + 702, "ben@example.com", "Ben Example")
LADDER = (
    Tier("Bronze", 0, 200, "medal", "#a86432"),
    Tier("Silver", 50_000, 400, "★", "#c0c0c0"),
    Tier("Gold", 150_000, 600),
)


def id_of(shop_id: int, customer: CustomerFact = ADA) -> int:
    with reading() as session:
        which = (Customer.shop_id == shop_id, Customer.shopify_id == customer.customer_id)
        return session.scalars(select(Customer.id).where(*which)).one()


def give(shop_id: int, tier: str, *customers: CustomerFact) -> None:
    """Give customers a tier by hand."""
    ids = [id_of(shop_id, customer) for customer in customers]
    with transaction() as session:
        assigning.assign(session, shop_id, ids, tier, "A friend of the house.", "staff:42", utcnow())


def tell_two(shop_id: int) -> None:
    """Let Ada spend 600.00, which is Silver, and Ben 200.00."""
    tell(shop_id, order(1, line(net_minor=60_000)), order(2, line(net_minor=20_000), customer=BEN))


def test_the_page_says_what_each_tier_is_and_how_they_are_reached(visitor: Visitor, shop_id: int) -> None:
    publish(
        shop_id,
        tiers=LADDER,
        tier_method=TierMethod.ROLLING_YEAR,
        tier_evaluation=Evaluation.MONTHLY,
        tier_grace_days=14,
    )
    page = Page(visitor.load("/tiers").text)
    words = ("Bronze", "Silver", "≥ $500.00", "4 %", "≥ $1,500.00", "The last 365 days", "Every month", "14 days")
    for said in (*words, "★", "Edit tiers", "Recalculate now"):
        assert said in page.text, said
    assert page.of("rect", fill="#c0c0c0")


def test_how_many_have_a_tier_comes_after_the_page(visitor: Visitor, shop_id: int) -> None:
    tell_two(shop_id)
    give(shop_id, "Gold", BEN)
    assert Page(visitor.load("/tiers").text).of("div", hx_get="/tiers?figures=1", hx_trigger="load")
    page = Page(visitor.fetch("/tiers", figures="1").text)
    assert not page.of("div", hx_trigger="load")
    assert [link["href"] for link in page.of("a") if "/customers" in str(link["href"])] == [
        "/customers?tier=Bronze", "/customers?tier=Silver", "/customers?tier=Gold",
    ]  # fmt: skip
    for said in ("75 %", "25 %", "0 %", "1 by hand"):
        assert said in page.text, said


def test_figures_count_who_is_there_and_share_their_spend(shop_id: int, other_shop_id: int) -> None:
    tell_two(shop_id)
    tell_two(other_shop_id)
    give(shop_id, "Gold", BEN)
    names = ["Bronze", "Silver", "Gold"]
    with reading() as session:
        assert read_figures(session, shop_id, names, utcnow()) == {
            "Bronze": Figures(),
            "Silver": Figures(1, 60_000, 7_500, 0),
            "Gold": Figures(1, 20_000, 2_500, 1),
        }
        # What was given has not begun yet a year ago, and the customer who is shown with it still is.
        assert read_figures(session, shop_id, ["Gold"], NOON)["Gold"].given == 0
        assert read_figures(session, shop_id, names, utcnow()).keys() == set(names)
    with transaction() as session:
        session.get_one(Customer, id_of(shop_id)).deleted_at = NOON
    with reading() as session:
        assert read_figures(session, shop_id, names, utcnow())["Silver"] == Figures()
        assert list_in_use(session, shop_id, names, utcnow()) == {"Gold"}
        assert list_in_use(session, other_shop_id, names, utcnow()) == {"Bronze", "Silver"}
        assert list_in_use(session, shop_id, [], utcnow()) == set()


def test_a_shop_without_spend_shares_nothing(shop_id: int) -> None:
    with reading() as session:
        assert read_figures(session, shop_id, ["Bronze"], utcnow()) == {"Bronze": Figures()}


def test_each_row_says_since_which_version_its_rate_is_used(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, tiers=LADDER)
    publish(shop_id, tiers=(LADDER[0], Tier("Silver", 50_000, 450), LADDER[2]))
    publish(shop_id, minimum_order_minor=500)
    with reading() as session:
        current = flow.get_current(session, shop_id, utcnow())
        sinces = find_sinces(session, shop_id, current, utcnow())
    first = NOON - timedelta(days=400)
    assert {name: since.version for name, since in sinces.items()} == {"Bronze": 1, "Silver": 3, "Gold": 1}
    assert sinces["Gold"] == Since(1, first)
    assert Page(visitor.load("/tiers").text).of("a", href="/terms/3")


def test_everybodys_tier_is_recalculated_on_demand_and_the_run_is_shown(visitor: Visitor, shop_id: int) -> None:
    tell_two(shop_id)
    publish(shop_id, tiers=(Tier("Bronze", 0, 200), Tier("Silver", 10_000, 400), Tier("Gold", 50_000, 600)))
    assert "Tiers changed since everybody was last looked at" in visitor.load("/tiers").text
    answer = visitor.post("/tiers/recalculate")
    assert answer.status_code == 200
    assert answer.headers["HX-Push-Url"] == "/tiers"
    under_way = Page(answer.text)
    assert "Under way" in under_way.text
    assert under_way.of("div", hx_trigger="every 2s")
    assert [button for button in under_way.of("button") if "disabled" in button]
    again = visitor.post("/tiers/recalculate")
    assert again.status_code == 409
    assert "Tiers are being recalculated already" in again.text
    assert visitor.post("/tiers/recalculate", htmx=False).status_code == 409
    recalculate_tiers(shop_id)
    page = Page(visitor.load("/tiers").text)
    for said in ("Sam 42 Staff", "Done"):
        assert said in page.text
    assert not page.of("div", hx_trigger="every 2s")
    assert "Tiers changed since" not in page.text
    with reading() as session:
        run = session.scalars(select(TierRun).where(TierRun.shop_id == shop_id)).one()
        assert (run.customers, run.moved, run.actor) == (2, 2, "staff:42")
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.shop_id == shop_id))
        assert list(actions).count("recalculate_tiers") == 1
    assert visitor.post("/tiers/recalculate", htmx=False).json is not None


def test_a_rate_alone_leaves_nobody_behind(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, tiers=(Tier("Bronze", 0, 300), Tier("Silver", 50_000, 400), Tier("Gold", 150_000, 600)))
    assert "Tiers changed since" not in visitor.load("/tiers").text


def test_a_scheduled_version_is_told(visitor: Visitor, shop_id: int) -> None:
    with transaction() as session:
        current = flow.get_current(session, shop_id, utcnow())
        later = utcnow() + timedelta(days=9)
        flow.publish(session, shop_id, replace(current, tiers=LADDER), "staff:42", utcnow(), later)
    page = Page(visitor.load("/tiers").text)
    assert "Version 2 of the terms is scheduled." in page.text
    assert "★" not in page.text


def test_a_viewer_reads_and_changes_nothing(app: Flask, shop_id: int) -> None:
    tell_two(shop_id)
    with transaction() as session:
        hire(session, shop_id, "50", Role.VIEWER)
    viewer = Visitor(app, staff="50")
    page = Page(viewer.load("/tiers").text)
    assert "Managers and owners can edit tiers and recalculate." in page.text
    assert "Edit tiers" not in page.text
    assert not page.of("form", method="post")
    log = Page(viewer.load("/tiers/log").text)
    assert "Ada Example" in log.text
    assert not log.of("form", method="post")
    assert viewer.load("/tiers/edit").status_code == 403
    for path in ("/tiers", "/tiers/edit", "/tiers/preview", "/tiers/recalculate", "/tiers/log/export"):
        assert viewer.post(path).status_code == 403, path
    with reading() as session:
        assert session.scalars(select(TierRun)).all() == []


def test_the_log_says_who_moved_from_where_to_where_and_by_whom(visitor: Visitor, shop_id: int) -> None:
    tell_two(shop_id)
    give(shop_id, "Gold", BEN)
    page = Page(visitor.load("/tiers/log").text)
    for said in ("Ada Example", "Silver", "First tier", "Ben Example", "Gold", "By hand", "$200.00", "Sam 42 Staff"):
        assert said in page.text, said
    assert page.of("a", href=f"/customers/{id_of(shop_id)}")


def test_the_log_has_an_empty_state_for_nothing_yet_and_for_nothing_that_matches(
    visitor: Visitor, shop_id: int
) -> None:
    assert "Nobody has moved yet" in visitor.load("/tiers/log").text
    tell_two(shop_id)
    assert "No move matches" in visitor.load("/tiers/log", tier="Platinum").text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, {"Ada", "Ben"}),
        ({"tier": "Silver"}, {"Ada"}),
        ({"tier": "Bronze"}, {"Ben"}),
        ({"tier": "Bronze", "kind": "manual"}, {"Ben"}),
        ({"tier": "Silver", "kind": "manual"}, set()),
        ({"kind": "manual"}, {"Ben"}),
        ({"kind": "no such kind"}, {"Ada", "Ben"}),
        ({"tier": "Gold\0"}, {"Ben"}),
        ({"customer": "x"}, {"Ada", "Ben"}),
        ({"customer": "9" * 19}, {"Ada", "Ben"}),
        ({"customer": "99999"}, set()),
        ({"before": "x", "after": "-3"}, {"Ada", "Ben"}),
    ],
)
def test_the_log_is_filtered(visitor: Visitor, shop_id: int, query: dict[str, str], names: set[str]) -> None:
    tell_two(shop_id)
    give(shop_id, "Gold", BEN)
    text = Page(visitor.load("/tiers/log", **query).text).text
    assert {name for name in ("Ada", "Ben") if f"{name} Example" in text} == names


def test_the_log_of_one_customer_names_them(visitor: Visitor, shop_id: int) -> None:
    tell_two(shop_id)
    page = Page(visitor.load("/tiers/log", customer=str(id_of(shop_id, BEN))).text)
    assert "Moves of Ben Example" in page.text
    assert "Ada Example" not in page.text


def test_the_log_of_another_shop_stays_there(visitor: Visitor, shop_id: int) -> None:
    other = make_shop(OTHER)
    tell_two(other)
    assert "No move matches" in visitor.load("/tiers/log", customer=str(id_of(other))).text
    assert "Nobody has moved yet" in visitor.load("/tiers/log").text


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(tier="Silver"), Wanted(kind=TierChangeKind.UPGRADE)])
def test_the_log_is_walked_page_by_page_forth_and_back(shop_id: int, wanted: Wanted) -> None:
    tell(shop_id, order(1))
    customer_id = id_of(shop_id)
    with transaction() as session:
        for number in range(7):
            there, then = ("Bronze", "Silver") if number % 2 else ("Silver", "Gold")
            session.add(
                TierChange(
                    shop_id=shop_id,
                    customer_id=customer_id,
                    before=there,
                    after=then,
                    kind=TierChangeKind.UPGRADE,
                    spend_minor=number,
                    terms_version=1,
                    at=NOON,
                    actor="system",
                )
            )
    with reading() as session:
        every = [moved.change.spend_minor for moved in list_moves(session, shop_id, wanted).rows][:7]
        assert every == [6, 5, 4, 3, 2, 1, 0]
        pages, before = [], 0
        while True:
            page = list_moves(session, shop_id, wanted, before=before, size=3)
            pages.append(page)
            if page.older is None:
                break
            before = page.older
        assert [moved.change.spend_minor for page in pages for moved in page.rows][:7] == every
        assert [page.newer is None for page in pages] == [True, *[False] * (len(pages) - 1)]
        back = list_moves(session, shop_id, wanted, after=pages[1].newer or 0, size=3)
        assert (back.rows, back.newer) == (pages[0].rows, None)
        assert back.older == pages[0].older
        assert list_moves(session, shop_id, wanted, before=1, size=3).rows == ()
        assert [moved.change.id for moved in all_moves(session, shop_id, wanted)] == [
            moved.change.id for page in pages for moved in page.rows
        ]


def test_the_log_comes_as_a_file_and_that_is_noted(visitor: Visitor, shop_id: int) -> None:
    sly = CustomerFact(BIG + 703, "sly@example.com", "=cmd()")
    tell_two(shop_id)
    tell(shop_id, order(3, customer=sly))
    answer = visitor.post("/tiers/log/export", {"tier": "Bronze", "kind": "", "customer": ""}, htmx=False)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    header, *rows = csv.reader(StringIO(answer.text.removeprefix("\ufeff")))
    assert header[:3] == ["Moved at", "Customer", "Email"]
    assert [row[1:] for row in rows] == [
        ["'=cmd()", "sly@example.com", str(BIG + 703), "", "Bronze", "initial", "100.00", "USD", "1", "Boomerang"],
        ["Ben Example", "ben@example.com", str(BIG + 702), "", "Bronze", "initial", "200.00", "USD", "1", "Boomerang"],
    ]
    with reading() as session:
        noted = session.scalars(select(AuditEvent).where(AuditEvent.action == "export_tier_moves")).one()
        assert noted.after == {"rows": 2, "filters": {"tier": "Bronze"}}


def test_before_the_first_terms_there_are_no_tiers(shop_id: int) -> None:
    with reading() as session, pytest.raises(NotFound, match="This shop has no terms yet"):
        list_versions(session, session.get_one(Shop, shop_id), NOON - timedelta(days=401))
