"""Terms are published as numbered versions and never edited; bad ones are refused with sentences."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from app.engine.flows import terms
from app.engine.rules.terms import Expiry, Limits, Terms, Tier
from app.errors import NotFound, Refused
from app.models import AuditEvent, Shop
from tests.flows.builders import STAFF, Till, all_rows, day, order, reading


def current(shop: Till, on: int = 0) -> Terms:
    """Return the terms in force on a day."""
    return shop.run(lambda session, row: terms.get_current(session, row.id, day(on)))


@pytest.mark.parametrize(("currency", "thresholds"), [
    ("USD", (0, 50_000, 150_000)),
    ("JPY", (0, 500, 1_500)),
    ("KWD", (0, 500_000, 1_500_000)),
])  # fmt: skip
def test_the_first_terms_have_three_tiers_in_the_units_of_the_shops_currency(
    app: Flask, currency: str, thresholds: tuple[int, ...]
) -> None:
    with app.app_context():
        first = current(Till("made-up.myshopify.com", currency))
    assert tuple(tier.threshold_minor for tier in first.tiers) == thresholds
    assert [(tier.name, tier.rate_bps) for tier in first.tiers] == [("Bronze", 200), ("Silver", 400), ("Gold", 600)]
    assert (first.version, first.currency, first.minimum_order_minor) == (1, currency, 0)
    assert (first.cap_per_order_minor, first.hold_above_minor) == (None, None)


def test_the_first_terms_are_published_once(shop: Till) -> None:
    shop.twice(lambda session, row, now: terms.publish_default(session, row, "system", now), day(0))
    assert current(shop).version == 1


def test_versions_count_up_and_hold_from_their_moment_on(shop: Till) -> None:
    shop.publish(on=1, cap_per_order_minor=500)
    shop.publish(on=3, cap_per_order_minor=700)
    assert [(current(shop, on).version, current(shop, on).cap_per_order_minor) for on in (0, 1, 2, 3, 9)] == [
        (1, None), (2, 500), (2, 500), (3, 700), (3, 700),
    ]  # fmt: skip


def test_the_number_given_is_replaced_by_the_next_one(shop: Till) -> None:
    wanted = replace(current(shop), version=77, claim_days=5)
    published = shop.run(lambda session, row: terms.publish(session, row.id, wanted, STAFF, day(1)))
    assert published.version == 2


def test_what_was_published_comes_back_as_it_was(shop: Till) -> None:
    changes = {
        "tiers": (Tier("Alle", 0, 125), Tier("Stammgäste ★", 1, 10_000)),
        "excluded_product_ids": frozenset({2**60, 5}),
        "excluded_tags": frozenset({"Großhandel", "staff"}),
        "hold_above_minor": 0,
        "cap_per_order_minor": 1,
        "minimum_order_minor": 12_345,
    }
    before = current(shop)
    shop.publish(on=1, **changes)
    assert current(shop, 1) == replace(before, version=2, **changes)


def test_publishing_is_on_the_trail_with_the_whole_terms(shop: Till) -> None:
    shop.publish(on=1, cap_per_order_minor=500)
    with reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.actor == STAFF)).one()
        assert (event.action, event.subject, event.subject_id) == ("publish_terms", "terms", 2)
        assert event.before == {"version": 1}
        assert event.after["cap_per_order_minor"] == 500
        assert event.after["effective_from"] == day(1).isoformat()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tiers": ()}, "at least one tier"),
        ({"tiers": (Tier("", 0, 100),)}, "needs a name"),
        ({"tiers": (Tier("A", 0, 100), Tier(" a", 5, 200))}, "same name"),
        ({"tiers": (Tier("A", 1, 100),)}, "must start at 0"),
        ({"tiers": (Tier("A", 0, 100), Tier("B", 0, 200))}, "must rise"),
        ({"tiers": (Tier("A", 0, 10_001),)}, "between 0 % and 100 %"),
        ({"tiers": (Tier("A", 0, -1),)}, "between 0 % and 100 %"),
        ({"minimum_order_minor": -1}, "must not be negative"),
        ({"cap_per_order_minor": 0}, "above zero"),
        ({"hold_above_minor": -1}, "must not be negative"),
        ({"excluded_tags": frozenset({" "})}, "must not be blank"),
        ({"excluded_product_ids": frozenset({0})}, "positive number"),
        ({"currency": "EUR"}, "shop's currency, USD"),
    ],
)
def test_bad_terms_are_refused_with_a_sentence_and_nothing_is_stored(
    shop: Till, changes: dict[str, object], sentence: str
) -> None:
    rows = all_rows()
    with pytest.raises(Refused, match=sentence):
        shop.publish(on=1, **changes)
    assert all_rows() == rows


def test_all_that_is_wrong_is_said_at_once(shop: Till) -> None:
    with pytest.raises(Refused) as refused:
        shop.publish(on=1, minimum_order_minor=-1, cap_per_order_minor=-1)
    assert "minimum order" in str(refused.value)
    assert "cap per order" in str(refused.value)


def test_what_is_wrong_is_named_where_it_stands(shop: Till) -> None:
    with pytest.raises(terms.BadTerms) as refused:
        shop.publish(on=1, limits=Limits(day_minor=0))
    assert [problem.where for problem in refused.value.problems] == [("limits", "day")]


def test_a_tier_that_somebody_has_is_not_left_out(shop: Till) -> None:
    shop.tell(order(1))
    rows = all_rows()
    with pytest.raises(terms.BadTerms, match="The tier 'Bronze' cannot be left out while it is in use") as refused:
        shop.publish(on=11, tiers=(Tier("Everyone", 0, 200),))
    assert [problem.where for problem in refused.value.problems] == [("tiers",)]
    assert all_rows() == rows
    shop.publish(on=11, tiers=(Tier("Bronze", 0, 300),))
    assert current(shop, 11).tiers == (Tier("Bronze", 0, 300),)


def test_terms_whose_credit_would_be_expired_at_once_are_refused(shop: Till) -> None:
    shop.publish(on=0, expiry=Expiry(on=day(5).date()))
    with pytest.raises(Refused, match="which is over when these terms begin"):
        shop.publish(on=6, claim_days=5)
    shop.publish(on=6, claim_days=5, expiry=Expiry(on=day(6).date()))
    assert current(shop, 6).claim_days == 5


def test_a_shop_without_terms_says_what_to_do(shop: Till) -> None:
    with reading() as session:
        bare = Shop(domain="bare.myshopify.com", name="Bare", currency="USD", installed_at=day(0))
        session.add(bare)
        session.flush()
        bare_id = bare.id
    with pytest.raises(NotFound, match="open the app once"):
        shop.run(lambda session, _: terms.get_current(session, bare_id, day(9)))
    with pytest.raises(NotFound):
        shop.run(lambda session, _: terms.publish(session, 999, current(shop), "cli", day(9)))


def test_terms_that_are_not_in_force_yet_are_not_current(shop: Till) -> None:
    with pytest.raises(NotFound):
        current(shop, -31)
