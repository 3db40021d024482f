"""Bring rewards to their target: compute what each order should earn now and book the difference.

Whatever arrives, late, twice or out of order, ends here, so the books depend on what is known and not on
how it came to be known. See ``engine/README.md`` for the rules and DESIGN idea 2 for the reason.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from app.engine.approvals import forget_first_approval
from app.engine.audit import SYSTEM
from app.engine.cases import Case, read_cases, with_needed
from app.engine.counters import Counters
from app.engine.messages import MessageDraft, drop_messages, write_messages
from app.engine.programme import Programme
from app.engine.progress import Aim, Next, decide_next
from app.engine.reward_rows import (
    compute_columns,
    differs,
    new_reward,
    read_adjustment,
    read_deleted,
    read_met,
    read_rewards,
    reserve_numbers,
)
from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.limits import Ceiling, LimitKind
from app.engine.rules.messages import DropReason, Topic
from app.engine.rules.postings import Account
from app.engine.rules.release import compute_release_at
from app.engine.rules.reward import Target, compute_target
from app.engine.rules.states import BOOKED_PENDING, BOOKED_SETTLED, RewardState, VoidReason, check_move
from app.engine.rules.terms import HoldRules, Mode, OwedPolicy, Terms
from app.engine.rules.tiers import Standing
from app.engine.rules.timeline import Moment, moments_of
from app.engine.settlement import Journal
from app.engine.spend import SpendHistory, read_later_orders, rewrite_spend
from app.engine.standings import refresh_standings
from app.engine.statement_periods import statement_for
from app.models import Message, Order, Reward, Shop
from app.models.columns import among

NO_RULES = HoldRules()
BOOKED = BOOKED_PENDING | BOOKED_SETTLED


def reassess(
    session: Session,
    shop: Shop,
    orders: Sequence[Order],
    now: datetime,
    actor: str = SYSTEM,
    *,
    to_review: Collection[int] = (),
) -> None:
    """Bring the rewards of these orders, and of later orders that they change, to their targets.

    An order changes later ones of its customer by the spend that makes their tier and by the room it takes in
    the customer's limits. The caller holds the locks of the orders and of their customers. What ``to_review`` names
    of the orders a person looks at, whatever the mode is.
    """
    changed = {case.order.id: case for case in read_cases(session, shop, orders)}
    earliest = rewrite_spend(session, shop, list(changed.values()))
    later = [order for order in read_later_orders(session, shop, earliest) if order.id not in changed]
    cases = [*changed.values(), *read_cases(session, shop, later)]
    _Round(session, shop, cases, now, actor, frozenset(to_review)).run()
    refresh_standings(session, shop, earliest, now, quiet=_only_of_old(shop, changed.values()))


def _only_of_old(shop: Shop, cases: Iterable[Case]) -> set[int]:
    """Return the customers of whom all that was told happened before the programme began, as imports tell it."""
    old: set[int] = set()
    fresh: set[int] = set()
    for case in cases:
        if case.order.customer_id is not None:
            is_old = case.order.is_past and shop.began_at is not None and case.occurred_at < shop.began_at
            (old if is_old else fresh).add(case.order.customer_id)
    return old - fresh


def _waiting_minor(reward: Reward) -> int:
    return reward.kept_minor if reward.state is RewardState.AWAITING_CUSTOMER else 0


def settle_reward(reward: Reward, order: Order, journal: Journal, occurred_at: datetime, now: datetime) -> None:
    """Make a pending reward the customer's credit."""
    journal.settle(reward, order, reward.kept_minor, occurred_at)
    enter_state(reward, RewardState.SETTLED, now)
    reward.settled_at = now


def enter_state(reward: Reward, state: RewardState, now: datetime) -> None:
    """Move a reward to a state; raise IllegalMove where there is no such move."""
    check_move(reward.state, state)
    if reward.state is not state:
        reward.state, reward.state_at = state, now
        reward.undo_until = reward.undo_to = None


