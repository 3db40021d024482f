"""The steps of a cashback's way: what is done, what is next, and no day before the one it follows."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from app.engine.flows.cashback import OrderCashback
from app.engine.flows.journey import CustomerStage
from app.engine.rules.customer_words import Stage
from app.sentences import say
from app.storefront.steps import Turn, list_steps

ORDER = OrderCashback(
    order_name="#1001",
    placed_at=datetime(2026, 3, 1, tzinfo=UTC),
    kept_minor=200,
    stage=Stage.ON_ITS_WAY,
    sentence=say("Soon."),
    reward_id=1,
    is_added=False,
    waits_for_account=False,
)
ADDED = replace(ORDER, stage=Stage.ADDED, is_added=True)
MARCH = [date(2026, 3, number) for number in range(1, 32)]
WAY = (CustomerStage.PURCHASED, CustomerStage.ORDER_CONFIRMED, CustomerStage.ON_ITS_WAY, CustomerStage.ADDED)


@pytest.mark.parametrize("reached", range(1, 5))
def test_what_is_reached_is_done_and_one_step_is_next(reached: int) -> None:
    steps = list_steps(ORDER, dict(zip(WAY[:reached], MARCH, strict=False)), MARCH[20])
    turns = [Turn.DONE] * reached + [Turn.NEXT] + [Turn.LATER] * 3
    assert [step.turn for step in steps] == turns[:4]
    days = [*MARCH[:reached], *[None] * (4 - reached)]
    assert [step.on for step in steps] == [*days[:3], MARCH[3] if reached == 4 else MARCH[20]]
    assert [step.is_done for step in steps].count(True) == reached
    assert [step.is_next for step in steps].count(True) == (reached < 4)


def test_a_stage_of_which_nobody_knows_the_day_is_done_when_a_later_one_is() -> None:
    steps = list_steps(ORDER, {CustomerStage.PURCHASED: MARCH[0], CustomerStage.ON_ITS_WAY: MARCH[4]}, None)
    assert [(step.turn, step.on) for step in steps] == [
        (Turn.DONE, MARCH[0]),
        (Turn.DONE, None),
        (Turn.DONE, MARCH[4]),
        (Turn.NEXT, None),
    ]


def test_clocks_that_differ_bring_no_step_before_the_one_it_follows() -> None:
    steps = list_steps(ORDER, {CustomerStage.PURCHASED: MARCH[2], CustomerStage.ORDER_CONFIRMED: MARCH[1]}, None)
    assert [step.on for step in steps] == [MARCH[2], MARCH[2], None, None]


def test_what_is_there_has_all_its_steps_behind_it() -> None:
    # What was set off against what the customer owed was never sent to Shopify.
    steps = list_steps(ADDED, {CustomerStage.PURCHASED: MARCH[0]}, MARCH[20])
    assert [(step.turn, step.on) for step in steps] == [(Turn.DONE, MARCH[0]), *[(Turn.DONE, None)] * 3]


@pytest.mark.parametrize("stage", [Stage.TAKEN_BACK, Stage.NONE])
def test_what_went_back_or_never_came_has_an_end(stage: Stage) -> None:
    days = dict(zip(WAY, MARCH, strict=False))
    steps = list_steps(replace(ADDED, stage=stage, is_added=False), days, MARCH[20])
    assert [(step.turn, step.on) for step in steps] == [(Turn.DONE, MARCH[0]), (Turn.DONE, None)]


def test_what_waits_for_an_account_has_no_steps_yet() -> None:
    assert list_steps(replace(ORDER, waits_for_account=True), {CustomerStage.PURCHASED: MARCH[0]}, None) == ()
