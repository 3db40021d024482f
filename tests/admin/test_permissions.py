"""What the shop allows Boomerang: shown with what it is for, lost with a way back, looked at anew."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from app.config import Settings
from app.models import AuditEvent, ShopToken
from app.shopify.scopes import OPTIONAL, REQUIRED
from tests.admin.factories import DOMAIN, Page, Visitor, reading
from tests.admin.stage import SHOP, Stage, set_stage


def allow(shop_id: int, scopes: frozenset[str]) -> None:
    with reading() as session:
        session.get_one(ShopToken, shop_id).scope = ",".join(scopes)


def scope_of_the_shop() -> str:
    with reading() as session:
        return session.scalars(select(ShopToken.scope)).one()


def test_each_permission_is_listed_and_what_is_not_granted_can_be_asked_for(visitor: Visitor, shop_id: int) -> None:
    allow(shop_id, REQUIRED | {"read_returns"})
    page = Page(visitor.load("/settings").text)
    assert all(scope in page.words for scope in (*REQUIRED, *(one.scope for one in OPTIONAL)))
    asked = {button["data-asks-scopes"] for button in page.of("button") if "data-asks-scopes" in button}
    assert asked == {one.scope for one in OPTIONAL} - {"read_returns"}
    assert OPTIONAL[1].without in page.text
    assert page.text.count("Not granted") == len(OPTIONAL) - 1


def test_a_lost_permission_is_an_error_with_a_link_to_shopifys_page(visitor: Visitor, shop_id: int) -> None:
    allow(shop_id, REQUIRED - {"read_orders"})
    page = Page(visitor.load("/settings").text)
    assert "1 cause is named on the first page." in page.text
    assert page.of("a", href=f"/auth/begin?shop={DOMAIN}")[0]["target"] == "_top"
    assert [button for button in page.of("button") if button.get("data-asks-scopes") == "read_orders"] == []


def test_a_permission_that_is_back_is_no_error_any_more(visitor: Visitor, shop_id: int) -> None:
    allow(shop_id, REQUIRED - {"read_orders"})
    allow(shop_id, REQUIRED)
    page = Page(visitor.load("/settings").text)
    assert page.of("a", target="_top") == []
    assert "named on the first page" not in page.text


@pytest.fixture
def stage(settings: Settings) -> Iterator[Stage]:
    with set_stage(settings) as stage, stage.app.app_context():
        yield stage


def test_looking_again_asks_shopify_and_keeps_what_it_says(stage: Stage) -> None:
    visitor = Visitor(stage.app, SHOP)
    visitor.load("/settings")
    grants = stage.sandbox.world.main.grants
    for change, toast in ((["read_returns"], "have changed"), ([], "are as shown")):
        grants.change([], change)
        answer = visitor.post("/settings/permissions")
        assert answer.status_code == 200
        assert toast in answer.headers["HX-Trigger"]
        assert scope_of_the_shop() == grants.text
    with reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "change_scopes")).one()
        assert set(event.before["scopes"]) - set(event.after["scopes"]) == {"read_returns"}


def test_while_shopify_is_silent_nothing_is_changed(stage: Stage) -> None:
    visitor = Visitor(stage.app, SHOP)
    visitor.load("/settings")
    before = scope_of_the_shop()
    stage.sandbox.world.faults.change({"http_5xx": 1.0})
    answer = visitor.post("/settings/permissions")
    assert answer.status_code == 502
    assert 'role="alert"' in answer.text
    assert scope_of_the_shop() == before
