"""The tables of app/engine/README.md about terms are true."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.engine.rules.terms import Campaign, Scope
from app.engine.rules.terms_versions import VersionState, find_in_force, tell_states
from app.engine.rules.valid_terms import validate_terms
from app.terms_document import BadDocument, flatten, load

from .made import day, make_terms
from .tables import NOTHING, Row, tables_with

(VERSIONS,) = tables_with("version of the terms")
(LOOKS,) = tables_with("looked at on day")
(DOCUMENTS,) = tables_with("a document that says")
(TOGETHER,) = tables_with("one campaign is for")
KINDS = {
    "products": "product_ids",
    "variants": "variant_ids",
    "collections": "collection_ids",
    "vendors": "vendors",
    "product types": "product_types",
    "product tags": "product_tags",
    "skus": "skus",
}


@pytest.mark.parametrize("row", LOOKS, ids=lambda row: f"day {row['looked at on day']}")
def test_versions_stand_as_their_row_says(row: Row) -> None:
    on = int(row["looked at on day"])
    published = [version for version in VERSIONS if int(version["published on day"]) <= on]
    begins = {int(one["version of the terms"]): day(int(one["begins on day"])) for one in published}
    states = tell_states(begins, day(on))
    for state in VersionState:
        numbers = [str(number) for number, found in states.items() if found is state]
        assert row[state.value.replace("_", " ")] == (", ".join(numbers) or NOTHING), state


def test_before_the_first_version_begins_none_is_in_force() -> None:
    assert find_in_force({}, day(0)) is find_in_force({1: day(1)}, day(0)) is None
    assert find_in_force({1: day(1), 2: day(1)}, day(1)) == 2


@pytest.mark.parametrize("row", DOCUMENTS, ids=lambda row: row["a document that says"])
def test_a_document_is_answered_as_its_row_says(row: Row) -> None:
    said: dict[str, Any] = json.loads(row["a document that says"].strip("`"))
    document = {"tiers": [{"name": "Everyone", "threshold": "0", "rate": "2"}], **said}
    answers = []
    try:
        load(document, "USD")
    except BadDocument as error:
        answers = [f"{where}: {sentence}" for where, sentence in flatten(error.errors)]
    assert (", ".join(answers) or NOTHING) == row["is answered"]


@pytest.mark.parametrize("row", TOGETHER, ids=lambda row: " and ".join(row.values()))
def test_campaigns_of_one_time_go_together_as_their_row_says(row: Row) -> None:
    pair = [
        Campaign(name, datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC), 500, None, scope)
        for name, scope in (
            ("One", parse_scope(row["one campaign is for"])),
            ("Two", parse_scope(row["another at that time is for"])),
        )
    ]
    problems = validate_terms(make_terms(campaigns=tuple(pair)))
    assert ("refused" if problems else "published") == row["both"]


def parse_scope(text: str) -> Scope:
    """Return the goods that a cell names: "products 5, 6", or everything."""
    if text == "everything":
        return Scope()
    kind = next(kind for kind in KINDS if text.startswith(f"{kind} "))
    words = text.removeprefix(f"{kind} ").split(", ")
    return Scope(**{KINDS[kind]: frozenset(int(word) if word.isdecimal() else word for word in words)})
