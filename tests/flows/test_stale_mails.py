"""Mails that waited too long are not sent: what they told is told anew, as things are by then."""

from datetime import datetime, timedelta

import pytest

from app.db import transaction
from app.engine import stale_mails
from app.engine.flows import mail_states, mails
from app.engine.rules.mailing import MailClaim, Refusal
from app.engine.rules.messages import MailKind, MailState
from app.errors import Refused
from app.models import Mail
from tests.flows.builders import BEN, STAFF, Till, all_rows, day, line, order, refund_of
from tests.flows.post import Post, noon, post, short, slow
from tests.flows.test_mails import WRITTEN

__all__ = ["post", "slow"]

S = MailState
TWO = order(2, line(1, 20_000, 2))
LONG = stale_mails.SENT_WITHIN


def claim(post: Post, now: datetime, most: int = 10) -> list[MailClaim]:
    return post.till.run(lambda session, shop: mail_states.claim_some(session, shop.id, now, 300, most))


def send(post: Post, now: datetime) -> list[str]:
    """Send all that may go; return to whom."""
    sent = []
    for one in claim(post, now):
        going = post.till.run(lambda session, _, one=one: mail_states.mark_sending(session, one, now, 300))
        assert going is not None
        post.till.run(lambda session, _, going=going: mail_states.mark_sent(session, going, now))
        sent.append(one.address)
    return sent


def fates(post: Post) -> list[tuple[MailState, Refusal | None]]:
    return [(mail.state, mail.refusal) for mail in post.mails()]


def change(number: int, **values: object) -> None:
    with transaction() as session:
        for name, value in values.items():
            setattr(session.get_one(Mail, number), name, value)


def test_what_waited_for_a_long_pause_to_end_is_told_as_it_is_then(slow: Post) -> None:
    slow.till.tell(TWO, on=1)
    slow.round(noon(1))
    slow.change_shop(paused_at=day(1, 5 * 3_600))
    slow.till.pay_back(refund_of(TWO, units=1), on=3)
    slow.change_shop(paused_at=None)
    assert claim(slow, noon(6)) == []
    assert fates(slow) == [(S.REFUSED, Refusal.OUTDATED)]
    assert slow.fates() == ["waiting", "waiting"]
    rows = all_rows()
    assert claim(slow, noon(6)) == []
    assert all_rows() == rows
    assert short(slow.news(noon(6))) == [("earned", 200)]
    assert send(slow, noon(6)) == ["ada@example.com"]
    assert slow.fates() == ["mailed", "mailed"]


def test_until_the_third_day_is_over_a_mail_goes_as_it_is(slow: Post) -> None:
    slow.till.tell(TWO, on=1)
    slow.round(noon(1))
    assert send(slow, noon(1) + LONG) == ["ada@example.com"]


def test_what_a_later_mail_to_the_same_person_says_is_told_anew_with_it_and_other_people_wait_for_nobody(
    slow: Post,
) -> None:
    slow.till.tell(TWO, on=1)
    slow.round(noon(1))
    slow.till.pay_back(refund_of(TWO, units=1), on=4)
    slow.till.tell(order(3, customer=BEN, on=4), on=4)
    assert sorted(letter.address for letter in slow.round(noon(4))) == ["ada@example.com", "ben@example.com"]
    at = noon(4) + timedelta(minutes=1)
    assert send(slow, at) == ["ben@example.com"]
    outdated = (S.REFUSED, Refusal.OUTDATED)
    assert sorted(fates(slow), key=str) == sorted([outdated, outdated, (S.SENT, None)], key=str)
    assert short(slow.news(noon(5))) == [("earned", 200)]


def test_what_did_leave_stays_told(slow: Post) -> None:
    slow.till.tell(TWO, on=1)
    slow.round(noon(1))
    assert send(slow, noon(1)) == ["ada@example.com"]
    slow.till.pay_back(refund_of(TWO, units=1), on=2)
    assert short(slow.news(noon(2))) == [("reversed", 200)]
    assert send(slow, noon(6)) == []
    slow.till.pay_back(refund_of(TWO, 2, units=1), on=6)
    assert short(slow.news(noon(6))) == [("reversed", 400)]


