"""A shop with an order, a refund and a review behind it, and a shell to ask about them."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from click.testing import Result
from flask import Flask
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from app.clock import utcnow
from app.db import db, transaction
from app.engine.rules.terms import Mode
from app.jobs import recalculate_tiers
from app.models import ReconcileRun
from app.queue import QUEUES
from app.schedule import SWEEPS
from tests.flows.builders import Till

#: Asked for in every round, or whenever the day's time for it has come.
ASKED_ALWAYS = tuple(
    f"app.jobs.{name}"
    for name in ("count_days", "measure_stages", "watch_engine", "build_digests", "look_through_books")
)
Shell = Callable[..., Result]
Waiting = Callable[[], list[tuple[str, tuple[object, ...]]]]


def sweep() -> None:
    """Let every sweep look once."""
    with transaction() as session:
        for each in SWEEPS:
            each.ask(session)


@pytest.fixture
def waiting(redis_client: "Redis") -> Waiting:
    """Return what tells which jobs wait, over all queues, but for what is asked for whatever happens."""

    def jobs() -> list[tuple[str, tuple[object, ...]]]:
        queues = [Queue(name, connection=redis_client, serializer=JSONSerializer) for name in QUEUES]
        found = [(job.func_name, tuple(job.args)) for queue in queues for job in queue.jobs]
        return [job for job in found if job[0] not in ASKED_ALWAYS]

    return jobs


@pytest.fixture
def looked_at(shop: Till) -> Iterator[None]:
    """Have tonight's look at everybody's tier behind us, and the last one for missed webhooks.

    It is noon, so that no other night comes while a test runs.
    """
    noon = utcnow().replace(hour=12, minute=0, second=0, microsecond=0)
    with time_machine.travel(noon):
        recalculate_tiers(shop.id)
        with transaction() as session:
            session.add(ReconcileRun(shop_id=shop.id, started_at=noon, from_at=noon, reached_at=noon, finished_at=noon))
        yield


@pytest.fixture
def shop(app: Flask) -> Iterator[Till]:
    """Return a shop in automatic mode."""
    with app.app_context():
        till = Till("made-up.myshopify.com", mode=Mode.AUTOMATIC)
        db.session.remove()
        yield till
        db.session.remove()


@pytest.fixture
def shell(app: Flask) -> Shell:
    """Return what runs a ``flask`` command as an operator types it."""
    return lambda *words: app.test_cli_runner().invoke(args=[str(word) for word in words])
