"""Months of buying, returning, spending and expiring at random, beside an account that keeps its own arithmetic."""

from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.flows import earn
from app.engine.flows.adjust import propose
from app.engine.flows.expire import expire_due
from app.engine.flows.moves import record_moves
from app.engine.ledger import read_balances
from app.engine.rules.facts import CustomerFact, OrderFact
from app.engine.rules.postings import Account as Ledger
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import Expiry, OwedPolicy, Tier
from app.errors import Refused
from app.models import Customer, ReasonCode
from tests.flows.builders import ADA, BEN, STAFF, Till, day, later, line, order, reading
from tests.flows.shopify_account import Account, Shopify

STEPS = 60


class Walk:
    """Random steps in two customers' months; what happens on their accounts is heard of late and out of order."""

    def __init__(self, till: Till, seed: int, *, by_hand: bool) -> None:
        self.till = till
        self.shopify = Shopify(till, ADA, BEN)
        self.random = Random(seed)
        self.now = day(0)
        self.orders: list[OrderFact] = []
        self.kinds: list[Callable[[], None]] = [
            self.buy, self.buy, self.cancel, self.carry_out, self.carry_out, self.redeem, self.redeem, self.give_back,
            self.hear, self.expire,
        ]  # fmt: skip
        self.kinds += [self.adjust, self.outside] if by_hand else []
        for who in (ADA, BEN):
            self.buy(who)

    def step(self) -> None:
        """Take one step, some hours or days after the last."""
        self.now += timedelta(hours=self.random.choice([0, 1, 5, 30, 80]), seconds=1)
        self.random.choice(self.kinds)()
        self.till.check()

    def buy(self, who: CustomerFact | None = None) -> None:
        number = len(self.orders) + 1
        who = who or self.random.choice([ADA, BEN])
        fact = order(number, line(number, self.random.choice([1_000, 5_000, 12_345])), customer=who)
        self.orders.append(later(fact, 0, placed_at=self.now))
        self.tell(self.orders[-1])

    def cancel(self) -> None:
        if self.orders:
            place = self.random.randrange(len(self.orders))
            self.orders[place] = self.cancelled(self.orders[place])
            self.tell(self.orders[place])

    def cancelled(self, fact: OrderFact) -> OrderFact:
        if fact.cancelled_at is not None:
            return fact
        return later(fact, cancelled_at=self.now)

    def tell(self, fact: OrderFact) -> None:
        self.till.run(lambda session, shop: earn.record_orders(session, shop, [fact], self.now))

    def carry_out(self) -> None:
        self.shopify.carry_out(self.now, self.random.choice([1, 2, 20]))

    def redeem(self) -> None:
        self.account().redeem(self.random.choice([30, 100, 250]), self.now)

    def give_back(self) -> None:
        self.account().give_back(self.random.choice([30, 100, 250]), self.now)

    def outside(self) -> None:
        self.account().outside(self.random.choice([40, -60]), self.now)

    def hear(self) -> None:
        account = self.account()
        account.balance(self.now)
        if account.unheard:
            some = self.random.sample(account.unheard, self.random.randint(1, len(account.unheard)))
            again = self.random.sample(account.heard, min(2, len(account.heard)))
            account.heard += some
            account.unheard = [move for move in account.unheard if move not in some]
            self.till.run(lambda session, shop: record_moves(session, shop, [*some, *again], self.now))

    def expire(self) -> None:
        self.till.run(lambda session, shop: expire_due(session, shop, self.now, limit=self.random.choice([1, 5])))

    def adjust(self) -> None:
        kind = self.random.choice(list(TransferKind))
        shopify_id = self.account().customer.customer_id

        def flow(session: Session) -> None:
            customer_id = session.scalar(select(Customer.id).where(Customer.shopify_id == shopify_id))
            if customer_id is not None:
                minor, key = self.random.choice([20, 150]), str(self.now)
                reason = ReasonCode.GOODWILL
                propose(session, self.till.id, customer_id, kind, minor, reason, "", STAFF, self.now, key)

        try:
            self.till.run(lambda session, _: flow(session))
        except Refused as refusal:
            assert "take at most that" in str(refusal)  # noqa: PT017 - what is refused is drawn at random

    def account(self) -> Account:
        return self.shopify.accounts[self.random.choice([ADA, BEN]).customer_id]

    def balances(self) -> dict[int, dict[Ledger, int]]:
        """Return balances by Shopify's id of the customer."""
        with reading() as session:
            ids = {row.id: row.shopify_id for row in session.scalars(select(Customer))}
            held = read_balances(session, self.till.id, ids.keys(), "USD")
            return {ids[customer_id]: dict(balances) for customer_id, balances in held.items()}

    def end(self) -> None:
        """Let everything be carried out and heard of: the books must hold what Shopify does."""
        self.now = self.shopify.finish(self.now)
        for shopify_id, held in self.balances().items():
            assert held.get(Ledger.AVAILABLE, 0) == self.shopify.accounts[shopify_id].balance(self.now), shopify_id
        self.till.check()


@pytest.mark.parametrize("policy", [OwedPolicy.OFFSET, OwedPolicy.FORGIVE])
@pytest.mark.parametrize("seed", range(2))
def test_the_books_hold_what_shopify_holds_whatever_is_heard_of_late(shop: Till, seed: int, policy: OwedPolicy) -> None:
    tiers = (Tier("Only", 0, 200),)
    shop.publish(on=-1, expiry=Expiry(days=7), owed=policy, tiers=tiers, debit_may_owe=bool(seed % 2))
    walk = Walk(shop, seed, by_hand=True)
    for _ in range(STEPS):
        walk.step()
    walk.end()


@pytest.mark.parametrize("seed", [0, 1, 200, 201])
def test_when_every_order_went_back_the_customer_owes_what_was_spent_and_not_a_cent_more(shop: Till, seed: int) -> None:
    shop.publish(on=-1, expiry=Expiry(days=7), tiers=(Tier("Only", 0, 200),))
    walk = Walk(shop, seed, by_hand=False)
    for _ in range(STEPS):
        walk.step()
    walk.end()
    for place, fact in enumerate(walk.orders):
        walk.orders[place] = walk.cancelled(fact)
        walk.tell(walk.orders[place])
    walk.end()
    for held in walk.balances().values():
        assert held.get(Ledger.PROMISED, 0) == 0
        assert held.get(Ledger.EXPIRED, 0) == 0
        had = held.get(Ledger.AVAILABLE, 0) + held.get(Ledger.OWED, 0)
        assert had == -held.get(Ledger.REDEEMED, 0)
