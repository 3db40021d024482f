"""Customers are told what is true when a mail is made: each thing once, and nothing stale."""

from datetime import date

import pytest
from sqlalchemy import func, select

from app.db import transaction
from app.engine.flows import customers, merges
from app.engine.messages import MessageDraft, write_messages
from app.engine.rules.facts import CreditMove, CustomerGone, CustomersMerged, MoveKind
from app.engine.rules.letters import TakenBack, Written
from app.engine.rules.messages import MailKind, Saying, Topic
from app.engine.rules.postings import Line
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import Expiry, Release, ReleaseKind
from app.models import CreditMoveRow, MailTemplate, Message, Order, Statement, TierChange, Transfer
from tests.flows.builders import ADA, BEN, STAFF, day, later, line, order, reading, refund_of
from tests.flows.post import Post, customer_id, noon, post, short, slow, stop
from tests.flows.shopify_account import Shopify
from tests.flows.test_adjust import by_hand
from tests.flows.test_guests import GUEST, give_up, meet
from tests.flows.test_guests import told as account
from tests.flows.test_moves import told as tell_moves

__all__ = ["post", "slow"]

HOURS = 3_600
FIRST, TWO = order(1), order(2, line(1, 20_000, 2))


# What is said of a reward.


def test_earned_and_taken_back_before_anybody_was_told_is_not_said(slow: Post) -> None:
    slow.till.tell(FIRST)
    slow.till.tell(later(FIRST, cancelled_at=day(1)))
    assert slow.round(noon(10)) == []
    assert slow.fates() == ["nothing_new", "nothing_new"]


def test_what_is_partly_refunded_before_anybody_was_told_is_told_as_it_is(slow: Post) -> None:
    slow.till.tell(TWO)
    slow.till.pay_back(refund_of(TWO, units=1))
    assert short(slow.news(noon(10))) == [("earned", 200)]
    assert slow.fates() == ["mailed", "mailed"]


def test_earned_credited_and_taken_back_are_told_one_after_the_other(post: Post) -> None:
    shopify = Shopify(post.till)
    post.till.tell(TWO, on=9)
    assert short(post.news(noon(9))) == [("earned", 400)]
    shopify.carry_out(day(10))
    assert short(post.news(noon(10))) == [("credited", 400)]
    post.till.pay_back(refund_of(TWO, units=1), on=11)
    (news,) = post.news(noon(11))
    assert short([news]) == [("reversed", 200)]
    assert (news.taken_back, news.order_name) == (TakenBack.REFUND, "#1002")
    shopify.carry_out(day(12))
    assert post.round(noon(12)) == []
    assert post.fates()[-1] == "nothing_new"


def test_what_was_credited_before_the_digest_is_said_once(post: Post) -> None:
    post.till.publish(on=0, expiry=Expiry(days=30))
    post.till.tell(FIRST)
    Shopify(post.till).carry_out(day(10, 60))
    (news,) = post.news(noon(10))
    assert (short([news]), news.ends_on) == ([("credited", 200)], date(2026, 4, 10))


def test_what_settles_an_old_debt_is_not_promised_and_says_so_to_whom_it_was(slow: Post) -> None:
    till, shopify = slow.till, Shopify(slow.till)
    till.tell(FIRST)
    till.approve(FIRST)
    shopify.carry_out(day(10))
    shopify.ada.redeem(200, day(11))
    shopify.hear(day(11))
    slow.news(noon(11))
    till.pay_back(refund_of(FIRST, units=1), on=12)
    till.tell(TWO, on=12)
    assert sorted(short(slow.news(noon(12)))) == [("earned", 400), ("reversed", 200)]
    till.approve(TWO)
    assert till.balances()[2] == 0
    (news,) = slow.news(noon(13))
    assert (short([news]), news.taken_back, news.order_name) == ([("reversed", 200)], TakenBack.SET_OFF, "#1002")
    shopify.carry_out(day(14))
    assert short(slow.news(noon(14))) == [("credited", 200)]


def test_a_debit_that_is_still_to_be_made_counts_as_made(post: Post) -> None:
    post.till.tell(TWO)
    Shopify(post.till).carry_out(day(10, 60))
    post.till.pay_back(refund_of(TWO, units=1))
    assert short(post.news(noon(10))) == [("credited", 200)]


