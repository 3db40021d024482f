"""Whatever happens in whatever order, what customers read adds up to what was true when their last mail was made."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select

from app.engine.flows import earn, mail_states, refund
from app.engine.rules.facts import OrderFact
from app.engine.rules.letters import News
from app.engine.rules.messages import MailState, MessageState, Saying
from app.engine.rules.states import RewardState, TransferKind, TransferState
from app.models import Message, Order, Reward, Transfer
from tests.flows.builders import ADA, BEN, day, line, order, reading, refund_of
from tests.flows.post import Post, noon, post
from tests.flows.shopify_account import Shopify
from tests.rules.test_tellings import Reader

__all__ = ["post"]

DAYS = 30
SIGN = {Saying.EARNED: 1, Saying.CREDITED: 1, Saying.REVERSED: -1}
NOTHING = (RewardState.VOIDED, RewardState.REJECTED, RewardState.INELIGIBLE)


class Walk:
    """A month in a shop that switches its mails off and on, is paused for days, and sends when it pleases."""

    def __init__(self, post: Post, seed: int) -> None:
        self.post = post
        self.pick = Random(seed)
        self.shopify = Shopify(post.till, ADA, BEN)
        self.orders: list[OrderFact] = []
        self.left: dict[int, int] = {}
        #: By the number of the mail what it tells of each order, as long as nobody has read it.
        self.unread: dict[int, list[News]] = {}
        self.readers: defaultdict[str, Reader] = defaultdict(Reader)
        #: What was credited, and kept, of each order at some time: it may be known without a word.
        self.was_there: defaultdict[str, set[int]] = defaultdict(lambda: {0})
        self.ends_pause = day(0)
        #: How much was told, of how many orders only after a credit in silence, and how many mails were taken back.
        self.told = self.surprised = self.taken_back = 0

    def live(self, on: int) -> None:
        """Let a day pass: something happens in the morning, and is told at noon, unless nobody is told."""
        for _ in range(self.pick.randint(0, 3)):
            self.pick.choice((self._buy, self._buy, self._give_back, self._carry_out, self._cancel))(day(on, 60))
            self._look()
        if self.pick.random() < 0.2 and not self.unread:
            self.post.change_shop(mails_customers=self.pick.random() < 0.75)
        if self.pick.random() < 0.1:
            self.post.change_shop(paused_at=day(on))
            self.ends_pause = day(on + self.pick.randint(1, 6))
        if self.ends_pause <= noon(on):
            self.post.change_shop(paused_at=None)
        self._digest(noon(on))
        if self.pick.random() < 0.7:
            self._send(noon(on) + timedelta(minutes=5))

    def end(self) -> None:
        """Let everything be told and sent."""
        self.post.change_shop(paused_at=None)
        for on in (DAYS + 1, DAYS + 2):
            self._carry_out(day(on, 60))
            self._digest(noon(on))
            self._send(noon(on) + timedelta(minutes=5))
        assert self.unread == {}

    def _buy(self, at: datetime) -> None:
        number = len(self.orders) + 1
        fact = order(number, line(1, 30_000, 3), customer=self.pick.choice((ADA, BEN)))
        fact = replace(fact, placed_at=at, updated_at=at)
        self.orders.append(fact)
        self.left[number] = 3
        self._tell(fact, at)

    def _give_back(self, at: datetime) -> None:
        open_ = [number for number, left in self.left.items() if left]
        if not open_:
            return
        number = self.pick.choice(open_)
        self.left[number] -= 1
        back = refund_of(self.orders[number - 1], 3 - self.left[number], units=1, processed_at=at)
        self.post.till.run(lambda session, shop: refund.record_refunds(session, shop, [back], at))

    def _cancel(self, at: datetime) -> None:
        if self.orders and self.pick.random() < 0.3:
            number = self.pick.randint(1, len(self.orders))
            self.left[number] = 0
            self._tell(replace(self.orders[number - 1], updated_at=at, cancelled_at=at), at)

    def _tell(self, fact: OrderFact, at: datetime) -> None:
        self.post.till.run(lambda session, shop: earn.record_orders(session, shop, [fact], at))

    def _carry_out(self, at: datetime) -> None:
        self.shopify.carry_out(at)

    def _look(self) -> None:
        for name, minor in self._credited().items():
            self.was_there[name].add(minor)

    def _digest(self, at: datetime) -> None:
        """Make the mails; each must rest on what is kept at this moment."""
        before = {mail.id for mail in self.post.mails()}
        letters = self.post.round(at)
        fresh = [mail for mail in self.post.mails() if mail.id not in before]
        assert len(fresh) == len(letters)
        kept = self._kept()
        for mail, letter in zip(fresh, letters, strict=True):
            self.unread[mail.id] = [news for news in letter.news if news.order_name is not None]
            for name, announced_minor in self._announced(mail.id).items():
                assert announced_minor == kept[name]

    def _send(self, at: datetime) -> None:
        """Send what may go, which is read at once; what was taken back is read by nobody."""
        till = self.post.till
        while claims := till.run(lambda session, shop: mail_states.claim_some(session, shop.id, at, 300, 20)):
            for claim in claims:
                going = till.run(lambda session, _, one=claim: mail_states.mark_sending(session, one, at, 300))
                if going is not None:
                    till.run(lambda session, _, one=going: mail_states.mark_sent(session, one, at))
                    self._read(claim.mail_id)
        for mail in self.post.mails():
            if mail.state is MailState.REFUSED and self.unread.pop(mail.id, None) is not None:
                self.taken_back += 1

    def _read(self, mail_id: int) -> None:
        announced, news = self._announced(mail_id), self.unread.pop(mail_id)
        for name in announced.keys() - self.readers.keys():
            told = sum(SIGN[each.saying] * each.amount_minor for each in news if each.order_name == name)
            # Who hears of an order for the first time may have had something of it.
            self.readers[name].has_minor = announced[name] - told
            assert announced[name] - told in self.was_there[name]
            self.surprised += announced[name] != told
        for each in news:
            assert each.order_name is not None
            self.readers[each.order_name].read(each.saying, each.amount_minor)
        for name, minor in announced.items():
            assert self.readers[name].believes_minor == minor, name
        self.told += len(news)

    def _announced(self, mail_id: int) -> dict[str, int]:
        """Return what a mail leaves its reader with, by the order's name."""
        with reading() as session:
            rows = session.execute(
                select(Order.name, Message.said)
                .join(Reward, Reward.id == Message.reward_id)
                .join(Order, Order.id == Reward.order_id)
                .where(Message.mail_id == mail_id, Message.state == MessageState.MAILED, Message.said.is_not(None))
            )
            return {name: said["announced"] for name, said in rows if said is not None}

    def _kept(self) -> dict[str, int]:
        with reading() as session:
            rows = session.execute(
                select(Order.name, Reward.state, Reward.granted_minor - Reward.reversed_minor).join(
                    Order, Order.id == Reward.order_id
                )
            )
            return {name: 0 if state in NOTHING else minor for name, state, minor in rows}

    def _credited(self) -> dict[str, int]:
        kept = self._kept()
        minor: defaultdict[str, int] = defaultdict(int)
        with reading() as session:
            rows = session.execute(
                select(Order.name, Transfer.amount_minor - Transfer.cancelled_minor)
                .join(Reward, Reward.id == Transfer.reward_id)
                .join(Order, Order.id == Reward.order_id)
                .where(Transfer.kind == TransferKind.CREDIT, Transfer.state == TransferState.CONFIRMED)
            )
            for name, credited_minor in rows:
                minor[name] += credited_minor
        return {name: min(credited_minor, kept[name]) for name, credited_minor in minor.items()}


@pytest.mark.parametrize(("seed", "met"), [(0, "taken_back"), (6, "surprised")])
def test_what_was_read_adds_up_whenever_mails_are_switched_off_and_on_and_held_up(
    post: Post, seed: int, met: str
) -> None:
    walk = Walk(post, seed)
    for on in range(1, DAYS + 1):
        walk.live(on)
    walk.end()
    assert walk.told > 5
    assert getattr(walk, met) > 0, "another seed is needed: this walk has not met what it is for"
    post.till.check()
