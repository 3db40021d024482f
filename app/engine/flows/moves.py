"""What moved a customer's store credit in Shopify besides our own transfers: spent, given back, expired, or by others.

Told by Shopify's statement of the account. Each move is booked once, whatever order they are heard of in.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.move_books import book_moves
from app.engine.rules.facts import CreditMove
from app.models import Shop


def record_moves(session: Session, shop: Shop, moves: Sequence[CreditMove], now: datetime) -> int:
    """Book the moves that are new and return how many; ``customer_id`` is Shopify's. See ``book_moves``."""
    return len(book_moves(session, shop, moves, now))
