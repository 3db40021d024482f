"""Credit that comes to the end of its time: booked once, taken back if it was spent after all, never charged twice."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from app.db import transaction
from app.engine.flows import program, transfer
from app.engine.flows.expire import expire_due
from app.engine.rules.facts import MoveKind
from app.engine.rules.postings import EntryKind
from app.engine.rules.terms import Expiry, OwedPolicy
from app.models import LedgerEntry, Reward, Shop, Transfer
from tests.flows.builders import ADA, BEN, STAFF, Till, day, later, line, order, reading, refund_of
from tests.flows.shopify_account import Shopify
from tests.flows.transfer_rows import GID, Rows, after

FIRST, SECOND = order(1), order(2, on=1)
#: When credit of order 1 is over, told at the beginning of day 0.
OVER = day(10)


@pytest.fixture
def shopify(shop: Till) -> Shopify:
    """Return Shopify, where the 2.00 that order 1 earned arrived and expire after ten days."""
    shop.publish(on=-1, expiry=Expiry(days=10))
    shop.tell(FIRST, on=0)
    account = Shopify(shop)
    account.carry_out(day(0, 90))
    return account


def kinds() -> list[str]:
    """Return the kinds of all entries since the first settlement."""
    with reading() as session:
        return [kind.value for kind in session.scalars(select(LedgerEntry.kind).order_by(LedgerEntry.id))][2:]


def row(number: int = 1) -> Transfer:
    with reading() as session:
        found = session.get_one(Transfer, number)
        session.expunge(found)
        return found


def test_a_credit_carries_when_it_expires_and_shopify_is_told(shop: Till, shopify: Shopify) -> None:
    assert (row().credit_expires_at, row().expires_at) == (OVER, OVER)
    assert shopify.ada.credits[0].expires_at == OVER


def test_what_expires_is_booked_once_its_time_is_over_and_not_before(shop: Till, shopify: Shopify) -> None:
    assert shopify.expire(OVER - timedelta(minutes=2)) == 0
    assert shop.balances() == (0, 200, 0)
    assert shopify.expire(OVER) == 1
    assert shop.balances() == (0, 0, 0)
    assert kinds() == ["expiry"]
    assert shopify.expire(day(11)) == 0


def test_only_what_nobody_spent_expires(shop: Till, shopify: Shopify) -> None:
    shopify.ada.redeem(150, day(3))
    shopify.hear(day(4))
    shopify.expire(day(11))
    assert shop.balances() == (0, 0, 0)
    assert kinds() == ["redemption", "expiry"]


def test_shopifys_own_word_of_an_expiry_takes_the_place_of_our_reckoning(shop: Till, shopify: Shopify) -> None:
    shopify.expire(day(11))
    shopify.hear(day(12))
    assert shop.balances() == (0, 0, 0)
    assert kinds() == ["expiry", "expiry", "expiry"]
    shopify.expire(day(13))
    assert len(kinds()) == 3


def test_an_expiry_that_shopify_told_first_is_not_reckoned_again(shop: Till, shopify: Shopify) -> None:
    shopify.hear(day(11))
    assert kinds() == ["expiry"]
    assert shopify.expire(day(12)) == 1
    assert kinds() == ["expiry"]
    with reading() as session:
        entry = session.scalars(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.EXPIRY)).one()
        assert entry.reward_id == session.scalars(select(Reward.id)).one()


def test_a_purchase_that_is_heard_of_late_takes_the_expiry_back(shop: Till, shopify: Shopify) -> None:
    shopify.ada.redeem(150, day(3))
    shopify.expire(day(11))
    assert kinds() == ["expiry"]
    purchase, expiry = shopify.ada.unheard[0], shopify.ada.balance(day(11))
    assert expiry == 0
    shopify.hear(day(12), purchase)
    assert kinds() == ["expiry", "expiry", "redemption"]
    assert shop.balances() == (0, 0, 0)
    shopify.hear(day(13))
    assert shop.balances() == (0, 0, 0)


def test_a_refund_of_expired_credit_takes_nothing_more(shop: Till, shopify: Shopify) -> None:
    shopify.expire(day(11))
    shop.pay_back(refund_of(FIRST, units=1), on=12)
    assert shop.balances() == (0, 0, 0)
    assert shop.transfers(FIRST) == [("credit", 200)]


def test_a_refund_between_the_end_and_the_sweep_takes_nothing_more_either(shop: Till, shopify: Shopify) -> None:
    shop.pay_back(refund_of(FIRST, units=1), on=11)
    assert shop.balances() == (0, 0, 0)
    assert kinds() == ["expiry", "clawback"]
    assert shop.transfers(FIRST) == [("credit", 200)]


def test_of_a_part_spent_and_the_rest_expired_a_refund_takes_the_spent_part(shop: Till, shopify: Shopify) -> None:
    shopify.ada.redeem(150, day(3))
    shopify.hear(day(4))
    shop.pay_back(refund_of(FIRST, units=1), on=12)
    assert shop.balances() == (0, 0, -150)


@pytest.mark.parametrize(("policy", "owed"), [(OwedPolicy.OFFSET, -200), (OwedPolicy.FORGIVE, 0)])
def test_a_refund_that_expired_credit_paid_is_owed_when_it_was_spent_after_all(
    shop: Till, policy: OwedPolicy, owed: int
) -> None:
    shop.publish(on=-1, expiry=Expiry(days=10), owed=policy)
    shop.tell(FIRST, on=0)
    shopify = Shopify(shop)
    shopify.carry_out(day(0, 90))
    shopify.ada.redeem(200, day(3))
    shop.pay_back(refund_of(FIRST, units=1), on=11)
    assert shop.balances() == (0, 0, 0)
    shopify.hear(day(12))
    assert shop.balances() == (0, 0, owed)
    assert shop.transfers(FIRST) == [("credit", 200)]


def test_it_is_taken_from_what_there_is_when_there_is_other_credit(shop: Till, shopify: Shopify) -> None:
    shopify.ada.redeem(200, day(3))
    shop.pay_back(refund_of(FIRST, units=1), on=11)
    shop.tell(SECOND, on=12)
    shopify.carry_out(day(12, 90))
    shopify.hear(day(13))
    assert shop.balances() == (0, 0, 0)
    assert shop.transfers(FIRST) == [("credit", 200), ("debit", 200)]
    shopify.carry_out(day(14))
    assert shopify.ada.balance(day(14)) == 0


def test_a_debit_that_came_too_late_for_its_credit_leaves_nothing_owed(shop: Till, shopify: Shopify) -> None:
    shop.pay_back(refund_of(FIRST, units=1), on=9)
    # The debit waits, and the credit expires in Shopify before it is sent.
    assert shopify.expire(day(11)) == 1
    assert shop.balances() == (0, 0, 0)
    shopify.carry_out(day(11, 60))
    assert shop.balances() == (0, 200, -200)
    assert shopify.expire(day(12)) == 1
    assert shop.balances() == (0, 0, 0)
    assert shopify.expire(day(13)) == 0


def test_a_debit_that_came_too_late_and_took_other_credit_gives_it_back(shop: Till, shopify: Shopify) -> None:
    shop.tell(SECOND, on=8)
    shopify.carry_out(day(8, 90))
    shop.pay_back(refund_of(FIRST, units=1), on=9)
    # Sent two days later, the debit finds only the second order's credit.
    shopify.carry_out(day(11))
    assert shopify.ada.balance(day(11)) == 0
    assert shop.balances() == (0, 200, 0)
    shopify.expire(day(12))
    assert shop.transfers(FIRST) == [("credit", 200), ("debit", 200), ("credit", 200)]
    assert shop.balances() == (0, 200, 0)
    shopify.carry_out(day(12, 90))
    assert shopify.ada.balance(day(13)) == 200
    shop.pay_back(refund_of(SECOND, units=1, on=2), on=13)
    shopify.carry_out(day(13, 90))
    assert shop.balances() == (0, 0, 0)
    assert shopify.ada.balance(day(14)) == 0


def test_what_was_set_off_in_vain_is_given_back_and_pays_when_it_expires_itself(shop: Till, shopify: Shopify) -> None:
    shop.pay_back(refund_of(FIRST, units=1), on=9)
    shopify.carry_out(day(11))  # too late: the credit is gone
    shop.tell(SECOND, on=11)
    assert shop.entries(SECOND)[-1] is EntryKind.SET_OFF
    assert shop.balances() == (0, 200, 0)
    shopify.expire(day(12))
    shopify.carry_out(day(12, 90))
    assert shop.balances() == (0, 200, 0)
    assert shopify.ada.balance(day(13)) == 200
    shopify.expire(day(25))
    shop.pay_back(refund_of(SECOND, units=1, on=2), on=26)
    assert shop.balances() == (0, 0, 0)


def test_an_order_that_changes_hands_after_its_credit_expired_costs_its_first_customer_nothing(
    shop: Till, shopify: Shopify
) -> None:
    shop.tell(later(FIRST, customer=BEN), on=11)
    assert shop.balances() == (0, 0, 0)
    assert shop.balances(BEN) == (0, 200, 0)


def test_a_customer_whose_orders_all_went_back_and_expired_owes_nothing(shop: Till, shopify: Shopify) -> None:
    shop.tell(SECOND, on=1)
    shopify.carry_out(day(1, 90))
    # The debit for the first order takes the credit that expires sooner; the other one expires.
    shop.pay_back(refund_of(SECOND, units=1, on=2), on=3)
    shopify.carry_out(day(4))
    shopify.expire(day(20))
    shop.pay_back(refund_of(FIRST, units=1), on=21)
    assert shop.balances() == (0, 0, 0)


def test_credit_of_somebody_else_that_expires_is_taken_from_theirs(shop: Till, shopify: Shopify) -> None:
    shopify.ada.credit(100, day(1), day(5))
    shopify.ada.tell(MoveKind.EXTERNAL_CREDIT, 100, day(1))
    shopify.hear(day(6))
    assert shop.balances() == (0, 200, 0)
    shopify.expire(day(11))
    assert shop.balances() == (0, 0, 0)
    shopify.hear(day(12))
    assert shop.balances() == (0, 0, 0)


def test_a_far_expiry_is_a_lot_too(shop: Till) -> None:
    shop.run(lambda session, shop: program.set_far_expiry(session, shop.id, True, STAFF, day(-1)))
    shop.tell(FIRST, on=0)
    shopify = Shopify(shop)
    shopify.carry_out(day(0, 90))
    assert (row().credit_expires_at, row().expires_at) == (None, day(3652, 90))
    assert shopify.expire(day(3652)) == 0
    assert shopify.expire(day(3653)) == 1
    assert shop.balances() == (0, 0, 0)


def test_credit_that_never_expires_stays(shop: Till) -> None:
    shop.tell(FIRST, on=0)
    shopify = Shopify(shop)
    shopify.carry_out(day(0, 90))
    assert row().expires_at is None
    assert shopify.expire(day(5000)) == 0
    assert shop.balances() == (0, 200, 0)


def test_a_sweep_looks_at_no_more_than_it_is_asked_to(shop: Till, shopify: Shopify) -> None:
    shop.tell(order(2, customer=BEN), on=0)
    Shopify(shop, ADA, BEN).carry_out(day(0, 120))
    for left in (1, 1, 0):
        looked_at = shop.run(lambda session, shop: expire_due(session, shop, day(11), limit=1))
        assert looked_at == left
    assert (shop.balances(), shop.balances(BEN)) == ((0, 0, 0), (0, 0, 0))


def test_the_end_of_a_day_is_the_shops(shop: Till) -> None:
    shop.publish(on=-1, expiry=Expiry(on=date(2026, 3, 10)))
    shop.run(lambda session, shop: setattr(shop, "timezone", "America/New_York"))
    shop.tell(FIRST, on=0)
    Shopify(shop).carry_out(day(0, 90))
    assert row().expires_at == datetime.fromisoformat("2026-03-11T04:00:00+00:00")


def test_credit_settled_after_the_last_day_never_expires(shop: Till) -> None:
    shop.publish(on=-1, expiry=Expiry(on=date(2026, 3, 5)))
    shop.tell(FIRST, on=10)
    Shopify(shop).carry_out(day(10, 90))
    assert (row().credit_expires_at, row().expires_at) == (None, None)


@pytest.mark.parametrize(("agreed", "expected"), [(False, None), (True, 3652)])
def test_a_credit_that_is_sent_after_its_time_is_over_is_sent_without_it(
    rows: Rows, agreed: bool, expected: int | None
) -> None:
    rows.change_shop(far_expiry_agreed=agreed)
    rows.plan(rows.ada, credit_expires_at=after(1_000))
    sent = rows.send(at=1_000 - 600)
    expires_at = rows.row(sent.transfer_id).expires_at
    assert expires_at == (None if expected is None else after(400) + timedelta(days=expected))


def test_credits_promised_for_one_second_expire_in_seconds_of_their_own_and_none_too_soon(rows: Rows) -> None:
    rows.plan(rows.ben, credit_expires_at=after(5_000))
    told = [rows.row(rows.send().transfer_id).expires_at]
    for promised in (5_000, 4_999, 5_000, 4_999):
        rows.plan(rows.ada, credit_expires_at=after(promised))
        claim = rows.send()
        told.append(rows.row(claim.transfer_id).expires_at)
        with transaction() as session:
            transfer.confirm(session, claim, f"{GID}{len(told)}", 1, after(0))
    assert told == [after(5_000), after(5_000), after(4_999), after(5_001), after(5_002)]


def test_books_follow_an_expiry_also_while_the_programme_is_paused(shop: Till, shopify: Shopify) -> None:
    shop.pause()
    assert shopify.expire(day(11)) == 1
    assert shop.balances() == (0, 0, 0)


def test_a_refund_in_part_after_the_expiry_is_paid_by_what_expired(shop: Till) -> None:
    shop.publish(on=-1, expiry=Expiry(days=10))
    two = order(1, line(1, 20_000, 2))
    shop.tell(two, on=0)
    shopify = Shopify(shop)
    shopify.carry_out(day(0, 90))
    shopify.ada.redeem(100, day(2))
    shopify.hear(day(3))
    shopify.expire(day(11))
    shop.pay_back(refund_of(two, units=1), on=12)
    assert shop.balances() == (0, 0, 0)
    shop.pay_back(refund_of(two, 2, units=1), on=13)
    assert shop.balances() == (0, 0, -100)


def test_a_shop_without_expiry_is_swept_in_vain(shop: Till) -> None:
    assert shop.run(lambda session, shop: expire_due(session, session.get_one(Shop, shop.id), day(1))) == 0
