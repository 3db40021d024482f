"""What holds for every order, every refund and all terms, tried on random ones."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.engine.rules import explain
from app.engine.rules.eligibility import exclusions_of
from app.engine.rules.facts import DisputeFact, DisputeStatus, OrderLine, ProductFact
from app.engine.rules.kept import kept_quantities
from app.engine.rules.money import share_half_up
from app.engine.rules.reward import Target
from app.engine.rules.steps_rates import Amount, LineShare, RateAmount
from app.engine.rules.terms import Tier
from app.engine.rules.tiers import compute_spend_events

from .drawn import PRODUCTS, Case, cases, return_units, untouched_cases
from .made import day

some = settings(max_examples=40)


def target_of(case: Case, count: int | None = None) -> Target:
    """Return the target after the first ``count`` refunds, or after all."""
    return case.target(count)


def return_the_rest(case: Case) -> Case:
    """Return the case with one more refund, of everything that is still kept."""
    left = kept_quantities(case.order, case.refunds)
    shipping = case.order.shipping_minor + case.order.shipping_tax_minor
    rest = return_units(case.order, len(case.refunds) + 1, left, shipping_minor=shipping)
    return replace(case, refunds=(*case.refunds, rest))


@given(cases())
@some
def test_kept_is_at_most_granted_is_at_most_calculated(case: Case) -> None:
    target = target_of(case)
    most = target.calculated_minor if case.adjustment is None else case.adjustment.amount_minor
    assert 0 <= target.kept_minor <= target.granted_minor <= most
    assert target.granted_minor <= min([ceiling.ceiling_minor for ceiling in case.ceilings], default=most)
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
    assert replace(case, refunds=tuple(shuffled)).target() == expected
    details = replace(case.details, payments=case.details.payments * 2)
    assert replace(case, refunds=tuple(doubled), details=details).target() == expected
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
    target = replace(case, order=untouched, refunds=()).target()
    assert target.kept_minor == target.granted_minor


@given(cases())
@some
def test_a_cancelled_order_keeps_nothing_and_grants_the_same(case: Case) -> None:
    cancelled = replace(case, order=replace(case.order, cancelled_at=day(9)))
    assert target_of(cancelled).kept_minor == 0
    assert target_of(cancelled).granted_minor == target_of(case).granted_minor


@given(cases())
@some
def test_a_lost_dispute_keeps_what_a_cancellation_keeps_and_an_open_one_changes_nothing(case: Case) -> None:
    def with_dispute(status: DisputeStatus) -> Target:
        disputes = (DisputeFact(1, case.order.order_id, status, day(3)),)
        return replace(case, details=replace(case.details, disputes=disputes)).target()

    lost, target = with_dispute(DisputeStatus.LOST), target_of(case)
    assert (lost.kept_minor, lost.granted_minor) == (0, target.granted_minor)
    assert with_dispute(DisputeStatus.NEEDS_RESPONSE) == with_dispute(DisputeStatus.WON) == target


@given(cases())
@some
def test_the_shares_of_the_lines_sum_to_the_calculated_amount(case: Case) -> None:
    target = target_of(case)
    shares = [step.share_minor for step in target.steps if isinstance(step, LineShare)]
    assert not shares or sum(shares) == target.calculated_minor


@given(cases())
@some
def test_the_parts_at_each_rate_sum_to_the_eligible_amount_and_to_the_calculated_one(case: Case) -> None:
    target = target_of(case)
    parts = [step for step in target.steps if isinstance(step, RateAmount | Amount)]
    if not parts:
        assert target.calculated_minor == 0
        return
    assert sum(part.eligible_minor for part in parts) == target.eligible_minor
    product = sum(part.eligible_minor * part.rate_bps for part in parts)
    assert target.calculated_minor == (2 * product + 10_000) // 20_000


@given(cases(), st.integers(0, 10_000))
@some
def test_lines_at_one_rate_earn_exactly_that_share_of_the_eligible_amount(case: Case, rate_bps: int) -> None:
    plain = replace(case.terms, rates=(), campaigns=(), minimum_order_minor=0)
    target = replace(case, terms=plain, tier=Tier("One", 0, rate_bps)).target()
    assert target.calculated_minor == share_half_up(target.eligible_minor, rate_bps, 10_000)


@given(untouched_cases(edited=False), st.data())
@some
def test_what_is_kept_is_what_the_kept_order_would_have_been_granted(case: Case, data: st.DataObject) -> None:
    """An oracle by another road: the units kept, as an order of their own. Discounts and credit are left out of it."""
    terms = replace(case.terms, before_discounts=False, excludes_paid_with_credit=False)
    case = replace(case, terms=terms, adjustment=None)
    back = {line.line_id: data.draw(st.integers(0, line.quantity)) for line in case.order.lines}
    lines = tuple(_only(line, line.quantity - back[line.line_id]) for line in case.order.lines)
    earning = [line for line in lines if exclusions_of(terms).decide_line(line, _product_of(line)) is None]
    assume(any(line.net_minor for line in earning))
    returned = replace(case, refunds=(return_units(case.order, 1, back),))
    assert returned.target().kept_minor == replace(case, order=replace(case.order, lines=lines)).target().granted_minor


def _product_of(line: OrderLine) -> ProductFact | None:
    return PRODUCTS.get(line.product_id or 0)


def _only(line: OrderLine, units: int) -> OrderLine:
    if units == 0:
        return replace(line, quantity=0, net_minor=0, tax_minor=0)
    net, both = (
        share_half_up(worth, units, line.quantity) for worth in (line.net_minor, line.net_minor + line.tax_minor)
    )
    return replace(line, quantity=units, net_minor=net, tax_minor=both - net)


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
