"""Stores outside managed installation: there and back with state, signature and code; and every forged way in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
import shopify
from flask import Flask
from flask.testing import FlaskClient
from shopify_app.verify.app_proxy import verify_app_proxy_req
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.db import db
from app.models import AuditEvent, Shop, ShopToken, TermsVersion
from app.shopify.scopes import REQUIRED, find_missing
from app.shopify.signed_query import BadQuery, check_proxied, check_query
from sandbox.server import Sandbox
from sandbox.signing import signed_proxy_query, signed_query

SECRET = "sandbox-client-secret-not-for-production"
OLD_SECRET = "sandbox-old-client-secret-not-for-production"
SHOP = "boomerang-demo.myshopify.com"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))


@pytest.fixture
def client(app_context: Flask, box: Sandbox) -> Iterator[FlaskClient]:
    """Return a browser in front of a shop that has not agreed to the app."""
    box.world.main.installed = False
    with at_address(app_context, box.options.app_url):
        yield app_context.test_client()
    box.world.main.installed = True


@contextmanager
def at_address(app: Flask, app_url: str) -> Iterator[None]:
    """Let the app be reached at an address for a while."""
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(before, app_url=app_url)
    yield
    app.config["SETTINGS"] = before


def signed(secret: str = SECRET, **given: str) -> str:
    whole = {"shop": SHOP, "timestamp": str(int(time.time())), **given}
    return signed_query(secret, {name: value for name, value in whole.items() if value})


def begin(client: FlaskClient, query: str = f"shop={SHOP}") -> dict[str, str]:
    """Begin an installation and return the query of the page the person is sent to."""
    answer = client.get(f"/auth/begin?{query}")
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.location).query))


def agree(box: Sandbox, asked: dict[str, str]) -> str:
    """Agree on the shop's page and return the address it leads back to."""
    answer = requests.post(
        f"{box.url}/admin/oauth/authorize", data={**asked, "answer": "install"}, allow_redirects=False, timeout=5
    )
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def come_back(client: FlaskClient, address: str) -> TestResponse:
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}")


def shops() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(Shop.domain)))


def assert_refused(answer: TestResponse, words: str) -> None:
    assert answer.status_code == 400
    assert words in answer.text
    assert answer.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert shops() == []


def test_opening_agreeing_and_coming_back_installs_the_shop(client: FlaskClient, box: Sandbox) -> None:
    opened = urlsplit(requests.get(f"{box.url}/sandbox/install-url", timeout=5).json()["url"])
    headers = {"Sec-Fetch-Dest": "document"}
    sent = client.get(f"{opened.path}?{opened.query}", headers=headers)
    assert urlsplit(sent.location).path == "/auth/begin"
    asked = begin(client, urlsplit(sent.location).query)
    assert set(asked) == {"client_id", "scope", "redirect_uri", "state"}
    assert set(asked["scope"].split(",")) == REQUIRED

    back = come_back(client, agree(box, asked))

    assert back.location == f"{box.url}/admin/apps/sandbox-client-id"
    landed = requests.get(back.location, timeout=5)
    assert urlsplit(landed.url).path == "/store/boomerang-demo/apps/boomerang"
    assert shops() == [SHOP]
    token = db.session.scalars(select(ShopToken)).one()
    assert find_missing(token.scope) == ()
    assert (token.refresh_expires_at - token.updated_at).days == 90
    assert db.session.scalars(select(TermsVersion.published_by)).one() == "system"


def test_the_cookie_is_for_the_way_back_only(client: FlaskClient) -> None:
    answer = client.get(f"/auth/begin?shop={SHOP}")
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/auth", "Max-Age=600"} <= set(cookie.split("; "))
    assert "Secure" not in cookie  # the tested app is at http://127.0.0.1


def test_coming_back_twice_installs_once(client: FlaskClient, box: Sandbox) -> None:
    address = agree(box, begin(client))
    come_back(client, address)

    again = come_back(client, address)

    assert again.status_code == 400
    assert "began no installation" in again.text
    assert shops() == [SHOP]
    assert db.session.scalars(select(AuditEvent).where(AuditEvent.action == "uninstall")).all() == []


