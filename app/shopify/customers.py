"""What Shopify says about customers that the bodies of webhooks leave out: their tags."""

from collections.abc import Collection

from app.shopify.documents import CUSTOMER_TAGS
from app.shopify.gateway import Gateway
from app.shopify.nodes import read_nodes, unreadable

BATCH = 100


def read_tags(
    gateway: Gateway, customer_ids: Collection[int], *, max_wait_seconds: float = 10.0
) -> dict[int, tuple[str, ...]]:
    """Return customers' tags, by Shopify's id; one that Shopify does not know (any more) has none.

    Raises the errors of ``app.shopify.errors``.
    """
    asked = read_nodes(gateway, CUSTOMER_TAGS, "Customer", customer_ids, batch=BATCH, max_wait_seconds=max_wait_seconds)
    try:
        return {customer_id: () if node is None else tuple(map(str, node["tags"])) for customer_id, node in asked}
    except (LookupError, TypeError) as error:
        raise unreadable(error) from error
