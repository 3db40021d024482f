"""What gathers entries and transfers: nothing is written twice, and nobody without an account gets an entry."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.daybook import Daybook
from app.engine.rules import postings
from app.engine.rules.postings import Account, EntryKind
from app.engine.settlement import Journal
from app.errors import NotYet
from app.models import Customer, Order, Reward, Shop
from tests.flows.builders import STAFF, Till, all_rows, day, order


def enter(session: Session, shop: Shop) -> None:
    """Give Ada 1.00 under a name that is always the same."""
    ada = session.scalars(select(Customer.id)).one()
    daybook = Daybook(session, shop, {ada}, actor=STAFF, now=day(12))
    assert daybook.balance(ada, Account.AVAILABLE) == 200
    daybook.enter(EntryKind.SETTLEMENT, ada, "one", postings.accrue(100), day(12))
    daybook.write()
    daybook.write()


def test_an_entry_that_was_written_before_stops_everything_that_was_decided_with_it(shop: Till) -> None:
    shop.tell(order(1))
    shop.run(enter)
    rows = all_rows()
    with pytest.raises(NotYet, match="it is tried again"):
        shop.run(enter)
    assert all_rows() == rows


def test_nothing_is_booked_for_a_reward_without_a_customer(shop: Till) -> None:
    guests = order(1, customer=None)
    shop.tell(guests)

    def accrue(session: Session, row: Shop) -> None:
        reward, whose = session.scalars(select(Reward)).one(), session.scalars(select(Order)).one()
        Journal(session, row, set(), actor=STAFF, now=day(12)).accrue(reward, whose, 100, day(12))

    with pytest.raises(ValueError, match="has no customer to keep books for"):
        shop.run(accrue)
