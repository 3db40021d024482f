"""The book of entries: newest first, each with its postings, whom it is about and what Shopify has of it.

Whatever it is filtered by, an index leads: the customer's, the order's or the person's entries, those of an amount, or
else the newest of each kind, merged. So a page costs the same in a shop with millions of entries.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, Text, cast, exists, func, literal_column, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, defer

from app.admin.queries.keyset import Place, Slice, Window, cut, within
from app.admin.queries.search import People, find_people
from app.engine.audit import SYSTEM
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import TransferKind, TransferState
from app.models import Customer, LedgerEntry, LedgerPosting, Order, Reward, Transfer
from app.models.columns import among


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; ``since`` is inclusive and ``until`` is not, both of when an entry was recorded."""

    kind: EntryKind | None = None
    #: Of these customers, or of these rewards; None where nobody in particular is asked for.
    customer_ids: tuple[int, ...] | None = None
    reward_ids: tuple[int, ...] | None = None
    actor: str = ""
    #: Of one of its postings.
    amount_minor: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    #: There are more customers than these who are found by the words that were asked for.
    are_more: bool = False


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry with what it moves and belongs to; ``sync`` is None where Shopify is not concerned."""

    entry: LedgerEntry
    postings: tuple[LedgerPosting, ...]
    customer: Customer
    order: Order | None
    sync: TransferState | None


def list_entries(session: Session, shop_id: int, wanted: Wanted, window: Window) -> Slice[EntryRow]:
    """Return a page of entries."""
    keys = [Place(at, number) for at, number in session.execute(_keys(shop_id, wanted, window))]
    page = cut(keys, window, lambda place: place)
    return Slice(tuple(_read(session, shop_id, [place.id for place in page.rows])), page.newer, page.older)


def find_customer(session: Session, shop_id: int, customer_id: int) -> Customer | None:
    """Return a customer of the shop, by our id."""
    return session.scalar(select(Customer).where(Customer.shop_id == shop_id, Customer.id == customer_id))


def find_called(session: Session, shop_id: int, words: str) -> tuple[tuple[int, ...], People]:
    """Return the rewards of the order of a name, with or without its sign, and the customers found by the words."""
    named = select(Reward.id).join(Order, (Order.shop_id == Reward.shop_id) & (Order.id == Reward.order_id))
    rewards = session.scalars(named.where(Reward.shop_id == shop_id, Order.name.in_((words, f"#{words}"))))
    return tuple(rewards), find_people(session, shop_id, words)


def has_entries(session: Session, shop_id: int) -> bool:
    """Return whether anything was ever booked in the shop."""
    return session.scalar(select(LedgerEntry.id).where(LedgerEntry.shop_id == shop_id).limit(1)) is not None


def _keys(shop_id: int, wanted: Wanted, window: Window) -> Select[datetime, int]:
    entry = LedgerEntry
    columns = select(entry.recorded_at, entry.id)
    is_of_some = not (wanted.customer_ids is None and wanted.reward_ids is None)
    if is_of_some or wanted.actor not in ("", SYSTEM):
        found = columns.where(*_led(shop_id, wanted), *_rest(wanted, with_kind=True))
        if wanted.amount_minor is not None:
            found = found.where(_moves(shop_id, wanted.amount_minor))
        return within(found, entry.recorded_at, entry.id, window)
    if wanted.amount_minor is not None:
        return _of_amount(shop_id, wanted, wanted.amount_minor, window)
    kinds = [wanted.kind] if wanted.kind else list(EntryKind)
    each_kind = func.unnest(cast([str(one) for one in kinds], ARRAY(Text))).table_valued("kind").render_derived()
    newest = columns.where(entry.shop_id == shop_id, entry.kind == each_kind.c.kind, *_rest(wanted, with_kind=False))
    each = within(newest, entry.recorded_at, entry.id, window).lateral()
    whole: Select[datetime, int] = select(each.c.recorded_at, each.c.id)
    return within(whole.select_from(each_kind).join(each, true()), each.c.recorded_at, each.c.id, window)


def _led(shop_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of which an index takes one."""
    entry = LedgerEntry
    which = [entry.shop_id == shop_id]
    some = ((entry.customer_id, wanted.customer_ids), (entry.reward_id, wanted.reward_ids))
    either = [among(column, ids) for column, ids in some if ids is not None]
    if either:
        which.append(or_(*either))
    if wanted.actor not in ("", SYSTEM):
        # The second half is what the index of people's entries holds.
        which += [entry.actor == wanted.actor, literal_column("actor <> 'system'")]
    return which


