"""The engine's status: what is wrong is found where it is, and said with what to do."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from app import create_app
from app.clock import utcnow
from app.config import Settings
from app.engine.rules.mailing import Refusal
from app.engine.rules.messages import MailKind, MailState, Topic
from app.engine.rules.states import TransferKind, TransferState
from app.models import (
    BookCheck,
    Customer,
    Delivery,
    DeliveryState,
    Mail,
    MailOutage,
    MailTemplate,
    Message,
    ReconcileRun,
    Shop,
    ShopToken,
    Transfer,
)
from app.shopify.scopes import REQUIRED
from app.status.causes import EngineStatus, Level, find_status
from app.status.words import CAUSE_WORDS
from tests.admin.factories import NOON, Page, Visitor, reading


def status_of(shop_id: int) -> Any:
    with reading() as session:
        return find_status(session, session.get_one(Shop, shop_id), utcnow())


def add_delivery(session: Session, shop_id: int, state: DeliveryState, seconds_ago: int, number: int = 0) -> None:
    session.add(
        Delivery(
            shop_id=shop_id, webhook_id=f"{state}{seconds_ago}{number}", topic="orders/paid", body=b"{}", state=state,
            received_at=utcnow() - timedelta(seconds=seconds_ago), reason="The body is <b>odd</b>.",
        )
    )  # fmt: skip


def add_transfer(session: Session, shop_id: int, state: TransferState, **values: Any) -> None:
    customer = Customer(shop_id=shop_id, shopify_id=1, created_at=NOON)
    session.add(customer)
    session.flush()
    session.add(
        Transfer(
            shop_id=shop_id, key="k", customer_id=customer.id, kind=TransferKind.CREDIT, currency="USD",
            amount_minor=5, state=state, created_at=NOON, **values,
        )
    )  # fmt: skip


def lose_token(session: Session, shop_id: int) -> None:
    session.delete(session.get_one(ShopToken, shop_id))


def refuse_token(session: Session, shop_id: int) -> None:
    token = session.get_one(ShopToken, shop_id)
    token.refused_at, token.refused_reason = utcnow(), "invalid_grant"


def lose_scope(session: Session, shop_id: int) -> None:
    session.get_one(ShopToken, shop_id).scope = ",".join(REQUIRED - {"read_orders"})


def change_currency(session: Session, shop_id: int) -> None:
    session.get_one(Shop, shop_id).other_currency = "EUR"


def lag(session: Session, shop_id: int) -> None:
    add_delivery(session, shop_id, DeliveryState.RECEIVED, 61)


def fail(session: Session, shop_id: int) -> None:
    add_delivery(session, shop_id, DeliveryState.FAILED, 5)


def refuse_transfer(session: Session, shop_id: int) -> None:
    add_transfer(session, shop_id, TransferState.REFUSED)


def doubt_transfer(session: Session, shop_id: int) -> None:
    add_transfer(session, shop_id, TransferState.UNKNOWN, needs_person=True, sent_at=utcnow())


def lose_transfer(session: Session, shop_id: int) -> None:
    add_transfer(session, shop_id, TransferState.UNKNOWN, sent_at=utcnow() - timedelta(minutes=11))


def look_for_nothing(session: Session, shop_id: int) -> None:
    """Let the last look for missed webhooks lie 46 minutes back, and the one begun since get no answer."""
    ended = utcnow() - timedelta(minutes=46)
    session.query(ReconcileRun).filter_by(shop_id=shop_id).update({"finished_at": ended})
    session.add(
        ReconcileRun(shop_id=shop_id, started_at=ended, from_at=ended, reached_at=ended, trouble="Shopify is silent.")
    )


def check_books(session: Session, shop_id: int, findings: int = 2, hours_ago: int = 3) -> None:
    """Let the books have been checked, and mistakes been found."""
    at = utcnow() - timedelta(hours=hours_ago)
    session.add(
        BookCheck(
            shop_id=shop_id, asked_at=at, asked_by="system", began_at=at, stepped_at=at, finished_at=at, entries=5,
            findings=findings, notes=["Entry 5 does not balance."][:findings],
        )
    )  # fmt: skip


TROUBLES = [
    (check_books, "The last check of the books, 3 hours ago, found 2 mistakes."),
    (look_for_nothing, "looked for orders whose webhooks never came. The last try: Shopify is silent."),
    (lose_token, "no access token"),
    (refuse_token, "refused our access token (invalid_grant)"),
    (lose_scope, "Shopify does not let Boomerang read orders (read_orders)."),
    (change_currency, "the shop's currency is EUR now; its books are kept in USD"),
    (lag, "has been waiting for"),
    (fail, "1 of 1 deliveries of the last hour failed. The last one: The body is"),
    (refuse_transfer, "There is 1 transfer refused by Shopify."),
    (doubt_transfer, "only a person can decide about"),
    (lose_transfer, "outcome has been unknown for 11 minutes"),
]


@pytest.mark.parametrize(("trouble", "sentence"), TROUBLES)
def test_each_trouble_is_an_error_with_its_cause(
    shop_id: int, trouble: Callable[[Session, int], None], sentence: str
) -> None:
    with reading() as session:
        trouble(session, shop_id)
    status = status_of(shop_id)
    assert status.level is Level.ERROR
    assert [sentence in cause.what for cause in status.causes] == [True]
    assert all(cause.advice for cause in status.causes)


@pytest.mark.parametrize(("trouble", "sentence"), TROUBLES)
def test_anothers_trouble_is_not_ours(
    shop_id: int, other_shop_id: int, trouble: Callable[[Session, int], None], sentence: str
) -> None:
    with reading() as session:
        trouble(session, other_shop_id)
    assert status_of(shop_id).level is Level.ACTIVE


def test_once_the_books_add_up_again_earlier_mistakes_are_no_trouble(shop_id: int) -> None:
    with reading() as session:
        check_books(session, shop_id, hours_ago=26)
    with reading() as session:
        check_books(session, shop_id, findings=0, hours_ago=2)
    assert status_of(shop_id).level is Level.ACTIVE


def test_what_is_normal_is_no_trouble(shop_id: int) -> None:
    with reading() as session:
        add_delivery(session, shop_id, DeliveryState.RECEIVED, 30)
        add_delivery(session, shop_id, DeliveryState.FAILED, 3700)
        add_delivery(session, shop_id, DeliveryState.FAILED, 10)
        for number in range(19):
            add_delivery(session, shop_id, DeliveryState.HANDLED, 20, number)
        add_transfer(session, shop_id, TransferState.UNKNOWN, sent_at=utcnow() - timedelta(minutes=5))
    assert status_of(shop_id).level is Level.ACTIVE
    with reading() as session:
        add_delivery(session, shop_id, DeliveryState.FAILED, 11)
    assert status_of(shop_id).level is Level.ERROR


def test_a_paused_engine_is_paused_and_still_says_what_is_wrong(shop_id: int) -> None:
    with reading() as session:
        session.get_one(Shop, shop_id).paused_at = utcnow()
    assert status_of(shop_id).level is Level.PAUSED
    with reading() as session:
        lag(session, shop_id)
    assert status_of(shop_id).level is Level.ERROR


def test_an_unreachable_queue_is_an_error(settings: Settings, shop_id: int) -> None:
    app = create_app(dataclasses.replace(settings, redis_url="redis://127.0.0.1:9/0"))
    with app.app_context():
        status = status_of(shop_id)
        assert status.level is Level.ERROR
        assert "queue cannot be reached" in status.causes[0].what
        page = Page(Visitor(app).load("/").text)
    assert "Error" in page.text
    assert "REDIS_URL" in page.text


def test_a_healthy_engine_is_active(app: Flask, visitor: Visitor, shop_id: int) -> None:
    assert status_of(shop_id).level is Level.ACTIVE
    assert "Active" in Page(visitor.load("/settings").text).text


def test_a_look_that_is_not_yet_three_times_late_is_no_trouble(shop_id: int) -> None:
    with reading() as session:
        look_for_nothing(session, shop_id)
        session.get_one(Shop, shop_id).reconcile_minutes = 16
    assert status_of(shop_id).level is Level.ACTIVE


def test_a_shop_that_came_back_has_time_for_its_first_look(shop_id: int) -> None:
    with reading() as session:
        look_for_nothing(session, shop_id)
        session.get_one(Shop, shop_id).installed_at = utcnow() - timedelta(minutes=44)
    assert status_of(shop_id).level is Level.ACTIVE


def test_without_a_token_nobody_is_told_besides_that_nothing_was_looked_for(shop_id: int) -> None:
    with reading() as session:
        look_for_nothing(session, shop_id)
        refuse_token(session, shop_id)
    assert len(status_of(shop_id).causes) == 1


def take_no_mail(session: Session, shop_id: int, minutes: int = 16) -> None:
    session.add(
        MailOutage(
            shop_id=shop_id, began_at=utcnow() - timedelta(minutes=minutes), tries=9, next_try_at=utcnow(),
            reason="Nobody listens.",
        )
    )  # fmt: skip
    add_mail(session, shop_id, MailState.PLANNED)


def add_mail(
    session: Session, shop_id: int, state: MailState, refusal: Refusal | None = None, days_ago: int = 0
) -> None:
    session.add(
        Mail(
            shop_id=shop_id, kind=MailKind.DIGEST, address="ada@example.com", address_key="ada@example.com",
            language="en", subject="s", html="h", text="t", state=state, refusal=refusal,
            created_at=utcnow() - timedelta(days=days_ago),
        )
    )  # fmt: skip


def doubt_mail(session: Session, shop_id: int) -> None:
    add_mail(session, shop_id, MailState.UNKNOWN)


def break_template(session: Session, shop_id: int) -> None:
    session.add(
        MailTemplate(
            shop_id=shop_id, name="earned", language="de", subject="s", html="h", text="t", saved_at=NOON,
            saved_by="staff:42", failed_at=NOON, failed_reason="There is no variable nam.",
        )
    )  # fmt: skip


def crawl(session: Session, shop_id: int) -> None:
    """Let a message wait since the day before yesterday."""
    session.get_one(Shop, shop_id).mails_customers = True
    session.add(
        Message(
            shop_id=shop_id, key="entry:made-up", topic=Topic.REWARD, subject_id=1,
            created_at=utcnow() - timedelta(hours=49),
        )
    )  # fmt: skip


SMALL_TROUBLES = [
    (take_no_mail, "mail_server_away", "For 16 minutes the mail server has taken no mail: Nobody listens."),
    (doubt_mail, "mails_failing", "1 of 1 mails of the last day could not be delivered."),
    (break_template, "template_broken:earned:de", "template “earned” (de) cannot be used: There is no variable nam."),
    (
        crawl,
        "stage_slow:told",
        "It takes longer than 17 hours until customers are told of their cashback. 1 waits there",
    ),
]


@pytest.mark.parametrize(("trouble", "key", "sentence"), SMALL_TROUBLES)
def test_what_touches_no_money_is_named_and_leaves_the_engine_active(
    visitor: Visitor, shop_id: int, trouble: Callable[[Session, int], None], key: str, sentence: str
) -> None:
    with reading() as session:
        trouble(session, shop_id)
    status = status_of(shop_id)
    assert status.level is Level.ACTIVE
    (cause,) = status.causes
    assert cause.key == key
    assert sentence in cause.what
    assert cause.room is not None
    page = Page(visitor.load("/").text)
    assert "Active" in page.text
    assert sentence in page.text
    assert page.of("a", href=cause.room)


@pytest.mark.parametrize(("trouble", "key", "sentence"), SMALL_TROUBLES)
def test_anothers_small_trouble_is_not_ours(
    shop_id: int, other_shop_id: int, trouble: Callable[[Session, int], None], key: str, sentence: str
) -> None:
    with reading() as session:
        trouble(session, other_shop_id)
    assert status_of(shop_id).causes == ()


def test_a_short_outage_dead_addresses_and_old_failures_are_no_trouble(shop_id: int) -> None:
    with reading() as session:
        take_no_mail(session, shop_id, minutes=14)
        add_mail(session, shop_id, MailState.REFUSED, Refusal.SERVER, days_ago=2)
        for refusal in (Refusal.RECIPIENT, Refusal.STOPPED, Refusal.ADDRESS):
            add_mail(session, shop_id, MailState.REFUSED, refusal)
        for _ in range(19):
            add_mail(session, shop_id, MailState.SENT)
        add_mail(session, shop_id, MailState.REFUSED, Refusal.GAVE_UP)
    assert status_of(shop_id).causes == ()
    with reading() as session:
        add_mail(session, shop_id, MailState.REFUSED, Refusal.SERVER)
    assert [cause.key for cause in status_of(shop_id).causes] == ["mails_failing"]


def test_a_stage_that_is_slow_for_a_named_cause_is_not_named_besides(shop_id: int) -> None:
    with reading() as session:
        crawl(session, shop_id)
        take_no_mail(session, shop_id)
    assert [cause.key for cause in status_of(shop_id).causes] == ["mail_server_away"]


def test_a_server_that_nobody_asks_any_more_is_no_trouble(shop_id: int) -> None:
    def keys() -> list[str]:
        status: EngineStatus = status_of(shop_id)
        return [cause.key for cause in status.causes]

    with reading() as session:
        take_no_mail(session, shop_id)
    assert keys() == ["mail_server_away"]
    with reading() as session:
        session.get_one(Shop, shop_id).paused_at = utcnow()
    # The customers' mails wait for the programme to go on.
    assert keys() == []
    with reading() as session:
        session.get_one(Shop, shop_id).paused_at = None
        session.execute(update(Mail).values(state=MailState.REFUSED, refusal=Refusal.STOPPED))
    assert keys() == []


def test_every_cause_has_a_key_that_stays_and_a_name(shop_id: int) -> None:
    found = set()
    for trouble, *_ in (*TROUBLES, *SMALL_TROUBLES):
        with reading() as session:
            trouble(session, shop_id)
            found |= {cause.key for cause in find_status(session, session.get_one(Shop, shop_id), utcnow()).causes}
            session.rollback()
    assert found == {
        "reconciliation_late", "no_token", "token_refused", "scope_missing:read_orders", "currency_changed",
        "inbox_late", "deliveries_failing", "transfers_refused", "transfers_unclear", "transfers_unknown",
        "mail_server_away", "mails_failing", "template_broken:earned:de", "stage_slow:told", "books_wrong",
    }  # fmt: skip
    assert {key.partition(":")[0] for key in found} <= set(CAUSE_WORDS)
