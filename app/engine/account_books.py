"""What the books say Shopify should hold of a customer, and asking for an account to be read sooner."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, case, cast, func, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.daybook import read_covers
from app.engine.due_transfers import UNFINISHED
from app.engine.ledger import read_balances
from app.engine.lot_books import SAID_WITHIN
from app.engine.rules.arrival import CLOCK_SKEW
from app.engine.rules.facts import OrderFact, RefundFact
from app.engine.rules.postings import Account, EntryKind
from app.engine.rules.states import TransferKind, TransferState
from app.models import CreditAccount, LedgerEntry, LedgerPosting, Order, Shop, Transfer

#: Accounts that nothing is heard of are read this often.
USUAL_WAIT = timedelta(days=1)
#: Shopify's name for being paid with store credit.
STORE_CREDIT = "shopify_store_credit"
_NOT_IN_SHOPIFY = (*UNFINISHED, TransferState.REFUSED)


def read_expected(session: Session, shop: Shop, newest: Mapping[int, int], asked_at: datetime) -> dict[int, int]:
    """Return by customer what the account in the shop's currency should hold, in minor units.

    ``newest`` names the account's newest transaction at the moment compared with; a transfer that Shopify executed
    after it is not expected yet, nor is one with an unknown outcome: what may be such a one is left out on the other
    side as well. What had to be presumed to have come from outside is not expected: Shopify never told of it, so it
    stays a difference. Credit that expired by our own reckoning is expected for as long as Shopify may take to say so.
    The caller holds the customers' locks.
    """
    balances = read_balances(session, shop.id, newest.keys(), shop.currency)
    expected = {customer_id: held[Account.AVAILABLE] for customer_id, held in balances.items()}
    for customer_id, minor in _read_outstanding(session, shop, newest, asked_at).items():
        expected[customer_id] -= minor
    for customer_id, minor in read_covers(session, shop, newest.keys()).items():
        expected[customer_id] -= minor
    for customer_id, minor in _read_untold(session, shop, newest.keys(), asked_at).items():
        expected[customer_id] += minor
    return expected


def heed_balance(session: Session, transfer: Transfer, now: datetime) -> None:
    """Compare the balance that Shopify confirmed a transfer with; ask for a reading where it is not as expected.

    The caller holds the customer's lock and has booked the confirmation.
    """
    shop = session.get_one(Shop, transfer.shop_id)
    if transfer.shopify_transaction_id is None or transfer.currency != shop.currency:
        return
    number = int(transfer.shopify_transaction_id.rpartition("/")[2])
    expected = read_expected(session, shop, {transfer.customer_id: number}, now)[transfer.customer_id]
    is_as_expected = transfer.balance_after_minor in (None, expected)
    ask_for_reading(session, shop, {transfer.customer_id}, now + USUAL_WAIT if is_as_expected else now)


def heed_orders(
    session: Session, shop: Shop, orders: Iterable[Order], facts: Iterable[OrderFact | RefundFact], now: datetime
) -> None:
    """Ask for readings where an order was paid with store credit, or a refund of it may have become some."""
    concerned = {fact.order_id for fact in facts if _may_move_credit(fact)}
    if concerned:
        whose = {order.customer_id for order in orders if order.shopify_id in concerned}
        ask_for_reading(session, shop, {each for each in whose if each is not None}, now)


def ask_for_reading(session: Session, shop: Shop, customer_ids: Collection[int], at: datetime) -> None:
    """Have customers' accounts in the shop's currency read at a moment, or sooner if they are to be anyway."""
    if not customer_ids:
        return
    rows = [
        {"shop_id": shop.id, "customer_id": customer_id, "currency": shop.currency, "next_read_at": at}
        for customer_id in sorted(customer_ids)
    ]
    statement = upsert(CreditAccount).values(rows)
    sooner = func.least(func.coalesce(CreditAccount.next_read_at, at), at)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["shop_id", "customer_id", "currency"],
            set_={"next_read_at": sooner},
            where=or_(CreditAccount.next_read_at.is_(None), CreditAccount.next_read_at > at),
        )
    )


def _may_move_credit(fact: OrderFact | RefundFact) -> bool:
    return isinstance(fact, RefundFact) or bool(fact.refunds) or STORE_CREDIT in fact.payment_gateways


def _read_outstanding(session: Session, shop: Shop, newest: Mapping[int, int], asked_at: datetime) -> dict[int, int]:
    """Return by customer what transfers still add to the account, or added after the moment; debits are negative."""
    outstanding: dict[int, int] = defaultdict(int)
    rows = session.scalars(
        select(Transfer)
        .where(
            Transfer.shop_id == shop.id,
            Transfer.customer_id.in_(newest),
            Transfer.currency == shop.currency,
            or_(Transfer.state.in_(_NOT_IN_SHOPIFY), Transfer.confirmed_at > asked_at - CLOCK_SKEW),
        )
        .execution_options(populate_existing=True)
    )
    for row in rows:
        if row.state is TransferState.CONFIRMED and _number(row) <= newest[row.customer_id]:
            continue
        minor = (row.sent_minor or 0) if row.state is TransferState.CONFIRMED else row.left_minor
        outstanding[row.customer_id] += minor if row.kind is TransferKind.CREDIT else -minor
    return outstanding


def _read_untold(session: Session, shop: Shop, customer_ids: Collection[int], asked_at: datetime) -> dict[int, int]:
    """Return by customer what lately expired by our own reckoning and not yet by Shopify's word."""
    minor = LedgerPosting.amount_minor
    signed = case(
        (LedgerPosting.destination == Account.EXPIRED, minor),
        (LedgerPosting.source == Account.EXPIRED, -minor),
        else_=0,
    )
    rows = session.execute(
        select(LedgerEntry.customer_id, func.sum(signed))
        .join(LedgerPosting, LedgerPosting.entry_id == LedgerEntry.id)
        .join(Transfer, Transfer.id == cast(func.split_part(LedgerEntry.key, ":", 3), BigInteger))
        .where(
            LedgerEntry.shop_id == shop.id,
            LedgerEntry.customer_id.in_(customer_ids),
            LedgerEntry.kind == EntryKind.EXPIRY,
            LedgerEntry.move_id.is_(None),
            Transfer.expires_at > asked_at - SAID_WITHIN,
        )
        .group_by(LedgerEntry.customer_id)
    )
    return {customer_id: int(total) for customer_id, total in rows}


def _number(transfer: Transfer) -> int:
    return int((transfer.shopify_transaction_id or "0").rpartition("/")[2])
