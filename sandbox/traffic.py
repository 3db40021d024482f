"""Made-up business: a year of history in order, and gentle live traffic. Seeded, so that it can be repeated."""

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from sandbox import aftermath, orders, payments, refunds, totals
from sandbox.catalogue import Crowd
from sandbox.errors import BadInput
from sandbox.events import Announcer
from sandbox.models import Order
from sandbox.refunds import RefundRequest
from sandbox.requests_in import Person
from sandbox.state import Shop, World
from sandbox.webhooks import Dispatcher

AHEAD = 300
"""How many webhooks of a history may wait for delivery at a time."""
PATIENCE_SECONDS = 0.5
ORDERS_PER_CUSTOMER = 8
FEWEST_CUSTOMERS = 12
SHARES = {
    "refund": 0.08,
    "money_back": 0.01,
    "cancel": 0.02,
    "pay_later": 0.04,
    "edit": 0.02,
    "fulfil": 0.1,
    "dispute": 0.01,
}
Step = Callable[[], None]


class Traffic:
    """Makes up orders and what becomes of them, in threads of its own."""

    def __init__(self, world: World, announcer: Announcer, dispatcher: Dispatcher) -> None:
        self._world = world
        self._announcer = announcer
        self._dispatcher = dispatcher
        self._stopping = threading.Event()
        self._live_stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._running = False
        self._made = 0
        self._wanted = 0

    def start_history(self, shop: Shop, count: int, days: int) -> None:
        """Make `count` orders over the past `days`, in the background, one after the other."""
        if self._running:
            raise BadInput("A history is being made; GET /sandbox/history shows how far it is.")
        self._stopping = threading.Event()
        self._running, self._made, self._wanted = True, 0, count
        self._start(lambda: self._make_history(shop, count, days))

    def every(self, seconds: float) -> None:
        """Let something happen every so many seconds in the main shop; 0 stops."""
        self._live_stopping.set()
        self._live_stopping = stopping = threading.Event()
        if seconds > 0:
            self._start(lambda: self._run_live(seconds, stopping))

    def progress(self) -> dict[str, object]:
        """Return how far the history has come, and what is still to be delivered."""
        waiting = self._dispatcher.waiting + self.orders_to_make
        return {"running": self._running, "orders": self._made, "wanted": self._wanted, "waiting": waiting}

    @property
    def orders_to_make(self) -> int:
        """How many orders a running history has still to make; at least 1 as long as it runs."""
        return max(1, self._wanted - self._made) if self._running else 0

    def stop(self) -> None:
        """End history and live traffic."""
        self._stopping.set()
        self._live_stopping.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _start(self, work: Step) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _make_history(self, shop: Shop, count: int, days: int) -> None:
        crowd = Crowd(shop.random, max(FEWEST_CUSTOMERS, count // ORDERS_PER_CUSTOMER))
        now = shop.clock.now()
        moments = sorted(now - timedelta(days=days) * shop.random.random() for _ in range(count))
        ticket = itertools.count()
        agenda: list[tuple[datetime, int, Step]] = []

        def plan(at: datetime, step: Step) -> None:
            if at < now:
                heapq.heappush(agenda, (at, next(ticket), step))

        for moment in moments:
            plan(moment, lambda at=moment: self._past_order(shop, crowd, at, plan))  # type: ignore[misc]
        try:
            while agenda and not self._stopping.is_set():
                _, _, step = heapq.heappop(agenda)
                with shop.lock:
                    step()
                while not self._dispatcher.wait_below(AHEAD, PATIENCE_SECONDS) and not self._stopping.is_set():
                    continue
        finally:
            self._running = False

    def _past_order(self, shop: Shop, crowd: Crowd, at: datetime, plan: Callable[[datetime, Step], None]) -> None:
        draw = shop.random
        fate = draw.choices((*SHARES, "kept"), (*SHARES.values(), 1 - sum(SHARES.values())))[0]
        order = orders.place(shop, crowd.order(shop.currency, at, paid=fate != "pay_later"))
        self._announcer.placed(shop, order)
        self._made += 1
        later = at + timedelta(hours=draw.uniform(1, 24 * 20))
        if fate == "pay_later":
            plan(later, lambda: self._pay(shop, order, later))
        elif fate in ("refund", "money_back"):
            plan(later, lambda: self._refund(shop, order, later, in_money=fate == "money_back"))
        elif fate == "cancel":
            plan(later, lambda: self._cancel(shop, order, later))
        elif fate == "edit":
            plan(later, lambda: self._edit(shop, order, later))
        elif fate == "fulfil":
            plan(later, lambda: self._fulfil(shop, order, later))
        elif fate == "dispute":
            plan(later, lambda: self._dispute(shop, order, later, plan))
        elif order.customer is None and draw.random() < 0.3:
            plan(later, lambda: self._assign(shop, order, later))

    def _run_live(self, seconds: float, stopping: threading.Event) -> None:
        shop = self._world.main
        crowd = Crowd(shop.random, FEWEST_CUSTOMERS * 2)
        while not stopping.wait(seconds * shop.random.uniform(0.6, 1.4)):
            with shop.lock:
                self._live_step(shop, crowd)

    def _live_step(self, shop: Shop, crowd: Crowd) -> None:
        draw = shop.random
        recent = [order for order in list(shop.orders.values())[-40:] if order.cancelled_at is None]
        paid = [order for order in recent if order.paid_at is not None and not order.refunds]
        pending = [order for order in recent if order.paid_at is None]
        chance = draw.random()
        if chance < 0.08 and paid:
            self._refund(shop, draw.choice(paid), None, in_money=False)
        elif chance < 0.10 and paid:
            self._cancel(shop, draw.choice(paid), None)
        elif chance < 0.16 and pending:
            self._pay(shop, draw.choice(pending), None)
        elif chance < 0.22 and shop.credit.accounts:
            self._spend(shop)
        else:
            order = orders.place(shop, crowd.order(shop.currency, None, paid=draw.random() > 0.05))
            self._announcer.placed(shop, order)

    def _pay(self, shop: Shop, order: Order, at: datetime | None) -> None:
        payments.pay(shop, order, at)
        self._announcer.paid(shop, order)

    def _refund(self, shop: Shop, order: Order, at: datetime | None, *, in_money: bool) -> None:
        kept = [line for line in order.lines if line.kept]
        left = totals.received(order) - totals.refunded(order)
        if not kept or left <= 0:
            return
        if in_money:
            wanted = RefundRequest((), 0, max(1, left // 10), "A small apology")
        else:
            line = shop.random.choice(kept)
            quantity = shop.random.randint(1, line.kept)
            wanted = RefundRequest(((line, quantity),), 0, 0, "Sent back", "return")
        self._announcer.refunded(shop, refunds.refund(shop, order, wanted, at))

    def _cancel(self, shop: Shop, order: Order, at: datetime | None) -> None:
        made = refunds.cancel(shop, order, "customer", True, at)
        self._announcer.cancelled(shop, order, made)

    def _edit(self, shop: Shop, order: Order, at: datetime | None) -> None:
        line = shop.random.choice(order.lines)
        changes = orders.edit(shop, order, (), [(line, line.kept - 1)], at)
        self._announcer.edited(shop, order, changes)
        back = -totals.outstanding(order)
        if back > 0:
            wanted = RefundRequest((), 0, back, "Removed from the order")
            self._announcer.refunded(shop, refunds.refund(shop, order, wanted, at))

    def _fulfil(self, shop: Shop, order: Order, at: datetime) -> None:
        if any(line.fulfillable for line in order.lines):
            self._announcer.fulfilled(shop, aftermath.fulfil(shop, order, [], at))

    def _dispute(self, shop: Shop, order: Order, at: datetime, plan: Callable[[datetime, Step], None]) -> None:
        made = aftermath.dispute(shop, order, "chargeback", "fraudulent", None, "needs_response", at)
        self._announcer.disputed(shop, made, at, is_new=True)
        decided, status = at + timedelta(days=20), shop.random.choice(("won", "lost"))

        def decide() -> None:
            aftermath.move_dispute(made, made.type, status, decided)
            self._announcer.disputed(shop, made, decided, is_new=False)

        plan(decided, decide)

    def _assign(self, shop: Shop, order: Order, at: datetime) -> None:
        number = shop.random.randrange(10_000)
        person = Person(None, f"late.{number}@example.com", "Late", f"Comer {number}")
        orders.assign(shop, order, person, at)
        self._announcer.updated(shop, order)

    def _spend(self, shop: Shop) -> None:
        account = shop.random.choice(list(shop.credit.accounts.values()))
        minor = account.balance_minor // 2
        if minor > 0:
            payments.spend(shop, account.owner, minor, account.currency)
