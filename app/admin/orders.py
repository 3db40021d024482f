"""The list of orders and the page of one order."""

from urllib.parse import urlencode

from flask import g, render_template, request
from flask.typing import ResponseReturnValue

from app.admin import bp
from app.admin.guard import FRAME_PARAMETERS
from app.admin.order_story import tell
from app.admin.queries.order import find_order
from app.admin.queries.orders import has_orders, list_orders, read_cursor
from app.db import db
from app.engine.rules.doubts import doubt_from_json
from app.engine.rules.states import Badge
from app.errors import NotFound

LONGEST_SEARCH = 100
BADGES = {badge.value.lower().replace(" ", "-"): badge for badge in Badge}


@bp.get("/orders")
def orders() -> ResponseReturnValue:
    """Show a page of orders; an unknown badge or a broken cursor counts as none."""
    badge_name = request.args.get("badge", "")
    badge = BADGES.get(badge_name)
    search = request.args.get("search", "").replace("\0", "")[:LONGEST_SEARCH].strip()
    page = list_orders(
        db.session(),
        g.shop.id,
        badge=badge,
        search=search,
        before=read_cursor(request.args.get("before", "")),
        after=read_cursor(request.args.get("after", "")),
    )
    chosen = {"badge": badge_name if badge else "", "search": search}
    return render_template(
        "admin/orders.html",
        page=page,
        badges=BADGES,
        chosen=chosen,
        is_filtered=bool(badge or search),
        is_new=not page.rows and not has_orders(db.session(), g.shop.id),
        newer=page.newer and _link(chosen, after=str(page.newer)),
        older=page.older and _link(chosen, before=str(page.older)),
    )


@bp.get("/orders/<int:shopify_id>")
def order(shopify_id: int) -> ResponseReturnValue:
    """Show everything about one order, by Shopify's id of it."""
    return render_order(shopify_id)


def render_order(shopify_id: int, notice: str | None = None) -> str:
    """Return the page of an order; raise NotFound when this shop has none of that id."""
    file = find_order(db.session(), g.shop.id, shopify_id) if shopify_id < 2**63 else None
    if file is None:
        raise NotFound("There is no such order in this shop. It may not have arrived yet.")
    doubts = {transfer.id: doubt_from_json(transfer.doubt) for transfer in file.transfers if transfer.doubt}
    return render_template("admin/order.html", file=file, story=tell(file), doubts=doubts, notice=notice)


def _link(chosen: dict[str, str], **cursor: str) -> str:
    kept = {name: request.args[name] for name in FRAME_PARAMETERS if name in request.args}
    return "/orders?" + urlencode({**kept, **{name: value for name, value in chosen.items() if value}, **cursor})
