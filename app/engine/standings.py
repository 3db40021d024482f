"""Which tier customers have now, as rows: for lists, for the log of who moved, and for what needs to know it.

The rows are a projection: an order's tier is computed anew from the facts and never read from here. Whoever changes
what a tier follows from (an order, a tier given by hand, a run over everybody) makes them fresh in the same
transaction.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Select,
    Text,
    all_,
    any_,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from app.engine.audit import SYSTEM
from app.engine.messages import insert_messages
from app.engine.programme import Programme
from app.engine.rules.facts import SpendEvent, TierAssignment, TierSource
from app.engine.rules.messages import Topic
from app.engine.rules.terms import Terms
from app.engine.rules.tiers import Look, Standing
from app.models import Customer, Shop, SpendRow, TierAssignmentRow, TierChange, TierChangeKind, TierRun
from app.models.columns import as_rows
from app.sentences import say

#: A standing is asked just before an instant; what happened at this very moment belongs to the tier shown.
_INSTANT = timedelta(microseconds=1)


def refresh_standings(
    session: Session,
    shop: Shop,
    customer_ids: Collection[int],
    now: datetime,
    actor: str = SYSTEM,
    *,
    terms: Terms | None = None,
    by_hand: bool = False,
    quiet: Collection[int] = (),
) -> int:
    """Bring the tiers shown of these customers up to date, log who moved, and return how many did.

    Writes only what changed, so a second call writes nothing. ``terms`` are those in force now, where the caller
    has them already; ``by_hand`` logs moves as a person's; ``quiet`` are not told of theirs. The customers are locked
    by the caller.
    """
    if not customer_ids:
        return 0
    terms = terms or Programme(session, shop).at(now)
    look = look_now(session, shop, terms, now)
    which = cast(sorted(set(customer_ids)), ARRAY(BigInteger))
    shown = select(Customer.id, Customer.tier_name, Customer.tier_spend_minor).where(
        Customer.shop_id == shop.id, Customer.id == any_(which)
    )
    before = {customer_id: (name, spend_minor) for customer_id, name, spend_minor in session.execute(shown)}
    changed: list[tuple[int, str, int]] = []
    moves: list[tuple[int, str | None, str, str, int]] = []
    for customer_id, (standing,) in read_standings(session, shop, sorted(before), [look]):
        name, spend_minor = before[customer_id]
        after = standing.tier.name
        if (name, spend_minor) != (after, standing.spend_minor):
            changed.append((customer_id, after, standing.spend_minor))
        if name != after:
            kind = TierChangeKind.MANUAL if by_hand else _kind_of(name, standing, terms)
            moves.append((customer_id, name, after, kind.value, standing.spend_minor))
    if changed:
        _show(session, shop, changed, now)
    if moves:
        _log(session, shop, moves, terms.version, actor, now, quiet)
    return len(moves)


def look_now(session: Session, shop: Shop, terms: Terms, now: datetime) -> Look:
    """Return a look at tiers as they are now, what happens at this moment included."""
    # The schedule's own runs follow from the terms; only what a person asked for is a fact of its own.
    asked = select(func.max(TierRun.at)).where(TierRun.shop_id == shop.id, TierRun.at <= now, TierRun.actor != SYSTEM)
    newest = session.scalar(asked)
    return Look(terms, now + _INSTANT, ZoneInfo(shop.timezone), [] if newest is None else [newest])


def read_standings(
    session: Session, shop: Shop, customer_ids: Sequence[int], looks: Sequence[Look]
) -> Iterator[tuple[int, list[Standing]]]:
    """Yield for each of the customers, whose ids ascend, how they stand in each of the looks."""
    which = cast(customer_ids, ARRAY(BigInteger))
    given: dict[int, list[TierAssignment]] = defaultdict(list)
    for row in session.execute(_assignments(shop.id, which)):
        given[row.customer_id].append(
            TierAssignment(row.tier_name, row.starts_at, row.ends_at, row.source, row.is_locked)
        )
    spent = groupby(session.execute(_events(shop.id, which)), key=lambda row: row[0])
    group = next(spent, None)
    of_nobody = [look.standing([]) for look in looks]
    for customer_id in customer_ids:
        if customer_id not in given and (group is None or group[0] != customer_id):
            yield customer_id, of_nobody
            continue
        events: list[SpendEvent] = []
        if group is not None and group[0] == customer_id:
            events = [
                SpendEvent(at, amount_minor, order_id, placed_at)
                for _, at, amount_minor, order_id, placed_at in group[1]
            ]
            group = next(spent, None)
        yield customer_id, [look.standing(events, given[customer_id]) for look in looks]


def check_tiers_in_use(session: Session, shop_id: int, new_terms: Terms, now: datetime) -> list[str]:
    """Return why new terms cannot leave out the tiers they leave out: a sentence for each that somebody has."""
    kept = [tier.name for tier in new_terms.tiers]
    name_of, given = Customer.tier_name, TierAssignmentRow.tier_name
    of_shop = (Customer.shop_id == shop_id, Customer.deleted_at.is_(None), name_of.is_not(None))
    lasting = or_(TierAssignmentRow.ends_at.is_(None), TierAssignmentRow.ends_at > now)
    having = select(name_of, func.count()).where(*of_shop, name_of.not_in(kept)).group_by(name_of)
    giving = select(given, func.count()).where(TierAssignmentRow.shop_id == shop_id, given.not_in(kept), lasting)
    customers = Counter({str(name): count for name, count in session.execute(having)})
    assigned = Counter(dict(session.execute(giving.group_by(given)).all()))
    return [
        say(
            "The tier {name} cannot be left out while it is in use (customers who have it: {customers}; assignments"
            " that give it: {assignments}). Keep it under this name, or first raise its threshold, end its assignments"
            " and recalculate.",
            name=repr(name),
            customers=customers[name],
            assignments=assigned[name],
        )
        for name in sorted(customers.keys() | assigned.keys())
    ]


def _assignments(shop_id: int, which: Any) -> Select[*tuple[Any, ...]]:
    row = TierAssignmentRow
    return select(row.customer_id, row.tier_name, row.starts_at, row.ends_at, row.source, row.is_locked).where(
        row.shop_id == shop_id, row.customer_id == any_(which)
    )


def _events(shop_id: int, which: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(SpendRow.customer_id, SpendRow.at, SpendRow.amount_minor, SpendRow.order_id, SpendRow.placed_at)
        .where(SpendRow.shop_id == shop_id, SpendRow.customer_id == any_(which))
        .order_by(SpendRow.customer_id)
    )


def _kind_of(before: str | None, standing: Standing, terms: Terms) -> TierChangeKind:
    if standing.source is TierSource.MANUAL:
        return TierChangeKind.MANUAL
    if before is None:
        return TierChangeKind.INITIAL
    # A tier that is gone counts as below all others.
    thresholds = {tier.name: tier.threshold_minor for tier in terms.tiers}
    up = standing.tier.threshold_minor > thresholds.get(before, -1)
    return TierChangeKind.UPGRADE if up else TierChangeKind.DOWNGRADE


def _show(session: Session, shop: Shop, changed: Sequence[tuple[int, str, int]], now: datetime) -> None:
    fresh = as_rows(changed, customer_id=BigInteger, tier_name=Text, spend_minor=BigInteger)
    moment = cast(now, DateTime(timezone=True))
    moved = Customer.tier_name.is_distinct_from(fresh.c.tier_name)
    session.execute(
        update(Customer)
        .where(Customer.shop_id == shop.id, Customer.id == fresh.c.customer_id)
        .values(
            tier_name=fresh.c.tier_name,
            tier_spend_minor=fresh.c.spend_minor,
            tier_since=case((moved, moment), else_=Customer.tier_since),
            tier_checked_at=moment,
        )
        .execution_options(synchronize_session=False)
    )


def _log(
    session: Session,
    shop: Shop,
    moves: Sequence[tuple[int, str | None, str, str, int]],
    terms_version: int,
    actor: str,
    now: datetime,
    quiet: Collection[int],
) -> None:
    """Write the log of moves, and in the same statement a message for whoever had another tier before."""
    own = {"customer_id": BigInteger, "before": Text, "after": Text, "kind": Text, "spend_minor": BigInteger}
    shared = {"shop_id": shop.id, "terms_version": terms_version, "at": now, "actor": actor}
    each = as_rows(moves, **own)
    values = select(*each.c, *(literal(value, TierChange.__table__.c[name].type) for name, value in shared.items()))
    change = TierChange
    log = insert(change).from_select([*own, *shared], values).returning(change.id, change.customer_id, change.kind)
    logged = log.cte("logged")
    told = select(
        func.concat("tier:", logged.c.id).label("key"),
        literal(Topic.TIER.value).label("topic"),
        logged.c.customer_id,
        cast(null(), BigInteger).label("reward_id"),
        logged.c.id.label("subject_id"),
        cast(null(), Text).label("drop_reason"),
        logged.c.id.label("place"),
    ).where(logged.c.kind != TierChangeKind.INITIAL, logged.c.customer_id != all_(cast(list(quiet), ARRAY(BigInteger))))
    session.execute(insert_messages(shop.id, told.subquery("each"), now).add_cte(logged))
