"""One batch of an import: lines of the file become orders, what the file lacks is asked for, the flows take them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.db import transaction
from app.engine.flows import import_steps
from app.engine.flows.history import list_known, record_history
from app.engine.flows.import_steps import Claim
from app.engine.programme import Programme
from app.engine.rules.estimate import Estimate, Summary
from app.engine.rules.facts import Details, OrderFact
from app.errands.lookups import Lookups
from app.errors import BoomerangError
from app.models import HistoryImport, Shop
from app.sentences import say, sentence_of
from app.shopify.gateway import Gateway
from app.shopify.history import Whole
from app.shopify.nodes import Unreadable
from app.shopify.order_nodes import OrderTold, read_order
from app.shopify.orders import OrderReader

#: Longest a question about refunded orders waits for room in the shop's allowance.
MAX_WAIT_SECONDS = 20.0

Clock = Callable[[], datetime]


class Worker(Protocol):
    """What takes the orders of the file."""

    def take(self, wholes: Sequence[Whole]) -> bool:
        """Take a batch; return False where the import is not this worker's any more."""

    def sum_up(self) -> Summary | None:
        """Return what was counted; None where the tables say it."""


@dataclass
class Read:
    """What a batch says, and which of its orders cannot be read, by name."""

    told: list[OrderTold] = field(default_factory=list)
    bad: dict[str, str] = field(default_factory=dict)


class Batches:
    """Records batches, each in one transaction with the place in the file behind it."""

    def __init__(self, claim: Claim, gateway: Gateway, clock: Clock, catch: type[Exception]) -> None:
        self._claim = claim
        self._clock = clock
        self._catch = catch
        self._reader = OrderReader(gateway, max_wait_seconds=MAX_WAIT_SECONDS, clock=clock)
        self._lookups = Lookups(clock, catch=catch)
        self._place = claim.done_bytes

    def take(self, wholes: Sequence[Whole]) -> bool:
        """Record a batch; an order that cannot be recorded is left out with its reason and holds up no other."""
        begun, claim = self._clock(), self._claim
        read = read_batch(wholes, self._reader, begun)
        if claim.reward_asked_at is not None:
            self._lookups.ask_about_past(claim.shop_id, [one.order for one in read.told])
        with transaction(claim.shop_id) as session:
            row = import_steps.hold(session, claim, self._place)
            if row is None:
                return False
            shop = session.get_one(Shop, claim.shop_id)
            new = self._record(session, shop, read.told, read.bad)
            advance(row, wholes, new, read.bad, begun, self._clock())
        self._place = wholes[-1].end
        return True

    def sum_up(self) -> None:
        """Leave it to the tables."""

    def _record(self, session: Session, shop: Shop, told: Sequence[OrderTold], bad: dict[str, str]) -> int:
        """Return how many orders are new. What cannot be recorded together is tried in halves, until one is alone."""
        if not told:
            return 0
        new, error = self._try(session, shop, told)
        if error is None:
            return new
        if len(told) == 1:
            expected = isinstance(error, BoomerangError)
            bad[told[0].order.name] = (
                sentence_of(error) if expected else say("Unexpected: {kind}.", kind=type(error).__name__)
            )
            return 0
        half = len(told) // 2
        return sum(self._record(session, shop, some, bad) for some in (told[:half], told[half:]))

    def _try(self, session: Session, shop: Shop, told: Sequence[OrderTold]) -> tuple[int, Exception | None]:
        asked_at = self._claim.reward_asked_at
        details = [
            fact
            for one in told
            for fact in (one.details if asked_at is not None or not is_past(one.order, shop) else one.disputes)
        ]
        orders = [one.order if asked_at is None else _with_tags(one) for one in told]
        try:
            with session.begin_nested():
                now = self._clock()
                return record_history(session, shop, orders, details, now, reward_asked_at=asked_at), None
        except (BoomerangError, DBAPIError, self._catch) as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            return 0, error


class DryRun:
    """Counts what an import would come to, and records nothing of it but how far it is."""

    def __init__(self, claim: Claim, gateway: Gateway, clock: Clock) -> None:
        self._claim = claim
        self._clock = clock
        self._reader = OrderReader(gateway, max_wait_seconds=MAX_WAIT_SECONDS, clock=clock)
        self._place = claim.done_bytes
        self._unreadable = 0
        with transaction(claim.shop_id) as session:
            shop = session.get_one(Shop, claim.shop_id)
            self._estimate = Estimate(Programme(session, shop).at(clock()), ZoneInfo(shop.timezone))

    def take(self, wholes: Sequence[Whole]) -> bool:
        """Count a batch."""
        begun, claim = self._clock(), self._claim
        read = read_batch(wholes, self._reader, begun)
        with transaction(claim.shop_id) as session:
            row = import_steps.hold(session, claim, self._place)
            if row is None:
                return False
            shop = session.get_one(Shop, claim.shop_id)
            known = list_known(session, shop, [one.order.order_id for one in read.told])
            for one in read.told:
                order = one.order
                was_past = known.get(order.order_id)
                past = is_past(order, shop) if was_past is None else was_past
                details = Details(payments=one.payments, disputes=one.disputes)
                self._estimate.add(order, details, is_known=was_past is not None, is_past=past)
            advance(row, wholes, len(read.told) - len(known), read.bad, begun, self._clock())
        self._unreadable += len(read.bad)
        self._place = wholes[-1].end
        return True

    def sum_up(self) -> Summary:
        """Return what was counted."""
        return self._estimate.sum_up(self._clock(), unreadable=self._unreadable)


def read_batch(wholes: Sequence[Whole], reader: OrderReader, now: datetime) -> Read:
    """Return what orders of the file say; those with refunds are asked for, for the file does not tell of them."""
    read = Read()
    refunded: dict[int, str] = {}
    for whole in wholes:
        name = str(whole.node.get("name") or whole.node["id"])
        try:
            if whole.has_refunds:
                refunded[int(whole.node["id"].rpartition("/")[2])] = name
            else:
                read.told.append(read_order(whole.node, now))
        except (Unreadable, ValueError) as error:
            read.bad[name] = sentence_of(error)
    for order_id, told in reader.read(refunded):
        if isinstance(told, OrderTold):
            read.told.append(told)
        else:
            read.bad[refunded[order_id]] = (
                say("Shopify does not know it any more.") if told is None else sentence_of(told)
            )
    return read


def is_past(order: OrderFact, shop: Shop) -> bool:
    """Say whether an order that nobody knows yet is older than the programme."""
    return shop.began_at is not None and order.placed_at < shop.began_at


def advance(
    row: HistoryImport, wholes: Sequence[Whole], new: int, bad: dict[str, str], begun: datetime, now: datetime
) -> None:
    """Note that a batch is done."""
    took_ms = max(0, round((now - begun).total_seconds() * 1000))
    import_steps.advance(row, wholes[-1].end, seen=len(wholes), new=new, bad=bad, took_ms=took_ms, now=now)


def _with_tags(told: OrderTold) -> OrderFact:
    """Return the order with its customer's tags, which the file tells and the rules may look at."""
    customer = told.order.customer
    if customer is None:
        return told.order
    return replace(told.order, customer=replace(customer, tags=told.customer_tags))
