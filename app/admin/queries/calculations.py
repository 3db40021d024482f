"""Every reward that was calculated, newest first: also what earned nothing, was cut, or was set by a person.

The newest of each tier are merged, so that one index serves a tier's list and everybody's; what was cut, set by hand
or earned nothing has small indexes of its own.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, cast, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, defer

from app.admin.queries.keyset import Place, Slice, Window, cut, within
from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.explain import from_json
from app.engine.rules.limits import LimitKind
from app.engine.rules.states import Badge, RewardState, TransferState, compute_badge
from app.engine.rules.steps_limits import CapCut, LimitCut
from app.models import Customer, Order, Reward, Transfer
from app.models.columns import among


class Outcome(StrEnum):
    """What stands out about a calculation."""

    CUT = "cut"
    NOTHING = "nothing"
    BY_HAND = "by-hand"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calculations; ``since`` is inclusive and ``until`` is not, both of when an order was first calculated."""

    outcome: Outcome | None = None
    #: Only with ``Outcome.NOTHING``.
    reason: IneligibleReason | None = None
    tier: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Calculation:
    """One reward. ``cut_by`` says which limits cut it; ``is_capped`` that the cap of an order did."""

    reward: Reward
    order: Order
    customer: Customer | None
    badge: Badge
    cut_by: tuple[LimitKind, ...]
    is_capped: bool

    @property
    def kept_minor(self) -> int:
        """Return what is left of it for the customer: nothing of what was rejected or voided."""
        gone = self.reward.state in (RewardState.REJECTED, RewardState.VOIDED)
        return 0 if gone else self.reward.kept_minor


def list_calculations(session: Session, shop_id: int, wanted: Wanted, window: Window) -> Slice[Calculation]:
    """Return a page of calculations."""
    keys = [Place(at, number) for at, number in session.execute(_keys(session, shop_id, wanted, window))]
    page = cut(keys, window, lambda place: place)
    return Slice(tuple(_read(session, shop_id, [place.id for place in page.rows])), page.newer, page.older)


def list_tiers(session: Session, shop_id: int) -> list[str]:
    """Return the names of all tiers that ever gave a rate in the shop, by jumping from one to the next."""
    names: list[str] = []
    of_shop = select(func.min(Reward.tier_name)).where(Reward.shop_id == shop_id)
    name = session.scalar(of_shop)
    while name is not None:
        names.append(name)
        name = session.scalar(of_shop.where(Reward.tier_name > name))
    return names


def _keys(session: Session, shop_id: int, wanted: Wanted, window: Window) -> Select[datetime, int]:
    newest = select(Reward.created_at, Reward.id).where(Reward.shop_id == shop_id, *_days(wanted))
    if wanted.outcome is not None and wanted.tier:
        # As an expression: the tier's own index would be walked through for the few that stand out.
        newest = newest.where(Reward.tier_name.concat("") == wanted.tier)
    match wanted.outcome:
        case Outcome.CUT:
            newest = newest.where(Reward.granted_minor < Reward.calculated_minor, Reward.adjusted_minor.is_(None))
            return within(newest, Reward.created_at, Reward.id, window)
        case Outcome.BY_HAND:
            return within(newest.where(Reward.adjusted_minor.is_not(None)), Reward.created_at, Reward.id, window)
        case Outcome.NOTHING:
            reasons = [wanted.reason] if wanted.reason else list(IneligibleReason)
            newest = newest.where(Reward.ineligible_reason.is_not(None))
            return _merged(newest, Reward.ineligible_reason, [str(reason) for reason in reasons], window)
        case _:
            tiers = [wanted.tier] if wanted.tier else list_tiers(session, shop_id)
            return _merged(newest, Reward.tier_name, tiers, window)


def _merged(newest: Select[datetime, int], column: Any, values: Sequence[str], window: Window) -> Select[datetime, int]:
    """Return the query for the newest of those whose column has one of the values, each value asked by itself."""
    each_value = func.unnest(cast(list(values), ARRAY(Text))).table_valued("value").render_derived()
    each = within(newest.where(column == each_value.c.value), Reward.created_at, Reward.id, window).lateral()
    whole: Select[datetime, int] = select(each.c.created_at, each.c.id)
    return within(whole.select_from(each_value).join(each, true()), each.c.created_at, each.c.id, window)


def _days(wanted: Wanted) -> list[ColumnElement[bool]]:
    which = []
    if wanted.since is not None:
        which.append(Reward.created_at >= wanted.since)
    if wanted.until is not None:
        which.append(Reward.created_at < wanted.until)
    return which


def _read(session: Session, shop_id: int, ids: Sequence[int]) -> list[Calculation]:
    """Return rewards with what belongs to them, in the order of the ids given."""
    if not ids:
        return []
    found = session.execute(
        select(Reward, Order, Customer)
        .join(Order, (Order.shop_id == Reward.shop_id) & (Order.id == Reward.order_id))
        .outerjoin(Customer, (Customer.shop_id == Reward.shop_id) & (Customer.id == Reward.customer_id))
        .where(Reward.shop_id == shop_id, among(Reward.id, ids))
        .options(*(defer(column, raiseload=True) for column in (Order.fact, Order.paid_fact, Order.products)))
    )
    rows = {reward.id: (reward, order, customer) for reward, order, customer in found}
    transfers = _list_transfers(session, shop_id, ids)
    return [_calculation(*rows[number], transfers[number]) for number in ids]


def _calculation(
    reward: Reward, order: Order, customer: Customer | None, transfers: tuple[TransferState, ...]
) -> Calculation:
    steps = [from_json(step) for step in reward.steps]
    badge = compute_badge(reward.state, reward.reversed_minor, transfers)
    limits = tuple(step.limit for step in steps if isinstance(step, LimitCut))
    return Calculation(reward, order, customer, badge, limits, any(isinstance(step, CapCut) for step in steps))


def _list_transfers(session: Session, shop_id: int, ids: Sequence[int]) -> dict[int, tuple[TransferState, ...]]:
    query = select(Transfer.reward_id, Transfer.state).where(
        Transfer.shop_id == shop_id, among(Transfer.reward_id, ids)
    )
    states: defaultdict[int, tuple[TransferState, ...]] = defaultdict(tuple)
    for reward_id, state in session.execute(query):
        if reward_id is not None:
            states[reward_id] += (state,)
    return states