def test_the_day_on_which_credit_is_expected_is_told_where_it_is_known(post: Post, slow: Post) -> None:
    post.till.tell(FIRST)
    assert [news.on_day for news in post.news(noon(10))] == [date(2026, 3, 11)]
    post.till.publish(on=11, release=Release(ReleaseKind.DAYS_AFTER_PAID, 14))
    post.till.tell(order(2, on=11), on=11)
    assert [news.on_day for news in post.news(noon(11))] == [date(2026, 3, 27)]
    post.till.publish(on=12, release=Release(ReleaseKind.DAYS_AFTER_FULFILLED, 14))
    post.till.tell(order(3, on=12), on=12)
    assert [news.on_day for news in post.news(noon(12))] == [None]
    slow.till.tell(FIRST)
    assert [news.on_day for news in slow.news(noon(10))] == [None]


def test_a_release_that_is_late_is_expected_today(post: Post) -> None:
    post.till.publish(on=-1, release=Release(ReleaseKind.DAYS_AFTER_PAID, 5))
    post.till.tell(FIRST, on=1)
    assert [news.on_day for news in post.news(noon(10))] == [date(2026, 3, 11)]


def test_a_rejection_is_told_if_the_cashback_was_and_so_is_its_reopening(slow: Post) -> None:
    slow.till.tell(FIRST)
    slow.round(noon(10))
    slow.till.reject(FIRST)
    (news,) = slow.news(noon(12))
    assert (short([news]), news.taken_back) == ([("reversed", 200)], TakenBack.NOT_GRANTED)


def test_the_one_whose_order_it_was_not_and_the_one_whose_it_is_are_both_told(post: Post) -> None:
    post.till.tell(FIRST, on=9)
    post.round(noon(9))
    post.till.tell(later(FIRST, customer=BEN))
    ada, ben = post.round(noon(10))
    assert (short(ada.news), ada.news[0].taken_back) == ([("reversed", 200)], TakenBack.NOT_GRANTED)
    assert short(ben.news) == [("earned", 200)]


def test_a_cancelled_order_says_so(post: Post) -> None:
    post.till.tell(FIRST, on=9)
    post.round(noon(9))
    post.till.tell(later(FIRST, cancelled_at=day(5)))
    assert [news.taken_back for news in post.news(noon(10))] == [TakenBack.CANCELLED]


def test_who_goes_on_for_somebody_else_is_not_told_again_what_that_one_knows(post: Post) -> None:
    post.till.tell(FIRST, order(2, customer=BEN))
    post.round(noon(10))
    fact = CustomersMerged(gone_id=ADA.customer_id, kept_id=BEN.customer_id, at=day(11))
    post.till.twice(lambda session, row, now: merges.record_merges(session, row, [fact], now), day(11))
    assert post.round(noon(11)) == []
    Shopify(post.till, BEN).carry_out(day(12))
    (letter,) = post.round(noon(12))
    assert letter.address == "ben@example.com"
    assert sorted((news.order_name, *pair) for news, pair in zip(letter.news, short(letter.news), strict=True)) == [
        ("#1001", "credited", 200),
        ("#1002", "credited", 200),
    ]


# Guests.


def test_a_guest_is_told_what_waits_at_the_orders_address_and_again_if_it_changes(post: Post) -> None:
    guest = order(7, line(1, 20_000, 2), customer=None, email="guest@example.com")
    post.till.tell(guest, on=9)
    (letter,) = post.round(noon(9))
    assert (letter.customer_id, letter.address, letter.name) == (None, "guest@example.com", None)
    with reading() as session:
        assert letter.guest_order_id == session.scalars(select(Order.id)).one()
    (news,) = letter.news
    assert (short([news]), news.on_day) == ([("claimable", 400)], date(2026, 5, 30))
    post.till.pay_back(refund_of(guest, units=1))
    assert short(post.news(noon(10))) == [("claimable", 200)]


def test_a_guest_is_written_to_in_the_language_they_bought_in(post: Post) -> None:
    speaks = {7: "fr-CA", 8: "pt-BR", 9: None}
    post.till.tell(
        *(order(n, customer=None, email=f"guest{n}@example.com", locale=locale) for n, locale in speaks.items())
    )
    assert [letter.language for letter in post.round(noon(10))] == ["fr", "en", "en"]


def test_who_claims_what_a_guest_earned_is_told_as_if_for_the_first_time(post: Post) -> None:
    post.till.tell(GUEST, on=2)
    assert short(post.news(noon(2))) == [("claimable", 200)]
    meet(post.till, account())
    (letter,) = post.round(noon(10))
    assert (letter.customer_id, short(letter.news)) == (customer_id(post), [("earned", 200)])


