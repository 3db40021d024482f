"""Record: entries posted once per key, and balances as sums. Append-only: a correction is a new entry."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, union_all
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.rules.postings import Account, EntryKind, Posting
from app.models import LedgerEntry, LedgerPosting

Balances = dict[Account, int]


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """An entry about to be written. ``key`` is made of business facts, so that it can only be written once."""

    key: str
    kind: EntryKind
    customer_id: int
    currency: str
    #: When it happened outside.
    occurred_at: datetime
    #: ``system`` or ``staff:<id>``.
    actor: str
    postings: tuple[Posting, ...]
    reward_id: int | None = None

    def __post_init__(self) -> None:
        if not self.postings:
            raise ValueError(f"The entry {self.key} moves nothing.")


def post(session: Session, shop_id: int, drafts: Sequence[EntryDraft], now: datetime) -> frozenset[str]:
    """Write the entries whose key is new in this shop and return those keys; the others were written before.

    Of two drafts with one key the first counts.

    The caller holds the locks of the customers concerned.
    """
    if not drafts:
        return frozenset()
    by_key = {draft.key: draft for draft in reversed(drafts)}
    drafts = [draft for draft in drafts if by_key[draft.key] is draft]
    rows = [
        {
            "shop_id": shop_id,
            "key": draft.key,
            "kind": draft.kind,
            "customer_id": draft.customer_id,
            "reward_id": draft.reward_id,
            "currency": draft.currency,
            "occurred_at": draft.occurred_at,
            "recorded_at": now,
            "actor": draft.actor,
        }
        for draft in drafts
    ]
    statement = (
        upsert(LedgerEntry)
        .values(rows)
        .on_conflict_do_nothing(index_elements=["shop_id", "key"])
        .returning(LedgerEntry.id, LedgerEntry.key)
    )
    entry_ids = {key: entry_id for entry_id, key in session.execute(statement)}
    postings = [
        {
            "shop_id": shop_id,
            "entry_id": entry_ids[draft.key],
            "customer_id": draft.customer_id,
            "currency": draft.currency,
            "source": posting.source,
            "destination": posting.destination,
            "amount_minor": posting.amount_minor,
        }
        for draft in drafts
        if draft.key in entry_ids
        for posting in draft.postings
    ]
    if postings:
        session.execute(insert(LedgerPosting), postings)
    return frozenset(entry_ids)


def read_balances(session: Session, shop_id: int, customer_ids: Collection[int], currency: str) -> dict[int, Balances]:
    """Return each customer's balances by account, in minor units: what came in minus what went out."""
    balances: dict[int, Balances] = {customer_id: defaultdict(int) for customer_id in customer_ids}
    if not customer_ids:
        return balances
    of_these = (
        LedgerPosting.shop_id == shop_id,
        LedgerPosting.customer_id.in_(customer_ids),
        LedgerPosting.currency == currency,
    )
    amount = func.sum(LedgerPosting.amount_minor)
    moved = union_all(
        select(LedgerPosting.customer_id, LedgerPosting.destination.label("account"), amount.label("minor"))
        .where(*of_these)
        .group_by(LedgerPosting.customer_id, LedgerPosting.destination),
        select(LedgerPosting.customer_id, LedgerPosting.source.label("account"), (-amount).label("minor"))
        .where(*of_these)
        .group_by(LedgerPosting.customer_id, LedgerPosting.source),
    )
    for customer_id, account, minor in session.execute(moved):
        balances[customer_id][account] += int(minor)
    return balances
