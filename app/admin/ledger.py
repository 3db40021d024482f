"""The books, entry by entry: from which account to which, for whom, by whom; filtered, with a running balance."""

from collections.abc import Iterator
from typing import Any

from flask import g, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.admin import bp
from app.admin.csv_export import Cell, export_csv
from app.admin.filters import (
    asked_amount,
    asked_choice,
    asked_days,
    asked_id,
    asked_text,
    asked_window,
    check_all_found,
    link,
    links,
    list_actors,
)
from app.admin.people import needs
from app.admin.queries.book_checks import list_checks
from app.admin.queries.keyset import walk
from app.admin.queries.ledger import (
    EntryRow,
    Wanted,
    find_called,
    find_customer,
    has_entries,
    list_entries,
)
from app.admin.queries.running import read_running, read_totals
from app.db import db
from app.engine.flows.check_books import INVARIANTS
from app.engine.rules.money import Money
from app.engine.rules.postings import EntryKind
from app.engine.rules.roles import Duty

_PATH = "/ledger"
_HEADER = (
    "entry", "recorded_at", "occurred_at", "kind", "customer", "order", "from", "to", "amount", "currency", "actor",
    "transfer", "key", "position", "digest",
)  # fmt: skip


@bp.get("/ledger")
def ledger() -> ResponseReturnValue:
    """Show a page of entries; a filter that is none counts as none."""
    return show_ledger()


def show_ledger() -> str:
    """Return the page of the entries asked for, with when the books were checked."""
    session = db.session()
    wanted, chosen = _asked(session)
    page = list_entries(session, g.shop.id, wanted, asked_window())
    return render_template(
        "admin/ledger.html",
        page=page,
        chosen=chosen,
        are_more=wanted.are_more,
        is_filtered=any(chosen.values()),
        is_new=not page.rows and not has_entries(session, g.shop.id),
        actors=list_actors(),
        checks=list_checks(session, g.shop.id),
        rules=len(INVARIANTS),
        without_customer=link(_PATH, {**chosen, "customer": ""}),
        **_about_customer(session, wanted, page.rows),
        **links(_PATH, chosen, page),
    )


@bp.post("/ledger/export")
@needs(Duty.DECIDE)
def export_ledger() -> ResponseReturnValue:
    """Return the entries that are asked for, a line for each posting."""
    wanted, chosen = _asked(db.session())
    check_all_found(wanted.are_more)
    shop_id = g.shop.id
    return export_csv("ledger", _HEADER, lambda session: _lines(session, shop_id, wanted), chosen)


def _asked(session: Session) -> tuple[Wanted, dict[str, str]]:
    """Return which entries are asked for, and the same as the address has it."""
    search, customer_id = asked_text("search"), asked_id("customer")
    customers: tuple[int, ...] | None = (customer_id,) if customer_id else None
    rewards: tuple[int, ...] | None = None
    are_more = False
    if search and not customer_id:
        rewards, (customers, are_more) = find_called(session, g.shop.id, search)
        if not rewards and len(customers) == 1:
            # One person: the list is about them as if their page had led here.
            customer_id, search, rewards = customers[0], "", None
    kind, amount_minor = asked_choice("kind", EntryKind), asked_amount("amount")
    wanted = Wanted(kind, customers, rewards, asked_text("actor"), amount_minor, *asked_days(), are_more)
    chosen = {
        "kind": kind or "",
        "customer": str(customer_id or ""),
        "search": search,
        "actor": wanted.actor,
        "amount": asked_text("amount") if amount_minor is not None else "",
        "from": asked_text("from") if wanted.since else "",
        "to": asked_text("to") if wanted.until else "",
    }
    return wanted, chosen


def _about_customer(session: Session, wanted: Wanted, rows: tuple[EntryRow, ...]) -> dict[str, Any]:
    """Return whom the list is about, with balances; all of it None where it is about several."""
    is_one = wanted.reward_ids is None and wanted.customer_ids is not None and len(wanted.customer_ids) == 1
    customer = find_customer(session, g.shop.id, wanted.customer_ids[0]) if is_one and wanted.customer_ids else None
    if customer is None:
        return {"customer": None, "balances": None, "totals": None}
    whose = (session, g.shop.id, customer.id, g.shop.currency)
    return {
        "customer": customer,
        "balances": read_running(*whose, [row.entry.id for row in rows]),
        "totals": read_totals(*whose, wanted.since, wanted.until),
    }


def _lines(session: Session, shop_id: int, wanted: Wanted) -> Iterator[list[Cell]]:
    for row in walk(session, lambda window: list_entries(session, shop_id, wanted, window)):
        yield from _lines_of(row)


def _lines_of(row: EntryRow) -> Iterator[list[Cell]]:
    entry = row.entry
    for posting in row.postings:
        yield [
            entry.id, entry.recorded_at, entry.occurred_at, entry.kind.value, row.customer.shopify_id,
            row.order.name if row.order else "", posting.source.value, posting.destination.value,
            Money(posting.amount_minor, posting.currency), posting.currency, entry.actor,
            row.sync.value if row.sync else "", entry.key, entry.position,
            entry.digest.hex() if entry.digest else "",
        ]  # fmt: skip
