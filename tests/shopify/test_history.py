"""Past orders are imported: once, whatever breaks off in between, and rewarded only if asked for."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import import_steps, imports
from app.engine.flows.earn import record_orders
from app.engine.rules.facts import OrderFact
from app.errands.history import stop_collecting
from app.errors import NotFound, Refused
from app.models import AuditEvent, HistoryImport, ImportState, Order, Window
from app.shopify.connect import open_gateway
from app.shopify.history import assemble, begin, look
from app.shopify.order_nodes import OrderTold, read_order
from app.shopify.orders import read_orders
from app.shopify.result_file import read_lines
from app.webhooks.bulk import parse_bulk_finish, record_bulk_finish
from app.webhooks.orders import parse_order
from sandbox.bodies import order_body
from tests.shopify.desk import Desk
from tests.shopify.past import Past

BEFORE = "before_programme"


@pytest.fixture
def past(desk: Desk) -> Past:
    return Past(desk)


@pytest.fixture
def three(past: Past) -> Past:
    """Return a past of three orders, one of them partly refunded; the newest takes Ada to Silver."""
    past.order("100.00", days_ago=40)
    back = past.order("50.00", days_ago=30, who="ben")
    past.refund(back, days_ago=20)
    past.order("200.00", days_ago=10)
    return past


def states(past: Past) -> list[tuple[str, str | None, int, int]]:
    return [reward for _, reward in sorted(past.rewards().items())]


def test_an_import_sets_spend_and_tiers_and_rewards_nothing(three: Past) -> None:
    row = three.bring_in()
    assert (row.state, row.seen_orders, row.new_orders, row.unreadable_orders) == (ImportState.FINISHED, 3, 3, 0)
    assert states(three) == [("ineligible", BEFORE, 0, 0)] * 3
    assert three.spend() == {"ada@example.com": ("Silver", 60_000), "ben@example.com": ("Bronze", 5_000)}
    assert three.transfers() == 0
    assert row.summary is not None
    assert row.summary["tiers"]["Silver"] == {"customers": 1, "spend_minor": 60_000}
    three.check()


def test_an_import_with_rewards_gives_them_once(three: Past) -> None:
    row = three.bring_in(rewards_past=True)
    # 2 % of 200.00; of 100.00, half of it kept; of 400.00: the tier is that of the day, before the order itself.
    assert states(three) == [("settled", None, 400, 400), ("settled", None, 200, 100), ("settled", None, 800, 800)]
    assert row.summary is not None
    assert (row.summary["rewards"], row.summary["granted_minor"]) == (3, 1_300)
    told = three.told()
    for again in (False, True):
        three.bring_in(rewards_past=again)
        assert three.told() == told


def test_past_orders_imported_before_are_rewarded_when_they_are_asked_for_later(three: Past) -> None:
    three.bring_in()
    three.bring_in(rewards_past=True)
    assert [granted for _, _, granted, _ in states(three)] == [400, 200, 800]
    assert three.transfers() > 0


def test_a_dry_run_records_nothing_and_says_what_the_import_would_come_to(three: Past) -> None:
    row = three.bring_in(is_dry_run=True)
    assert three.rewards() == {}
    assert db.session.scalars(select(Order)).all() == []
    assert row.summary == {
        "currency": "USD", "orders": 3, "known": 0, "past": 3, "guests": 0, "customers": 2, "spend_minor": 65_000,
        "tiers": {
            "Bronze": {"customers": 1, "spend_minor": 5_000},
            "Silver": {"customers": 1, "spend_minor": 60_000},
            "Gold": {"customers": 0, "spend_minor": 0},
        },
        "rewards": 3, "granted_minor": 1_300, "unreadable": 0,
    }  # fmt: skip
    three.bring_in(rewards_past=True)
    assert sum(kept for _, _, _, kept in states(three)) == row.summary["granted_minor"]
    known = three.bring_in(is_dry_run=True).summary
    assert known is not None
    assert (known["known"], known["past"], known["rewards"]) == (3, 0, 0)


def test_an_order_whose_webhook_was_missed_earns_though_nobody_asked_for_past_ones(three: Past) -> None:
    three.desk.clock.advance(60)
    three.order("10.00", days_ago=0, who="cid")
    three.bring_in()
    assert states(three)[-1] == ("settled", None, 40, 40)


def test_a_late_webhook_of_an_imported_order_gives_nothing_and_its_refund_lowers_the_spend(three: Past) -> None:
    three.bring_in()
    placed = next(iter(three.desk.sandbox_shop.orders.values()))
    three.refund({"id": placed.id}, days_ago=1)
    three.run(lambda session, shop: record_orders(session, shop, [told_by_webhook(placed)], three.desk.clock()))
    assert states(three)[0] == ("ineligible", BEFORE, 0, 0)
    assert three.spend()["ada@example.com"][1] == 50_000
    three.check()


def told_by_webhook(order: Any) -> OrderFact:
    return parse_order(order_body(order))


class Dying:
    """A clock that ends its worker at the so-manieth look at it, as a SIGKILL would: nothing is tidied up."""

    def __init__(self, clock: Callable[[], datetime], looks: int) -> None:
        self._clock, self._left = clock, looks

    def __call__(self) -> datetime:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return self._clock()


@pytest.mark.parametrize("rewards_past", [False, True])
def test_a_worker_killed_at_any_moment_leaves_an_import_that_ends_the_same(past: Past, rewards_past: bool) -> None:
    for number in range(7):
        past.order(f"{number + 10}.00", days_ago=40 - number, who="ada" if number % 2 else "ben")
    deaths = 0
    past.ask(rewards_past=rewards_past)
    for looks in range(1, 200):
        if past.row().state.is_over:
            break
        try:
            past.step(Dying(past.desk.clock, looks), batch=1)
        except KeyboardInterrupt:
            deaths += 1
            db.session.rollback()
    assert deaths > 5
    row = past.row()
    assert (row.state, row.seen_orders, row.new_orders) == (ImportState.FINISHED, 7, 7)
    killed = past.told()
    assert [granted > 0 for _, _, granted, _ in states(past)] == [rewards_past] * 7
    past.bring_in(rewards_past=rewards_past)
    assert past.told() == killed


def test_a_turn_that_is_over_is_gone_on_with_by_the_next_worker(three: Past) -> None:
    three.ask()
    seen = []
    while not three.row().state.is_over:
        three.step(batch=1, lasts=three.desk.clock() - three.desk.clock())
        seen.append(three.row().seen_orders)
    assert seen == [0, 0, 1, 2, 3, 3]


def test_an_import_rests_while_it_is_paused_and_ends_when_it_is_cancelled(three: Past) -> None:
    three.ask()
    while three.row().seen_orders == 0:
        three.step(batch=1, lasts=three.desk.clock() - three.desk.clock())
    three.change(imports.pause)
    three.change(imports.pause)
    assert not three.step()
    assert three.row().seen_orders == 1
    assert list_due(three) == []
    three.change(imports.resume)
    three.change(imports.resume)
    assert list_due(three) == [three.shop_id]
    three.step(batch=1, lasts=three.desk.clock() - three.desk.clock())
    three.change(imports.cancel)
    row = three.row()
    assert (row.state, row.seen_orders) == (ImportState.CANCELLED, 2)
    assert not three.step()
    for verb in (imports.pause, imports.resume, imports.cancel):
        with pytest.raises(NotFound):
            three.change(verb)
    three.bring_in()
    assert len(states(three)) == 3
    actions = db.session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("%import"))).all()
    assert sorted(actions) == [
        "ask_import", "ask_import", "cancel_import", "end_import", "pause_import", "resume_import",
    ]  # fmt: skip


def list_due(past: Past) -> list[int]:
    with transaction() as session:
        return import_steps.list_due_shops(session, past.desk.clock())


def test_one_import_runs_at_a_time_and_one_worker_at_it(three: Past) -> None:
    three.ask()
    with pytest.raises(Refused, match="running already"):
        three.ask()
    with transaction() as session:
        now = three.desk.clock()
        claim = import_steps.claim(session, three.shop_id, now)
        assert claim is not None
        assert import_steps.claim(session, three.shop_id, now) is None
        assert import_steps.claim(session, three.shop_id, now + import_steps.LEASE) == claim


def test_a_batch_that_somebody_else_has_done_is_not_done_again(three: Past) -> None:
    three.ask()
    while three.row().state is not ImportState.IMPORTING:
        three.step()
    with transaction() as session:
        claim = import_steps.claim(session, three.shop_id, three.desk.clock())
        assert claim is not None
        assert import_steps.hold(session, claim, 0) is not None
        assert import_steps.hold(session, claim, 10) is None


def test_a_result_that_is_a_week_old_is_made_anew(three: Past) -> None:
    three.ask()
    while three.row().seen_orders == 0:
        three.step(batch=1, lasts=three.desk.clock() - three.desk.clock())
    expire(three)
    row = three.carry()
    assert (row.state, row.operations, row.seen_orders) == (ImportState.FINISHED, 2, 3)
    assert len(states(three)) == 3
    three.check()


def test_an_import_whose_results_are_always_gone_fails_with_the_reason(three: Past) -> None:
    three.ask()
    while not three.row().state.is_over:
        if three.row().state is ImportState.COLLECTING:
            three._until_due()
            expire(three)
        three.step()
    row = three.row()
    assert (row.state, row.operations) == (ImportState.FAILED, import_steps.MOST_OPERATIONS)
    assert row.error is not None
    assert "gone 5 times" in row.error


def expire(past: Past) -> None:
    newest = past.get("bulk")["operations"][-1]
    past.post(f"bulk/{newest['id']}/expire")


def test_of_an_operation_that_fails_what_it_had_is_imported_but_for_its_last_order(three: Past) -> None:
    three.post("bulk", fails="INTERNAL_SERVER_ERROR", after=2)
    row = three.bring_in()
    assert (row.state, row.seen_orders, row.is_partial) == (ImportState.FAILED, 1, True)
    assert row.error is not None
    assert "Import once more" in row.error
    assert three.bring_in().state is ImportState.FINISHED
    assert len(states(three)) == 3


def test_an_operation_that_fails_with_nothing_is_begun_again(three: Past) -> None:
    three.post("bulk", fails="TIMEOUT", after=0)
    row = three.bring_in()
    assert (row.state, row.operations) == (ImportState.FINISHED, 2)


def test_what_the_app_may_not_see_ends_the_import_with_the_reason(three: Past) -> None:
    three.ask()
    three.desk.sandbox_shop.grants.change([], ["read_customers"], force=True)
    row = three.carry()
    assert row.state is ImportState.FAILED
    assert row.error is not None
    assert "permission" in row.error


def test_a_shop_without_orders_is_imported_at_once(past: Past) -> None:
    row = past.bring_in()
    assert (row.state, row.seen_orders, row.summary and row.summary["orders"]) == (ImportState.FINISHED, 0, 0)


def test_operations_of_others_are_waited_for(three: Past) -> None:
    three.post("bulk", hold=True)
    gateway, _ = open_gateway(three.shop_id)
    others = [begin(gateway, None) for _ in range(5)]
    three.ask()
    three.step()
    row = three.row()
    assert (row.state, row.attempts) == (ImportState.ASKED, 1)
    assert row.error is not None
    assert "too many bulk operations" in row.error
    three.post("bulk", hold=False)
    assert three.carry().state is ImportState.FINISHED
    assert len(others) == 5


def test_progress_is_said_while_shopify_collects_and_while_the_file_is_read(three: Past) -> None:
    three.post("bulk", hold=True)
    three.ask()
    three.step()
    three.step()
    assert (three.row().state, imports.seconds_left(three.row())) == (ImportState.COLLECTING, None)
    three.post("bulk", hold=False)
    while three.row().seen_orders == 0:
        three.step(batch=1, lasts=three.desk.clock() - three.desk.clock())
    row = three.row()
    assert (row.collected, row.file_bytes is not None) == (3, True)
    row.importing_ms = 2_000
    assert (imports.orders_per_second(row), imports.seconds_left(row)) == (0, 4)


def test_shopifys_word_that_a_result_is_there_wakes_the_import(three: Past) -> None:
    three.ask()
    three.step()
    three.desk.sandbox_shop.bulk.wait_idle(10)
    gid = three.row().operation_gid
    assert list_due(three) == []
    told = [parse_bulk_finish({"admin_graphql_api_id": gid})]
    three.run(lambda session, shop: record_bulk_finish(session, shop, told, three.desk.clock()))
    assert list_due(three) == [three.shop_id]


def test_without_the_permission_for_all_orders_the_longest_window_is_sixty_days(three: Past) -> None:
    for window in (Window.DAYS_90, Window.YEAR, Window.ALL):
        with pytest.raises(Refused, match="read_all_orders"):
            three.ask(window, sees_all=False)
    three.ask(Window.DAYS_60, sees_all=False)


def test_windows_reach_as_far_back_as_they_say(past: Past) -> None:
    for days in (20, 50, 80, 300, 800):
        past.order(days_ago=days)
    seen = [past.bring_in(window).seen_orders for window in Window]
    assert seen == [1, 2, 3, 4, 5]


def test_an_import_is_refused_that_would_give_by_mistake(three: Past) -> None:
    with pytest.raises(Refused, match="dry run gives nothing"):
        three.ask(is_dry_run=True, rewards_past=True)
    three.run(lambda session, shop: setattr(shop, "began_at", None))
    with pytest.raises(Refused, match="began"):
        three.ask()
    with transaction() as session, pytest.raises(NotFound):
        imports.ask(session, 10**9, Window.ALL, "test", utcnow(), sees_all=True)


def test_the_file_says_of_orders_what_asking_for_each_says(past: Past) -> None:
    past.post("history", orders=60, days=50)
    while past.get("history")["running"]:
        past.desk.sandbox_shop.bulk.wait_idle(0.05)
    gateway, _ = open_gateway(past.shop_id)
    gid = begin(gateway, None)
    past.desk.sandbox_shop.bulk.wait_idle(30)
    operation = look(gateway, gid)
    assert operation.url is not None
    now = past.desk.clock()
    wholes = list(assemble(read_lines(operation.url)))
    by_file = {whole.node["id"]: read_order(whole.node, now) for whole in wholes if not whole.has_refunds}
    asked = read_orders(gateway, [int(gid.rpartition("/")[2]) for gid in by_file], clock=lambda: now)
    assert len(wholes) == 60
    assert 40 < len(by_file) < 60
    for told in by_file.values():
        assert isinstance(asked[told.order.order_id], OrderTold)
        assert told == asked[told.order.order_id]


def test_a_history_with_everything_in_it_is_imported_whole(past: Past) -> None:
    past.post("history", orders=80, days=50)
    while past.get("history")["running"]:
        past.desk.sandbox_shop.bulk.wait_idle(0.05)
    row = past.bring_in(batch=17)
    assert (row.seen_orders, row.unreadable_orders, row.notes) == (80, 0, [])
    past.check()
    without = past.spend()
    past.bring_in(batch=23, rewards_past=True)
    assert past.spend() == without
    past.check()
    told = past.told()
    past.bring_in(batch=80, rewards_past=True)
    assert past.told() == told


def test_an_order_that_cannot_be_recorded_is_left_out_and_holds_up_no_other(three: Past) -> None:
    order = next(iter(three.desk.sandbox_shop.orders.values()))
    order.currency = "KWD"
    row = three.bring_in()
    assert (row.state, row.seen_orders, row.unreadable_orders) == (ImportState.FINISHED, 3, 1)
    assert [note.partition(":")[0] for note in row.notes] == [f"#{order.number}"]
    assert len(states(three)) == 2


def test_imports_are_found_as_they_were_asked_for(three: Past) -> None:
    number = three.ask(Window.DAYS_30)
    with transaction() as session:
        running = imports.find_running(session, three.shop_id)
        assert running is not None
        assert (running.id, running.window) == (number, Window.DAYS_30)
        assert session.get(HistoryImport, number) is running


def test_what_shopify_was_writing_for_a_cancelled_import_is_stopped(three: Past) -> None:
    three.post("bulk", hold=True)
    three.ask()
    three.step()
    (running,) = three.get("bulk")["operations"]
    assert running["status"] == "RUNNING"
    stop_collecting(three.shop_id)
    assert three.get("bulk")["operations"][0]["status"] == "RUNNING"  # nobody cancelled it
    three.change(imports.cancel)
    for _ in range(2):
        stop_collecting(three.shop_id)
        assert three.get("bulk")["operations"][0]["status"] in ("CANCELING", "CANCELED")
    three.post("bulk", hold=False)
    three.bring_in()
    assert len(states(three)) == 3
