"""Made-up orders and refunds, and a till: one shop whose flows all run twice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.db import db, transaction
from app.engine.flows import earn, program, refund, review, settle, terms
from app.engine.flows.check_books import check_books
from app.engine.ledger import read_balances
from app.engine.rules.facts import CustomerFact, FinancialStatus, OrderFact, OrderLine, RefundFact, RefundLine
from app.engine.rules.postings import Account, EntryKind
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Mode, Terms
from app.errors import Refused
from app.models import Customer, LedgerEntry, Order, Reward, Shop, Transfer
from tests.people import hire_cast

#: Day 0 of every story; ids are too large for 53 bits, as Shopify's are.
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
BIG = 2**53
ADA = CustomerFact(BIG + 701, "ada@example.com", "Ada Example")
BEN = CustomerFact(BIG + 702, "ben@example.com", "Ben Example")
STAFF = "staff:7"
R = TypeVar("R")


def day(number: int, seconds: int = 0) -> datetime:
    """Return an instant on the given day of the story."""
    return START + timedelta(days=number, seconds=seconds)


def line(number: int = 1, net_minor: int = 10_000, quantity: int = 1, **changes: Any) -> OrderLine:
    """Return a line of an order; ``net_minor`` is for all its units."""
    values: dict[str, Any] = {"title": f"Thing {number}", "removed_quantity": 0, "tax_minor": 0, **changes}
    return OrderLine(line_id=BIG + number, quantity=quantity, net_minor=net_minor, **values)


def order(number: int, *lines: OrderLine, on: int = 0, **changes: Any) -> OrderFact:
    """Return order ``number``, paid on a day by Ada unless told otherwise; 100.00 without lines given."""
    values: dict[str, Any] = {
        "order_id": BIG + number,
        "name": f"#{1000 + number}",
        "currency": "USD",
        "financial_status": FinancialStatus.PAID,
        "is_test": False,
        "placed_at": day(on),
        "updated_at": day(on),
        "cancelled_at": None,
        "customer": ADA,
        "lines": lines or (line(),),
        **changes,
    }
    return OrderFact(**values)


def later(fact: OrderFact, seconds: int = 60, **changes: Any) -> OrderFact:
    """Return a newer version of an order."""
    return replace(fact, updated_at=fact.updated_at + timedelta(seconds=seconds), **changes)


def refund_of(
    fact: OrderFact, number: int = 1, *, units: int = 0, of: int = 0, on: int = 1, **changes: Any
) -> RefundFact:
    """Return refund ``number`` of an order: some units of its ``of``-th line, or only what ``changes`` say."""
    sold = fact.lines[of]
    lines = (RefundLine(sold.line_id, units, sold.net_minor * units // sold.quantity),) if units else ()
    money_minor = sum(part.subtotal_minor for part in lines)
    values = {"processed_at": day(on), "lines": lines, "money_minor": money_minor, **changes}
    return RefundFact(refund_id=fact.order_id * 100 + number, order_id=fact.order_id, **values)


@dataclass(frozen=True, slots=True)
class Seen:
    """A reward as its row stood when it was looked at."""

    id: int
    state: RewardState
    tier: str
    granted: int
    reversed: int
    version: int
    terms_version: int
    why_nothing: str | None
    hold: str | None


@contextmanager
def reading() -> Iterator[Session]:
    """Yield a session that sees what is committed, and leaves nothing behind."""
    db.session.remove()
    with transaction() as session:
        yield session
    db.session.remove()


def all_rows() -> list[tuple[str, str]]:
    """Return every row of every table as text, with its table's name: what a second run must leave as it is."""
    tables = sorted(table.name for table in db.metadata.tables.values())
    rows = " UNION ALL ".join(f'SELECT \'{name}\', "{name}"::text FROM "{name}"' for name in tables)  # noqa: S608
    with reading() as session:
        return sorted((name, row) for name, row in session.execute(text(rows)))


