"""Things of one second, and lost disputes, on the time line of an order."""

from itertools import permutations

from app.engine.rules.facts import Details, DisputeFact, DisputeStatus, RefundLine
from app.engine.rules.tiers import compute_spend_events
from app.engine.rules.timeline import moments_of

from .made import BIG, day, make_line, make_order, make_refund

HALF = make_refund(1, [RefundLine(1, 1, 4000)], money_minor=4000, processed_at=day(2))


def lost(number: int, on: int = 2) -> DisputeFact:
    return DisputeFact(BIG + number, BIG + 1, DisputeStatus.LOST, day(1), day(on))


def test_disputes_lost_in_one_second_stand_in_one_order_whatever_order_they_come_in() -> None:
    for heard in permutations([lost(1), lost(2), lost(3)]):
        first, *then = moments_of(make_order(), (), heard)
        assert (first.at, first.lost) == (day(0), ())
        assert [moment.lost for moment in then] == [(lost(1),), (lost(1), lost(2)), (lost(1), lost(2), lost(3))]
        assert {moment.at for moment in then} == {day(2)}


def test_what_was_refunded_before_a_dispute_was_lost_stays_refunded() -> None:
    last = moments_of(make_order(), [HALF], [lost(1, on=5)])[-1]
    assert (last.at, last.refunds, last.lost) == (day(5), (HALF,), (lost(1, on=5),))


def test_a_lost_dispute_takes_all_that_was_still_spent_when_it_was_decided() -> None:
    order = make_order(make_line(1, 8000, quantity=2))
    events = compute_spend_events(order, [HALF], Details(disputes=(lost(1, on=5), lost(2, on=6))))
    assert [(event.at, event.amount_minor) for event in events] == [(day(0), 8000), (day(2), -4000), (day(5), -4000)]


def test_what_is_cancelled_and_refunded_in_one_second_goes_back_at_once() -> None:
    order = make_order(make_line(1, 8000, quantity=2), cancelled_at=day(2))
    events = compute_spend_events(order, [HALF])
    assert [(event.at, event.amount_minor) for event in events] == [(day(0), 8000), (day(2), -8000)]


def test_an_order_stands_as_cancelled_from_its_cancellation_on_and_by_no_dispute() -> None:
    order = make_order(cancelled_at=day(2))
    told = [(moment.at, moment.order.cancelled_at, moment.lost) for moment in moments_of(order, ())]
    assert told == [(day(0), None, ()), (day(2), day(2), ())]
