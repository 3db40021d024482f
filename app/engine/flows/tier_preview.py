"""Who would move, and what it would cost, if other terms were in force now. Nothing is saved."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ARRAY, BigInteger, any_, cast, func, select
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.orm import Session

from app.engine.programme import Programme
from app.engine.rules.money import share_half_up
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Terms
from app.engine.rules.valid_terms import validate_terms
from app.engine.standings import look_now, read_standings
from app.errors import NotFound, Refused
from app.models import Customer, Order, Reward, Shop

MONTH = timedelta(days=30)
BATCH = 5_000
_WHOLE_BPS = 10_000
#: What a reward's explanation says is still kept of its order, where something went back.
_KEPT = '$[*] ? (@.kind == "kept_amount").kept_eligible_minor'


class Move(NamedTuple):
    """From which tier to which, and how many customers."""

    before: str
    after: str
    customers: int


class Mover(NamedTuple):
    """One customer who would move."""

    customer_id: int
    shopify_id: int
    before: str
    after: str
    #: Under the new terms.
    spend_minor: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What other terms would change at once. A month is the last 30 days."""

    customers: int
    #: The largest first.
    moves: tuple[Move, ...]
    #: More cashback a month, in minor units of ``currency``; negative for less.
    extra_minor: int
    currency: str
    #: The first who would move, by id.
    sample: tuple[Mover, ...]


def preview(session: Session, shop_id: int, new_terms: Terms, now: datetime, *, sample: int = 20) -> Preview:
    """Return who would move from which tier to which, and the extra cost per month; raise Refused for bad terms.

    The cost is what each customer's orders of the last 30 days kept of their eligible amount, times the difference
    of the two tiers' rates, rounded once per customer. Rates of products, campaigns, caps and limits are left out.
    """
    problems = validate_terms(new_terms)
    if problems:
        all_of_them = " ".join(problems)
        raise Refused(all_of_them)
    shop = session.get(Shop, shop_id)
    if shop is None:
        raise NotFound("There is no such shop in this installation.")
    looks = [look_now(session, shop, terms, now) for terms in (Programme(session, shop).at(now), new_terms)]
    moves: Counter[tuple[str, str]] = Counter()
    movers: list[Mover] = []
    customers = extra_minor = last = 0
    while batch := _next_batch(session, shop_id, last):
        customers, last = customers + len(batch), max(batch)
        eligible = _read_eligible(session, shop_id, list(batch), now - MONTH)
        for customer_id, (old, new) in read_standings(session, shop, list(batch), looks):
            difference_bps = new.tier.rate_bps - old.tier.rate_bps
            extra_minor += share_half_up(eligible.get(customer_id, 0), difference_bps, _WHOLE_BPS)
            pair = (old.tier.name, new.tier.name)
            if old.tier.name != new.tier.name:
                moves[pair] += 1
                if len(movers) < sample:
                    movers.append(Mover(customer_id, batch[customer_id], *pair, new.spend_minor))
    return Preview(
        customers=customers,
        moves=tuple(Move(*pair, count) for pair, count in sorted(moves.items(), key=lambda item: (-item[1], item[0]))),
        extra_minor=extra_minor,
        currency=shop.currency,
        sample=tuple(movers),
    )


def _next_batch(session: Session, shop_id: int, after: int) -> dict[int, int]:
    """Return the next customers: Shopify's id by ours, ascending."""
    rows = session.execute(
        select(Customer.id, Customer.shopify_id)
        .where(Customer.shop_id == shop_id, Customer.id > after, Customer.deleted_at.is_(None))
        .order_by(Customer.id)
        .limit(BATCH)
    )
    return dict(rows.all())


def _read_eligible(
    session: Session, shop_id: int, customer_ids: Sequence[int], since: datetime
) -> dict[int | None, int]:
    """Return what customers' orders since an instant kept of their eligible amounts, where they keep cashback."""
    kept_where_something_went_back = func.jsonb_path_query_first(Reward.steps, cast(_KEPT, JSONPATH))
    kept = func.coalesce(cast(kept_where_something_went_back, BigInteger), Reward.eligible_minor)
    rows = session.execute(
        select(Reward.customer_id, func.sum(kept))
        .join(Order, Order.id == Reward.order_id)
        .where(
            Reward.shop_id == shop_id,
            Reward.customer_id == any_(cast(customer_ids, ARRAY(BigInteger))),
            Reward.state.not_in((RewardState.REJECTED, RewardState.VOIDED)),
            Reward.granted_minor > Reward.reversed_minor,
            Order.placed_at >= since,
        )
        .group_by(Reward.customer_id)
    )
    return {customer_id: int(eligible) for customer_id, eligible in rows}
