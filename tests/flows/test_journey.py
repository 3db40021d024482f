"""The journeys of real rewards, as staff and as customers see them."""

from datetime import datetime, timedelta

from sqlalchemy import select, update

from app.db import transaction
from app.engine.flows.journey import (
    CustomerJourney,
    CustomerStage,
    read_customer_journeys,
)
from app.engine.journeys import read_journeys
from app.engine.rules.facts import FinancialStatus
from app.engine.rules.journey import WaitsFor
from app.engine.rules.messages import MailState, Stage, Topic
from app.engine.rules.terms import Release, ReleaseKind
from app.models import (
    Customer,
    Mail,
    Message,
    Reward,
    Shop,
)
from tests.flows.builders import ADA, BEN, Till, day, later, order, reading
from tests.flows.ways import at, carry, hear, journey_of, tell_by_mail


def test_an_order_paid_and_credited_at_once_has_all_its_stages(shop: Till) -> None:
    fact = order(1, placed_at=at(-10), updated_at=at(-10))
    hear(shop, fact, triggered=-4, received=-3, topic="orders/create")
    hear(shop, fact, triggered=-4, received=-2)
    shop.tell(fact)
    carry(shop, sent=2, confirmed=5)
    tell_by_mail(shop, 600)

    journey = journey_of(shop, fact)

    assert {stamp.stage: (stamp.at, stamp.took) for stamp in journey.stamps} == {
        Stage.PURCHASED: (at(-10), None),
        Stage.PAID: (at(-4), timedelta(seconds=6)),
        Stage.TRIGGERED: (at(-4), timedelta(0)),
        Stage.RECEIVED: (at(-3), timedelta(seconds=1)),
        Stage.DECIDED: (at(0), timedelta(seconds=3)),
        Stage.RELEASED: (at(0), timedelta(0)),
        Stage.SENT: (at(2), timedelta(seconds=2)),
        Stage.CONFIRMED: (at(5), timedelta(seconds=3)),
        Stage.TOLD: (at(600), timedelta(seconds=600)),
    }
    assert (journey.next_stage, journey.expected_by) == (None, None)


def test_an_order_that_was_looked_up_was_told_by_nobody(shop: Till) -> None:
    fact = order(1)
    hear(shop, fact, triggered=-60, received=-1, topic="boomerang/order_read")
    shop.tell(fact)
    assert (journey_of(shop, fact).at(Stage.TRIGGERED), journey_of(shop, fact).at(Stage.RECEIVED)) == (None, at(-1))


def test_an_order_without_any_delivery_was_received_when_it_was_first_seen(shop: Till) -> None:
    fact = order(1)
    shop.tell(fact)
    stages = [stamp.stage for stamp in journey_of(shop, fact).stamps]
    assert stages == [Stage.PURCHASED, Stage.RECEIVED, Stage.DECIDED, Stage.RELEASED]
    assert journey_of(shop, fact).at(Stage.RECEIVED) == day(10)


def test_an_order_that_is_not_paid_waits_for_that(shop: Till) -> None:
    fact = order(1, financial_status=FinancialStatus.PENDING)
    hear(shop, fact, triggered=-5, received=-4, topic="orders/create")
    shop.tell(fact)
    waiting = journey_of(shop, fact)
    assert (waiting.next_stage, waiting.waits_for) == (Stage.PAID, WaitsFor.PAYMENT)

    hear(shop, fact, triggered=86_396, received=86_397)
    shop.tell(later(fact, financial_status=FinancialStatus.PAID), on=11)
    paid = journey_of(shop, fact)
    assert (paid.at(Stage.PAID), paid.at(Stage.RECEIVED)) == (at(86_396), at(86_397))
    assert paid.at(Stage.DECIDED) == day(11)


def test_no_orders_have_no_journeys(shop: Till) -> None:
    with reading() as session:
        assert read_journeys(session, session.get_one(Shop, shop.id), [], day(10)) == {}


