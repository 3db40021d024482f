"""Who may come in: every route of the app, with every kind of bad proof."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import requests
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.admin.guard import RETRY_HEADER
from app.models import Shop
from sandbox.server import Sandbox
from tests.admin.factories import (
    DOMAIN,
    OTHER,
    Page,
    Visitor,
    make_shop,
    order,
    reading,
    reward_of,
    session_token,
    tell,
)
from tests.admin.stage import SHOP, set_stage
from tests.flows.builders import all_rows

#: What answers without a session token: the receiver and the way in have signatures, the pages that mails lead to have
#: sealed tokens, the frame of a mail shows what a page sealed for it, the figures have a token of their own, and the
#: rest shows nothing of a shop.
OPEN = {"bounce.show", "assets.serve", "mail_frames.show"}
OPEN_BLUEPRINTS = {"auth", "storefront", "told", "webhooks", "health", "metrics"}


def admin_rules(app: Flask) -> list[tuple[Rule, str]]:
    """Return every guarded rule with each of its methods."""
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("admin.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]


def path_of(rule: Rule) -> str:
    return re.sub(r"<\w+>", "word", re.sub(r"<int:\w+>", "5", rule.rule))


def bad_tokens() -> dict[str, str | None]:
    """Return every kind of token that proves nothing."""
    past = datetime.now(UTC) - timedelta(minutes=2)
    good = session_token()
    head, body, signature = good.split(".")
    return {
        "none": None,
        "empty": "",
        "nonsense": "nonsense",
        "expired": session_token(exp=past),
        "not yet": session_token(nbf=datetime.now(UTC) + timedelta(minutes=2)),
        "signed by another": session_token(secret="somebody-elses-secret-of-32-characters"),
        "for another app": session_token(aud="another-app"),
        "another shop's issuer": session_token(iss=f"https://{OTHER}/admin"),
        "no shop": session_token(dest="https://evil.example.com", iss="https://evil.example.com/admin"),
        "looks like a shop": session_token(
            dest=f"https://{DOMAIN}.evil.example.com", iss=f"https://{DOMAIN}.evil.example.com/admin"
        ),
        "tampered": f"{head}.{body[:-2]}{'AA' if body[-2:] != 'AA' else 'BB'}.{signature}",
        "unsigned": f"{head}.{body}.",
    }


def assert_asks_again(response: TestResponse) -> None:
    assert response.status_code == 401
    assert response.headers[RETRY_HEADER] == "1"
    assert "#1001" not in response.text


def test_every_route_is_guarded_or_known_to_be_open(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        blueprint = rule.endpoint.partition(".")[0]
        assert blueprint == "admin" or rule.endpoint in OPEN or blueprint in OPEN_BLUEPRINTS, rule
    assert len(admin_rules(app)) >= 14


def test_a_document_without_proof_is_sent_to_the_bounce_page(app: Flask, shop_id: int) -> None:
    tell(shop_id, order(1))
    client = app.test_client()
    for kind, token in bad_tokens().items():
        for rule, method in admin_rules(app):
            if method != "GET":
                continue
            query = {"shop": DOMAIN, "host": "abc", "search": "x y", **({} if token is None else {"id_token": token})}
            response = client.get(path_of(rule), query_string=query)
            assert response.status_code == 302, (kind, rule)
            target = urlsplit(response.location)
            assert target.path == "/bounce"
            reload = urlsplit(parse_qs(target.query)["shopify-reload"][0])
            assert reload.path == path_of(rule)
            assert parse_qs(reload.query)["search"] == ["x y"]
            assert "id_token" not in reload.query
            assert client.get(response.location).status_code == 200


def test_a_fetch_without_proof_is_told_to_try_again(app: Flask, shop_id: int) -> None:
    client = app.test_client()
    for token in bad_tokens().values():
        headers = {"Authorization": f"Bearer {token or ''}", "HX-Request": "true"}
        for rule, method in admin_rules(app):
            assert_asks_again(client.open(path_of(rule), method=method, headers=headers))


def test_a_bad_header_is_not_mended_by_a_good_address(app: Flask, shop_id: int) -> None:
    headers = {"Authorization": f"Bearer {session_token(aud='another-app')}"}
    assert_asks_again(app.test_client().get("/orders", query_string={"id_token": session_token()}, headers=headers))


def test_no_form_is_taken_on_a_token_in_the_address(app: Flask, shop_id: int) -> None:
    tell(shop_id, order(1))
    before = all_rows()
    for rule, method in admin_rules(app):
        if method != "GET":
            path = path_of(rule)
            data = {"id_token": session_token(), "seen_version": "1", "mode": "automatic"}
            assert_asks_again(app.test_client().open(path, method=method, query_string=data, data=data))
    assert all_rows() == before


def test_a_token_refused_twice_ends_in_a_sentence_not_in_a_circle(app: Flask, shop_id: int) -> None:
    client = app.test_client()
    first = client.get("/orders", query_string={"id_token": session_token(aud="another-app")})
    reload = parse_qs(urlsplit(first.location).query)["shopify-reload"][0]
    second = client.get(f"{reload}&id_token={session_token(aud='another-app')}")
    assert second.status_code == 401
    assert "refused twice" in second.text


def test_the_shop_is_taken_from_the_token_only(visitor: Visitor, shop_id: int, stranger: Visitor) -> None:
    fact = order(1)
    tell(shop_id, fact)
    response = stranger.client.get("/orders", query_string={"id_token": stranger.token(), "shop": DOMAIN})
    assert response.status_code == 200
    assert "#1001" not in response.text
    assert f"https://{OTHER} " in response.headers["Content-Security-Policy"]
    assert DOMAIN not in response.headers["Content-Security-Policy"]


def test_another_shops_person_can_decide_nothing(app: Flask, visitor: Visitor, shop_id: int, stranger: Visitor) -> None:
    fact = order(1)
    tell(shop_id, fact)
    reward, before = reward_of(fact), all_rows()
    for verb in ("approve", "reject", "hold", "reopen"):
        form = {"seen_version": str(reward.version), "reason": "Because."}
        for htmx in (True, False):
            assert stranger.post(f"/reviews/{reward.id}/{verb}", form, htmx=htmx).status_code == 404
    for verb in ("retry", "decide"):
        assert stranger.post("/transfers/1/" + verb, {"arrived": "true"}).status_code == 404
    assert all_rows() == before


def test_a_form_made_for_somebody_else_is_refused(
    app: Flask, visitor: Visitor, shop_id: int, stranger: Visitor
) -> None:
    own, colleagues, strangers = (
        Page(who.load("/settings").text).of("input", name="token")[0]["value"]
        for who in (visitor, Visitor(app, staff="43"), stranger)
    )
    assert visitor.post("/settings/pause", {"token": own}).status_code == 200
    for token in (colleagues, strangers, "nonsense", ""):
        assert visitor.post("/settings/resume", {"token": token}).status_code == 403
    with reading() as session:
        assert session.get_one(Shop, shop_id).paused_at is not None


def test_the_first_visit_installs_the_shop(settings: object) -> None:
    with set_stage(settings) as stage, stage.app.app_context():  # type: ignore[arg-type]
        installed = stage.app.test_client().get("/orders", query_string={"id_token": token_of(stage.sandbox)})
        assert installed.status_code == 200
        with reading() as session:
            assert [shop.domain for shop in session.query(Shop)] == [SHOP]
        assert "Bronze" in Visitor(stage.app, SHOP).load("/settings").text


def test_a_shop_that_cannot_be_installed_is_told_so(app: Flask) -> None:
    response = Visitor(app, "unknown.myshopify.com").load("/orders")
    assert response.status_code == 502
    assert "Traceback" not in response.text
    assert Page(response.text).of("main", id="page")


def test_an_uninstalled_shop_is_not_let_in_on_its_old_row(app: Flask) -> None:
    make_shop("gone.myshopify.com", uninstalled_at=datetime.now(UTC))
    assert Visitor(app, "gone.myshopify.com").load("/orders").status_code == 502


def token_of(sandbox: Sandbox) -> str:
    """Return a session token as the sandbox's admin gives it to App Bridge."""
    token: str = requests.post(f"{sandbox.url}/sandbox/session-token", json={}, timeout=5).json()["token"]
    return token
