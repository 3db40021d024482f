"""Every shop is looked at in its turn, and what its merchant is to be told leaves at once."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select, update

from app import jobs
from app.clock import utcnow
from app.db import transaction
from app.models import AlertPost, Incident, Mail, MailSettings, Shop
from app.queue import CHORES, MAILS
from app.schedule import Round, sweep_alerts, sweep_engines
from tests.flows.builders import Till, day, reading
from tests.mail.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a merchant's server that takes everything."""
    with receiving() as found:
        yield found


def names(redis: "Redis", queue: str) -> list[tuple[str, tuple[object, ...]]]:
    found = Queue(queue, connection=redis, serializer=JSONSerializer)
    return [(job.func_name, tuple(job.args)) for job in found.jobs]


def add_shops(count: int) -> list[int]:
    with transaction() as session:
        for number in range(count):
            session.add(
                Shop(domain=f"made-up-{number}.myshopify.com", name="Made-up", currency="USD", installed_at=day(0))
            )
        session.flush()
        return list(session.scalars(select(Shop.id).order_by(Shop.id)))


def test_a_round_goes_through_all_shops_and_begins_anew(shop: Till) -> None:
    ids = add_shops(6)
    round_ = Round(at_a_time=3)
    with reading() as session:
        assert [round_.next_shops(session) for _ in range(4)] == [ids[:3], ids[3:6], ids[6:], ids[:3]]
        every = Round(at_a_time=8)
        assert [every.next_shops(session) for _ in range(2)] == [ids, ids]


def test_a_shop_that_removed_the_app_is_not_watched(shop: Till, redis_client: "Redis") -> None:
    with reading() as session:
        sweep_engines(session)
    assert names(redis_client, CHORES) == [("app.jobs.watch_engine", (shop.id,))]
    redis_client.flushdb()
    shop.run(lambda session, row: setattr(session.get_one(Shop, row.id), "uninstalled_at", day(0)))
    with reading() as session:
        sweep_engines(session)
    assert names(redis_client, CHORES) == []


def test_what_is_wrong_leaves_by_mail_and_by_post(shop: Till, redis_client: "Redis", receiver: Receiver) -> None:
    with transaction() as session:
        session.add(MailSettings(shop_id=shop.id, alert_addresses=["ops@example.com"], alert_url=receiver.url))
    jobs.watch_engine(shop.id)  # a shop without a token
    assert names(redis_client, MAILS) == []
    with transaction() as session:
        session.execute(update(Incident).values(began_at=utcnow() - timedelta(minutes=2)))
    jobs.watch_engine(shop.id)
    assert names(redis_client, MAILS) == [("app.jobs.send_mails", (shop.id,)), ("app.jobs.post_alerts", (shop.id,))]
    jobs.post_alerts(shop.id)
    jobs.post_alerts(shop.id)
    assert [(one["event"], one["cause"]) for one in receiver.taken] == [("incident.opened", "no_token")]
    with reading() as session:
        assert len(session.scalars(select(Mail)).all()) == 1


def test_a_post_whose_wish_was_lost_is_found(shop: Till, redis_client: "Redis") -> None:
    with transaction() as session:
        session.add(AlertPost(shop_id=shop.id, event="summary", body={}, created_at=utcnow(), next_attempt_at=utcnow()))
    with reading() as session:
        sweep_alerts(session)
    assert names(redis_client, MAILS) == [("app.jobs.post_alerts", (shop.id,))]
