"""A person decides about rewards, one or many: approve, adjust, reject with a reason, hold, release a hold, reopen."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.aim import reassess
from app.engine.decisions import MAX_REASON_LENGTH, Decision, checked_reason, open_decision, plain
from app.engine.locks import lock_customers, lock_orders
from app.engine.programme import Programme
from app.engine.rules.holds import HoldReason
from app.engine.rules.money import Money
from app.engine.rules.states import DECIDABLE, RewardState
from app.engine.staffing import check_may_approve
from app.errors import Refused
from app.models import Order, Reward

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


def approve(session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime) -> Reward:
    """Let a reward go that waits for a decision: settle it, or schedule it where its day has not come yet.

    Raises Refused if it changed since it was seen, does not wait, or is held while its payment is contested.
    """
    decision = open_decision(session, shop_id, reward_id, seen_version, actor, now)
    decision.check_waits()
    decision.check_undisputed()
    _check_may_approve(decision, decision.reward.kept_minor)
    decision.reward.hold_cleared = True
    decision.enter(S.PENDING)
    decision.sign()
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
        _check_may_approve(decision, amount_minor)
        reward = decision.reward
        reward.adjusted_minor, reward.adjusted_by, reward.adjusted_reason = amount_minor, actor, reason
        _give_up_above(decision, max(reward.calculated_minor, amount_minor))
        _aim_now(decision)
        if reward.granted_minor < amount_minor:
            left = Money(reward.granted_minor, reward.currency)
            raise Refused(f"The limits leave {left} for this order now; set no more than that.")
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
    decision.enter(S.REJECTED)
    decision.sign(reason)
    journal.void(decision.reward, decision.order, decision.reward.kept_minor, now)
    session.flush()
    journal.write()
    reassess(session, decision.shop, [decision.order], now, actor)
    return decision.close("reject", reason)


def hold(session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime) -> Reward:
    """Set a reward in review, or scheduled, aside for a closer look; a rule's hold then no longer ends by itself."""
    decision = open_decision(session, shop_id, reward_id, seen_version, actor, now)
    reward = decision.reward
    if reward.state not in CAN_BE_HELD:
        raise Refused(f"Only what is not settled yet can be held; this reward is {plain(reward.state)}.")
    if reward.hold_reason is not None and not reward.hold_reason.is_rule:
        raise Refused("This reward is held already.")
    decision.enter(S.HELD)
    decision.sign()
    reward.hold_reason, reward.held_until = HoldReason.BY_STAFF, None
    return decision.close("hold")


def release_hold(
    session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime
) -> Reward:
    """Let a held reward go on: into review, or to be settled when it is due, as the programme's mode says."""
    decision = open_decision(session, shop_id, reward_id, seen_version, actor, now)
    if decision.reward.state is not S.HELD:
        raise Refused(f"Only a held reward can be released; this one is {plain(decision.reward.state)}.")
    decision.check_undisputed()
    _check_may_approve(decision, decision.reward.kept_minor)
    decision.leave_hold(Programme(session, decision.shop))
    decision.sign()
    return decision.close("release_hold")


def reopen(session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime) -> Reward:
    """Put a rejected reward back into review, for what its order and the limits leave it now."""
    with session.begin_nested():
        decision = open_decision(session, shop_id, reward_id, seen_version, actor, now)
        reward = decision.reward
        if reward.state is not S.REJECTED:
            raise Refused(f"Only a rejected reward can be reopened; this one is {plain(reward.state)}.")
        decision.enter(S.IN_REVIEW)
        decision.sign()
        reward.hold_cleared = True
        # The books hold nothing of it: what it is due now is booked as a difference to that.
        reward.reversed_minor = reward.granted_minor
        _aim_now(decision)
        if reward.ineligible_reason is not None:
            why = reward.ineligible_reason.value.replace("_", " ")
            raise Refused(f"This order is granted nothing now ({why}); there is nothing to review.")
        if reward.kept_minor == 0:
            raise Refused("The order went back in the meantime; there is nothing left to reward.")
        return decision.close("reopen")


def preview_totals(session: Session, shop_id: int, picks: Sequence[Pick], verb: Verb) -> Totals:
    """Return what a verb would do with some rewards, in minor units of the shop's currency; nothing is changed."""
    rows = session.scalars(select(Reward).where(Reward.shop_id == shop_id, Reward.id.in_({p.reward_id for p in picks})))
    ready = [row for row in rows if Pick(row.id, row.version) in picks and _can(verb, row)]
    return Totals(len(ready), sum(row.kept_minor for row in ready), len(picks) - len(ready))


def approve_many(session: Session, shop_id: int, picks: Sequence[Pick], actor: str, now: datetime) -> list[Outcome]:
    """Approve each of some rewards that can be; return what became of each, in their order."""
    return _many(session, shop_id, picks, lambda pick: approve(session, shop_id, *pick, actor, now))


def reject_many(
    session: Session, shop_id: int, picks: Sequence[Pick], actor: str, now: datetime, reason: str
) -> list[Outcome]:
    """Reject each of some rewards that can be, all for one reason; return what became of each, in their order."""
    reason = checked_reason(reason)
    return _many(session, shop_id, picks, lambda pick: reject(session, shop_id, *pick, actor, now, reason))


def hold_many(session: Session, shop_id: int, picks: Sequence[Pick], actor: str, now: datetime) -> list[Outcome]:
    """Hold each of some rewards that can be; return what became of each, in their order."""
    return _many(session, shop_id, picks, lambda pick: hold(session, shop_id, *pick, actor, now))


def _many(session: Session, shop_id: int, picks: Sequence[Pick], decide: Callable[[Pick], Reward]) -> list[Outcome]:
    if len(picks) > MOST_PICKS:
        raise Refused(f"Decide about at most {MOST_PICKS} rewards at once.")
    _lock_all(session, shop_id, picks)
    outcomes = []
    for pick in picks:
        try:
            with session.begin_nested():
                reward = decide(pick)
                outcomes.append(Outcome(pick.reward_id, reward.state, reward.kept_minor, None))
        except Refused as refusal:
            outcomes.append(Outcome(pick.reward_id, None, 0, str(refusal)))
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


def _check_may_approve(decision: Decision, amount_minor: int) -> None:
    amount = Money(amount_minor, decision.reward.currency)
    check_may_approve(decision.session, decision.shop.id, decision.actor, amount)


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
]
