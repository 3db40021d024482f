"""A person decides about a reward: approve, reject with a reason, hold, reopen."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.aim import settle_reward
from app.engine.audit import record
from app.engine.locks import lock_customers
from app.engine.rules.holds import HoldReason
from app.engine.rules.states import DECIDABLE, RewardState, check_move
from app.engine.settlement import Journal
from app.errors import NotFound, Refused
from app.models import Order, Reward, Shop

MAX_REASON_LENGTH = 500


def approve(session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime) -> Reward:
    """Settle a reward that waits for a decision; raise Refused if it changed since it was seen, or does not wait."""
    shop, order, reward = _get_decidable(session, shop_id, reward_id, seen_version)
    before = reward.state
    journal = _journal(session, shop, reward, actor, now)
    _decide(reward, RewardState.PENDING, actor, now, None)
    settle_reward(reward, order, journal, now, now)
    session.flush()
    journal.write()
    _record(session, reward, "approve", before, actor, now)
    return reward


def reject(
    session: Session,
    shop_id: int,
    reward_id: int,
    seen_version: int,
    actor: str,
    now: datetime,
    reason: str,
) -> Reward:
    """Deny a reward that waits for a decision; the reason is kept and shown. It can be reopened."""
    reason = _checked_reason(reason)
    shop, order, reward = _get_decidable(session, shop_id, reward_id, seen_version)
    before = reward.state
    journal = _journal(session, shop, reward, actor, now)
    _decide(reward, RewardState.REJECTED, actor, now, reason)
    journal.void(reward, order, reward.kept_minor, now)
    session.flush()
    journal.write()
    _record(session, reward, "reject", before, actor, now, reason)
    return reward


def hold(session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime) -> Reward:
    """Set a reward in review aside for a closer look."""
    _, _, reward = _get_decidable(session, shop_id, reward_id, seen_version)
    if reward.state is RewardState.HELD:
        raise Refused("This reward is held already.")
    before = reward.state
    reward.hold_reason = HoldReason.BY_STAFF
    _decide(reward, RewardState.HELD, actor, now, None)
    session.flush()
    _record(session, reward, "hold", before, actor, now)
    return reward


def reopen(session: Session, shop_id: int, reward_id: int, seen_version: int, actor: str, now: datetime) -> Reward:
    """Put a rejected reward back into review, for what the order as it is kept now is due."""
    shop, order, reward = _get_locked(session, shop_id, reward_id)
    _check_version(reward, seen_version)
    if reward.state is not RewardState.REJECTED:
        raise Refused(f"Only a rejected reward can be reopened; this one is {_plain(reward.state)}.")
    if reward.kept_minor == 0:
        raise Refused("The order went back in the meantime; there is nothing left to reward.")
    before = reward.state
    journal = _journal(session, shop, reward, actor, now)
    _decide(reward, RewardState.IN_REVIEW, actor, now, None)
    journal.accrue(reward, order, reward.kept_minor, now)
    session.flush()
    journal.write()
    _record(session, reward, "reopen", before, actor, now)
    return reward


def _get_locked(session: Session, shop_id: int, reward_id: int) -> tuple[Shop, Order, Reward]:
    of_this_shop = (Reward.shop_id == shop_id, Reward.id == reward_id)
    customer_id = session.scalar(select(Reward.customer_id).where(*of_this_shop))
    if customer_id is not None:
        lock_customers(session, shop_id, {customer_id})
    reward = session.scalar(
        select(Reward).where(*of_this_shop).with_for_update().execution_options(populate_existing=True)
    )
    if reward is None:
        raise NotFound("There is no such reward in this shop.")
    order = session.get_one(Order, reward.order_id)
    return session.get_one(Shop, shop_id), order, reward


def _get_decidable(session: Session, shop_id: int, reward_id: int, seen_version: int) -> tuple[Shop, Order, Reward]:
    shop, order, reward = _get_locked(session, shop_id, reward_id)
    _check_version(reward, seen_version)
    if reward.state not in DECIDABLE:
        raise Refused(f"This reward does not wait for a decision; it is {_plain(reward.state)}.")
    return shop, order, reward


def _check_version(reward: Reward, seen_version: int) -> None:
    if reward.version != seen_version:
        raise Refused("This reward changed meanwhile; look at it again before you decide.")


def _checked_reason(reason: str) -> str:
    reason = reason.replace("\x00", "").strip()  # the one character PostgreSQL's text cannot hold
    if not reason:
        raise Refused("Say why: a rejection needs a reason.")
    if len(reason) > MAX_REASON_LENGTH:
        raise Refused(f"The reason is too long; use at most {MAX_REASON_LENGTH} characters.")
    return reason


def _journal(session: Session, shop: Shop, reward: Reward, actor: str, now: datetime) -> Journal:
    customers = set() if reward.customer_id is None else {reward.customer_id}
    return Journal(session, shop, customers, actor=actor, now=now)


def _decide(reward: Reward, state: RewardState, actor: str, now: datetime, reason: str | None) -> None:
    reward.state = check_move(reward.state, state)
    reward.state_at = reward.decided_at = now
    reward.decided_by, reward.decision_reason = actor, reason
    reward.version += 1


def _record(
    session: Session,
    reward: Reward,
    action: str,
    before: RewardState,
    actor: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    record(
        session,
        reward.shop_id,
        actor,
        action,
        subject=("reward", reward.id),
        before={"state": before},
        after={"state": reward.state, "amount_minor": reward.kept_minor},
        now=now,
        reason=reason,
    )


def _plain(state: RewardState) -> str:
    return state.value.replace("_", " ")
