"""Books what moved a customer's store credit in Shopify besides our own transfers, each move once."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.audit import SYSTEM
from app.engine.daybook import Cause, Daybook
from app.engine.expiries import Expiries
from app.engine.locks import lock_customers
from app.engine.messages import TOLD_WITHIN, MessageDraft, write_messages
from app.engine.rules import postings
from app.engine.rules.facts import CreditMove, MoveKind
from app.engine.rules.messages import Topic
from app.engine.rules.postings import EntryKind
from app.engine.rules.statement_lines import EXPIRATION_OF
from app.errors import Broken, NotYet
from app.models import CreditMoveRow, Customer, Shop, Transfer
from app.sentences import say

_KINDS = {
    MoveKind.REDEMPTION: EntryKind.REDEMPTION,
    MoveKind.RETURN: EntryKind.RETURN,
    MoveKind.EXPIRY: EntryKind.EXPIRY,
    MoveKind.EXTERNAL_CREDIT: EntryKind.EXTERNAL,
    MoveKind.EXTERNAL_DEBIT: EntryKind.EXTERNAL,
}


def book_moves(
    session: Session, shop: Shop, moves: Sequence[CreditMove], now: datetime, also: Collection[int] = ()
) -> list[CreditMoveRow]:
    """Book the moves that are new and return their rows; a move's ``customer_id`` is Shopify's.

    An expiry's key is ``expiration:`` and Shopify's id of the credit transaction that expired, so that it takes the
    place of what was reckoned for one of our credits. ``also`` are ids of ours whose expired credit is reckoned anew.
    Raises NotYet while a customer is not known, Broken for an amount that is none.
    """
    if any(move.amount_minor <= 0 for move in moves):
        raise Broken(say("A move on a store-credit account has an amount above zero; its kind says which way it went."))
    customers = get_customers(session, shop, {move.customer_id for move in moves})
    lock_customers(session, shop.id, {*customers.values(), *also})
    fresh = _store(session, shop, moves, customers, now)
    whose = {row.customer_id for row in fresh} | set(also)
    if not whose:
        return []
    daybook = Daybook(session, shop, whose, actor=SYSTEM, now=now)
    expiries = Expiries(session, shop, whose, daybook, now)
    expiries.lower()
    rewards = _find_rewards(session, shop, fresh)
    for row in fresh:
        rows = postings.move(row.kind, row.amount_minor)
        cause = Cause(move_id=row.id, reward_id=rewards.get(row.key))
        daybook.enter(_KINDS[row.kind], row.customer_id, f"move:{row.key}", rows, row.at, cause)
    expiries.raise_()
    daybook.write()
    write_messages(session, shop.id, [_message(row) for row in fresh if _is_told(row, now)], now)
    return fresh


def get_customers(session: Session, shop: Shop, shopify_ids: Collection[int]) -> dict[int, int]:
    """Return our ids by Shopify's; raise NotYet while one of them is not known."""
    rows = session.execute(
        select(Customer.shopify_id, Customer.id).where(
            Customer.shop_id == shop.id, Customer.shopify_id.in_(shopify_ids)
        )
    )
    customers: dict[int, int] = dict(list(rows))
    unknown = sorted(set(shopify_ids) - customers.keys())
    if unknown:
        raise NotYet(
            say("No customer {unknown} is known in this shop yet; the move is booked once it is.", unknown=unknown[0])
        )
    return customers


def _is_told(row: CreditMoveRow, now: datetime) -> bool:
    """Say whether a move is a refund of an order to store credit, and not one out of an account's long history."""
    return row.kind is MoveKind.EXTERNAL_CREDIT and row.order_shopify_id is not None and row.at > now - TOLD_WITHIN


def _message(row: CreditMoveRow) -> MessageDraft:
    return MessageDraft(f"move:{row.id}", Topic.REFUND, row.customer_id, None, row.id)


def _store(
    session: Session, shop: Shop, moves: Sequence[CreditMove], customers: dict[int, int], now: datetime
) -> list[CreditMoveRow]:
    """Store the moves whose key is new and return their rows, oldest first; of one moment in the order told."""
    if not moves:
        return []
    rows = [
        {
            "shop_id": shop.id,
            "key": move.key,
            "customer_id": customers[move.customer_id],
            "kind": move.kind,
            "currency": shop.currency,
            "amount_minor": move.amount_minor,
            "at": move.at,
            "order_shopify_id": move.order_id,
            "first_seen_at": now,
        }
        for move in moves
    ]
    statement = upsert(CreditMoveRow).values(rows).on_conflict_do_nothing(index_elements=["shop_id", "key"])
    fresh = session.scalars(statement.returning(CreditMoveRow)).all()
    place = {move.key: number for number, move in enumerate(moves)}
    return sorted(fresh, key=lambda row: (row.at, place[row.key]))


def _find_rewards(session: Session, shop: Shop, rows: Sequence[CreditMoveRow]) -> dict[str, int | None]:
    """Return by key the rewards whose credit expired."""
    gids = [row.key.removeprefix(EXPIRATION_OF) for row in rows if row.kind is MoveKind.EXPIRY]
    found = session.execute(
        select(Transfer.shopify_transaction_id, Transfer.reward_id).where(
            Transfer.shop_id == shop.id, Transfer.shopify_transaction_id.in_(gids)
        )
    )
    return {f"{EXPIRATION_OF}{gid}": reward_id for gid, reward_id in found}
