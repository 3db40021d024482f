"""The stage of the stories that go through the features row by row: one shop, its people, and a clock moved by hand.

Everything is done twice, and the books are checked after every step, as the till of the flows' tests does.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import db
from app.engine.flows import adjust, catalogue, claims, customers, details, expire, program, review, settle, tier_runs
from app.engine.flows.statements import StatementRead, list_statements, read_statement
from app.engine.rules import explain
from app.engine.rules.facts import (
    CustomerFact,
    CustomerTold,
    DisputeFact,
    OrderFact,
    PaymentFact,
    ProductFact,
    RiskFact,
)
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import Mode, Tier
from app.errors import Refused
from app.models import Customer, ReasonCode, Reward, Shop
from tests.flows.builders import ADA, BIG, STAFF, Till, all_rows, day, reading

CID = CustomerFact(BIG + 703, "cid@example.com", "Cid Example")
#: One tier for everybody, where a story is not about tiers.
FLAT = (Tier("Everyone", 0, 200),)
SECOND = "staff:8"
#: What the clock asks for, besides the tiers.
DUE: tuple[Callable[..., int], ...] = (
    claims.claim_waiting,
    claims.expire_claims,
    settle.release_holds,
    settle.settle_due,
    expire.expire_due,
    tier_runs.refresh_ended,
)


class Life(Till):
    """A till with all that people, Shopify and the clock do besides orders and refunds."""

    def know(self, *facts: PaymentFact | DisputeFact | RiskFact, on: int) -> None:
        """Tell payments, disputes and risks."""
        self.twice(lambda session, row, now: details.record_details(session, row, facts, now), day(on))

    def stock(self, *products: ProductFact, on: int = 0) -> None:
        """Tell what the catalogue says."""
        known = {product.product_id: product for product in products}
        self.twice(lambda session, row, now: catalogue.record_products(session, row, known, day(on)), day(on))

    def meet(self, who: CustomerFact, on: int, **changes: Any) -> None:
        """Tell about a customer's account; its email is verified unless told otherwise."""
        values = {
            "customer_id": who.customer_id,
            "email": who.email,
            "verified_email": True,
            "name": who.name,
            "tags": None,
            "created_at": day(on),
            "updated_at": day(on),
            **changes,
        }
        told = [CustomerTold(**values)]
        self.twice(lambda session, row, now: customers.record_customers(session, row, told, now), day(on))

    def switch(self, mode: Mode, on: int, waiting: program.Waiting = program.Waiting.KEEP) -> int:
        """Switch the mode; return how many waiting rewards were released."""
        released = self.run(lambda session, row: program.set_mode(session, row.id, mode, waiting, STAFF, day(on)))
        self.check()
        return released

    def night(self, on: int) -> None:
        """Let the clock do all that is due on a day; once more it must find nothing to do."""
        self.work(day(on))
        rows = all_rows()
        self.work(day(on))
        assert all_rows() == rows
        self.check()

    def work(self, now: datetime) -> None:
        """Let the clock do all that is due."""
        for flow in DUE:
            self.run(lambda session, row, flow=flow: flow(session, row, now))
        run_id = self.run(lambda session, row: tier_runs.due_run(session, row, now))
        while run_id is not None and self.run(lambda s, row: tier_runs.recalculate(s, row, run_id, now)):
            pass

    def click(self, verb: Callable[..., Reward], fact: OrderFact, *words: str, on: int) -> None:
        """Let staff decide about an order's reward; the same click again is refused and changes nothing."""
        seen = self.reward(fact)
        self.once(lambda: self.run(lambda s, row: verb(s, row.id, seen.id, seen.version, STAFF, day(on), *words)))

    def set_amount(self, fact: OrderFact, minor: int, reason: str, on: int) -> None:
        """Let staff set another amount for an order."""
        seen = self.reward(fact)
        words = (minor, reason, STAFF, day(on))
        self.once(lambda: self.run(lambda session, row: review.adjust(session, row.id, seen.id, seen.version, *words)))

    def by_hand(self, kind: TransferKind, minor: int, on: int, who: CustomerFact = ADA, **changes: Any) -> int:
        """Give or take credit by hand, asked twice with one key; return the adjustment's id."""
        asked = {"reason": ReasonCode.GOODWILL, "note": "Late parcel.", "actor": STAFF, **changes}
        words = (kind, minor, asked["reason"], asked["note"], asked["actor"])
        whose = self.id_of(who)

        def flow(session: Session, row: Shop, now: datetime) -> int:
            return adjust.propose(session, row.id, whose, *words, now, f"{kind}:{minor}:{on}").id

        return self.twice(flow, day(on))

    def once(self, click: Callable[[], object]) -> None:
        """Do what a person does; when done again it must be refused and change nothing."""
        click()
        self.refused(click)

    def refused(self, what: Callable[[], object]) -> str:
        """Return the sentence with which something is refused; it must change no row."""
        rows = all_rows()
        with pytest.raises(Refused) as caught:
            what()
        assert all_rows() == rows
        self.check()
        return str(caught.value)

    def id_of(self, who: CustomerFact = ADA) -> int:
        """Return our id of a customer."""
        with reading() as session:
            which = (Customer.shop_id == self.id, Customer.shopify_id == who.customer_id)
            return session.scalars(select(Customer.id).where(*which)).one()

    def row(self, fact: OrderFact) -> Reward:
        """Return an order's reward as its row stands, all of it."""
        with reading() as session:
            row = self._reward_row(session, fact)
            session.expunge(row)
            return row

    def state(self, fact: OrderFact) -> str:
        """Return the state of an order's reward, and what holds it."""
        seen = self.reward(fact)
        return seen.state.value if seen.hold is None else f"{seen.state}: {seen.hold}"

    def says(self, fact: OrderFact) -> list[str]:
        """Return what staff and customer read about an order's reward."""
        row = self.row(fact)
        return [explain.sentence(explain.from_json(step), row.currency) for step in row.steps]

    def statements(self, who: CustomerFact = ADA) -> list[StatementRead]:
        """Return a customer's statements, oldest first."""
        customer_id = self.id_of(who)
        with reading() as session:
            rows = list_statements(session, self.id, customer_id)[::-1]
            return [read_statement(session, self.id, row.id) for row in rows]


@pytest.fixture
def shop(app: Flask) -> Iterator[Life]:
    """Return a shop in automatic mode."""
    with app.app_context():
        yield Life("rows.myshopify.com")
        db.session.remove()


@pytest.fixture
def manual_shop(app: Flask) -> Iterator[Life]:
    """Return a shop in which a person decides about every reward."""
    with app.app_context():
        yield Life("rows-by-hand.myshopify.com", mode=Mode.MANUAL)
        db.session.remove()
