"""The badge as conditions of SQL, so that a list can be filtered by it; ``states.compute_badge`` says the same."""

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from app.engine.rules.states import Badge, RewardState, TransferState
from app.models import Reward, Transfer

_TROUBLED = (TransferState.REFUSED, TransferState.UNKNOWN)
_MOVING = (TransferState.PLANNED, TransferState.SENDING)
#: Badges of orders that somebody has to do something about, or wait for; there are few of each.
OF_WORK = (Badge.PENDING, Badge.HELD, Badge.FAILED, Badge.SENDING, Badge.AWAITING_ACCOUNT)
#: Counted is no further than this.
MOST_COUNTED = 100
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


def count_work(session: Session, shop_id: int) -> dict[Badge, int]:
    """Return how many orders have each badge that means work; ``MOST_COUNTED`` stands for that many or more."""
    counts = []
    for badge in OF_WORK:
        few = select(Reward.id).where(Reward.shop_id == shop_id, has_badge(badge)).limit(MOST_COUNTED).subquery()
        counts.append(select(func.count()).select_from(few).scalar_subquery())
    return dict(zip(OF_WORK, session.execute(select(*counts)).one(), strict=True))


def _has_transfer(states: tuple[TransferState, ...]) -> ColumnElement[bool]:
    return exists(
        select(Transfer.id).where(
            Transfer.shop_id == Reward.shop_id, Transfer.reward_id == Reward.id, Transfer.state.in_(states)
        )
    )
