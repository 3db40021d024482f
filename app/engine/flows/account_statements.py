"""Takes in Shopify's statements of store-credit accounts and compares its balances with the books.

``app/shopify/statement.py`` carries the network part between these steps; each runs in a transaction of its own, may
run twice, and may be heard in any order. Which accounts are due is in ``app/engine/due_accounts.py``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine import audit
from app.engine.account_books import USUAL_WAIT, ask_for_reading, read_expected
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
from app.engine.rules.statement_lines import Sending, SortedLines, read_through, sort_lines
from app.engine.rules.states import TransferState
from app.errors import NotFound
from app.models import CreditAccount, CreditMoveRow, Shop, Transfer

log = structlog.get_logger()

#: An account that differs is looked at again soon; one on which nothing happened for long, and that is empty, seldom.
WAIT_IN_DRIFT = timedelta(hours=1)
WAIT_FOR_OURS = timedelta(minutes=5)
LONG_QUIET, SELDOM = timedelta(days=30), timedelta(days=7)


def record_readings(session: Session, shop: Shop, readings: Sequence[AccountReading], now: datetime) -> frozenset[int]:
    """Take in what accounts' statements tell, and compare; return whose statement must be read from its beginning.

    Ids are Shopify's. A difference counts only after that: it shows in the account's row, and in the audit trail when
    it comes and when it goes.
    """
    customers = get_customers(session, shop, {reading.due.customer_id for reading in readings})
    lock_customers(session, shop.id, customers.values())
    rows = _read_rows(session, shop, customers.values(), now)
    by_customer = {customers[reading.due.customer_id]: reading for reading in readings}
    known = {customer_id: reading for customer_id, reading in by_customer.items() if reading.is_known}
    for customer_id in by_customer.keys() - known.keys():
        _close(rows[customer_id])
    sorted_lines = _sort(session, shop, known)
    _note_whole(rows, known)
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
        _judge(session, row, drift_minor, now)
        _note_reading(row, reading, sorted_lines[customer_id], now)
    _note_others(session, shop, known)
    session.flush()
    return frozenset(unsure)


def mark_repeat_seen(session: Session, shop_id: int, move_id: int, actor: str, reason: str, now: datetime) -> None:
    """Note that a person looked at a transfer that Shopify seems to have executed twice; raise NotFound."""
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


def _read_rows(session: Session, shop: Shop, customer_ids: Collection[int], now: datetime) -> dict[int, CreditAccount]:
    ask_for_reading(session, shop, customer_ids, now + USUAL_WAIT)
    of_these = (
        CreditAccount.shop_id == shop.id,
        CreditAccount.customer_id.in_(customer_ids),
        CreditAccount.currency == shop.currency,
    )
    rows = session.scalars(
        select(CreditAccount)
        .where(*of_these)
        .order_by(CreditAccount.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.customer_id: row for row in rows}


def _close(row: CreditAccount) -> None:
    """Stop reading for a customer whom Shopify does not know: whoever is credited again is read again."""
    row.next_read_at = row.drift_minor = row.drift_since = None
    row.error = "Shopify no longer knows this customer."


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


def _note_whole(rows: Mapping[int, CreditAccount], readings: Mapping[int, AccountReading]) -> None:
    """Note who was read from the beginning, before moves are booked: then silence about an expiry is an answer."""
    for customer_id, reading in readings.items():
        row = rows[customer_id]
        if reading.is_whole and (row.whole_read_at is None or row.whole_read_at < reading.asked_at):
            row.whole_read_at = reading.asked_at


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


def _judge(session: Session, row: CreditAccount, drift_minor: int, now: datetime) -> None:
    before = row.drift_minor or 0
    if drift_minor != before:
        audit.record(
            session, row.shop_id, audit.SYSTEM, "find_drift" if drift_minor else "end_drift",
            subject=("customer", row.customer_id), before={"drift_minor": before}, after={"drift_minor": drift_minor},
            now=now,
        )  # fmt: skip
        log.warning("drift", shop_id=row.shop_id, customer_id=row.customer_id, drift_minor=drift_minor)
    row.drift_minor = drift_minor
    row.drift_since = (row.drift_since or now) if drift_minor else None


def _note_reading(row: CreditAccount, reading: AccountReading, lines: SortedLines, now: datetime) -> None:
    if row.balance_minor != reading.balance_minor:
        row.changed_at = now
    ids = [each.account_id for each in reading.balances if each.currency == row.currency]
    row.shopify_id = ids[0] if ids else None
    row.balance_minor, row.read_at, row.error = reading.balance_minor, reading.asked_at, None
    row.read_through = read_through(row.read_through, reading.lines, lines.left)
    # Anything else means that somebody asked for another reading meanwhile.
    if row.next_read_at is None or row.next_read_at >= reading.due.leased_until:
        row.next_read_at = now + _wait(row, is_open=bool(lines.left), now=now)


def _wait(row: CreditAccount, *, is_open: bool, now: datetime) -> timedelta:
    if is_open:
        return WAIT_FOR_OURS
    if row.drift_minor:
        return WAIT_IN_DRIFT
    is_quiet = row.balance_minor == 0 and (row.changed_at is None or now - row.changed_at > LONG_QUIET)
    return SELDOM if is_quiet else USUAL_WAIT


def _note_others(session: Session, shop: Shop, readings: Mapping[int, AccountReading]) -> None:
    """Keep what accounts in other currencies hold, to be shown: they are neither booked nor compared."""
    rows = [
        {
            "shop_id": shop.id,
            "customer_id": customer_id,
            "currency": balance.currency,
            "shopify_id": balance.account_id,
            "balance_minor": balance.balance_minor,
            "read_at": reading.asked_at,
        }
        for customer_id, reading in sorted(readings.items())
        for balance in reading.balances
        if balance.currency != shop.currency
    ]
    if rows:
        statement = upsert(CreditAccount).values(rows)
        told = {name: statement.excluded[name] for name in ("shopify_id", "balance_minor", "read_at")}
        statement = statement.on_conflict_do_update(
            index_elements=["shop_id", "customer_id", "currency"],
            # An account from before the shop changed its currency is not read again, and no drift of it shown.
            set_={**told, "next_read_at": None, "drift_minor": None, "drift_since": None},
            where=or_(CreditAccount.read_at.is_(None), CreditAccount.read_at <= statement.excluded.read_at),
        )
        session.execute(statement)


__all__ = [
    "ask_for_all",
    "ask_for_reading",
    "list_due_shops",
    "list_people",
    "mark_repeat_seen",
    "needs_configuration",
    "note_stop",
    "record_configuration",
    "record_readings",
    "take_due",
]
