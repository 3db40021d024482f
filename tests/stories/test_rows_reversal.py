"""R19, R20, R21, B5: whatever goes back takes exactly its part of the credit along, and leaves a record."""

from dataclasses import replace
from itertools import permutations

import pytest
from sqlalchemy import func, select

from app.engine.flows import review
from app.engine.rules.facts import DisputeFact, DisputeStatus, FinancialStatus, PaymentFact
from app.engine.rules.postings import Account, EntryKind
from app.engine.rules.terms import Mode, OwedPolicy, Tier
from app.models import LedgerEntry, LedgerPosting, SpendRow
from tests.flows.builders import ADA, BEN, BIG, day, later, line, order, reading, refund_of
from tests.flows.shopify_account import Shopify
from tests.stories.rows import CID, Life, manual_shop, shop

__all__ = ["manual_shop", "shop"]

#: 2.5 % for everybody: of 99.99 that is 2.49975, rounded 2.50; of two thirds 1.67, of one third 0.83.
MUGS = order(1, line(1, 9_999, 3))
QUARTER = (Tier("Everyone", 0, 250),)


@pytest.mark.parametrize("mode", Mode)
def test_r19_a_row_of_refunds_ends_at_exactly_zero_in_any_mode(shop: Life, mode: Mode) -> None:
    shop.publish(on=-1, tiers=QUARTER)
    shop.switch(mode, on=-1)
    shop.tell(MUGS, on=0)
    place = 1 if mode is Mode.AUTOMATIC else 0
    left = []
    for week, fact in enumerate(
        [
            refund_of(MUGS, 1, units=1, on=7),
            # Shipping alone touches nothing, and neither does a refund of nothing.
            refund_of(MUGS, 2, on=14, money_minor=500, shipping_minor=500),
            refund_of(MUGS, 3, on=21),
            # A third of what is left was given back as goodwill: 44.44 of 66.66 count, and 2.5 % of that is 1.11.
            refund_of(MUGS, 4, on=28, money_minor=2_222),
            refund_of(MUGS, 5, units=2, on=35),
        ],
        start=1,
    ):
        shop.pay_back(fact, on=7 * week)
        left.append(shop.balances()[place])
    assert left == [167, 167, 167, 111, 0]
    assert shop.balances() == (0, 0, 0)
    assert shop.state(MUGS) == ("reversed" if mode is Mode.AUTOMATIC else "voided")


def test_r19_before_an_approval_and_after_it_a_refund_takes_the_same(manual_shop: Life) -> None:
    shop = manual_shop
    shop.publish(on=-1, tiers=QUARTER)
    early, late = MUGS, order(2, line(2, 9_999, 3), customer=BEN)
    shop.tell(early, late, on=0)
    shop.pay_back(refund_of(early, units=1, on=5), on=5)
    shop.click(review.approve, early, on=6)
    shop.click(review.approve, late, on=6)
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 167, 0), (0, 250, 0))
    shop.pay_back(refund_of(late, units=1, on=9), on=9)
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 167, 0), (0, 167, 0))
    assert (shop.transfers(early), shop.transfers(late)) == ([("credit", 167)], [("credit", 250), ("debit", 83)])


def test_r19_refunds_that_are_heard_of_in_any_order_and_before_their_order_end_the_same(shop: Life) -> None:
    shop.publish(on=-1, tiers=QUARTER)
    orders = [replace(MUGS, order_id=BIG + n, customer=who) for n, who in ((1, ADA), (2, BEN), (3, CID))]
    # 0 is the order, the others are its refunds.
    turns = [(0, 1, 2, 3), (3, 1, 0, 2), (2, 3, 1, 0)]
    for fact, turn in zip(orders, turns, strict=True):
        news = {n: refund_of(fact, n, units=1, on=n, money_minor=3_333 + (n == 2) * 1_000) for n in (1, 2, 3)}
        for week, what in enumerate(turn):
            if what == 0:
                shop.tell(fact, on=10 + 7 * week)
            else:
                shop.pay_back(news[what], on=10 + 7 * week)
    assert [shop.kept(fact) for fact in orders] == [0, 0, 0]
    assert [shop.balances(who) for who in (ADA, BEN, CID)] == [(0, 0, 0)] * 3
    # Who was told in good time got 2.50 and gave it back; of an order that had gone back already nothing was sent.
    assert [len(shop.transfers(fact)) for fact in orders] == [4, 2, 0]


def test_r20_an_order_that_is_edited_down_and_up_and_cancelled_follows_each_time(shop: Life) -> None:
    two = order(1, line(1, 20_000, 2))
    shop.tell(two, on=0)
    assert shop.balances() == (0, 400, 0)
    # A unit is taken out, and the money for it comes back a week later: counted once.
    edited = later(two, 3_600, lines=(replace(two.lines[0], removed_quantity=1),))
    shop.tell(edited, on=1)
    shop.pay_back(refund_of(two, 1, on=8, money_minor=10_000), on=8)
    assert shop.balances() == (0, 200, 0)
    # A line of 50.00 is added, at first unpaid: what was paid for stands. Paid, it earns 1.00 more.
    longer = later(edited, 3_600, lines=(*edited.lines, line(2, 5_000)))
    shop.tell(replace(longer, financial_status=FinancialStatus.PARTIALLY_PAID), on=9)
    assert shop.balances() == (0, 200, 0)
    paid = later(longer, 3_600)
    shop.tell(paid, on=10)
    assert shop.balances() == (0, 300, 0)
    shop.tell(later(paid, 3_600, cancelled_at=day(20)), on=20)
    assert (shop.balances(), shop.state(two)) == ((0, 0, 0), "reversed")
    assert shop.transfers(two) == [("credit", 400), ("debit", 200), ("credit", 100), ("debit", 300)]
    assert "The order was cancelled on March 21, 2026: nothing of it is kept." in shop.says(two)


