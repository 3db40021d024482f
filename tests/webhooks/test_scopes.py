"""A shop that allows more or less: the newest word is kept, whatever order the words come in."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.clock import utcnow
from app.db import db, transaction
from app.models import AuditEvent, Shop, ShopToken
from app.webhooks.inbox import drain
from tests.webhooks.conftest import Inbox
from tests.webhooks.sending import Sender, example

#: When the example says the change was made.
TOLD_AT = datetime(2026, 3, 2, 17, 31, 7, tzinfo=UTC)


@pytest.fixture
def token(shop: Shop) -> int:
    """Return the id of a shop that allows the reading of orders since an hour before the example."""
    with transaction() as session:
        session.add(
            ShopToken(
                shop_id=shop.id,
                access_token="sealed",
                refresh_token="sealed",
                expires_at=TOLD_AT,
                refresh_expires_at=TOLD_AT,
                scope="read_orders",
                scope_at=TOLD_AT - timedelta(hours=1),
                updated_at=TOLD_AT,
            )
        )
    return shop.id


def scopes(shop_id: int) -> tuple[str, datetime | None]:
    db.session.rollback()
    row = db.session.get_one(ShopToken, shop_id, populate_existing=True)
    return row.scope, row.scope_at


def changes() -> list[tuple[object, object]]:
    return [
        (event.before["scopes"], event.after["scopes"])
        for event in db.session.scalars(select(AuditEvent).where(AuditEvent.action == "change_scopes"))
    ]


def test_what_a_shop_allows_from_now_on_is_kept_and_noted_once(token: int, sender: Sender, inbox: Inbox) -> None:
    for _ in range(2):
        sender.send("app/scopes_update")
        assert drain(utcnow).handled == 1
    assert scopes(token) == ("read_customers,read_orders,read_returns", TOLD_AT)
    assert changes() == [(["read_orders"], ["read_customers", "read_orders", "read_returns"])]


def test_an_older_word_that_comes_late_changes_nothing(token: int, sender: Sender, inbox: Inbox) -> None:
    older = {**example("app/scopes_update"), "current": [], "updated_at": "2026-03-02T12:31:06-05:00"}
    sender.send("app/scopes_update")
    sender.send("app/scopes_update", older)
    assert drain(utcnow).handled == 2
    assert scopes(token) == ("read_customers,read_orders,read_returns", TOLD_AT)


def test_of_two_words_in_one_batch_the_newer_one_counts(token: int, sender: Sender, inbox: Inbox) -> None:
    newer = {**example("app/scopes_update"), "current": ["read_orders"], "updated_at": "2026-03-02T12:31:08-05:00"}
    sender.send("app/scopes_update", newer)
    sender.send("app/scopes_update")
    assert drain(utcnow).handled == 2
    assert scopes(token) == ("read_orders", TOLD_AT + timedelta(seconds=1))
    assert changes() == []


def test_a_shop_without_a_token_is_told_in_vain(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    sender.send("app/scopes_update")
    assert drain(utcnow).handled == 1
    assert changes() == []


@pytest.mark.parametrize("current", [None, "read_orders", [1], ["read_orders,read_customers"], [""]])
def test_a_body_that_names_no_scopes_fails(token: int, sender: Sender, inbox: Inbox, current: object) -> None:
    sender.send("app/scopes_update", {**example("app/scopes_update"), "current": current})
    assert drain(utcnow).failed == 1
    assert (inbox()[0].reason or "").startswith("current must be a list of scopes")
    assert scopes(token)[0] == "read_orders"
