"""Versions of one order in any order: late, twice, edited up and down, edited while part of it is unpaid."""

from itertools import permutations

import pytest

from app.engine.flows.details import record_details
from app.engine.flows.earn import record_orders
from app.engine.rules.facts import CustomerFact, DisputeFact, DisputeStatus, FinancialStatus
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import RewardState
from tests.flows.builders import BIG, Till, books, day, later, line, order


def test_an_older_version_after_a_newer_one_changes_nothing(shop: Till) -> None:
    old = order(1, financial_status=FinancialStatus.PENDING)
    shop.tell(later(old, financial_status=FinancialStatus.PAID))
    before = books(shop)
    shop.tell(old)
    assert books(shop) == before
    assert shop.balances() == (0, 200, 0)


def test_a_line_added_and_paid_earns_the_difference(shop: Till) -> None:
    paid = order(1)
    shop.tell(paid)
    shop.tell(later(paid, lines=(line(), line(2, 5_000))))
    assert shop.kept(paid) == 300
    assert shop.transfers(paid) == [("credit", 200), ("credit", 100)]


def test_a_line_added_and_paid_while_in_review_raises_what_is_pending(manual_shop: Till) -> None:
    paid = order(1)
    manual_shop.tell(paid)
    manual_shop.tell(later(paid, lines=(line(), line(2, 5_000))))
    assert manual_shop.reward(paid).state is RewardState.IN_REVIEW
    assert manual_shop.balances() == (300, 0, 0)


def test_units_taken_out_give_their_part_back(shop: Till) -> None:
    paid = order(1, line(1, 20_000, 2))
    shop.tell(paid)
    shop.tell(later(paid, lines=(line(1, 20_000, 2, removed_quantity=1),)))
    assert (shop.reward(paid).granted, shop.reward(paid).reversed) == (400, 200)
    assert shop.transfers(paid) == [("credit", 400), ("debit", 200)]


def test_everything_taken_out_and_something_put_back_settles_again(shop: Till) -> None:
    paid = order(1)
    shop.tell(paid)
    shop.tell(later(paid, lines=(line(removed_quantity=1),)))
    assert shop.reward(paid).state is RewardState.REVERSED
    shop.tell(later(paid, 90, lines=(line(removed_quantity=1), line(2, 7_000))))
    assert shop.reward(paid).state is RewardState.SETTLED
    assert shop.balances() == (0, 140, 0)


def test_a_voided_reward_whose_order_comes_back_is_decided_anew(manual_shop: Till) -> None:
    paid = order(1)
    manual_shop.tell(paid)
    manual_shop.tell(later(paid, lines=(line(removed_quantity=1),)))
    assert manual_shop.reward(paid).state is RewardState.VOIDED
    manual_shop.tell(later(paid, 90, lines=(line(removed_quantity=1), line(2, 7_000))))
    assert manual_shop.reward(paid).state is RewardState.IN_REVIEW
    assert manual_shop.entries(paid) == [EntryKind.ACCRUAL, EntryKind.VOID, EntryKind.ACCRUAL]
    assert manual_shop.balances() == (140, 0, 0)


def test_a_paid_order_that_an_edit_makes_partially_paid_keeps_its_reward(shop: Till) -> None:
    paid = order(1)
    edited = later(paid, lines=(line(), line(2, 5_000)), financial_status=FinancialStatus.PARTIALLY_PAID)
    shop.tell(paid)
    shop.tell(edited)
    assert (shop.reward(paid).state, shop.kept(paid)) == (RewardState.SETTLED, 200)
    shop.tell(later(edited, financial_status=FinancialStatus.PAID))
    assert shop.kept(paid) == 300


def test_what_was_paid_keeps_its_reward_also_when_the_paid_version_comes_last(shop: Till) -> None:
    paid = order(1)
    edited = later(paid, lines=(line(), line(2, 5_000)), financial_status=FinancialStatus.PARTIALLY_PAID)
    shop.tell(edited)
    assert shop.reward(paid).why_nothing == "unpaid"
    shop.tell(paid)
    assert (shop.reward(paid).state, shop.kept(paid)) == (RewardState.SETTLED, 200)


def test_the_versions_of_an_order_end_in_the_same_books_in_whatever_order_they_come(shop: Till) -> None:
    first = order(0, financial_status=FinancialStatus.PENDING)
    versions = [
        first,
        later(first, 10, financial_status=FinancialStatus.PAID),
        later(first, 20, financial_status=FinancialStatus.PARTIALLY_PAID, lines=(line(), line(2, 5_000))),
        later(first, 30, financial_status=FinancialStatus.PAID, lines=(line(removed_quantity=1), line(2, 5_000))),
    ]
    ends = []
    for number, row in enumerate(permutations(versions), start=1):
        whose = CustomerFact(BIG + 800 + number)
        mine = [later(version, 0, order_id=BIG + number, customer=whose) for version in row]
        for version in mine:
            shop.run(lambda session, shop, fact=version: record_orders(session, shop, [fact], day(10)))
        ends.append((shop.reward(mine[0]).state, shop.kept(mine[0]), shop.balances(whose)))
    assert ends == [(RewardState.SETTLED, 100, (0, 100, 0))] * 24
    shop.check()


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_words_about_one_dispute_in_one_batch_the_later_stage_counts(shop: Till, turned: bool) -> None:
    fact = order(1)
    shop.tell(fact)
    told = [
        DisputeFact(BIG + 5, fact.order_id, status, day(2))
        for status in (DisputeStatus.NEEDS_RESPONSE, DisputeStatus.LOST)
    ]
    if turned:
        told.reverse()
    shop.twice(lambda session, row, now: record_details(session, row, told, now), day(3))
    assert shop.kept(fact) == 0
    shop.check()