def test_what_was_claimed_before_the_guest_was_told_is_told_to_the_account_only(post: Post) -> None:
    post.till.tell(GUEST, on=10)
    meet(post.till, account())
    assert [short(letter.news) for letter in post.round(noon(10))] == [[("earned", 200)]]
    assert "nothing_new" in post.fates()


def test_a_guests_message_that_comes_after_the_claim_is_told_to_nobody(post: Post) -> None:
    post.till.tell(GUEST, on=2)
    meet(post.till, account())
    post.round(noon(10))
    reward_id = post.till.reward(GUEST).id
    with transaction() as session:
        late = MessageDraft("late", Topic.REWARD, None, reward_id, reward_id)
        write_messages(session, post.till.id, [late], day(11))
    assert post.round(noon(11)) == []
    assert post.fates()[-1] == "nothing_new"


def test_what_nobody_claimed_in_time_ends_in_silence(post: Post) -> None:
    post.till.tell(GUEST, on=2)
    post.round(noon(2))
    give_up(post.till, on=120)
    assert post.round(noon(120)) == []


def test_a_guest_without_an_address_is_told_nothing(post: Post) -> None:
    post.till.tell(order(1, customer=None, email="nobody"))
    assert post.round(noon(10)) == []
    assert post.fates() == ["no_address"]


# By hand, tiers, endings, statements, refunds to credit.


def test_credit_by_hand_is_told_once_it_is_there_without_the_note(post: Post) -> None:
    post.till.tell(FIRST)
    post.round(noon(10))
    by_hand(post.till, customer_id(post), TransferKind.CREDIT, 500)
    assert post.round(noon(12)) == []
    assert post.fates()[-1] == "nothing_new"
    Shopify(post.till).carry_out(day(13))
    news = post.news(noon(13))
    assert short(news) == [("credited", 200), ("credited", 500)]
    assert [each.note for each in news] == [None, None]


def test_credit_by_hand_that_came_before_a_merge_is_told_to_who_goes_on(post: Post) -> None:
    shopify = Shopify(post.till, ADA, BEN)
    post.till.tell(FIRST, order(2, customer=BEN))
    shopify.carry_out(day(10, 60))
    post.round(noon(10))
    by_hand(post.till, customer_id(post), TransferKind.CREDIT, 500)
    shopify.carry_out(day(13))
    fact = CustomersMerged(gone_id=ADA.customer_id, kept_id=BEN.customer_id, at=day(13, 60))
    post.till.twice(lambda session, row, now: merges.record_merges(session, row, [fact], now), day(13, 60))
    (letter,) = post.round(noon(13))
    assert (letter.address, short(letter.news)) == ("ben@example.com", [("credited", 500)])


def test_credit_taken_by_hand_is_told_at_once_and_once(post: Post) -> None:
    shopify = Shopify(post.till)
    post.till.tell(FIRST)
    shopify.carry_out(day(10, 60))
    post.round(noon(10))
    by_hand(post.till, customer_id(post), TransferKind.DEBIT, 150)
    (news,) = post.news(noon(12))
    assert (short([news]), news.taken_back, news.order_name) == ([("reversed", 150)], TakenBack.BY_HAND, None)
    shopify.carry_out(day(13))
    assert post.round(noon(13)) == []
    assert post.fates()[-1] == "nothing_new"


def test_a_tier_is_told_from_where_to_where_whatever_lay_between(post: Post) -> None:
    post.till.tell(order(3, line(1, 100)), on=8)
    post.till.tell(order(1, line(1, 60_000), on=9), on=9)
    post.till.tell(order(2, line(1, 100_000), on=9), on=9)
    tiers = [news for news in post.news(noon(9)) if news.saying is Saying.TIER_CHANGED]
    assert [(news.tier_before, news.tier_after, news.rate_bps) for news in tiers] == [("Bronze", "Gold", 600)]


def test_a_tier_gone_up_and_down_again_is_not_told(post: Post) -> None:
    big = order(1, line(1, 60_000))
    post.till.tell(order(2, line(1, 100)), on=8)
    post.round(noon(8))
    post.till.tell(big, on=9)
    post.till.tell(later(big, cancelled_at=day(9)), on=10)
    assert post.round(noon(10)) == []


