"""The tables of app/engine/README.md about tiers are true."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.engine.rules import money
from app.engine.rules.facts import SpendEvent, TierAssignment, TierSource
from app.engine.rules.terms import Evaluation, Terms, TierMethod
from app.engine.rules.tiers import Standing, compute_standing

from .made import LADDER, make_terms
from .tables import NOTHING, Row, tables_with

BERLIN = ZoneInfo("Europe/Berlin")
(SPENT,) = tables_with("what was spent")
(GIVEN,) = tables_with("given by hand or bought")
EVENT = re.compile(r"(?P<back>back on )?(?P<day>[\d-]{10})(?: (?P<hour>\d\d:\d\d))? (?P<amount>[\d.]+)")


def instant(text: str) -> datetime:
    """Return a moment of the shop's clock; noon where no hour is named."""
    return datetime.fromisoformat(text if " " in text else f"{text} 12:00").replace(tzinfo=BERLIN).astimezone(UTC)


def parse_events(text: str) -> list[SpendEvent]:
    events: list[SpendEvent] = []
    for part in text.split(", "):
        match = EVENT.fullmatch(part)
        assert match, f"the page says {part!r}, which nobody understands"
        at = instant(f"{match['day']} {match['hour'] or '12:00'}")
        amount_minor = money.to_minor(match["amount"], "USD")
        # What goes back is of the first order.
        placed_at, sign = (events[0].placed_at, -1) if match["back"] else (at, 1)
        events.append(SpendEvent(at, sign * amount_minor, 1, placed_at))
    return events


def parse_terms(text: str) -> tuple[Terms, list[datetime]]:
    method, *more = text.split(", ")
    changes: dict[str, object] = {"tier_method": TierMethod(method.replace(" ", "_"))}
    asked = []
    for word in more:
        if word.startswith("asked on "):
            asked.append(instant(word.removeprefix("asked on ")))
        elif word.startswith("grace "):
            changes["tier_grace_days"] = int(word.split()[1])
        else:
            changes["tier_evaluation"] = Evaluation(word.replace(" ", "_"))
    return make_terms(*LADDER, **changes), asked


def parse_given(text: str, at: datetime) -> list[TierAssignment]:
    ways = {"by hand": {}, "locked": {"is_locked": True}, "bought": {"source": TierSource.PAID}}
    given = []
    for part in [] if text == NOTHING else text.split(", "):
        tier, way = part.split(" ", 1)
        given.append(TierAssignment(tier, at, **ways[way]))
    return given


@pytest.mark.parametrize("row", SPENT, ids=lambda row: f"{row['what was spent']} {row['terms']} {row['looked at']}")
def test_what_was_spent_reaches_the_tier_its_row_says(row: Row) -> None:
    terms, asked = parse_terms(row["terms"])
    events = parse_events(row["what was spent"])
    standing = compute_standing(events, terms, instant(row["looked at"]), BERLIN, evaluations=asked)
    assert money.to_decimal_string(standing.spend_minor, "USD") == row["spend"]
    assert standing.tier.name == row["tier"]


@pytest.mark.parametrize("row", GIVEN, ids=lambda row: f"{row['given by hand or bought']} with {row['spend']}")
@pytest.mark.parametrize("turned", [False, True], ids=["", "turned round"])
def test_what_was_given_wins_or_not_as_its_row_says(row: Row, turned: bool) -> None:
    at = instant("2026-03-10")
    spend_minor = money.to_minor(row["spend"], "USD")
    events = [SpendEvent(at - timedelta(days=1), spend_minor, 1, at - timedelta(days=1))]
    given = parse_given(row["given by hand or bought"], at)
    standing = compute_standing(events, make_terms(*LADDER), at, BERLIN, assignments=given[::-1] if turned else given)
    tier = next(tier for tier in LADDER if tier.name == row["tier"])
    assert standing == Standing(tier, spend_minor, TierSource(row["by"]))
