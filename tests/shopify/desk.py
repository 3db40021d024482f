"""One installed shop whose transfers are planned, sent, and compared with the account in the sandbox."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from flask import Flask

from app.config import current_settings
from app.db import db, transaction
from app.engine.flows import staff
from app.engine.flows import transfer as books
from app.engine.flows.earn import record_orders
from app.engine.flows.terms import publish_default
from app.engine.rules.states import TransferKind, TransferState
from app.models import Customer, Shop, Transfer
from app.shopify.install import ensure_installed
from app.shopify.orders import OrderTold
from app.shopify.session_tokens import verify_session_token
from app.shopify.transfer_books import HearOrders
from app.shopify.transfers import SendReport, send_due
from sandbox.credit import CreditAccount, CreditTransaction
from sandbox.server import Sandbox
from sandbox.tokens import mint_session_token
from tests.people import hire_cast

CREDIT, DEBIT = TransferKind.CREDIT, TransferKind.DEBIT
STAFF = "staff:7"


class MovedClock:
    """The time as the app sees it: it moves by hand alone, so that a slow machine comes no later than a fast one.

    The sandbox's moves with it, and goes on by itself.
    """

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self._now

    def advance(self, seconds: int) -> None:
        self._now += timedelta(seconds=seconds)
        self._box.world.clock.advance(seconds)


@dataclass(frozen=True)
class Buyer:
    """A customer that the sandbox and the app both know: our id, and Shopify's."""

    id: int
    shopify_id: int


class Desk:
    """Plans and sends transfers of one shop."""

    def __init__(self, app: Flask, box: Sandbox, clock: MovedClock) -> None:
        self.app = app
        self.box = box
        self.clock = clock
        self.sandbox_shop = box.world.main
        self.shop_id = install(box, clock())
        self._numbers = count(1)

    def agree_to_far_expiry(self, agreed: bool = True) -> None:
        with transaction() as session:
            session.get_one(Shop, self.shop_id).far_expiry_agreed = agreed

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """Let the app wait two seconds for an answer and no longer."""
        patient = self.app.config["SETTINGS"]
        self.app.config["SETTINGS"] = replace(patient, shopify_timeout_seconds=2)
        yield
        self.app.config["SETTINGS"] = patient

    def use_version(self, version: str) -> None:
        """Let the app speak an API version from now on."""
        self.app.config["SETTINGS"] = replace(self.app.config["SETTINGS"], shopify_api_version=version)

    def customer(self) -> Buyer:
        """Return a customer without store credit."""
        number = next(self._numbers)
        known = self.sandbox_shop.add_customer(f"customer-{number}@example.com", "Ada", "Example", [])
        with transaction() as session:
            row = Customer(shop_id=self.shop_id, shopify_id=known.id, created_at=self.clock())
            session.add(row)
            session.flush()
            return Buyer(row.id, known.id)

    def plan(self, customer: Buyer, minor: int, kind: TransferKind = CREDIT, currency: str = "USD") -> int:
        """Plan a transfer and return its id."""
        with transaction() as session:
            row = Transfer(
                shop_id=self.shop_id,
                key=f"{kind}:{next(self._numbers)}",
                customer_id=customer.id,
                kind=kind,
                currency=currency,
                amount_minor=minor,
                state=TransferState.PLANNED,
                created_at=self.clock(),
            )
            session.add(row)
            session.flush()
            return row.id

    def send(
        self,
        workers: int = 1,
        batch: int = 1,
        books: Any = books,
        clock: Callable[[], datetime] | None = None,
        hear: HearOrders | None = None,
    ) -> SendReport:
        """Send what is due, one request for each transfer unless a batch is given."""
        return send_due(
            self.shop_id,
            books,
            hear_orders=hear or self.hear,
            workers=workers,
            batch=batch,
            clock=clock or self.clock,
        )

    def hear(self, shop_id: int, told: Sequence[OrderTold]) -> None:
        """Let the books hear of orders at once."""
        with transaction(shop_id) as session:
            shop = session.get_one(Shop, shop_id)
            record_orders(session, shop, [each.order for each in told], self.clock())

    def send_until_done(self, limit: int = 100, batch: int = 1, workers: int = 1) -> Counter[str]:
        """Send, moving the clock to whatever is due next, until nothing is."""
        outcomes: Counter[str] = Counter()
        for _ in range(limit):
            report = self.send(workers, batch)
            outcomes += report.outcomes
            if report.next_due_at is None:
                return outcomes
            wait = (report.next_due_at - self.clock()).total_seconds()
            self.clock.advance(max(int(wait) + 1, 0))
        raise AssertionError(f"There is still something to send after {limit} runs: {outcomes}")

    def row(self, transfer_id: int) -> Transfer:
        """Return a transfer as the database has it now."""
        db.session.rollback()
        return db.session.get(Transfer, transfer_id, populate_existing=True)

    def rows(self, ids: Sequence[int]) -> list[Transfer]:
        return [self.row(transfer_id) for transfer_id in ids]

    def account(self, customer: Buyer, currency: str = "USD") -> CreditAccount:
        """Return the sandbox's account of a customer, opened now unless it exists."""
        with self.sandbox_shop.lock:
            return self.sandbox_shop.credit.open(self.sandbox_shop.get_customer(customer.shopify_id), currency)

    def amounts(self, customer: Buyer, currency: str = "USD") -> list[int]:
        """Return the amounts of the account's transactions, oldest first."""
        return [entry.amount_minor for entry in self.account(customer, currency).transactions]

    def give(self, customer: Buyer, minor: int, currency: str = "USD") -> CreditTransaction:
        """Credit a customer as somebody else than the app would."""
        account = self.account(customer, currency)
        with self.sandbox_shop.lock:
            return self.sandbox_shop.credit.credit(account, minor, self.box.world.clock.now(), None)

    def take(self, customer: Buyer, minor: int) -> CreditTransaction:
        """Spend a customer's credit at a checkout."""
        account = self.account(customer)
        with self.sandbox_shop.lock:
            return self.sandbox_shop.credit.debit(account, minor, self.box.world.clock.now(), "ORDER_PAYMENT")

    def faults(self, *upcoming: str, seconds: float = 0, **rates: float) -> None:
        """Let the next store-credit mutations fail like this; without seconds a hanging call hangs up at once."""
        self.box.world.faults.change({"next": list(upcoming), "seconds": seconds, **rates})


def session_token(box: Sandbox, shop: str | None = None, seconds: int = 60) -> str:
    """Return a session token as the sandbox's admin frame hands it out."""
    options = box.options
    return mint_session_token(options, shop or options.shop, 7, "a-session", seconds)


def install(box: Sandbox, now: datetime, shop: str | None = None) -> int:
    """Open the app in a sandbox shop and return the shop's id."""
    raw = session_token(box, shop)
    shop_id = ensure_installed(verify_session_token(raw, current_settings()), raw, now, publish_default)
    with transaction() as session:
        if not staff.list_staff(session, shop_id):
            hire_cast(session, shop_id)
    return shop_id
