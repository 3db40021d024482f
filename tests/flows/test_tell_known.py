"""What a shop told nobody of is no news later on: credit from before, and orders that an import brought."""

from collections.abc import Iterator

import pytest

from app.db import db, transaction
from app.engine.flows import history
from app.engine.rules.letters import TakenBack
from app.models import HistoryImport, ImportState, Window
from tests.flows.builders import BEN, STAFF, Till, day, later, line, order, refund_of
from tests.flows.post import Post, noon, post, short
from tests.flows.shopify_account import Shopify
from tests.flows.test_guests import GUEST, meet
from tests.flows.test_guests import told as account
from tests.flows.test_process import FACT, do, young

__all__ = ["post", "young"]

TWO = order(2, line(1, 20_000, 2))


def mute(post: Post) -> None:
    post.change_shop(mails_customers=False)


def speak(post: Post) -> None:
    post.change_shop(mails_customers=True)


@pytest.fixture
def shopify(post: Post) -> Shopify:
    """Return the shop's accounts."""
    return Shopify(post.till)


@pytest.fixture
def late(post: Post, shopify: Shopify) -> Post:
    """Return a shop that credited 4.00 for an order and switched its mails on after that."""
    mute(post)
    post.till.tell(TWO, on=4)
    shopify.carry_out(day(5))
    speak(post)
    assert post.messages() == []
    return post


# Switched on late.


def test_credit_from_before_the_mails_is_no_news_when_a_part_goes_back(late: Post) -> None:
    late.till.pay_back(refund_of(TWO, units=1))
    (news,) = late.news(noon(10))
    assert (short([news]), news.taken_back) == ([("reversed", 200)], TakenBack.REFUND)
    late.till.pay_back(refund_of(TWO, 2, units=1), on=11)
    assert short(late.news(noon(11))) == [("reversed", 200)]


def test_what_went_back_before_the_mails_is_no_news_either(post: Post) -> None:
    three = order(3, line(1, 30_000, 3))
    mute(post)
    post.till.tell(three, on=4)
    shopify = Shopify(post.till)
    shopify.carry_out(day(5))
    post.till.pay_back(refund_of(three, 1, units=1), on=6)
    shopify.carry_out(day(7))
    speak(post)
    post.till.pay_back(refund_of(three, 2, units=1))
    assert short(post.news(noon(10))) == [("reversed", 200)]


def test_what_went_back_before_the_mails_and_is_owed_is_no_news_either(post: Post) -> None:
    three = order(3, line(1, 30_000, 3))
    mute(post)
    post.till.tell(three, on=4)
    shopify = Shopify(post.till)
    shopify.carry_out(day(5))
    shopify.ada.redeem(600, day(6))
    shopify.hear(day(6))
    post.till.pay_back(refund_of(three, 1, units=1), on=7)
    speak(post)
    post.till.pay_back(refund_of(three, 2, units=1))
    assert short(post.news(noon(10))) == [("reversed", 200)]


def test_what_is_earned_more_since_is_told_as_that(late: Post, shopify: Shopify) -> None:
    late.till.tell(later(TWO, lines=(*TWO.lines, line(2, 5_000))))
    assert short(late.news(noon(10))) == [("earned", 100)]
    shopify.carry_out(day(11))
    assert short(late.news(noon(11))) == [("credited", 100)]


def test_who_loses_an_order_to_somebody_else_is_told_what_they_lose(late: Post) -> None:
    late.till.tell(later(TWO, customer=BEN))
    letters = {letter.address: short(letter.news) for letter in late.round(noon(10))}
    assert letters == {"ada@example.com": [("reversed", 400)], "ben@example.com": [("earned", 400)]}


def test_what_was_promised_before_the_mails_is_told_as_it_is_once_something_happens(slow_late: Post) -> None:
    slow_late.till.pay_back(refund_of(TWO, units=1))
    assert short(slow_late.news(noon(10))) == [("earned", 200)]


@pytest.fixture
def slow_late(manual_shop: Till) -> Post:
    """Return a shop that switched its mails on while 4.00 waited for a person."""
    post = Post(manual_shop)
    mute(post)
    post.till.tell(TWO, on=4)
    speak(post)
    return post


def test_credit_that_is_confirmed_after_the_mails_were_switched_on_is_told(slow_late: Post) -> None:
    slow_late.till.approve(TWO)
    Shopify(slow_late.till).carry_out(day(12))
    assert short(slow_late.news(noon(12))) == [("credited", 400)]


def test_what_a_guest_was_told_and_a_customer_was_credited_in_silence_is_known(post: Post) -> None:
    post.till.tell(GUEST, on=3)
    assert [news.saying.value for news in post.news(noon(3))] == ["claimable"]
    mute(post)
    meet(post.till, account(on=4), on=4)
    Shopify(post.till).carry_out(day(5))
    speak(post)
    post.till.tell(later(GUEST, cancelled_at=day(9)))
    (news,) = post.news(noon(10))
    assert (news.saying.value, news.taken_back) == ("reversed", TakenBack.CANCELLED)


def test_credit_that_waits_to_be_told_itself_is_not_known(post: Post) -> None:
    post.till.tell(TWO, on=4)
    Shopify(post.till).carry_out(day(5))
    post.till.pay_back(refund_of(TWO, units=1))
    assert short(post.news(noon(10))) == [("credited", 200)]


# Orders from before the programme.


@pytest.fixture
def past(young: Till) -> Iterator[Post]:
    """Return a shop whose programme began on day 10, and that knows an order of day 0 that nobody asked for."""
    yield Post(young)
    db.session.remove()


def imported(till: Till, on: int = 15) -> None:
    """Let an import ask for the rewards of past orders."""
    with transaction() as session:
        session.add(
            HistoryImport(
                shop_id=till.id, window=Window.ALL, is_dry_run=False, rewards_past=True, state=ImportState.FINISHED,
                asked_by=STAFF, asked_at=day(on), finished_at=day(on, 60),
            )
        )  # fmt: skip
    till.twice(
        lambda session, shop, now: history.record_history(session, shop, [FACT], [], now, reward_asked_at=day(on)),
        day(on),
    )


def test_a_past_order_that_a_person_processes_is_told_like_any_other(past: Post) -> None:
    do(past.till, 200)
    Shopify(past.till).carry_out(day(20, 60))
    assert short(past.news(noon(20))) == [("credited", 200)]
    past.till.pay_back(refund_of(FACT, units=1, on=21), on=21)
    assert short(past.news(noon(21))) == [("reversed", 100)]


def test_past_orders_that_an_import_rewards_are_told_to_nobody(past: Post) -> None:
    imported(past.till)
    Shopify(past.till).carry_out(day(20, 60))
    assert past.round(noon(20)) == []
    past.till.pay_back(refund_of(FACT, units=1, on=21), on=21)
    assert past.round(noon(21)) == []
    assert set(past.fates()) == {"past"}


def test_an_import_of_other_orders_silences_nothing_that_a_person_asked_for(past: Post) -> None:
    do(past.till, 200)
    imported(past.till, on=21)
    assert short(past.news(noon(21))) == [("earned", 200)]
