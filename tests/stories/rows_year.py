"""A year of a shop, drawn from a seed: what Shopify tells, what staff does, what customers spend, and new terms."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from app.engine.flows import customers, details, earn, refund, review
from app.engine.rules.facts import DisputeFact, DisputeStatus, FinancialStatus, OrderFact
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import (
    Campaign,
    Evaluation,
    Expiry,
    HoldRules,
    Limits,
    Mode,
    Release,
    ReleaseKind,
    TierMethod,
)
from tests.flows.builders import ADA, BEN, BIG, day, line, order, refund_of
from tests.flows.test_guests import told
from tests.stories.rows import CID

if TYPE_CHECKING:
    from tests.stories.test_rows_year import Play

Flow = Callable[..., object]
PEOPLE = (ADA, BEN, CID)
DEEDS = 120
DAYS = 365
#: From the first day on, and from day 180.
FIRST: dict[str, Any] = {
    "limits": Limits(day_minor=1_500, month_minor=4_000, balance_minor=9_000, budget_minor=9_000),
    "holds": HoldRules(first_order=True, country_mismatch=True, refund_share_above_bps=2_000, release_after_days=35),
    "release": Release(ReleaseKind.DAYS_AFTER_PAID, 14),
    "expiry": Expiry(days=100),
    "campaigns": (Campaign("Spring", day(60), day(90), multiplier_bps=20_000),),
    "tier_method": TierMethod.ROLLING_YEAR,
    "tier_evaluation": Evaluation.MONTHLY,
    "claim_days": 40,
}
SECOND: dict[str, Any] = {
    "cap_per_order_minor": 1_200,
    "release": Release(),
    "holds": HoldRules(),
    "automatic_up_to_minor": 900,
}


@dataclass(frozen=True)
class Deed:
    """Something that happens at a moment; with ``facts`` it is told by Shopify, and can be told again later."""

    at: datetime
    do: Callable[["Play", datetime, int], None] | None = None
    flow: Flow | None = None
    facts: tuple[Any, ...] = ()


class Year:
    """A year's deeds, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.pick = Random(seed)
        self.now = day(0)
        self.orders: list[OrderFact] = []
        self.refunds = 0
        self.deeds: list[Deed] = []
        kinds = [self.buy] * 7 + [self.give_back] * 4 + [self.change, self.contest, self.by_hand] + [self.decide] * 2
        self.buy()
        for _ in range(DEEDS):
            self.now += timedelta(hours=self.pick.randint(13, 132), seconds=1)
            self.pick.choice(kinds)()
        for who, on in ((ADA, 20), (BEN, 120)):
            self.deeds.append(Deed(day(on), None, customers.record_customers, (told(who, on=on),)))
        for number in range(3, DAYS, 14):
            self.work(day(number, 7))
        self.deeds.append(Deed(day(-1), lambda play, now, _: play.publish(now, FIRST)))
        self.deeds.append(Deed(day(180), lambda play, now, _: play.publish(now, SECOND, Mode.MIXED)))
        self.deeds.sort(key=lambda deed: deed.at)

    def fact(self, flow: Callable[..., object], *facts: Any, late: int = 0) -> None:
        self.deeds.append(Deed(self.now + timedelta(days=late), None, flow, facts))

    def buy(self) -> None:
        """Let some people order, perhaps as guests; some orders are told some days late."""
        late, facts = self.pick.choice((0, 0, 0, 3)), []
        for _ in range(self.pick.randint(1, 3)):
            number, who = len(self.orders) + 1, self.pick.choice(PEOPLE)
            guest: dict[str, Any] = (
                {"customer": None, "email": who.email} if self.pick.random() < 0.15 else {"customer": who}
            )
            lines = [line(10 * number + n, self.pick.randint(500, 30_000), self.pick.randint(1, 3)) for n in range(2)]
            country: dict[str, Any] = {
                "billing_country": "US",
                "shipping_country": self.pick.choice(("US", "US", "US", "US", "FR")),
            }
            fact = order(number, *lines, placed_at=self.now, updated_at=self.now, **guest, **country)
            self.orders.append(fact)
            facts.append(fact)
        self.fact(earn.record_orders, *facts, late=late)

    def give_back(self) -> None:
        """Let units of one of the last orders come back, or money alone."""
        fact = self.pick.choice(self.orders[-12:])
        self.refunds += 1
        units, money = self.pick.choice(((1, None), (1, None), (0, self.pick.randint(100, 4_000))))
        changes = {} if money is None else {"money_minor": money}
        values: dict[str, Any] = {"units": units, "of": self.pick.randrange(2), "processed_at": self.now, **changes}
        self.fact(refund.record_refunds, refund_of(fact, self.refunds, **values), late=self.pick.choice((0, 0, 5)))

    def change(self) -> None:
        """Let one of the last orders be edited or cancelled."""
        place = self.pick.randrange(max(0, len(self.orders) - 12), len(self.orders))
        fact = self.orders[place]
        first = replace(fact.lines[0], removed_quantity=1)
        changes = self.pick.choice(
            (
                {"lines": (first, *fact.lines[1:])},
                {"cancelled_at": self.now, "financial_status": FinancialStatus.REFUNDED},
            )
        )
        self.orders[place] = replace(fact, updated_at=self.now, **changes)
        self.fact(earn.record_orders, self.orders[place])

    def contest(self) -> None:
        """Let the customer contest one of the last payments, and the bank decide after a month."""
        fact, number = self.pick.choice(self.orders[-6:]), BIG + len(self.deeds)
        opened = DisputeFact(number, fact.order_id, DisputeStatus.NEEDS_RESPONSE, self.now)
        verdict = self.pick.choice((DisputeStatus.LOST, DisputeStatus.WON))
        end = replace(opened, status=verdict, finalized_at=self.now + timedelta(days=30))
        self.fact(details.record_details, opened)
        self.fact(details.record_details, end, late=31)

    def by_hand(self) -> None:
        who, kind, minor = self.pick.choice(PEOPLE), self.pick.choice(list(TransferKind)), self.pick.randint(50, 600)
        self.deeds.append(Deed(self.now, lambda play, now, times: play.by_hand(who, kind, minor, now, times)))

    def decide(self) -> None:
        number = self.pick.randrange(100)
        verb = self.pick.choice((review.approve, review.approve, review.reject, review.reopen, review.release_hold))
        self.deeds.append(Deed(self.now, lambda play, now, times: play.decide(verb, number, now, times)))

    def work(self, at: datetime) -> None:
        """Let the clock and Shopify do what is due, and somebody spend."""
        who, minor = self.pick.choice(PEOPLE), self.pick.choice((0, 300, 700, 2_500))
        self.deeds.append(Deed(at, lambda play, now, times: play.work(who, minor, now, times)))
