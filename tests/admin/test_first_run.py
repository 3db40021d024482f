"""The first run: five steps told by facts, settled or left out, closed for good, and the first order explained."""

from typing import Any

import pytest
from flask import Flask

from app.admin.queries.first_run import find_first_run
from app.clock import utcnow
from app.engine.flows import import_steps, imports, program
from app.engine.flows.first_run import FirstStep
from app.engine.rules.roles import Role
from app.engine.rules.terms import Mode
from app.models import Shop, ShopToken, Window
from app.shopify.scopes import REQUIRED
from tests.admin.factories import NOON, Page, Visitor, order, publish, reading, reward_of, tell
from tests.flows.builders import all_rows
from tests.people import hire

S = FirstStep


def done(shop_id: int) -> set[FirstStep]:
    with reading() as session:
        return set(find_first_run(session, session.get_one(Shop, shop_id), utcnow()).done)


def change(shop_id: int, **values: Any) -> None:
    with reading() as session:
        shop = session.get_one(Shop, shop_id)
        for name, value in values.items():
            setattr(shop, name, value)


def test_a_new_shop_has_its_connection_and_the_rest_before_it(visitor: Visitor, shop_id: int) -> None:
    assert done(shop_id) == {S.CONNECTION}
    page = Page(visitor.load("/first-run").text)
    assert "1 of 5" in page.text
    assert len(page.of("li", aria_current="step")) == 1
    assert page.of("li", aria_current="step")[0]["id"] == "rate"
    assert "Waiting for the first order…" in page.text
    assert page.of("div", hx_trigger="every 2s")


def test_a_connection_that_lacks_something_is_no_done_step(visitor: Visitor, shop_id: int) -> None:
    with reading() as session:
        session.get_one(ShopToken, shop_id).scope = ",".join(REQUIRED - {"read_orders"})
    assert done(shop_id) == set()
    assert Page(visitor.load("/first-run").text).of("a", target="_top")
    with reading() as session:
        session.get_one(ShopToken, shop_id).scope = ",".join(REQUIRED)
    change(shop_id, store_credit_enabled=False)
    assert done(shop_id) == set()
    assert "Turn store credit on in Shopify" in Page(visitor.load("/first-run").text).text
    change(shop_id, store_credit_enabled=True)
    assert done(shop_id) == {S.CONNECTION}
    with reading() as session:
        session.delete(session.get_one(ShopToken, shop_id))
    assert done(shop_id) == set()


def test_the_facts_settle_steps_by_themselves(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, minimum_order_minor=100)
    assert done(shop_id) == {S.CONNECTION, S.RATE}
    visitor.post("/settings/mode", {"mode": "automatic"})
    assert done(shop_id) == {S.CONNECTION, S.RATE, S.MODE}
    with reading() as session:
        program.set_began(session, shop_id, NOON, "system", utcnow())
        imports.ask(session, shop_id, Window.DAYS_30, "cli", NOON, sees_all=True)
        claim = import_steps.claim(session, shop_id, NOON)
        assert claim is not None
        import_steps.begin_collecting(session, claim, "gid://shopify/BulkOperation/1", NOON)
        import_steps.begin_importing(session, claim, 0, None, NOON, is_partial=False)
        import_steps.finish(session, claim, NOON)
    assert done(shop_id) == {S.CONNECTION, S.RATE, S.MODE, S.START}
    tell(shop_id, order(1))
    assert done(shop_id) == set(S)
    assert "5 of 5" in Page(visitor.load("/first-run").text).text


def test_who_keeps_what_is_there_says_so(visitor: Visitor, shop_id: int) -> None:
    for step in ("rate", "start", "rate"):
        assert visitor.post("/first-run/step", {"step": step}).status_code == 200
    assert done(shop_id) == {S.CONNECTION, S.RATE, S.START}
    page = Page(visitor.post("/first-run/step", {"step": "order"}).text)
    assert "Skipped" in page.text
    assert S.ORDER not in done(shop_id)


