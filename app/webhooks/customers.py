"""What happens to customers: they are told, deleted, made one, and their tags change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.flows.customer_tags import forget_tags
from app.engine.rules.facts import CustomerGone, CustomersMerged, CustomerTold
from app.models import Shop
from app.sentences import say
from app.webhooks.body import BodyError, Json, NothingToDo
from app.webhooks.orders import full_name
from app.webhooks.reader import Reader, read_deleted

#: Shopify tells of a merge also when it was refused, as while a customer has store credit.
MERGED = "completed"


@dataclass(frozen=True, slots=True)
class TagsChanged:
    """Tags came or went; which ones a customer has now in all is not said."""

    customer_id: int


def parse_customer(body: Json, at: datetime) -> CustomerTold:
    """Return what a customers/create or customers/update body says. Raises BodyError.

    ``at`` stands in for times the body lacks.
    """
    customer = Reader(body)
    updated_at = customer.optional_instant("updated_at") or at
    return CustomerTold(
        customer_id=customer.gid("admin_graphql_api_id", "Customer"),
        email=customer.email("email"),
        verified_email=customer.flag("verified_email"),
        name=full_name(customer),
        tags=customer.texts("tags"),
        created_at=customer.optional_instant("created_at") or updated_at,
        updated_at=updated_at,
    )


def parse_customer_deletion(body: Json, at: datetime) -> CustomerGone:
    """Return who is no more. Raises BodyError, also for a body that says more than a deletion does."""
    return CustomerGone(read_deleted(Reader(body), "Customer"), at)


def parse_merge(body: Json, at: datetime) -> CustomersMerged:
    """Return who was made one with whom. Raises NothingToDo while that is not done, and BodyError."""
    merge = Reader(body)
    kept_id = merge.gid("admin_graphql_api_customer_kept_id", "Customer")
    gone_id = merge.gid("admin_graphql_api_customer_deleted_id", "Customer")
    if kept_id == gone_id:
        raise BodyError(say("The customer {kept_id} cannot be merged into itself.", kept_id=kept_id))
    status = (merge.text("status") or "").lower()
    if status != MERGED:
        raise NothingToDo(
            say("The merge has the status {status}; only a completed one changes customers.", status=ascii(status))
        )
    return CustomersMerged(kept_id, gone_id, at)


def parse_tag_change(body: Json) -> TagsChanged:
    """Return whose tags a customer.tags_added or customer.tags_removed body is about. Raises BodyError."""
    if "tags" not in body:
        raise BodyError(say("The body is no change of tags: it has no field tags."))
    return TagsChanged(Reader(body).gid("customerId", "Customer"))


def record_tag_changes(session: Session, shop: Shop, facts: Sequence[TagsChanged], now: datetime) -> None:
    """Have the customers' tags asked anew the next time that an order's decision needs them."""
    forget_tags(session, shop, {fact.customer_id for fact in facts}, now)
