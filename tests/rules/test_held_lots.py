"""Whose cents are whose, where the simple histories of ``test_lots.py`` do not reach."""

from app.engine.rules.lots import Lot, SetOff

from .credits import ended, given_back, lot, mine, spent, taken_back, whose
from .made import day


def test_what_comes_back_in_the_very_second_of_its_expiry_has_no_expiry() -> None:
    assert ended([lot(1, 100, 20)], [spent(100, 5), given_back(60, 20)], 30) == {1: (100, 0, 0)}


def test_more_that_comes_back_than_was_known_to_be_spent_is_all_there_to_be_used() -> None:
    lots = [lot(1, 100, 20), lot(2, 100, None, at=23)]
    assert ended(lots, [spent(100, 5), given_back(130, 21), spent(150, 24)], 30) == {1: (100, 0, 0), 2: (20, 0, 80)}


def test_a_debit_changes_places_with_as_many_of_its_own_cents_as_it_needs_wherever_they_are() -> None:
    lots = [mine(1, 40, 30), mine(2, 100, 20), Lot(3, day(0), 100, day(35), owner=1)]
    assert whose(lots, [taken_back(1, 60, 5)], 40) == ({2: 100, 1: 80}, {1: 60})
    spent_before = [mine(1, 40, 10), mine(2, 100, 20), Lot(3, day(0), 20, day(35), owner=1)]
    assert whose(spent_before, [spent(40, 3), taken_back(1, 50, 5)], 40) == ({2: 70}, {1: 50})


def test_cents_spent_in_several_purchases_change_places_oldest_first_and_no_more_than_needed() -> None:
    lots = [mine(1, 100, 20), mine(2, 100, 30)]
    changes = [spent(40, 3), spent(60, 4), taken_back(1, 70, 5), given_back(80, 6)]
    assert whose(lots, changes, 40) == ({1: 30, 2: 80}, {1: 70})


def test_only_what_cannot_change_places_wrongs_another_reward() -> None:
    lots = [mine(1, 30, 60), mine(2, 100, 50), mine(3, 90, 70, at=26, makes_good=True)]
    assert whose(lots, [taken_back(1, 80, 25)], 80) == ({2: 20 + 30 + 50, 3: 40}, {1: 30})


def test_a_reward_that_was_wronged_twice_is_made_good_for_both() -> None:
    lots = [mine(1, 100, 20), mine(2, 100, 50), mine(3, 90, 40, at=26, makes_good=True)]
    assert whose(lots, [taken_back(1, 30, 24), taken_back(1, 50, 25)], 60) == ({1: 100, 2: 20 + 80, 3: 10}, {})


def test_what_was_made_good_once_is_not_made_good_again() -> None:
    lots = [mine(1, 100, 20), mine(2, 100, 50)]
    lots += [mine(3, 80, 40, at=26, makes_good=True), mine(4, 70, 41, at=27, makes_good=True)]
    assert whose(lots, [taken_back(1, 80, 25)], 60) == ({1: 100, 2: 20 + 80, 4: 70}, {})


def test_several_set_offs_of_one_reward_are_made_good_together() -> None:
    lots = [mine(3, 90, 40, at=26, makes_good=True)]
    assert whose(lots, [SetOff(day(1), 50, 1), SetOff(day(2), 30, 1)], 60) == ({1: 80, 3: 10}, {})


def test_a_reward_that_was_wronged_keeps_all_of_its_own_credit_that_makes_it_good() -> None:
    lots = [mine(1, 100, 20), mine(2, 100, 50), Lot(3, day(26), 90, day(40), None, 2, makes_good=True)]
    assert whose(lots, [taken_back(1, 30, 25)], 60) == ({1: 100, 2: 70 + 90}, {})


def test_what_is_too_little_for_two_wronged_rewards_is_split_and_the_rest_made_good_by_the_next() -> None:
    lots = [mine(1, 120, 20), mine(2, 60, 50), mine(3, 60, 51), mine(4, 90, 40, at=26, makes_good=True)]
    assert whose(lots, [taken_back(1, 120, 25)], 60) == ({1: 120, 2: 60, 3: 30}, {})
    lots.append(mine(5, 50, 41, at=27, makes_good=True))
    assert whose(lots, [taken_back(1, 120, 25)], 60) == ({1: 120, 2: 60, 3: 60, 5: 20}, {})


def test_a_debit_takes_its_own_cents_of_a_lot_and_leaves_others_out_of_what_expired_by_shopifys_word() -> None:
    told = Lot(1, day(0), 100, day(10), 50, owner=2)
    mixed = Lot(2, day(2), 100, day(20), None, owner=2, makes_good=True)
    changes = [SetOff(day(1), 50, 1), taken_back(2, 80, 5)]
    assert whose([told, mixed], changes, 15) == ({2: 50}, {2: 80})
    assert whose([told, mixed], changes, 25) == ({2: 70, 1: 50}, {2: 80})


def test_a_purchase_uses_cents_that_nobody_earned_before_those_of_a_reward_in_the_same_lot() -> None:
    lots = [mine(1, 100, 30), lot(2, 100, 20)]
    changes = [taken_back(1, 60, 5), spent(50, 6)]
    assert whose(lots, changes, 40) == ({0: 50, 1: 40}, {1: 60})


def test_credit_and_its_spending_in_one_second_belong_together() -> None:
    assert ended([lot(1, 100, None, at=5)], [spent(100, 5)], 5) == {1: (100, 0, 0)}
