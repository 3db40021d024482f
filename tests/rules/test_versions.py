"""Of several tellings of one order or refund the same one counts, whatever order they come in."""

from dataclasses import replace
from itertools import permutations

from app.engine.rules.facts import FinancialStatus, OrderFact, RefundLine
from app.engine.rules.facts_json import to_json
from app.engine.rules.versions import fullest, is_fuller, is_newer, newest

from .made import BIG, day, make_line, make_order, make_refund

PLACED = make_order(financial_status=FinancialStatus.PENDING)
PAID = make_order()
REFUNDED = make_order(financial_status=FinancialStatus.REFUNDED)
CANCELLED = make_order(cancelled_at=day(0))
LATER = make_order(financial_status=FinancialStatus.PENDING, updated_at=day(1))


def test_the_version_updated_last_counts() -> None:
    for heard in permutations([PLACED, PAID, REFUNDED, LATER]):
        assert newest(heard) == {PAID.order_id: LATER}


def test_of_versions_of_the_same_second_the_further_one_counts() -> None:
    for heard in permutations([PLACED, PAID, REFUNDED]):
        assert newest(heard) == {PAID.order_id: REFUNDED}
    for heard in permutations([PAID, REFUNDED, CANCELLED]):
        assert newest(heard) == {PAID.order_id: CANCELLED}


def test_of_versions_of_the_same_second_the_one_with_more_refunds_counts() -> None:
    partly = make_order(name="#9", refunds=(make_refund(1),))
    more = make_order(name="#1", refunds=(make_refund(1), make_refund(2)))
    for heard in permutations([PAID, partly, more]):
        assert newest(heard) == {PAID.order_id: more}


def test_equal_versions_that_differ_only_in_their_lines_choose_the_same_one() -> None:
    some = [make_order(make_line(1, net)) for net in (100, 200, 300)]
    chosen = {id(newest(heard)[PAID.order_id]) for heard in permutations(some)}
    assert len(chosen) == 1


def test_each_order_has_its_own_newest_version() -> None:
    other: OrderFact = replace(PAID, order_id=BIG + 2)
    assert newest([PAID, other, LATER]) == {PAID.order_id: LATER, other.order_id: other}


def test_a_version_replaces_only_an_older_one() -> None:
    assert is_newer(LATER, to_json(PAID))
    assert not is_newer(PAID, to_json(LATER))
    assert not is_newer(PAID, to_json(PAID))


def test_the_fullest_telling_of_a_refund_counts() -> None:
    bare = make_refund(1)
    goods = make_refund(1, [RefundLine(1, 1, 8000)])
    paid = make_refund(1, [RefundLine(1, 1, 8000)], money_minor=10_000)
    less = replace(paid, money_minor=9000)
    for heard in permutations([bare, goods, less, paid]):
        assert fullest(heard) == {paid.refund_id: paid}
    assert is_fuller(paid, to_json(goods))
    assert not is_fuller(bare, to_json(goods))
    assert not is_fuller(paid, to_json(paid))


def test_tellings_of_a_refund_that_differ_only_in_their_words_choose_the_same_one() -> None:
    some = [make_refund(1, money_minor=500, note=note) for note in (None, "broken", "late")]
    chosen = {id(fullest(heard)[some[0].refund_id]) for heard in permutations(some)}
    assert len(chosen) == 1