def test_a_code_that_was_used_elsewhere_installs_nothing(client: FlaskClient, box: Sandbox) -> None:
    address = agree(box, begin(client))
    code = parse_qs(urlsplit(address).query)["code"][0]
    secrets = {"client_id": "sandbox-client-id", "client_secret": SECRET}
    used = requests.post(f"{box.url}/admin/oauth/access_token", json={**secrets, "code": code}, timeout=5)
    assert used.ok

    back = come_back(client, address)

    assert back.status_code == 409
    assert "install the app again" in back.text
    assert shops() == []


def test_another_browser_cannot_finish_what_this_one_began(
    client: FlaskClient, box: Sandbox, app_context: Flask
) -> None:
    address = agree(box, begin(client))

    assert_refused(come_back(app_context.test_client(), address), "began no installation")


def test_a_state_of_another_installation_is_refused(client: FlaskClient, box: Sandbox) -> None:
    asked = begin(client)
    begin(client)

    assert_refused(come_back(client, agree(box, asked)), "Another installation was begun")


def test_an_installation_for_one_shop_does_not_end_in_another(client: FlaskClient) -> None:
    asked = begin(client, "shop=another.myshopify.com")

    assert_refused(client.get(f"/auth/callback?{signed(state=asked['state'], code='x')}"), "another.myshopify.com")


def test_a_cookie_nobody_signed_is_refused(client: FlaskClient) -> None:
    client.set_cookie("boomerang_installation", "WyJzIiwiYiJd.aaaa.bbbb", path="/auth")

    assert_refused(client.get(f"/auth/callback?{signed(state='s', code='x')}"), "began no installation")


def test_a_shop_that_says_no_is_not_installed(client: FlaskClient) -> None:
    asked = begin(client)

    assert_refused(client.get(f"/auth/callback?{signed(state=asked['state'])}"), "did not agree")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (signed("somebody-elses-secret"), "not signed by Shopify"),
        (f"{signed()}&shop=evil.myshopify.com", "twice"),
        (f"{signed()}&code=second&code=third", "twice"),
        (f"{signed()}&locale=en", "not signed by Shopify"),
        (signed(timestamp="1700000000"), "too long ago"),
        (signed(timestamp="soon"), "too long ago"),
        (signed(timestamp="9" * 12), "too long ago"),
        (signed(timestamp=""), "too long ago"),
        (signed(shop="evil.example.com"), "names no shop"),
        (signed(shop="a.b.myshopify.com"), "names no shop"),
        (signed(shop=f"{SHOP}.evil.example.com"), "names no shop"),
        (signed(shop=f"{SHOP}\n"), "names no shop"),
        ("", "names no shop"),
    ],
)
@pytest.mark.parametrize("path", ["/auth/begin", "/auth/callback"])
def test_what_shopify_did_not_sign_just_now_for_a_shop_is_refused(
    client: FlaskClient, path: str, query: str, words: str
) -> None:
    assert_refused(client.get(f"{path}?{query}"), words)


def test_what_a_person_types_needs_no_signature_but_one_shop(client: FlaskClient) -> None:
    assert begin(client, "shop=Some-Shop.myshopify.com")["state"]
    assert_refused(client.get("/auth/begin?shop=evil.example.com"), "names no shop")
    assert_refused(client.get(f"/auth/begin?shop={SHOP}&shop={SHOP}"), "twice")


@pytest.mark.parametrize(
    "query", [signed("wrong"), signed(timestamp="1700000000"), signed(embedded="1"), f"shop={SHOP}"]
)
def test_only_a_signed_opening_outside_the_admin_begins_an_installation(client: FlaskClient, query: str) -> None:
    opened = client.get(f"/?{query}", headers={"Sec-Fetch-Dest": "document"})

    assert urlsplit(opened.location).path == "/bounce"


