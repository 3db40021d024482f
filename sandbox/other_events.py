"""Tells the app what happened to customers and to the catalogue."""

from sandbox.body_parts import Json
from sandbox.bulk import BulkOperation
from sandbox.clock import local_text
from sandbox.customer_bodies import customer_body, deleted_body, merge_body, tags_body
from sandbox.models import Customer
from sandbox.post import Post, new_event
from sandbox.product_bodies import collection_body, deleted_collection_body, product_body
from sandbox.state import Shop
from sandbox.wares import Collection, Product


class CustomerAnnouncer:
    """Fires the webhooks about customers; call it with the shop's lock held."""

    def __init__(self, post: Post) -> None:
        self._post = post

    def created(self, shop: Shop, customer: Customer) -> None:
        """A customer who is new."""
        customer.announced = True
        self._customer(shop, "customers/create", customer, new_event())

    def updated(self, shop: Shop, customer: Customer, added: list[str], removed: list[str]) -> None:
        """A change of a customer, and the tags that came and went with it."""
        event_id = new_event()
        self._customer(shop, "customers/update", customer, event_id)
        for topic, tags in (("customer.tags_added", added), ("customer.tags_removed", removed)):
            if tags:
                body = tags_body(customer, tags, customer.updated_at)
                self._post.send(shop, topic, body, customer.id, customer.updated_at, event_id)

    def deleted(self, shop: Shop, customer: Customer) -> None:
        """A customer who is gone."""
        self._post.send(shop, "customers/delete", deleted_body(customer), customer.id, shop.clock.now())

    def merged(self, shop: Shop, kept: Customer, gone: Customer) -> None:
        """Two customers who are one from now on."""
        event_id = new_event()
        body = merge_body(kept, gone, next(shop.ids))
        self._post.send(shop, "customers/merge", body, kept.id, shop.clock.now(), event_id)
        self._customer(shop, "customers/update", kept, event_id)

    def _customer(self, shop: Shop, topic: str, customer: Customer, event_id: str) -> None:
        body = customer_body(customer, shop.currency, shop.timezone)
        self._post.send(shop, topic, body, customer.id, customer.updated_at, event_id)


class CatalogueAnnouncer:
    """Fires the webhooks about products and collections; call it with the shop's lock held."""

    def __init__(self, post: Post) -> None:
        self._post = post

    def product(self, shop: Shop, product: Product, *, is_new: bool = False) -> None:
        """A product that is new or changed."""
        topic = "products/create" if is_new else "products/update"
        self._post.send(shop, topic, product_body(product, shop.timezone), product.id, product.updated_at)

    def product_deleted(self, shop: Shop, product: Product) -> None:
        """A product that is gone; only its id is told."""
        self._post.send(shop, "products/delete", {"id": product.id}, product.id, shop.clock.now())

    def collection(self, shop: Shop, collection: Collection, *, is_new: bool = False) -> None:
        """A collection that is new or changed; not told when a product begins to fit its rule."""
        topic = "collections/create" if is_new else "collections/update"
        body = collection_body(collection, shop.timezone)
        self._post.send(shop, topic, body, collection.id, collection.updated_at)

    def collection_deleted(self, shop: Shop, collection: Collection) -> None:
        """A collection that is gone."""
        body = deleted_collection_body(collection)
        self._post.send(shop, "collections/delete", body, collection.id, shop.clock.now())


def announce_bulk(post: Post, shop: Shop, operation: BulkOperation) -> None:
    """Tell that a bulk operation is over, whatever became of it."""
    body: Json = {
        "admin_graphql_api_id": f"gid://shopify/BulkOperation/{operation.id}",
        "completed_at": local_text(operation.completed_at, shop.timezone),
        "created_at": local_text(operation.created_at, shop.timezone),
        "error_code": operation.error_code and operation.error_code.lower(),
        "status": operation.status.lower(),
        "type": "query",
    }
    post.send(shop, "bulk_operations/finish", body, operation.id, operation.completed_at or shop.clock.now())
