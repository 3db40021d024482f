"""What holds for every order, every refund and all terms, tried on random ones."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.engine.rules import explain
from app.engine.rules.kept import kept_quantities
from app.engine.rules.reward import Target, compute_target
from app.engine.rules.steps_rates import LineShare
from app.engine.rules.tiers import compute_spend_events

from .drawn import Case, cases, return_units
from .made import day

some = settings(max_examples=80)


def target_of(case: Case, count: int | None = None) -> Target:
    """Return the target after the first ``count`` refunds, or after all."""
    return compute_target(case.order, case.refunds[:count], case.terms, case.tier)


def return_the_rest(case: Case) -> Case:
    """Return the case with one more refund, of everything that is still kept."""
    left = kept_quantities(case.order, case.refunds)
    return replace(case, refunds=(*case.refunds, return_units(case.order, len(case.refunds) + 1, left)))


@given(cases())
@some
def test_kept_is_at_most_granted_is_at_most_calculated(case: Case) -> None:
    target = target_of(case)
    assert 0 <= target.kept_minor <= target.granted_minor <= target.calculated_minor
    assert 0 <= target.kept_eligible_minor <= target.eligible_minor
    assert target.reversed_minor == target.granted_minor - target.kept_minor


@given(cases())
@some
def test_a_reason_is_given_exactly_when_nothing_is_granted(case: Case) -> None:
    target = target_of(case)
    assert (target.ineligible is None) == (target.granted_minor > 0)


@given(cases())
@some
def test_returning_everything_in_any_number_of_refunds_keeps_nothing(case: Case) -> None:
    target = target_of(return_the_rest(case))
    assert (target.kept_minor, target.kept_eligible_minor) == (0, 0)
    assert target.reversed_minor == target.granted_minor


@given(cases())
@some
def test_what_goes_back_step_by_step_sums_to_what_was_granted(case: Case) -> None:
    whole = return_the_rest(case)
    edited = target_of(whole, 0)
    kept = [edited.granted_minor, *(target_of(whole, n).kept_minor for n in range(len(whole.refunds) + 1))]
    differences = [before - after for before, after in pairwise(kept)]
    assert sum(differences) == edited.granted_minor


@given(cases(), st.randoms(use_true_random=False))
@some
def test_the_order_in_which_refunds_are_heard_of_does_not_matter(case: Case, chance: object) -> None:
    shuffled = list(case.refunds)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    doubled = [*shuffled, *case.refunds]
    expected = target_of(case)
    assert compute_target(case.order, shuffled, case.terms, case.tier) == expected
    assert compute_target(case.order, doubled, case.terms, case.tier) == expected
    events = compute_spend_events(case.order, case.refunds)
    assert compute_spend_events(case.order, shuffled) == events


@given(cases())
@some
def test_another_refund_never_raises_what_is_kept(case: Case) -> None:
    # Only a refund that names goods and moves no money may: it shows that earlier money was for those goods.
    assume(all(refund.money_minor > 0 or not refund.lines for refund in case.refunds))
    kept = [target_of(case, count).kept_minor for count in range(len(case.refunds) + 1)]
    assert kept == sorted(kept, reverse=True)


@given(cases())
@some
def test_an_order_kept_whole_keeps_all_that_was_granted(case: Case) -> None:
    untouched = replace(case.order, lines=tuple(replace(line, removed_quantity=0) for line in case.order.lines))
    target = compute_target(untouched, (), case.terms, case.tier)
    assert target.kept_minor == target.granted_minor


@given(cases())
@some
def test_a_cancelled_order_keeps_nothing_and_grants_the_same(case: Case) -> None:
    cancelled = replace(case, order=replace(case.order, cancelled_at=day(9)))
    assert target_of(cancelled).kept_minor == 0
    assert target_of(cancelled).granted_minor == target_of(case).granted_minor


@given(cases())
@some
def test_the_shares_of_the_lines_sum_to_the_calculated_amount(case: Case) -> None:
    target = target_of(case)
    shares = [step.share_minor for step in target.steps if isinstance(step, LineShare)]
    assert not shares or sum(shares) == target.calculated_minor


@given(cases())
@some
def test_every_target_can_be_said_and_stored(case: Case) -> None:
    for step in target_of(case).steps:
        assert explain.sentence(step, "USD").endswith(".")
        assert explain.from_json(explain.to_json(step)) == step


@given(cases())
@some
def test_the_spend_of_an_order_returned_whole_or_cancelled_sums_to_zero(case: Case) -> None:
    whole = return_the_rest(case)
    assert sum(event.amount_minor for event in compute_spend_events(whole.order, whole.refunds)) == 0
    cancelled = replace(case.order, cancelled_at=day(2))
    assert sum(event.amount_minor for event in compute_spend_events(cancelled, case.refunds)) == 0


@given(cases())
@some
def test_the_spend_of_an_order_is_never_negative_at_any_time(case: Case) -> None:
    running = 0
    events = compute_spend_events(case.order, case.refunds)
    assert [event.at for event in events] == sorted(event.at for event in events)
    for event in events:
        running += event.amount_minor
        assert running >= 0