class _Round:
    """One run over the rewards of some orders, in the order in which they take their room in the limits."""

    def __init__(
        self,
        session: Session,
        shop: Shop,
        cases: Sequence[Case],
        now: datetime,
        actor: str,
        to_review: frozenset[int],
    ) -> None:
        self._session = session
        self._to_review = to_review
        self._shop = shop
        self._now = now
        self._zone = ZoneInfo(shop.timezone)
        self._programme = Programme(session, shop)
        self._counters = Counters(session, shop, limited=self._programme.limits_periodically)
        self._rewards: dict[int, Reward] = {}
        #: Ids for those of the line that have no reward yet.
        self._numbers: Iterator[int] = iter(())
        self._waiting: list[tuple[datetime, int, Case]] = []
        self._seen: set[int] = set()
        #: Rewards booked for the first time, or for another customer.
        self._booked: list[Reward] = []
        #: Rewards of which something else waits for a guest's account now, and those that wait no more.
        self._waits: list[Reward] = []
        self._claimed: list[int] = []
        self._push(cases)
        customers = {case.order.customer_id for case in cases if case.order.customer_id}
        customers |= {reward.customer_id for reward in self._rewards.values() if reward.customer_id}
        self._counters.read(customers, cases)
        self._spend = SpendHistory(session, shop, customers)
        self._journal = Journal(session, shop, customers, actor=actor, now=now, programme=self._programme)
        self._deleted = read_deleted(session, shop, customers)

    def run(self) -> None:
        """Bring every reward to its target and write all of it."""
        while self._waiting:
            _, _, case = heappop(self._waiting)
            reward = self._rewards.get(case.order.id)
            whose_before = None if reward is None else reward.customer_id
            changed_from = self._bring(case, reward)
            if changed_from is not None:
                self._push_later({case.order.customer_id, whose_before} - {None}, changed_from)
        self._file_statements()
        self._session.flush()
        self._counters.write()
        self._journal.write()
        self._tell_guests()

    def _tell_guests(self) -> None:
        """Leave word for guests of what waits for them; who has an account is told of what was booked."""
        drafts = [
            MessageDraft(f"guest:{reward.id}:{reward.version}", Topic.REWARD, None, reward.id, reward.id)
            for reward in self._waits
        ]
        write_messages(self._session, self._shop.id, drafts, self._now)
        if self._claimed:
            of_guest = and_(among(Message.reward_id, self._claimed), Message.customer_id.is_(None))
            drop_messages(self._session, self._shop.id, of_guest, DropReason.NOTHING_NEW, self._now)

    def _file_statements(self) -> None:
        """Give each reward that was booked for the first time the statement of its customer's present period."""
        booked = {reward: reward.customer_id for reward in self._booked if reward.customer_id is not None}
        if booked:
            statements = statement_for(self._session, self._shop, set(booked.values()), self._now)
            for reward, customer_id in booked.items():
                reward.statement_id = statements[customer_id]

    def _push(self, cases: Sequence[Case]) -> None:
        """Put cases in the line, each where its reward takes its room."""
        fresh = [case for case in cases if case.order.id not in self._seen]
        self._rewards |= read_rewards(self._session, self._shop, fresh)
        if new := sum(case.order.id not in self._rewards for case in fresh):
            self._numbers = chain(self._numbers, reserve_numbers(self._session, new))
        for case in fresh:
            self._seen.add(case.order.id)
            heappush(self._waiting, (self._takes_at(case), case.order.shopify_id, case))

    def _push_later(self, customers: Collection[int | None], changed_from: datetime) -> None:
        """Put the customers' orders in the line that take their room after something changed."""
        orders = self._session.scalars(
            select(Order)
            .join(Reward, Reward.order_id == Order.id)
            .where(
                Order.shop_id == self._shop.id,
                Order.customer_id.in_(customers),
                func.coalesce(Reward.takes_at, Order.placed_at) >= changed_from,
                Order.id.not_in(self._seen),
            )
        ).all()
        self._push(read_cases(self._session, self._shop, orders))

    def _takes_at(self, case: Case) -> datetime:
        reward = self._rewards.get(case.order.id)
        return case.fact.placed_at if reward is None or reward.takes_at is None else reward.takes_at

    def _bring(self, case: Case, reward: Reward | None) -> datetime | None:
        """Bring one reward to its target; return from when on it takes something else of its customer's limits."""
        terms = self._terms_for(case, reward)
        case = with_needed(self._session, case, terms)
        is_fresh = reward is None
        if reward is None:
            reward = new_reward(self._shop, next(self._numbers), case, terms, self._now)
        whose_before = reward.customer_id
        moved = whose_before not in (None, case.order.customer_id) and reward.state in BOOKED
        if moved:
            reward.version += 1
            self._let_go(reward, case)
        aim, ceilings = self._take_aim(case, reward, terms)
        step = self._decide(reward, aim, has_moved=moved)
        columns = compute_columns(aim, ceilings, step)
        stays = (step.state, step.hold) == (reward.state, reward.hold_reason) and not differs(reward, columns)
        if is_fresh or moved or not stays:
            if not (is_fresh or moved):
                reward.version += 1
            self._advance(reward, aim, step, columns, begins=moved or reward.state not in BOOKED)
        if is_fresh:
            self._session.add(reward)
        return self._count(reward, aim, ceilings, whose_before)

    def _terms_for(self, case: Case, reward: Reward | None) -> Terms:
        """Return the terms that decide an order: those of its day, of a past one those when somebody asked for it."""
        if reward is not None and reward.ineligible_reason is not IneligibleReason.BEFORE_PROGRAMME:
            return self._programme.version(reward.terms_version)
        terms = self._programme.at(case.order.reward_asked_at or case.fact.placed_at)
        if reward is not None:
            reward.terms_version = terms.version
        return terms

    def _take_aim(self, case: Case, reward: Reward, terms: Terms) -> tuple[Aim, tuple[Ceiling, ...]]:
        """Compute the target within the periodic limits and the ceilings that the reward has already met."""
        customer_id = case.order.customer_id
        standing = self._spend.standing(customer_id, terms, case.fact.placed_at)
        periodic = (
            ()
            if customer_id is None
            else self._counters.periodic(case, customer_id, terms, self._takes_at_of(reward, case))
        )
        ceilings = (*periodic, *read_met(reward))
        target = self._target(case, reward, terms, standing, ceilings)
        more = self._meet(case, reward, terms, target)
        if more:
            met = {ceiling.kind for ceiling in more}
            ceilings = (*(ceiling for ceiling in ceilings if ceiling.kind not in met), *more)
            target = self._target(case, reward, terms, standing, ceilings)
        release_at = compute_release_at(case.fact, terms.release, self._zone)
        return Aim(case, terms, standing.tier, standing.source, standing.spend_minor, target, release_at), ceilings

    def _takes_at_of(self, reward: Reward, case: Case) -> datetime:
        return reward.takes_at or case.fact.placed_at

    def _target(
        self, case: Case, reward: Reward, terms: Terms, standing: Standing, ceilings: Sequence[Ceiling]
    ) -> Target:
        return compute_target(
            case.fact,
            case.refunds,
            terms,
            standing.tier,
            spend_minor=standing.spend_minor,
            source=standing.source,
            details=case.details,
            ceilings=ceilings,
            adjustment=read_adjustment(reward),
            is_past=case.is_past,
        )

    def _meet(self, case: Case, reward: Reward, terms: Terms, target: Target) -> list[Ceiling]:
        """Return the ceilings that are decided when more is about to be taken: largest balance, budget, owing.

        One that was met before is met anew where less is left by now: what went back may be somebody else's.
        """
        customer_id = case.order.customer_id
        if customer_id is None or self._is_closed(reward, customer_id):
            return []
        limits, met = terms.limits, []
        booked_minor = reward.kept_minor if reward.state in BOOKED else 0
        more_minor = target.kept_minor - booked_minor
        owed_minor = -self._journal.balance(customer_id, Account.OWED)
        # What had settled may owe by itself: it comes back, and pays that first.
        is_new = booked_minor == 0 and not (reward.state in BOOKED_SETTLED and reward.statement_id is not None)
        if terms.owed is OwedPolicy.BLOCK and is_new and more_minor > 0 and owed_minor > 0:
            met.append(Ceiling(LimitKind.OWED, 0, 0, owed_minor))
        if limits.balance_minor is not None and more_minor > 0:
            held = (Account.PENDING, Account.AVAILABLE)
            used_minor = sum(self._journal.balance(customer_id, account) for account in held)
            left_minor = max(limits.balance_minor - used_minor, 0)
            if more_minor > left_minor:
                met.append(Ceiling(LimitKind.BALANCE, booked_minor + left_minor, limits.balance_minor, used_minor))
        takes_minor, taken_minor = target.kept_minor, booked_minor
        if not limits.gives_back:
            takes_minor, taken_minor = target.granted_minor, reward.counted_minor
        if limits.budget_minor is not None and takes_minor > taken_minor:
            used_minor = self._counters.budget(self._counters.month(case), reward)
            left_minor = max(limits.budget_minor - used_minor, taken_minor)
            if takes_minor > left_minor:
                met.append(Ceiling(LimitKind.BUDGET, left_minor, limits.budget_minor, used_minor))
        return met

    def _is_closed(self, reward: Reward, customer_id: int) -> bool:
        """Say whether nothing will be booked for a reward, whatever its order does."""
        if reward.state is RewardState.REJECTED or reward.void_reason is VoidReason.UNCLAIMED:
            return True
        return customer_id in self._deleted and reward.state not in BOOKED_SETTLED

    def _decide(self, reward: Reward, aim: Aim, *, has_moved: bool) -> Next:
        customer_id, fact = aim.case.order.customer_id, aim.case.fact
        past = None
        if customer_id is not None and aim.terms.holds != NO_RULES:
            past = self._spend.past(customer_id, fact.placed_at, fact.order_id)
        is_deleted = customer_id in self._deleted
        mode = Mode.MANUAL if aim.case.order.id in self._to_review else self._shop.mode
        return decide_next(reward, aim, mode, past, is_deleted=is_deleted, has_moved=has_moved)

    def _advance(self, reward: Reward, aim: Aim, step: Next, columns: dict[str, Any], *, begins: bool) -> None:
        """Give a reward its amounts and state, and book the difference to what the books hold for it."""
        case, occurred_at, now = aim.case, aim.case.occurred_at, self._now
        before, was = (reward.kept_minor if reward.state in BOOKED else 0), reward.state
        waited_minor = _waiting_minor(reward)
        for name, value in columns.items():
            setattr(reward, name, value)
        difference = (reward.kept_minor if step.state in BOOKED else 0) - before
        if was in BOOKED_SETTLED and not begins:
            if difference > 0:
                self._journal.accrue(reward, case.order, difference, occurred_at)
                self._journal.settle(reward, case.order, difference, occurred_at)
            elif difference < 0:
                self._journal.claw_back(reward, case.order, -difference, occurred_at)
        elif difference > 0:
            self._journal.accrue(reward, case.order, difference, occurred_at)
        elif difference < 0:
            self._journal.void(reward, case.order, -difference, occurred_at)
        if difference and step.state not in BOOKED_SETTLED:
            forget_first_approval(reward)
        if step.hold is not None and step.hold is not reward.hold_reason:
            days = aim.terms.holds.release_after_days
            reward.held_until = now + timedelta(days=days) if days is not None and step.hold.is_rule else None
            reward.undo_to = None
        elif step.hold is None:
            reward.held_until = None
        reward.hold_reason = step.hold
        enter_state(reward, step.state, now)
        if reward.customer_id is None and _waiting_minor(reward) != waited_minor:
            self._waits.append(reward)
        elif was is RewardState.AWAITING_CUSTOMER and reward.customer_id is not None:
            self._claimed.append(reward.id)
        if difference > 0 and reward.statement_id is None:
            self._booked.append(reward)
        if begins and step.state is RewardState.PENDING and aim.is_due(now) and self._shop.is_active:
            settle_reward(reward, case.order, self._journal, occurred_at, now)

    def _let_go(self, reward: Reward, case: Case) -> None:
        """Take all of a reward back from its customer, for the order turned out to be somebody else's."""
        settled = reward.state in BOOKED_SETTLED
        if reward.kept_minor:
            take_back = self._journal.claw_back if settled else self._journal.void
            take_back(reward, case.order, reward.kept_minor, case.fact.placed_at)
        enter_state(reward, RewardState.REVERSED if settled else RewardState.VOIDED, self._now)
        reward.reversed_minor = reward.granted_minor
        reward.customer_id = case.order.customer_id
        reward.adjusted_minor = reward.adjusted_by = reward.adjusted_reason = None
        reward.takes_at = reward.held_until = reward.hold_reason = reward.statement_id = None
        reward.ceilings, reward.hold_cleared = [], False

    def _count(
        self, reward: Reward, aim: Aim, ceilings: Sequence[Ceiling], whose_before: int | None
    ) -> datetime | None:
        """Let the reward take its part of limits and budget."""
        terms, case = aim.terms, aim.case
        amounts = self._amounts_over_time(reward, aim, ceilings)
        month = self._counters.month(case) if terms.limits.budget_minor is not None else None
        self._counters.take(reward, month, amounts[-1][1] if amounts else 0)
        takes_at = self._takes_at_of(reward, case)
        return self._counters.record(case, reward.customer_id, whose_before, takes_at, amounts)

    def _amounts_over_time(self, reward: Reward, aim: Aim, ceilings: Sequence[Ceiling]) -> list[tuple[datetime, int]]:
        """Return what a reward takes of its customer's limits from each moment on."""
        case, takes_at = aim.case, self._takes_at_of(reward, aim.case)
        if reward.customer_id is None:
            return []
        if reward.granted_minor == 0:
            # Not nothing: it may have taken something before a person reopened it.
            return [(takes_at, 0)]
        if not aim.terms.limits.gives_back:
            amounts = {takes_at: reward.granted_minor}
        else:
            *earlier, last = moments_of(case.fact, case.refunds, case.details.disputes)
            amounts = {max(moment.at, takes_at): self._kept_then(reward, aim, ceilings, moment) for moment in earlier}
            amounts[max(last.at, takes_at)] = aim.target.kept_minor
        if reward.state is RewardState.REJECTED or reward.void_reason is not None:
            amounts = {at: minor for at, minor in amounts.items() if at < reward.state_at}
            amounts[max(reward.state_at, takes_at)] = 0
        return sorted(amounts.items())

    def _kept_then(self, reward: Reward, aim: Aim, ceilings: Sequence[Ceiling], moment: Moment) -> int:
        """Return what of the reward was kept from a moment on."""
        case = replace(
            aim.case,
            fact=moment.order,
            refunds=moment.refunds,
            details=replace(aim.case.details, disputes=moment.lost),
        )
        standing = Standing(aim.tier, aim.spend_minor, aim.source)
        return self._target(case, reward, aim.terms, standing, ceilings).kept_minor
