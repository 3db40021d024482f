"""Every row of the tables in app/engine/README.md is true."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.engine.rules import money
from app.engine.rules.explain import sentence
from app.engine.rules.facts import SpendEvent
from app.engine.rules.reward import Target, compute_target
from app.engine.rules.steps_rates import LineRate, TierRate
from app.engine.rules.terms import Terms, Tier, TierMethod
from app.engine.rules.tiers import compute_spend_events, spend_in_force, tier_for
from app.engine.rules.valid_terms import validate_terms

from .made import day, make_terms
from .table_cells import NOTHING, parse_rate
from .tables import Example, Row, parse_example, read_tables, tables_with

#: The sections about what one order earns; every table with a column ``example`` in them is run here.
SECTIONS = (
    "Lines and discounts",
    "Tax",
    "Before discounts",
    "Shipping",
    "What does not earn",
    "Paid with credit",
    "Minimum order",
    "Rates",
    "Amount and rounding",
    "Cap per order",
    "An amount set by hand",
    "Limits",
    "Taking back",
)
EXAMPLES = [row for rows in read_tables(*SECTIONS) if "example" in rows[0] for row in rows]
SEQUENCES = list(tables_with("what happens to one order"))
(TIERS,) = tables_with("tier", "from", "rate")
(STORY,) = tables_with("what one customer does", "tier")
(SAID,) = tables_with("said of one order")
(SPLITS,) = tables_with("split")
INPUTS = {
    "example", "order", "goods", "rate", "own rates", "campaign", "precedence", "terms", "set by hand", "limits",
    "afterwards",
}  # fmt: skip
RESULTS = {
    "eligible": "eligible_minor",
    "calculated": "calculated_minor",
    "granted": "granted_minor",
    "kept eligible": "kept_eligible_minor",
    "kept": "kept_minor",
}


def minor(text: str, currency: str = "USD") -> int:
    return money.to_minor(text, currency)


def test_every_table_of_the_page_is_run_by_a_test() -> None:
    assert len(EXAMPLES) >= 160
    here = [rows for rows in read_tables(*SECTIONS) if "example" in rows[0]]
    here += [*SEQUENCES, SAID, TIERS, STORY, SPLITS]
    others = [path for path in sorted(Path(__file__).parents[1].rglob("test_*.py")) if path != Path(__file__)]
    readers = [
        text
        for text in (path.read_text(encoding="utf-8") for path in others)
        if "from tests.rules.tables" in text or "from .tables" in text
    ]
    for rows in read_tables():
        read_elsewhere = any(f'"{column}"' in text for text in readers for column in rows[0])
        assert rows in here or read_elsewhere, f"no test reads the table of {list(rows[0])}"


@pytest.mark.parametrize("row", EXAMPLES, ids=lambda row: row["example"])
def test_an_order_is_granted_what_its_row_says(row: Row) -> None:
    assert set(row) <= INPUTS | set(RESULTS) | {"line rates", "cut by", "why nothing"}
    example = parse_example(row)
    assert validate_terms(example.terms) == []
    happenings = row.get("afterwards", NOTHING)
    for number, text in enumerate([] if happenings == NOTHING else happenings.split("; "), start=1):
        example.happen(text, number)
    target = example.target()
    computed = {
        column: money.to_decimal_string(getattr(target, name), example.terms.currency)
        for column, name in RESULTS.items()
        if column in row
    }
    assert computed == {column: row[column] for column in computed}
    reason = NOTHING if target.ineligible is None else target.ineligible.replace("_", " ")
    assert reason == row.get("why nothing", NOTHING)
    assert (target.cut_by or NOTHING) == row.get("cut by", NOTHING)
    assert row.get("line rates", rates_of(target, len(example.order.lines))) == rates_of(
        target, len(example.order.lines)
    )


def rates_of(target: Target, lines: int) -> str:
    """Return the rates that the explanation tells: a line's own, or the tier's for all."""
    told = [step.rate_bps for step in target.steps if isinstance(step, LineRate)]
    tier = [step.rate_bps for step in target.steps if isinstance(step, TierRate)]
    return ", ".join(money.rate_text(rate) for rate in told or tier * lines)


@pytest.mark.parametrize("rows", SEQUENCES, ids=lambda rows: rows[0]["what happens to one order"])
def test_a_row_of_refunds_goes_as_its_table_says(rows: list[Row]) -> None:
    ordered = rows[0]["what happens to one order"].removeprefix("ordered: ")
    order, rate = ordered.split(" at ")
    example = parse_example({"order": order, "rate": rate})
    kept_before = example.target().granted_minor
    for number, row in enumerate(rows):
        if number:
            example.happen(row["what happens to one order"], number)
        target = example.target()
        assert minor(row["kept eligible"]) == target.kept_eligible_minor, row
        assert minor(row["kept"]) == target.kept_minor, row
        assert minor(row["goes back now"]) == kept_before - target.kept_minor, row
        kept_before = target.kept_minor
    assert kept_before == 0


def test_an_order_is_explained_in_the_sentences_of_its_table() -> None:
    told, *sentences = [row["said of one order"] for row in SAID]
    row = dict(cell.split(": ") for cell in told.split("; "))
    example = parse_example(row)
    example.happen(row["afterwards"], 1)
    assert [sentence(step, "USD") for step in example.target().steps] == sentences


def test_the_customers_story_climbs_and_falls_through_the_tiers() -> None:
    tiers = tuple(Tier(row["tier"], minor(row["from"]), parse_rate(row["rate"])) for row in TIERS)
    terms = make_terms(*tiers)
    assert validate_terms(terms) == []
    orders: dict[str, Example] = {}
    frozen: dict[str, Tier] = {}
    for row in STORY:
        on_day = int(row["day"])
        spend = spend_in_force(_all_events(orders), TierMethod.LIFETIME, day(on_day), ZoneInfo("UTC"))
        assert spend == minor(row["spend before"]), row
        name, happening = row["what one customer does"].removeprefix("orders ").split(": ")
        if name not in orders:
            cells = {"order": happening, "rate": "0 %"}
            orders[name] = parse_example(cells, order_id=len(orders) + 1, on_day=on_day)
            frozen[name] = tier_for(spend, terms.tiers)
        else:
            orders[name].happen(happening, on_day)
        assert frozen[name].name == row["tier"], row
        assert _kept_minor(orders[name], terms, frozen[name]) == minor(row["kept"]), row


def _all_events(orders: dict[str, Example]) -> list[SpendEvent]:
    return [event for one in orders.values() for event in compute_spend_events(one.order, one.refunds)]


def _kept_minor(example: Example, terms: Terms, tier: Tier) -> int:
    return compute_target(example.order, example.refunds, terms, tier).kept_minor


@pytest.mark.parametrize("row", SPLITS, ids=lambda row: f"{row['split']} over {row['over']}")
def test_an_amount_is_split_as_its_row_says(row: Row) -> None:
    weights = [int(weight) for weight in row["over"].split(", ")]
    assert money.allocate(minor(row["split"]), weights) == [minor(part) for part in row["parts"].split(", ")]
