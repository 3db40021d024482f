"""The tables of orders from before the programme in app/engine/README.md, played in a shop."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db import db
from app.engine.flows import history, program
from app.engine.rules import money
from app.engine.rules.facts import OrderFact
from app.engine.rules.terms import Tier
from app.errors import Refused
from app.models import Order, Reward, Shop, SpendRow
from tests.flows.builders import STAFF, Till, day, later, line, order, reading, refund_of
from tests.rules.tables import NOTHING, Row, tables_with

(LIFE,) = tables_with("state", "spend", "kept", "granted")
(ASKED,) = tables_with("asked for on day")
STORY = "order of day 0 over 100.00 at 2 %, in a programme that began on day 10"
PLACED = "order over 100.00 placed on day; 2 % from day 10, 5 % from day 20"


@pytest.fixture
def young(app: Flask) -> Iterator[Till]:
    """Return a shop whose programme began on day 10, at 2 %."""
    with app.app_context():
        yield begin_on_day_10()
        db.session.remove()


def begin_on_day_10() -> Till:
    till = Till("young.myshopify.com")
    till.publish(on=10, tiers=(Tier("Everyone", 0, 200),))
    till.run(lambda session, row: program.set_began(session, row.id, day(10), STAFF, day(10)))
    return till


def bring_in(till: Till, *facts: OrderFact, on: int, asked: int | None = None) -> None:
    """Import orders, with their rewards where a day is given on which they were asked for."""

    def flow(session: Session, row: Shop, now: datetime) -> Any:
        asked_at = None if asked is None else day(asked)
        return history.record_history(session, row, facts, (), now, reward_asked_at=asked_at)

    till.twice(flow, day(on))


def test_a_past_order_goes_the_way_the_page_says(young: Till) -> None:
    fact = order(1, line(1, 10_000, 2))
    for number, row in enumerate(LIFE):
        moment, _, what = row[STORY].removeprefix("day ").partition(": ")
        on = int(moment)
        match what:
            case "told":
                young.tell(fact, on=on)
            case "changed, and told again":
                fact = later(fact, seconds=60 * number, name=f"#1001-{number}")
                young.tell(fact, on=on)
            case "imported without rewards":
                bring_in(young, fact, on=on)
            case "imported with rewards":
                bring_in(young, fact, on=on, asked=on)
            case "half of it goes back" | "the other half goes back":
                young.pay_back(refund_of(fact, number, units=1, on=on), on=on)
            case _:
                raise AssertionError(f"the page says {what!r}, which nobody understands")
        assert (*reward_of(young), spend_of(young)) == tuple(
            row[name] for name in ("state", "granted", "kept", "spend")
        )


@pytest.mark.parametrize("row", ASKED, ids=lambda row: f"{row[PLACED]} asked {row['asked for on day']}")
def test_which_terms_decide_a_past_order_is_as_the_page_says(young: Till, row: Row) -> None:
    young.publish(on=20, tiers=(Tier("Everyone", 0, 500),))
    fact = order(1, on=int(row[PLACED]))
    asked = None if row["asked for on day"] == NOTHING else int(row["asked for on day"])
    if asked is None:
        young.tell(fact, on=26)
        bring_in(young, fact, on=27)
    else:
        bring_in(young, fact, on=26, asked=asked)
    assert reward_of(young)[1] == row["granted"]


def test_an_import_after_the_terms_have_changed_asks_once(young: Till) -> None:
    fact = order(1)
    bring_in(young, fact, on=15, asked=15)
    young.publish(on=20, tiers=(Tier("Everyone", 0, 500),))
    bring_in(young, fact, on=25, asked=25)
    assert reward_of(young)[1] == "2.00"


def test_a_past_order_is_rewarded_once_told_before_or_after_its_refund(young: Till) -> None:
    fact = order(1, line(1, 10_000, 2))
    back = refund_of(fact, 1, units=2, on=12)
    young.pay_back(back, on=12)
    bring_in(young, fact, on=15, asked=15)
    assert reward_of(young) == ("voided", "2.00", "0.00")
    assert young.balances() == (0, 0, 0)


def test_a_beginning_moved_later_touches_no_order_that_is_known(young: Till) -> None:
    fact = order(1, on=12)
    young.tell(fact, on=12)
    young.run(lambda session, row: program.set_began(session, row.id, day(20), STAFF, day(21)))
    young.tell(later(fact, name="#renamed"), on=22)
    assert reward_of(young) == ("settled", "2.00", "2.00")


def test_a_beginning_is_a_moment_of_the_past_with_a_time_zone(young: Till) -> None:
    for moment in (day(30), day(1).replace(tzinfo=None)):
        with pytest.raises(Refused):
            young.run(lambda session, row, moment=moment: program.set_began(session, row.id, moment, STAFF, day(20)))


def test_a_shop_that_does_not_say_when_it_began_has_no_past_orders(app: Flask) -> None:
    with app.app_context():
        till = Till("old.myshopify.com")
        till.tell(order(1, on=-90))
        assert reward_of(till) == ("settled", "2.00", "2.00")
        bring_in(till, replace(order(2, on=-80), name="#imported"), on=12)
        db.session.remove()


def reward_of(till: Till) -> tuple[str, str, str]:
    with reading() as session:
        which = select(Reward).join(Order, Order.id == Reward.order_id)
        row = session.scalars(which.where(Order.shop_id == till.id)).one()
        return row.state.value, text(row.granted_minor), text(row.kept_minor)


def spend_of(till: Till) -> str:
    with reading() as session:
        return text(session.scalar(select(func.coalesce(func.sum(SpendRow.amount_minor), 0))) or 0)


def text(minor: int) -> str:
    return money.to_decimal_string(minor, "USD")
