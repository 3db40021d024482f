"""What no event brings about is noticed once: credit that ends soon, statements whose period is over."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from app.db import transaction
from app.engine.flows import program, reminders
from app.engine.rules.messages import DropReason, Topic
from app.engine.rules.terms import Expiry
from app.models import Customer, MailSettings, Message, Shop, Statement, Transfer
from tests.flows.builders import ADA, BEN, STAFF, Till, all_rows, day, order, reading
from tests.flows.shopify_account import Shopify
from tests.flows.test_messages import forget, found, merge, messages, mute
from tests.flows.test_parallel import Workers, workers

__all__ = ["workers"]

FIRST = order(1)


@pytest.fixture
def shopify(shop: Till) -> Shopify:
    """Return Shopify, where the 2.00 that order 1 earned arrived on day 0 and end after ninety days."""
    shop.publish(on=-1, expiry=Expiry(days=90))
    shop.tell(FIRST, on=0)
    account = Shopify(shop)
    account.carry_out(day(0, 90))
    forget(shop)
    return account


def remind(shop: Till, at: datetime, **limits: int) -> int:
    """Notice what there is to remind of, and again; return how much was noticed the first time."""
    return shop.twice(lambda session, row, now: reminders.remind(session, row, now, **limits), at)


def expiries(shop: Till) -> list[tuple[str, DropReason | None]]:
    """Return key and fate of each reminder of credit."""
    return [(row.key, row.drop_reason) for row in found(shop, Topic.EXPIRY)]


def statements(shop: Till) -> list[str]:
    """Return the keys of what is told of statements."""
    return [row.key for row in found(shop, Topic.STATEMENT)]


def is_due(shop: Till, at: datetime) -> bool:
    with reading() as session:
        return shop.id in reminders.list_due_shops(session, at)


def notice_statements(shop: Till, at: datetime) -> None:
    """Have everything noticed that is no credit, so that a test sees credit alone."""
    with transaction() as session:
        session.execute(update(Statement).where(Statement.shop_id == shop.id).values(noticed_at=at))


# Credit that ends soon.


def test_thirty_and_seven_days_before_it_ends_its_owner_is_reminded_once_each(shop: Till, shopify: Shopify) -> None:
    notice_statements(shop, day(1))
    assert not is_due(shop, day(60, -1))
    assert remind(shop, day(60, -120)) == 0
    assert is_due(shop, day(60))
    assert remind(shop, day(60)) == 1
    assert not is_due(shop, day(60))
    assert expiries(shop) == [("expiry:1:30", None)]
    assert remind(shop, day(83)) == 1
    assert expiries(shop) == [("expiry:1:30", None), ("expiry:1:7", None)]
    (first, _) = found(shop, Topic.EXPIRY)
    assert (first.subject_id, first.reward_id, first.created_at) == (1, shop.reward(FIRST).id, day(60))
    assert {whose for _, whose, _ in messages(shop)} == {ADA.customer_id}


def test_the_shop_says_how_many_days_before(shop: Till, shopify: Shopify) -> None:
    notice_statements(shop, day(1))
    with transaction() as session:
        session.add(MailSettings(shop_id=shop.id, remind_days=[1, 14]))
    assert not is_due(shop, day(60))
    assert [remind(shop, day(on)) for on in (60, 76, 83, 89)] == [0, 1, 0, 1]
    assert [key for key, _ in expiries(shop)] == ["expiry:1:14", "expiry:1:1"]


def test_nobody_is_reminded_of_what_is_used_up_and_it_is_looked_at_once(shop: Till, shopify: Shopify) -> None:
    notice_statements(shop, day(1))
    shopify.ada.redeem(200, day(3))
    shopify.hear(day(4))
    assert remind(shop, day(60)) == 1
    assert expiries(shop) == [("expiry:1:30", DropReason.NOTHING_NEW)]
    assert not is_due(shop, day(60))


def test_what_is_left_of_it_is_enough(shop: Till, shopify: Shopify) -> None:
    shopify.ada.redeem(199, day(3))
    shopify.hear(day(4))
    remind(shop, day(60))
    assert expiries(shop) == [("expiry:1:30", None)]


def test_a_reminder_that_was_missed_by_days_is_not_made_any_more(shop: Till, shopify: Shopify) -> None:
    notice_statements(shop, day(1))
    assert not is_due(shop, day(63))
    assert remind(shop, day(63)) == 0
    assert is_due(shop, day(63, -1))
    assert remind(shop, day(63, -1)) == 1


def test_nobody_is_reminded_of_credit_that_ended_while_the_clock_stood_still(shop: Till, shopify: Shopify) -> None:
    notice_statements(shop, day(1))
    with transaction() as session:
        session.add(MailSettings(shop_id=shop.id, remind_days=[1]))
    assert is_due(shop, day(90, -1))
    assert not is_due(shop, day(90))
    assert remind(shop, day(90)) == 0


def test_credit_that_came_with_less_time_left_is_reminded_of_at_the_next(shop: Till) -> None:
    shop.publish(on=-1, expiry=Expiry(days=29))
    shop.tell(FIRST, on=0)
    Shopify(shop).carry_out(day(0, 90))
    notice_statements(shop, day(1))
    assert [remind(shop, day(on)) for on in (0, 1, 22)] == [0, 0, 1]
    assert [key for key, _ in expiries(shop)] == ["expiry:1:7"]


def test_a_far_expiry_of_our_own_choosing_is_nobodys_news(shop: Till) -> None:
    shop.run(lambda session, row: program.set_far_expiry(session, row.id, True, STAFF, day(0)))
    shop.tell(FIRST, on=0)
    Shopify(shop).carry_out(day(0, 90))
    notice_statements(shop, day(1))
    with reading() as session:
        ends_at = session.scalars(select(Transfer.expires_at)).one()
    assert not is_due(shop, ends_at - timedelta(days=30))
    assert remind(shop, ends_at - timedelta(days=30)) == 0


def test_a_batch_takes_so_many_and_the_next_goes_on(shop: Till) -> None:
    shop.publish(on=-1, expiry=Expiry(days=90))
    shop.tell(FIRST, order(2), order(3, customer=BEN), on=0)
    Shopify(shop, ADA, BEN).carry_out(day(0, 90))
    notice_statements(shop, day(1))
    forget(shop)

    def some(at: datetime) -> int:
        return shop.run(lambda session, row: reminders.remind(session, row, at, 2))

    assert [some(day(60, 90)) for _ in range(3)] == [2, 1, 0]
    assert sorted(key for key, _ in expiries(shop)) == ["expiry:1:30", "expiry:2:30", "expiry:3:30"]


# Statements.


def test_a_statement_is_told_of_when_its_period_is_over(shop: Till) -> None:
    shop.tell(FIRST, order(2, customer=BEN))
    forget(shop)
    with reading() as session:
        ends_at = session.scalars(select(Statement.ends_at).distinct()).one()
    assert not is_due(shop, ends_at - timedelta(seconds=1))
    assert is_due(shop, ends_at)
    assert remind(shop, ends_at) == 2
    assert statements(shop) == ["statement:1", "statement:2"]
    assert [(row.subject_id, row.reward_id) for row in found(shop, Topic.STATEMENT)] == [(1, None), (2, None)]
    assert {whose for _, whose, _ in messages(shop)} == {ADA.customer_id, BEN.customer_id}
    assert not is_due(shop, ends_at)


def test_a_statement_on_which_nothing_stands_is_nobodys_news(shop: Till) -> None:
    shop.tell(FIRST, on=0)
    shop.tell(order(2), on=100)
    forget(shop)
    with reading() as session:
        gap = session.execute(
            select(Statement.id, Statement.ends_at).order_by(Statement.starts_at).offset(1).limit(1)
        ).one()
    assert remind(shop, gap.ends_at) == 1
    assert statements(shop) == []


def test_a_statement_that_ended_long_ago_is_left_alone(shop: Till) -> None:
    shop.tell(FIRST)
    with reading() as session:
        ends_at = session.scalars(select(Statement.ends_at)).one()
    assert not is_due(shop, ends_at + timedelta(days=14))
    assert remind(shop, ends_at + timedelta(days=14)) == 0
    assert remind(shop, ends_at + timedelta(days=14, seconds=-1)) == 1


@pytest.mark.parametrize("gone", [{"deleted_at": day(12)}, {"redacted_at": day(12)}])
def test_whoever_is_gone_gets_no_statement(shop: Till, gone: dict[str, datetime]) -> None:
    shop.tell(FIRST)
    shop.run(lambda session, _: session.execute(update(Customer).values(gone)))
    assert remind(shop, day(40)) == 1
    assert statements(shop) == []


def test_the_statement_of_one_who_was_merged_is_not_told_to_the_other(shop: Till) -> None:
    shop.tell(FIRST, order(2, customer=BEN))
    merge(shop, BEN, ADA)
    assert remind(shop, day(40)) == 2
    assert statements(shop) == ["statement:1"]


# Who is not reminded at all, and who works at it.


def test_a_shop_that_mails_nobody_reminds_nobody(shop: Till, shopify: Shopify) -> None:
    mute(shop)
    assert not is_due(shop, day(60))
    assert remind(shop, day(60)) == 0
    with reading() as session:
        assert session.scalar(select(func.count()).where(Statement.noticed_at.is_not(None))) == 0


def test_a_shop_that_removed_the_app_is_not_due(shop: Till, shopify: Shopify) -> None:
    shop.run(lambda session, row: setattr(row, "uninstalled_at", day(50)))
    assert not is_due(shop, day(60))


def test_two_workers_remind_once(shop: Till, shopify: Shopify, workers: Workers) -> None:
    def work(session: object, row: Shop) -> None:
        reminders.remind(session, row, day(60))

    assert workers.at_once(work, work, work) == [None, None, None]
    assert expiries(shop) == [("expiry:1:30", None)]


def test_another_shop_is_left_alone(shop: Till, shopify: Shopify) -> None:
    other = Till("other.myshopify.com")
    other.tell(FIRST)
    rows = [row for row in all_rows() if row[0] in ("messages", "statements") and f",{other.id}," in row[1]]
    remind(shop, day(60))
    assert [row for row in all_rows() if row[0] in ("messages", "statements") and f",{other.id}," in row[1]] == rows
    with reading() as session:
        assert session.scalar(select(func.count()).where(Message.shop_id == other.id)) == 1
