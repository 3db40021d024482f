"""One delivery of a webhook: its headers and signature, and the connection it travels on."""

import base64
import hashlib
import hmac
import http.client
import time
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from sandbox.clock import millisecond_text, nanosecond_text

API_VERSION = "2026-10"
PATH = "/webhooks/shopify"
TIMEOUT_SECONDS = 5


@dataclass
class Delivery:
    """One webhook to deliver; `attempts` counts the tries on the wire."""

    seq: int
    shop: str
    topic: str
    body: bytes
    lane: int
    webhook_id: str
    event_id: str
    triggered_at: datetime
    created_at: datetime
    generation: int
    status: str = "waiting"
    attempts: int = 0
    http_status: int | None = None
    duration_ms: int | None = None
    error: str | None = None
    faults: list[str] = field(default_factory=list)
    delivered_at: datetime | None = None

    def show(self) -> dict[str, object]:
        """Return the delivery as the control API shows it."""
        return {
            "seq": self.seq,
            "shop": self.shop,
            "topic": self.topic,
            "webhook_id": self.webhook_id,
            "event_id": self.event_id,
            "status": self.status,
            "attempts": self.attempts,
            "http_status": self.http_status,
            "duration_ms": self.duration_ms,
            "error": self.error,
            "faults": self.faults,
            "created_at": millisecond_text(self.created_at),
            "delivered_at": millisecond_text(self.delivered_at),
            "body": self.body.decode("utf-8", "replace"),
        }


@dataclass
class Answer:
    """What the app said to one attempt."""

    status: int | None
    body: bytes
    duration_ms: int
    error: str | None = None

    @property
    def is_accepted(self) -> bool:
        """Only a status of the 200s counts; a redirect does not."""
        return self.status is not None and 200 <= self.status < 300


def sign(body: bytes, secret: str) -> str:
    """Return the base64 HMAC-SHA256 of exactly these bytes."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def headers_for(delivery: Delivery, secret: str) -> dict[str, str]:
    """Return the headers Shopify sends with a classic webhook."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "Shopify-Captain-Hook",
        "X-Shopify-Topic": delivery.topic,
        "X-Shopify-Hmac-Sha256": sign(delivery.body, secret),
        "X-Shopify-Shop-Domain": delivery.shop,
        "X-Shopify-API-Version": API_VERSION,
        "X-Shopify-Webhook-Id": delivery.webhook_id,
        "X-Shopify-Event-Id": delivery.event_id,
        "X-Shopify-Triggered-At": nanosecond_text(delivery.triggered_at),
    }


class Wire:
    """One kept-open connection to the app, used by one thread."""

    def __init__(self, app_url: str) -> None:
        parts = urlsplit(app_url)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port
        self._path = parts.path.rstrip("/") + PATH
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Send once; a kept connection that the app has closed meanwhile is opened anew."""
        started = time.monotonic()
        reused = self._connection is not None
        try:
            try:
                answer = self._send(body, headers)
            except (http.client.RemoteDisconnected, ConnectionError):
                self._close()
                if not reused:
                    raise
                answer = self._send(body, headers)
            status, content = answer
            return Answer(status, content, _since(started))
        except (OSError, http.client.HTTPException) as problem:
            self._close()
            return Answer(None, b"", _since(started), f"{type(problem).__name__}: {problem}")

    def _send(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._connection = kind(self._host, self._port, timeout=TIMEOUT_SECONDS)
        self._connection.request("POST", self._path, body, headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.will_close:
            self._close()
        return response.status, content

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
