"""An order was told, by any of its topics: remember its newest version and bring its reward to what it should be."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.account_books import heed_orders
from app.engine.aim import reassess
from app.engine.rules.facts import OrderFact
from app.engine.tellings import keep_orders
from app.models import Shop


def record_orders(session: Session, shop: Shop, facts: Sequence[OrderFact], now: datetime) -> None:
    """Record a batch of order facts; of several versions of one order the newest counts, an old one changes nothing.

    Embedded refunds are recorded with their order. Running it twice, or with the facts in any order, leaves
    the same books.
    """
    orders = keep_orders(session, shop, facts, now)
    reassess(session, shop, orders, now)
    heed_orders(session, shop, orders, facts, now)
