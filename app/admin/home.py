"""The front door: to the queue when something waits for a person, else to the orders."""

from flask import g, redirect, request
from flask.typing import ResponseReturnValue

from app.admin import bp
from app.admin.queries.reviews import has_waiting
from app.db import db


@bp.get("/")
def home() -> ResponseReturnValue:
    """Go where the work is, with everything Shopify put into the address."""
    room = "/reviews" if has_waiting(db.session(), g.shop.id) else "/orders"
    query = request.query_string.decode("ascii", "ignore")
    return redirect(f"{room}?{query}" if query else room, 302)
