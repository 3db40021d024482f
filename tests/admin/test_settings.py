"""The settings: the mode, pausing, and unmistakable transfers."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask_babel import refresh
from sqlalchemy import select

from app.clock import utcnow
from app.engine.flows import terms
from app.engine.rules.roles import Role
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Mode, Terms
from app.models import AuditEvent, Shop
from tests.admin.factories import Page, Visitor, line, order, publish, reading, reward_of, tell
from tests.flows.builders import all_rows
from tests.people import hire


def shop_now(shop_id: int) -> Shop:
    with reading() as session:
        shop = session.get_one(Shop, shop_id)
        session.expunge(shop)
        return shop


def current(shop_id: int) -> Terms:
    with reading() as session:
        return terms.get_current(session, shop_id, utcnow())


def test_switching_to_automatic_asks_what_becomes_of_those_that_wait(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1), order(2))
    shown = Page(visitor.load("/settings").text)
    assert "2 orders wait for approval, $4.00 in all" in shown.text
    assert [one["value"] for one in shown.of("input", name="waiting")] == ["keep", "release"] * 2
    assert "checked" in shown.of("input", name="waiting", value="keep")[0]


def test_switching_to_automatic_keeps_them_unless_told_otherwise(visitor: Visitor, shop_id: int) -> None:
    fact = order(1)
    tell(shop_id, fact)
    response = visitor.post("/settings/mode", {"mode": "automatic"})
    assert response.status_code == 200
    assert shop_now(shop_id).mode is Mode.AUTOMATIC
    assert reward_of(fact).state is RewardState.IN_REVIEW


def test_switching_to_automatic_releases_them_if_told_so(visitor: Visitor, shop_id: int, redis_client: Any) -> None:
    fact = order(1)
    tell(shop_id, fact)
    visitor.post("/settings/mode", {"mode": "automatic", "waiting": "release"})
    assert reward_of(fact).state is RewardState.PENDING
    assert redis_client.llen("rq:queue:inbox") == 1


def test_switching_to_manual_touches_nothing_that_was_processed(visitor: Visitor, shop_id: int) -> None:
    visitor.post("/settings/mode", {"mode": "automatic"})
    fact = order(1)
    tell(shop_id, fact)
    visitor.post("/settings/mode", {"mode": "manual"})
    assert shop_now(shop_id).mode is Mode.MANUAL
    assert reward_of(fact).state is RewardState.SETTLED


def test_switching_to_mixed_says_what_goes_without_a_person(visitor: Visitor, shop_id: int) -> None:
    shown = Page(visitor.load("/settings").text)
    assert [one["value"] for one in shown.of("input", name="automatic_tiers")] == ["Bronze", "Silver", "Gold"]
    form = {"mode": "mixed", "automatic_up_to": "3.00", "automatic_tiers": ["Gold", "Silver"]}
    response = visitor.post("/settings/mode", form)
    assert response.status_code == 200
    assert "Without a person: Up to $3.00 · Gold · Silver." in Page(response.text).text
    now = current(shop_id)
    assert (shop_now(shop_id).mode, now.version, now.automatic_up_to_minor) == (Mode.MIXED, 2, 300)
    assert now.automatic_tiers == {"Gold", "Silver"}
    small, large = order(1, placed_at=utcnow()), order(2, line(net_minor=20_000), placed_at=utcnow())
    tell(shop_id, small, large)
    assert [reward_of(one).state for one in (small, large)] == [RewardState.SETTLED, RewardState.IN_REVIEW]
    assert Page(response.text).of("button", data_opens="go-mixed") == []


def test_switching_to_mixed_as_it_was_publishes_nothing(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, automatic_up_to_minor=300)
    shown = Page(visitor.load("/settings").text)
    assert [one["value"] for one in shown.of("input", id="mixed-up-to")] == ["3.00"]
    visitor.post("/settings/mode", {"mode": "mixed", "automatic_up_to": "3"})
    assert (shop_now(shop_id).mode, current(shop_id).version) == (Mode.MIXED, 2)


def test_what_goes_without_a_person_is_not_set_back_by_a_page_that_showed_it_before(
    visitor: Visitor, shop_id: int
) -> None:
    publish(shop_id, automatic_up_to_minor=30_000)
    shown = Page(visitor.load("/settings").text)
    marks = {name: str(shown.of("input", name=name)[0]["value"]) for name in ("seen", "seen_mixed")}
    form = {"mode": "mixed", "automatic_up_to": "300.00", **marks}
    publish(shop_id, automatic_up_to_minor=300)
    before = all_rows()
    for htmx in (True, False):
        answer = visitor.post("/settings/mode", form, htmx=htmx)
        assert (answer.status_code, "Somebody changed this meanwhile" in answer.text) == (409, True)
    assert all_rows() == before
    fresh = Page(visitor.load("/settings").text)
    assert [one["value"] for one in fresh.of("input", id="mixed-up-to")] == ["3.00"]
    form["seen_mixed"] = str(fresh.of("input", name="seen_mixed")[0]["value"])
    assert visitor.post("/settings/mode", {**form, "automatic_up_to": "4.00"}).status_code == 200
    assert (shop_now(shop_id).mode, current(shop_id).automatic_up_to_minor) == (Mode.MIXED, 400)


def test_switching_to_mixed_releases_what_it_would_not_have_stopped(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, automatic_up_to_minor=300)
    small, large = order(1), order(2, line(net_minor=20_000))
    tell(shop_id, small, large)
    form = {"mode": "mixed", "automatic_up_to": "3", "waiting": "release"}
    response = visitor.post("/settings/mode", form)
    assert "1 order was released." in response.headers["HX-Trigger"]
    assert [reward_of(one).state for one in (small, large)] == [RewardState.PENDING, RewardState.IN_REVIEW]


def test_pausing_is_shown_everywhere_and_names_who_did_it(visitor: Visitor, shop_id: int) -> None:
    assert "Paused by Sam 42 Staff" in visitor.post("/settings/pause").text
    for path in ("/orders", "/reviews"):
        assert "Boomerang is paused" in visitor.load(path).text
    response = visitor.post("/settings/resume")
    assert Page(response.text).of("span", data_engine="") == [] or "Active" in response.text
    assert shop_now(shop_id).paused_at is None
    with reading() as session:
        by_staff = select(AuditEvent.action).where(AuditEvent.actor == "staff:42").order_by(AuditEvent.id)
        assert session.scalars(by_staff).all() == [
            "pause",
            "resume",
        ]


def test_unmistakable_transfers_are_turned_on_and_off(visitor: Visitor, shop_id: int) -> None:
    assert "Turn off" in visitor.post("/settings/far-expiry", {"agreed": "true"}).text
    assert shop_now(shop_id).far_expiry_agreed
    visitor.post("/settings/far-expiry", {"agreed": "false"})
    assert not shop_now(shop_id).far_expiry_agreed


def test_the_connection_with_shopify_is_set_in_one_form(visitor: Visitor, shop_id: int) -> None:
    shown = Page(visitor.load("/settings").text)
    assert [one["value"] for one in shown.of("input", type="number", name="reconcile_minutes")] == ["15"]
    form = {"reconcile_minutes": "30", "keep_deliveries_days": "7"}
    assert visitor.post("/settings/connection", form).status_code == 200
    shop = shop_now(shop_id)
    assert (shop.mails_customers, shop.reconcile_minutes, shop.keep_deliveries_days) == (True, 30, 7)
    visitor.post("/settings/connection", {**form, "reconcile_minutes": "20"})
    visitor.post("/settings/connection", {**form, "reconcile_minutes": "20"})
    with reading() as session:
        told = session.scalars(select(AuditEvent).where(AuditEvent.action == "set_connection").order_by(AuditEvent.id))
        assert [row.after and row.after["reconcile_minutes"] for row in told] == [30, 20]


def test_a_number_out_of_its_range_is_answered_with_the_range(visitor: Visitor) -> None:
    response = visitor.post("/settings/connection", {"reconcile_minutes": "4", "keep_deliveries_days": "30"})
    assert "Look for missed orders every 5 to 1440 minutes; 4 is outside of that." in Page(response.text).text
    response = visitor.post("/settings/connection", {"reconcile_minutes": "15", "keep_deliveries_days": "366"})
    assert "Keep deliveries for 1 to 365 days; 366 is outside of that." in Page(response.text).text


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/settings/undo", {}),
        ("/settings/undo", {"undo_seconds": "soon"}),
        ("/settings/undo", {"undo_seconds": "301"}),
        ("/settings/undo", {"undo_seconds": "-1"}),
        ("/settings/began", {}),
        ("/settings/began", {"began_at": "long ago"}),
        ("/settings/began", {"began_at": "2999-01-01T00:00"}),
        # No time zone west of Greenwich has this moment: the pages that show it, and the trail for good, would fail.
        ("/settings/began", {"began_at": "0001-01-01T00:00Z"}),
        ("/settings/began", {"began_at": "1969-12-31T23:59"}),
        ("/settings/language", {}),
        ("/settings/language", {"language": "tlh"}),
        ("/settings/connection", {}),
        ("/settings/connection", {"reconcile_minutes": "often", "keep_deliveries_days": "30"}),
        ("/settings/connection", {"reconcile_minutes": "15", "keep_deliveries_days": "0"}),
        ("/settings/mode", {}),
        ("/settings/mode", {"mode": "sideways"}),
        ("/settings/mode", {"mode": "automatic", "waiting": "burn"}),
        ("/settings/mode", {"mode": "mixed"}),
        ("/settings/mode", {"mode": "mixed", "automatic_up_to": "12.345"}),
        ("/settings/mode", {"mode": "mixed", "automatic_up_to": "-1"}),
        ("/settings/mode", {"mode": "mixed", "automatic_tiers": ["Diamond"]}),
        ("/settings/mode", {"mode": "mixed", "automatic_tiers": ["x" * 61]}),
        ("/settings/far-expiry", {}),
        ("/settings/far-expiry", {"agreed": "perhaps"}),
    ],
)
def test_a_switch_that_says_nonsense_changes_nothing(visitor: Visitor, path: str, form: dict[str, Any]) -> None:
    before = all_rows()
    for htmx in (True, False):
        assert visitor.post(path, form, htmx=htmx).status_code == 422
    assert all_rows() == before


def test_undo_is_set_in_seconds(visitor: Visitor, shop_id: int) -> None:
    assert visitor.post("/settings/undo", {"undo_seconds": "30"}).status_code == 200
    assert shop_now(shop_id).undo_seconds == 30


def test_the_programme_began_when_the_shops_clock_said_so(visitor: Visitor, shop_id: int) -> None:
    with reading() as session:
        session.get_one(Shop, shop_id).timezone = "America/New_York"
    answer = visitor.post("/settings/began", {"began_at": "2026-01-31T00:00"})
    assert answer.status_code == 200
    assert shop_now(shop_id).began_at == datetime(2026, 1, 31, 5, tzinfo=UTC)
    assert Page(answer.text).of("input", name="began_at")[0]["value"] == "2026-01-31T00:00"


def form_at(html: str, path: str) -> dict[str, str | None]:
    """Return the fields of the first form that is sent to a path, by name."""
    inside, found = False, dict[str, str | None]()
    for tag, attributes in Page(html).elements:
        if tag == "form":
            if found:
                break
            inside = attributes.get("action") == path
        elif inside and tag == "input" and (name := attributes.get("name")):
            found.setdefault(name, attributes.get("value"))
    return found


@pytest.mark.parametrize(
    ("path", "form", "other"),
    [
        (
            "/settings/connection",
            {"reconcile_minutes": "30", "keep_deliveries_days": "7"},
            {"reconcile_minutes": "60", "keep_deliveries_days": "7"},
        ),
        ("/settings/mode", {"mode": "automatic", "waiting": "release"}, {"mode": "mixed", "automatic_up_to": "5"}),
        ("/settings/undo", {"undo_seconds": "30"}, {"undo_seconds": "60"}),
        ("/settings/began", {"began_at": "2026-01-31T00:00"}, {"began_at": "2026-01-30T00:00"}),
    ],
)
def test_what_a_colleague_changed_meanwhile_is_shown_and_not_overwritten(
    visitor: Visitor, shop_id: int, path: str, form: dict[str, str], other: dict[str, str]
) -> None:
    seen = str(form_at(visitor.load("/settings").text, path)["seen"])
    assert visitor.post(path, other).status_code == 200
    before = all_rows()
    answer = visitor.post(path, {**form, "seen": seen})
    assert (answer.status_code, "Somebody changed this meanwhile" in Page(answer.text).text) == (409, True)
    assert visitor.post(path, {**form, "seen": seen}, htmx=False).status_code == 409
    assert all_rows() == before
    fresh = form_at(answer.text, path)
    assert fresh["seen"] != seen
    if path != "/settings/mode":
        name = next(iter(other))
        assert fresh[name] == other[name]
    assert visitor.post(path, {**form, "seen": str(fresh["seen"])}).status_code == 200


def test_what_was_typed_stays_where_it_cannot_be_taken(visitor: Visitor) -> None:
    form = {"reconcile_minutes": "often", "keep_deliveries_days": "12"}
    page = Page(visitor.post("/settings/connection", form).text)
    assert page.of("input", id="reconcile-minutes")[0]["value"] == "often"
    assert page.of("input", id="reconcile-minutes")[0]["aria-invalid"] == "true"
    assert page.of("input", id="keep-days")[0]["value"] == "12"


def test_everybody_reads_in_the_language_they_choose(app: Flask, visitor: Visitor, shop_id: int) -> None:
    with reading() as session:
        hire(session, shop_id, "50", Role.VIEWER)
    viewer = Visitor(app, staff="50")

    def language_of(person: Visitor) -> str | None:
        refresh()  # The tests' requests share one context, in which the language is remembered.
        return Page(person.load("/settings").text).of("html")[0]["lang"]

    answer = viewer.post("/settings/language", {"language": "de"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, "/settings")
    assert (language_of(viewer), language_of(visitor)) == ("de", "en")
    assert viewer.post("/settings/language", {"language": ""}, htmx=False).json == {"language": None}
    assert language_of(viewer) == "en"


def test_a_viewer_sees_everything_and_changes_nothing(app: Flask, shop_id: int) -> None:
    with reading() as session:
        hire(session, shop_id, "50", Role.VIEWER)
    viewer = Visitor(app, staff="50")
    page = Page(viewer.load("/settings").text)
    assert "A manager or an owner can change them." in page.text
    sent = {str(one["action"]) for one in page.of("form", method="post")}
    assert not {path for path in sent if path.startswith("/settings") and path != "/settings/language"}
    before = all_rows()
    for path in ("mode", "pause", "resume", "far-expiry", "connection", "undo", "began", "permissions"):
        form = {"mode": "automatic", "agreed": "true", "undo_seconds": "1", "began_at": "2026-01-01T00:00Z"}
        assert viewer.post(f"/settings/{path}", form).status_code == 403
    assert all_rows() == before
