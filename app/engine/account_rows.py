"""The rows of store-credit accounts: what was read, what differs, and when they are to be read again."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine import audit
from app.engine.account_books import USUAL_WAIT, ask_for_reading
from app.engine.rules.account_readings import AccountReading
from app.engine.rules.statement_lines import SortedLines, read_through
from app.models import CreditAccount, Shop
from app.sentences import say

log = structlog.get_logger()

#: An account that differs is looked at again soon; one on which nothing happened for long, and that is empty, seldom.
WAIT_IN_DRIFT = timedelta(hours=1)
WAIT_FOR_OURS = timedelta(minutes=5)
LONG_QUIET, SELDOM = timedelta(days=30), timedelta(days=7)


def read_rows(session: Session, shop: Shop, customer_ids: Collection[int], now: datetime) -> dict[int, CreditAccount]:
    """Return the customers' accounts in the shop's currency, made now where there is none, and locked."""
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


def close(row: CreditAccount) -> None:
    """Stop reading for a customer whom Shopify does not know: whoever is credited again is read again."""
    row.next_read_at = row.drift_minor = row.drift_since = None
    row.error = say("Shopify no longer knows this customer.")


def note_whole(rows: Mapping[int, CreditAccount], readings: Mapping[int, AccountReading]) -> None:
    """Note who was read from the beginning, before moves are booked: then silence about an expiry is an answer."""
    for customer_id, reading in readings.items():
        row = rows[customer_id]
        if reading.is_whole and (row.whole_read_at is None or row.whole_read_at < reading.asked_at):
            row.whole_read_at = reading.asked_at


def judge(session: Session, row: CreditAccount, drift_minor: int, now: datetime) -> None:
    """Keep a difference, or that there is none; say in the audit trail when it comes, changes or goes."""
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


def note_reading(row: CreditAccount, reading: AccountReading, lines: SortedLines, now: datetime) -> None:
    """Keep what was read, and when to read again: soon, if somebody asked for it meanwhile."""
    if row.balance_minor != reading.balance_minor:
        row.changed_at = now
    ids = [each.account_id for each in reading.balances if each.currency == row.currency]
    row.shopify_id = ids[0] if ids else None
    row.balance_minor, row.read_at, row.error = reading.balance_minor, reading.asked_at, None
    row.read_through = read_through(row.read_through, reading.lines, lines.left)
    # Anything else means that somebody asked for another reading meanwhile.
    if row.next_read_at is None or row.next_read_at >= reading.due.leased_until:
        row.next_read_at = now + _wait(row, is_open=bool(lines.left), now=now)


def note_others(session: Session, shop: Shop, readings: Mapping[int, AccountReading]) -> None:
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


def _wait(row: CreditAccount, *, is_open: bool, now: datetime) -> timedelta:
    if is_open:
        return WAIT_FOR_OURS
    if row.drift_minor:
        return WAIT_IN_DRIFT
    is_quiet = row.balance_minor == 0 and (row.changed_at is None or now - row.changed_at > LONG_QUIET)
    return SELDOM if is_quiet else USUAL_WAIT
