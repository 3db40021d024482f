"""How far an order's cashback is, what it waits for and until when, and how long it takes in the shop as a whole."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from app.db import transaction
from app.engine.flows import pace, review
from app.engine.rules.facts import FinancialStatus, OrderFact
from app.engine.rules.messages import MailKind, MailState, MessageState
from app.engine.rules.stage_limits import Lag
from app.engine.rules.states import TransferState
from app.engine.rules.terms import HoldRules, Mode, Release, ReleaseKind
from app.models import Delivery, DeliveryState, Mail, MailSettings, Message, Reward, Shop, StageLag, Transfer
from tests.admin.factories import (
    DOMAIN,
    NOON,
    Page,
    Visitor,
    make_shop,
    order,
    publish,
    reading,
    reward_of,
    tell,
)

LATER = NOON + timedelta(days=2)


@pytest.fixture
def automatic(app: Flask) -> int:
    """Return a shop in automatic mode."""
    with app.app_context():
        return make_shop(DOMAIN, Mode.AUTOMATIC)


@pytest.fixture
def regular(app: Flask, automatic: int) -> Visitor:
    """Return a visitor of that shop."""
    return Visitor(app)


def timeline(visitor: Visitor, fact: OrderFact, now: datetime = LATER) -> str:
    """Return the timeline of an order's page, looked at at a moment."""
    with time_machine.travel(now, tick=False):
        response = visitor.load(f"/orders/{fact.order_id}")
    assert response.status_code == 200, response.text
    return Page(response.text).text.partition("Timeline")[2].replace("\u00a0", " ")


def change(table: Any, **values: Any) -> None:
    with transaction() as session:
        session.execute(update(table).values(values))


def measured(shop_id: int, what: Lag, minutes: int, samples: int = 10) -> None:
    """Note that a lag was measured: the same for half and for nearly all, over the day and over the week."""
    took = minutes * 60_000
    with transaction() as session:
        for hours in (24, 168):
            session.add(
                StageLag(
                    shop_id=shop_id, what=what, hours=hours, samples=samples, p50_ms=took, p90_ms=took, p95_ms=took,
                    measured_at=NOON,
                )
            )  # fmt: skip


def approve(fact: OrderFact, shop_id: int, at: datetime = LATER) -> None:
    reward = reward_of(fact)
    with transaction() as session:
        review.approve(session, shop_id, reward.id, reward.version, "staff:42", at)


def test_a_payment_stands_in_the_timeline_with_what_it_waited_for(regular: Visitor, automatic: int) -> None:
    fact = order(1, financial_status=FinancialStatus.PENDING)
    tell(automatic, fact)
    assert "Waits for the payment" in timeline(regular, fact)
    with transaction() as session:
        session.add(
            Delivery(
                shop_id=automatic, webhook_id="w1", topic="orders/paid", body=b"", state=DeliveryState.HANDLED,
                triggered_at=NOON + timedelta(hours=5), received_at=NOON + timedelta(hours=5, seconds=1),
                handled_at=NOON + timedelta(hours=5, seconds=1), order_shopify_id=fact.order_id,
            )
        )  # fmt: skip
        session.execute(update(Reward).values(created_at=NOON + timedelta(hours=6)))
    text = timeline(regular, fact)
    assert "Order paid" in text
    assert text.index("Order placed") < text.index("Order paid") < text.index("Received by Boomerang")


def test_who_was_told_by_which_mail_is_one_click_away(regular: Visitor, automatic: int) -> None:
    fact = order(1)
    tell(automatic, fact)
    assert "Customer told by mail" not in timeline(regular, fact)
    with transaction() as session:
        mail = Mail(
            shop_id=automatic, kind=MailKind.DIGEST, address="a@example.com", address_key="a@example.com",
            language="en", subject="", html="", text="", state=MailState.SENT, created_at=LATER, sent_at=LATER,
        )  # fmt: skip
        session.add(mail)
        session.flush()
        mailed = {"state": MessageState.MAILED, "mail_id": mail.id, "done_at": LATER}
        assert session.scalars(select(Message)).all()
        session.execute(update(Message).values(mailed))
        mail_id = mail.id
    assert "Customer told by mail" in timeline(regular, fact)
    assert f'<a href="/mails/{mail_id}">Customer told by mail</a>' in regular.load(f"/orders/{fact.order_id}").text


def test_what_is_on_its_way_says_by_when_it_is_expected_and_since_when_it_is_late(
    visitor: Visitor, shop_id: int
) -> None:
    fact = order(1)
    tell(shop_id, fact)
    assert "Waits for a person's decision" in timeline(visitor, fact)
    approve(fact, shop_id)
    assert "expected" not in timeline(visitor, fact)
    assert "Waits to be sent to Shopify" in timeline(visitor, fact)
    measured(shop_id, Lag.CREDIT, 10)
    promise = "Expected on the customer's account expected by Mar 3, 2026 at 12:10 PM"
    assert promise in timeline(visitor, fact, LATER + timedelta(minutes=9))
    late = timeline(visitor, fact, LATER + timedelta(minutes=11))
    assert "Expected on the customer's account later than expected: by Mar 3, 2026 at 12:10 PM" in late


def test_in_review_it_is_expected_when_people_usually_decide(visitor: Visitor, shop_id: int) -> None:
    fact = order(1)
    tell(shop_id, fact)
    arrived = reward_of(fact).state_at
    measured(shop_id, Lag.DECISION, 60)
    assert "Expected on the customer's account expected by" in timeline(visitor, fact, arrived)


