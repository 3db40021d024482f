"""Weeks of one customer's credit, in the shop and at its checkout: imported, the books equal Shopify to the cent."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import utcnow
from app.config import Settings
from app.db import transaction
from app.engine.flows import account_statements, terms
from app.engine.flows.check_books import check_books
from app.engine.ledger import read_balances
from app.engine.rules.postings import Account, EntryKind
from app.engine.rules.terms import Expiry
from app.models import AuditEvent, CreditAccount, CreditMoveRow, Customer, LedgerEntry, Shop
from app.shopify.statement import import_due
from tests.stories.town import Town, open_town

ADA = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Example"}
LONG = timedelta(minutes=5)


@pytest.fixture
def town(settings: Settings) -> Iterator[Town]:
    """Return a shop whose credit expires after 30 days."""
    with open_town(settings, seed=3) as town:
        town.install()
        with transaction() as session:
            shop = session.scalars(select(Shop)).one()
            current = terms.get_current(session, shop.id, utcnow())
            terms.publish(session, shop.id, replace(current, expiry=Expiry(days=30)), "test", utcnow())
        yield town


def read_everything(town: Town) -> None:
    """Import every account's statement, twice."""
    for _ in range(2):
        with transaction() as session:
            shop = session.scalars(select(Shop)).one()
            account_statements.ask_for_all(session, shop, utcnow())
            shop_id = shop.id
        report = import_due(shop_id, account_statements, run_for=LONG)
        assert (report.stopped_by, report.is_more) == (None, False)


class Week:
    """What happens to Ada, step by step; ids are remembered from step to step."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.ada = 0
        self.orders: dict[str, int] = {}

    def order(self, name: str, price: str, **how: Any) -> None:
        placed = self.town.post("orders", customer=ADA, lines=[{"price": price}], **how)
        self.orders[name] = int(placed["id"])
        self.ada = int(placed["order"]["customer"]["id"])

    def earn(self) -> None:
        # Orders are dated by whole seconds, and the terms begin within this one.
        bought_at = utcnow() + timedelta(seconds=1)
        self.order("first", "500.00", created_at=bought_at.isoformat())
        # Tiers go by what was bought before; of two orders of one second neither was.
        while utcnow() < bought_at + timedelta(seconds=1):
            time.sleep(0.05)

    def spend_at_the_checkout(self) -> None:
        self.order("spent", "80.00", store_credit="6.00")

    def cancel_what_was_paid_with_credit(self) -> None:
        self.town.post(f"orders/{self.orders['spent']}/cancel")

    def spend_again(self) -> None:
        self.order("spent again", "40.00", store_credit="2.50")

    def get_a_refund_as_credit(self) -> None:
        self.order("returned", "60.00")
        self.town.wait_until_quiet()
        self.town.post(f"orders/{self.orders['returned']}/refund", amount="20.00", to_store_credit=True)

    def staff_give_by_hand(self) -> None:
        self.town.post(f"customers/{self.ada}/store-credit", credit="7.00")

    def staff_take_by_hand(self) -> None:
        self.town.post(f"customers/{self.ada}/store-credit", debit="3.00")

    def give_part_of_the_spent_credit_back(self) -> None:
        self.town.post(
            f"orders/{self.orders['spent again']}/refund", lines=[{"index": 0, "quantity": 1}], restock=False
        )

    def let_credit_expire(self) -> None:
        self.town.post("clock", advance_days=32)

    @property
    def steps(self) -> list[Callable[[], None]]:
        return [
            self.earn,
            self.spend_at_the_checkout,
            self.cancel_what_was_paid_with_credit,
            self.spend_again,
            self.get_a_refund_as_credit,
            self.staff_give_by_hand,
            self.staff_take_by_hand,
            self.give_part_of_the_spent_credit_back,
            self.let_credit_expire,
        ]

    def in_shopify(self) -> int:
        """Return Ada's balance in the sandbox, in cents."""
        (account,) = self.town.get(f"customers/{self.ada}/store-credit")["accounts"]
        units, _, cents = account["balance"].partition(".")
        return int(units) * 100 + int(cents)


def available(town: Town) -> int:
    with transaction() as session:
        shop = session.scalars(select(Shop)).one()
        (ada,) = session.scalars(select(Customer.id)).all()
        return read_balances(session, shop.id, {ada}, "USD")[ada][Account.AVAILABLE]


def drift() -> list[int | None]:
    with transaction() as session:
        assert list(check_books(session)) == []
        return list(session.scalars(select(CreditAccount.drift_minor)))


IMPORTS = {
    "after every step": lambda number: True,
    "now and then": lambda number: number % 3 == 1,
    "at the end only": lambda number: False,
}


@pytest.mark.parametrize("is_time", IMPORTS.values(), ids=IMPORTS)
def test_earned_spent_cancelled_refunded_given_taken_and_expired_ends_without_drift(
    town: Town, is_time: Callable[[int], bool]
) -> None:
    week = Week(town)
    for number, step in enumerate(week.steps):
        step()
        town.wait_until_quiet()
        if is_time(number):
            read_everything(town)
            town.wait_until_quiet()
            assert drift() == [0], step
    read_everything(town)
    town.wait_until_quiet()
    read_everything(town)
    assert drift() == [0]
    assert available(town) == week.in_shopify()
    with transaction() as session:
        told = session.execute(
            select(CreditMoveRow.kind, CreditMoveRow.amount_minor, CreditMoveRow.order_shopify_id, LedgerEntry.kind)
            .join(LedgerEntry, LedgerEntry.move_id == CreditMoveRow.id)
            .order_by(CreditMoveRow.at, CreditMoveRow.id)
        ).all()
    expiries = [row for row in told if row[0] == "expiry"]
    assert sorted((row for row in told if row[0] != "expiry"), key=str) == sorted(
        [
            ("redemption", 600, week.orders["spent"], EntryKind.REDEMPTION),
            ("return", 600, week.orders["spent"], EntryKind.RETURN),
            ("redemption", 250, week.orders["spent again"], EntryKind.REDEMPTION),
            ("return", 250, week.orders["spent again"], EntryKind.RETURN),
            ("external_credit", 2_000, week.orders["returned"], EntryKind.EXTERNAL),
            ("external_credit", 700, None, EntryKind.EXTERNAL),
            ("external_debit", 300, None, EntryKind.EXTERNAL),
        ],
        key=str,
    )
    assert sum(row[1] for row in expiries) == 860


def test_a_transaction_that_shopify_hides_is_found_and_ends_when_it_is_shown(town: Town) -> None:
    week = Week(town)
    week.earn()
    town.wait_until_quiet()
    hidden = town.post(f"customers/{week.ada}/store-credit", credit="4.00")["id"]
    town.post(f"customers/{week.ada}/store-credit/{hidden}/hide")
    read_everything(town)
    assert drift() == [400]
    runner = town.app.test_cli_runner()
    told = runner.invoke(args=["drift", "--stored"])
    assert told.exit_code == 1
    assert f"{week.ada}" in told.stdout
    assert "4.00 USD" in told.stdout
    assert "1 accounts compared; 1 differ" in told.stdout
    with town.box.world.main.lock:
        for account in town.box.world.main.credit.accounts.values():
            for entry in account.transactions:
                entry.hidden = False
    again = runner.invoke(args=["drift", "--anew"])
    assert (again.exit_code, drift()) == (0, [0])
    with transaction() as session:
        of_drift = select(AuditEvent.action).where(AuditEvent.action.like("%_drift")).order_by(AuditEvent.id)
        told_of = session.scalars(of_drift).all()
    assert told_of == ["find_drift", "end_drift"]
