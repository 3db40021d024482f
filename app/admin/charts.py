"""Charts: numbers in, the whole-number geometry of an SVG out. Pure; what is written beside them is HTML.

A plot is stretched to whatever room there is, so texts stand outside of it and lines keep their width
(``vector-effect``). Amounts are minor units throughout, and no number ever has a fraction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1_000, 200
#: The lines of the grid above the ground, which the axis names.
STEPS = 4
_ROUND = (10, 20, 25, 50, 100)

Values = Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """One series as it is drawn: ``kind`` is its look (bar, line), ``path`` its shape."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What an SVG draws: the grid, the series, and what the lines of the grid stand for, from the top to the ground."""

    marks: tuple[Mark, ...]
    grid: str
    ticks: tuple[int, ...]


def plot(*series: tuple[str, Values]) -> Plot:
    """Return the plot of series of one length, each with its look. What is None is left out; below 0 counts as 0."""
    top = round_up(max((value or 0 for _, values in series for value in values), default=0))
    draw = {"bar": draw_bars, "line": draw_line}
    grid = "".join(f"M0 {HEIGHT * step // STEPS}H{WIDTH}" for step in range(STEPS + 1))
    ticks = tuple(top * (STEPS - step) // STEPS for step in range(STEPS + 1))
    return Plot(tuple(Mark(kind, draw[kind](values, top)) for kind, values in series), grid, ticks)


def round_up(largest: int) -> int:
    """Return the top of an axis: at least the largest value, in as many round steps as the grid has."""
    step = max(-(-largest // STEPS), 1)
    magnitude = 1
    while magnitude * 100 < step * 10:
        magnitude *= 10
    candidates = [factor * magnitude // 10 for factor in _ROUND if factor * magnitude % 10 == 0]
    return STEPS * next(candidate for candidate in candidates if candidate >= step)


def draw_bars(values: Values, top: int) -> str:
    """Return bars from the ground up, one path for them all."""
    count = max(len(values), 1)
    path = ""
    for place, value in enumerate(values):
        height = _scale(value, top)
        if height:
            left, right = (WIDTH * (10 * place + inset) // (10 * count) for inset in (2, 8))
            path += f"M{left} {HEIGHT}V{HEIGHT - height}H{right}V{HEIGHT}Z"
    return path


def draw_line(values: Values, top: int) -> str:
    """Return a line through the middles of the days, with a gap where a value is missing, a stroke for a lone one."""
    count = max(len(values), 1)
    path, is_open = "", False
    for place, value in enumerate(values):
        if value is not None:
            x = WIDTH * (2 * place + 1) // (2 * count)
            at = f"{x} {HEIGHT - _scale(value, top)}"
            path += f"L{at}" if is_open else f"M{at}h1"
        is_open = value is not None
    return path


def _scale(value: int | None, top: int) -> int:
    if value is None or value <= 0:
        return 0
    # What is there at all is seen.
    return max(HEIGHT * value // top, 1)