def test_an_installed_shop_is_not_asked_to_agree_again(client: FlaskClient, box: Sandbox) -> None:
    come_back(client, agree(box, begin(client)))

    opened = client.get(f"/?{signed()}", headers={"Sec-Fetch-Dest": "document"})

    assert urlsplit(opened.location).path == "/bounce"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"host": "YWRtaW4uc2hvcGlmeS5jb20", "code": "a1", "state": "s"},
        {"state": "a&b=c%d=e", "a=b": "1", "é": "ü ö"},
    ],
)
def test_signatures_are_those_of_shopifys_own_library(given: dict[str, str]) -> None:
    whole = {"shop": SHOP, "timestamp": STAMP, **given}
    shopify.Session.setup(api_key="x", secret=SECRET)
    made = shopify.Session.calculate_hmac(whole)
    pairs = [*whole.items(), ("hmac", made)]

    assert check_query(pairs, [OLD_SECRET, SECRET], NOW) == SHOP
    with pytest.raises(BadQuery):
        check_query(pairs, [OLD_SECRET, ""], NOW)


@pytest.mark.parametrize(("seconds", "counts"), [(-91, False), (-90, True), (0, True), (90, True), (91, False)])
def test_a_signature_counts_for_a_minute_and_a_half(seconds: int, counts: bool) -> None:
    pairs = parse_qsl(signed(timestamp=str(int(NOW.timestamp()) + seconds)))

    if counts:
        assert check_query(pairs, [SECRET], NOW) == SHOP
    else:
        with pytest.raises(BadQuery, match="too long ago"):
            check_query(pairs, [SECRET], NOW)


def proxied(*more: tuple[str, str], secret: str = SECRET, **changes: str) -> list[tuple[str, str]]:
    whole = {
        "shop": SHOP,
        "logged_in_customer_id": "5",
        "path_prefix": "/apps/boomerang",
        "timestamp": STAMP,
        **changes,
    }
    return parse_qsl(signed_proxy_query(secret, [*whole.items(), *more]), keep_blank_values=True)


@pytest.mark.parametrize("customer", ["5", ""])
def test_the_proxys_signature_tells_shop_and_customer(customer: str) -> None:
    assert check_proxied(proxied(logged_in_customer_id=customer), [OLD_SECRET, SECRET], NOW) == (SHOP, customer)


def test_a_visitor_may_repeat_parameters_of_their_own() -> None:
    assert check_proxied(proxied(("page", "1"), ("page", "2")), [SECRET], NOW) == (SHOP, "5")


@pytest.mark.parametrize("name", ["shop", "timestamp", "signature", "logged_in_customer_id", "path_prefix"])
def test_what_shopify_adds_may_occur_once_only(name: str) -> None:
    with pytest.raises(BadQuery, match="twice"):
        check_proxied(proxied((name, "7")) if name != "signature" else [*proxied(), (name, "7")], [SECRET], NOW)


@pytest.mark.parametrize(
    "pairs",
    [
        proxied(secret="somebody-elses-secret"),
        [pair if pair[0] != "logged_in_customer_id" else (pair[0], "6") for pair in proxied()],
        [pair for pair in proxied() if pair[0] != "signature"],
        proxied(timestamp="1700000000"),
        proxied(shop="evil.example.com"),
        [*proxied(), ("page", "1")],
    ],
)
def test_a_proxied_query_that_shopify_did_not_sign_now_is_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(BadQuery):
        check_proxied(pairs, [SECRET], NOW)


@pytest.mark.parametrize("more", [[], [("page", "1")], [("a", "1"), ("a", "2"), ("b", "x y&z")]])
def test_the_proxys_signature_is_that_of_shopifys_own_library(more: list[tuple[str, str]]) -> None:
    query = urlencode(proxied(*more, timestamp=str(int(time.time()))))
    url = f"https://app.example.com/proxy/cashback?{query}"
    told = verify_app_proxy_req(
        {"method": "GET", "url": url, "headers": {}, "body": ""}, {"client_id": "x", "client_secret": SECRET}
    )

    assert told.ok
    assert check_proxied(parse_qsl(query, keep_blank_values=True), [SECRET], datetime.now(UTC)) == (SHOP, "5")


def test_the_cookie_is_secure_where_the_app_is(app_context: Flask) -> None:
    with at_address(app_context, "https://app.example.com"):
        cookie = app_context.test_client().get(f"/auth/begin?shop={SHOP}").headers["Set-Cookie"]
    assert "Secure" in cookie.split("; ")
