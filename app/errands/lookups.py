"""Asks Shopify what the bodies of waiting deliveries lack, before they are handled and outside every transaction.

Whatever cannot be asked now is missed by the flow, which then lets the delivery wait (NotYet): so Shopify's
silence loses nothing. Each shop is asked aside, so that a slow answer holds up no other shop.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import select

from app.clock import utcnow
from app.db import transaction
from app.engine.flows.catalogue import record_products
from app.engine.flows.customer_tags import record_tags
from app.engine.flows.details import record_details
from app.engine.flows.missing import NOTHING_MISSING, Missing, list_missing, looks_beyond_bodies
from app.engine.rules.facts import OrderFact, PaymentFact, RiskFact
from app.engine.rules.facts_json import order_from_json
from app.errands.aside import PATIENCE_SECONDS, Aside
from app.errors import BoomerangError
from app.models import Order, Shop
from app.shopify.catalogue import read_products
from app.shopify.connect import open_gateway
from app.shopify.customers import read_tags
from app.shopify.errors import AccessDenied, DocumentRefused, ShopifyError, Unauthorized
from app.shopify.gateway import Gateway
from app.shopify.nodes import Unreadable
from app.shopify.order_details import read_payments, read_risks
from app.shopify.orders import OrderReader
from app.webhooks.orders_read import OrderRead, store_read
from app.webhooks.peek import Ahead, peek
from app.webhooks.turns import Turns

log = structlog.get_logger()

#: Longest a question waits for THROTTLED to pass: all deliveries of the shop wait for it too.
MAX_WAIT_SECONDS = 2.0


class Lookups:
    """One worker's questions while it drains the inbox: a shop that gave no answer is not asked again for a while."""

    def __init__(
        self,
        clock: Callable[[], datetime] = utcnow,
        catch: type[Exception] = BoomerangError,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._clock = clock
        self._catch = catch
        self._aside = Aside(patience_seconds)

    def ask_first(self, turns: Turns | None = None) -> set[int]:
        """Ask for all that the next waiting deliveries will need, and remember the answers.

        Returns the shops whose answer is still awaited: let their deliveries wait, too, and call again.
        """
        skip = self._aside.silent() | self._aside.busy()
        with transaction() as session:
            ahead = peek(
                session, self._clock(), is_curious=looks_beyond_bodies, skip=skip, catch=self._catch, turns=turns
            )
        for shop_id, waiting in ahead.items():
            self._aside.ask(shop_id, partial(self._is_answered, shop_id, waiting))
        self._aside.wait()
        return self._aside.busy()

    def _is_answered(self, shop_id: int, waiting: Ahead) -> bool:
        try:
            self._ask_about(shop_id, waiting)
        except (BoomerangError, self._catch) as error:
            expected = isinstance(error, BoomerangError)
            log.warning("lookup_failed", shop_id=shop_id, reason=str(error), exc_info=None if expected else error)
            return False
        return True

    def ask_about_past(self, shop_id: int, orders: Sequence[OrderFact]) -> None:
        """Ask for all that past orders of a shop need whose rewards somebody asks for, and remember the answers."""
        with transaction(shop_id) as session:
            missing = list_missing(session, session.get_one(Shop, shop_id), orders, self._clock(), past_earns=True)
        asked = replace(missing, payment_order_ids=frozenset(), risk_order_ids=frozenset(), customer_ids=frozenset())
        if asked != NOTHING_MISSING:
            self._ask_with(shop_id, lambda gateway: self._ask(gateway, shop_id, asked))

    def ask_about_order(self, shop_id: int, order_shopify_id: int) -> None:
        """Ask for all that one order needs whose reward somebody asks for; raise ShopifyError without an answer."""
        with transaction(shop_id) as session:
            known = select(Order.fact).where(Order.shop_id == shop_id, Order.shopify_id == order_shopify_id)
            orders = [order_from_json(fact) for fact in session.scalars(known)]
            shop = session.get_one(Shop, shop_id)
            missing = list_missing(session, shop, orders, self._clock(), past_earns=True)
        if missing != NOTHING_MISSING:
            self._ask_with(shop_id, lambda gateway: self._ask(gateway, shop_id, missing))

    def _ask_about(self, shop_id: int, waiting: Ahead) -> None:
        now = self._clock()
        failed: ShopifyError | None = None
        if waiting.edited:
            try:
                self._ask_with(shop_id, lambda gateway: self._ask_edited(gateway, shop_id, waiting.edited))
            except (AccessDenied, DocumentRefused) as error:
                failed = error
        with transaction() as session:
            missing = list_missing(
                session,
                session.get_one(Shop, shop_id),
                waiting.orders,
                now,
                reassessed=waiting.reassessed,
                customers=waiting.customer_ids,
            )
        if missing != NOTHING_MISSING:
            self._ask_with(shop_id, lambda gateway: self._ask(gateway, shop_id, missing))
        if failed is not None:
            raise failed

    def _ask_with(self, shop_id: int, question: Callable[[Gateway], None]) -> None:
        """Ask with the shop's token, and once more with a new one where Shopify refuses it."""
        gateway, token = open_gateway(shop_id, clock=self._clock)
        try:
            question(gateway)
        except Unauthorized:
            gateway, _ = open_gateway(shop_id, refused=token, clock=self._clock)
            question(gateway)

    def _ask(self, gateway: Gateway, shop_id: int, missing: Missing) -> None:
        """Ask one kind of question after the other; what is wrong with one alone stops none of the others."""
        failed: ShopifyError | None = None
        for question in (self._ask_products, self._ask_tags, self._ask_payments, self._ask_risks):
            try:
                question(gateway, shop_id, missing)
            except (AccessDenied, DocumentRefused, Unreadable) as error:
                failed = error
        if failed is not None:
            raise failed

    def _ask_products(self, gateway: Gateway, shop_id: int, missing: Missing) -> None:
        if not missing.product_ids:
            return
        asked_at = self._clock()
        found = read_products(gateway, missing.product_ids, max_wait_seconds=MAX_WAIT_SECONDS)
        with transaction() as session:
            record_products(session, session.get_one(Shop, shop_id), found, asked_at)

    def _ask_tags(self, gateway: Gateway, shop_id: int, missing: Missing) -> None:
        if not missing.customer_ids:
            return
        asked_at = self._clock()
        tags = read_tags(gateway, missing.customer_ids, max_wait_seconds=MAX_WAIT_SECONDS)
        with transaction() as session:
            record_tags(session, session.get_one(Shop, shop_id), tags, asked_at)

    def _ask_edited(self, gateway: Gateway, shop_id: int, order_ids: Collection[int]) -> None:
        """Have the orders handled as they are now, right after this.

        One that Shopify does not know, or not in a shape that can be read, goes on waiting and holds up no other.
        """
        reader = OrderReader(gateway, max_wait_seconds=MAX_WAIT_SECONDS, clock=self._clock)
        orders = []
        for order_id, told in reader.read(order_ids):
            if isinstance(told, Unreadable):
                log.warning("order_unreadable", shop_id=shop_id, order=order_id, reason=str(told))
            elif told is not None:
                orders.append(OrderRead(told.order, told.payments))
        with transaction() as session:
            store_read(session, shop_id, orders, self._clock())

    def _ask_payments(self, gateway: Gateway, shop_id: int, missing: Missing) -> None:
        if missing.payment_order_ids:
            order_ids = missing.payment_order_ids
            self._record(shop_id, read_payments(gateway, order_ids, max_wait_seconds=MAX_WAIT_SECONDS))

    def _ask_risks(self, gateway: Gateway, shop_id: int, missing: Missing) -> None:
        if missing.risk_order_ids:
            asked_at = self._clock()
            order_ids = missing.risk_order_ids
            self._record(shop_id, read_risks(gateway, order_ids, asked_at, max_wait_seconds=MAX_WAIT_SECONDS))

    def _record(self, shop_id: int, facts: Sequence[PaymentFact | RiskFact]) -> None:
        with transaction() as session:
            record_details(session, session.get_one(Shop, shop_id), facts, self._clock())
