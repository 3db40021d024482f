"""Versions of the terms: scheduled from a moment on, superseded, listed, and published by two people at once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from app.engine.flows import terms
from app.engine.programme import Programme
from app.engine.rules.terms import Terms
from app.engine.rules.terms_versions import find_in_force
from app.errors import Broken, NotFound, Refused
from app.models import Shop
from tests.flows.builders import BEN, STAFF, Till, all_rows, day, order, refund_of
from tests.flows.test_parallel import Workers


def current(shop: Till, on: int) -> Terms:
    """Return the terms in force on a day, found in two ways."""

    def look(session: Session, row: Shop) -> Terms:
        found = terms.get_current(session, row.id, day(on))
        assert Programme(session, row).at(day(on)) == found
        return found

    return shop.run(look)


def schedule(shop: Till, at: int, begins: int, **changes: Any) -> Terms:
    """On day ``at``, publish the terms of then with some changes for day ``begins``, as two clicks do."""
    wanted = replace(current(shop, at), **changes)

    def flow(session: Session, row: Shop, now: datetime) -> Terms:
        return terms.publish(session, row.id, wanted, STAFF, now, day(begins))

    return shop.twice(flow, day(at))


def states(shop: Till, on: int) -> list[tuple[int, str]]:
    """Return the versions and how they stand on a day, newest first."""
    listed = shop.run(lambda session, row: terms.list_versions(session, row.id, day(on)))
    return [(version.number, version.state.value) for version in listed]


def test_scheduled_terms_take_over_at_their_moment(shop: Till) -> None:
    assert schedule(shop, 1, 5, claim_days=30).version == 2
    assert [current(shop, on).version for on in (1, 4, 5, 6)] == [1, 1, 2, 2]
    assert states(shop, 1) == [(2, "scheduled"), (1, "in_force")]
    assert states(shop, 5) == [(2, "in_force"), (1, "past")]


def test_orders_earn_by_what_was_in_force_when_they_were_placed(shop: Till) -> None:
    schedule(shop, 1, 5, cap_per_order_minor=50)
    before, after = order(1, on=4), order(2, on=5, customer=BEN)
    shop.tell(after, before, on=6)
    assert [(shop.reward(one).terms_version, shop.kept(one)) for one in (before, after)] == [(1, 200), (2, 50)]
    shop.pay_back(refund_of(before, units=1, on=8))
    assert shop.reward(before).terms_version == 1


def test_what_is_published_for_an_earlier_moment_leaves_the_schedule_alone(shop: Till) -> None:
    schedule(shop, 1, 9, claim_days=30)
    schedule(shop, 2, 5, claim_days=10)
    shop.publish(on=3, claim_days=60)
    assert [current(shop, on).claim_days for on in (2, 3, 5, 9)] == [90, 60, 10, 30]
    assert states(shop, 3) == [(4, "in_force"), (3, "scheduled"), (2, "scheduled"), (1, "past")]
    assert states(shop, 9) == [(4, "past"), (3, "past"), (2, "in_force"), (1, "past")]


def test_a_schedule_is_called_off_by_publishing_for_the_same_moment(shop: Till) -> None:
    schedule(shop, 1, 9, claim_days=30)
    schedule(shop, 2, 9, claim_days=90, tier_grace_days=1)
    assert states(shop, 2) == [(3, "scheduled"), (2, "replaced"), (1, "in_force")]
    assert states(shop, 9) == [(3, "in_force"), (2, "replaced"), (1, "past")]
    assert (current(shop, 9).claim_days, current(shop, 9).version) == (90, 3)


def test_publishing_what_is_in_force_anyway_makes_no_version(shop: Till) -> None:
    schedule(shop, 1, 9, claim_days=30)
    rows = all_rows()
    assert schedule(shop, 2, 5).version == 1
    assert schedule(shop, 2, 10, claim_days=30).version == 2
    shop.publish(on=3)
    assert all_rows() == rows


@pytest.mark.parametrize(
    ("begins", "sentence"),
    [
        (day(1, -1), "cannot begin in the past"),
        (day(-5), "cannot begin in the past"),
        (day(5).replace(tzinfo=None), "with its time zone"),
        (datetime(2200, 1, 1, tzinfo=UTC), "before the year 2200"),
    ],
)
def test_a_moment_that_cannot_be_is_refused(shop: Till, begins: datetime, sentence: str) -> None:
    wanted = replace(current(shop, 1), claim_days=5)
    rows = all_rows()
    with pytest.raises(Refused, match=sentence):
        shop.run(lambda session, row: terms.publish(session, row.id, wanted, STAFF, day(1), begins))
    assert all_rows() == rows


def test_a_moment_may_be_said_in_any_time_zone(shop: Till) -> None:
    begins = day(5).astimezone(timezone(timedelta(hours=9)))
    wanted = replace(current(shop, 1), claim_days=5)
    shop.run(lambda session, row: terms.publish(session, row.id, wanted, STAFF, day(1), begins))
    assert [current(shop, on).claim_days for on in (4, 5)] == [90, 5]


def test_one_version_can_be_read_by_its_number(shop: Till) -> None:
    published = schedule(shop, 1, 9, claim_days=30)
    assert shop.run(lambda session, row: terms.get_version(session, row.id, 2)) == published
    with pytest.raises(NotFound, match="no version 3"):
        shop.run(lambda session, row: terms.get_version(session, row.id, 3))


def test_an_order_older_than_everything_earns_by_what_came_first(shop: Till) -> None:
    shop.run(
        lambda session, row: terms.publish(
            session, row.id, replace(terms.get_current(session, row.id, day(0)), claim_days=1), STAFF, day(-30)
        )
    )
    first = shop.run(lambda session, row: Programme(session, row).at(day(-999)))
    assert (first.version, first.claim_days) == (2, 1)


def test_orders_of_a_shop_without_terms_are_broken_with_a_sentence(shop: Till) -> None:
    def flow(session: Session, _row: Shop) -> Programme:
        bare = Shop(domain="bare.myshopify.com", name="Bare", currency="USD", installed_at=day(0))
        session.add(bare)
        session.flush()
        return Programme(session, bare)

    with pytest.raises(Broken, match="has no terms yet; open the app once"):
        shop.run(flow)


def publisher(seen_version: int | None, claim_days: int) -> Callable[[Session, Shop], object]:
    """Return a flow that publishes from the default terms, having seen a version."""

    def flow(session: Session, row: Shop) -> Terms:
        wanted = replace(terms.get_version(session, row.id, 1), claim_days=claim_days)
        return terms.publish(session, row.id, wanted, STAFF, day(2), seen_version=seen_version)

    return flow


def test_of_two_people_who_publish_at_once_the_later_sees_the_other(app: Flask, shop: Till) -> None:
    workers = Workers(app, shop)
    ends = workers.at_once(publisher(1, 10), publisher(1, 20))
    workers.end()
    assert [type(end) for end in ends if end] == [terms.Overtaken]
    assert states(shop, 2) == [(2, "in_force"), (1, "past")]


def test_two_who_have_looked_at_nothing_publish_one_after_the_other(app: Flask, shop: Till) -> None:
    workers = Workers(app, shop)
    assert workers.at_once(publisher(None, 10), publisher(None, 20)) == [None, None]
    workers.end()
    assert states(shop, 2) == [(3, "in_force"), (2, "replaced"), (1, "past")]


def test_before_the_first_version_none_is_in_force() -> None:
    assert find_in_force({1: day(3)}, day(2)) is None
    assert find_in_force({2: day(3), 3: day(1), 1: day(3)}, day(3)) == 2
