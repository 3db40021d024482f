"""What happens to customers: their tags change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.flows.customer_tags import forget_tags
from app.models import Shop
from app.webhooks.body import BodyError, Json
from app.webhooks.reader import Reader


@dataclass(frozen=True, slots=True)
class TagsChanged:
    """Tags came or went; which ones a customer has now in all is not said."""

    customer_id: int


def parse_tag_change(body: Json) -> TagsChanged:
    """Return whose tags a customer.tags_added or customer.tags_removed body is about. Raises BodyError."""
    if "tags" not in body:
        raise BodyError("The body is no change of tags: it has no field tags.")
    return TagsChanged(Reader(body).gid("customerId", "Customer"))


def record_tag_changes(session: Session, shop: Shop, facts: Sequence[TagsChanged], now: datetime) -> None:
    """Have the customers' tags asked anew the next time that an order's decision needs them."""
    forget_tags(session, shop, {fact.customer_id for fact in facts})
