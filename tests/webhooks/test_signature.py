"""Only what the app's client secret signed is stored; the secret may be rotated."""

import base64
import hashlib
import hmac
from dataclasses import replace

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from shopify_app import ShopifyApp

from app import create_app
from app.config import Settings
from app.models import Shop
from app.webhooks.signature import is_signed
from tests.webhooks.conftest import Inbox
from tests.webhooks.sending import ROUTE, SHOP, Sender, example_bytes, signature_of

OLD_SECRET = "the-secret-of-last-month"


@pytest.fixture
def rotating(app: Flask, settings: Settings) -> Flask:
    return create_app(replace(settings, shopify_old_client_secret=OLD_SECRET))


def test_a_body_signed_with_the_current_secret_is_stored(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    assert sender.send("orders/paid").status_code == 200
    assert [(row.shop_id, row.topic, row.body) for row in inbox()] == [
        (shop.id, "orders/paid", example_bytes("orders/paid"))
    ]


def test_a_body_signed_with_the_old_secret_is_stored_while_the_secret_is_rotated(
    shop: Shop, rotating: Flask, settings: Settings, inbox: Inbox
) -> None:
    client = rotating.test_client()
    assert Sender(client, OLD_SECRET).send("orders/paid").status_code == 200
    assert Sender(client, settings.shopify_client_secret).send("orders/paid").status_code == 200
    assert len(inbox()) == 2


def test_the_old_secret_is_worth_nothing_once_it_is_taken_out(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    assert Sender(sender.client, OLD_SECRET).send("orders/paid").status_code == 401
    assert inbox() == []


def test_one_changed_byte_is_refused_and_nothing_is_stored(shop: Shop, sender: Sender, inbox: Inbox) -> None:
    raw = example_bytes("orders/paid")
    changed = raw.replace(b'"136.92"', b'"936.92"', 1)
    response = sender.client.post(ROUTE, data=changed, headers=sender.headers(raw, "orders/paid"))
    assert response.status_code == 401
    assert response.get_json() == {"error": "The signature does not fit the body."}
    assert inbox() == []


@pytest.mark.parametrize("signature", ["x", "=" * 44, "é" * 20, "0" * 64, signature_of(b"", "")])
def test_nonsense_as_signature_is_refused(shop: Shop, sender: Sender, inbox: Inbox, signature: str) -> None:
    raw = example_bytes("orders/paid")
    headers = {**sender.headers(raw, "orders/paid"), "X-Shopify-Hmac-Sha256": signature}
    assert sender.client.post(ROUTE, data=raw, headers=headers).status_code == 401
    assert inbox() == []


def test_a_signature_in_hex_is_not_shopifys(shop: Shop, sender: Sender, settings: Settings) -> None:
    raw = example_bytes("orders/paid")
    digest = hmac.new(settings.shopify_client_secret.encode(), raw, hashlib.sha256).hexdigest()
    headers = {**sender.headers(raw, "orders/paid"), "X-Shopify-Hmac-Sha256": digest}
    assert sender.client.post(ROUTE, data=raw, headers=headers).status_code == 401


def test_an_empty_secret_signs_nothing() -> None:
    assert not is_signed(b"{}", signature_of(b"{}", ""), ("", ""))


@given(
    body=st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    signed_with=st.sampled_from(["current", OLD_SECRET, "another"]),
    spoilt=st.booleans(),
)
def test_our_verdict_is_that_of_shopifys_own_library(body: str, signed_with: str, spoilt: bool) -> None:
    signature = signature_of(body.encode(), signed_with)
    if spoilt:
        signature = base64.b64encode(base64.b64decode(signature)[::-1]).decode()
    theirs = ShopifyApp("client-id", "current", OLD_SECRET).verify_webhook_req(
        {
            "method": "POST",
            "url": f"https://app.example.com{ROUTE}",
            "headers": {"X-Shopify-Hmac-Sha256": signature, "X-Shopify-Shop-Domain": SHOP},
            "body": body,
        }
    )
    assert is_signed(body.encode(), signature, ("current", OLD_SECRET)) == theirs.ok