@pytest.mark.parametrize(
    ("publishes", "changes", "said"),
    [
        ({"release": Release(ReleaseKind.DAYS_AFTER_FULFILLED, 3)}, {}, "Waits until the order has been sent"),
        ({"release": Release(ReleaseKind.DAYS_AFTER_PAID, 1)}, {}, "Is about to be settled"),
        ({"holds": HoldRules(first_order=True)}, {}, "Held until somebody releases it or the reason is gone"),
        ({"holds": HoldRules(first_order=True, release_after_days=9)}, {}, "Released by itself expected by"),
        ({}, {"customer": None, "email": "guest@example.com"}, "Waits for an account with the order's address"),
    ],
)
def test_what_is_waited_for_stands_last(
    regular: Visitor, automatic: int, publishes: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    publish(automatic, **publishes)
    fact = order(1, **changes)
    tell(automatic, fact)
    if publishes.get("release") == Release(ReleaseKind.DAYS_AFTER_PAID, 1):
        change(Reward, release_at=NOON, state="pending", settled_at=None)
    assert said in timeline(regular, fact, LATER)


def test_a_refused_credit_and_one_on_its_way_say_what_they_wait_for(regular: Visitor, automatic: int) -> None:
    fact = order(1)
    tell(automatic, fact)
    change(Transfer, state=TransferState.SENDING, sent_at=LATER)
    assert "Waits for Shopify's answer" in timeline(regular, fact)
    change(Transfer, state=TransferState.REFUSED)
    assert "Waits for somebody to look after the transfer" in timeline(regular, fact)
    change(Transfer, state=TransferState.PLANNED)
    change(Shop, paused_at=LATER, paused_by="system")
    assert "Waits for the end of the pause" in timeline(regular, fact)
    change(Shop, paused_at=None, paused_by=None)
    done = {"sent_minor": 200, "shopify_transaction_id": "gid://shopify/x/1"}
    change(Transfer, state=TransferState.CONFIRMED, confirmed_at=LATER + timedelta(seconds=2), **done)
    assert "Waits for the next mail to the customer" in timeline(regular, fact)


def test_a_stage_that_took_longer_than_it_may_says_so(regular: Visitor, automatic: int) -> None:
    fact = order(1)
    tell(automatic, fact)
    settled_at = reward_of(fact).settled_at
    assert settled_at is not None
    change(Transfer, state=TransferState.SENDING, sent_at=settled_at + timedelta(minutes=59))
    soon = settled_at + timedelta(minutes=60)
    assert "longer than allowed" not in timeline(regular, fact, soon)
    late = timeline(regular, fact, soon + timedelta(minutes=5))
    assert "Waits for Shopify's answer longer than allowed (5 minutes)" in late
    with transaction() as session:
        session.add(MailSettings(shop_id=automatic, stage_limits={"sent": 60, "confirmed": 0}))
    strict = timeline(regular, fact, soon + timedelta(minutes=5))
    assert "Credit sent to Shopify" in strict
    assert strict.count("longer than allowed (1 minute)") == strict.count("longer than allowed") == 1


def test_the_front_page_says_how_long_each_stage_takes(visitor: Visitor, shop_id: int) -> None:
    assert "Nothing has gone its way in the last seven days." in Page(visitor.load("/").text).text
    measured(shop_id, Lag.PAID, 90)
    measured(shop_id, Lag.RECEIVED, 2)
    measured(shop_id, Lag.CONFIRMED, 6)
    measured(shop_id, Lag.TOLD, 6, samples=4)
    measured(shop_id, Lag.CREDIT, 10)
    text = Page(visitor.load("/").text).text.partition("How long it takes")[2]
    assert text.startswith(" In the last 24 hours Stage Half within 95 of 100 within")
    rows = (
        "Until it is paid 2 hours 2 hours Until it arrives here",
        "Until it arrives here at most 5 minutes 2 minutes 2 minutes Until Shopify",
        "Until Shopify confirms it at most 5 minutes 6 minutes Slow 6 minutes Until the customer",
        "Until the customer is told at most 17 hours 6 minutes 6 minutes",
    )
    assert [row for row in rows if row not in text] == []


def test_where_nothing_happened_since_yesterday_the_week_is_told(visitor: Visitor, shop_id: int) -> None:
    measured(shop_id, Lag.SENT, 1)
    with transaction() as session:
        nothing = {"samples": 0, "p50_ms": None, "p90_ms": None, "p95_ms": None}
        session.execute(update(StageLag).where(StageLag.hours == 24).values(nothing))
    text = Page(visitor.load("/").text).text
    assert "How long it takes In the last 7 days" in text
    assert "Until the credit is sent at most 1 hour 1 minute 1 minute" in text


def test_what_is_shown_is_what_was_measured_and_of_no_other_shop(app: Flask, regular: Visitor, automatic: int) -> None:
    other = make_shop("elsewhere.myshopify.com", Mode.AUTOMATIC)
    tell(automatic, order(1))
    with reading() as session:
        now = reward_of(order(1)).created_at + timedelta(minutes=1)
        pace.measure_stages(session, session.get_one(Shop, automatic), now)
    assert "Until it is released at most 10 minutes 0 ms 0 ms" in Page(regular.load("/").text).text.replace(
        "\u00a0", " "
    )
    assert other != automatic
    stranger = Page(Visitor(app, "elsewhere.myshopify.com").load("/").text).text
    assert "Nothing has gone its way in the last seven days." in stranger
