"""The badge as conditions of SQL, so that a list can be filtered by it; ``states.compute_badge`` says the same."""

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select

from app.engine.rules.states import Badge, RewardState, TransferState
from app.models import Reward, Transfer

_TROUBLED = (TransferState.REFUSED, TransferState.UNKNOWN)
_MOVING = (TransferState.PLANNED, TransferState.SENDING)
_PLAIN = {
    Badge.PENDING: RewardState.IN_REVIEW,
    Badge.HELD: RewardState.HELD,
    Badge.SCHEDULED: RewardState.PENDING,
    Badge.REJECTED: RewardState.REJECTED,
    Badge.AWAITING_ACCOUNT: RewardState.AWAITING_CUSTOMER,
    Badge.NOT_ELIGIBLE: RewardState.INELIGIBLE,
}


def has_badge(badge: Badge) -> ColumnElement[bool]:
    """Return the condition on ``rewards`` that holds exactly where ``compute_badge`` returns the badge."""
    if badge in _PLAIN:
        return Reward.state == _PLAIN[badge]
    settled, back = Reward.state == RewardState.SETTLED, Reward.state == RewardState.REVERSED
    troubled, moving = _has_transfer(_TROUBLED), _has_transfer(_MOVING)
    at_rest = and_(not_(troubled), not_(moving))
    if badge is Badge.FAILED:
        return and_(or_(settled, back), troubled)
    if badge is Badge.SENDING:
        return and_(or_(settled, back), not_(troubled), moving)
    if badge is Badge.REVERSED:
        return or_(Reward.state == RewardState.VOIDED, and_(back, at_rest))
    untouched = Reward.reversed_minor == 0
    return and_(settled, at_rest, untouched if badge is Badge.PROCESSED else not_(untouched))


def _has_transfer(states: tuple[TransferState, ...]) -> ColumnElement[bool]:
    return exists(
        select(Transfer.id).where(
            Transfer.shop_id == Reward.shop_id, Transfer.reward_id == Reward.id, Transfer.state.in_(states)
        )
    )
