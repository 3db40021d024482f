"""Takes in Shopify's statements of store-credit accounts and compares its balances with the books.

``app/shopify/statement.py`` carries the network part between these steps; each runs in a transaction of its own, may
run twice, and may be heard in any order. Which accounts are due is in ``app/engine/due_accounts.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine import audit
from app.engine.account_books import ask_for_reading, read_expected
from app.engine.account_rows import close, judge, note_others, note_reading, note_whole, read_rows
from app.engine.due_accounts import (
    ask_for_all,
    list_due_shops,
    list_people,
    needs_configuration,
    note_stop,
    record_configuration,
    take_due,
)
from app.engine.locks import lock_customers
from app.engine.move_books import book_moves, get_customers
from app.engine.rules.account_readings import AccountReading
from app.engine.rules.facts import CreditMove, MoveKind
from app.engine.rules.roles import Duty
from app.engine.rules.statement_lines import Sending, SortedLines, sort_lines
from app.engine.rules.states import TransferState
from app.engine.staffing import check_may
from app.errors import NotFound
from app.models import CreditAccount, CreditMoveRow, Customer, Shop, Transfer

log = structlog.get_logger()


def record_readings(session: Session, shop: Shop, readings: Sequence[AccountReading], now: datetime) -> frozenset[int]:
    """Take in what accounts' statements tell, and compare; return whose statement must be read from its beginning.

    Ids are Shopify's. A difference counts only after that: it shows in the account's row, and in the audit trail when
    it comes and when it goes.
    """
    customers = get_customers(session, shop, {reading.due.customer_id for reading in readings})
    lock_customers(session, shop.id, customers.values())
    rows = read_rows(session, shop, customers.values(), now)
    by_customer = {customers[reading.due.customer_id]: reading for reading in readings}
    known = {customer_id: reading for customer_id, reading in by_customer.items() if reading.is_known}
    for customer_id in by_customer.keys() - known.keys():
        close(rows[customer_id])
    sorted_lines = _sort(session, shop, known)
    note_whole(rows, known)
    session.flush()
    moves = _number_expirations(session, shop, [move for each in sorted_lines.values() for move in each.moves])
    wholes = {customer_id for customer_id, reading in known.items() if reading.is_whole}
    fresh = book_moves(session, shop, moves, now, also=wholes)
    for move in fresh:
        rows[move.customer_id].changed_at = now
    _point_out(session, shop, fresh, sorted_lines, now)
    expected = _expect(session, shop, known)
    unsure = set()
    for customer_id, reading in known.items():
        row, left = rows[customer_id], sorted_lines[customer_id].left
        if row.read_at is not None and row.read_at > reading.asked_at:
            continue
        drift_minor = reading.balance_minor - sum(line.amount_minor for line in left) - expected[customer_id]
        if drift_minor and not reading.is_whole:
            unsure.add(reading.due.customer_id)
            continue
        judge(session, row, drift_minor, now)
        note_reading(row, reading, sorted_lines[customer_id], now)
    note_others(session, shop, known)
    session.flush()
    return frozenset(unsure)


def mark_repeat_seen(session: Session, shop_id: int, move_id: int, actor: str, reason: str, now: datetime) -> None:
    """Note that a person looked at a transfer that Shopify seems to have executed twice; raise NotFound."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    move = session.scalar(
        select(CreditMoveRow)
        .where(CreditMoveRow.shop_id == shop_id, CreditMoveRow.id == move_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if move is None or move.repeats_transfer_id is None:
        raise NotFound("There is no such move in this shop that looks like one of its transfers a second time.")
    if move.repeat_seen_at is None:
        move.repeat_seen_at = now
        audit.record(
            session, shop_id, actor, "see_repeated_transfer", subject=("credit_move", move.id),
            before={"seen": False}, after={"seen": True, "transfer": move.repeats_transfer_id}, reason=reason, now=now,
        )  # fmt: skip


def look_again(session: Session, shop_id: int, customer_id: int, actor: str, now: datetime) -> None:
    """Have a customer's account in the shop's currency read now, unless it is to be already; raise NotFound."""
    check_may(session, shop_id, actor, Duty.DECIDE)
    known = select(Customer.id).where(Customer.shop_id == shop_id, Customer.id == customer_id)
    if session.scalar(known) is None:
        raise NotFound("There is no such customer in this shop.")
    shop = session.get_one(Shop, shop_id)
    asked_for = (CreditAccount.shop_id == shop_id, CreditAccount.customer_id == customer_id)
    waits = select(CreditAccount.id).where(
        *asked_for, CreditAccount.currency == shop.currency, CreditAccount.next_read_at <= now
    )
    if session.scalar(waits) is not None:
        return
    ask_for_reading(session, shop, {customer_id}, now)
    subject = ("customer", customer_id)
    audit.record(session, shop_id, actor, "look_at_account", subject=subject, before={}, after={}, now=now)
    session.flush()


def look_at_all(session: Session, shop_id: int, actor: str, now: datetime) -> None:
    """Have all accounts of a shop in its currency read now; raise NotFound where there is no such shop."""
    check_may(session, shop_id, actor, Duty.MANAGE)
    shop = session.get(Shop, shop_id)
    if shop is None:
        raise NotFound("There is no such shop in this installation.")
    ask_for_all(session, shop, now)
    audit.record(
        session, shop_id, actor, "look_at_all_accounts", subject=("shop", shop_id), before={}, after={}, now=now
    )


def _sort(session: Session, shop: Shop, readings: Mapping[int, AccountReading]) -> dict[int, SortedLines]:
    gids = {line.gid for reading in readings.values() for line in reading.lines if line.gid is not None}
    of_shop = Transfer.shop_id == shop.id
    claimed = set(
        session.scalars(
            select(Transfer.shopify_transaction_id).where(of_shop, Transfer.shopify_transaction_id.in_(gids))
        )
    )
    sendings: dict[int, list[Sending]] = {customer_id: [] for customer_id in readings}
    sent = select(Transfer).where(
        of_shop,
        Transfer.customer_id.in_(readings),
        Transfer.currency == shop.currency,
        Transfer.sent_at.is_not(None),
        Transfer.watermark.is_not(None),
        Transfer.sent_minor > 0,
        Transfer.state != TransferState.NOT_APPLICABLE,
    )
    for row in session.scalars(sent.order_by(Transfer.id).execution_options(populate_existing=True)):
        sendings[row.customer_id].append(_sending(row))
    return {
        customer_id: sort_lines(reading.due.customer_id, reading.lines, claimed, sendings[customer_id])
        for customer_id, reading in readings.items()
    }


def _sending(row: Transfer) -> Sending:
    return Sending(
        row.id, row.kind, row.sent_minor or 0, row.watermark or 0, row.sent_at or row.created_at, row.expires_at,
        row.attempts, row.state is TransferState.CONFIRMED,
    )  # fmt: skip


def _number_expirations(session: Session, shop: Shop, moves: Sequence[CreditMove]) -> list[CreditMove]:
    """Give a second expiration of one credit, of what came back to it, a key of its own."""
    ended = [move for move in moves if move.kind is MoveKind.EXPIRY]
    stored = select(CreditMoveRow.key, CreditMoveRow.at).where(
        CreditMoveRow.shop_id == shop.id, CreditMoveRow.key.in_([move.key for move in ended])
    )
    first: dict[str, datetime] = dict(list(session.execute(stored)))
    numbered = []
    for move in moves:
        is_another = move.kind is MoveKind.EXPIRY and first.setdefault(move.key, move.at) != move.at
        numbered.append(replace(move, key=f"{move.key}:{move.at:%Y-%m-%dT%H:%M:%SZ}") if is_another else move)
    return numbered


def _point_out(
    session: Session,
    shop: Shop,
    fresh: Sequence[CreditMoveRow],
    sorted_lines: Mapping[int, SortedLines],
    now: datetime,
) -> None:
    """Note what looks like a transfer of ours that Shopify executed twice; it is booked as somebody else's."""
    for row in fresh:
        row.repeats_transfer_id = sorted_lines[row.customer_id].repeats.get(row.key)
        if row.repeats_transfer_id is not None:
            audit.record(
                session, shop.id, audit.SYSTEM, "find_repeated_transfer", subject=("transfer", row.repeats_transfer_id),
                before={}, after={"transaction": row.key, "amount_minor": row.amount_minor, "move": row.id}, now=now,
            )  # fmt: skip
            log.warning("transfer_repeated", shop_id=shop.id, transfer_id=row.repeats_transfer_id, transaction=row.key)


def _expect(session: Session, shop: Shop, readings: Mapping[int, AccountReading]) -> dict[int, int]:
    if not readings:
        return {}
    newest = {customer_id: reading.newest for customer_id, reading in readings.items()}
    return read_expected(session, shop, newest, min(reading.asked_at for reading in readings.values()))


__all__ = [
    "ask_for_all",
    "ask_for_reading",
    "list_due_shops",
    "list_people",
    "look_again",
    "look_at_all",
    "mark_repeat_seen",
    "needs_configuration",
    "note_stop",
    "record_configuration",
    "record_readings",
    "take_due",
]
