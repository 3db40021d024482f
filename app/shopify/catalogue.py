"""What the shop's catalogue says about products: vendor, type, tags, collections, and which variants are on sale."""

from collections.abc import Callable, Collection
from decimal import Decimal, InvalidOperation
from typing import Any

from app.engine.rules.facts import ProductFact
from app.sentences import say
from app.shopify.documents import PRODUCT_COLLECTIONS, PRODUCT_VARIANTS, PRODUCTS, Document
from app.shopify.gateway import Gateway
from app.shopify.nodes import Unreadable, gid, number_of, read_nodes, unreadable

#: A query may cost 1,000 points, and each object in it up to one: 25 x (1 + 10 + 20), and the pages around them.
BATCH, COLLECTIONS, VARIANTS = 25, 10, 20
#: What is left of a product's collections or variants comes in pages of its own; a product has at most 2,048.
PAGE, MOST_PAGES = 250, 40

Json = dict[str, Any]


def read_products(
    gateway: Gateway, product_ids: Collection[int], *, max_wait_seconds: float = 10.0
) -> dict[int, ProductFact | None]:
    """Return what Shopify says about products, by id; None for one it does not know (any more).

    Raises the errors of ``app.shopify.errors``.
    """
    asked = read_nodes(
        gateway,
        PRODUCTS,
        "Product",
        product_ids,
        batch=BATCH,
        max_wait_seconds=max_wait_seconds,
        variables={"collections": COLLECTIONS, "variants": VARIANTS},
    )
    rest = _Rest(gateway, max_wait_seconds)
    try:
        return {product_id: None if node is None else _fact(product_id, node, rest) for product_id, node in asked}
    except (LookupError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
        raise unreadable(error) from error


class _Rest:
    """Reads what did not fit into the first answer."""

    def __init__(self, gateway: Gateway, max_wait_seconds: float) -> None:
        self._gateway = gateway
        self._max_wait_seconds = max_wait_seconds

    def nodes(self, product_id: int, first: Json, document: Document, field: str) -> list[Json]:
        """Return all nodes of a product's connection, of which the first page is there."""
        nodes, page = list(first["nodes"]), first["pageInfo"]
        for _ in range(MOST_PAGES):
            if not page["hasNextPage"]:
                return nodes
            data = self._gateway.execute(
                document,
                {"id": gid("Product", product_id), "first": PAGE, "after": page["endCursor"]},
                max_wait_seconds=self._max_wait_seconds,
            )
            product = data["product"]
            if product is None:
                return nodes  # deleted this moment
            nodes += product[field]["nodes"]
            page = product[field]["pageInfo"]
        raise Unreadable(say("A product has more collections or variants than can be read."))


def _fact(product_id: int, node: Json, rest: _Rest) -> ProductFact:
    return ProductFact(
        product_id=product_id,
        vendor=node["vendor"] or None,
        product_type=node["productType"] or None,
        tags=tuple(node["tags"]),
        collection_ids=_ids(rest.nodes(product_id, node["collections"], PRODUCT_COLLECTIONS, "collections"), _always),
        on_sale_variant_ids=_ids(rest.nodes(product_id, node["variants"], PRODUCT_VARIANTS, "variants"), _is_on_sale),
    )


def _ids(nodes: list[Json], wanted: Callable[[Json], bool]) -> tuple[int, ...]:
    return tuple(sorted({number_of(node["id"]) for node in nodes if wanted(node)}))


def _always(_: Json) -> bool:
    return True


def _is_on_sale(variant: Json) -> bool:
    before = variant["compareAtPrice"]
    return before is not None and Decimal(before) > Decimal(variant["price"])
