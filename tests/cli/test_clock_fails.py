"""A sweep that the rows of one shop make fail: the others are asked for, the clock goes on, and the status says so."""

import threading
import time
from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import sweep_failures
from app.engine.rules.terms import Mode
from app.models import MailSettings, Message, Shop, SweepFailure
from app.queue import MAILS
from app.schedule import PATIENCE, Sweep, run_clock, run_sweep, sweep_digests
from app.status.causes import find_causes
from app.status.words import name_cause
from tests.flows.builders import Till, day, order, reading

DIGESTS = Sweep(sweep_digests, 5)


def wait_to_be_told(till: Till, *, digest_times: list[str]) -> None:
    """Have something waiting that happened long ago; what are no times anybody may have put there by hand."""
    till.tell(order(1))
    with transaction() as session:
        settings = {"quiet_from": "00:00", "quiet_to": "00:00"}
        session.add(MailSettings(shop_id=till.id, digest_times=digest_times, **settings))
        session.execute(update(Message).where(Message.shop_id == till.id).values(created_at=day(10)))


@pytest.fixture
def odd(shop: Till) -> Till:
    """Return a shop whose rows nobody can make sense of."""
    wait_to_be_told(shop, digest_times=["noonish"])
    return shop


@pytest.fixture
def other(odd: Till) -> Till:
    """Return another shop, in which all is well."""
    till = Till("well.myshopify.com", mode=Mode.AUTOMATIC)
    wait_to_be_told(till, digest_times=[])
    return till


def failing(till: Till) -> list[tuple[str, str]]:
    with reading() as session:
        return [(row.sweep, row.error) for row in sweep_failures.list_failing(session, till.id, utcnow())]


def asked(redis: "Redis") -> set[tuple[object, ...]]:
    """Return for which shops digests are asked for, however often: a wish stands for some seconds."""
    found = Queue(MAILS, connection=redis, serializer=JSONSerializer)
    return {tuple(job.args) for job in found.jobs if job.func_name == "app.jobs.build_digests"}


def test_one_shops_rows_keep_the_clock_from_no_other_shop(odd: Till, other: Till, redis_client: "Redis") -> None:
    for _ in range(2):
        run_sweep(DIGESTS, Exception)
    assert asked(redis_client) == {(other.id,)}
    assert (failing(odd), failing(other)) == ([("sweep_digests", "ValueError")], [])


def test_the_status_says_what_the_clock_fails_at_until_it_does_not(odd: Till, redis_client: "Redis") -> None:
    run_sweep(DIGESTS, Exception)
    with reading() as session:
        shop, now = session.get_one(Shop, odd.id), utcnow()
        (cause,) = (one for one in find_causes(session, shop, now) if one.key.startswith("sweep_failing"))
        assert (cause.key, cause.is_grave) == ("sweep_failing:sweep_digests", True)
        assert "(sweep_digests: ValueError)" in cause.what
        assert name_cause(cause.key) == "The clock fails at something"
        later = now + 2 * timedelta(seconds=DIGESTS.every_seconds) + PATIENCE
        assert not any(one.key.startswith("sweep_failing") for one in find_causes(session, shop, later))
    with transaction() as session:
        session.execute(update(MailSettings).values(digest_times=[]))
    run_sweep(DIGESTS, Exception)
    assert asked(redis_client) == {(odd.id,)}


def test_a_failure_is_new_once_as_long_as_it_lasts(shop: Till) -> None:
    def note(seconds: int, sweep: str = "sweep_digests") -> bool:
        now = day(0) + timedelta(seconds=seconds)
        with transaction() as session:
            return sweep_failures.note(session, shop.id, sweep, "ValueError", now + timedelta(seconds=40), now)

    assert [note(seconds) for seconds in (0, 5, 45, 86)] == [True, False, False, True]
    assert note(90, "sweep_tiers")
    with reading() as session:
        rows = session.scalars(select(SweepFailure).order_by(SweepFailure.id)).all()
        assert [(row.sweep, row.began_at) for row in rows] == [
            ("sweep_digests", day(0) + timedelta(seconds=86)), ("sweep_tiers", day(0) + timedelta(seconds=90)),
        ]  # fmt: skip


def test_a_database_that_is_away_is_no_shops_fault(shop: Till) -> None:
    def go_away(session: Session) -> None:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    run_sweep(Sweep(go_away, 5), Exception)
    assert failing(shop) == []


def test_the_clock_itself_goes_on(odd: Till, other: Till, app: Flask, redis_client: "Redis") -> None:
    stop = threading.Event()

    def run() -> None:
        with app.app_context():
            run_clock(stop)

    ticking = threading.Thread(target=run)
    ticking.start()
    deadline = time.monotonic() + 60
    while not (asked(redis_client) and failing(odd)) and time.monotonic() < deadline:
        time.sleep(0.1)
        db.session.remove()
    went_on = ticking.is_alive()
    stop.set()
    ticking.join(timeout=30)
    assert went_on
    assert (asked(redis_client), failing(odd)) == ({(other.id,)}, [("sweep_digests", "ValueError")])