class Till:
    """One shop. Whatever is done here is done twice, and the second time must change nothing."""

    def __init__(self, domain: str, currency: str = "USD", mode: Mode = Mode.AUTOMATIC) -> None:
        with transaction() as session:
            row = Shop(domain=domain, name=domain, currency=currency, mode=mode, installed_at=day(-30))
            session.add(row)
            session.flush()
            terms.publish_default(session, row, "system", day(-30))
            hire_cast(session, row.id)
            self.id: int = row.id
        self.currency = currency
        self.broken_by_hand: frozenset[str] = frozenset()

    def run(self, flow: Callable[[Session, Shop], R]) -> R:
        """Run a flow in a transaction of its own."""
        db.session.remove()
        with transaction() as session:
            return flow(session, session.get_one(Shop, self.id))

    def twice(self, flow: Callable[[Session, Shop, datetime], R], now: datetime) -> R:
        """Run a flow, and again a minute later; fail if that changes one row, or if the books do not add up."""
        answer = self.run(lambda session, shop: flow(session, shop, now))
        rows = all_rows()
        self.run(lambda session, shop: flow(session, shop, now + timedelta(minutes=1)))
        assert all_rows() == rows
        self.check()
        return answer

    def check(self) -> None:
        """Fail if the books do not add up, but for what the test itself has broken."""
        with reading() as session:
            wrong = [found for found in check_books(session) if found.invariant not in self.broken_by_hand]
            assert wrong == [], wrong

    def tell(self, *facts: OrderFact, on: int = 10) -> None:
        """Tell orders, all in one batch."""
        self.twice(lambda session, shop, now: earn.record_orders(session, shop, facts, now), day(on))

    def pay_back(self, *facts: RefundFact, on: int = 10) -> None:
        """Tell refunds, all in one batch."""
        self.twice(lambda session, shop, now: refund.record_refunds(session, shop, facts, now), day(on))

    def settle_due(self, on: int = 10) -> int:
        """Settle what is due."""
        return self.twice(lambda session, shop, now: settle.settle_due(session, shop, now), day(on))

    def decide(self, verb: Callable[..., Reward], fact: OrderFact, *reason: str, seen: int | None = None) -> None:
        """Let staff decide about an order's reward; the same click again is refused and changes nothing."""
        reward = self.reward(fact)
        version = reward.version if seen is None else seen

        def click(session: Session, shop: Shop) -> Reward:
            return verb(session, shop.id, reward.id, version, STAFF, day(11), *reason)

        self.run(click)
        rows = all_rows()
        try:
            self.run(click)
        except Refused:
            assert all_rows() == rows
        else:
            raise AssertionError("The second click was not refused.")
        self.check()

    def approve(self, fact: OrderFact) -> None:
        """Approve an order's reward."""
        self.decide(review.approve, fact)

    def reject(self, fact: OrderFact, reason: str = "Bought for resale.") -> None:
        """Reject an order's reward."""
        self.decide(review.reject, fact, reason)

    def publish(self, on: int = 0, **changes: Any) -> None:
        """Publish the current terms with some changes."""

        def flow(session: Session, shop: Shop) -> Terms:
            current = terms.get_current(session, shop.id, day(on))
            return terms.publish(session, shop.id, replace(current, **changes), STAFF, day(on))

        self.run(flow)

    def set_mode(self, mode: Mode, waiting: program.Waiting = program.Waiting.KEEP) -> int:
        """Switch the mode."""
        return self.run(lambda session, shop: program.set_mode(session, shop.id, mode, waiting, STAFF, day(10)))

    def pause(self) -> None:
        """Pause the programme."""
        self.twice(lambda session, shop, now: program.pause(session, shop.id, STAFF, now), day(5))

    def resume(self) -> None:
        """Let the programme go on."""
        self.twice(lambda session, shop, now: program.resume(session, shop.id, STAFF, now), day(6))

    def reward(self, fact: OrderFact) -> Seen:
        """Return an order's reward."""
        with reading() as session:
            row = self._reward_row(session, fact)
            return Seen(
                row.id, row.state, row.tier_name, row.granted_minor, row.reversed_minor, row.version,
                row.terms_version, row.ineligible_reason, row.hold_reason,
            )  # fmt: skip

    def kept(self, fact: OrderFact) -> int:
        """Return what of an order's reward is kept."""
        seen = self.reward(fact)
        return seen.granted - seen.reversed

    def balances(self, customer: CustomerFact = ADA) -> tuple[int, int, int]:
        """Return what a customer has pending, available and owed."""
        with reading() as session:
            which = (Customer.shop_id == self.id, Customer.shopify_id == customer.customer_id)
            customer_id = session.scalar(select(Customer.id).where(*which))
            if customer_id is None:
                return 0, 0, 0
            held = read_balances(session, self.id, {customer_id}, self.currency)[customer_id]
            return held[Account.PENDING], held[Account.AVAILABLE], held[Account.OWED]

    def entries(self, fact: OrderFact) -> list[EntryKind]:
        """Return the kinds of an order's ledger entries, in the order in which they were written."""
        with reading() as session:
            reward = self._reward_row(session, fact)
            which = select(LedgerEntry.kind).where(LedgerEntry.reward_id == reward.id).order_by(LedgerEntry.id)
            return list(session.scalars(which))

    def transfers(self, fact: OrderFact) -> list[tuple[str, int]]:
        """Return kind and amount of an order's transfers."""
        with reading() as session:
            reward = self._reward_row(session, fact)
            which = select(Transfer).where(Transfer.reward_id == reward.id).order_by(Transfer.id)
            return [(row.kind.value, row.amount_minor) for row in session.scalars(which)]

    def _reward_row(self, session: Session, fact: OrderFact) -> Reward:
        which = select(Reward).join(Order, Order.id == Reward.order_id)
        return session.scalars(which.where(Order.shop_id == self.id, Order.shopify_id == fact.order_id)).one()


def books(till: Till) -> dict[str, Any]:
    """Return a shop's books in a form that two shops, or two runs, can be compared in; they must add up.

    Balances by customer and account, and by order what was granted and reversed, in which state and tier.
    """
    till.check()
    with reading() as session:
        customers = {row.id: row for row in session.scalars(select(Customer).where(Customer.shop_id == till.id))}
        balances = read_balances(session, till.id, customers.keys(), till.currency)
        rewards = session.execute(
            select(Order.shopify_id, Reward)
            .join(Order, Order.id == Reward.order_id)
            .where(Reward.shop_id == till.id)
            .order_by(Order.shopify_id)
        )
        return {
            "balances": {
                customers[customer_id].shopify_id: {str(account): minor for account, minor in held.items() if minor}
                for customer_id, held in balances.items()
            },
            "rewards": {
                order_id: (row.state.value, row.tier_name, row.granted_minor, row.reversed_minor)
                for order_id, row in rewards
            },
        }
