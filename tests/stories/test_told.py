"""Weeks in which customers are told: each thing once, in their language, in its digest, whatever breaks meanwhile."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import db
from app.engine.flows import tell
from app.engine.rules.facts import CreditMove, CustomerFact, MoveKind
from app.engine.rules.messages import MessageState
from app.engine.rules.states import RewardState, TransferKind
from app.engine.rules.terms import Expiry
from app.mail.digests import build_due
from app.models import Customer, Mail, Message, Order, Reward
from tests.flows.builders import ADA, BEN, BIG, day, later, line, order, reading, refund_of
from tests.flows.story import START, Story
from tests.flows.test_adjust import by_hand
from tests.flows.test_guests import meet
from tests.flows.test_guests import told as account
from tests.flows.test_moves import told as tell_moves
from tests.rules.test_tellings import Reader
from tests.stories.street import EVENING, MORNING, NOON, Street, moments, open_street

FIRST, TWO = order(1), order(2, line(1, 20_000, 2))


@pytest.fixture
def street(app: Flask) -> Iterator[Street]:
    """Return a shop that tells Ada what happens."""
    with open_street(app) as place:
        yield place


def test_each_kind_is_told_once_in_its_digest(street: Street) -> None:
    """Ada buys as a guest, gets an account, earns, rises, gives back, is given, is refunded, and lets credit end."""
    street.till.publish(on=-1, expiry=Expiry(days=20))
    happens: dict[int, Callable[[], object]] = {
        1: lambda: street.hear(order(1, line(1, 5_000), customer=None, email=ADA.email), at=day(1, 60)),
        2: lambda: meet(street.till, account(on=2), on=2),
        3: lambda: street.shopify.carry_out(day(3, 60)),
        4: lambda: street.hear(order(2, line(1, 60_000, 2), on=4), at=day(4, NOON + 60)),
        5: lambda: street.shopify.carry_out(day(5, NOON + 60)),
        6: lambda: street.hear(refund_of(order(2, line(1, 60_000, 2), on=4), units=1, on=6), at=day(6, 60)),
        12: lambda: by_hand(street.till, ada(), TransferKind.CREDIT, 500),
        13: lambda: street.shopify.carry_out(day(13, 60)),
        14: lambda: tell_moves(
            street.till,
            CreditMove("r", ADA.customer_id, MoveKind.EXTERNAL_CREDIT, 900, day(14), order_id=BIG + 2),
            on=14,
        ),
    }
    heard: list[str] = []
    for number, at in moments(1, 40):
        if at == day(number, MORNING) and number in happens:
            happens[number]()
        street.remind(at)
        if number in (7, 12):
            street.shopify.carry_out(at)
        heard += [f"day {number} {at:%H}: {said}" for said in street.tell(at)]
    assert heard == [
        "day 1 13: claimable 1.00",
        "day 2 09: earned 1.00",
        "day 3 13: credited 1.00",
        "day 4 18: earned 12.00 + tier_changed",
        "day 5 18: credited 12.00",
        "day 6 13: reversed 6.00 + tier_changed",
        "day 12 09: credited 5.00",
        "day 14 09: refunded 9.00",
        # The first 1.00 ends, too, but was taken with the 6.00: what ends soonest goes first.
        "day 17 18: expiring 7.00",
        "day 25 13: expiring 5.00",
        "day 31 13: statement_ready",
    ]
    assert set(street.states()) == {"sent"}
    assert street.waiting() == 0
    assert {mail["To"] for mail in street.box.taken} == {ADA.email}


@pytest.mark.parametrize(
    ("locale", "language", "subject"),
    [
        ("en-GB", "en", "You earned $2.00 with order #1001"),
        ("de", "de", "2,00 $ verdient mit Bestellung #1001"),
        ("fr-CA", "fr", "2,00 $US gagnés avec la commande #1001"),
        ("es", "es", "Ha ganado 2,00 US$ con el pedido #1001"),
        ("pt-BR", "fr", "2,00 $US gagnés avec la commande #1001"),
    ],
)
def test_each_customer_reads_their_language_or_the_shops(
    street: Street, locale: str, language: str, subject: str
) -> None:
    street.choose(language="fr")
    street.hear(FIRST, at=day(1, 60))
    street.speaks(ADA, locale)
    assert street.digest(day(1, NOON)) == [subject]
    (mail,) = street.box.taken
    assert mail["Content-Language"] == language


# What breaks off, and who does it side by side.


class Killed(BaseException):
    """Whoever was at work is gone."""


def test_what_is_killed_between_commit_and_sending_is_sent_once_by_the_next_one(street: Street) -> None:
    street.hear(FIRST, at=day(1, 60))
    moments_left = iter([day(1, NOON), day(1, NOON)])

    def clock() -> datetime:
        try:
            return next(moments_left)
        except StopIteration:
            raise Killed from None

    with pytest.raises(Killed):
        build_due(street.till.id, tell, catch=ZeroDivisionError, clock=clock)
    assert (street.states(), street.waiting(), street.box.taken) == (["planned"], 0, [])
    assert street.digest(day(1, NOON)) == ["You earned $2.00 with order #1001"]
    assert street.digest(day(1, EVENING)) == []
    assert street.states() == ["sent"]


def test_what_is_killed_before_the_commit_still_waits_and_is_told_as_it_is_then(street: Street) -> None:
    street.hear(TWO, at=day(1, 60))

    def die(*_: Any) -> None:
        raise Killed

    dying = SimpleNamespace(begin_run=tell.begin_run, gather=tell.gather, keep=die)
    with pytest.raises(Killed):
        street.build(day(1, NOON), dying)
    assert (street.states(), street.waiting()) == ([], 1)
    street.hear(refund_of(TWO, units=1), at=day(1, NOON + 60))
    assert street.tell(day(1, NOON + 120)) == ["earned 2.00"]


def test_a_letter_that_cannot_be_written_stops_no_other_and_is_written_later(street: Street) -> None:
    street.hear(FIRST, order(2, customer=BEN), at=day(1, 60))
    street.app.config["SETTINGS"], right = _broken(street), street.app.config["SETTINGS"]
    report = build_due(street.till.id, tell, catch=IndexError, clock=lambda: day(1, NOON))
    assert (report.mails, report.is_more, street.waiting()) == (0, False, 2)
    street.app.config["SETTINGS"] = right
    assert street.tell(day(1, EVENING)) == ["earned 2.00", "earned 2.00"]


def _broken(street: Street) -> Any:
    """Return settings with which no link can be sealed, and so no letter be written."""
    return replace(street.app.config["SETTINGS"], encryption_keys=())


def test_two_workers_at_once_tell_everybody_once(street: Street) -> None:
    people = [CustomerFact(BIG + 800 + n, f"number{n}@example.com", f"Number {n}") for n in range(40)]
    street.hear(*(order(n, customer=who) for n, who in enumerate(people, 1)), at=day(1, 60))
    small = SimpleNamespace(begin_run=tell.begin_run, gather=partial(tell.gather, limit=3), keep=tell.keep)
    begin = threading.Barrier(2)

    def work() -> int:
        with street.app.app_context():
            begin.wait(timeout=10)
            made = 0
            # One of two finds the run in the other's hands and comes again.
            for _ in range(60):
                made += build_due(street.till.id, small, catch=ZeroDivisionError, clock=lambda: day(1, NOON)).mails
            db.session.remove()
            return made

    with ThreadPoolExecutor(2) as pool:
        made = [future.result(timeout=60) for future in [pool.submit(work), pool.submit(work)]]
    assert sum(made) == 40
    with reading() as session:
        counts = select(func.count(), func.count(Message.mail_id.distinct())).where(
            Message.state == MessageState.MAILED
        )
        assert session.execute(counts).one() == (40, 40)
        assert session.scalar(select(func.count(Mail.address_key.distinct()))) == 40


def test_a_turn_ends_after_its_time_and_the_next_one_goes_on(street: Street) -> None:
    street.hear(FIRST, order(2, customer=BEN), at=day(1, 60))
    small = SimpleNamespace(begin_run=tell.begin_run, gather=partial(tell.gather, limit=1), keep=tell.keep)
    turn = partial(build_due, street.till.id, small, catch=ZeroDivisionError, clock=lambda: day(1, NOON))
    assert [turn(lasts=timedelta()).mails for _ in range(2)] == [1, 1]
    assert turn(lasts=timedelta()).is_more
    assert not turn().is_more


# A shop that changes its mind.


def test_a_shop_that_lets_shopify_tell_tells_nobody_until_it_does_again(street: Street) -> None:
    street.hear(FIRST, at=day(1, 60))
    street.change_shop(mails_customers=False, notify_customers=True)
    assert street.tell(day(1, NOON)) == []
    street.hear(order(3, on=2), at=day(2))
    street.change_shop(mails_customers=True, notify_customers=False)
    assert street.tell(day(2, NOON)) == []
    street.shopify.carry_out(day(3))
    assert street.tell(day(3, NOON)) == ["credited 2.00 + credited 2.00"]
    assert street.waiting() == 0


def test_an_order_that_is_edited_between_two_digests_is_told_by_the_difference(street: Street) -> None:
    street.hear(TWO, at=day(1, 60))
    assert street.tell(day(1, NOON)) == ["earned 4.00"]
    larger = later(TWO, lines=(*TWO.lines, line(2, 5_000)))
    street.hear(larger, at=day(1, NOON + 60))
    street.hear(
        later(larger, 120, lines=(line(1, 20_000, 2, removed_quantity=1), line(2, 5_000))), at=day(1, NOON + 90)
    )
    assert street.tell(day(1, EVENING)) == ["reversed 1.00"]


# A month of daily life.


def test_in_a_month_of_daily_life_everybody_believes_what_the_books_say(app: Flask) -> None:
    """Whoever has read all mails believes of each order exactly what is kept of it, after every digest."""
    people = [CustomerFact(number, email=f"number{number}@example.com") for number in (1, 2, 3)]
    with open_street(app, *people) as street:
        street.choose(quiet_from="21:00", quiet_to="08:00")
        facts = [(_when(fact), fact) for fact in Story(seed=7, orders=32).facts]
        readers: defaultdict[tuple[int, str], Reader] = defaultdict(Reader)
        read = told = 0
        for hours in range(31 * 24 + 24):
            at = START + timedelta(hours=hours)
            while facts and facts[0][0] <= at:
                moment, fact = facts.pop(0)
                street.hear(fact, at=moment)
            if hours % 5 == 0:
                street.shopify.carry_out(at)
            if at.hour in (9, 13, 18):
                street.digest(at)
                for draft in street.letters[read:]:
                    for news in draft.letter.news:
                        if news.order_name is not None and draft.letter.customer_id is not None:
                            readers[draft.letter.customer_id, news.order_name].read(news.saying, news.amount_minor)
                            told += 1
                read = len(street.letters)
                _check(street, readers)
        assert told > 30
        assert len(street.box.taken) == len(street.letters)
        street.till.check()


def _when(fact: Any) -> datetime:
    moment: datetime = fact.updated_at if hasattr(fact, "updated_at") else fact.processed_at
    return moment


def _check(street: Street, readers: dict[tuple[int, str], Reader]) -> None:
    """Fail if somebody believes anything else than the books say."""
    nothing = (RewardState.VOIDED, RewardState.REJECTED, RewardState.INELIGIBLE)
    kept: dict[tuple[int, str], int] = {}
    with reading() as session:
        rows = session.execute(
            select(Reward.customer_id, Order.name, Reward.state, Reward.granted_minor - Reward.reversed_minor)
            .join(Order, Order.id == Reward.order_id)
            .where(Reward.customer_id.is_not(None))
        )
        for customer_id, name, state, minor in rows:
            assert customer_id is not None
            kept[customer_id, name] = 0 if state in nothing else minor
    believed = {whose: reader.believes_minor for whose, reader in readers.items()}
    assert {whose: minor for whose, minor in believed.items() if minor} == {
        whose: minor for whose, minor in kept.items() if minor
    }


def ada() -> int:
    with reading() as session:
        return session.scalars(select(Customer.id).where(Customer.shopify_id == ADA.customer_id)).one()