def test_a_tier_that_the_terms_do_not_know_any_more_is_told_without_a_rate(post: Post) -> None:
    post.till.tell(order(3, line(1, 100)), on=8)
    post.till.tell(order(1, line(1, 60_000), on=9), on=9)
    with transaction() as session:
        session.scalars(select(TierChange).where(TierChange.before.is_not(None))).one().after = "Gone"
    (news,) = [news for news in post.news(noon(9)) if news.saying is Saying.TIER_CHANGED]
    assert (news.tier_after, news.rate_bps) == ("Gone", None)


def remind(post: Post, topic: Topic, subject_id: int, on: int, key: str = "reminder") -> None:
    """Write a message about something of Ada's that the calendar brings."""
    with transaction() as session:
        draft = MessageDraft(f"{key}:{subject_id}", topic, customer_id(post), None, subject_id)
        write_messages(session, post.till.id, [draft], day(on))


def ending_credit(post: Post) -> int:
    """Let Ada have 2.00 until the morning of day 30; return the transfer's number."""
    post.till.publish(on=-1, expiry=Expiry(days=30))
    post.till.tell(FIRST, on=0)
    Shopify(post.till).carry_out(day(0, 90))
    post.round(noon(1))
    with reading() as session:
        return session.scalars(select(Transfer.id)).one()


def test_credit_that_ends_is_told_with_what_is_left_of_it_now(post: Post) -> None:
    number = ending_credit(post)
    tell_moves(post.till, CreditMove("spent", ADA.customer_id, MoveKind.REDEMPTION, 50, day(11)))
    remind(post, Topic.EXPIRY, number, 13)
    (news,) = post.news(noon(13))
    assert (short([news]), news.on_day) == ([("expiring", 150)], date(2026, 3, 31))


def test_credit_that_is_spent_or_has_ended_is_not_told_to_end(post: Post) -> None:
    number = ending_credit(post)
    tell_moves(post.till, CreditMove("spent", ADA.customer_id, MoveKind.REDEMPTION, 200, day(11)))
    remind(post, Topic.EXPIRY, number, 20)
    assert post.round(noon(20)) == []
    tell_moves(post.till, CreditMove("back", ADA.customer_id, MoveKind.RETURN, 200, day(21)))
    remind(post, Topic.EXPIRY, number, 29, key="again")
    assert post.round(day(31)) == []
    assert post.fates()[-2:] == ["nothing_new", "nothing_new"]


def test_a_credit_that_no_book_knows_is_not_told_to_end(post: Post) -> None:
    post.till.tell(FIRST, on=0)
    with reading() as session:
        number = session.scalars(select(Transfer.id)).one()
    post.round(noon(1))
    remind(post, Topic.EXPIRY, number, 13)
    assert post.round(noon(13)) == []


def test_a_statement_is_a_letter_of_its_own_with_the_figures_of_the_books(post: Post) -> None:
    post.till.tell(FIRST, on=2)
    with reading() as session:
        number = session.scalars(select(Statement.id)).one()
    remind(post, Topic.STATEMENT, number, 10)
    digest, statement = post.round(noon(10))
    assert short(digest.news) == [("earned", 200)]
    (news,) = statement.news
    assert (news.saying, news.statement_id) == (Saying.STATEMENT_READY, number)
    assert (news.from_day, news.to_day) == (date(2026, 3, 1), date(2026, 3, 31))
    assert news.figures is not None
    assert list(news.figures.lines) == [Line.EARNED, Line.SETTLED]
    assert news.figures.closing.available_minor == statement.available_minor == 200
    assert [mail.kind for mail in post.mails()] == [MailKind.DIGEST, MailKind.STATEMENT]


def test_an_order_refunded_to_credit_is_told_with_its_name(post: Post) -> None:
    post.till.tell(FIRST, on=2)
    post.round(noon(2))
    move = CreditMove("refund", ADA.customer_id, MoveKind.EXTERNAL_CREDIT, 900, day(9), order_id=FIRST.order_id)
    tell_moves(post.till, move)
    with reading() as session:
        number = session.scalars(select(CreditMoveRow.id)).one()
        assert session.scalar(select(func.count()).where(Message.topic == Topic.REFUND)) in (0, 1)
    remind(post, Topic.REFUND, number, 12)
    news = [each for each in post.news(noon(12)) if each.saying is Saying.REFUNDED]
    assert [(each.amount_minor, each.order_name) for each in news] == [(900, "#1001")]


# Who is told nothing.


