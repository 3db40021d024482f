"""One decision about one reward: opened under its locks, on what was seen, and closed with its line in the audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.aim import enter_state, settle_reward
from app.engine.audit import record
from app.engine.locks import lock_customers, lock_orders
from app.engine.programme import Programme
from app.engine.rules.holds import HoldReason, needs_review
from app.engine.rules.release import is_due
from app.engine.rules.roles import Duty
from app.engine.rules.states import DECIDABLE, RewardState
from app.engine.settlement import Journal
from app.engine.staffing import check_may
from app.errors import NotFound, Refused
from app.models import Order, Reward, Shop

MAX_REASON_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Decision:
    """A reward that somebody decides about. Its order and its customer are locked."""

    session: Session
    shop: Shop
    order: Order
    reward: Reward
    actor: str
    now: datetime
    before: Mapping[str, Any]

    @classmethod
    def on(cls, session: Session, shop: Shop, order: Order, reward: Reward, actor: str, now: datetime) -> Self:
        """Return a decision about a reward whose customer is locked already, as it stands now."""
        return cls(session, shop, order, reward, actor, now, _seen(reward))

    def check_waits(self) -> None:
        """Raise Refused unless the reward waits for a decision."""
        if self.reward.state not in DECIDABLE:
            raise Refused(f"This reward does not wait for a decision; it is {plain(self.reward.state)}.")

    def check_undisputed(self) -> None:
        """Raise Refused while the customer contests the payment: whatever was decided now would be held again."""
        if self.reward.hold_reason is HoldReason.DISPUTE:
            raise Refused("The customer contests the payment; wait until the bank has decided, or reject the reward.")

    def enter(self, state: RewardState) -> None:
        """Give the reward its next state. A hold ends with its state."""
        reward = self.reward
        enter_state(reward, state, self.now)
        reward.version += 1
        if state is not RewardState.HELD:
            reward.hold_reason = reward.held_until = None

    def sign(self, reason: str | None = None) -> None:
        """Note on the reward who decided, when and why."""
        self.reward.decided_by, self.reward.decided_at = self.actor, self.now
        self.reward.decision_reason = reason

    def leave_hold(self, programme: Programme) -> None:
        """Let a held reward go on as the programme's mode says; no rule holds it again."""
        terms = programme.version(self.reward.terms_version)
        waits = needs_review(self.shop.mode, terms, self.reward.tier_name, self.reward.granted_minor)
        self.reward.hold_cleared = True
        self.enter(RewardState.IN_REVIEW if waits else RewardState.PENDING)

    def settle_if_due(self) -> None:
        """Make an approved reward the customer's credit, unless its day has not come yet."""
        reward = self.reward
        release = Programme(self.session, self.shop).version(reward.terms_version).release
        if is_due(reward.release_at, release, self.now):
            journal = self.open_journal()
            settle_reward(reward, self.order, journal, self.now, self.now)
            self.session.flush()
            journal.write()

    def open_journal(self) -> Journal:
        """Return a journal for the books of the reward's customer."""
        customers = set() if self.reward.customer_id is None else {self.reward.customer_id}
        return Journal(self.session, self.shop, customers, actor=self.actor, now=self.now)

    def close(self, action: str, reason: str | None = None) -> Reward:
        """Write what was decided, with what the reward was before and is now."""
        self.session.flush()
        record(
            self.session,
            self.shop.id,
            self.actor,
            action,
            subject=("reward", self.reward.id),
            before=self.before,
            after=_seen(self.reward),
            now=self.now,
            reason=reason,
        )
        self.session.flush()
        return self.reward


def open_decision(
    session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime
) -> Decision:
    """Return a shop's reward, locked, to decide about.

    Raises NotFound, NotAllowed, or Refused if it changed since it was seen.
    """
    check_may(session, shop_id, actor, Duty.DECIDE)
    found = session.execute(
        select(Order.id, Order.shopify_id)
        .join(Reward, Reward.order_id == Order.id)
        .where(Reward.shop_id == shop_id, Reward.id == reward_id)
    ).one_or_none()
    if found is None:
        raise NotFound("There is no such reward in this shop.")
    lock_orders(session, shop_id, {found.shopify_id})
    order = session.get_one(Order, found.id, populate_existing=True)
    lock_customers(session, shop_id, set() if order.customer_id is None else {order.customer_id})
    reward = session.get_one(Reward, reward_id, with_for_update=True, populate_existing=True)
    if reward.version != seen_version:
        raise Refused("This reward changed meanwhile; look at it again before you decide.")
    return Decision.on(session, session.get_one(Shop, shop_id), order, reward, actor, now)


def checked_reason(reason: str) -> str:
    """Return a reason as it is stored; raise Refused for none, or for one that is too long."""
    reason = reason.replace("\x00", "").strip()  # the one character PostgreSQL's text cannot hold
    if not reason:
        raise Refused("Say why: this needs a reason.")
    if len(reason) > MAX_REASON_LENGTH:
        raise Refused(f"The reason is too long; use at most {MAX_REASON_LENGTH} characters.")
    return reason


def plain(state: RewardState) -> str:
    """Return a state as it is said to people."""
    return state.value.replace("_", " ")


def _seen(reward: Reward) -> dict[str, Any]:
    seen: dict[str, Any] = {"state": reward.state, "amount_minor": reward.kept_minor}
    return seen if reward.hold_reason is None else {**seen, "hold_reason": reward.hold_reason}
