"""What becomes of a clawback that the balance does not cover: kept as owed, forgiven, or kept and blocking."""

import pytest
from sqlalchemy import select

from app.engine.rules.postings import Account, EntryKind
from app.engine.rules.terms import OwedPolicy
from app.models import LedgerEntry, LedgerPosting
from tests.flows.builders import BEN, Till, day, later, line, order, reading, refund_of
from tests.flows.shopify_account import Shopify

FIRST, SECOND = order(1), order(2, line(1, 25_000), on=3)


def spend(till: Till, minor: int) -> Shopify:
    """Let Ada earn 2.00 with order 1, get it, and spend some of it."""
    till.tell(FIRST, on=0)
    shopify = Shopify(till)
    shopify.carry_out(day(0, 60))
    shopify.ada.redeem(minor, day(1))
    return shopify


def forgiven() -> list[tuple[Account, Account, int]]:
    """Return what entries of forgiveness moved."""
    with reading() as session:
        rows = session.execute(
            select(LedgerPosting.source, LedgerPosting.destination, LedgerPosting.amount_minor)
            .join(LedgerEntry, LedgerEntry.id == LedgerPosting.entry_id)
            .where(LedgerEntry.kind == EntryKind.FORGIVENESS)
            .order_by(LedgerPosting.id)
        )
        return [tuple(row) for row in rows]


@pytest.mark.parametrize(("policy", "owed", "credited"), [(OwedPolicy.OFFSET, -150, 350), (OwedPolicy.FORGIVE, 0, 500)])
def test_the_rest_of_a_clawback_is_owed_or_forgiven(shop: Till, policy: OwedPolicy, owed: int, credited: int) -> None:
    shop.publish(on=-1, owed=policy)
    spend(shop, 150).hear(day(2))
    shop.pay_back(refund_of(FIRST, units=1))
    assert shop.balances() == (0, 0, owed)
    assert shop.transfers(FIRST) == [("credit", 200), ("debit", 50)]
    assert forgiven() == ([] if owed else [(Account.FORGIVEN, Account.OWED, 150)])
    shop.tell(SECOND)
    assert shop.transfers(SECOND) == [("credit", credited)]


@pytest.mark.parametrize(("policy", "owed"), [(OwedPolicy.OFFSET, -150), (OwedPolicy.FORGIVE, 0)])
def test_it_ends_the_same_when_the_purchase_is_heard_of_after_the_debit_found_too_little(
    shop: Till, policy: OwedPolicy, owed: int
) -> None:
    shop.publish(on=-1, owed=policy)
    shopify = spend(shop, 150)
    shop.pay_back(refund_of(FIRST, units=1))
    shopify.carry_out(day(11))
    assert shop.balances() == (0, 150, owed)
    shopify.hear(day(12))
    assert shop.balances() == (0, 0, owed)
    assert shopify.ada.balance(day(12)) == 0


def test_a_reward_keeps_the_policy_it_was_frozen_with(shop: Till) -> None:
    shop.publish(on=-1, owed=OwedPolicy.FORGIVE)
    spend(shop, 150).hear(day(2))
    shop.publish(on=3, owed=OwedPolicy.OFFSET)
    shop.pay_back(refund_of(FIRST, units=1))
    assert shop.balances() == (0, 0, 0)


def test_who_owes_earns_nothing_where_the_terms_block(shop: Till) -> None:
    shop.publish(on=-1, owed=OwedPolicy.BLOCK)
    spend(shop, 150).hear(day(2))
    shop.pay_back(refund_of(FIRST, units=1))
    assert shop.balances() == (0, 0, -150)
    shop.tell(SECOND)
    assert shop.balances() == (0, 0, -150)
    assert shop.reward(SECOND).why_nothing == "customer_owes"


def test_what_an_exchange_brings_back_pays_its_own_debt_where_the_terms_block(shop: Till) -> None:
    shop.publish(on=-1, owed=OwedPolicy.BLOCK)
    spend(shop, 150).hear(day(2))
    shop.pay_back(refund_of(FIRST, units=1, money_minor=0))
    assert shop.balances() == (0, 0, -150)
    shop.tell(later(FIRST, lines=(*FIRST.lines, line(2))))
    assert shop.kept(FIRST) == 200
    assert shop.balances() == (0, 50, 0)
    shop.tell(SECOND)
    assert shop.reward(SECOND).why_nothing is None


def test_an_order_that_turns_out_to_be_somebodys_who_owes_earns_nothing_where_the_terms_block(shop: Till) -> None:
    shop.publish(on=-1, owed=OwedPolicy.BLOCK)
    spend(shop, 150).hear(day(2))
    shop.pay_back(refund_of(FIRST, units=1))
    of_ben = order(2, on=3, customer=BEN)
    shop.tell(of_ben)
    shop.tell(later(of_ben, customer=FIRST.customer))
    assert shop.balances() == (0, 0, -150)
    assert shop.reward(of_ben).why_nothing == "customer_owes"
