"""The list of orders, and the same list as a file."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from flask import Response, g, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.admin import bp
from app.admin.csv_export import Cell, export_csv
from app.admin.filters import asked_amount, asked_days, asked_text, asked_window, links
from app.admin.order_page import render_order
from app.admin.people import needs
from app.admin.queries.badges import MOST_COUNTED, OF_WORK, count_work
from app.admin.queries.orders import OrderRow, Wanted, has_orders, list_lost, list_orders, walk_orders
from app.admin.queries.search import clean_search
from app.clock import utcnow
from app.db import db
from app.engine.flows import terms
from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.money import Money
from app.engine.rules.roles import Duty
from app.engine.rules.states import Badge

BADGES = {badge.value.lower().replace(" ", "-"): badge for badge in Badge}
SLUGS = {badge: slug for slug, badge in BADGES.items()}
#: The columns of the file; other programs go by these names.
COLUMNS = (
    "order", "order_id", "placed_at", "customer", "email", "status", "tier", "rate_bps", "total", "eligible",
    "calculated", "granted", "reversed", "cashback", "currency", "settled_at",
)  # fmt: skip


@bp.get("/orders")
def orders() -> ResponseReturnValue:
    """Show a page of orders; what is no badge, day or amount counts as none."""
    session, wanted, chosen = db.session(), _wanted(), _chosen()
    page = list_orders(session, g.shop.id, wanted, asked_window())
    is_filtered = any(chosen.values())
    is_first = page.newer is None
    return render_template(
        "admin/orders.html",
        page=page,
        badges=BADGES,
        work=[(SLUGS[badge], badge, count) for badge, count in count_work(session, g.shop.id).items()],
        most_counted=MOST_COUNTED,
        is_done=wanted.badge in OF_WORK and chosen == _only(badge=chosen["badge"]),
        tiers=_tiers(session, wanted.tier),
        chosen=chosen,
        is_filtered=is_filtered,
        has_more=bool(chosen["from"] or chosen["to"] or chosen["at_least"]),
        lost=list_lost(session, g.shop.id) if is_first and chosen in (_only(), _only(badge="failed")) else [],
        is_new=not page.rows and not has_orders(session, g.shop.id),
        **links("/orders", chosen, page),
    )


@bp.post("/orders/export")
@needs(Duty.DECIDE)
def export_orders() -> Response:
    """Give away the orders that match, as a file."""
    chosen = {name: value for name, value in _chosen().items() if value}
    return export_csv("orders", COLUMNS, partial(_rows, g.shop.id, _wanted()), chosen)


@bp.get("/orders/<int:shopify_id>")
def order(shopify_id: int) -> ResponseReturnValue:
    """Show everything about one order, by Shopify's id of it."""
    return render_order(shopify_id)


def _wanted() -> Wanted:
    placed_from, placed_before = asked_days()
    return Wanted(
        badge=BADGES.get(asked_text("badge")),
        search=clean_search(asked_text("search")),
        tier=asked_text("tier"),
        placed_from=placed_from,
        placed_before=placed_before,
        at_least_minor=asked_amount("at_least"),
    )


def _chosen() -> dict[str, str]:
    """Return what the list is asked for, as the form shows it; what is not understood is left out."""
    wanted = _wanted()
    return {
        "badge": SLUGS[wanted.badge] if wanted.badge else "",
        "search": wanted.search,
        "tier": wanted.tier,
        "from": asked_text("from") if wanted.placed_from else "",
        "to": asked_text("to") if wanted.placed_before else "",
        "at_least": asked_text("at_least") if wanted.at_least_minor is not None else "",
    }


def _only(**chosen: str) -> dict[str, str]:
    return {**dict.fromkeys(("badge", "search", "tier", "from", "to", "at_least"), ""), **chosen}


def _tiers(session: Session, chosen: str) -> list[str]:
    names = [tier.name for tier in terms.get_current(session, g.shop.id, utcnow()).tiers]
    return names if not chosen or chosen in names else [*names, chosen]


def _rows(shop_id: int, wanted: Wanted, session: Session) -> Iterator[list[Cell]]:
    for row in walk_orders(session, shop_id, wanted):
        yield [*_of_order(row), *_of_reward(row)]


def _of_order(row: OrderRow) -> list[Cell]:
    customer = row.customer
    return [
        row.order.name,
        str(row.order.shopify_id),
        row.order.placed_at,
        (customer and customer.name) or "",
        (customer and customer.email) or "",
        row.badge.value if row.badge else "",
    ]


def _of_reward(row: OrderRow) -> list[Cell]:
    reward, currency = row.reward, row.order.currency
    total = Money(row.order.total_minor, currency)
    if reward is None or reward.ineligible_reason is IneligibleReason.BEFORE_PROGRAMME:
        return [None, None, total, *[None] * 5, currency, None]
    amounts: list[Any] = [reward.eligible_minor, reward.calculated_minor, reward.granted_minor, reward.reversed_minor]
    return [
        reward.tier_name,
        reward.rate_bps,
        total,
        *(Money(minor, reward.currency) for minor in (*amounts, reward.kept_minor)),
        currency,
        reward.settled_at,
    ]
