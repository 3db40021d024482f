"""A sender of webhooks for the tests: signs with the standard library alone, so that it shares no code with the app."""

import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

BODIES = Path(__file__).parent / "bodies"
SHOP = "harbour-and-loom.myshopify.com"
ROUTE = "/webhooks/shopify"


def example_bytes(topic: str) -> bytes:
    """Return the made-up example body of a topic."""
    return (BODIES / f"{topic.replace('/', '_')}.json").read_bytes()


def example(topic: str) -> dict[str, Any]:
    """Return the made-up example body of a topic, to be changed."""
    body: dict[str, Any] = json.loads(example_bytes(topic))
    return body


def signature_of(raw: bytes, secret: str) -> str:
    """Return what Shopify would send as signature."""
    return base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()


@dataclass(frozen=True)
class Sender:
    """Sends signed webhooks to the app."""

    client: FlaskClient
    secret: str

    def headers(self, raw: bytes, topic: str, webhook_id: str | None = None, shop: str = SHOP) -> dict[str, str]:
        """Return the headers Shopify sends with a body."""
        return {
            "Content-Type": "application/json",
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-Sha256": signature_of(raw, self.secret),
            "X-Shopify-Shop-Domain": shop,
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Webhook-Id": webhook_id or str(uuid.uuid4()),
            "X-Shopify-Triggered-At": "2026-03-02T17:31:08.123456789Z",
        }

    def send(
        self, topic: str, body: bytes | dict[str, Any] | None = None, webhook_id: str | None = None, shop: str = SHOP
    ) -> TestResponse:
        """Send a body (the topic's example by default) as Shopify would."""
        if body is None:
            body = example_bytes(topic)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(ROUTE, data=raw, headers=self.headers(raw, topic, webhook_id, shop))
