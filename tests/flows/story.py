"""Made-up lives of a shop's orders, as the facts Shopify would tell, for tests of what must not depend on their order.

A story is drawn from a seed: customers order, pay at once or later, return units, get money back, have orders
edited and cancelled. Every change yields the facts that webhooks would carry, with a version that only grows.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

from app.engine.rules.facts import CustomerFact, FinancialStatus, OrderFact, OrderLine, RefundFact, RefundLine

Fact = OrderFact | RefundFact
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass
class Story:
    """Tells facts in the order in which they happened."""

    seed: int
    orders: int
    customers: int = 3
    facts: list[Fact] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self._now = START
        self._open: dict[int, OrderFact] = {}
        self._refund_ids = 9_000
        placed = 0
        while placed < self.orders or self._random.random() < 0.6:
            self._now += timedelta(seconds=self._random.randint(1, 90_000))
            if placed < self.orders and (not self._open or self._random.random() < 0.45):
                placed += 1
                self._place(1_000 + placed)
            else:
                order = self._random.choice(list(self._open.values()))
                self._random.choice((self._pay, self._return_units, self._give_money, self._edit, self._cancel))(order)

    def _place(self, order_id: int) -> None:
        pick = self._random
        customer = CustomerFact(pick.randint(1, self.customers), email="someone@example.com")
        status = pick.choice((FinancialStatus.PAID, FinancialStatus.PAID, FinancialStatus.PENDING))
        lines = tuple(
            OrderLine(
                line_id=order_id * 10 + number,
                title=f"Thing {number}",
                quantity=pick.randint(1, 4),
                removed_quantity=0,
                net_minor=pick.randint(0, 40_000),
                tax_minor=pick.randint(0, 3_000),
                is_gift_card=pick.random() < 0.1,
            )
            for number in range(pick.randint(1, 3))
        )
        self._tell(
            OrderFact(
                order_id=order_id,
                name=f"#{order_id}",
                currency="USD",
                financial_status=status,
                is_test=pick.random() < 0.03,
                placed_at=self._now,
                updated_at=self._now,
                cancelled_at=None,
                customer=None if pick.random() < 0.1 else customer,
                lines=lines,
            )
        )

    def _pay(self, order: OrderFact) -> None:
        if order.financial_status is FinancialStatus.PENDING and order.cancelled_at is None:
            self._tell(replace(order, financial_status=FinancialStatus.PAID))
        elif order.customer is None or self._random.random() < 0.2:
            self._tell(replace(order, customer=CustomerFact(self._random.randint(1, self.customers))))

    def _return_units(self, order: OrderFact) -> None:
        back = {line.line_id: line.quantity for refund in order.refunds for line in refund.lines}
        lines = []
        for line in order.lines:
            left = line.quantity - line.removed_quantity - back.get(line.line_id, 0)
            if left > 0 and self._random.random() < 0.7:
                units = self._random.randint(1, left)
                worth = line.net_minor * units // line.quantity
                lines.append(RefundLine(line.line_id, units, worth, line.tax_minor * units // line.quantity))
        if lines:
            money = sum(line.subtotal_minor + line.tax_minor for line in lines)
            self._refund(order, tuple(lines), money)

    def _give_money(self, order: OrderFact) -> None:
        self._refund(order, (), self._random.randint(1, 5_000))

    def _refund(self, order: OrderFact, lines: tuple[RefundLine, ...], money_minor: int) -> None:
        if not order.financial_status.was_paid:
            return
        self._refund_ids += 1
        refund = RefundFact(self._refund_ids, order.order_id, self._now, lines, money_minor)
        self.facts.append(refund)
        self._tell(
            replace(order, financial_status=FinancialStatus.PARTIALLY_REFUNDED, refunds=(*order.refunds, refund))
        )

    def _edit(self, order: OrderFact) -> None:
        if order.cancelled_at is not None:
            return
        line = self._random.choice(order.lines)
        back = sum(r.quantity for refund in order.refunds for r in refund.lines if r.line_id == line.line_id)
        left = line.quantity - line.removed_quantity - back
        if left > 0 and self._random.random() < 0.6:
            changed = replace(line, removed_quantity=line.removed_quantity + 1)
            lines = tuple(changed if each.line_id == line.line_id else each for each in order.lines)
        else:
            new_id = max(each.line_id for each in order.lines) + 1
            extra = OrderLine(new_id, "Added", 1, 0, self._random.randint(100, 9_000), 0)
            lines = (*order.lines, extra)
        self._tell(replace(order, lines=lines))

    def _cancel(self, order: OrderFact) -> None:
        if order.cancelled_at is None and self._random.random() < 0.5:
            status = FinancialStatus.REFUNDED if order.financial_status.was_paid else FinancialStatus.VOIDED
            self._tell(replace(order, cancelled_at=self._now, financial_status=status))

    def _tell(self, order: OrderFact) -> None:
        order = replace(order, updated_at=self._now)
        self._open[order.order_id] = order
        self.facts.append(order)
        if order.customer is None and self._random.random() < 0.5:
            # Versions of one second: Shopify's instants have no fractions.
            self._open[order.order_id] = replace(order, customer=CustomerFact(1), updated_at=self._now)
            self.facts.append(self._open[order.order_id])


def shaken(facts: list[Fact], seed: int) -> list[Fact]:
    """Return the facts as a bad network delivers them: a fifth twice, a fifth out of order, a twentieth much later."""
    pick = Random(seed)
    keyed: list[tuple[float, Fact]] = []
    for position, fact in enumerate(facts):
        chance = pick.random()
        moved = position + (pick.uniform(-30, 30) if chance < 0.2 else 0)
        if 0.2 <= chance < 0.25:
            moved = position + pick.uniform(20, len(facts) + 20)
        keyed.append((moved, fact))
        if pick.random() < 0.2:
            keyed.append((moved + pick.uniform(0, 20), fact))
    return [fact for _, fact in sorted(keyed, key=lambda pair: pair[0])]
