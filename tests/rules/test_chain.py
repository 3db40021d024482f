"""A digest covers all of an entry and what came before; no two different entries are ever the same text."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules.chain import NO_DIGEST, Link, canonical_text, compute_digest
from app.engine.rules.postings import Account, EntryKind, Posting

OCCURRED = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
POSTINGS = (Posting(Account.AVAILABLE, Account.PROMISED, 300), Posting(Account.OWED, Account.PROMISED, 50))
LINK = Link(
    shop_id=3,
    customer_id=7,
    position=12,
    key="clawback:order:9007199254740993:2",
    kind=EntryKind.CLAWBACK,
    currency="USD",
    occurred_at=OCCURRED,
    recorded_at=OCCURRED + timedelta(seconds=1, microseconds=5),
    actor="system",
    postings=POSTINGS,
    reward_id=41,
)
#: For each field of a link, another value.
CHANGES: dict[str, Any] = {
    "shop_id": 4,
    "customer_id": 8,
    "position": 13,
    "key": "clawback:order:9007199254740993:3",
    "kind": EntryKind.VOID,
    "currency": "EUR",
    "occurred_at": OCCURRED + timedelta(microseconds=1),
    "recorded_at": OCCURRED,
    "actor": "staff:7",
    "postings": POSTINGS[::-1],
    "reward_id": None,
    "adjustment_id": 41,
    "move_id": 41,
}

texts = st.text("0123456789|:,>a\n é🎁", max_size=12)
numbers = st.integers(1, 99)
links = st.builds(
    Link,
    shop_id=numbers,
    customer_id=numbers,
    position=numbers,
    key=texts,
    kind=st.sampled_from(EntryKind),
    currency=st.sampled_from(["USD", "JPY"]),
    occurred_at=st.integers(-3, 3).map(
        lambda number: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)
    ),
    recorded_at=st.just(OCCURRED),
    actor=texts,
    postings=st.lists(st.sampled_from(POSTINGS), min_size=1, max_size=3).map(tuple),
    reward_id=st.none() | numbers,
    adjustment_id=st.none() | numbers,
    move_id=st.none() | numbers,
)


def test_an_entry_is_digested_as_this_text_for_ever() -> None:
    text = (
        "1|3|7|12|33:clawback:order:9007199254740993:2|clawback|USD|1772355600000000|1772355601000005|6:system|41|||"
        "customer:available>program:promised:300,customer:owed>program:promised:50"
    )
    assert canonical_text(LINK) == text
    assert compute_digest(NO_DIGEST, LINK) == sha256(text.encode()).digest()
    before = bytes(range(32))
    assert compute_digest(before, LINK) == sha256(before + text.encode()).digest()


def test_an_entry_of_no_reward_is_digested_as_this_text_for_ever() -> None:
    by_hand, moved = (replace(LINK, reward_id=None, **{name: 9}) for name in ("adjustment_id", "move_id"))
    assert "|6:system||9||customer" in canonical_text(by_hand)
    assert "|6:system|||9|customer" in canonical_text(moved)


def test_every_field_of_an_entry_is_covered() -> None:
    assert set(CHANGES) == {field.name for field in fields(Link)}


@pytest.mark.parametrize("name", CHANGES)
def test_another_value_of_a_field_is_another_digest(name: str) -> None:
    assert compute_digest(NO_DIGEST, replace(LINK, **{name: CHANGES[name]})) != compute_digest(NO_DIGEST, LINK)


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: (replace(rows[0], amount_minor=301), rows[1]),
        lambda rows: (replace(rows[0], source=Account.PENDING), rows[1]),
        lambda rows: (replace(rows[0], destination=Account.EXPIRED), rows[1]),
        lambda rows: rows[:1],
        lambda rows: (*rows, rows[0]),
    ],
    ids=["amount", "source", "destination", "one less", "one more"],
)
def test_every_part_of_a_posting_is_covered(change: Callable[[tuple[Posting, ...]], tuple[Posting, ...]]) -> None:
    changed = replace(LINK, postings=change(POSTINGS))
    assert compute_digest(NO_DIGEST, changed) != compute_digest(NO_DIGEST, LINK)


def test_another_digest_before_is_another_digest() -> None:
    assert compute_digest(b"\x01" * 32, LINK) != compute_digest(b"\x02" * 32, LINK)


def test_an_instant_counts_and_not_how_it_was_written() -> None:
    elsewhere = OCCURRED.astimezone(timezone(timedelta(hours=9)))
    assert canonical_text(replace(LINK, occurred_at=elsewhere)) == canonical_text(LINK)


def test_instants_from_before_1970_are_exact_too() -> None:
    early = replace(LINK, occurred_at=datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
    assert "|USD|-1|" in canonical_text(early)


@given(links, links)
def test_two_different_entries_never_have_the_same_text(one: Link, other: Link) -> None:
    assert (canonical_text(one) == canonical_text(other)) == (one == other)


@given(links, texts, texts)
def test_what_people_write_cannot_pass_for_another_field(link: Link, key: str, actor: str) -> None:
    changed = replace(link, key=key, actor=actor)
    assert (canonical_text(changed) == canonical_text(link)) == ((key, actor) == (link.key, link.actor))
