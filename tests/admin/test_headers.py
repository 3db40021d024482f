"""Headers and markup of every page: who may frame it, and nothing inline."""

import dataclasses

import pytest
from flask import Flask

from app import create_app
from app.config import Settings
from tests.admin.factories import DOMAIN, Page, Visitor, order, reward_of, tell


def policy_of(header: str) -> dict[str, str]:
    return dict(part.strip().partition(" ")[::2] for part in header.split(";"))


def all_pages(visitor: Visitor, shop_id: int) -> dict[str, str]:
    """Return the HTML of every page and fragment there is, after checking its headers."""
    held, rejected, plain = order(1), order(2), order(3)
    tell(shop_id, held, rejected, plain)
    ids = {fact.order_id: reward_of(fact) for fact in (held, rejected, plain)}
    form = {fact_id: {"seen_version": str(reward.version)} for fact_id, reward in ids.items()}
    answers = {
        "orders": visitor.load("/orders"),
        "nothing found": visitor.load("/orders", search="nobody"),
        "reviews": visitor.load("/reviews"),
        "settings": visitor.load("/settings"),
        "hold": visitor.post(f"/reviews/{ids[held.order_id].id}/hold", form[held.order_id]),
        "stale": visitor.post(f"/reviews/{ids[held.order_id].id}/hold", form[held.order_id]),
        "reject": visitor.post(
            f"/reviews/{ids[rejected.order_id].id}/reject", {**form[rejected.order_id], "reason": "Resale."}
        ),
        "approve": visitor.post(
            f"/reviews/{ids[plain.order_id].id}/approve", {**form[plain.order_id], "view": "order"}
        ),
        "bad terms": visitor.post("/rules", {"seen_version": "1"}),
        "bad mode": visitor.post("/settings/mode", {"mode": "sideways"}),
        "held order": visitor.load(f"/orders/{held.order_id}"),
        "rejected order": visitor.load(f"/orders/{rejected.order_id}"),
        "missing order": visitor.load("/orders/5"),
        "missing page": visitor.load("/nowhere"),
        "wrong method": visitor.load("/reviews/1/approve"),
        "paused": visitor.post("/settings/pause"),
    }
    for name, response in answers.items():
        assert response.mimetype == "text/html", name
        policy = policy_of(response.headers["Content-Security-Policy"])
        assert policy["default-src"] == "'none'", name
        assert policy["frame-ancestors"].split()[:2] == [f"https://{DOMAIN}", "https://admin.shopify.com"], name
        assert "unsafe" not in response.headers["Content-Security-Policy"], name
        assert "*" not in policy["frame-ancestors"], name
        assert response.headers["X-Content-Type-Options"] == "nosniff", name
        assert response.headers["Cache-Control"] == "no-store", name
        assert response.headers["Referrer-Policy"] == "no-referrer", name
    return {name: response.text for name, response in answers.items()}


def test_every_page_may_be_framed_by_its_shop_only_and_holds_nothing_inline(visitor: Visitor, shop_id: int) -> None:
    for name, html in all_pages(visitor, shop_id).items():
        page = Page(html)
        assert not page.inline, name
        for tag, attributes in page.elements:
            assert tag != "style", name
            assert "style" not in attributes, (name, tag)
            assert not [key for key in attributes if key.startswith(("on", "hx-on"))], (name, tag)
            assert not any((value or "").startswith(("javascript:", "js:")) for value in attributes.values()), name


def test_every_post_form_carries_its_token(visitor: Visitor, shop_id: int) -> None:
    seen = 0
    for name, html in all_pages(visitor, shop_id).items():
        for form in html.split("<form")[1:]:
            head, body = form.split(">", 1)
            if 'method="post"' in head:
                seen += 1
                inside = body.split("</form>")[0]
                assert 'name="token"' in inside, (name, head)
                # A script sends it, for only that brings the proof of who asks; or the form's buttons each do.
                assert any(way in head for way in ("hx-post=", "data-download=")) or "hx-post=" in inside, (name, head)
    assert seen > 10


def test_every_page_names_its_title_language_and_app_bridge_first(visitor: Visitor, shop_id: int) -> None:
    for name, html in all_pages(visitor, shop_id).items():
        if not html.startswith("<!doctype"):
            continue
        page = Page(html)
        assert page.of("html", lang="en"), name
        assert "· Boomerang" in html.split("<title>")[1].split("</title>")[0], name
        assert page.of("meta", name="shopify-api-key")[0]["content"] == "sandbox-client-id"
        scripts = [script["src"] or "" for script in page.of("script")]
        assert scripts[0] == "https://cdn.shopify.com/shopifycloud/app-bridge.js"
        assert "defer" not in page.of("script")[0]
        assert all(script.startswith("/static/") for script in scripts[1:])
        assert len(page.of("h1")) == 1, name


def test_ids_are_unique_on_every_page(visitor: Visitor, shop_id: int) -> None:
    for name, html in all_pages(visitor, shop_id).items():
        ids = [attributes["id"] for _, attributes in Page(html).elements if "id" in attributes]
        assert len(ids) == len(set(ids)), name


@pytest.mark.parametrize("shop", ["", "evil.example.com", "a.myshopify.com.evil.example.com", "a b.myshopify.com"])
def test_the_bounce_page_repeats_no_nonsense_in_its_headers(app: Flask, shop: str) -> None:
    response = app.test_client().get("/bounce", query_string={"shopify-reload": "/orders", "shop": shop})
    assert response.status_code == 200
    policy = policy_of(response.headers["Content-Security-Policy"])
    assert policy["frame-ancestors"].split()[0] == "https://admin.shopify.com"
    page = Page(response.text)
    assert len(page.of("script")) == 1
    assert not page.inline


def test_the_bounce_page_may_be_framed_by_the_shop_that_asked(app: Flask) -> None:
    response = app.test_client().get("/bounce", query_string={"shopify-reload": "/orders", "shop": DOMAIN})
    assert f"frame-ancestors https://{DOMAIN} https://admin.shopify.com" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "reload",
    ["", "//evil.example.com", "https://evil.example.com", "/\\evil.example.com", "javascript:alert(1)", "/a\nb"],
)
def test_the_bounce_page_leads_to_paths_of_this_app_only(app: Flask, reload: str) -> None:
    response = app.test_client().get("/bounce", query_string={"shopify-reload": reload})
    assert response.status_code == 302
    assert response.location == "/bounce?shopify-reload=/"


def test_unknown_addresses_without_proof_may_be_framed_by_nobody(app: Flask) -> None:
    response = app.test_client().get("/nowhere")
    assert response.status_code == 404
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


def test_without_a_sandbox_only_shopify_may_frame(settings: Settings) -> None:
    app = create_app(dataclasses.replace(settings, shopify_admin_origin="https://{shop}"))
    response = app.test_client().get("/bounce", query_string={"shopify-reload": "/", "shop": DOMAIN})
    policy = policy_of(response.headers["Content-Security-Policy"])
    assert policy["frame-ancestors"] == f"https://{DOMAIN} https://admin.shopify.com"
    assert policy["script-src"] == "'self' https://cdn.shopify.com/shopifycloud/app-bridge.js"


def test_an_unexpected_error_is_a_page_without_details(settings: Settings) -> None:
    app = create_app(settings)
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/broken-on-purpose")
    def broken() -> str:
        raise RuntimeError("the secret inside")

    response = app.test_client().get("/broken-on-purpose")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "Something went wrong" in response.text
