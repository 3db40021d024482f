"""A shop with a thousand credits to send gives its worker back every few seconds, so that no inbox waits for it."""

from datetime import datetime, timedelta

from app.engine.rules.states import TransferState
from tests.shopify.desk import Desk


class HurryingClock:
    """A clock on which every look takes half a second."""

    def __init__(self, begins: datetime) -> None:
        self.now = begins

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=0.5)
        return self.now


def test_a_run_ends_while_work_is_left_and_says_that_more_is_due(desk: Desk) -> None:
    ids = [desk.plan(desk.customer(), 100) for _ in range(12)]
    clock = HurryingClock(desk.clock())
    report = desk.send(clock=clock)
    states = [row.state for row in desk.rows(ids)]
    assert 0 < states.count(TransferState.CONFIRMED) < len(ids)
    assert report.stopped_by is None
    assert report.next_due_at is not None
    assert report.next_due_at <= clock.now


def test_turn_after_turn_everything_is_sent_once(desk: Desk) -> None:
    customers = [desk.customer() for _ in range(12)]
    for customer in customers:
        desk.plan(customer, 100)
    clock = HurryingClock(desk.clock())
    turns = 0
    while desk.send(clock=clock).next_due_at is not None:
        turns += 1
        assert turns < 50
    assert turns > 1
    assert [desk.amounts(customer) for customer in customers] == [[100]] * 12