def test_a_shop_that_switched_mails_off_drops_what_waits(post: Post) -> None:
    post.till.tell(FIRST)
    post.change_shop(mails_customers=False)
    assert post.round(noon(10)) == []
    assert post.fates() == ["switched_off"]


def test_what_a_shop_does_not_tell_is_dropped_and_the_rest_is_told(post: Post) -> None:
    post.choose(switched_off=["earned"])
    post.till.tell(FIRST, on=9)
    assert post.round(noon(9)) == []
    Shopify(post.till).carry_out(day(10))
    assert short(post.news(noon(10))) == [("credited", 200)]
    assert post.fates() == ["switched_off", "mailed"]


def test_what_an_address_stopped_is_dropped_and_the_rest_is_told(post: Post) -> None:
    stop(post, "ada@example.com", Saying.TIER_CHANGED)
    post.till.tell(order(3, line(1, 100)), on=8)
    post.round(noon(8))
    post.till.tell(order(1, line(1, 60_000)), order(2, customer=BEN))
    stop(post, "ben@example.com", None)
    assert [short(letter.news) for letter in post.round(noon(10))] == [[("earned", 1200)]]
    assert sorted(post.fates()) == ["mailed", "mailed", "stopped", "stopped"]


@pytest.mark.parametrize(
    "values",
    [
        {"email": None},
        {"email": "nobody"},
        {"email": "ada@example.com\nBcc: everybody@example.com"},
        {"deleted_at": day(9)},
        {"redacted_at": day(9)},
    ],
)
def test_who_has_no_address_is_told_nothing(post: Post, values: dict[str, object]) -> None:
    post.till.tell(FIRST)
    post.change(ADA.customer_id, **values)
    assert post.round(noon(10)) == []
    assert post.fates() == ["no_address"]


def test_who_is_deleted_in_shopify_is_told_nothing(post: Post) -> None:
    post.till.tell(FIRST)
    gone = CustomerGone(ADA.customer_id, day(9))
    post.till.twice(lambda session, shop, now: customers.record_deleted(session, shop, [gone], now), day(10))
    assert post.round(noon(10)) == []
    assert set(post.fates()) == {"no_address"}


def test_orders_from_before_the_programme_are_not_told(post: Post) -> None:
    post.till.tell(FIRST)
    with transaction() as session:
        session.scalars(select(Order)).one().is_past = True
    assert post.round(noon(10)) == []
    assert post.fates() == ["past"]


def test_what_is_older_than_a_fortnight_is_not_told_unless_something_new_happened_to_it(slow: Post) -> None:
    slow.till.tell(FIRST, order(2), on=1)
    slow.till.tell(later(FIRST, cancelled_at=None, lines=(line(1, 20_000),)), on=10)
    (letter,) = slow.round(noon(16))
    assert [(news.order_name, news.amount_minor) for news in letter.news] == [("#1001", 400)]
    assert slow.fates() == ["mailed", "too_old", "mailed"]


# Languages and templates.


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de-AT", "de"), ("FR", "fr"), ("es_MX", "es"), ("pt-BR", "de"), (None, "de"), ("en", "en"), ("<b>", "de")],
)
def test_customers_are_written_to_in_their_language_or_in_the_shops(
    post: Post, locale: str | None, language: str
) -> None:
    post.choose(language="de")
    post.till.tell(FIRST)
    post.change(ADA.customer_id, locale=locale)
    (letter,) = post.round(noon(10))
    assert letter.language == language
    assert [mail.language for mail in post.mails()] == [language]


def test_a_template_that_could_not_be_used_says_so_with_its_reason(post: Post) -> None:
    with transaction() as session:
        for language in ("en", "de"):
            words = {"subject": "{{", "html": "{{", "text": "{{", "saved_at": day(1), "saved_by": STAFF}
            session.add(MailTemplate(shop_id=post.till.id, name="earned", language=language, **words))
    post.till.tell(FIRST)
    post.round(noon(10), words=Written("Ours", "<p>Ours</p>", "Ours", "earned: it ends early", ("earned",)))
    assert [mail.template_error for mail in post.mails()] == ["earned: it ends early"]
    with reading() as session:
        rows = session.execute(select(MailTemplate.language, MailTemplate.failed_at, MailTemplate.failed_reason))
        assert {language: (at, why) for language, at, why in rows} == {
            "en": (noon(10), "earned: it ends early"),
            "de": (None, None),
        }
