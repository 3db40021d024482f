"""Rounds of telling: when one begins, what it is made of, and whose turn it is."""

from datetime import timedelta

from sqlalchemy import select

from app.db import db
from app.engine.rules.facts import CustomerFact
from app.engine.rules.messages import MailKind, MailState
from app.models import DigestRun, Message
from tests.flows.builders import BEN, BIG, day, order, reading
from tests.flows.post import WORDS, Post, customer_id, noon, post, short
from tests.flows.shopify_account import Shopify

__all__ = ["post"]

HOURS = 3_600
FIRST = order(1)


# When a round begins, and what it is made of.


def test_what_waits_is_told_at_the_next_digest_time_and_once(post: Post) -> None:
    post.choose(digest_times=["13:00", "18:00"])
    post.till.tell(FIRST)
    assert not post.due(noon(10) - timedelta(seconds=1))
    assert post.round(noon(10) - timedelta(seconds=1)) == []
    assert post.due(noon(10))
    (letter,) = post.round(noon(10))
    assert short(letter.news) == [("earned", 200)]
    assert not post.due(noon(10))
    assert post.round(day(10, 9 * HOURS)) == []
    assert post.messages() == [("mailed", None)]


def test_a_letter_says_whose_it_is_and_what_they_have(post: Post) -> None:
    post.till.tell(FIRST)
    Shopify(post.till).carry_out(day(10, 60))
    (letter,) = post.round(noon(10))
    assert (letter.customer_id, letter.address, letter.name) == (customer_id(post), "ada@example.com", "Ada Example")
    assert (letter.language, letter.currency, letter.available_minor) == ("en", "USD", 200)
    assert letter.guest_order_id is None


def test_all_that_happened_to_one_customer_is_one_letter_in_the_order_in_which_it_happened(post: Post) -> None:
    post.till.tell(FIRST, order(2, customer=BEN), on=9)
    post.till.tell(order(3), on=10)
    ada, ben = post.round(noon(10))
    assert [news.order_name for news in ada.news] == ["#1001", "#1003"]
    assert [news.order_name for news in ben.news] == ["#1002"]
    assert [len(mail.sayings) for mail in post.mails()] == [1, 1]


def test_mails_and_messages_name_each_other(post: Post) -> None:
    post.till.tell(FIRST)
    post.round(noon(10))
    (mail,) = post.mails()
    assert (mail.kind, mail.state, mail.created_at) == (MailKind.DIGEST, MailState.PLANNED, noon(10))
    assert (mail.address, mail.address_key, mail.sayings) == ("ada@example.com", "ada@example.com", ["earned"])
    assert (mail.subject, mail.html, mail.text) == (WORDS.subject, WORDS.html, WORDS.text)
    with reading() as session:
        row = session.scalars(select(Message)).one()
        assert (row.mail_id, row.done_at) == (mail.id, noon(10))
        assert row.said == {"announced": 200, "credited": 0, "saying": "earned"}
    (run,) = post.runs()
    assert (run.due_at, run.started_at, run.finished_at) == (noon(10), noon(10), noon(10))
    assert (run.mails, run.messages) == (1, 1)


def test_without_a_mail_server_mails_are_kept(post: Post) -> None:
    post.till.tell(FIRST)
    post.batch(noon(10), has_server=False)
    assert [mail.state for mail in post.mails()] == [MailState.KEPT]


def test_a_digest_that_was_missed_is_made_once_and_late(post: Post) -> None:
    post.till.tell(FIRST, on=2)
    post.till.tell(order(2), on=4)
    (letter,) = post.round(noon(5) + timedelta(hours=2))
    assert len(letter.news) == 2
    assert [run.due_at for run in post.runs()] == [noon(5)]


def test_nothing_is_told_in_quiet_hours_nor_while_the_programme_is_paused_or_gone(post: Post) -> None:
    post.till.tell(FIRST)
    for values in ({"paused_at": day(1)}, {"uninstalled_at": day(1)}):
        post.change_shop(**values)
        assert not post.due(noon(10))
        assert post.round(noon(10)) == []
        post.change_shop(**dict.fromkeys(values))
    night = day(10, 13 * HOURS)
    assert not post.due(night)
    assert post.round(night) == []
    assert len(post.round(day(11, -HOURS))) == 1


def test_a_round_that_is_not_done_when_quiet_hours_begin_goes_on_when_they_end(post: Post) -> None:
    post.choose(quiet_from="13:01")
    post.till.tell(FIRST, order(2, customer=BEN))
    assert post.batch(noon(10), limit=1) is not None
    later_on = noon(10) + timedelta(minutes=1)
    assert not post.due(later_on)
    assert post.batch(later_on) is None
    morning = day(11, -HOURS)
    assert post.due(morning)
    (letter,) = post.round(morning)
    assert letter.address == "ben@example.com"


