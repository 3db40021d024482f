"""The notes on a reward about its approval: who agreed first where two must, and what an undo puts back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.engine.programme import Programme
from app.engine.rules.approvals import Count, FirstApproval, count_approval
from app.engine.rules.holds import HoldReason
from app.engine.rules.states import RewardState
from app.engine.staffing import PREFIX
from app.errors import Refused
from app.models import Reward, Shop

_FIRST = ("first_approved_by", "first_approved_at", "first_approved_minor")
_INSTANTS = ("held_until", "decided_at", "first_approved_at")
#: What an undo puts back besides state and hold.
_NOTED = ("held_until", "hold_cleared", "decided_by", "decided_at", "decision_reason", *_FIRST)


def person_of(actor: str) -> str:
    """Return which person an actor is; whoever is no member of staff is the one at the command line."""
    return actor if actor.startswith(PREFIX) else "cli"


def note_first_of_two(session: Session, shop: Shop, reward: Reward, actor: str, now: datetime) -> bool:
    """Note an approval that needs another person's, by the terms in force now, and return True; False: it is enough.

    Raises Refused for the person who has agreed already.
    """
    match count_for(reward, limit_now(session, shop, now), actor):
        case Count.AGAIN:
            raise Refused("You approved this already; a second person must agree.")
        case Count.FIRST:
            reward.first_approved_by, reward.first_approved_at = person_of(actor), now
            reward.first_approved_minor = reward.kept_minor
            reward.version += 1
            return True
    return False


def limit_now(session: Session, shop: Shop, now: datetime) -> int | None:
    """Return the amount above which two people must agree now, in minor units; None: one is enough."""
    return Programme(session, shop).at(now).second_person_above_minor


def count_for(reward: Reward, limit_minor: int | None, actor: str) -> Count:
    """Return what somebody's approval of a reward, as it stands, would be."""
    first = None
    if reward.first_approved_by is not None and reward.first_approved_minor is not None:
        first = FirstApproval(reward.first_approved_by, reward.first_approved_minor)
    return count_approval(limit_minor, reward.kept_minor, first, person_of(actor))


def forget_first_approval(reward: Reward) -> None:
    """Let a first approval not count any more: something else is to be approved now."""
    for name in _FIRST:
        setattr(reward, name, None)
    if reward.undo_to is not None:
        reward.undo_to = {**reward.undo_to, **dict.fromkeys(_FIRST)}


def remember(reward: Reward) -> dict[str, Any]:
    """Return what an undo puts back, as JSON."""
    kept = {name: getattr(reward, name) for name in _NOTED}
    for name in _INSTANTS:
        kept[name] = None if kept[name] is None else kept[name].isoformat()
    return {**kept, "state": reward.state.value, "hold_reason": reward.hold_reason and reward.hold_reason.value}


def put_back(reward: Reward, kept: Mapping[str, Any]) -> None:
    """Give a reward that has its former state again what was noted on it then."""
    for name in _NOTED:
        is_instant = name in _INSTANTS and kept[name] is not None
        setattr(reward, name, datetime.fromisoformat(kept[name]) if is_instant else kept[name])
    reward.hold_reason = HoldReason(kept["hold_reason"]) if kept["hold_reason"] else None


def state_before(kept: Mapping[str, Any]) -> RewardState:
    """Return the state an undo leads back to."""
    return RewardState(kept["state"])
