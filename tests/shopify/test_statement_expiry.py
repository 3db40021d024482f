"""Credit that expires: the books reckon, Shopify says, and its silence is an answer too."""

from dataclasses import replace

import pytest

from app.db import transaction
from app.engine.flows import expire, terms
from app.engine.rules.terms import Expiry
from app.models import Shop
from sandbox.credit import CreditTransaction
from tests.shopify.clerk import Clerk, drift
from tests.shopify.desk import Buyer, Desk

DAY = 86_400


@pytest.fixture
def clerk(desk: Desk) -> Clerk:
    """Return a shop whose credit expires after ten days."""
    clerk = Clerk(desk)
    with transaction() as session:
        current = terms.get_current(session, desk.shop_id, desk.clock())
        terms.publish(session, desk.shop_id, replace(current, expiry=Expiry(days=10)), "staff:7", desk.clock())
    return clerk


def reckon(clerk: Clerk) -> None:
    """Let the books look at what has come to its end."""
    with transaction() as session:
        expire.expire_due(session, session.get_one(Shop, clerk.shop_id), clerk.desk.clock())


def credit_of(clerk: Clerk, buyer: Buyer) -> CreditTransaction:
    return clerk.desk.account(buyer).transactions[0]


@pytest.mark.parametrize("is_reckoned", [True, False])
def test_what_expired_is_gone_once_whoever_says_it_first(clerk: Clerk, is_reckoned: bool) -> None:
    ada = clerk.credited(500)
    clerk.desk.clock.advance(11 * DAY)
    if is_reckoned:
        reckon(clerk)
    clerk.read()
    reckon(clerk)
    assert (clerk.moves(), clerk.available(ada), drift(clerk, ada)) == ([("expiry", 500)], 0, 0)


def test_shopify_may_take_a_day_to_say_so(clerk: Clerk) -> None:
    ada = clerk.credited(500)
    credit_of(clerk, ada).expires_at = clerk.desk.clock().replace(year=2099)
    clerk.desk.clock.advance(10 * DAY + 100)
    reckon(clerk)
    clerk.read()
    assert (clerk.available(ada), clerk.account(ada).balance_minor, drift(clerk, ada)) == (0, 500, 0)


def test_what_shopify_never_says_to_have_expired_is_still_there(clerk: Clerk) -> None:
    ada = clerk.credited(500)
    credit_of(clerk, ada).expires_at = clerk.desk.clock().replace(year=2099)
    clerk.desk.clock.advance(12 * DAY)
    reckon(clerk)
    assert clerk.available(ada) == 0
    clerk.read()
    assert (clerk.available(ada), drift(clerk, ada), clerk.audited()) == (500, 0, {})
    reckon(clerk)
    clerk.read()
    assert (clerk.available(ada), drift(clerk, ada)) == (500, 0)


def test_what_comes_back_to_an_expired_credit_can_expire_again(clerk: Clerk) -> None:
    ada = clerk.credited(500)
    clerk.desk.clock.advance(11 * DAY)
    clerk.read()
    _come_back_and_expire(clerk, ada, 70)
    clerk.read()
    assert clerk.moves() == [("expiry", 500), ("return", 70), ("expiry", 70)]
    assert (clerk.available(ada), drift(clerk, ada)) == (0, 0)


def test_two_expirations_of_one_credit_that_are_heard_of_at_once_are_two(clerk: Clerk) -> None:
    ada = clerk.credited(500)
    clerk.desk.clock.advance(11 * DAY)
    assert clerk.desk.account(ada).balance_minor == 500
    clerk.desk.sandbox_shop.credit.expire(clerk.desk.account(ada), clerk.desk.box.world.clock.now())
    _come_back_and_expire(clerk, ada, 70)
    clerk.read()
    assert clerk.moves() == [("expiry", 500), ("return", 70), ("expiry", 70)]
    assert (clerk.available(ada), drift(clerk, ada)) == (0, 0)


def _come_back_and_expire(clerk: Clerk, buyer: Buyer, minor: int) -> None:
    """Let Shopify give back what was spent of a credit that has expired since, and take it again."""
    book, account, now = clerk.desk.sandbox_shop.credit, clerk.desk.account(buyer), clerk.desk.box.world.clock.now()
    with clerk.desk.sandbox_shop.lock:
        book._write(account, "debit_revert", minor, "ORDER_REFUND", now)
        book._write(account, "expiration", -minor, "ADJUSTMENT", now).expired = credit_of(clerk, buyer)
