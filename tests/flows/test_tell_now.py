"""Telling customers at once: what waits, when it would be told, and a run that begins because somebody wants it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.engine import digest_runs
from app.engine.flows import mail_settings, tell_now
from app.engine.rules.mail_choices import Teller, Telling
from app.engine.rules.messages import Topic
from app.engine.rules.roles import Role
from app.errors import NotAllowed, NotFound, Refused
from app.models import AuditEvent, Customer, DigestRun, Message, Shop
from tests.flows.builders import STAFF, Till, all_rows, day, order, reading
from tests.people import hire

#: The shop's clock says noon; its digests are at 09:00, 13:00 and 18:00.
NOON = day(5).replace(hour=12, minute=0)


def let_wait(shop: Till, count: int = 1) -> None:
    """Let somebody of the shop wait to be told of as many things."""
    shop.tell(order(1))
    with reading() as session:
        session.execute(update(Shop).values(timezone="UTC"))
        session.execute(update(Message).values(created_at=NOON - timedelta(hours=1)))
        waiting = session.scalar(select(func.count()).where(Message.shop_id == shop.id, digest_runs.WAITS)) or 0
        customer_id = session.scalars(select(Customer.id).where(Customer.shop_id == shop.id)).first()
        for number in range(count - waiting):
            about = {"topic": Topic.TIER, "customer_id": customer_id, "subject_id": number}
            at = NOON - timedelta(hours=1)
            session.add(Message(shop_id=shop.id, key=f"made-up:{number}", created_at=at, **about))


def queue(shop: Till, now: object = NOON) -> tell_now.Queue:
    with reading() as session:
        return tell_now.read_queue(session, session.get_one(Shop, shop.id), now)  # type: ignore[arg-type]  # an instant


def choose(shop: Till, telling: Telling) -> None:
    shop.run(lambda session, row: mail_settings.set_telling(session, row.id, telling, STAFF, day(1)))


def runs(shop: Till) -> list[object]:
    with reading() as session:
        return list(session.scalars(select(DigestRun.due_at).where(DigestRun.shop_id == shop.id)))


def test_what_waits_is_counted_and_the_next_time_is_named(shop: Till) -> None:
    assert queue(shop).count == 0
    let_wait(shop, 3)
    found = queue(shop)
    assert (found.count, found.oldest_at, found.is_quiet) == (3, NOON - timedelta(hours=1), False)
    assert found.next_at == NOON.replace(hour=13)
    night = NOON.replace(hour=22)
    assert queue(shop, night) == replace(found, is_quiet=True, next_at=NOON.replace(hour=9) + timedelta(days=1))
    choose(shop, Telling(Teller.US, digest_times=()))
    assert queue(shop).next_at is None
    assert queue(shop, night).next_at == NOON.replace(hour=8) + timedelta(days=1)
    choose(shop, Telling(Teller.NOBODY))
    assert queue(shop).next_at is None


def test_telling_now_begins_one_run_that_a_worker_finds(shop: Till) -> None:
    let_wait(shop)
    shop.twice(lambda session, row, now: tell_now.tell_now(session, row.id, STAFF, now), NOON)
    assert runs(shop) == [NOON]
    with reading() as session:
        assert digest_runs.list_due_shops(session, NOON) == [shop.id]
        which = (AuditEvent.shop_id == shop.id, AuditEvent.action == "tell_now")
        assert session.scalar(select(func.count()).where(*which)) == 1


def test_nobody_is_told_at_night_in_a_pause_or_where_nothing_waits(shop: Till) -> None:
    def refused(now: object = NOON) -> str:
        before = all_rows()
        with reading() as session, pytest.raises(Refused) as refusal:
            tell_now.tell_now(session, shop.id, STAFF, now)  # type: ignore[arg-type]  # an instant
        assert all_rows() == before
        return str(refusal.value)

    assert refused() == "Nothing waits to be told."
    let_wait(shop)
    assert refused(NOON.replace(hour=22)).startswith("In the quiet hours")
    shop.pause()
    assert refused().startswith("Boomerang is paused")
    shop.resume()
    choose(shop, Telling(Teller.SHOPIFY))
    assert "does not tell customers" in refused()


def test_only_who_manages_may_have_customers_told(shop: Till) -> None:
    let_wait(shop)
    with reading() as session:
        hire(session, shop.id, "50", Role.APPROVER)
    with reading() as session, pytest.raises(NotAllowed):
        tell_now.tell_now(session, shop.id, "staff:50", NOON)
    with reading() as session, pytest.raises(NotFound):
        tell_now.tell_now(session, shop.id + 1, "cli", NOON)
    assert runs(shop) == []
