"""A person decides about rewards, one or many: approve, adjust, reject, hold, release a hold, reopen, undo."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.aim import reassess
from app.engine.approvals import count_for, forget_first_approval, limit_now, state_before
from app.engine.decisions import MAX_REASON_LENGTH, Decision, checked_reason, open_decision
from app.engine.locks import lock_customers, lock_orders
from app.engine.programme import Programme
from app.engine.rules.approvals import Count
from app.engine.rules.holds import HoldReason
from app.engine.rules.money import Money
from app.engine.rules.roles import is_within
from app.engine.rules.states import DECIDABLE, RewardState
from app.engine.staffing import PREFIX, find_member
from app.errors import Refused
from app.models import Order, Reward, Shop
from app.sentences import say

S = RewardState
CAN_BE_HELD = frozenset({S.IN_REVIEW, S.PENDING, S.HELD})
#: How many rewards can be decided about at once.
MOST_PICKS = 500
#: Nobody sets more than this, in minor units: what is larger is a slip of the finger.
LARGEST_MINOR = 100_000_000


class Verb(StrEnum):
    """What can be done with many rewards at once."""

    APPROVE = "approve"
    REJECT = "reject"
    HOLD = "hold"


class Pick(NamedTuple):
    """A reward as it was seen."""

    reward_id: int
    version: int


class Outcome(NamedTuple):
    """What became of one pick: its new state and amount, or the sentence that refused it."""

    reward_id: int
    state: RewardState | None
    amount_minor: int
    refused: str | None


class Totals(NamedTuple):
    """What a verb would do with some picks: to how many, with how much money, and how many it would not touch."""

    ready: int
    amount_minor: int
    refused: int
    #: Of the ready ones, those that would only be noted, until a second person approves; their amounts are left out.
    first: int = 0


def approve(session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime) -> Reward:
    """Let a reward go that waits for a decision: settle it, or schedule it where its day has not come yet.

    Above the terms' amount for two people the first approval is noted only. One that is due does not settle before
    the shop's time for undoing is over, which ``settle_due`` looks after. Raises Refused if it changed since it was
    seen, does not wait, is held while its payment is contested, or the same person approved it already.
    """
    decision = open_decision(session, shop_id, reward_id, seen_version, actor, now)
    decision.check_waits()
    decision.check_undisputed()
    decision.check_may_approve(decision.reward.kept_minor)
    if decision.is_first_of_two():
        return decision.close("approve_first")
    decision.reward.hold_cleared = True
    decision.enter(S.PENDING)
    decision.sign()
    if not decision.wait_for_undo():
        decision.settle_if_due()
    return decision.close("approve")


def adjust(
    session: Session,
    shop_id: int,
    reward_id: int,
    seen_version: int,
    amount_minor: int,
    reason: str,
    actor: str,
    now: datetime,
) -> Reward:
    """Set what the order as ordered is granted, in minor units, instead of what was calculated, which is kept.

    It may be more than was calculated, and more than the cap, but not more than the limits leave now. Raises
    Refused, and changes nothing, when it does not fit.
    """
    reason = checked_reason(reason)
    if amount_minor <= 0:
        raise Refused("Set an amount above zero; reject the reward if nothing is to be granted.")
    if amount_minor > LARGEST_MINOR:
        raise Refused("That amount is too large; check the decimal point.")
    with session.begin_nested():
        decision = open_decision(session, shop_id, reward_id, seen_version, actor, now)
        decision.check_waits()
        decision.check_may_approve(amount_minor)
        reward = decision.reward
        forget_first_approval(reward)
        reward.undo_to = None
        reward.adjusted_minor, reward.adjusted_by, reward.adjusted_reason = amount_minor, actor, reason
        _give_up_above(decision, max(reward.calculated_minor, amount_minor))
        _aim_now(decision)
        if reward.granted_minor < amount_minor:
            left = Money(reward.granted_minor, reward.currency)
            raise Refused(say("The limits leave {left} for this order now; set no more than that.", left=left))
        return decision.close("adjust", reason)


def reject(
    session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime, reason: str
) -> Reward:
    """Deny a reward that waits for a decision; the reason is kept and shown. It can be reopened.

    What it took of its customer's limits is free again for later orders.
    """
    reason = checked_reason(reason)
    decision = open_decision(session, shop_id, reward_id, seen_version, actor, now)
    decision.check_waits()
    journal = decision.open_journal()
    forget_first_approval(decision.reward)
    decision.enter(S.REJECTED)
    decision.sign(reason)
    journal.void(decision.reward, decision.order, decision.reward.kept_minor, now)
    session.flush()
    journal.write()
    reassess(session, decision.shop, [decision.order], now, actor)
    return decision.close("reject", reason)


def hold(
    session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime, reason: str = ""
) -> Reward:
    """Set a reward in review, or scheduled, aside for a closer look; a rule's hold then no longer ends by itself.

    A reason, if one is given, is kept and shown.
    """
    why = checked_reason(reason) if reason.strip() else None
    decision = open_decision(session, shop_id, reward_id, seen_version, actor, now)
    reward = decision.reward
    if reward.state not in CAN_BE_HELD:
        raise decision.refusal(say("Only what is not settled yet can be held."))
    if reward.hold_reason is not None and not reward.hold_reason.is_rule:
        raise Refused("This reward is held already.")
    forget_first_approval(reward)
    decision.enter(S.HELD)
    decision.sign(why)
    decision.allow_undo()
    reward.hold_reason, reward.held_until = HoldReason.BY_STAFF, None
    return decision.close("hold", why)


def release_hold(
    session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime
) -> Reward:
    """Let a held reward go on: into review, or to be settled when it is due, as the programme's mode says.

    Where nobody looks at it after that, this is an approval: it may take two people, and can be undone for a while.
    """
    decision = open_decision(session, shop_id, reward_id, seen_version, actor, now)
    if decision.reward.state is not S.HELD:
        raise decision.refusal(say("Only a held reward can be released."))
    decision.check_undisputed()
    decision.check_may_approve(decision.reward.kept_minor)
    programme = Programme(session, decision.shop)
    leads_to_credit = decision.leads_to_credit(programme)
    if leads_to_credit and decision.is_first_of_two():
        return decision.close("approve_first")
    decision.leave_hold(programme)
    decision.sign()
    if leads_to_credit:
        decision.wait_for_undo()
    else:
        decision.allow_undo()
    return decision.close("release_hold")


def reopen(session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime) -> Reward:
    """Put a rejected reward back into review, for what its order and the limits leave it now."""
    with session.begin_nested():
        decision = open_decision(session, shop_id, reward_id, seen_version, actor, now)
        reward = decision.reward
        if reward.state is not S.REJECTED:
            raise decision.refusal(say("Only a rejected reward can be reopened."))
        decision.enter(S.IN_REVIEW)
        decision.sign()
        reward.hold_cleared = True
        # The books hold nothing of it: what it is due now is booked as a difference to that.
        reward.reversed_minor = reward.granted_minor
        _aim_now(decision)
        if reward.ineligible_reason is not None:
            raise Refused("This order is granted nothing now by the rules or the limits; there is nothing to review.")
        if reward.kept_minor == 0:
            raise Refused("The order went back in the meantime; there is nothing left to reward.")
        return decision.close("reopen")


def undo(session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime) -> Reward:
    """Take back the decision made last about a reward: an approval until it is settled, a hold, a rejection.

    What a second person's approval is undone to is the first one's. Raises Refused once the credit is made, and for
    somebody else's hold of what was on its way: to let that go is a release, which asks whether one may.
    """
    decision = open_decision(session, shop_id, reward_id, seen_version, actor, now)
    reward = decision.reward
    if reward.state is S.REJECTED:
        return reopen(session, shop_id, reward_id, seen_version, actor, now)
    if reward.state is S.SETTLED:
        raise Refused("The credit is made already; it cannot be undone any more.")
    if reward.undo_to is None:
        raise decision.refusal(say("There is no decision here to be undone."))
    if state_before(reward.undo_to) is S.PENDING and reward.decided_by != actor:
        raise Refused("Somebody else held this on its way to the customer; release it instead.")
    decision.undo(reward.undo_to)
    return decision.close("undo")


def preview_totals(
    session: Session, shop_id: int, picks: Sequence[Pick], verb: Verb, actor: str, now: datetime
) -> Totals:
    """Return what a verb of somebody would do with some rewards, in minor units of the shop's currency.

    Nothing is changed.
    """
    rows = session.scalars(select(Reward).where(Reward.shop_id == shop_id, Reward.id.in_({p.reward_id for p in picks})))
    seen = set(picks)
    ready = [row for row in rows if Pick(row.id, row.version) in seen and _can(verb, row)]
    first = 0
    if verb is Verb.APPROVE:
        limit_minor = limit_now(session, session.get_one(Shop, shop_id), now)
        member = find_member(session, shop_id, actor.removeprefix(PREFIX)) if actor.startswith(PREFIX) else None
        ready = [
            row for row in ready if member is None or is_within(member.role, member.approve_up_to_minor, row.kept_minor)
        ]
        counts = [(row, count_for(row, limit_minor, actor)) for row in ready]
        ready = [row for row, count in counts if count is Count.ENOUGH]
        first = sum(count is Count.FIRST for _, count in counts)
    amount_minor = sum(row.kept_minor for row in ready)
    return Totals(len(ready) + first, amount_minor, len(picks) - len(ready) - first, first)


def approve_many(session: Session, shop_id: int, picks: Sequence[Pick], actor: str, now: datetime) -> list[Outcome]:
    """Approve each of some rewards that can be; return what became of each, in their order."""
    return _many(session, shop_id, picks, lambda pick: approve(session, shop_id, *pick, actor, now))


def reject_many(
    session: Session, shop_id: int, picks: Sequence[Pick], actor: str, now: datetime, reason: str
) -> list[Outcome]:
    """Reject each of some rewards that can be, all for one reason; return what became of each, in their order."""
    reason = checked_reason(reason)
    return _many(session, shop_id, picks, lambda pick: reject(session, shop_id, *pick, actor, now, reason))


def hold_many(
    session: Session, shop_id: int, picks: Sequence[Pick], actor: str, now: datetime, reason: str = ""
) -> list[Outcome]:
    """Hold each of some rewards that can be; return what became of each, in their order."""
    return _many(session, shop_id, picks, lambda pick: hold(session, shop_id, *pick, actor, now, reason))


def undo_many(session: Session, shop_id: int, picks: Sequence[Pick], actor: str, now: datetime) -> list[Outcome]:
    """Take back the last decision about each of some rewards where that can be; return what became of each."""
    return _many(session, shop_id, picks, lambda pick: undo(session, shop_id, *pick, actor, now))


def _many(session: Session, shop_id: int, picks: Sequence[Pick], decide: Callable[[Pick], Reward]) -> list[Outcome]:
    if len(picks) > MOST_PICKS:
        raise Refused(say("Decide about at most {most} rewards at once.", most=MOST_PICKS))
    _lock_all(session, shop_id, picks)
    outcomes = []
    for pick in picks:
        try:
            with session.begin_nested():
                reward = decide(pick)
                outcomes.append(Outcome(pick.reward_id, reward.state, reward.kept_minor, None))
        except Refused as refusal:
            # The sentence itself: it may know how to be translated.
            outcomes.append(Outcome(pick.reward_id, None, 0, refusal.args[0]))
    return outcomes


def _lock_all(session: Session, shop_id: int, picks: Sequence[Pick]) -> None:
    """Take all locks before the first decision: one after the other, two lists might wait in a circle."""
    wanted = (
        select(Order.shopify_id, Order.customer_id)
        .join(Reward, Reward.order_id == Order.id)
        .where(Reward.shop_id == shop_id, Reward.id.in_({pick.reward_id for pick in picks}))
    )
    lock_orders(session, shop_id, [shopify_id for shopify_id, _ in session.execute(wanted)])
    # Asked again: an order may have moved to another customer before it was locked.
    lock_customers(session, shop_id, {customer_id for _, customer_id in session.execute(wanted) if customer_id})


def _can(verb: Verb, reward: Reward) -> bool:
    if verb is Verb.HOLD:
        return reward.state in CAN_BE_HELD and (reward.hold_reason is None or reward.hold_reason.is_rule)
    is_free = verb is Verb.REJECT or reward.hold_reason is not HoldReason.DISPUTE
    return reward.state in DECIDABLE and is_free


def _give_up_above(decision: Decision, most_minor: int) -> None:
    """Let go of what an earlier adjustment granted above what is calculated or set now."""
    reward, before_minor = decision.reward, decision.reward.kept_minor
    if reward.granted_minor <= most_minor:
        return
    reward.granted_minor, reward.reversed_minor = most_minor, min(reward.reversed_minor, most_minor)
    journal = decision.open_journal()
    journal.void(reward, decision.order, before_minor - reward.kept_minor, decision.now)
    journal.write()


def _aim_now(decision: Decision) -> None:
    """Bring a reward to its target as if it came now: it takes its room in the limits after everything before."""
    reward = decision.reward
    reward.takes_at, reward.ceilings = decision.now, []
    reward.version += 1
    decision.session.flush()
    reassess(decision.session, decision.shop, [decision.order], decision.now, decision.actor)


__all__ = [
    "MAX_REASON_LENGTH",
    "MOST_PICKS",
    "Outcome",
    "Pick",
    "Totals",
    "Verb",
    "adjust",
    "approve",
    "approve_many",
    "hold",
    "hold_many",
    "preview_totals",
    "reject",
    "reject_many",
    "release_hold",
    "reopen",
    "undo",
    "undo_many",
]
