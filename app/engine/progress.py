"""Where a reward goes next: its state as a function of its target, its order's details and what people decided."""

from dataclasses import dataclass
from datetime import datetime

from app.engine.cases import Case
from app.engine.rules.facts import TierSource
from app.engine.rules.holds import HoldReason, Past, decide_hold, needs_review
from app.engine.rules.release import is_due
from app.engine.rules.reward import Target
from app.engine.rules.states import BOOKED_PENDING, BOOKED_SETTLED, RewardState, VoidReason
from app.engine.rules.terms import Mode, Terms, Tier
from app.models import Reward

S = RewardState
#: Holds that are over when what was told of the order is.
_ENDING = (HoldReason.DISPUTE, HoldReason.OPEN_RETURN)


@dataclass(frozen=True, slots=True)
class Aim:
    """Where one reward should be."""

    case: Case
    terms: Terms
    tier: Tier
    source: TierSource
    spend_minor: int
    target: Target
    release_at: datetime | None

    def is_due(self, now: datetime) -> bool:
        """Say whether nothing keeps the reward from settling."""
        return is_due(self.release_at, self.terms.release, now)


@dataclass(frozen=True, slots=True)
class Next:
    """The state a reward goes to, and why it is held or void there."""

    state: RewardState
    hold: HoldReason | None = None
    void: VoidReason | None = None


def decide_next(
    reward: Reward, aim: Aim, mode: Mode, past: Past | None, *, is_deleted: bool, has_moved: bool = False
) -> Next:
    """Return where a reward goes: what a person decided stays, what is settled stays, the rest follows its order.

    ``past`` is what the customer had done before, None where no rule asks; ``is_deleted`` says that Shopify has
    deleted the customer; ``has_moved`` that another customer's reward was just taken back and begins anew.
    """
    state, target = reward.state, aim.target
    if state is S.REJECTED or (state is S.VOIDED and reward.void_reason is VoidReason.UNCLAIMED):
        return Next(state, void=reward.void_reason)
    if has_moved and target.kept_minor == 0:
        return Next(state)
    if state in BOOKED_SETTLED and not has_moved:
        return Next(S.SETTLED if target.kept_minor else S.REVERSED)
    if target.granted_minor == 0:
        return Next(S.INELIGIBLE)
    if target.kept_minor == 0:
        return Next(S.VOIDED)
    if aim.case.order.customer_id is None:
        return Next(S.AWAITING_CUSTOMER)
    if is_deleted:
        return Next(S.VOIDED, void=VoidReason.CUSTOMER_DELETED)
    hold = decide_hold(aim.case.fact, aim.terms, target, details=aim.case.details, past=past)
    if state in BOOKED_PENDING:
        return _go_on(reward, aim, mode, hold)
    return _open(aim, mode, hold)


def _go_on(reward: Reward, aim: Aim, mode: Mode, hold: HoldReason | None) -> Next:
    """A dispute holds whatever was decided before; a rule holds what nobody looked at.

    Disputes and returns let go when they are over.
    """
    if hold is HoldReason.DISPUTE:
        return Next(S.HELD, hold)
    if reward.hold_cleared:
        hold = None
    if reward.state is S.HELD:
        is_over = reward.hold_reason in _ENDING and reward.hold_reason is not hold
        return _open(aim, mode, hold) if is_over else Next(S.HELD, reward.hold_reason)
    return Next(reward.state) if hold is None else Next(S.HELD, hold)


def _open(aim: Aim, mode: Mode, hold: HoldReason | None) -> Next:
    if hold is not None:
        return Next(S.HELD, hold)
    if needs_review(mode, aim.terms, aim.tier.name, aim.target.granted_minor):
        return Next(S.IN_REVIEW)
    return Next(S.PENDING)
