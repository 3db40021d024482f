"""The first run's steps: noted once, closed once, by whoever runs the programme."""

import pytest
from sqlalchemy import select

from app.db import transaction
from app.engine.flows import first_run
from app.engine.flows.first_run import FirstStep
from app.engine.rules.roles import Role
from app.errors import NotAllowed, NotFound
from app.models import AuditEvent, Shop
from tests.flows.builders import STAFF, Till, all_rows, day, reading
from tests.people import hire


def settle(shop_id: int, step: FirstStep, actor: str = STAFF) -> None:
    with transaction() as session:
        first_run.settle_step(session, shop_id, step, actor, day(1))


def close(shop_id: int, actor: str = STAFF, on: int = 1) -> None:
    with transaction() as session:
        first_run.close(session, shop_id, actor, day(on))


def test_each_step_is_noted_once(shop: Till) -> None:
    for step in (FirstStep.MODE, FirstStep.RATE, FirstStep.MODE):
        settle(shop.id, step)
    with reading() as session:
        assert session.get_one(Shop, shop.id).first_run_done == ["mode", "rate"]
        rows = session.scalars(select(AuditEvent).where(AuditEvent.action == "settle_first_step"))
        assert sorted(len(row.after["done"]) - len(row.before["done"]) for row in rows) == [1, 1]


def test_it_is_closed_once(shop: Till) -> None:
    close(shop.id)
    close(shop.id, on=2)
    with reading() as session:
        assert session.get_one(Shop, shop.id).first_run_closed_at == day(1)
        assert len(session.scalars(select(AuditEvent).where(AuditEvent.action == "close_first_run")).all()) == 1


def test_only_who_runs_the_programme_decides_about_it(shop: Till) -> None:
    with transaction() as session:
        hire(session, shop.id, "50", Role.APPROVER)
    before = all_rows()
    with pytest.raises(NotAllowed):
        settle(shop.id, FirstStep.RATE, "staff:50")
    with pytest.raises(NotAllowed):
        close(shop.id, "staff:50")
    assert all_rows() == before


def test_a_shop_nobody_knows_is_not_found(shop: Till) -> None:
    with pytest.raises(NotFound):
        settle(shop.id + 1, FirstStep.RATE, "cli")
    with pytest.raises(NotFound):
        close(shop.id + 1, "cli")
