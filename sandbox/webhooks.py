"""Signed webhooks on their way to the app: lanes that keep order, retries that back off, a log."""

import base64
import hashlib
import heapq
import hmac
import http.client
import itertools
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import SimpleQueue
from urllib.parse import urlsplit

from sandbox.clock import millisecond_text, utc_text
from sandbox.faults import Faults
from sandbox.options import Options

API_VERSION = "2026-10"
PATH = "/webhooks/shopify"
TIMEOUT_SECONDS = 5
RETRIES = 8
KEPT = 5_000
REORDER_SECONDS = (0.05, 0.5)


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
        "X-Shopify-Triggered-At": utc_text(delivery.triggered_at) or "",
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


class Dispatcher:
    """Delivers webhooks; those of one customer or order go one after the other, in one lane."""

    def __init__(self, options: Options, faults: Faults) -> None:
        self._options = options
        self._faults = faults
        self._lock = threading.Condition()
        self._seq = itertools.count(1)
        self._log: deque[Delivery] = deque(maxlen=KEPT)
        self._waiting = 0
        self._generation = 0
        self._timers: list[tuple[float, int, Delivery]] = []
        self._ticket = itertools.count()
        self._stopped = False
        self._lanes: list[SimpleQueue[Delivery | None]] = [SimpleQueue() for _ in range(options.delivery_threads)]
        self._threads = [threading.Thread(target=self._run_lane, args=(lane,), daemon=True) for lane in self._lanes]
        self._threads.append(threading.Thread(target=self._run_timers, daemon=True))
        for thread in self._threads:
            thread.start()

    def send(self, shop: str, topic: str, body: bytes, lane: int, event_id: str, triggered_at: datetime) -> None:
        """Put one webhook on its way, through the faults that are switched on."""
        delivery = self._record(shop, topic, body, lane, str(uuid.uuid4()), event_id, triggered_at)
        delay = self._faults.plan.delay_ms / 1000
        if self._faults.happens("drop"):
            delivery.faults.append("drop")
            delay += self._options.retry_seconds
        elif self._faults.happens("reorder"):
            delivery.faults.append("reorder")
            delay += self._faults.uniform(*REORDER_SECONDS)
        self._enqueue(delivery, delay)
        if self._faults.happens("duplicate"):
            again = self._record(shop, topic, body, lane, delivery.webhook_id, event_id, triggered_at)
            again.faults.append("duplicate")
            self._enqueue(again, delay + self._faults.uniform(0, 0.2))

    def deliver_now(
        self, shop: str, topic: str, body: bytes, webhook_id: str | None, headers: dict[str, str], secret: str
    ) -> Answer:
        """Sign exactly these bytes, send them once and wait for the answer."""
        now = datetime.now(UTC)
        delivery = self._record(shop, topic, body, 0, webhook_id or str(uuid.uuid4()), str(uuid.uuid4()), now)
        answer = Wire(self._options.app_url).post(body, {**headers_for(delivery, secret), **headers})
        self._note(delivery, answer)
        self._finish(delivery, "delivered" if _accepted(answer) else "failed")
        return answer

    def list(self, since: int, topic: str | None, status: str | None, limit: int) -> list[Delivery]:
        """Return the latest deliveries, newest first."""
        with self._lock:
            found = [
                delivery
                for delivery in reversed(self._log)
                if delivery.seq > since and topic in (None, delivery.topic) and status in (None, delivery.status)
            ]
        return found[:limit]

    @property
    def waiting(self) -> int:
        """How many deliveries are neither delivered nor given up."""
        with self._lock:
            return self._waiting

    @property
    def last_seq(self) -> int:
        """The number of the newest delivery."""
        with self._lock:
            return self._log[-1].seq if self._log else 0

    def wait_below(self, limit: int, seconds: float) -> bool:
        """Wait until fewer than `limit` deliveries are waiting; say whether that came true."""
        with self._lock:
            return self._lock.wait_for(lambda: self._waiting < limit or self._stopped, seconds)

    def forget(self) -> None:
        """Empty the log and give up what is waiting."""
        with self._lock:
            self._log.clear()
            self._timers.clear()
            self._waiting = 0
            self._generation += 1
            self._lock.notify_all()

    def stop(self) -> None:
        """End all threads."""
        with self._lock:
            self._stopped = True
            self._lock.notify_all()
        for lane in self._lanes:
            lane.put(None)
        for thread in self._threads:
            thread.join(timeout=TIMEOUT_SECONDS + 1)

    def _record(
        self, shop: str, topic: str, body: bytes, lane: int, webhook_id: str, event_id: str, at: datetime
    ) -> Delivery:
        with self._lock:
            seq, now = next(self._seq), datetime.now(UTC)
            delivery = Delivery(seq, shop, topic, body, lane, webhook_id, event_id, at, now, self._generation)
            self._log.append(delivery)
            self._waiting += 1
            return delivery

    def _enqueue(self, delivery: Delivery, delay: float) -> None:
        if delay <= 0:
            self._lanes[delivery.lane % len(self._lanes)].put(delivery)
            return
        with self._lock:
            heapq.heappush(self._timers, (time.monotonic() + delay, next(self._ticket), delivery))
            self._lock.notify_all()

    def _run_lane(self, lane: "SimpleQueue[Delivery | None]") -> None:
        wire = Wire(self._options.app_url)
        while (delivery := lane.get()) is not None:
            if delivery.generation != self._generation:
                continue
            answer = wire.post(delivery.body, headers_for(delivery, self._options.client_secret))
            self._note(delivery, answer)
            if _accepted(answer):
                self._finish(delivery, "delivered")
            elif delivery.attempts > RETRIES:
                self._finish(delivery, "failed")
            else:
                delivery.status = "retrying"
                self._enqueue(delivery, self._options.retry_seconds * 2 ** (delivery.attempts - 1))

    def _run_timers(self) -> None:
        with self._lock:
            while not self._stopped:
                wait = self._timers[0][0] - time.monotonic() if self._timers else None
                if wait is None or wait > 0:
                    self._lock.wait(wait)
                    continue
                _, _, delivery = heapq.heappop(self._timers)
                self._lanes[delivery.lane % len(self._lanes)].put(delivery)

    def _note(self, delivery: Delivery, answer: Answer) -> None:
        delivery.attempts += 1
        delivery.http_status = answer.status
        delivery.duration_ms = answer.duration_ms
        delivery.error = answer.error

    def _finish(self, delivery: Delivery, status: str) -> None:
        with self._lock:
            delivery.status = status
            delivery.delivered_at = datetime.now(UTC)
            if delivery.generation == self._generation:
                self._waiting -= 1
                self._lock.notify_all()


def _accepted(answer: Answer) -> bool:
    return answer.status is not None and 200 <= answer.status < 300


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