def test_r20_a_payment_that_never_came_or_was_voided_leaves_nothing(shop: Life) -> None:
    waiting = order(1, financial_status=FinancialStatus.PENDING)
    shop.tell(waiting, on=0)
    assert (shop.state(waiting), shop.says(waiting)) == ("ineligible", ["The order is not fully paid yet."])
    paid = later(waiting, financial_status=FinancialStatus.PAID)
    shop.tell(paid, on=3)
    assert shop.balances() == (0, 200, 0)
    never = order(2, on=4, financial_status=FinancialStatus.AUTHORIZED)
    shop.tell(never, on=4)
    shop.tell(later(never, financial_status=FinancialStatus.VOIDED), on=11)
    assert (shop.reward(never).why_nothing, shop.balances()) == ("voided", (0, 200, 0))


def test_r20_a_chargeback_that_is_lost_takes_all_and_one_that_is_won_nothing(shop: Life) -> None:
    lost, won = order(1), order(2, customer=BEN)
    shop.tell(lost, won, on=0)
    for fact, number, verdict in ((lost, 1, DisputeStatus.LOST), (won, 2, DisputeStatus.WON)):
        shop.know(DisputeFact(number, fact.order_id, DisputeStatus.UNDER_REVIEW, day(20)), on=20)
        assert shop.kept(fact) == 200
        shop.know(DisputeFact(number, fact.order_id, verdict, day(20), day(60)), on=60)
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 200, 0))
    assert shop.says(lost)[-1] == "For the 0.00 USD still kept, 0.00 USD stays; 2.00 USD is taken back."


@pytest.mark.parametrize(
    ("policy", "after_refund", "third", "end"),
    [
        # 1.50 is owed; of the next 5.00 it is paid first, and 3.50 become credit.
        (OwedPolicy.OFFSET, (0, 0, -150), 500, (0, 350, 0)),
        (OwedPolicy.FORGIVE, (0, 0, 0), 500, (0, 500, 0)),
        (OwedPolicy.BLOCK, (0, 0, -150), 0, (0, 0, -150)),
    ],
)
def test_r21_credit_that_was_spent_before_its_order_went_back_is_owed_forgiven_or_blocks(
    shop: Life, policy: OwedPolicy, after_refund: tuple[int, int, int], third: int, end: tuple[int, int, int]
) -> None:
    shop.publish(on=-1, owed=policy)
    shopify = Shopify(shop)
    first, second = order(1), order(2, line(1, 25_000), on=40)
    shop.tell(first, on=0)
    shopify.carry_out(day(1))
    shopify.ada.redeem(150, day(10))
    shopify.hear(day(11))
    assert shop.balances() == (0, 50, 0)
    shop.pay_back(refund_of(first, units=1, on=30), on=30)
    shopify.carry_out(day(31))
    assert (shop.balances(), shopify.ada.balance(day(31))) == (after_refund, 0)
    assert shop.transfers(first) == [("credit", 200), ("debit", 50)]
    shop.tell(second, on=40)
    shopify.carry_out(day(41))
    assert (shop.reward(second).granted, shop.balances()) == (third, end)
    assert shopify.ada.balance(day(41)) == end[1]


def test_b5_every_reversal_is_on_record_with_its_reward_its_moment_and_what_it_took(shop: Life) -> None:
    two = order(1, line(1, 20_000, 2))
    shop.tell(two, on=0)
    shop.pay_back(refund_of(two, units=1, on=9), on=12)
    contest = DisputeFact(BIG + 9, two.order_id, DisputeStatus.LOST, day(20), day(50))
    shop.know(contest, on=51)
    with reading() as session:
        rows = session.execute(
            select(LedgerEntry, LedgerPosting)
            .join(LedgerPosting, LedgerPosting.entry_id == LedgerEntry.id)
            .where(LedgerEntry.kind == EntryKind.CLAWBACK)
            .order_by(LedgerEntry.id)
        ).all()
        seen = [(entry.occurred_at, entry.recorded_at, posting.amount_minor) for entry, posting in rows]
        ways = {(entry.reward_id, posting.source, posting.destination) for entry, posting in rows}
    # The refund of day 9 was heard of on day 12, the bank's word of day 50 on day 51; each took half of 4.00.
    assert seen == [(day(9), day(12), 200), (day(50), day(51), 200)]
    assert ways == {(shop.reward(two).id, Account.AVAILABLE, Account.PROMISED)}
    assert (shop.reward(two).granted, shop.reward(two).reversed, shop.state(two)) == (400, 400, "reversed")
    assert shop.says(two)[-1] == "For the 0.00 USD still kept, 0.00 USD stays; 4.00 USD is taken back."


@pytest.mark.parametrize("turn", range(6))
def test_r20_a_price_that_an_edit_lowered_is_not_taken_back_twice_in_whatever_order_it_is_told(
    shop: Life, turn: int
) -> None:
    paid = order(1, line(net_minor=10_000), total_minor=10_000)
    lowered = later(paid, 3_600, lines=(line(net_minor=8_000, discount_minor=2_000),), total_minor=8_000)
    back = refund_of(paid, on=1, money_minor=2_000)
    shop.tell(paid)
    news = (
        lambda: shop.know(PaymentFact(BIG + 9, paid.order_id, "visa", 10_000), on=1),
        lambda: shop.tell(lowered, on=1),
        lambda: shop.pay_back(back, on=1),
    )
    for tell in list(permutations(news))[turn]:
        tell()
    assert shop.kept(paid) == 160
    assert shop.balances() == (0, 160, 0)
    with reading() as session:
        assert session.scalar(select(func.sum(SpendRow.amount_minor))) == 8_000
