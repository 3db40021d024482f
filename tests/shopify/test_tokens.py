"""Access tokens: kept encrypted, refreshed in time, refreshed once, and given up when Shopify says so."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import responses
from flask import Flask
from sqlalchemy import text

from app.config import current_settings
from app.db import db, transaction
from app.models import Shop, ShopToken
from app.shopify.connect import open_gateway
from app.shopify.documents import SHOP
from app.shopify.errors import NoAnswer, ServerTrouble, ShopifyError, ShopUnavailable, Throttled, TokenRefused
from app.shopify.token_endpoint import TokenPair, exchange_code, exchange_token, refresh
from app.shopify.tokens import access_token_for, keep_alive, list_to_keep_alive, store_tokens
from sandbox.server import Sandbox
from tests.shopify.conftest import PATIENCE
from tests.shopify.desk import Desk, session_token

OPEN_AGAIN = "open Boomerang in the Shopify admin again"


def stored(desk: Desk) -> ShopToken:
    db.session.rollback()
    return db.session.get(ShopToken, desk.shop_id, populate_existing=True)


def let_expire(desk: Desk, left: timedelta) -> None:
    """Let the stored access token have this long to live."""
    with transaction() as session:
        session.get_one(ShopToken, desk.shop_id).expires_at = desk.clock() + left


def test_a_fresh_token_is_used_as_it_is(desk: Desk) -> None:
    before = stored(desk).updated_at

    assert desk.sandbox_shop.tokens.is_valid(access_token_for(desk.shop_id))
    assert stored(desk).updated_at == before


def test_tokens_are_not_stored_in_the_clear(desk: Desk) -> None:
    token = access_token_for(desk.shop_id)

    row = stored(desk)
    assert token not in row.access_token
    assert "shprt_" not in row.refresh_token


def test_the_pair_does_not_show_its_tokens() -> None:
    now = datetime.now(UTC)

    assert "secret" not in repr(TokenPair("secret-a", "secret-r", now, now, "read_orders"))


@pytest.mark.parametrize("left", [timedelta(minutes=4), timedelta(seconds=5), timedelta(hours=-1)])
def test_a_token_with_less_than_five_minutes_left_is_refreshed_and_both_are_stored(desk: Desk, left: timedelta) -> None:
    old = access_token_for(desk.shop_id)
    old_refresh = stored(desk).refresh_token
    let_expire(desk, left)

    new = access_token_for(desk.shop_id)

    row = stored(desk)
    assert new != old
    assert row.refresh_token != old_refresh
    assert row.expires_at - desk.clock() > timedelta(minutes=55)
    assert row.refresh_expires_at - desk.clock() > timedelta(days=89)
    assert access_token_for(desk.shop_id) == new


def test_a_token_that_shopify_refused_is_refreshed_whatever_its_age(desk: Desk) -> None:
    old = access_token_for(desk.shop_id)

    new = access_token_for(desk.shop_id, refused=old)

    assert new != old
    assert access_token_for(desk.shop_id, refused=old) == new


def test_many_who_need_a_token_at_once_refresh_it_once(desk: Desk) -> None:
    let_expire(desk, timedelta(0))
    given: list[str] = []

    def ask() -> None:
        with desk.app.app_context():
            given.append(access_token_for(desk.shop_id))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    before = len(desk.sandbox_shop.tokens._refresh)
    with desk.sandbox_shop.tokens._lock:
        # Shopify takes its time: one asks it, and the others have come to wait for the row.
        for thread in threads:
            thread.start()
        others_wait = wait_for(lambda: waiting_for_a_row() == 3)
    for thread in threads:
        thread.join(20)

    assert others_wait
    assert len(set(given)) == 1
    assert len(given) == 4
    assert len(desk.sandbox_shop.tokens._refresh) - before == 1
    assert desk.sandbox_shop.tokens.is_valid(given[0])


def test_a_lost_answer_to_a_refresh_is_healed_by_the_next(desk: Desk) -> None:
    let_expire(desk, timedelta(0))
    with transaction() as session:
        token = session.get_one(ShopToken, desk.shop_id)
        used = desk.app.extensions["vault"].decrypt(token.refresh_token)
    refresh(desk.box.options.shop, used, desk.clock())  # its answer is thrown away

    assert desk.sandbox_shop.tokens.is_valid(access_token_for(desk.shop_id))


def test_a_refusal_for_good_is_stored_and_not_asked_about_again(desk: Desk) -> None:
    desk.sandbox_shop.tokens.revoke_all()
    let_expire(desk, timedelta(0))

    with pytest.raises(TokenRefused, match=OPEN_AGAIN):
        access_token_for(desk.shop_id)
    row = stored(desk)
    assert row.refused_at is not None
    assert OPEN_AGAIN in row.refused_reason

    def ask_again() -> None:
        with pytest.raises(TokenRefused, match=OPEN_AGAIN):
            access_token_for(desk.shop_id)

    assert count_refreshes(desk, ask_again) == 0


def test_a_refusal_that_the_apps_own_secret_brought_heals_once_that_is_right(desk: Desk) -> None:
    let_expire(desk, timedelta(0))
    began_at = desk.clock()
    with responses.RequestsMock() as mock:
        mock.post(f"{desk.box.url}/admin/oauth/access_token", status=400, json={"error": "invalid_client"})
        for _ in range(2):  # the second an hour later
            with pytest.raises(TokenRefused, match="client id and secret"):
                access_token_for(desk.shop_id, clock=desk.clock)
            assert stored(desk).refused_at == began_at
            desk.clock.advance(3600)
        assert len(mock.calls) == 2

    assert desk.sandbox_shop.tokens.is_valid(access_token_for(desk.shop_id, clock=desk.clock))
    assert stored(desk).refused_at is None


def test_a_refused_refresh_does_not_end_an_access_token_that_still_works(desk: Desk) -> None:
    token = access_token_for(desk.shop_id)
    with transaction() as session:
        row = session.get_one(ShopToken, desk.shop_id)
        row.refresh_token = desk.app.extensions["vault"].encrypt("shprt_unknown")
    let_expire(desk, timedelta(minutes=4))

    assert access_token_for(desk.shop_id) == token
    assert stored(desk).refused_at is not None
    let_expire(desk, timedelta(seconds=20))
    with pytest.raises(TokenRefused):
        access_token_for(desk.shop_id)


def test_opening_the_app_again_forgets_the_refusal(desk: Desk) -> None:
    with transaction() as session:
        row = session.get_one(ShopToken, desk.shop_id)
        row.refused_at, row.refused_reason = desk.clock(), "Refused."
    pair = exchange_token(desk.box.options.shop, session_token(desk.box), desk.clock())

    with transaction() as session:
        store_tokens(session, desk.shop_id, pair, desk.clock())

    assert stored(desk).refused_at is None
    assert access_token_for(desk.shop_id) == pair.access_token


def test_a_shop_without_tokens_says_what_to_do(desk: Desk) -> None:
    with transaction() as session:
        session.delete(session.get_one(ShopToken, desk.shop_id))

    with pytest.raises(TokenRefused, match=OPEN_AGAIN):
        access_token_for(desk.shop_id)


def test_an_expired_session_token_is_refused_with_a_sentence(app_context: Flask, box: Sandbox) -> None:
    with pytest.raises(TokenRefused, match="reload the page"):
        exchange_token(box.options.shop, session_token(box, seconds=-60), datetime.now(UTC))


def test_an_exchanged_token_opens_the_gateway(desk: Desk) -> None:
    gateway, token = open_gateway(desk.shop_id)

    assert desk.sandbox_shop.tokens.is_valid(token)
    assert gateway.execute(SHOP)["shop"]["currencyCode"] == "USD"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"status": 500}, ServerTrouble),
        ({"status": 429}, Throttled),
        ({"status": 404}, ShopUnavailable),
        ({"status": 400, "json": {"error": "invalid_request"}}, ShopUnavailable),
        ({"status": 400, "json": {"error": "invalid_client"}}, TokenRefused),
        ({"status": 400, "json": {"error": "invalid_grant"}}, TokenRefused),
        ({"status": 400, "body": "<html>"}, ShopUnavailable),
        ({"status": 200, "json": {"access_token": "shpat_x", "scope": ""}}, NoAnswer),
        ({"status": 200, "body": "["}, NoAnswer),
    ],
)
def test_every_answer_of_the_token_endpoint_has_its_error(
    app_context: Flask, reply: dict[str, object], error: type[ShopifyError]
) -> None:
    with responses.RequestsMock() as mock:
        mock.post(f"{current_settings().admin_origin('x')}/admin/oauth/access_token", **reply)
        with pytest.raises(error) as raised:
            refresh("x.myshopify.com", "shprt_x", datetime.now(UTC))
    assert type(raised.value) is error
    assert "shprt_x" not in str(raised.value)


@pytest.mark.parametrize("left", [timedelta(minutes=4), timedelta(seconds=10)])
def test_while_the_token_endpoint_is_down_a_token_is_used_to_its_end(desk: Desk, left: timedelta) -> None:
    token = access_token_for(desk.shop_id)
    let_expire(desk, left)

    with responses.RequestsMock() as mock:
        mock.post(f"{desk.box.url}/admin/oauth/access_token", status=503)
        if left > timedelta(minutes=1):
            assert access_token_for(desk.shop_id) == token
        else:
            with pytest.raises(ServerTrouble):
                access_token_for(desk.shop_id)
    assert stored(desk).refused_at is None


def waiting_for_a_row() -> int:
    """Return how many sessions of this database wait for a lock."""
    db.session.rollback()
    return db.session.scalar(
        text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    )


def wait_for(is_so: Callable[[], bool], seconds: float = PATIENCE / 2) -> bool:
    """Poll until something is so; return False when it does not come about while the app waits for its answer."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def count_refreshes(desk: Desk, act: Callable[[], None]) -> int:
    """Return how many pairs the sandbox gave out while something was done."""
    before = len(desk.sandbox_shop.tokens._refresh)
    act()
    return len(desk.sandbox_shop.tokens._refresh) - before


