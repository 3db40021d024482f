"""An import's row: what workers write into it, also those who come too late."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from app.db import db
from app.engine.flows import history, import_steps, imports, missing, program
from app.engine.flows.import_steps import Claim
from app.models import HistoryImport, ImportState, Shop, Window
from tests.flows.builders import STAFF, Till, all_rows, day, line, order, reading

S = ImportState


@pytest.fixture
def young(app: Flask) -> Iterator[Till]:
    """Return a shop whose programme began on day 10."""
    with app.app_context():
        till = Till("young.myshopify.com")
        till.run(lambda session, row: program.set_began(session, row.id, day(10), STAFF, day(10)))
        yield till
        db.session.remove()


def begin(till: Till, **how: bool) -> Claim:
    """Ask for an import and take it up."""

    def flow(session: Session, shop: Shop) -> Claim | None:
        imports.ask(session, shop.id, Window.ALL, STAFF, day(20), sees_all=True, **how)
        return import_steps.claim(session, shop.id, day(20))

    claim = till.run(flow)
    assert claim is not None
    return claim


def reach_importing(till: Till, claim: Claim, *, is_partial: bool = False) -> None:
    def flow(session: Session, _: Shop) -> None:
        assert import_steps.begin_collecting(session, claim, "gid://shopify/BulkOperation/1", day(20))
        import_steps.begin_importing(session, claim, 7, 700, day(20), is_partial=is_partial)

    till.run(flow)


def newest(till: Till) -> HistoryImport:
    with reading() as session:
        row = imports.find_newest(session, till.id)
        assert row is not None
        session.expunge(row)
        return row


def test_whoever_comes_too_late_changes_nothing(young: Till) -> None:
    claim = begin(young)
    young.run(lambda session, shop: imports.cancel(session, shop.id, STAFF, day(20)))
    rows = all_rows()

    def late(session: Session, _: Shop) -> None:
        now = day(21)
        assert not import_steps.begin_collecting(session, claim, "gid://shopify/BulkOperation/1", now)
        import_steps.note_collected(session, claim, 5, now)
        import_steps.begin_importing(session, claim, 5, 500, now, is_partial=False)
        import_steps.start_again(session, claim, now)
        assert import_steps.hold(session, claim, 0) is None
        import_steps.rest(session, claim, now)
        import_steps.finish(session, claim, now)
        import_steps.fail(session, claim, "Too late.", now)
        import_steps.try_later(session, claim, "Too late.", now)

    young.run(late)
    assert all_rows() == rows


def test_a_worker_of_an_import_before_does_not_touch_the_one_that_runs(young: Till) -> None:
    old = begin(young)
    young.run(lambda session, shop: imports.cancel(session, shop.id, STAFF, day(20)))
    begin(young)
    young.run(lambda session, _: import_steps.fail(session, old, "Not this one.", day(20)))
    assert newest(young).state is S.ASKED


def test_a_step_fits_the_state_or_is_not_taken(young: Till) -> None:
    claim = begin(young)

    def early(session: Session, _: Shop) -> None:
        import_steps.begin_importing(session, claim, 7, 700, day(20), is_partial=False)
        import_steps.finish(session, claim, day(20))

    young.run(early)
    assert newest(young).state is S.ASKED
    reach_importing(young, claim)
    again = young.run(lambda session, _: import_steps.begin_collecting(session, claim, "gid", day(20)))
    assert (again, newest(young).state) == (False, S.IMPORTING)


def test_what_is_passing_is_tried_again_with_growing_intervals_and_given_up_at_last(young: Till) -> None:
    claim = begin(young)
    waits = []
    for _ in range(import_steps.MOST_ATTEMPTS):
        young.run(lambda session, _: import_steps.try_later(session, claim, "Shopify rests.", day(20)))
        waits.append(newest(young).next_step_at)
    seconds = [(at - day(20)).total_seconds() for at in waits if at is not None]
    assert seconds == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    row = newest(young)
    assert (row.state, row.error) == (S.FAILED, "Given up after 12 attempts. Shopify rests.")


def test_progress_keeps_the_first_reasons_and_counts_all(young: Till) -> None:
    claim = begin(young)
    reach_importing(young, claim)

    def flow(session: Session, _: Shop) -> None:
        row = import_steps.hold(session, claim, 0)
        assert row is not None
        for start in (0, 40):
            bad = {f"#{number}": "Torn." for number in range(start, start + 40)}
            import_steps.advance(row, start + 10, seen=50, new=10, bad=bad, took_ms=500, now=day(20))

    young.run(flow)
    row = newest(young)
    assert (row.seen_orders, row.new_orders, row.unreadable_orders, len(row.notes)) == (100, 20, 80, 50)
    assert (row.notes[0], row.notes[-1], row.done_bytes) == ("#0: Torn.", "#49: Torn.", 50)
    assert (imports.orders_per_second(row), imports.seconds_left(row)) == (100, None)


def test_a_dry_run_that_is_cancelled_says_nothing_of_what_it_would_have_come_to(young: Till) -> None:
    begin(young, is_dry_run=True)
    young.run(lambda session, shop: imports.cancel(session, shop.id, STAFF, day(20)))
    assert newest(young).summary is None


def test_a_dry_run_that_was_interrupted_begins_anew(young: Till) -> None:
    claim = begin(young, is_dry_run=True)
    reach_importing(young, claim)

    def flow(session: Session, _: Shop) -> None:
        row = import_steps.hold(session, claim, 0)
        assert row is not None
        import_steps.advance(row, 10, seen=5, new=5, bad={}, took_ms=5, now=day(20))

    young.run(flow)
    again = young.run(lambda session, shop: import_steps.claim(session, shop.id, day(21)))
    assert (again and again.done_bytes, newest(young).seen_orders) == (0, 0)


def test_the_word_of_a_shop_wakes_only_its_own_import(young: Till, app: Flask) -> None:
    claim = begin(young)
    gid = "gid://shopify/BulkOperation/1"
    young.run(lambda session, _: import_steps.begin_collecting(session, claim, gid, day(20)))
    other = Till("other.myshopify.com")
    other.run(lambda session, shop: import_steps.wake(session, shop, [gid], day(19)))
    young.run(lambda session, shop: import_steps.wake(session, shop, ["gid://shopify/BulkOperation/2"], day(19)))
    assert newest(young).next_step_at == day(20) + import_steps.LOOK_AGAIN
    young.run(lambda session, shop: import_steps.wake(session, shop, [gid], day(19)))
    assert newest(young).next_step_at == day(19)


def test_nothing_is_asked_about_past_orders_unless_their_rewards_are(young: Till) -> None:
    young.publish(on=11, excluded_product_types=frozenset({"Alcohol"}))
    facts = [order(number, line(1, product_id=70 + number), on=on) for number, on in ((1, 0), (2, 12))]

    def asked(**how: bool) -> frozenset[int]:
        return young.run(lambda s, row: missing.list_missing(s, row, facts, day(20), **how)).product_ids

    assert asked() == {72}
    assert asked(past_earns=True) == {71, 72}
    known = replace(facts[0], lines=(line(1),))
    young.run(lambda s, row: history.record_history(s, row, [known], (), day(20)))
    assert asked() == {72}
    young.run(lambda s, row: history.record_history(s, row, [known], (), day(20), reward_asked_at=day(20)))
    assert asked() == {72}


def test_a_beginning_said_twice_is_recorded_once(young: Till) -> None:
    rows = all_rows()
    young.run(lambda session, row: program.set_began(session, row.id, day(10), STAFF, day(12)))
    assert all_rows() == rows


def test_the_lease_of_a_dead_worker_ends(young: Till) -> None:
    begin(young)
    soon: datetime = day(20) + import_steps.LEASE - timedelta(seconds=1)
    assert young.run(lambda session, shop: import_steps.claim(session, shop.id, soon)) is None
    later = soon + timedelta(seconds=1)
    assert young.run(lambda session, shop: import_steps.claim(session, shop.id, later)) is not None
