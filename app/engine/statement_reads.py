"""The figures of statements, summed up from the books: the same ones wherever a statement is read or told."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.engine.rules.postings import Posting
from app.engine.rules.statements import Figures, compute_figures
from app.models import LedgerEntry, LedgerPosting, Shop, Statement
from app.models.columns import among


def read_figures(session: Session, shop: Shop, statement_ids: Collection[int]) -> dict[int, Figures]:
    """Return the figures of a shop's statements by their numbers.

    They are sums of the entries recorded within each period, so those of a period that is over never change.
    """
    is_before = LedgerEntry.recorded_at < Statement.starts_at
    sums = session.execute(
        select(
            Statement.id,
            is_before,
            LedgerPosting.source,
            LedgerPosting.destination,
            func.sum(LedgerPosting.amount_minor),
        )
        .join(
            LedgerEntry,
            (LedgerEntry.shop_id == Statement.shop_id)
            & (LedgerEntry.customer_id == Statement.customer_id)
            & (LedgerEntry.currency == shop.currency)
            & (LedgerEntry.recorded_at < Statement.ends_at),
        )
        .join(LedgerPosting, LedgerPosting.entry_id == LedgerEntry.id)
        .where(Statement.shop_id == shop.id, among(Statement.id, statement_ids))
        .group_by(Statement.id, is_before, LedgerPosting.source, LedgerPosting.destination)
    )
    before: dict[int, list[Posting]] = defaultdict(list)
    within: dict[int, list[Posting]] = defaultdict(list)
    for statement_id, comes_before, source, destination, minor in sums:
        (before if comes_before else within)[statement_id].append(Posting(source, destination, int(minor)))
    return {number: compute_figures(before[number], within[number]) for number in statement_ids}
