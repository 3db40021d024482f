"""Which stages are too slow, and what stands in one for too long."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.db import transaction
from app.engine.flows.journey import (
    SlowStage,
)
from app.engine.rules.messages import MailState, Stage
from app.engine.rules.states import TransferState
from app.engine.rules.terms import HoldRules, Release, ReleaseKind
from app.engine.stuck import Stuck, find_stuck
from app.models import (
    Delivery,
    DeliveryState,
    MailSettings,
    Message,
    Reward,
    Shop,
    Transfer,
)
from tests.flows.builders import Till, day, order
from tests.flows.ways import at, busy_day, carry, change_shop, hear, limit, measure, slow, tell_by_mail


def test_a_stage_is_slow_when_more_than_one_in_twenty_took_longer_than_its_limit(shop: Till) -> None:
    busy_day(shop)
    measure(shop, at(3_600))
    limit(shop, sent=9, confirmed=20)
    assert slow(shop, at(3_600)) == [
        SlowStage(Stage.SENT, timedelta(seconds=9), timedelta(seconds=10), 10, 0, None),
    ]
    with transaction() as session:
        session.execute(update(MailSettings).values(stage_limits={"sent": 10}))
    assert slow(shop, at(3_600)) == []


def test_fewer_than_five_say_nothing(shop: Till) -> None:
    shop.tell(*(order(number) for number in range(1, 5)))
    carry(shop, sent=600, confirmed=601)
    measure(shop, at(3_600))
    limit(shop, sent=9)
    assert slow(shop, at(3_600)) == []
    shop.tell(order(5))
    assert [(found.standing, found.most_within) for found in slow(shop, at(3_600))] == [(1, None)]


Standing = Callable[[Till], None]


def planned(till: Till) -> None:
    till.tell(order(1))


def lost_on_the_way(till: Till) -> None:
    till.tell(order(1))
    carry(till, sent=0)


def released_by_nobody(till: Till) -> None:
    till.publish(release=Release(ReleaseKind.DAYS_AFTER_PAID, 9))
    till.tell(order(1), on=9)
    with transaction() as session:
        session.execute(update(Reward).values(release_at=day(10)))


def not_handled(till: Till) -> None:
    fact = order(1)
    hear(till, fact, triggered=-1, received=0)
    with transaction() as session:
        session.execute(update(Delivery).values(state=DeliveryState.RECEIVED))


def not_told(till: Till) -> None:
    till.tell(order(1))
    carry(till, sent=1, confirmed=2)


def mail_not_sent(till: Till) -> None:
    not_told(till)
    tell_by_mail(till, 0, MailState.PLANNED)


@pytest.mark.parametrize(
    ("stage", "stand", "goes_on_in_a_pause"),
    [
        (Stage.DECIDED, not_handled, True),
        (Stage.RELEASED, released_by_nobody, False),
        (Stage.SENT, planned, False),
        (Stage.CONFIRMED, lost_on_the_way, True),
        (Stage.TOLD, not_told, False),
        (Stage.TOLD, mail_not_sent, False),
    ],
)
def test_what_stands_in_a_stage_for_longer_than_its_limit_is_found(
    shop: Till, stage: Stage, stand: Standing, goes_on_in_a_pause: bool
) -> None:
    stand(shop)
    limit(shop, **{stage.value: 60})
    assert slow(shop, at(60)) == []
    (found,) = slow(shop, at(61))
    assert (found.stage, found.standing, found.oldest_at, found.most_within) == (stage, 1, day(10), None)
    change_shop(shop, paused_at=day(10))
    assert bool(slow(shop, at(61))) is goes_on_in_a_pause


def test_what_a_person_must_mend_stands_for_no_machine(shop: Till) -> None:
    shop.tell(order(1))
    carry(shop, sent=0)
    with transaction() as session:
        session.execute(update(Transfer).values(state=TransferState.UNKNOWN, needs_person=True))
    limit(shop, sent=60, confirmed=60)
    shop.tell(order(2))
    assert slow(shop, at(3_600)) == [], "The second credit waits behind the first, which waits for a person."


def test_nobody_waits_to_be_told_in_a_shop_that_mails_nobody(shop: Till) -> None:
    not_told(shop)
    limit(shop, told=60)
    change_shop(shop, mails_customers=False)
    assert slow(shop, at(3_600)) == []


def test_what_waits_for_a_person_or_its_day_is_never_slow(manual_shop: Till) -> None:
    manual_shop.publish(holds=HoldRules(first_order=True))
    manual_shop.tell(order(1))
    limit(manual_shop, decided=1, released=1, sent=1, confirmed=1)
    assert slow(manual_shop, day(20)) == []


def test_what_waits_for_the_next_digest_is_not_slow_also_on_the_longest_day(shop: Till) -> None:
    not_told(shop)
    change_shop(shop, timezone="Europe/Berlin")
    with transaction() as session:
        session.add(MailSettings(shop_id=shop.id, digest_times=["09:00"]))
        # A minute after the digest of the 24th; the 25th has 25 hours.
        session.execute(update(Message).values(created_at=datetime(2026, 10, 24, 7, 1, tzinfo=UTC)))
    digest_of_the_25th = datetime(2026, 10, 25, 8, 0, tzinfo=UTC)
    assert slow(shop, digest_of_the_25th + timedelta(hours=2)) == []
    (found,) = slow(shop, digest_of_the_25th + timedelta(hours=2, minutes=2))
    assert (found.stage, found.limit) == (Stage.TOLD, timedelta(hours=27))


def stand_for(till: Till, *seconds: float, stage: Stage, most: int) -> Stuck:
    """Return what is found of as many customers' orders that stand in a stage for so long, written in any order."""
    table, at_column = ((Transfer, Transfer.created_at), (Message, Message.created_at))[stage is Stage.TOLD]
    with transaction() as session:
        ids = session.scalars(select(table.id).where(table.shop_id == till.id).order_by(table.id)).all()
        # The newest row of each comes to lie before the older ones.
        for number, ago in reversed(list(zip(ids, seconds, strict=True))):
            session.execute(update(table).where(table.id == number).values({at_column: at(-ago)}))
    with transaction() as session:
        return find_stuck(session, session.get_one(Shop, till.id), {stage: timedelta(seconds=60)}, at(0), most)[stage]


@pytest.mark.parametrize("stage", [Stage.SENT, Stage.TOLD])
def test_of_more_than_are_counted_it_is_the_oldest_that_is_named(shop: Till, stage: Stage) -> None:
    shop.tell(*(order(number) for number in range(1, 6)))
    assert stand_for(shop, 900, 800, 700, 600, 500, stage=stage, most=3) == Stuck(3, at(-900))


@pytest.mark.parametrize("stage", [Stage.SENT, Stage.TOLD])
def test_what_moves_on_hides_nothing_that_stands(shop: Till, stage: Stage) -> None:
    shop.tell(*(order(number) for number in range(1, 6)))
    assert stand_for(shop, 1, 2, 3, 4, 100, stage=stage, most=2) == Stuck(1, at(-100))