def test_told_at_once_means_some_seconds_later(post: Post) -> None:
    post.choose(digest_times=[])
    post.till.tell(FIRST)
    written_at = day(10)
    assert not post.due(written_at + timedelta(seconds=19))
    assert post.due(written_at + timedelta(seconds=20))
    assert len(post.round(written_at + timedelta(seconds=20))) == 1
    post.till.tell(order(2), on=11)
    assert len(post.round(day(11, 20))) == 1
    assert [run.due_at for run in post.runs()] == [day(10, 20), day(11, 20)]


def test_a_letter_that_cannot_be_put_into_words_waits_and_stops_nobody(post: Post) -> None:
    post.till.tell(FIRST, order(2, customer=BEN))
    assert [letter.address for letter in post.round(noon(10), lost=["ada@example.com"])] == ["ben@example.com"]
    assert post.fates() == ["waiting", "mailed"]
    assert [letter.address for letter in post.round(day(10, 9 * HOURS))] == ["ada@example.com"]


def test_what_another_transaction_is_changing_waits_for_the_next_round(post: Post) -> None:
    post.till.tell(FIRST, order(2, customer=BEN))
    with db.engine.begin() as another:
        another.execute(select(Message.id).order_by(Message.id).limit(1).with_for_update())
        assert [letter.address for letter in post.round(noon(10))] == ["ben@example.com"]
    assert [letter.address for letter in post.round(day(10, 9 * HOURS))] == ["ada@example.com"]


def test_a_round_in_another_workers_hands_is_left_to_that_one(post: Post) -> None:
    post.till.tell(FIRST, order(2, customer=BEN))
    post.batch(noon(10), limit=1)
    with db.engine.begin() as another:
        another.execute(select(DigestRun.id).with_for_update())
        assert post.batch(noon(10)) is None
    assert [letter.address for letter in post.round(noon(10))] == ["ben@example.com"]


def test_old_rounds_are_forgotten(post: Post) -> None:
    post.till.tell(FIRST, on=1)
    post.round(noon(1))
    post.till.tell(order(2), on=40)
    post.round(noon(40))
    assert [run.due_at for run in post.runs()] == [noon(40)]


# The cap, and whose turn it is.


def crowd(number: int) -> list[CustomerFact]:
    return [CustomerFact(BIG + 900 + n, f"number{n}@example.com", f"Number {n}") for n in range(number)]


def test_no_more_mails_are_made_than_the_cap_and_the_next_round_goes_on_from_there(post: Post) -> None:
    post.choose(cap_per_run=2)
    post.till.tell(*(order(n, customer=who) for n, who in enumerate(crowd(5), 1)), on=9)
    assert [letter.address[6] for letter in post.round(noon(9))] == ["0", "1"]
    # News of the first ones does not push back the others.
    post.till.tell(*(order(10 + n, customer=who) for n, who in enumerate(crowd(2))), on=10)
    assert [letter.address[6] for letter in post.round(noon(10))] == ["2", "3"]
    assert [letter.address[6] for letter in post.round(noon(11))] == ["4", "0"]
    assert [letter.address[6] for letter in post.round(noon(12))] == ["1"]
    assert post.round(noon(13)) == []


def test_small_batches_come_to_the_same_as_one(post: Post) -> None:
    post.till.tell(*(order(n, customer=who) for n, who in enumerate(crowd(5), 1)), GUEST_OF_NINE)
    letters = post.round(noon(10), limit=2)
    assert [letter.address for letter in letters] == [
        *(f"number{n}@example.com" for n in range(5)),
        "guest@example.com",
    ]
    assert set(post.fates()) == {"mailed"}


def test_a_cap_that_is_lowered_in_the_midst_of_a_round_ends_it(post: Post) -> None:
    post.till.tell(*(order(n, customer=who) for n, who in enumerate(crowd(3), 1)))
    post.batch(noon(10), limit=2)
    post.choose(cap_per_run=1)
    assert post.round(noon(10)) == []
    assert [letter.address[6] for letter in post.round(day(10, 9 * HOURS))] == ["2"]


def test_guests_count_for_the_cap_as_well(post: Post) -> None:
    post.choose(cap_per_run=1)
    post.till.tell(GUEST_OF_NINE, order(8, customer=None, email="other@example.com"))
    assert [letter.address for letter in post.round(noon(10))] == ["other@example.com"]
    assert [letter.address for letter in post.round(noon(11))] == ["guest@example.com"]


GUEST_OF_NINE = order(9, customer=None, email="guest@example.com")
