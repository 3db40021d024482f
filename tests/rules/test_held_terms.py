"""The first and the last of what terms may say, and that the neighbour of each is refused."""

from datetime import UTC, date, datetime, timedelta

from app.engine.rules.terms import Campaign, Expiry
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


def test_campaigns_that_overlap_are_both_named_and_told_apart_from_others_by_what() -> None:
    begins = datetime(2026, 11, 27, tzinfo=UTC)
    sale = Campaign("Sale", begins, begins + timedelta(days=2), multiplier_bps=20_000)
    late = Campaign("Late", begins + timedelta(days=1), begins + timedelta(days=3), multiplier_bps=20_000)
    (problem,) = find_problems(make_terms(campaigns=(sale, late)))
    assert problem.where == ("campaigns", 1, "starts_at")
    assert problem.sentence == (
        "The campaigns 'Sale' and 'Late' overlap in time and may meet in the same goods; end one before the other "
        "begins, or name different products, variants, vendors, types or SKUs."
    )