def let_idle(desk: Desk, days: int, left: int) -> None:
    """Let the tokens be so many days old, with a refresh token that lives for so many more."""
    with transaction() as session:
        token = session.get_one(ShopToken, desk.shop_id)
        token.updated_at = desk.clock() - timedelta(days=days)
        token.expires_at = token.updated_at + timedelta(hours=1)
        token.refresh_expires_at = desk.clock() + timedelta(days=left)


def idle(desk: Desk) -> list[int]:
    with transaction() as session:
        return list_to_keep_alive(session, desk.clock())


@pytest.mark.parametrize(
    ("days", "left", "is_due"), [(0, 90, False), (29, 61, False), (31, 59, True), (89, 1, True), (0, 10, False)]
)
def test_tokens_nobody_needs_are_due_a_month_after_they_were_given(
    desk: Desk, days: int, left: int, is_due: bool
) -> None:
    let_idle(desk, days, left)

    assert idle(desk) == ([desk.shop_id] if is_due else [])


def test_keeping_alive_gives_the_refresh_token_its_whole_life_again(desk: Desk) -> None:
    let_idle(desk, 40, 50)

    for _ in range(2):
        keep_alive(desk.shop_id, desk.clock)

    assert stored(desk).refresh_expires_at - desk.clock() > timedelta(days=89)
    assert idle(desk) == []


