"""The table of business figures in app/engine/README.md, and what must hold of any."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules.business import Record, Trade, compute_outlook
from app.engine.rules.money import parse, rate_text, to_decimal_string

from .tables import Row, tables_with

(TABLE,) = tables_with("margin", "carries")


def minor(text: str) -> int:
    return parse(text, "USD").minor


def bps(text: str) -> int:
    return parse(text.removesuffix(" %"), "USD").minor


def written(amount_minor: int | None, nothing: str) -> str:
    return nothing if amount_minor is None else to_decimal_string(amount_minor, "USD")


def test_there_is_a_table() -> None:
    assert len(TABLE) > 4


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['margin']} of {row['order']}")
def test_the_figures_are_those_of_the_table(row: Row) -> None:
    trade = Trade(bps(row["margin"]), minor(row["sending"]), minor(row["order"]), bps(row["aim"]))
    record = Record(minor(row["issued"]), minor(row["taken back"]), int(row["spent"].removesuffix(" times")))
    found = compute_outlook(trade, record)
    assert {
        "profit": written(found.order_profit_minor, ""),
        "carries": rate_text(found.carries_bps),
        "cost": written(found.cost_minor, ""),
        "brought": written(found.brought_minor, ""),
        "net": written(found.net_minor, ""),
        "return": "none" if found.roi_bps is None else rate_text(found.roi_bps),
        "even": written(found.even_minor, "never"),
        "target": written(found.target_minor, "never"),
    } == {name: row[name] for name in ("profit", "carries", "cost", "brought", "net", "return", "even", "target")}


TRADES = st.builds(
    Trade, st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 10**7), st.integers(0, 1_000_000)
)
RECORDS = st.builds(Record, st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**5))


@given(TRADES, RECORDS)
def test_the_sales_that_are_named_suffice_and_a_cent_less_does_not(trade: Trade, record: Record) -> None:
    found = compute_outlook(trade, record)
    if found.target_minor is None:
        assert found.order_profit_minor <= 0
        return
    wanted = found.cost_minor * (10_000 + trade.target_roi_bps) * trade.order_value_minor

    def brings(sales_minor: int) -> int:
        return sales_minor * found.order_profit_minor * 10_000

    assert brings(found.target_minor) >= wanted
    assert found.target_minor == 0 or brings(found.target_minor - 1) < wanted


@given(TRADES, RECORDS)
def test_an_order_at_the_rate_it_carries_loses_nothing(trade: Trade, record: Record) -> None:
    found = compute_outlook(trade, record)
    assert found.carries_bps * trade.order_value_minor <= max(found.order_profit_minor, 0) * 10_000
