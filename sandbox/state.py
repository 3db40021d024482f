"""One sandbox shop in memory, and the world of all shops that one process serves."""

import itertools
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from sandbox.bucket import Bucket
from sandbox.bulk import BulkBook, BulkOperation
from sandbox.clock import Clock
from sandbox.credit import CreditBook, CreditTransaction
from sandbox.errors import BadInput, NotThere
from sandbox.faults import Faults
from sandbox.models import Customer, Dispute, Order
from sandbox.options import Options
from sandbox.returns import Return
from sandbox.scopes import Grants
from sandbox.subscriptions import Subscriptions
from sandbox.tokens import TokenStore
from sandbox.wares import Collection, Product

SHOP_DOMAIN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com")
FIRST_ORDER_NUMBER = 1001
ONE_SECOND = timedelta(seconds=1)


class Shop:
    """Everything one shop holds. Whoever reads or changes it holds `lock`."""

    bulk: BulkBook

    def __init__(
        self,
        domain: str,
        options: Options,
        ids: Iterator[int],
        clock: Clock,
        on_bulk_finish: "Callable[[Shop, BulkOperation], None]",
    ) -> None:
        self.domain = domain
        self.options = options
        self.clock = clock
        self.ids = ids
        self.id = next(ids)
        self.lock = threading.RLock()
        self.currency = options.currency
        self.timezone = options.timezone
        self.created_at = clock.now()
        self._on_bulk_finish = on_bulk_finish
        self.clear(options.seed)

    def clear(self, seed: int) -> None:
        """Empty the shop and start its random numbers again; ids and access tokens go on."""
        self.random = random.Random(f"{self.domain}/{seed}")
        self.customers: dict[int, Customer] = {}
        self.by_email: dict[str, Customer] = {}
        self.products: dict[int, Product] = {}
        self.products_by_title: dict[str, Product] = {}
        self.collections: dict[int, Collection] = {}
        self.orders: dict[int, Order] = {}
        self.disputes: dict[int, Dispute] = {}
        self.returns: dict[int, Return] = {}
        #: Instead of the one made from the domain.
        self.given_name: str | None = None
        self.numbers = itertools.count(FIRST_ORDER_NUMBER)
        self.credit = CreditBook(self.ids)
        #: The credits about which Shopify wrote to their customers.
        self.told_customers: list[CreditTransaction] = []
        self.grants = Grants(self.options.scopes, self.options.optional_scopes)
        if not hasattr(self, "tokens"):
            self.tokens = TokenStore(self.options, lambda: self.grants.text)
        self.bucket = Bucket(self.options.restore_rate)
        if hasattr(self, "bulk"):
            self.bulk.close()
        self.bulk = BulkBook(self, self._on_bulk_finish)
        self.installed = True

    @property
    def name(self) -> str:
        """The shop's name, made from its domain unless it was given one."""
        return self.given_name or self.domain.removesuffix(".myshopify.com").replace("-", " ").title()

    @property
    def email(self) -> str:
        """The shop's own mail address."""
        return "owner@example.com"

    def get_customer(self, customer_id: int) -> Customer:
        """Return the customer, or refuse."""
        customer = self.customers.get(customer_id)
        if customer is None:
            raise NotThere(f"There is no customer {customer_id}; GET /sandbox/customers lists them.")
        return customer

    def get_order(self, order_id: int) -> Order:
        """Return the order, or refuse."""
        order = self.orders.get(order_id)
        if order is None:
            raise NotThere(f"There is no order {order_id}; GET /sandbox/orders lists the latest.")
        return order

    def add_customer(
        self, email: str | None, first_name: str, last_name: str, tags: list[str], at: datetime | None = None
    ) -> Customer:
        """Return the customer with this mail address, made now unless it is known."""
        known = self.by_email.get(email.lower()) if email else None
        if known is not None:
            return known
        moment = at or self.clock.now()
        customer = Customer(next(self.ids), email, first_name, last_name, tags, moment, moment)
        self.customers[customer.id] = customer
        if email:
            self.by_email[email.lower()] = customer
        return customer

    def touch(self, order: Order, at: datetime | None = None) -> datetime:
        """Move the order's `updated_at` forward by at least a second and return it."""
        moment = (at or self.clock.now()).replace(microsecond=0)
        order.updated_at = max(moment, order.updated_at + ONE_SECOND)
        return order.updated_at


class World:
    """All shops of one sandbox, with what they share: options, clock, ids, faults."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.clock = Clock()
        first = options.first_id if options.first_id is not None else int(time.time() * 1000)
        self.ids = itertools.count(first)
        self.faults = Faults(options.seed)
        self.subscriptions = Subscriptions(options.topics)
        self.lock = threading.Lock()
        self.shops: dict[str, Shop] = {}
        #: Told of every bulk operation that is over.
        self.on_bulk_finish: Callable[[Shop, BulkOperation], None] | None = None
        self.add_shop(options.shop)

    @property
    def main(self) -> Shop:
        """The shop served without a prefix."""
        return self.shops[self.options.shop]

    def add_shop(self, domain: str) -> Shop:
        """Return the shop of this domain, made now unless it exists."""
        if not SHOP_DOMAIN.fullmatch(domain):
            raise BadInput(f'shop must look like "some-name.myshopify.com", not {domain!r}.')
        with self.lock:
            if domain not in self.shops:
                self.shops[domain] = Shop(domain, self.options, self.ids, self.clock, self._tell_bulk_finish)
            return self.shops[domain]

    def get_shop(self, domain: str | None) -> Shop:
        """Return the named shop, the main one when none is named."""
        if domain is None:
            return self.main
        shop = self.shops.get(domain)
        if shop is None:
            raise NotThere(f'There is no shop {domain}; POST /sandbox/shops {{"shop": "{domain}"}} makes it.')
        return shop

    def _tell_bulk_finish(self, shop: Shop, operation: BulkOperation) -> None:
        if self.on_bulk_finish is not None:
            self.on_bulk_finish(shop, operation)
