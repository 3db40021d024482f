"""Record: entries posted once per key, and balances as sums. Append-only: a correction is a new entry."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import BigInteger, cast, func, insert, select, true, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from app.engine.messages import MessageDraft, write_messages
from app.engine.rules.chain import NO_DIGEST, Link, compute_digest
from app.engine.rules.messages import Topic
from app.engine.rules.postings import Account, EntryKind, Posting
from app.models import LedgerEntry, LedgerPosting
from app.models.columns import among

Balances = dict[Account, int]
#: What an entry's row has in common with its link in the chain; the postings have rows of their own.
_LINKED = [field.name for field in fields(Link) if field.name != "postings"]
#: What changes what a customer has coming. The rest is told when Shopify has carried it out, or not at all.
_OF_REWARDS = {EntryKind.ACCRUAL, EntryKind.VOID, EntryKind.CLAWBACK, EntryKind.SET_OFF}


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
    adjustment_id: int | None = None
    move_id: int | None = None

    def __post_init__(self) -> None:
        if not self.postings:
            raise ValueError(f"The entry {self.key} moves nothing.")


def post(session: Session, shop_id: int, drafts: Sequence[EntryDraft], now: datetime) -> frozenset[str]:
    """Write the entries whose key is new in this shop and return those keys; the others were written before.

    Of two drafts with one key the first counts. Each entry takes the next position of its customer's chain, and what
    customers may want to know of leaves a message.

    The caller holds the locks of the customers concerned. Without them two might see the same last entry and
    take the same position, which the database refuses.
    """
    fresh = _without_written(session, shop_id, drafts)
    if not fresh:
        return frozenset()
    rows = _chain(session, shop_id, fresh, now)
    ids = session.scalars(insert(LedgerEntry).returning(LedgerEntry.id, sort_by_parameter_order=True), rows).all()
    postings = [
        {
            "shop_id": shop_id,
            "entry_id": entry_id,
            "customer_id": draft.customer_id,
            "currency": draft.currency,
            "source": posting.source,
            "destination": posting.destination,
            "amount_minor": posting.amount_minor,
        }
        for entry_id, draft in zip(ids, fresh.values(), strict=True)
        for posting in draft.postings
    ]
    session.execute(insert(LedgerPosting), postings)
    write_messages(session, shop_id, _messages(fresh.values()), now)
    return frozenset(fresh)


def _without_written(session: Session, shop_id: int, drafts: Sequence[EntryDraft]) -> dict[str, EntryDraft]:
    """Return the drafts whose key is new, in their order."""
    fresh: dict[str, EntryDraft] = {}
    for draft in drafts:
        fresh.setdefault(draft.key, draft)
    if not fresh:
        return fresh
    known = select(LedgerEntry.key).where(LedgerEntry.shop_id == shop_id, LedgerEntry.key.in_(list(fresh)))
    for key in session.scalars(known):
        del fresh[key]
    return fresh


def _messages(drafts: Iterable[EntryDraft]) -> list[MessageDraft]:
    found = []
    for draft in drafts:
        key, whose = f"entry:{draft.key}", draft.customer_id
        if draft.reward_id is not None and draft.kind in _OF_REWARDS:
            found.append(MessageDraft(key, Topic.REWARD, whose, draft.reward_id, draft.reward_id))
        elif draft.adjustment_id is not None:
            found.append(MessageDraft(key, Topic.ADJUSTMENT, whose, None, draft.adjustment_id))
    return found


def _chain(session: Session, shop_id: int, drafts: Mapping[str, EntryDraft], now: datetime) -> list[dict[str, object]]:
    """Return the rows of entries, each linked to its customer's entry before it."""
    ends = _read_ends(session, shop_id, {draft.customer_id for draft in drafts.values()})
    rows: list[dict[str, object]] = []
    for draft in drafts.values():
        position, previous = ends.get(draft.customer_id, (0, NO_DIGEST))
        link = Link(
            shop_id=shop_id,
            customer_id=draft.customer_id,
            position=position + 1,
            key=draft.key,
            kind=draft.kind,
            currency=draft.currency,
            occurred_at=draft.occurred_at,
            recorded_at=now,
            actor=draft.actor,
            postings=draft.postings,
            reward_id=draft.reward_id,
            adjustment_id=draft.adjustment_id,
            move_id=draft.move_id,
        )
        digest = compute_digest(previous, link)
        rows.append({**{name: getattr(link, name) for name in _LINKED}, "digest": digest})
        ends[draft.customer_id] = (position + 1, digest)
    return rows


def _read_ends(session: Session, shop_id: int, customer_ids: Collection[int]) -> dict[int, tuple[int, bytes]]:
    """Return position and digest of each customer's newest entry in the chain; those without one are left out."""
    # Named as no column is: the name stands alone in the query, where a column of that name would take its place.
    wanted_id = func.unnest(cast(sorted(customer_ids), ARRAY(BigInteger))).column_valued("wanted_id")
    newest = (
        select(LedgerEntry.position, LedgerEntry.digest)
        .where(
            LedgerEntry.shop_id == shop_id,
            LedgerEntry.customer_id == wanted_id,
            LedgerEntry.position.is_not(None),
        )
        .order_by(LedgerEntry.position.desc())
        .limit(1)
        .lateral()
    )
    rows = session.execute(select(wanted_id, newest.c.position, newest.c.digest).join(newest, true()))
    return {customer: (position, digest) for customer, position, digest in rows}


def read_balances(session: Session, shop_id: int, customer_ids: Collection[int], currency: str) -> dict[int, Balances]:
    """Return each customer's balances by account, in minor units: what came in minus what went out."""
    balances: dict[int, Balances] = {customer_id: defaultdict(int) for customer_id in customer_ids}
    if not customer_ids:
        return balances
    of_these = (
        LedgerPosting.shop_id == shop_id,
        among(LedgerPosting.customer_id, customer_ids),
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
