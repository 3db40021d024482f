"""One shop with as many orders as are asked for, for looking at pages: a year of work, up to the present moment.

It is made by SQL behind the books' back, and so is nothing to compute with; what ``bench.books`` checks is. Its staff,
terms and token come from the flows, as everybody's do.
"""

from datetime import datetime, timedelta
from typing import Any

import psycopg

from app.db import transaction
from app.engine.flows import terms
from app.engine.rules.roles import Role
from app.models import ReconcileRun, Shop, ShopToken, StaffMember
from app.shopify.scopes import REQUIRED
from bench.books import ROOT, fill_books

#: As bench/books.sql names it.
DOMAIN = "made-up.myshopify.com"
STAFF = "42"
#: A million orders are those of 333,333 people.
_EACH = 3


def make_big_shop(connection: "psycopg.Connection[Any]", orders: int, now: datetime) -> None:
    """Make it inside the app's context; ``connection`` is a superuser's and commits by itself."""
    begins = (now - timedelta(days=334)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    fill_books(connection, orders, each=_EACH, begins=begins, ends=now)
    connection.execute((ROOT / "bench" / "big_shop.sql").read_bytes())
    with transaction() as session:
        shop = session.get_one(Shop, 1)
        shop.first_run_closed_at = now
        token = {"access_token": "sealed", "refresh_token": "sealed", "scope": ",".join(REQUIRED), "updated_at": now}
        until = now + timedelta(days=90)
        session.add(ShopToken(shop_id=1, expires_at=until, refresh_expires_at=until, **token))
        session.add(StaffMember(shop_id=1, shopify_id=STAFF, role=Role.OWNER, name="Sam Staff", first_seen_at=begins))
        session.add(ReconcileRun(shop_id=1, started_at=now, from_at=now, reached_at=now, finished_at=now))
        terms.publish_default(session, shop, "system", begins)
    # So that lists are read as in a shop that vacuum has been through: without it no index answers by itself.
    connection.execute("VACUUM ANALYZE")
