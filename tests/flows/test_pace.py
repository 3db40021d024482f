"""How long the stages took in a shop, measured of what went through them."""

from datetime import datetime, timedelta

from sqlalchemy import select, update

from app.db import transaction
from app.engine.flows import pace
from app.engine.journeys import WEEK, read_pace
from app.engine.rules.messages import Stage
from app.engine.rules.stage_limits import Lag
from app.models import (
    Order,
    Shop,
    StageLag,
)
from tests.flows.builders import Till, day, later, order, reading
from tests.flows.ways import MINUTE, at, busy_day, carry, change_shop, hear, journey_of, lags, measure


def test_what_is_measured_of_a_shop_is_what_the_journeys_of_its_orders_say(shop: Till) -> None:
    facts = busy_day(shop)
    measure(shop, at(3_600))

    found = lags(shop)

    for stage in (stage for stage in Stage if stage is not Stage.PURCHASED):
        journeys = [journey_of(shop, fact).stamps for fact in facts]
        took = [stamp.took for stamps in journeys for stamp in stamps if stamp.stage is stage]
        spans = sorted(one.total_seconds() for one in took if one is not None)
        assert len(spans) == 10
        assert found.pop(Lag(stage.value)) == (10, spans[4], spans[9]), stage
    assert found == {Lag.CREDIT: (10, 15, 30)}
    with reading() as session:
        assert read_pace(session, session.get_one(Shop, shop.id)).credit == timedelta(seconds=27)


def test_a_day_and_a_week_are_measured_apart_and_what_is_older_not_at_all(shop: Till) -> None:
    busy_day(shop)
    measure(shop, at(3_600) + timedelta(days=1))
    assert lags(shop) == {}
    assert lags(shop, WEEK)[Lag.SENT] == (10, 5, 10)
    measure(shop, at(3_600) + timedelta(days=7))
    assert lags(shop, WEEK) == {}


def test_only_the_newest_are_looked_at(shop: Till) -> None:
    busy_day(shop)
    shop.tell(order(11, on=11), on=11)
    shop.run(lambda session, row: pace.measure_stages(session, row, day(11, seconds=60), newest=1))
    assert lags(shop, WEEK)[Lag.RELEASED][0] == 1
    assert lags(shop)[Lag.RELEASED][0] == 1
    measure(shop, day(11, seconds=60))
    assert lags(shop, WEEK)[Lag.RELEASED][0] == 11


def test_what_people_decide_is_measured_by_itself(manual_shop: Till) -> None:
    fact = order(1)
    hear(manual_shop, fact, triggered=-2, received=-1)
    manual_shop.tell(fact, order(2))
    manual_shop.approve(fact)
    measure(manual_shop, day(11, seconds=60))
    found = lags(manual_shop)
    assert found[Lag.DECISION] == (1, 86_400, 86_400)
    assert Lag.DECIDED not in found
    assert found[Lag.RELEASED] == (1, 0, 0)
    with reading() as session:
        assert read_pace(session, session.get_one(Shop, manual_shop.id)).decision == timedelta(days=1)


def test_what_comes_later_to_an_order_and_what_is_past_is_not_measured(shop: Till) -> None:
    fact = order(1)
    hear(shop, fact, triggered=-2, received=-1)
    shop.tell(fact)
    shop.tell(
        later(fact, lines=(*fact.lines, fact.lines[0].__class__(fact.lines[0].line_id + 1, "More", 1, 0, 5_000, 0))),
        on=11,
    )
    measure(shop, day(11, seconds=60))
    assert lags(shop, WEEK)[Lag.RELEASED][0] == 1
    assert lags(shop, WEEK)[Lag.DECIDED][0] == 1
    with transaction() as session:
        session.execute(update(Order).values(is_past=True))
    measure(shop, day(11, seconds=60))
    assert Lag.DECIDED not in lags(shop, WEEK)


def test_a_pause_makes_nothing_slow(shop: Till) -> None:
    shop.pause()
    fact = order(1)
    shop.tell(fact, on=5)
    shop.resume()
    shop.settle_due(on=6)
    carry(shop, sent=-345_570, confirmed=-345_560)
    measure(shop, day(6, seconds=120))
    assert lags(shop)[Lag.RELEASED] == (1, 0, 0)
    assert lags(shop)[Lag.SENT] == (1, 30, 30)


def test_shops_are_measured_every_few_minutes_and_those_that_went_away_never(shop: Till, manual_shop: Till) -> None:
    def due(now: datetime) -> list[int]:
        with reading() as session:
            return pace.list_due_shops(session, now)

    assert due(day(10)) == [shop.id, manual_shop.id]
    measure(shop, day(10))
    assert due(day(10) + 4 * MINUTE) == [manual_shop.id]
    assert due(day(10) + 5 * MINUTE) == [shop.id, manual_shop.id]
    change_shop(manual_shop, uninstalled_at=day(10))
    assert due(day(10) + 5 * MINUTE) == [shop.id]


def test_one_shops_lags_are_not_anothers(shop: Till, manual_shop: Till) -> None:
    busy_day(shop)
    measure(manual_shop, at(3_600))
    assert lags(manual_shop) == {}
    with reading() as session:
        assert session.scalars(select(StageLag.shop_id).distinct()).all() == [manual_shop.id]


def test_orders_from_before_the_app_was_there_say_nothing_about_its_pace(shop: Till) -> None:
    busy_day(shop)
    change_shop(shop, installed_at=at(0))
    measure(shop, at(3_600))
    assert not {Lag.PAID, Lag.TRIGGERED, Lag.RECEIVED, Lag.DECIDED} & lags(shop).keys()
    assert lags(shop)[Lag.SENT] == (10, 5, 10)
