"""Charts: whole numbers in, whole-number geometry out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.admin.charts import HEIGHT, STEPS, WIDTH, draw_bars, draw_line, plot, round_up


@pytest.mark.parametrize(
    ("largest", "top"), [(0, 4), (1, 4), (5, 8), (9, 20), (99, 100), (101, 200), (12_345, 20_000), (100_001, 200_000)]
)
def test_an_axis_ends_at_a_round_number(largest: int, top: int) -> None:
    assert round_up(largest) == top


@given(st.integers(0, 10**15))
def test_an_axis_reaches_the_largest_value_and_wastes_no_more_than_its_upper_part(largest: int) -> None:
    top = round_up(largest)
    assert top >= largest
    assert top % STEPS == 0
    assert top < 4 * largest or top == STEPS


def test_bars_stand_on_the_ground_each_in_its_day() -> None:
    assert draw_bars([10, 0, None, 20], 20) == "M50 200V100H200V200ZM800 200V0H950V200Z"


def test_a_line_goes_through_the_middles_of_the_days_and_leaves_gaps() -> None:
    assert draw_line([10, 20, None, 0], 20) == "M125 100h1L375 0M875 200h1"


def test_what_is_there_is_seen_and_what_is_below_the_ground_is_not() -> None:
    assert draw_bars([1, -5], 1_000_000) == "M100 200V199H400V200Z"


@given(st.lists(st.none() | st.integers(-(10**12), 10**12), max_size=90))
def test_nothing_is_drawn_outside_of_the_plot_nor_with_a_fraction(values: list[int | None]) -> None:
    drawn = plot(("bar", values), ("line", values))
    for mark in drawn.marks:
        assert re.fullmatch(r"([MLVHhZ]\d*( \d+)?)*", mark.path)
        for x, y in re.findall(r"[ML](\d+) (\d+)", mark.path):
            assert int(x) <= WIDTH
            assert int(y) <= HEIGHT
    assert drawn.ticks[0] >= max((value or 0 for value in values), default=0)
    assert drawn.ticks[-1] == 0