def test_what_cannot_be_kept_alive_is_tried_again_or_shown(desk: Desk) -> None:
    let_idle(desk, 40, 50)
    with responses.RequestsMock() as mock:
        mock.post(f"{desk.box.url}/admin/oauth/access_token", status=503)
        keep_alive(desk.shop_id, desk.clock)
    assert idle(desk) == [desk.shop_id]
    desk.sandbox_shop.tokens.revoke_all()

    keep_alive(desk.shop_id, desk.clock)

    assert OPEN_AGAIN in (stored(desk).refused_reason or "")
    assert idle(desk) == []


def test_a_shop_that_took_the_app_away_is_left_alone(desk: Desk) -> None:
    let_idle(desk, 40, 50)
    with transaction() as session:
        session.get_one(Shop, desk.shop_id).uninstalled_at = desk.clock()

    assert idle(desk) == []


def test_a_token_brings_the_scopes_of_its_moment(desk: Desk) -> None:
    desk.sandbox_shop.grants.change([], ["read_returns"])

    access_token_for(desk.shop_id, refused=access_token_for(desk.shop_id), clock=desk.clock)

    row = stored(desk)
    assert row.scope == desk.sandbox_shop.grants.text
    assert "read_returns" not in row.scope
    # Shopify's word of the same minute may be the newer one, for its clock is not ours.
    assert row.scope_at is not None
    assert timedelta(seconds=55) < desk.clock() - row.scope_at < timedelta(seconds=80)


def test_an_answer_that_names_no_scopes_takes_none_away(desk: Desk) -> None:
    before = stored(desk).scope
    now = desk.clock()

    with transaction() as session:
        store_tokens(session, desk.shop_id, TokenPair("a", "r", now, now, ""), now)

    assert stored(desk).scope == before


def test_a_code_is_exchanged_once_for_an_expiring_pair(desk: Desk) -> None:
    code = desk.sandbox_shop.tokens.make_code()
    pair = exchange_code(desk.box.options.shop, code, desk.clock())

    assert desk.sandbox_shop.tokens.is_valid(pair.access_token)
    assert pair.refresh_expires_at - desk.clock() > timedelta(days=89)
    with pytest.raises(TokenRefused, match="install the app again"):
        exchange_code(desk.box.options.shop, code, desk.clock())
