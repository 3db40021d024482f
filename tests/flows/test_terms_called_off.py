"""A scheduled version of the terms is called off by publishing, for its moment, what holds until then."""

from dataclasses import replace

import pytest

from app.engine.flows import terms
from app.engine.rules.terms_versions import VersionState
from app.errors import Refused
from tests.flows.builders import STAFF, Till, all_rows, day


def schedule(shop: Till, on: int, days: int) -> int:
    """Publish other days to claim for a day to come, and return the version's number."""

    def act(session: object, row: object) -> int:
        wanted = replace(terms.get_current(session, row.id, day(0)), claim_days=days)  # type: ignore[arg-type, attr-defined]
        return terms.publish(session, row.id, wanted, STAFF, day(0), day(on)).version  # type: ignore[arg-type, attr-defined]

    return int(shop.run(act))


def call_off(shop: Till, number: int, seen: int, now: int = 0) -> int:
    run = shop.run(lambda session, row: terms.call_off(session, row.id, number, STAFF, day(now), seen_version=seen))
    return int(run.version)


def states(shop: Till, on: int) -> dict[int, VersionState]:
    listed = shop.run(lambda session, row: terms.list_versions(session, row.id, day(on)))
    return {one.number: one.state for one in listed}


def claim_days(shop: Till, on: int) -> int:
    return int(shop.run(lambda session, row: terms.get_current(session, row.id, day(on))).claim_days)


def test_a_version_that_is_called_off_never_holds(shop: Till) -> None:
    schedule(shop, 5, days=10)
    assert claim_days(shop, 6) == 10
    assert call_off(shop, 2, seen=2) == 3
    assert (claim_days(shop, 6), states(shop, 1)[2]) == (90, VersionState.REPLACED)


def test_what_is_scheduled_before_it_goes_on_holding(shop: Till) -> None:
    schedule(shop, 5, days=10)
    schedule(shop, 8, days=20)
    call_off(shop, 3, seen=3)
    assert [claim_days(shop, on) for on in (4, 5, 9)] == [90, 10, 10]


def test_it_is_called_off_once(shop: Till) -> None:
    schedule(shop, 5, days=10)
    call_off(shop, 2, seen=2)
    before = all_rows()
    with pytest.raises(Refused, match="Version 2 is not scheduled any more"):
        call_off(shop, 2, seen=3)
    assert all_rows() == before


def test_whoever_looked_before_another_version_came_is_told_so(shop: Till) -> None:
    schedule(shop, 5, days=10)
    schedule(shop, 8, days=20)
    before = all_rows()
    with pytest.raises(terms.Overtaken):
        call_off(shop, 2, seen=2)
    assert all_rows() == before


@pytest.mark.parametrize("number", [1, 9])
def test_what_holds_or_is_not_there_cannot_be_called_off(shop: Till, number: int) -> None:
    schedule(shop, 5, days=10)
    with pytest.raises(Refused, match=f"Version {number} is not scheduled"):
        call_off(shop, number, seen=2)


def test_the_first_version_of_all_cannot_be_called_off(shop: Till) -> None:
    with pytest.raises(Refused, match="Nothing holds before this version"):
        call_off(shop, 1, seen=1, now=-400)
