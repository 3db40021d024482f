"""Everything Boomerang keeps of one customer, as a file that the merchant can hand over: a page to read, and JSON."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from markupsafe import Markup, escape
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.engine.flows.statements import StatementRead, list_statements, read_statement
from app.engine.rules.facts_json import order_from_json, refund_from_json
from app.engine.rules.money import to_decimal_string
from app.engine.rules.statements import Amounts
from app.inspection import inspect_customer
from app.models import Adjustment, Customer, Order, Refund, Shop, TierAssignmentRow, TierChange
from app.personal_mails import gather_mailed

Json = dict[str, Any]

#: The parts of the file, in the order in which they are shown, each with its heading.
HEADINGS = {
    "customer": "Customer",
    "balances": "Balances",
    "orders": "Orders",
    "rewards": "Cashback of each order",
    "entries": "Entries in the books",
    "transfers": "Credits and debits sent to Shopify",
    "adjustments": "Credit and debit by hand",
    "statements": "Statements",
    "tier_changes": "Tiers",
    "tiers_given": "Tiers given by hand",
    "messages": "What happened that is told by mail",
    "mails": "Mails",
    "mail_stops": "Mails that are not wanted",
}


def make_file(
    session: Session, shop: Shop, customer_shopify_id: int, order_ids: Collection[int], now: datetime
) -> bytes:
    """Return a zip archive with what is kept of a customer and of these orders besides; ids are Shopify's."""
    data = gather(session, shop, customer_shopify_id, order_ids)
    files = {
        "data.json": json.dumps(data, indent=2, ensure_ascii=False),
        "data.html": write_page(data, shop.name, customer_shopify_id, now),
    }
    archive = BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(ZipInfo(name, now.timetuple()[:6]), text.encode(), ZIP_DEFLATED)
    return archive.getvalue()


def gather(session: Session, shop: Shop, customer_shopify_id: int, order_ids: Collection[int]) -> Json:
    """Return what is kept of a customer as plain data; amounts are decimal strings, moments are UTC."""
    row = session.scalar(
        select(Customer).where(Customer.shop_id == shop.id, Customer.shopify_id == customer_shopify_id)
    )
    found = _find_orders(session, shop, row, order_ids)
    orders = _orders(session, shop, found)
    mailed = gather_mailed(session, shop, row, found)
    if row is None:
        return {"customer": {"shopify_id": customer_shopify_id, "known": False}, "orders": orders, **mailed}
    books = inspect_customer(session, customer_shopify_id, shop.domain)
    statements = [read_statement(session, shop.id, known.id) for known in list_statements(session, shop.id, row.id)]
    return {
        "customer": {
            "shopify_id": row.shopify_id,
            "known": True,
            "name": row.name,
            "email": row.email,
            "language": row.locale,
            "tags": row.tags or [],
            "first_seen": _moment(row.created_at),
            "tier": row.tier_name,
            "deleted": _moment(row.deleted_at),
            "forgotten": _moment(row.redacted_at),
        },
        "balances": books["balances"],
        "orders": orders,
        "rewards": books["rewards"],
        "entries": books["entries"],
        "transfers": books["transfers"],
        "adjustments": _adjustments(session, row),
        "statements": [_statement(statement) for statement in reversed(statements)],
        "tier_changes": _tier_changes(session, row),
        "tiers_given": _tiers_given(session, row),
        **mailed,
    }


def write_page(data: Json, shop_name: str, customer_shopify_id: int, now: datetime) -> str:
    """Return the data as one page of HTML that needs nothing else."""
    parts = [_section(heading, data[name]) for name, heading in HEADINGS.items() if name in data]
    return str(
        Markup(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>'
            "body{{font:15px/1.5 sans-serif;margin:2rem}}table{{border-collapse:collapse;margin-bottom:2rem}}"
            "td,th{{border:1px solid #ccc;padding:.3rem .6rem;text-align:left;vertical-align:top}}</style>"
            "<h1>{title}</h1><p>What {shop} keeps about cashback, as of {now} UTC. Amounts are in the shop's currency."
            "</p>{parts}</html>"
        ).format(
            title=f"Data of customer {customer_shopify_id}",
            shop=shop_name,
            now=f"{now:%Y-%m-%d %H:%M}",
            parts=Markup("").join(parts),
        )
    )


def _find_orders(session: Session, shop: Shop, row: Customer | None, order_ids: Collection[int]) -> Sequence[Order]:
    which = [Order.shopify_id.in_(order_ids), *([] if row is None else [Order.customer_id == row.id])]
    return session.scalars(select(Order).where(Order.shop_id == shop.id, or_(*which)).order_by(Order.placed_at)).all()