def test_what_is_older_than_a_fortnight_by_then_is_told_no_more_and_says_so(slow: Post) -> None:
    slow.till.tell(TWO, on=1)
    slow.round(noon(1))
    assert claim(slow, noon(16)) == []
    assert slow.round(noon(16)) == []
    assert slow.fates() == ["too_old"]


def test_a_guest_is_told_anew_as_well(post: Post) -> None:
    post.till.tell(order(9, customer=None, email="guest@example.com", on=1), on=1)
    post.till.tell(order(8, customer=None, email="other@example.com", on=3), on=3)
    assert [news.saying.value for news in post.news(noon(3))] == ["claimable", "claimable"]
    first = post.mails()[0]
    change(first.id, created_at=noon(1))
    left = {mail.address for mail in post.mails()} - {first.address}
    assert set(send(post, noon(5))) == left
    assert [letter.address for letter in post.round(noon(5))] == [first.address]


def test_a_mail_that_a_person_wants_sent_again_waits_anew_and_one_that_is_told_anew_is_not_sent(slow: Post) -> None:
    slow.till.tell(TWO, on=1)
    slow.round(noon(1))
    (mail,) = slow.mails()
    change(mail.id, state=S.UNKNOWN)

    def again() -> None:
        slow.till.run(lambda session, shop: mails.send_again(session, shop.id, mail.id, STAFF, noon(6)))

    again()
    assert [one.mail_id for one in claim(slow, noon(6) + LONG)] == [mail.id]
    change(mail.id, leased_until=None)
    assert claim(slow, noon(6) + LONG + timedelta(seconds=1)) == []
    assert fates(slow) == [(S.REFUSED, Refusal.OUTDATED)]
    with pytest.raises(Refused, match="is told anew"):
        again()


def test_a_mail_in_somebodys_hands_and_mails_to_staff_are_left_alone(slow: Post) -> None:
    slow.till.tell(TWO, on=1)
    slow.round(noon(1))
    slow.till.run(
        lambda session, shop: mails.add_mail(
            session, shop, MailKind.ALERT, "owner@example.com", WRITTEN, "en", noon(1), True
        )
    )
    late = noon(1) + LONG
    (first, second) = claim(slow, late)
    assert {first.address, second.address} == {"ada@example.com", "owner@example.com"}
    assert claim(slow, late + timedelta(seconds=1)) == []
    assert {state for state, _ in fates(slow)} == {S.PLANNED}
    # The worker died: now it is nobody's.
    assert [one.address for one in claim(slow, late + timedelta(seconds=301))] == ["owner@example.com"]


def test_so_many_that_they_take_several_steps_keep_customers_waiting_and_staff_not(
    slow: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stale_mails, "BATCH", 1)
    slow.till.tell(TWO, order(3, customer=BEN), on=1)
    slow.round(noon(1))
    slow.till.run(
        lambda session, shop: mails.add_mail(
            session, shop, MailKind.ALERT, "owner@example.com", WRITTEN, "en", noon(6), True
        )
    )
    assert [one.address for one in claim(slow, noon(6))] == ["owner@example.com"]
    for _ in range(2):
        assert claim(slow, noon(6)) == []
    assert [refusal for _, refusal in fates(slow)] == [Refusal.OUTDATED, Refusal.OUTDATED, None]


def test_another_shops_mails_are_left_alone(slow: Post) -> None:
    slow.till.tell(TWO, on=1)
    slow.round(noon(1))
    other = Till("other.myshopify.com")
    assert other.run(lambda session, shop: stale_mails.take_back_stale(session, shop.id, noon(9))) is False
    assert fates(slow) == [(S.PLANNED, None)]
