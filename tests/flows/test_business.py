"""What the merchant states of the trade: kept once, in the trail, and by nobody who saw something else."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from app.engine.flows import business
from app.engine.rules.business import Trade
from app.engine.rules.roles import Role
from app.engine.seen import ChangedMeanwhile, mark
from app.errors import NotAllowed, NotFound, Refused
from app.models import AuditEvent
from tests.flows.builders import STAFF, Till, day, reading
from tests.people import hire

TRADE = Trade(4_000, 500, 8_000, 30_000)


def state(shop: Till, trade: Trade, actor: str = STAFF, seen: str | None = None) -> None:
    shop.twice(lambda session, row, now: business.set_trade(session, row.id, trade, actor, now, seen=seen), day(1))


def test_figures_are_kept_and_changed_with_a_row_in_the_trail_each(shop: Till) -> None:
    with reading() as session:
        assert business.find_trade(session, shop.id) is None
    state(shop, TRADE)
    state(shop, replace(TRADE, margin_bps=3_000))
    with reading() as session:
        assert business.find_trade(session, shop.id) == replace(TRADE, margin_bps=3_000)
        trail = session.scalars(
            select(AuditEvent).where(AuditEvent.action == "set_business_figures").order_by(AuditEvent.id)
        ).all()
        assert [(row.before.get("margin_bps"), row.after["margin_bps"]) for row in trail] == [
            (None, 4_000),
            (4_000, 3_000),
        ]


def test_who_saw_other_figures_changes_none(shop: Till) -> None:
    state(shop, TRADE)
    with reading() as session, pytest.raises(ChangedMeanwhile):
        business.set_trade(session, shop.id, replace(TRADE, margin_bps=1), STAFF, day(2), seen=mark({}))
    with reading() as session:
        seen = mark(business.show_trade(TRADE))
        business.set_trade(session, shop.id, replace(TRADE, margin_bps=1), STAFF, day(2), seen=seen)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"margin_bps": -1}, "margin"),
        ({"margin_bps": 10_001}, "margin"),
        ({"shipping_minor": -1}, "sending"),
        ({"order_value_minor": 0}, "worth something"),
        ({"target_roi_bps": -1}, "aimed at"),
        ({"target_roi_bps": 1_000_001}, "aimed at"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(shop: Till, changes: dict[str, int], sentence: str) -> None:
    with reading() as session, pytest.raises(Refused, match=sentence):
        business.set_trade(session, shop.id, replace(TRADE, **changes), STAFF, day(1))


def test_only_who_runs_the_programme_states_them_and_only_of_a_shop_there_is(shop: Till) -> None:
    with reading() as session:
        hire(session, shop.id, "50", Role.APPROVER)
    with reading() as session, pytest.raises(NotAllowed):
        business.set_trade(session, shop.id, TRADE, "staff:50", day(1))
    with reading() as session, pytest.raises(NotFound):
        business.set_trade(session, shop.id + 1, TRADE, "system", day(1))
