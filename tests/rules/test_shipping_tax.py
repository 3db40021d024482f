"""Tax on shipping that a refund's body leaves out is no goodwill, and money beyond it is."""

import pytest

from app.engine.rules.facts import RefundFact
from app.engine.rules.kept import compute_extra_minor, shipping_back_minor

from .made import BIG, day, make_line, make_order


@pytest.mark.parametrize(
    ("stated", "money", "back", "extra"),
    [
        pytest.param(1_000, 1_200, 1_200, 0, id="the tax is left out"),
        pytest.param(1_200, 1_200, 1_200, 0, id="the tax is told"),
        pytest.param(500, 600, 600, 0, id="half of it, the tax left out"),
        pytest.param(1_000, 1_000, 1_000, 0, id="the tax was not paid back"),
        pytest.param(1_000, 1_700, 1_200, 500, id="and goodwill besides"),
        pytest.param(0, 700, 0, 700, id="no shipping at all"),
    ],
)
def test_tax_on_shipping_goes_back_with_it(stated: int, money: int, back: int, extra: int) -> None:
    order = make_order(make_line(), shipping_minor=1_000, shipping_tax_minor=200)
    refund = RefundFact(BIG, order.order_id, day(1), (), money, stated)
    assert shipping_back_minor(order, [refund]) == back
    assert compute_extra_minor(order, [refund]) == extra


def test_where_prices_include_tax_nothing_comes_on_top() -> None:
    order = make_order(make_line(), shipping_minor=1_000, shipping_tax_minor=200, taxes_included=True)
    refund = RefundFact(BIG, order.order_id, day(1), (), 1_200, 1_000)
    assert (shipping_back_minor(order, [refund]), compute_extra_minor(order, [refund])) == (1_000, 200)
