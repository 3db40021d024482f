"""Statements: the periods of every customer, and one with its figures, its rewards, for paper and as a file."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from babel.dates import format_date
from flask import g, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.admin import bp
from app.admin.csv_export import Cell, export_csv
from app.admin.display import zone
from app.admin.filters import asked_id, asked_text, asked_window, links
from app.admin.people import needs
from app.admin.queries.keyset import LARGEST_ID
from app.admin.queries.search import clean_search
from app.admin.queries.statements import StatementFile, find_statement, has_statements, list_statements
from app.clock import utcnow
from app.db import db
from app.engine.rules.money import Money
from app.engine.rules.roles import Duty
from app.engine.rules.statements import Amounts
from app.errors import NotFound
from app.languages import current_locale
from app.models import Shop

_PATH = "/statements"
_HEADER = (
    "statement", "from", "until", "customer", "account", "line", "reward", "order", "date", "status", "transactions",
    "currency", "amount", "pending", "available", "owed",
)  # fmt: skip


@bp.get("/statements")
def statements() -> ResponseReturnValue:
    """Show a page of statements; a filter that is none counts as none."""
    session, search, customer_id = db.session(), clean_search(asked_text("search")), asked_id("customer")
    page = list_statements(session, g.shop, asked_window(), search=search, customer_id=customer_id)
    chosen = {"search": search, "customer": str(customer_id or "")}
    return render_template(
        "admin/statements.html",
        page=page,
        chosen=chosen,
        is_filtered=any(chosen.values()),
        is_new=not page.rows and not has_statements(session, g.shop.id),
        now=utcnow(),
        **links(_PATH, chosen, page),
    )


@bp.get("/statements/<int:statement_id>")
def statement(statement_id: int) -> ResponseReturnValue:
    """Show one statement."""
    file = _get(db.session(), g.shop, statement_id)
    return render_template("admin/statement.html", file=file, now=utcnow(), zero=Amounts())


@bp.post("/statements/<int:statement_id>/export")
@needs(Duty.DECIDE)
def export_statement(statement_id: int) -> ResponseReturnValue:
    """Return a statement: a line for each of its figures, and one for each reward."""
    shop_id = _get(db.session(), g.shop, statement_id).customer.shop_id

    def rows(session: Session) -> Iterator[list[Cell]]:
        return _lines(_get(session, session.get_one(Shop, shop_id), statement_id))

    return export_csv("statement", _HEADER, rows, {"statement": str(statement_id)})


@bp.app_template_filter("period")
def format_period(starts_at: datetime, ends_at: datetime) -> str:
    """Return a period by its first and its last day, in the shop's time zone; the end is exclusive."""
    place = zone(g.shop.timezone)
    last = (ends_at - timedelta(microseconds=1)).astimezone(place).date()
    days = (starts_at.astimezone(place).date(), last)
    return " \u2013 ".join(format_date(day, "medium", locale=current_locale()) for day in days)


def _get(session: Session, shop: Shop, statement_id: int) -> StatementFile:
    if statement_id > LARGEST_ID:
        raise NotFound("There is no such statement in this shop.")
    return find_statement(session, shop, statement_id)


def _lines(file: StatementFile) -> Iterator[list[Cell]]:
    read, figures = file.read, file.read.figures
    about: list[Cell] = [
        read.statement_id, read.starts_at, read.ends_at, file.customer.shopify_id, file.account_id,
    ]  # fmt: skip
    totals = [("opening", figures.opening), *((line.value, each) for line, each in figures.lines.items())]
    for name, amounts in [*totals, ("closing", figures.closing)]:
        each = (amounts.total_minor, amounts.pending_minor, amounts.available_minor, amounts.owed_minor)
        money = [Money(minor, read.currency) for minor in each]
        yield [*about, name, None, None, None, None, None, read.currency, *money]
    for row in file.rewards:
        amount = Money(row.reward.kept_minor, read.currency)
        yield [
            *about, "reward", row.reward.id, row.order.name, row.order.placed_at,
            row.badge.value if row.badge else None, " ".join(row.transactions), read.currency, amount, None, None, None,
        ]  # fmt: skip
