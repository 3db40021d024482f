"""The front page: what is shown of the day, what needs somebody, and charts that say the same as their tables."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from app.admin.home_charts import draw_charts
from app.admin.queries import home as queries
from app.admin.queries.home import Days, read_days
from app.clock import utcnow
from app.db import db
from app.engine.day_sums import DaySum
from app.engine.flows import adjust, figures, program, review
from app.engine.flows.privacy_requests import open_request
from app.engine.rules.roles import Role
from app.engine.rules.states import TransferKind, TransferState
from app.engine.rules.terms import Mode
from app.models import (
    CreditAccount,
    Customer,
    Delivery,
    DeliveryState,
    PrivacyKind,
    ReasonCode,
    Shop,
    Transfer,
)
from tests.admin.factories import Page, Visitor, line, order, publish, reading, reward_of, tell
from tests.people import hire


def now_order(number: int, days_ago: int = 0, **changes: Any) -> Any:
    """Return an order placed so many days ago."""
    at = utcnow() - timedelta(days=days_ago)
    return order(number, placed_at=at, updated_at=at, **changes)


def tiles(page: Page) -> str:
    return page.text.partition("Orders processed today")[2].partition("Trends")[0]


def test_a_new_shop_is_told_that_nothing_waits(visitor: Visitor) -> None:
    page = Page(visitor.load("/", host="aG9zdA", embedded="1", hmac="0", session="1", timestamp="1").text)
    assert "All done: nothing waits for anybody." in page.text
    assert "No cashback was issued in these days." in page.text
    assert "Nothing was promised in these days." in page.text
    assert "nobody decided in 30 days" in page.text
    assert page.inline == []


@pytest.mark.parametrize("days", ["30", "90", "7", "x", ""])
def test_the_charts_go_over_thirty_or_ninety_days(visitor: Visitor, days: str) -> None:
    page = Page(visitor.load("/", days=days).text)
    (current,) = [link for link in page.of("a") if "aria-current" in link]
    assert current["href"] == ("/?days=90" if days == "90" else "/?days=30")
    # Three charts with a row for each day.
    assert len(page.of("th", scope="row")) == 3 * (90 if days == "90" else 30)


def test_what_was_issued_today_is_shown_at_once_and_the_same_once_it_is_counted(visitor: Visitor, shop_id: int) -> None:
    with reading() as session:
        program.set_mode(session, shop_id, Mode.AUTOMATIC, program.Waiting.KEEP, "system", utcnow())
    tell(shop_id, now_order(1), now_order(2), now_order(3, days_ago=40))
    before = Page(visitor.load("/").text)
    assert tiles(before).startswith(" 2 Cashback issued today $4.00 $4.00 in 30 days")
    assert "Credit outstanding $6.00 $0.00 owed by customers" in before.text
    assert "Bronze 100 % $4.00" in before.text
    with reading() as session:
        later = utcnow() + timedelta(days=365)
        assert not figures.count_days(session, session.get_one(Shop, shop_id), later)
    assert tiles(Page(visitor.load("/").text)) == tiles(before)


def test_what_is_counted_while_somebody_looks_is_shown_once(shop_id: int) -> None:
    with reading() as session:
        program.set_mode(session, shop_id, Mode.AUTOMATIC, program.Waiting.KEEP, "system", utcnow())
    tell(shop_id, now_order(1), now_order(2, days_ago=40))
    counting = iter([utcnow() + timedelta(days=365)])

    def count(*execution: Any) -> None:
        if "daily_figures" in execution[2] and (later := next(counting, None)):
            with Session(db.engine) as other:
                assert not figures.count_days(other, other.get_one(Shop, shop_id), later)
                other.commit()

    event.listen(db.engine, "after_cursor_execute", count)
    try:
        with reading() as session:
            first = utcnow().date() - timedelta(days=29)
            seen = read_days(session, session.get_one(Shop, shop_id), first)
    finally:
        event.remove(db.engine, "after_cursor_execute", count)
    assert next(counting, None) is None
    assert (seen.total(first).issued_minor, seen.before.available_minor) == (200, 200)


def test_charts_have_a_title_a_description_and_a_table_that_say_what_they_show(visitor: Visitor, shop_id: int) -> None:
    with reading() as session:
        program.set_mode(session, shop_id, Mode.AUTOMATIC, program.Waiting.KEEP, "system", utcnow())
    tell(shop_id, now_order(1, days_ago=3))
    page = Page(visitor.load("/").text)
    pictures = page.of("svg", role="img")
    assert len(pictures) == 3
    ids = {element.get("id") for _, element in page.elements}
    assert all(set(str(picture["aria-labelledby"]).split()) <= ids for picture in pictures)
    assert page.text.count("$2.00 was issued and $0.00 taken back") == 2
    assert "Customers can spend $2.00, more than the $0.00 of" in page.text
    assert "Issued Taken back" in page.text
    assert "$2.00 $0.00" in page.text.partition("Show as table")[2]


def test_what_waits_is_named_with_its_amount_and_age(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, hold_above_minor=15_000)
    tell(shop_id, now_order(1), now_order(2), order(3, line(net_minor=20_000)))
    page = Page(visitor.load("/").text)
    assert "2 orders wait for approval" in page.text
    assert "1 order is held" in page.text
    assert "$4.00 of cashback; the oldest has waited for" in page.text
    assert "Waiting for a person 3" in page.text
    assert "3 wait now" in page.text


def test_the_time_to_a_decision_is_that_of_people_only(visitor: Visitor, shop_id: int) -> None:
    facts = [now_order(number) for number in (1, 2, 3)]
    tell(shop_id, *facts)
    for fact, actor, minutes in zip(facts, ("staff:7", "staff:8", "system"), (10, 20, 1_000), strict=True):
        reward = reward_of(fact)
        with reading() as session:
            review.approve(
                session, shop_id, reward.id, reward.version, actor, reward.created_at + timedelta(minutes=minutes)
            )
    with reading() as session:
        now = reward.created_at + timedelta(days=1)
        found = queries.measure_decisions(session, shop_id, now)
    assert found == queries.Decisions(2, timedelta(minutes=10), timedelta(minutes=20))
    with reading() as session:
        assert queries.measure_decisions(session, shop_id, now + timedelta(days=31)).count == 0


def trouble(shop_id: int) -> None:
    """Let a transfer of each bad state, a failed delivery, a difference, a request and a proposal be there."""
    now = utcnow()
    tell(shop_id, now_order(1), now_order(2, customer=None))
    with reading() as session:
        shop = session.get_one(Shop, shop_id)
        customer_id = session.scalars(select(Customer.id).where(Customer.shop_id == shop_id)).one()
        for state in (TransferState.REFUSED, TransferState.UNKNOWN):
            session.add(
                Transfer(
                    shop_id=shop_id, key=state, customer_id=customer_id, kind=TransferKind.CREDIT, currency="USD",
                    amount_minor=5, state=state, created_at=now, sent_at=now,
                )
            )  # fmt: skip
        session.add(
            Delivery(
                shop_id=shop_id, webhook_id="made-up", topic="orders/paid", body=b"{}", state=DeliveryState.FAILED,
                received_at=now - timedelta(days=2), reason="It is odd.",
            )
        )  # fmt: skip
        session.add(
            CreditAccount(
                shop_id=shop_id, customer_id=customer_id, currency="USD", drift_minor=5, drift_since=now,
            )
        )  # fmt: skip
        open_request(session, shop, PrivacyKind.CUSTOMER_REDACT, "customer:5", now, customer_shopify_id=5)
    publish(shop_id, second_person_above_minor=100)
    with reading() as session:
        adjust.propose(
            session, shop_id, customer_id, TransferKind.CREDIT, 120, ReasonCode.GOODWILL, "Late.", "staff:7", now, "k"
        )


def test_everything_that_needs_somebody_is_named_with_its_room(visitor: Visitor, shop_id: int) -> None:
    trouble(shop_id)
    page = Page(visitor.load("/").text)
    for sentence in (
        "There is 1 transfer refused by Shopify.",
        "1 delivery from Shopify could not be handled.",
        "Books and Shopify differ for 1 customer, since",
        "1 privacy request is open. The first is due on",
        "1 order waits for approval",
        "1 credit by hand waits for a second person",
    ):
        assert sentence in page.text
    assert "stands first in the list below" in page.text
    assert "&lt;" not in page.text
    needs = page.text.partition("What needs you now")[2]
    assert "All done" not in needs
    assert "Failed 3" in needs
    assert {
        "/deliveries?state=failed",
        "/privacy",
        "/reviews",
        "/orders?badge=failed",
        "/accounts",
        "/customers/1",
    } <= {link.get("href") for link in page.of("a")}


def test_the_engine_says_what_is_wrong_and_where_to_mend_it(visitor: Visitor, shop_id: int) -> None:
    assert "Active" in Page(visitor.load("/").text).text.partition("What needs you now")[0]
    with reading() as session:
        program.pause(session, shop_id, "staff:7", utcnow())
    assert "Paused by Sam 7 Staff" in Page(visitor.load("/").text).text
    with reading() as session:
        session.get_one(Shop, shop_id).other_currency = "EUR"
    page = Page(visitor.load("/").text)
    engine, _, needs = page.text.partition("What needs you now")
    assert "Error Paused by" in engine
    assert "Shopify says that the shop's currency is EUR now" in engine
    assert "Change the currency back in Shopify" in engine
    assert "All done" in needs


def test_what_renews_itself_is_asked_for_alone(visitor: Visitor, shop_id: int) -> None:
    response = visitor.fetch("/", part="now")
    assert response.status_code == 200
    page = Page(response.text)
    assert [element for element in page.of("div") if element.get("id") == "now"]
    assert page.of("svg", role="img") == []


def test_figures_that_are_still_being_counted_say_so(
    visitor: Visitor, shop_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "still being counted" not in visitor.load("/").text
    with reading() as session:
        program.set_mode(session, shop_id, Mode.AUTOMATIC, program.Waiting.KEEP, "system", utcnow())
    tell(shop_id, now_order(1), now_order(2))
    monkeypatch.setattr(queries, "TAIL", 3)
    assert "still being counted" in visitor.load("/").text


def test_a_viewer_sees_the_front_page_and_another_shops_figures_are_not_in_it(
    visitor: Visitor, shop_id: int, stranger: Visitor, other_shop_id: int
) -> None:
    tell(shop_id, now_order(1))
    with reading() as session:
        hire(session, other_shop_id, "50", Role.VIEWER)
    stranger.staff = "50"
    response = stranger.load("/")
    assert response.status_code == 200
    assert "All done" in Page(response.text).text
    with reading() as session:
        first = utcnow().date() - timedelta(days=89)
        assert read_days(session, session.get_one(Shop, other_shop_id), first).by_day == {}
    db.session.remove()


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
@pytest.mark.parametrize("issued_minor", [-200, 0, 200])
def test_the_charts_say_what_they_show_in_whole_sentences(app: Flask, language: str, issued_minor: int) -> None:
    october = date(2026, 10, 24)
    days = Days({october + timedelta(days=1): DaySum(available_minor=issued_minor)}, {}, DaySum(), is_behind=False)
    with app.test_request_context("/", query_string={"locale": language}):
        _, queue, outstanding = draw_charts(days, october, date(2026, 11, 22), 3, "EUR")
    # A shortened month ends with a full stop of its own in some languages: it is not to stand at the sentence's end.
    assert not outstanding.sentence.endswith(".."), outstanding.sentence
    assert queue.sentence.count("3") == 1


def test_a_queue_that_never_changed_is_not_said_to_lie_between_two_numbers(visitor: Visitor) -> None:
    assert "0 wait now, as at the end of each day." in Page(visitor.load("/").text).text
