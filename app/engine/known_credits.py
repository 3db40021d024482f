"""What customers had of rewards before anything that waits to be told happened: credit they know of without a word."""

from collections import Counter
from collections.abc import Collection

from sqlalchemy import BigInteger, ColumnElement, Subquery, case, cast, func, select
from sqlalchemy.orm import Session

from app.engine.digest_runs import WAITS
from app.engine.letter_facts import Whose
from app.engine.rules.messages import Topic
from app.engine.rules.postings import Account, EntryKind
from app.engine.rules.states import TransferKind, TransferState
from app.models import Customer, LedgerEntry, LedgerPosting, Message, Shop, Transfer
from app.models.columns import among

#: What was booked or moved before two customers became one is the kept one's.
_WHOSE = func.coalesce(Customer.merged_into_id, Customer.id)


def read_known(session: Session, shop: Shop, reward_ids: Collection[int]) -> Counter[Whose]:
    """Return what was credited, and kept, of rewards before the oldest message that waits for each; in minor units.

    Of most there is none: the credit tells of itself.
    """
    known: Counter[Whose] = Counter()
    if not reward_ids:
        return known
    credited = _read_credited(session, shop, reward_ids)
    kept = _read_kept(session, shop, {reward_id for reward_id, _ in credited}) if credited else Counter()
    for whose, minor in credited.items():
        known[whose] = max(min(minor, kept[whose]), 0)
    return known


def _read_credited(session: Session, shop: Shop, reward_ids: Collection[int]) -> dict[Whose, int]:
    """Return what Shopify had confirmed before something began to wait."""
    waits = _since(shop, reward_ids)
    found = session.execute(
        select(waits.c.reward_id, waits.c.customer_id, _sum(Transfer.amount_minor - Transfer.cancelled_minor))
        .join(Transfer, Transfer.reward_id == waits.c.reward_id)
        .join(Customer, Customer.id == Transfer.customer_id)
        .where(
            Transfer.shop_id == shop.id,
            among(Transfer.reward_id, reward_ids),
            Transfer.kind == TransferKind.CREDIT,
            Transfer.state == TransferState.CONFIRMED,
            Transfer.confirmed_at < waits.c.since,
            waits.c.customer_id == _WHOSE,
        )
        .group_by(waits.c.reward_id, waits.c.customer_id)
    )
    return {(reward_id, customer_id): minor for reward_id, customer_id, minor in found}


def _read_kept(session: Session, shop: Shop, reward_ids: Collection[int]) -> Counter[Whose]:
    """Return what the books held of rewards before something began to wait."""
    waits = _since(shop, reward_ids)
    found = session.execute(
        select(waits.c.reward_id, waits.c.customer_id, _sum(_kept_by()))
        .join(LedgerEntry, LedgerEntry.reward_id == waits.c.reward_id)
        .join(LedgerPosting, LedgerPosting.entry_id == LedgerEntry.id)
        .join(Customer, Customer.id == LedgerEntry.customer_id)
        .where(
            LedgerEntry.shop_id == shop.id,
            LedgerPosting.shop_id == shop.id,
            among(LedgerEntry.reward_id, reward_ids),
            LedgerEntry.recorded_at < waits.c.since,
            waits.c.customer_id == _WHOSE,
        )
        .group_by(waits.c.reward_id, waits.c.customer_id)
    )
    kept: Counter[Whose] = Counter()
    for reward_id, customer_id, minor in found:
        kept[reward_id, customer_id] = minor
    return kept


def _since(shop: Shop, reward_ids: Collection[int]) -> Subquery:
    """Return when the oldest message that waits for each reward and customer was written."""
    waits = (Message.shop_id == shop.id, Message.topic == Topic.REWARD, WAITS, among(Message.reward_id, reward_ids))
    oldest = select(Message.reward_id, Message.customer_id, func.min(Message.created_at).label("since"))
    oldest = oldest.where(*waits, Message.customer_id.is_not(None))
    return oldest.group_by(Message.reward_id, Message.customer_id).subquery()


def _sum(minor: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.sum(minor), BigInteger)


def _kept_by() -> ColumnElement[int]:
    """Return by how much a posting changes what is kept: what is promised for a reward, less what is set off."""
    return case(
        (LedgerPosting.source == Account.PROMISED, LedgerPosting.amount_minor),
        (LedgerPosting.destination == Account.PROMISED, -LedgerPosting.amount_minor),
        (LedgerEntry.kind == EntryKind.SET_OFF, -LedgerPosting.amount_minor),
        else_=0,
    )