def _orders(session: Session, shop: Shop, orders: Sequence[Order]) -> list[Json]:
    found: list[Json] = []
    for order in orders:
        fact = order_from_json(order.fact)
        refunds = session.scalars(
            select(Refund)
            .where(Refund.shop_id == shop.id, Refund.order_shopify_id == order.shopify_id)
            .order_by(Refund.processed_at)
        )
        found.append(
            {
                "shopify_id": order.shopify_id,
                "name": order.name,
                "placed_at": _moment(order.placed_at),
                "total": _money(order.total_minor, order.currency),
                "financial_status": order.financial_status,
                "cancelled_at": _moment(order.cancelled_at),
                "email": fact.email,
                "language": fact.locale,
                "billing_country": fact.billing_country,
                "shipping_country": fact.shipping_country,
                "tags": list(fact.tags),
                "lines": [f"{line.quantity} of {line.title}" for line in fact.lines],
                "refunds": [
                    {
                        "at": _moment(refund.processed_at),
                        "money": _money(refund_from_json(refund.fact).money_minor, order.currency),
                        "note": refund_from_json(refund.fact).note,
                    }
                    for refund in refunds
                ],
            }
        )
    return found


def _adjustments(session: Session, row: Customer) -> list[Json]:
    rows = session.scalars(
        select(Adjustment)
        .where(Adjustment.shop_id == row.shop_id, Adjustment.customer_id == row.id)
        .order_by(Adjustment.id)
    )
    return [
        {
            "at": _moment(made.proposed_at),
            "kind": made.kind,
            "amount": _money(made.amount_minor, made.currency),
            "state": made.state,
            "reason": made.reason_code,
            "note": made.note or None,
        }
        for made in rows
    ]


def _statement(read: StatementRead) -> Json:
    return {
        "from": _moment(read.starts_at),
        "to": _moment(read.ends_at),
        "opening": _amounts(read.figures.opening, read.currency),
        **{line: _amounts(amounts, read.currency) for line, amounts in read.figures.lines.items()},
        "closing": _amounts(read.figures.closing, read.currency),
    }


def _tier_changes(session: Session, row: Customer) -> list[Json]:
    rows = session.scalars(
        select(TierChange)
        .where(TierChange.shop_id == row.shop_id, TierChange.customer_id == row.id)
        .order_by(TierChange.id)
    )
    return [{"at": _moment(change.at), "before": change.before, "after": change.after} for change in rows]


def _tiers_given(session: Session, row: Customer) -> list[Json]:
    rows = session.scalars(
        select(TierAssignmentRow)
        .where(TierAssignmentRow.shop_id == row.shop_id, TierAssignmentRow.customer_id == row.id)
        .order_by(TierAssignmentRow.id)
    )
    return [
        {
            "tier": given.tier_name,
            "from": _moment(given.starts_at),
            "to": _moment(given.ends_at),
            "reason": given.reason,
        }
        for given in rows
    ]


def _amounts(amounts: Amounts, currency: str) -> Json:
    minors = {"pending": amounts.pending_minor, "available": amounts.available_minor, "owed": amounts.owed_minor}
    return {name: _money(minor, currency) for name, minor in minors.items()}


def _money(minor: int, currency: str) -> str:
    return f"{to_decimal_string(minor, currency)} {currency}"


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _section(heading: str, content: Json | list[Json]) -> Markup:
    rows = [content] if isinstance(content, dict) else content
    if not rows:
        return Markup("<h2>{}</h2><p>Nothing.</p>").format(heading)
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = Markup("").join(Markup("<th>{}</th>").format(name.replace("_", " ")) for name in names)
    body = Markup("").join(Markup("<tr>{}</tr>").format(_cells(row, names)) for row in rows)
    return Markup("<h2>{}</h2><table><tr>{}</tr>{}</table>").format(heading, head, body)


def _cells(row: Json, names: Iterable[str]) -> Markup:
    return Markup("").join(Markup("<td>{}</td>").format(_text(row.get(name))) for name in names)


def _text(value: Any) -> Markup:
    """Return a value for a cell: nested ones line by line."""
    match value:
        case None:
            return Markup("")
        case bool():
            return escape("yes" if value else "no")
        case list():
            return Markup("<br>").join(_text(item) for item in value)
        case dict():
            return escape(", ".join(f"{name.replace('_', ' ')}: {item}" for name, item in value.items() if item))
        case _:
            return escape(str(value))
