"""Bring rewards to their target: compute what each order should earn now and book the difference.

Whatever arrives, late, twice or out of order, ends here, so the books depend on what is known and not on
how it came to be known. See ``engine/README.md`` for the rules and DESIGN idea 2 for the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.cases import Case, read_cases
from app.engine.programme import Programme
from app.engine.rules.explain import to_json as step_to_json
from app.engine.rules.holds import decide_hold
from app.engine.rules.reward import Target, compute_target
from app.engine.rules.states import BOOKED_PENDING, BOOKED_SETTLED, RewardState, check_move
from app.engine.rules.terms import Mode, Terms, Tier
from app.engine.settlement import Journal
from app.engine.spend import SpendHistory, read_later_orders, rewrite_spend
from app.models import Order, Reward, Shop

SYSTEM = "system"


def reassess(session: Session, shop: Shop, orders: Sequence[Order], now: datetime) -> None:
    """Bring the rewards of these orders, and of later orders whose tier they change, to their targets.

    The caller holds the locks of the orders and of their customers.
    """
    changed = {case.order.id: case for case in read_cases(session, shop, orders)}
    earliest = rewrite_spend(session, shop, list(changed.values()))
    later = [order for order in read_later_orders(session, shop, earliest) if order.id not in changed]
    cases = [*changed.values(), *read_cases(session, shop, later)]
    cases.sort(key=lambda case: (case.fact.placed_at, case.order.id))
    spend = SpendHistory(session, shop, [case.order.customer_id for case in cases if case.order.customer_id])
    rewards = _read_rewards(session, shop, cases)
    programme = Programme(session, shop)
    customers = {case.order.customer_id for case in cases if case.order.customer_id}
    customers |= {reward.customer_id for reward in rewards.values() if reward.customer_id}
    journal = Journal(session, shop, customers, actor=SYSTEM, now=now)
    fresh = []
    for case in cases:
        reward = rewards.get(case.order.id)
        terms = programme.version(reward.terms_version) if reward else programme.at(case.fact.placed_at)
        standing = spend.standing(case.order.customer_id, terms, case.fact.placed_at)
        tier, spend_minor = standing.tier, standing.spend_minor
        target = compute_target(case.fact, case.refunds, terms, tier, spend_minor=spend_minor)
        aim = _Aim(case, terms, tier, spend_minor, target)
        if reward is None:
            reward = aim.new_reward(shop, now)
            session.add(reward)
            fresh.append((reward, aim))
        elif aim.differs_from(reward):
            _move(shop, reward, aim, journal, now)
    session.flush()
    for reward, aim in fresh:
        _begin(shop, reward, aim, journal, now)
    session.flush()
    journal.write()


@dataclass(frozen=True, slots=True)
class _Aim:
    """Where one reward should be."""

    case: Case
    terms: Terms
    tier: Tier
    spend_minor: int
    target: Target

    @property
    def occurred_at(self) -> datetime:
        """When the newest thing that made the target happened outside."""
        moments = [self.case.fact.placed_at, *(refund.processed_at for refund in self.case.refunds)]
        if self.case.fact.cancelled_at is not None:
            moments.append(self.case.fact.cancelled_at)
        return max(moments)

    def new_reward(self, shop: Shop, now: datetime) -> Reward:
        """Return a reward that holds nothing yet; its state and amounts come with ``_begin``."""
        reward = Reward(
            shop_id=shop.id,
            order_id=self.case.order.id,
            customer_id=self.case.order.customer_id,
            state=RewardState.INELIGIBLE,
            terms_version=self.terms.version,
            currency=self.terms.currency,
            version=1,
            created_at=now,
            state_at=now,
        )
        self.write_to(reward)
        return reward

    def write_to(self, reward: Reward) -> None:
        """Copy the amounts and the explanation; the state and the books are the caller's."""
        reward.customer_id = self.case.order.customer_id
        reward.tier_name = self.tier.name
        reward.rate_bps = self.tier.rate_bps
        reward.spend_minor = self.spend_minor
        reward.eligible_minor = self.target.eligible_minor
        reward.calculated_minor = self.target.calculated_minor
        reward.granted_minor = self.target.granted_minor
        reward.reversed_minor = self.target.reversed_minor
        reward.ineligible_reason = self.target.ineligible
        reward.steps = [step_to_json(step) for step in self.target.steps]

    def differs_from(self, reward: Reward) -> bool:
        """Return whether the reward, its explanation included, is not yet what it should be."""
        return (
            reward.customer_id != self.case.order.customer_id
            or (reward.tier_name, reward.rate_bps) != (self.tier.name, self.tier.rate_bps)
            or reward.spend_minor != self.spend_minor
            or reward.granted_minor != self.target.granted_minor
            or reward.reversed_minor != self.target.reversed_minor
            or reward.ineligible_reason != self.target.ineligible
            or reward.steps != [step_to_json(step) for step in self.target.steps]
        )


