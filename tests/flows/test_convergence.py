"""Whatever the order and number of deliveries, the books end the same: DESIGN idea 2, on a real database."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count, groupby
from random import Random

from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.db import transaction
from app.engine.flows import earn, refund, terms
from app.engine.flows.check_books import check_books
from app.engine.ledger import read_balances
from app.engine.rules.facts import OrderFact
from app.engine.rules.states import RewardState, TransferKind
from app.engine.rules.terms import Limits, Mode
from app.models import Customer, Order, Reward, Shop, Transfer
from tests.flows.story import Fact, Story, shaken

NOW = datetime(2026, 11, 1, tzinfo=UTC)
#: Hypothesis plays an example more than once; each play is a shop of its own.
PLAYS = count(1)
#: Low enough to cut about every second order of a story.
LIMITS = Limits(day_minor=900, month_minor=4_000, lifetime_minor=9_000)
#: Likewise a reward that limits cut to nothing may have settled before the earlier orders were told.
#: How a reward went away depends on whether it had settled before the news; that it went away does not.
GONE = {RewardState.VOIDED: "gone", RewardState.REVERSED: "gone"}


@given(seed=st.integers(0, 10_000), shake=st.integers(0, 10_000), batch=st.integers(1, 12))
@hypothesis_settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_bad_network_ends_in_the_same_books_as_a_good_one(app: Flask, seed: int, shake: int, batch: int) -> None:
    facts = Story(seed, orders=12).facts
    with app.app_context():
        good = _play("good", facts, batch=1)
        bad = _play("bad", shaken(facts, shake), batch)
    assert bad == good


@given(seed=st.integers(0, 10_000), shake=st.integers(0, 10_000), batch=st.integers(1, 12))
@hypothesis_settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_limits_cut_the_same_orders_in_whatever_order_they_are_told(
    app: Flask, seed: int, shake: int, batch: int
) -> None:
    facts = Story(seed, orders=14).facts
    with app.app_context():
        good = _play("limited", facts, batch=1, limits=LIMITS)
        bad = _play("limited-bad", shaken(facts, shake), batch, limits=LIMITS)
    assert bad == good


def test_the_last_version_alone_ends_in_the_same_books(app: Flask) -> None:
    facts = Story(seed=7, orders=20).facts
    last = {fact.order_id: fact for fact in facts if isinstance(fact, OrderFact)}
    paid = {f.order_id: f for f in facts if isinstance(f, OrderFact) and f.financial_status.was_paid}
    customers = {f.order_id: f for f in reversed(facts) if isinstance(f, OrderFact) and f.customer is not None}
    with app.app_context():
        good = _play("every-version", facts, batch=3)
        bad = _play("the-last-only", [*customers.values(), *paid.values(), *last.values()], batch=5)
    assert bad == good


def test_hundreds_of_orders_with_a_shaken_delivery_end_in_the_same_books(app: Flask) -> None:
    facts = Story(seed=1, orders=250, customers=40).facts
    with app.app_context():
        assert _play("big-bad", shaken(facts, 2), batch=25) == _play("big-good", facts, batch=25)


def _play(name: str, facts: list[Fact], batch: int, **changes: object) -> dict[str, object]:
    """Deliver facts to a shop of their own in batches and return its books, told without ids of ours."""
    with transaction() as session:
        shop = Shop(
            domain=f"{name}-{next(PLAYS)}.myshopify.com",
            name=name,
            currency="USD",
            mode=Mode.AUTOMATIC,
            installed_at=NOW,
        )
        session.add(shop)
        session.flush()
        terms.publish_default(session, shop, "test", NOW)
        if changes:
            current = terms.get_current(session, shop.id, NOW)
            terms.publish(session, shop.id, replace(current, **changes), "test", NOW)  # type: ignore[arg-type]
        shop_id = shop.id
    deliveries = list(facts)
    while deliveries:
        size = Random(len(deliveries)).randint(1, batch)
        head, deliveries = deliveries[:size], deliveries[size:]
        with transaction() as session:
            shop = session.get_one(Shop, shop_id)
            for is_order, group in groupby(head, key=lambda fact: isinstance(fact, OrderFact)):
                flow = earn.record_orders if is_order else refund.record_refunds
                flow(session, shop, list(group), NOW)  # type: ignore[arg-type]  # grouped by kind
    with transaction() as session:
        return _books(session.get_one(Shop, shop_id))


def _books(shop: Shop) -> dict[str, object]:
    with transaction() as session:
        assert [f for f in check_books(session) if f.shop_id == shop.id] == []
        customers = {row.id: row.shopify_id for row in session.scalars(select(Customer).filter_by(shop_id=shop.id))}
        balances = read_balances(session, shop.id, customers, "USD")
        sent: dict[int, int] = defaultdict(int)
        for transfer in session.scalars(select(Transfer).filter_by(shop_id=shop.id)):
            sign = 1 if transfer.kind is TransferKind.CREDIT else -1
            sent[customers[transfer.customer_id]] += sign * transfer.amount_minor
        rewards = session.execute(
            select(Reward, Order.shopify_id).join(Order, Order.id == Reward.order_id).where(Reward.shop_id == shop.id)
        )
        return {
            "balances": {
                customers[customer_id]: {account: minor for account, minor in accounts.items() if minor}
                for customer_id, accounts in balances.items()
            },
            "sent": {customer: minor for customer, minor in sent.items() if minor},
            "rewards": {
                order_id: (
                    GONE.get(reward.state, reward.state) if reward.granted_minor else "nothing",
                    reward.tier_name,
                    reward.spend_minor,
                    reward.granted_minor,
                    reward.reversed_minor,
                    reward.ineligible_reason,
                )
                for reward, order_id in rewards
            },
        }
