"""The page of one order: everything about it, and what can be done."""

from flask import g, render_template

from app.admin.order_story import tell
from app.admin.queries.order import find_order
from app.db import db
from app.engine.rules.doubts import doubt_from_json
from app.errors import NotFound

_LARGEST_ID = 2**63 - 1


def render_order(shopify_id: int, notice: str | None = None) -> str:
    """Return the page of an order; raise NotFound when this shop has none of that id."""
    file = find_order(db.session(), g.shop.id, shopify_id) if shopify_id <= _LARGEST_ID else None
    if file is None:
        raise NotFound("There is no such order in this shop. It may not have arrived yet.")
    doubts = {transfer.id: doubt_from_json(transfer.doubt) for transfer in file.transfers if transfer.doubt}
    return render_template("admin/order.html", file=file, story=tell(file), doubts=doubts, notice=notice)
