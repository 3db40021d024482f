"""All that terms say is told by sections, and no part of them is left out."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from app.engine.rules.terms import Campaign, Limits, RateRule, Scope, Terms
from app.engine.rules.terms_diff import document_name
from app.engine.rules.terms_told import SECTIONS, tell_terms

from .made import LADDER, make_terms

UTC_ZONE = ZoneInfo("UTC")


def told(terms: Terms, section: str) -> list[str]:
    return [f"{part.what}: {part.value}" for part in tell_terms(terms, UTC_ZONE)[section]]


def test_every_part_of_the_terms_is_in_one_section() -> None:
    listed = [path for paths in SECTIONS.values() for path in paths]
    assert sorted(listed) == sorted(
        document_name(field.name) for field in fields(Terms) if field.name not in ("version", "currency")
    )


def test_what_is_set_is_told_and_what_is_not_is_left_out() -> None:
    base = make_terms(*LADDER)
    assert told(base, "limits") == ["What goes back makes room again: yes"]
    assert told(replace(base, limits=Limits(day_minor=250, gives_back=False)), "limits") == [
        "Limit per day: 2.50 USD",
        "What goes back makes room again: no",
    ]
    excluding = replace(base, excluded_tags=frozenset({"staff", "press"}))
    assert told(excluding, "exclusions")[-1] == "Excluded tags: 'press', 'staff'"
    assert told(base, "release") == ["Release: at once"]
    assert told(base, "expiry") == []


def test_rows_are_told_by_their_names() -> None:
    sale = Campaign("Sale", datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC), rate_bps=900)
    mugs = RateRule("Mugs", 800, Scope(vendors=frozenset({"Kiln"})))
    assert told(replace(make_terms(*LADDER), rates=(mugs,), campaigns=(sale,)), "rates") == [
        "Rate 'Mugs': cashback 8 %, goods vendors 'Kiln'",
        "Campaign 'Sale': begins 2026-11-27 00:00 UTC, ends 2026-11-28 00:00 UTC, cashback 9 %",
        "When several rates apply: the highest counts",
    ]