def _begin(shop: Shop, reward: Reward, aim: _Aim, journal: Journal, now: datetime) -> None:
    """Give a reward that holds nothing in the books its state, and book what it is due."""
    kept_minor = aim.target.kept_minor
    reward.hold_reason = None
    if aim.target.granted_minor == 0:
        _enter_state(reward, RewardState.INELIGIBLE, now)
        return
    if kept_minor == 0:
        _enter_state(reward, RewardState.VOIDED, now)
        return
    if reward.customer_id is None:
        _enter_state(reward, RewardState.AWAITING_CUSTOMER, now)
        return
    order, occurred_at = aim.case.order, aim.occurred_at
    journal.accrue(reward, order, kept_minor, occurred_at)
    reward.hold_reason = decide_hold(aim.case.fact, aim.terms, aim.target)
    if reward.hold_reason is not None:
        _enter_state(reward, RewardState.HELD, now)
    elif shop.mode is Mode.MANUAL:
        _enter_state(reward, RewardState.IN_REVIEW, now)
    else:
        _enter_state(reward, RewardState.PENDING, now)
        if shop.is_active:
            settle_reward(reward, order, journal, occurred_at, now)


def settle_reward(reward: Reward, order: Order, journal: Journal, occurred_at: datetime, now: datetime) -> None:
    """Make a pending reward the customer's credit."""
    journal.settle(reward, order, reward.kept_minor, occurred_at)
    _enter_state(reward, RewardState.SETTLED, now)
    reward.settled_at = now


def _move(shop: Shop, reward: Reward, aim: _Aim, journal: Journal, now: datetime) -> None:
    """Bring an existing reward to its target."""
    order, occurred_at = aim.case.order, aim.occurred_at
    difference_minor = aim.target.kept_minor - reward.kept_minor
    state = reward.state
    reward.version += 1
    if reward.customer_id not in (None, order.customer_id) and state in BOOKED_PENDING | BOOKED_SETTLED:
        _let_go(reward, order, journal, occurred_at, now)
        aim.write_to(reward)
        if aim.target.kept_minor:
            _begin(shop, reward, aim, journal, now)
        return
    aim.write_to(reward)
    if state in BOOKED_PENDING:
        if difference_minor > 0:
            journal.accrue(reward, order, difference_minor, occurred_at)
        elif difference_minor < 0:
            journal.void(reward, order, -difference_minor, occurred_at)
        if aim.target.kept_minor == 0:
            gone = RewardState.VOIDED if aim.target.granted_minor else RewardState.INELIGIBLE
            _enter_state(reward, gone, now)
    elif state in BOOKED_SETTLED:
        if difference_minor > 0:
            journal.accrue(reward, order, difference_minor, occurred_at)
            journal.settle(reward, order, difference_minor, occurred_at)
        elif difference_minor < 0:
            journal.claw_back(reward, order, -difference_minor, occurred_at)
        _enter_state(reward, RewardState.SETTLED if aim.target.kept_minor else RewardState.REVERSED, now)
    elif state is not RewardState.REJECTED:
        _begin(shop, reward, aim, journal, now)


def _let_go(reward: Reward, order: Order, journal: Journal, occurred_at: datetime, now: datetime) -> None:
    """Take all of a reward back from its customer: the order turned out to be somebody else's."""
    settled = reward.state in BOOKED_SETTLED
    if reward.kept_minor:
        take_back = journal.claw_back if settled else journal.void
        take_back(reward, order, reward.kept_minor, occurred_at)
    _enter_state(reward, RewardState.REVERSED if settled else RewardState.VOIDED, now)


def _enter_state(reward: Reward, state: RewardState, now: datetime) -> None:
    check_move(reward.state, state)
    if reward.state is not state:
        reward.state, reward.state_at = state, now


def _read_rewards(session: Session, shop: Shop, cases: Sequence[Case]) -> dict[int, Reward]:
    # Read anew: what the session may have seen of them before the locks were taken is of no worth.
    rows = session.scalars(
        select(Reward)
        .where(Reward.shop_id == shop.id, Reward.order_id.in_([case.order.id for case in cases]))
        .execution_options(populate_existing=True)
    )
    return {row.order_id: row for row in rows}
