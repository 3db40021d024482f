"""An hour of webhooks never comes: what they would have said is found, and the books end like those of a good day."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg
from sqlalchemy import select

from app import jobs
from app.config import Settings
from app.db import transaction
from app.engine.flows import program
from app.models import ReconcileRun, Shop
from tests.stories.test_bad_network import change_order, differences, empty_tables, place_order, read_books
from tests.stories.town import Town, open_town

EVENTS = 90
#: Those of the hour in which nothing comes; before and after it all is well.
LOST = range(25, 65)
CUSTOMERS = 10


def test_an_hour_without_webhooks_ends_like_a_good_day(
    settings: Settings, admin_connection: "psycopg.Connection[Any]"
) -> None:
    opened_at = datetime.now(UTC) - timedelta(hours=4)
    with open_town(settings, seed=5) as town:
        prepare(town, opened_at)
        play_day(town, opened_at, lost=range(0))
        good = read_books(town)
        reconcile(town)
        assert missed_of_last_run() == (0, 0), "on a good day nothing is missed"
        assert differences(read_books(town), good) == []
    empty_tables(admin_connection)
    with open_town(settings, seed=5) as town:
        prepare(town, opened_at)
        changed = play_day(town, opened_at, lost=LOST)
        assert len(differences(read_books(town), good)) > 10, "much of the day is missing"
        reconcile(town)
        assert differences(read_books(town), good) == []
        orders_missed, refunds_missed = missed_of_last_run()
        assert 10 < orders_missed <= changed
        assert refunds_missed > 3
        reconcile(town)
        assert missed_of_last_run() == (0, 0), "what was made good is not missed again"
        assert differences(read_books(town), good) == []


def prepare(town: Town, opened_at: datetime) -> None:
    """Install the app, as if some hours before the first order."""
    town.install()
    with transaction() as session:
        shop = session.scalars(select(Shop)).one()
        shop.installed_at = opened_at - timedelta(hours=1)
        program.set_began(session, shop.id, shop.installed_at, "test", datetime.now(UTC))


def play_day(town: Town, opened_at: datetime, lost: range) -> int:
    """Let the same things happen each time; return how many orders were touched while nothing came."""
    pick, now = Random(5), opened_at
    placed: list[tuple[int, int]] = []
    touched: set[int] = set()
    for number in range(EVENTS):
        if number in (lost.start, lost.stop):
            town.wait_until_quiet()
            town.post("faults", **({"lose": 1} if number in lost else {}))
        now += timedelta(seconds=pick.randint(30, 120))
        if not placed or pick.random() < 0.5:
            placed.append(place_order(town, pick, now, CUSTOMERS))
            order_id = placed[-1][0]
        else:
            order_id, lines = pick.choice(placed[-15:])
            change_order(town, pick, now, order_id, lines)
        if number in lost:
            touched.add(order_id)
    town.wait_until_quiet()
    return len(touched)


def reconcile(town: Town) -> None:
    """Look for what is missing as the clock would have it done, by hand, and wait until all of it is settled."""
    with transaction() as session:
        shop_id = session.scalars(select(Shop.id)).one()
        # As if the shop's minutes had gone by.
        for run in session.scalars(select(ReconcileRun)):
            run.started_at -= timedelta(minutes=20)
    jobs.reconcile_orders(shop_id)
    town.wait_until_quiet()


def missed_of_last_run() -> tuple[int, int]:
    with transaction() as session:
        run = session.scalars(select(ReconcileRun).order_by(ReconcileRun.id.desc()).limit(1)).one()
        assert run.finished_at is not None
        assert run.orders_unreadable == 0
        return run.orders_missed, run.refunds_missed
