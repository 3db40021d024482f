"""Imports: counted first, brought in, watched, paused, ended; cashback for the past only to who has seen its price."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import select

from app.engine.flows import import_steps, imports, program
from app.engine.flows.import_steps import Claim
from app.engine.rules.estimate import Summary, TierCount
from app.engine.rules.roles import Role
from app.engine.rules.terms import Mode
from app.models import AuditEvent, HistoryImport, Shop, ShopToken, Window
from tests.admin.factories import Page, Visitor, reading
from tests.flows.builders import all_rows
from tests.people import hire

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 6, 1, 12, tzinfo=UTC)
COUNTED = Summary("USD", 1_234, 4, 1_200, 30, 90, 5_000_000, {"Bronze": TierCount(90, 5_000_000)}, 800, 43_210, 2)


@pytest.fixture(autouse=True)
def _begun(shop_id: int) -> None:
    with reading() as session:
        program.set_began(session, shop_id, BEGAN, "system", LATER)


def allow_all(shop_id: int) -> None:
    with reading() as session:
        session.get_one(ShopToken, shop_id).scope += ",read_all_orders"


def ask(shop_id: int, window: Window = Window.DAYS_60, **how: bool) -> Claim:
    with reading() as session:
        imports.ask(session, shop_id, window, "staff:42", LATER, sees_all=True, **how)
        claim = import_steps.claim(session, shop_id, LATER)
        assert claim is not None
        return claim


def read_some(claim: Claim, seen: int, of: int) -> None:
    """Let Shopify have written its file, and a worker have read a part of it in two seconds."""
    with reading() as session:
        assert import_steps.begin_collecting(session, claim, "gid://shopify/BulkOperation/1", LATER)
        import_steps.begin_importing(session, claim, of, 700, LATER, is_partial=False)
        row = import_steps.hold(session, claim, 0)
        assert row is not None
        import_steps.advance(row, 500, seen=seen, new=seen, bad={}, took_ms=2_000, now=LATER)


def end(claim: Claim, summary: Summary | None = None, bad: dict[str, str] | None = None) -> None:
    with reading() as session:
        row = session.get_one(HistoryImport, claim.import_id)
        import_steps.advance(row, 700, seen=0, new=0, bad=bad or {}, took_ms=0, now=LATER)
        import_steps.finish(session, claim, LATER, summary)


def count_all(shop_id: int, window: Window = Window.DAYS_60) -> int:
    claim = ask(shop_id, window, is_dry_run=True)
    read_some(claim, 1_234, 1_234)
    end(claim, COUNTED)
    return claim.import_id


def newest() -> HistoryImport:
    with reading() as session:
        row = session.scalars(select(HistoryImport).order_by(HistoryImport.id.desc()).limit(1)).one()
        session.expunge(row)
        return row


def test_there_is_nothing_at_first_and_counting_is_what_comes_first(visitor: Visitor) -> None:
    page = Page(visitor.load("/imports").text)
    assert "No imports yet" in page.text
    assert "Count the orders first" in page.text
    assert page.of("dialog", id="reward-past") == []


def test_without_the_permission_only_60_days_can_be_chosen(visitor: Visitor, shop_id: int) -> None:
    def open_windows() -> list[str | None]:
        radios = Page(visitor.load("/imports").text).of("input", name="window")
        return [one["value"] for one in radios if "disabled" not in one]

    assert open_windows() == ["30d", "60d"]
    page = Page(visitor.load("/imports").text)
    assert page.of("button", data_asks_scopes="read_all_orders")
    assert visitor.post("/imports", {"window": "all"}).status_code == 409
    allow_all(shop_id)
    assert open_windows() == ["30d", "60d", "90d", "1y", "all"]
    assert Page(visitor.load("/imports").text).of("button", data_asks_scopes="read_all_orders") == []


def test_counting_is_asked_for_and_a_worker_woken(visitor: Visitor, shop_id: int, redis_client: "Redis") -> None:
    answer = visitor.post("/imports", {"window": "30d"})
    assert (answer.status_code, newest().is_dry_run, newest().asked_by) == (200, True, "staff:42")
    assert redis_client.llen("rq:queue:chores") == 1
    page = Page(answer.text)
    assert "Shopify is about to be asked for the orders." in page.text
    assert page.of("div", hx_trigger="every 2s")
    answer = visitor.post("/imports", {"window": "30d"})
    assert (answer.status_code, "An import is running already" in Page(answer.text).text) == (409, True)


def test_progress_says_how_much_how_fast_and_how_long(visitor: Visitor, shop_id: int) -> None:
    claim = ask(shop_id)
    with reading() as session:
        import_steps.begin_collecting(session, claim, "gid://shopify/BulkOperation/1", LATER)
        import_steps.note_collected(session, claim, 1_500, LATER)
    assert "Shopify has collected 1,500 orders so far." in Page(visitor.load("/imports").text).text
    with reading() as session:
        import_steps.begin_importing(session, claim, 20_000, 700, LATER, is_partial=False)
        row = import_steps.hold(session, claim, 0)
        assert row is not None
        import_steps.advance(row, 500, seen=5_000, new=5_000, bad={}, took_ms=20_000, now=LATER)
    page = Page(visitor.load("/imports").text)
    assert "5,000 of 20,000 orders. 250 a second. About 1 minute left." in page.text.replace("\u00a0", " ")
    assert page.of("progress")[0]["value"] == "25"
    assert "20 % done" in page.text, "said to screen readers in steps of ten only"


def test_an_import_rests_goes_on_and_ends(visitor: Visitor, shop_id: int, redis_client: "Redis") -> None:
    number = ask(shop_id).import_id
    page = Page(visitor.post("/imports/pause", {"import_id": str(number)}).text)
    assert "Paused by Sam 42 Staff after 0 orders." in page.text
    assert page.of("div", hx_trigger="every 2s") == []
    assert visitor.post("/imports/resume", {"import_id": str(number)}).status_code == 200
    assert newest().paused_at is None
    assert redis_client.llen("rq:queue:chores") == 1
    assert visitor.post("/imports/cancel", {"import_id": str(number)}).status_code == 200
    assert newest().state == "cancelled"
    for verb in ("pause", "resume", "cancel"):
        answer = visitor.post(f"/imports/{verb}", {"import_id": str(number)})
        assert (answer.status_code, "No import is running" in Page(answer.text).text) == (409, True)


def test_another_import_than_the_one_seen_is_left_alone(visitor: Visitor, shop_id: int) -> None:
    number = ask(shop_id).import_id
    before = all_rows()
    for form, status in (({"import_id": str(number + 1)}, 409), ({"import_id": "x"}, 422)):
        for htmx in (True, False):
            assert visitor.post("/imports/cancel", form, htmx=htmx).status_code == status
    assert all_rows() == before


def test_what_was_counted_is_shown_with_its_price_and_can_be_imported(visitor: Visitor, shop_id: int) -> None:
    number = count_all(shop_id)
    page = Page(visitor.load("/imports").text)
    for words in ("1,234", "$50,000.00", "$432.10", "Bronze"):
        assert words in page.text
    assert "Give about $432.10 of cashback?" in page.text
    assert "800 orders from before the programme earn." in page.text
    assert "Each waits in Review for your approval." in page.text
    answer = visitor.post("/imports", {"window": "60d", "what": "import", "counted": str(number)})
    assert answer.status_code == 200
    assert (newest().is_dry_run, newest().rewards_past) == (False, False)


@pytest.mark.parametrize(
    ("mode", "words"), [(Mode.AUTOMATIC, "as soon as it is due"), (Mode.MIXED, "the others wait in Review")]
)
def test_the_dialog_says_what_becomes_of_the_cashback(visitor: Visitor, shop_id: int, mode: Mode, words: str) -> None:
    count_all(shop_id)
    with reading() as session:
        session.get_one(Shop, shop_id).mode = mode
    assert words in Page(visitor.load("/imports").text).text


def test_the_past_earns_only_after_a_count_that_was_seen(visitor: Visitor, shop_id: int) -> None:
    before = all_rows()
    for counted in ("", "7"):
        form = {"window": "60d", "what": "reward", **({"counted": counted} if counted else {})}
        answer = visitor.post("/imports", form)
        assert (answer.status_code, "Count these orders first" in Page(answer.text).text) == (409, True)
    assert all_rows() == before
    number = count_all(shop_id)
    assert visitor.post("/imports", {"window": "30d", "what": "reward", "counted": str(number)}).status_code == 409
    assert visitor.post("/imports", {"window": "60d", "what": "reward", "counted": str(number)}).status_code == 200
    assert (newest().rewards_past, newest().is_dry_run) == (True, False)
    with reading() as session:
        asked = session.scalars(select(AuditEvent).where(AuditEvent.actor == "staff:42").order_by(AuditEvent.id)).all()
        assert asked[-1].after == {"window": "60d", "is_dry_run": False, "rewards_past": True}


def test_what_an_import_came_to_is_kept_and_shown(visitor: Visitor, shop_id: int) -> None:
    claim = ask(shop_id)
    read_some(claim, 10, 11)
    end(claim, bad={"#1007": "A line has no price."})
    for path in ("/imports", f"/imports/{claim.import_id}"):
        page = Page(visitor.load(path).text)
        assert {"Finished", "#1007: A line has no price."} <= set(page.words), path
        assert "1 order was left out" in page.text
    told = visitor.client.get(f"/imports/{claim.import_id}", headers=visitor._headers(htmx=False)).json
    assert told is not None
    assert (told["state"], told["orders"]) == ("finished", 10)


def test_a_count_that_failed_leaves_the_import_without_counting(visitor: Visitor, shop_id: int) -> None:
    claim = ask(shop_id, is_dry_run=True)
    with reading() as session:
        import_steps.fail(session, claim, "There are too many orders for a dry run by a worker.", LATER)
    page = Page(visitor.load("/imports").text)
    assert "There are too many orders for a dry run by a worker." in page.text
    assert "Import without counting" in page.text


def test_imports_are_listed_newest_first_in_pages(visitor: Visitor, shop_id: int) -> None:
    with reading() as session:
        for number in range(22):
            at = LATER + timedelta(minutes=number)
            imports.ask(session, shop_id, Window.DAYS_30, "staff:42", at, sees_all=True, is_dry_run=True)
            imports.cancel(session, shop_id, "staff:42", at)

    def listed(path: str) -> list[str]:
        links = [str(link["href"]) for link in Page(visitor.fetch(path).text).of("a")]
        return [link for link in links if link.startswith("/imports/")]

    page = Page(visitor.load("/imports").text)
    older = str(page.of("a", rel="next")[0]["href"])
    assert (len(listed("/imports")), len(listed(older))) == (20, 2)
    assert listed("/imports")[0] == f"/imports/{newest().id}"
    for number in ("1", "0", "-1", f"-{2**63 + 1}", "-" + "9" * 30):
        assert "No older imports" in Page(visitor.fetch(f"/imports?before={number}").text).text
    assert len(listed(f"/imports?before={'9' * 30}")) == 20


def test_a_viewer_watches_and_does_nothing(app: Flask, visitor: Visitor, shop_id: int) -> None:
    with reading() as session:
        hire(session, shop_id, "50", Role.VIEWER)
    viewer = Visitor(app, staff="50")
    assert "A manager or an owner can begin an import." in Page(viewer.load("/imports").text).text
    ask(shop_id)
    assert Page(viewer.load("/imports").text).of("form", method="post") == []
    before = all_rows()
    for path in ("/imports", "/imports/pause", "/imports/resume", "/imports/cancel"):
        assert viewer.post(path, {"window": "60d"}).status_code == 403
    assert all_rows() == before


@pytest.mark.parametrize("form", [{}, {"window": "forever"}, {"window": "60d", "what": "guess"}, {"counted": "x"}])
def test_a_wish_that_makes_no_sense_is_refused(visitor: Visitor, form: dict[str, Any]) -> None:
    before = all_rows()
    for htmx in (True, False):
        assert visitor.post("/imports", form, htmx=htmx).status_code == 422
    assert all_rows() == before


def test_imports_of_another_shop_are_not_there(stranger: Visitor, shop_id: int) -> None:
    number = ask(shop_id).import_id
    assert stranger.load(f"/imports/{number}").status_code == 404
    assert stranger.load(f"/imports/{2**63}").status_code == 404
    assert stranger.post("/imports/cancel", {"import_id": str(number)}).status_code == 409
    assert newest().finished_at is None