@pytest.mark.parametrize("mode", ["manual", "automatic"])
def test_the_mode_is_chosen(visitor: Visitor, shop_id: int, mode: str) -> None:
    page = Page(visitor.load("/first-run").text)
    assert [one["value"] for one in page.of("input", name="mode")] == ["automatic", "manual"]
    assert visitor.post("/first-run/mode", {"mode": mode}).status_code == 200
    assert S.MODE in done(shop_id)
    with reading() as session:
        assert session.get_one(Shop, shop_id).mode == mode


def test_a_mode_somebody_else_chose_meanwhile_is_shown(visitor: Visitor, shop_id: int) -> None:
    seen = str(Page(visitor.load("/first-run").text).of("input", name="seen")[0]["value"])
    change(shop_id, mode=Mode.AUTOMATIC)
    change(shop_id, mode=Mode.MIXED)
    answer = visitor.post("/first-run/mode", {"mode": "automatic", "seen": seen})
    assert (answer.status_code, "Somebody changed this meanwhile" in Page(answer.text).text) == (409, True)


def test_the_first_order_is_shown_with_its_cashback_and_why(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1))
    page = Page(visitor.load("/first-run").text)
    assert {"#1001", "$100.00", "$2.00"} <= set(page.words)
    assert len(page.of("ol", **{"class": "sentences"})) == 1
    assert "It waits in Review for your approval." in page.text
    assert page.of("div", hx_trigger="every 2s"), "it is not at rest"
    reward = reward_of(order(1))
    visitor.post(f"/reviews/{reward.id}/reject", {"seen_version": str(reward.version), "reason": "No."})
    assert Page(visitor.load("/first-run").text).of("div", hx_trigger="every 2s") == []


def test_a_test_order_is_told_what_it_would_have_earned(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1, is_test=True))
    page = Page(visitor.load("/first-run").text)
    assert "As a test order it earns nothing; a real one like it would earn $2.00." in page.text
    assert S.ORDER in done(shop_id)


def test_orders_from_before_the_programme_are_not_the_first(visitor: Visitor, shop_id: int) -> None:
    with reading() as session:
        program.set_began(session, shop_id, utcnow(), "system", utcnow())
    tell(shop_id, order(1))
    assert S.ORDER not in done(shop_id)


def test_closing_hides_the_card_and_keeps_the_page(visitor: Visitor, shop_id: int) -> None:
    assert "First steps" in Page(visitor.load("/").text).text
    assert visitor.post("/first-run/close").status_code == 200
    assert "First steps" not in Page(visitor.load("/").text).text
    page = Page(visitor.load("/first-run").text)
    assert "First steps" in page.text
    assert page.of("form", action="/first-run/close") == []
    assert Page(visitor.load("/settings").text).of("a", href="/first-run")


def test_a_viewer_sees_the_page_and_no_card(app: Flask, shop_id: int) -> None:
    with reading() as session:
        hire(session, shop_id, "50", Role.VIEWER)
    viewer = Visitor(app, staff="50")
    assert "First steps" not in Page(viewer.load("/").text).text
    assert Page(viewer.load("/first-run").text).of("form", method="post") == []
    before = all_rows()
    for path in ("step", "mode", "close"):
        assert viewer.post(f"/first-run/{path}", {"step": "rate", "mode": "automatic"}).status_code == 403
    assert all_rows() == before


@pytest.mark.parametrize(
    ("path", "form"),
    [("step", {}), ("step", {"step": "sixth"}), ("mode", {}), ("mode", {"mode": "sideways"})],
)
def test_nonsense_changes_nothing(visitor: Visitor, path: str, form: dict[str, str]) -> None:
    before = all_rows()
    for htmx in (True, False):
        assert visitor.post(f"/first-run/{path}", form, htmx=htmx).status_code == 422
    assert all_rows() == before


def test_a_script_is_told_how_far_it_is(visitor: Visitor, shop_id: int) -> None:
    told = visitor.post("/first-run/step", {"step": "rate"}, htmx=False).json
    assert told == {"done": ["connection", "rate"], "skipped": [], "next": "mode"}