def _rest(wanted: Wanted, *, with_kind: bool) -> list[ColumnElement[bool]]:
    entry = LedgerEntry
    which = []
    if with_kind and wanted.kind:
        which.append(entry.kind == wanted.kind)
    if wanted.actor == SYSTEM:
        which.append(entry.actor == SYSTEM)
    if wanted.since is not None:
        which.append(entry.recorded_at >= wanted.since)
    if wanted.until is not None:
        which.append(entry.recorded_at < wanted.until)
    return which


def _of_amount(shop_id: int, wanted: Wanted, amount_minor: int, window: Window) -> Select[datetime, int]:
    """Return the query for entries with a posting of an amount: ordered by number, as their index is."""
    entry, number = LedgerEntry, LedgerPosting.entry_id
    matching = select(number).where(LedgerPosting.shop_id == shop_id, LedgerPosting.amount_minor == amount_minor)
    is_back = window.after is not None
    if window.after is not None:
        matching = matching.where(number > window.after.id)
    elif window.before is not None:
        matching = matching.where(number < window.before.id)
    each = matching.distinct().order_by(number if is_back else number.desc()).subquery()
    found = select(entry.recorded_at, entry.id).join(each, each.c.entry_id == entry.id)
    found = found.where(entry.shop_id == shop_id, *_rest(wanted, with_kind=True))
    return found.order_by(each.c.entry_id if is_back else each.c.entry_id.desc()).limit(window.size + 1)


def _moves(shop_id: int, amount_minor: int) -> ColumnElement[bool]:
    of_entry = (LedgerPosting.shop_id == shop_id, LedgerPosting.entry_id == LedgerEntry.id)
    return exists().where(*of_entry, LedgerPosting.amount_minor == amount_minor)


def _read(session: Session, shop_id: int, ids: Sequence[int]) -> list[EntryRow]:
    """Return entries whole, in the order of their ids given."""
    if not ids:
        return []
    found = session.execute(
        select(LedgerEntry, Customer, Order)
        .join(Customer, (Customer.shop_id == LedgerEntry.shop_id) & (Customer.id == LedgerEntry.customer_id))
        .outerjoin(Reward, (Reward.shop_id == LedgerEntry.shop_id) & (Reward.id == LedgerEntry.reward_id))
        .outerjoin(Order, (Order.shop_id == Reward.shop_id) & (Order.id == Reward.order_id))
        .where(LedgerEntry.shop_id == shop_id, among(LedgerEntry.id, ids))
        .options(*(defer(column, raiseload=True) for column in (Order.fact, Order.paid_fact, Order.products)))
    )
    rows = {entry.id: (entry, customer, order) for entry, customer, order in found}
    postings = _list_postings(session, shop_id, ids)
    syncs = _list_syncs(session, shop_id, [entry for entry, _, _ in rows.values()])
    return [
        EntryRow(entry, postings[entry.id], customer, order, syncs.get(_subject(entry)) if _is_sent(entry) else None)
        for entry, customer, order in (rows[number] for number in ids)
    ]


def _list_syncs(session: Session, shop_id: int, entries: Sequence[LedgerEntry]) -> dict[str, TransferState]:
    """Return where the transfers stand that entries want, by what both are named after."""
    keys = [f"{kind}:{_subject(entry)}" for entry in entries if _is_sent(entry) for kind in TransferKind]
    query = select(Transfer.key, Transfer.state).where(Transfer.shop_id == shop_id, Transfer.key.in_(keys))
    return {key.partition(":")[2]: state for key, state in session.execute(query)}


def _is_sent(entry: LedgerEntry) -> bool:
    return entry.kind in (EntryKind.SETTLEMENT, EntryKind.CLAWBACK, EntryKind.ADJUSTMENT)


def _subject(entry: LedgerEntry) -> str:
    return entry.key.partition(":")[2]


def _list_postings(session: Session, shop_id: int, ids: Sequence[int]) -> dict[int, tuple[LedgerPosting, ...]]:
    query = select(LedgerPosting).where(LedgerPosting.shop_id == shop_id, among(LedgerPosting.entry_id, ids))
    postings: defaultdict[int, tuple[LedgerPosting, ...]] = defaultdict(tuple)
    for posting in session.scalars(query.order_by(LedgerPosting.id)):
        postings[posting.entry_id] += (posting,)
    return postings
