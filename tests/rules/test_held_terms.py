"""The first and the last of what terms may say, and that the neighbour of each is refused."""

from datetime import date

from app.engine.rules.terms import Expiry
from app.engine.rules.valid_terms import find_problems, validate_terms

from .made import make_terms


def test_credit_may_expire_from_the_first_day_of_2000_to_the_last_of_2199() -> None:
    for day in (date(2000, 1, 1), date(2199, 12, 31)):
        assert validate_terms(make_terms(expiry=Expiry(on=day))) == []
    for day in (date(1999, 12, 31), date(2200, 1, 1)):
        assert [problem.where for problem in find_problems(make_terms(expiry=Expiry(on=day)))] == [("expiry", "on")]


def test_a_list_may_have_a_thousand_entries_and_not_one_more() -> None:
    thousand = frozenset(range(1, 1_001))
    assert validate_terms(make_terms(excluded_product_ids=thousand)) == []
    assert len(find_problems(make_terms(excluded_product_ids=thousand | {1_001}))) == 1
