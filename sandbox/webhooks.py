"""Webhooks on their way to the app: lanes that keep order, retries that back off, a log."""

import heapq
import itertools
import threading
import time
import uuid
from collections import deque
from datetime import UTC, datetime
from queue import SimpleQueue

from sandbox.delivery import TIMEOUT_SECONDS, Answer, Delivery, Wire, headers_for
from sandbox.faults import Faults
from sandbox.options import Options

RETRIES = 8
KEPT = 5_000
REORDER_SECONDS = (0.05, 0.5)


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
        if self._faults.happens("lose"):
            delivery.faults.append("lose")
            self._finish(delivery, "failed")
            return
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
        self._finish(delivery, "delivered" if answer.is_accepted else "failed")
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
            if answer.is_accepted:
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
