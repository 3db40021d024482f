"""What the tiers' room shows: who has which tier, since when a rate is used, and the runs over everybody."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, ColumnElement, any_, cast, exists, func, or_, select
from sqlalchemy.orm import Session

from app.engine.rules.facts_json import terms_from_json
from app.engine.rules.money import share_half_up
from app.engine.rules.terms import Terms
from app.models import Customer, TermsVersion, TierAssignmentRow, TierRun

RUNS = 5
#: Older versions than so many are not looked at to tell since when a rate is used.
_VERSIONS = 200
_WHOLE_BPS = 10_000


@dataclass(frozen=True, slots=True)
class Figures:
    """How a tier stands among the customers who are there; ``share_bps`` is its part of all their spend."""

    customers: int = 0
    spend_minor: int = 0
    share_bps: int = 0
    #: Tiers given by hand or bought that last.
    given: int = 0


@dataclass(frozen=True, slots=True)
class Since:
    """The version that first gave a tier the threshold and the rate it has now."""

    version: int
    at: datetime


def read_figures(session: Session, shop_id: int, names: Iterable[str], now: datetime) -> dict[str, Figures]:
    """Return how each tier stands. It walks through all customers of the shop once."""
    having = (
        select(Customer.tier_name, func.count(), func.sum(Customer.tier_spend_minor))
        .where(Customer.shop_id == shop_id, Customer.deleted_at.is_(None), Customer.tier_name.is_not(None))
        .group_by(Customer.tier_name)
    )
    shown = {name: (count, int(spend or 0)) for name, count, spend in session.execute(having)}
    lasting = (
        select(TierAssignmentRow.tier_name, func.count())
        .where(TierAssignmentRow.shop_id == shop_id, *_lasts(now))
        .group_by(TierAssignmentRow.tier_name)
    )
    given = dict(session.execute(lasting).all())
    total = sum(spend for _, spend in shown.values())
    figures = {}
    for name in names:
        count, spend = shown.get(name, (0, 0))
        share_bps = share_half_up(spend, _WHOLE_BPS, total) if total > 0 else 0
        figures[name] = Figures(count, spend, share_bps, given.get(name, 0))
    return figures


def list_in_use(session: Session, shop_id: int, names: Collection[str], now: datetime) -> set[str]:
    """Return which of some tiers a customer has, or is given: they cannot be left out of new terms."""
    asked = list(names)
    if not asked:
        return set()
    # Each name by itself, so that the planner knows how rare it is: the customers are not read for one that is not.
    found = session.execute(select(*(_is_used(shop_id, name, now) for name in asked))).one()
    return {name for name, is_used in zip(asked, found, strict=True) if is_used}


def find_sinces(session: Session, shop_id: int, terms: Terms, now: datetime) -> dict[str, Since]:
    """Return for each tier of the terms in force since when it has its threshold and rate without a break."""
    sinces: dict[str, Since] = {}
    lasting = {tier.name: (tier.threshold_minor, tier.rate_bps) for tier in terms.tiers}
    for older, began in _list_begun(session, shop_id, now):
        then = {tier.name: (tier.threshold_minor, tier.rate_bps) for tier in older.tiers}
        lasting = {name: was for name, was in lasting.items() if then.get(name) == was}
        sinces |= {name: Since(older.version, began) for name in lasting}
        if not lasting:
            break
    return sinces


def list_tier_names(session: Session, shop_id: int, now: datetime) -> list[str]:
    """Return the names of all tiers there are and were, those in force first."""
    names = (tier.name for older, _ in _list_begun(session, shop_id, now) for tier in older.tiers)
    return list(dict.fromkeys(names))


def list_runs(session: Session, shop_id: int, limit: int = RUNS) -> list[TierRun]:
    """Return the newest looks at everybody's tier."""
    newest = select(TierRun).where(TierRun.shop_id == shop_id).order_by(TierRun.at.desc(), TierRun.id.desc())
    return list(session.scalars(newest.limit(limit).execution_options(populate_existing=True)))


def name_customers(session: Session, shop_id: int, customer_ids: Sequence[int]) -> dict[int, Customer]:
    """Return some customers by our id."""
    which = (Customer.shop_id == shop_id, Customer.id == any_(cast(list(customer_ids), ARRAY(Customer.id.type))))
    return {customer.id: customer for customer in session.scalars(select(Customer).where(*which))}


def _list_begun(session: Session, shop_id: int, now: datetime) -> list[tuple[Terms, datetime]]:
    """Return the versions that have held, the one in force first."""
    rows = session.execute(
        select(TermsVersion.body, TermsVersion.effective_from)
        .where(TermsVersion.shop_id == shop_id, TermsVersion.effective_from <= now)
        .order_by(TermsVersion.effective_from.desc(), TermsVersion.version.desc())
        .limit(_VERSIONS)
    )
    return [(terms_from_json(body), began) for body, began in rows]


def _is_used(shop_id: int, name: str, now: datetime) -> ColumnElement[bool]:
    had = exists().where(Customer.shop_id == shop_id, Customer.tier_name == name, Customer.deleted_at.is_(None))
    given = exists().where(TierAssignmentRow.shop_id == shop_id, TierAssignmentRow.tier_name == name, *_lasts(now))
    return or_(had, given)


def _lasts(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    row = TierAssignmentRow
    return row.starts_at <= now, or_(row.ends_at.is_(None), row.ends_at > now)