def test_a_mail_that_was_only_kept_told_nobody_and_one_that_waits_is_awaited(shop: Till) -> None:
    fact = order(1)
    shop.tell(fact)
    carry(shop, sent=2, confirmed=5)
    awaited = journey_of(shop, fact)
    assert (awaited.next_stage, awaited.waits_for, awaited.waits_since) == (Stage.TOLD, WaitsFor.MAIL, day(10))
    tell_by_mail(shop, 600, MailState.PLANNED)
    assert journey_of(shop, fact).next_stage is Stage.TOLD
    with transaction() as session:
        session.execute(update(Mail).values(state=MailState.KEPT))
    kept = journey_of(shop, fact)
    assert (kept.next_stage, kept.at(Stage.TOLD)) == (None, None)


def test_told_is_who_was_told_first_and_more_news_wait_for_the_next_mail(shop: Till) -> None:
    fact = order(1)
    shop.tell(fact)
    carry(shop, sent=2, confirmed=5)
    tell_by_mail(shop, 600)
    add_message(shop, "a later one", at(700))
    waiting = journey_of(shop, fact)
    assert (waiting.at(Stage.TOLD), waiting.waits_since) == (at(600), at(700))
    tell_by_mail(shop, 900)
    assert (journey_of(shop, fact).at(Stage.TOLD), journey_of(shop, fact).next_stage) == (at(600), None)


def test_of_two_mails_the_one_that_left_first_told(shop: Till) -> None:
    fact = order(1)
    shop.tell(fact)
    tell_by_mail(shop, 900)
    add_message(shop, "told before", at(700))
    tell_by_mail(shop, 800)
    told = next(stamp for stamp in journey_of(shop, fact).stamps if stamp.stage is Stage.TOLD)
    assert (told.at, told.took) == (at(800), timedelta(seconds=100))


def add_message(till: Till, key: str, created_at: datetime) -> None:
    with transaction() as session:
        reward = session.scalars(select(Reward).where(Reward.shop_id == till.id)).one()
        message = Message(
            shop_id=till.id, key=key, topic=Topic.REWARD, customer_id=reward.customer_id, reward_id=reward.id,
            subject_id=reward.id, created_at=created_at,
        )  # fmt: skip
        session.add(message)


def test_customers_see_the_stages_they_care_about_and_a_date(shop: Till) -> None:
    shop.publish(release=Release(ReleaseKind.DAYS_AFTER_PAID, 20))
    first, second = order(1, on=1), order(2, on=2)
    shop.tell(first, order(3, customer=BEN))
    shop.tell(second)

    newest, oldest = customer_journeys(shop, day(11))

    assert (newest.order_name, newest.placed_at) == ("#1002", day(2))
    assert newest.stages == ((CustomerStage.PURCHASED, day(2)), (CustomerStage.ORDER_CONFIRMED, day(10)))
    assert newest.expected_by is not None
    assert newest.expected_by.date() == day(23).date()
    assert not newest.takes_longer
    assert [one.order_name for one in customer_journeys(shop, day(11), limit=1)] == ["#1002"]
    late = customer_journeys(shop, day(22, seconds=3_600))[1]
    assert (late.order_name, late.expected_by, late.takes_longer) == (oldest.order_name, None, True)


def customer_journeys(till: Till, now: datetime, limit: int = 10) -> tuple[CustomerJourney, ...]:
    with reading() as session:
        whose = (Customer.shop_id == till.id, Customer.shopify_id == ADA.customer_id)
        customer_id = session.scalars(select(Customer.id).where(*whose)).one()
        return read_customer_journeys(session, session.get_one(Shop, till.id), customer_id, now, limit)


def test_what_a_person_looks_at_looks_to_its_customer_like_what_nobody_looks_at(manual_shop: Till) -> None:
    fact = order(1)
    manual_shop.tell(fact)
    (seen,) = customer_journeys(manual_shop, day(11))
    assert (seen.stages, seen.expected_by, seen.takes_longer) == (((CustomerStage.PURCHASED, day(0)),), None, False)
    manual_shop.approve(fact)
    carry(manual_shop, sent=86_401, confirmed=86_402)
    (added,) = customer_journeys(manual_shop, day(11))
    assert [stage for stage, _ in added.stages] == [
        CustomerStage.PURCHASED, CustomerStage.ORDER_CONFIRMED, CustomerStage.ON_ITS_WAY, CustomerStage.ADDED,
    ]  # fmt: skip
