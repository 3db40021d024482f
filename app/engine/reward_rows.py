"""The rows of rewards: read anew, begun, and what their columns should say."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.engine.audit import SYSTEM
from app.engine.cases import Case
from app.engine.progress import Aim, Next
from app.engine.rules.explain import to_json as step_to_json
from app.engine.rules.limits import Ceiling, LimitKind
from app.engine.rules.reward import Adjustment
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Terms
from app.models import Customer, Reward, Shop
from app.models.columns import among


def compute_columns(aim: Aim, ceilings: Iterable[Ceiling], step: Next) -> dict[str, Any]:
    """Return what a reward's row should say; its state, its hold and the books are the caller's."""
    target, order = aim.target, aim.case.order
    waits = step.state is RewardState.AWAITING_CUSTOMER
    return {
        "customer_id": order.customer_id,
        "tier_name": aim.tier.name,
        "rate_bps": aim.tier.rate_bps,
        "spend_minor": aim.spend_minor,
        "eligible_minor": target.eligible_minor,
        "calculated_minor": target.calculated_minor,
        "granted_minor": target.granted_minor,
        "reversed_minor": target.reversed_minor if step.void is None else target.granted_minor,
        "ineligible_reason": target.ineligible,
        "ceilings": [{**asdict(ceiling), "kind": ceiling.kind.value} for ceiling in ceilings],
        "release_at": aim.release_at,
        "claim_until": aim.case.fact.placed_at + timedelta(days=aim.terms.claim_days) if waits else None,
        "void_reason": step.void,
        "steps": [step_to_json(part) for part in target.steps],
    }


def differs(reward: Reward, columns: dict[str, Any]) -> bool:
    """Return whether a reward's row does not say what it should."""
    return any(getattr(reward, name) != value for name, value in columns.items())


def read_met(reward: Reward) -> tuple[Ceiling, ...]:
    """Return the ceilings that a reward met when it was booked; the periodic ones are computed anew."""
    ceilings = (Ceiling(**{**data, "kind": LimitKind(data["kind"])}) for data in reward.ceilings)
    return tuple(ceiling for ceiling in ceilings if not ceiling.kind.is_periodic)


def read_adjustment(reward: Reward) -> Adjustment | None:
    """Return the amount that a person set for a reward, or None."""
    if reward.adjusted_minor is None:
        return None
    return Adjustment(reward.adjusted_minor, reward.adjusted_by or SYSTEM, reward.adjusted_reason or "")


def reserve_numbers(session: Session, count: int) -> Iterator[int]:
    """Return ids for so many new rewards, asked for at once."""
    series = func.generate_series(1, count).table_valued("n").alias("wanted")
    number = func.nextval(func.pg_get_serial_sequence("rewards", "id"))
    return iter(session.scalars(select(number).select_from(series)).all())


def new_reward(shop: Shop, number: int, case: Case, terms: Terms, now: datetime) -> Reward:
    """Return a reward that holds nothing yet. It has its id, which its entries name, before it is stored."""
    return Reward(
        id=number,
        shop_id=shop.id,
        order_id=case.order.id,
        customer_id=None,
        state=RewardState.INELIGIBLE,
        terms_version=terms.version,
        currency=terms.currency,
        granted_minor=0,
        reversed_minor=0,
        counted_minor=0,
        ceilings=[],
        hold_cleared=False,
        version=1,
        created_at=now,
        state_at=now,
    )


def read_rewards(session: Session, shop: Shop, cases: Sequence[Case]) -> dict[int, Reward]:
    """Return the rewards of some orders, by the order's id."""
    # Read anew: what the session may have seen of them before the locks were taken is of no worth.
    rows = session.scalars(
        select(Reward)
        .where(Reward.shop_id == shop.id, among(Reward.order_id, [case.order.id for case in cases]))
        .execution_options(populate_existing=True)
    )
    return {row.order_id: row for row in rows}


def read_deleted(session: Session, shop: Shop, customers: Collection[int]) -> frozenset[int | None]:
    """Return which of some customers Shopify has deleted."""
    deleted = select(Customer.id).where(
        Customer.shop_id == shop.id, among(Customer.id, customers), Customer.deleted_at.is_not(None)
    )
    return frozenset(session.scalars(deleted))
