"""One decision about one reward: opened under its locks, on what was seen, and closed with its line in the audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.aim import enter_state, settle_reward
from app.engine.approvals import note_first_of_two, put_back, remember, state_before
from app.engine.audit import record
from app.engine.locks import lock_customers, lock_orders
from app.engine.programme import Programme
from app.engine.rules.approvals import compute_undo_until
from app.engine.rules.holds import HoldReason, needs_review
from app.engine.rules.money import Money
from app.engine.rules.release import is_due
from app.engine.rules.roles import Duty
from app.engine.rules.states import DECIDABLE, RewardState
from app.engine.settlement import Journal
from app.engine.staffing import PREFIX, check_may, check_may_approve
from app.errors import NotFound, Refused
from app.models import Order, Reward, Shop
from app.sentences import marked, say

MAX_REASON_LENGTH = 500

#: Each state as a sentence, for what is refused because of it.
IT_IS = {
    RewardState.AWAITING_CUSTOMER: marked("It is awaiting a customer's account."),
    RewardState.IN_REVIEW: marked("It is in review."),
    RewardState.HELD: marked("It is held."),
    RewardState.PENDING: marked("It is approved and pending."),
    RewardState.SETTLED: marked("It is settled."),
    RewardState.REVERSED: marked("It is reversed."),
    RewardState.VOIDED: marked("It is voided."),
    RewardState.REJECTED: marked("It is rejected."),
    RewardState.INELIGIBLE: marked("It is not eligible."),
}


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
    #: What an undo of this decision puts back.
    was: Mapping[str, Any]

    @classmethod
    def on(cls, session: Session, shop: Shop, order: Order, reward: Reward, actor: str, now: datetime) -> Self:
        """Return a decision about a reward whose customer is locked already, as it stands now."""
        return cls(session, shop, order, reward, actor, now, _seen(reward), remember(reward))

    def check_waits(self) -> None:
        """Raise Refused unless the reward waits for a decision."""
        if self.reward.state not in DECIDABLE:
            raise self.refusal(say("This reward does not wait for a decision."))

    def check_undisputed(self) -> None:
        """Raise Refused while the customer contests the payment: whatever was decided now would be held again."""
        if self.reward.hold_reason is HoldReason.DISPUTE:
            raise Refused("The customer contests the payment; wait until the bank has decided, or reject the reward.")

    def refusal(self, sentence: str) -> Refused:
        """Return an error that says what cannot be done, and as what the reward stands."""
        return Refused(say("{cannot} {now}", cannot=sentence, now=say(IT_IS[self.reward.state])))

    def check_may_approve(self, amount_minor: int) -> None:
        """Raise NotAllowed unless the actor may approve an amount."""
        amount = Money(amount_minor, self.reward.currency)
        check_may_approve(self.session, self.shop.id, self.actor, amount)

    def is_first_of_two(self) -> bool:
        """Note an approval after which another person's is needed, and say so; Refused for the same person again."""
        is_first = note_first_of_two(self.session, self.shop, self.reward, self.actor, self.now)
        if is_first:
            self.allow_undo()
        return is_first

    def allow_undo(self) -> None:
        """Let an undo put back what was before this decision."""
        self.reward.undo_to = dict(self.was)

    def undo(self, kept: Mapping[str, Any]) -> None:
        """Put back what was before the decision made last."""
        self.enter(state_before(kept))
        put_back(self.reward, kept)
        self.reward.undo_to = None

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
        leads_to_credit = self.leads_to_credit(programme)
        self.reward.hold_cleared = True
        self.enter(RewardState.PENDING if leads_to_credit else RewardState.IN_REVIEW)

    def leads_to_credit(self, programme: Programme) -> bool:
        """Return whether nobody would look at a held reward any more once its hold is released."""
        terms = programme.version(self.reward.terms_version)
        return not needs_review(self.shop.mode, terms, self.reward.tier_name, self.reward.granted_minor)

    def wait_for_undo(self) -> bool:
        """Keep what was let go from being settled for as long as it can be undone; False: nothing keeps it."""
        reward = self.reward
        self.allow_undo()
        is_staff = self.actor.startswith(PREFIX)
        reward.undo_until = compute_undo_until(
            self.shop.undo_seconds, self.now, is_due=self._is_due(), is_staff=is_staff
        )
        return reward.undo_until is not None

    def settle_if_due(self) -> None:
        """Make an approved reward the customer's credit, unless its day has not come yet."""
        reward = self.reward
        if self._is_due():
            journal = self.open_journal()
            settle_reward(reward, self.order, journal, self.now, self.now)
            self.session.flush()
            journal.write()

    def open_journal(self) -> Journal:
        """Return a journal for the books of the reward's customer."""
        customers = set() if self.reward.customer_id is None else {self.reward.customer_id}
        return Journal(self.session, self.shop, customers, actor=self.actor, now=self.now)

    def _is_due(self) -> bool:
        release = Programme(self.session, self.shop).version(self.reward.terms_version).release
        return is_due(self.reward.release_at, release, self.now)

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
        raise Refused(say("The reason is too long; use at most {most} characters.", most=MAX_REASON_LENGTH))
    return reason


def _seen(reward: Reward) -> dict[str, Any]:
    seen: dict[str, Any] = {"state": reward.state, "amount_minor": reward.kept_minor}
    more = {"hold_reason": reward.hold_reason, "first_approved_by": reward.first_approved_by}
    return {**seen, **{name: value for name, value in more.items() if value is not None}}
