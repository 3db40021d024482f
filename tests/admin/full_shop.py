"""A shop in which everything has happened, for looking at every room of the admin at once.

The last day is today: two months of orders went through by themselves, those of the last days wait for a person.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utcnow
from app.db import db, transaction
from app.engine.due_transfers import claim_next
from app.engine.flows import (
    adjust,
    business,
    earn,
    figures,
    moves,
    privacy_requests,
    program,
    refund,
    review,
    terms,
    tier_runs,
    tiers,
)
from app.engine.flows import transfer as transfers
from app.engine.rules.business import Trade
from app.engine.rules.facts import (
    CreditMove,
    CustomerFact,
    FinancialStatus,
    MoveKind,
    OrderFact,
    OrderLine,
    RefundFact,
    RefundLine,
)
from app.engine.rules.roles import Role
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import Limits, Mode
from app.models import (
    Adjustment,
    AdjustmentState,
    CreditAccount,
    Customer,
    Delivery,
    DeliveryState,
    HistoryImport,
    ImportState,
    LedgerEntry,
    Order,
    PrivacyKind,
    ReasonCode,
    Reward,
    Shop,
    StaffMember,
    Statement,
    Transfer,
    Window,
)
from tests.admin.full_incidents import add_checks, add_incidents
from tests.admin.full_mails import add_mailbox
from tests.admin.full_pace import add_lags, tell_customers

ID = 2**53
PEOPLE = (
    "Ada Example", "Ben Sample", "Cleo Muster", "Dario Ejemplo", "Edith Beispiel", "Farid Exemple", "Gwen Made-Up",
    "Hugo Nobody", "Iris Invented", "Jonas Paper", "Kiki Testa", "Lena Quux-Fabricated",
)  # fmt: skip
THINGS = (
    ("Linen shirt", 6_900), ("Wool blanket", 14_900), ("Enamel mug", 1_450), ("Walking boots", 18_900),
    ("Rain jacket", 24_900), ("Notebook, dotted", 1_290), ("Gift card", 5_000), ("Beeswax candle", 2_250),
)  # fmt: skip
REVIEWER, ACCOUNTANT, OWNER = "staff:7", "staff:8", "staff:9"
LEASE = 40


@dataclass(frozen=True, slots=True)
class FullShop:
    """Where to look: ids in Shopify for orders, our own for all else."""

    id: int
    #: Paid, credited, and partly given back.
    order_id: int
    held_order_id: int
    refused_order_id: int
    doubtful_order_id: int
    #: Older than the programme, and told but not taken in.
    past_order_id: int
    lost_order_id: int
    guest_order_id: int
    customer_id: int
    #: For whom credit by hand is proposed that waits for a second person.
    proposal_customer_id: int
    statement_id: int
    delivery_id: int


def fill_shop(shop_id: int) -> FullShop:
    """Let everything happen in a shop that has just been installed."""
    return _Maker(shop_id).make()


class _Maker:
    def __init__(self, shop_id: int) -> None:
        self.shop_id = shop_id
        self.now = utcnow().replace(microsecond=0)
        self.chance = random.Random(7)
        self.balances: dict[int, int] = defaultdict(int)
        self.transactions = 100

    def make(self) -> FullShop:
        self._hire()
        self._agree_on_terms()
        for begin in range(1, 49, 4):
            self._sell_some({number: self._day(number) for number in range(begin, begin + 4)})
            self._look_at_the_queue(range(begin, begin + 4))
        self._send_all(self.now - timedelta(days=6))
        self._take_back()
        self._spend()
        self._trouble()
        self._leave_out()
        self._by_hand()
        self._wait_for_people()
        self._look_around()
        add_incidents(self.shop_id, self.now)
        add_checks(self.shop_id, self.now)
        add_lags(self.shop_id, self.now)
        tell_customers(self.shop_id, self.now)
        add_mailbox(self.shop_id, self.now)
        self._look_at_the_queue(range(49, 58))
        self._reckon()
        return self._say_where()

    def _hire(self) -> None:
        people = (("7", "Rita Reviewer", Role.APPROVER, 5_000), ("8", "Ali Accountant", Role.MANAGER, None))
        with transaction() as session:
            for shopify_id, name, role, limit in (*people, ("9", "Olga Owner", Role.OWNER, None)):
                email = f"{name.split()[0].lower()}@example.com"
                values = {"name": name, "email": email, "role": role, "approve_up_to_minor": limit}
                row = StaffMember(shop_id=self.shop_id, shopify_id=shopify_id, first_seen_at=self.now, **values)
                session.add(row)

    def _agree_on_terms(self) -> None:
        with transaction() as session:
            current = terms.get_current(session, self.shop_id, utcnow())
            wanted = replace(
                current,
                cap_per_order_minor=2_500,
                hold_above_minor=45_000,
                second_person_above_minor=4_000,
                limits=Limits(month_minor=20_000),
            )
            terms.publish(session, self.shop_id, wanted, OWNER, self.now - timedelta(days=70))
            program.set_mode(session, self.shop_id, Mode.AUTOMATIC, program.Waiting.KEEP, OWNER, self.now)

    def _day(self, number: int) -> datetime:
        return self.now - timedelta(days=58 - number, hours=3, minutes=7 * number % 60)

    def _sell(self, number: int, at: datetime, **changes: object) -> OrderFact:
        return self._take([self._draw(number, at, **changes)])[0]

    def _sell_some(self, when: dict[int, datetime]) -> list[OrderFact]:
        return self._take([self._draw(number, at) for number, at in when.items()])

    def _take(self, facts: list[OrderFact]) -> list[OrderFact]:
        with transaction() as session:
            now = max(fact.placed_at for fact in facts) + timedelta(seconds=2)
            earn.record_orders(session, session.get_one(Shop, self.shop_id), facts, now)
        db.session.remove()
        return facts

    def _draw(self, number: int, at: datetime, **changes: object) -> OrderFact:
        lines = tuple(self._line(number * 10 + one) for one in range(self.chance.randint(1, 3)))
        whose = self.chance.randrange(len(PEOPLE))
        name = PEOPLE[whose]
        values = {
            "order_id": ID + number,
            "name": f"#{1000 + number}",
            "currency": "USD",
            "financial_status": FinancialStatus.PAID,
            "is_test": False,
            "placed_at": at,
            "updated_at": at,
            "cancelled_at": None,
            "customer": CustomerFact(ID + 700 + whose, f"{name.split()[0].lower()}@example.com", name),
            "lines": lines,
            "total_minor": sum(line.net_minor + line.tax_minor for line in lines),
            **changes,
        }
        return OrderFact(**values)  # type: ignore[arg-type]  # as in factories.order

    def _line(self, number: int) -> OrderLine:
        title, price_minor = self.chance.choice(THINGS)
        quantity = self.chance.choice((1, 1, 1, 2))
        return OrderLine(
            ID + number,
            title,
            quantity,
            0,
            price_minor * quantity,
            0,
            sku=title[:3].upper(),
            is_gift_card=title == "Gift card",
        )

    def _send_all(self, now: datetime) -> None:
        """Have Shopify confirm all that is planned."""
        while True:
            with transaction() as session:
                claim = claim_next(session, self.shop_id, now, LEASE)
                if claim is None or transfers.mark_sending(session, claim, 1, claim.amount_minor, now) is None:
                    break
                whose = session.scalars(select(Transfer.customer_id).where(Transfer.id == claim.transfer_id)).one()
                sign = 1 if claim.kind is TransferKind.CREDIT else -1
                self.balances[whose] += sign * claim.amount_minor
                self.transactions += 1
                word = "Credit" if sign > 0 else "Debit"
                gid = f"gid://shopify/StoreCreditAccount{word}Transaction/{self.transactions}"
                transfers.confirm(session, claim, gid, self.balances[whose], now + timedelta(milliseconds=180))
            db.session.remove()
        db.session.remove()

    def _take_back(self) -> None:
        """Refund a part of one order, all of another, and cancel a third."""
        for number, share, note in ((46, 1, "One was too small"), (41, 2, None)):
            with transaction() as session:
                shop = session.get_one(Shop, self.shop_id)
                row = session.scalars(
                    select(Order).where(Order.shop_id == shop.id, Order.name == f"#{1000 + number}")
                ).one()
                at = row.placed_at + timedelta(days=1)
                line = row.fact["lines"][0]
                units = 1 if share == 1 else line["quantity"]
                back = RefundFact(
                    ID + 500 + number,
                    row.shopify_id,
                    at,
                    (RefundLine(line["line_id"], units, line["net_minor"] * units // line["quantity"]),),
                    line["net_minor"] * units // line["quantity"],
                    note=note,
                )
                refund.record_refunds(session, shop, [back], at + timedelta(seconds=2))
            db.session.remove()
        self._send_all(self.now - timedelta(days=5))

    def _spend(self) -> None:
        """Let two customers pay with their credit."""
        with transaction() as session:
            shop = session.get_one(Shop, self.shop_id)
            rich = session.scalars(
                select(Customer)
                .join(Reward, Reward.customer_id == Customer.id)
                .where(Reward.shop_id == shop.id)
                .order_by(Customer.id)
                .limit(40)
            ).unique()
            for index, customer in enumerate(list(rich)[:2]):
                self.balances[customer.id] -= 150
                at = self.now - timedelta(days=4, minutes=index)
                key = f"gid://shopify/StoreCreditAccountDebitTransaction/{900 + index}"
                moves.record_moves(
                    session, shop, [CreditMove(key, customer.shopify_id, MoveKind.REDEMPTION, 150, at, ID + 48)], at
                )
        db.session.remove()

    def _trouble(self) -> None:
        """Let one transfer be refused, one get lost, and one delivery fail."""
        for number, fate in ((101, "refuse"), (102, "lose")):
            at = self.now - timedelta(days=2, minutes=number)
            self._sell(number, at, lines=(self._line(number * 10),), customer=_newcomer(number))
            with transaction() as session:
                claim = claim_next(session, self.shop_id, at, LEASE)
                assert claim is not None
                transfers.mark_sending(session, claim, 1, claim.amount_minor, at)
                if fate == "refuse":
                    transfers.refuse(
                        session, claim, "Shopify allows no more than 15,000.00 on one account; spend some first."
                    )
                else:
                    transfers.mark_unknown(session, claim, at, "Shopify did not answer in time.", at)
                    transfers.ask_person(session, claim, "Two credits of this amount were made in that minute.")
            db.session.remove()
        with transaction() as session:
            for state, reason in ((DeliveryState.HANDLED, None), (DeliveryState.FAILED, "The order has no currency.")):
                at = self.now - timedelta(minutes=20)
                values = {
                    "state": state,
                    "reason": reason,
                    "handled_at": at + timedelta(milliseconds=240),
                    "attempts": 1,
                }
                session.add(
                    Delivery(
                        shop_id=self.shop_id,
                        webhook_id=f"made-up-{state}",
                        topic="orders/paid",
                        triggered_at=at - timedelta(seconds=2),
                        received_at=at,
                        body=b'{"id": 1, "note": "made up"}',
                        **values,
                    )
                )

    def _leave_out(self) -> None:
        """Bring in an order from before the programme, and let another one not be taken in."""
        with transaction() as session:
            began_at = session.get_one(Shop, self.shop_id).began_at or self.now
            session.add(
                Delivery(
                    shop_id=self.shop_id,
                    webhook_id="made-up-lost",
                    topic="orders/paid",
                    received_at=self.now - timedelta(minutes=25),
                    body=b'{"id": 2, "note": "made up"}',
                    state=DeliveryState.FAILED,
                    reason="The order has no lines.",
                    order_shopify_id=ID + 3_001,
                    attempts=1,
                )
            )
        self._sell(3_000, began_at - timedelta(days=3))

    def _by_hand(self) -> None:
        """Give and take credit by hand, and a tier."""
        with transaction() as session:
            first, second = session.scalars(
                select(Customer.id).where(Customer.shop_id == self.shop_id).order_by(Customer.id).limit(2)
            )
            at = self.now - timedelta(hours=30)
            give = TransferKind.CREDIT
            adjust.propose(
                session,
                self.shop_id,
                first,
                give,
                1_000,
                ReasonCode.GOODWILL,
                "The parcel was late.",
                ACCOUNTANT,
                at,
                "made-up-1",
            )
            adjust.propose(
                session,
                self.shop_id,
                second,
                give,
                6_000,
                ReasonCode.PROMOTIONAL,
                "Won the draw.",
                ACCOUNTANT,
                at,
                "made-up-2",
            )
            top = terms.get_current(session, self.shop_id, self.now).tiers[-1].name
            tiers.assign(session, self.shop_id, [second], top, "A friend of the house.", OWNER, at, is_locked=True)
        self._send_all(self.now - timedelta(hours=29))
        with transaction() as session:
            shop = session.get_one(Shop, self.shop_id)
            run = tier_runs.start_run(session, self.shop_id, OWNER, self.now - timedelta(hours=5))
            tier_runs.recalculate(session, shop, run.id, self.now - timedelta(hours=5))
        db.session.remove()

    def _wait_for_people(self) -> None:
        """Let the orders of the last days wait; decide about some of them."""
        with transaction() as session:
            program.set_mode(session, self.shop_id, Mode.MANUAL, program.Waiting.KEEP, OWNER, self.now)
        self._sell_some({200 + n: self.now - timedelta(hours=5 * n + 1) for n in range(11, 22)})
        facts = self._sell_some({200 + n: self.now - timedelta(hours=5 * n + 1) for n in range(11)})
        big = (OrderLine(ID + 9_990, "Dining table", 1, 0, 189_000, 0),)
        self._sell(230, self.now - timedelta(hours=40), lines=big, total_minor=189_000)
        self._sell(231, self.now - timedelta(hours=9), customer=None, email="guest@example.com")
        for fact, decide in zip(facts[:4], ("approve", "reject", "hold", "approve"), strict=True):
            with transaction() as session:
                row = _reward(session, self.shop_id, fact.order_id)
                more = {"reason": "A reseller."} if decide == "reject" else {}
                if row.state.value in ("in_review", "held"):
                    at = row.created_at + timedelta(minutes=25)
                    getattr(review, decide)(session, self.shop_id, row.id, row.version, ACCOUNTANT, at, **more)
            db.session.remove()

    def _look_around(self) -> None:
        """Let accounts be read, history be imported, and Shopify ask for somebody's data."""
        with transaction() as session:
            customers = session.scalars(select(Customer).where(Customer.shop_id == self.shop_id).order_by(Customer.id))
            for index, customer in enumerate(customers.all()):
                drift = 250 if index == 3 else 0
                known = {"shop_id": self.shop_id, "customer_id": customer.id, "currency": "USD"}
                row = session.scalars(select(CreditAccount).filter_by(**known)).one_or_none() or CreditAccount(**known)
                session.add(row)
                row.shopify_id = ID + 800 + index
                row.balance_minor, row.drift_minor = self.balances[customer.id] + drift, drift
                row.drift_since = self.now - timedelta(hours=7) if drift else None
                row.read_at, row.whole_read_at = self.now - timedelta(minutes=12), self.now - timedelta(days=3)
                row.next_read_at = self.now + timedelta(hours=20)
                session.flush()
            for is_dry_run, hours in ((True, 60), (False, 59)):
                at = self.now - timedelta(hours=hours)
                session.add(
                    HistoryImport(
                        shop_id=self.shop_id,
                        window=Window.DAYS_60,
                        since_at=at - timedelta(days=60),
                        is_dry_run=is_dry_run,
                        rewards_past=False,
                        state=ImportState.FINISHED,
                        asked_by=OWNER,
                        asked_at=at,
                        operations=1,
                        collected=412,
                        file_bytes=824_000,
                        done_bytes=824_000,
                        seen_orders=412,
                        new_orders=364,
                        importing_ms=2_300,
                        notes=[],
                        finished_at=at + timedelta(seconds=9),
                    )
                )
            shop = session.get_one(Shop, self.shop_id)
            asked_at = self.now - timedelta(days=26)
            privacy_requests.open_request(
                session,
                shop,
                PrivacyKind.DATA_REQUEST,
                "made-up",
                asked_at,
                customer_shopify_id=ID + 701,
                file=b"made up",
            )
        db.session.remove()

    def _look_at_the_queue(self, numbers: range) -> None:
        """Count the days' figures, as it would have been done on each of them."""
        for number in numbers:
            with transaction() as session:
                figures.count_days(session, session.get_one(Shop, self.shop_id), self._day(number))
        db.session.remove()

    def _reckon(self) -> None:
        """State what the shop's trade is like."""
        with transaction() as session:
            business.set_trade(session, self.shop_id, Trade(4_250, 490, 11_500, 30_000), OWNER, self.now)
        db.session.remove()

    def _say_where(self) -> FullShop:
        with transaction() as session:
            entries = select(LedgerEntry.customer_id).where(LedgerEntry.shop_id == self.shop_id)
            customer_id = session.scalars(entries.order_by(LedgerEntry.id.desc()).limit(1)).one()
            statement = select(Statement.id).where(
                Statement.shop_id == self.shop_id, Statement.customer_id == customer_id
            )
            delivery = select(Delivery.id).where(
                Delivery.shop_id == self.shop_id, Delivery.state == DeliveryState.FAILED
            )
            return FullShop(
                id=self.shop_id,
                order_id=ID + 46,
                held_order_id=ID + 230,
                refused_order_id=ID + 101,
                doubtful_order_id=ID + 102,
                past_order_id=ID + 3_000,
                lost_order_id=ID + 3_001,
                guest_order_id=ID + 231,
                customer_id=customer_id,
                proposal_customer_id=session.scalars(
                    select(Adjustment.customer_id).where(
                        Adjustment.shop_id == self.shop_id, Adjustment.state == AdjustmentState.PROPOSED
                    )
                ).one(),
                statement_id=session.scalars(statement.order_by(Statement.id)).first() or 0,
                delivery_id=session.scalars(delivery.order_by(Delivery.id)).first() or 0,
            )


def _newcomer(number: int) -> CustomerFact:
    return CustomerFact(ID + 600 + number, f"new{number}@example.com", f"Newcomer {number}")


def _reward(session: Session, shop_id: int, order_id: int) -> Reward:
    found = select(Reward).join(Order, Order.id == Reward.order_id)
    return session.scalars(found.where(Reward.shop_id == shop_id, Order.shopify_id == order_id)).one()
