"""Turns what waits for one customer into letters: what is said of each thing now, or why nothing is."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.engine.letter_facts import LetterFacts, RewardRow, Waits
from app.engine.messages import TOLD_WITHIN
from app.engine.rules.digests import LetterDraft
from app.engine.rules.letters import Letter, News, TakenBack
from app.engine.rules.mailing import address_key
from app.engine.rules.messages import DropReason, MailKind, Saying, Topic
from app.engine.rules.states import RewardState, TransferKind
from app.engine.rules.tellings import RewardNow, Told, decide_news, find_why
from app.languages import find_language
from app.models import Shop

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Customs:
    """How a shop tells, as far as letters depend on it."""

    switched_off: frozenset[str]
    #: Whom we write to who reads none of our languages.
    language: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """Something a letter says, and the messages that asked for it."""

    news: tuple[News, ...]
    message_ids: tuple[int, ...]
    told: Told | None = None


@dataclass(slots=True)
class LetterDesk:
    """Writes the letters of one batch, one recipient after the other, and notes what nobody is told."""

    shop: Shop
    customs: Customs
    facts: LetterFacts
    now: datetime
    dropped: dict[int, DropReason] = field(default_factory=dict)

    def write_to_customer(self, customer_id: int, messages: Sequence[Waits]) -> list[LetterDraft]:
        """Return the letters to one customer: one of all that happened, and one for each statement."""
        person = self.facts.people[customer_id]
        if person.is_gone or not can_be_written_to(person.email):
            return self._drop(messages, DropReason.NO_ADDRESS)
        assert person.email is not None
        reader = _Reader(self, customer_id, person.email, person.name, person.locale)
        return reader.write(messages)

    def write_to_guest(self, reward_id: int, messages: Sequence[Waits]) -> list[LetterDraft]:
        """Return the letter about a guest's order; what has an account by now is told to that."""
        reward = self.facts.rewards[reward_id]
        if reward.customer_id is not None:
            return self._drop(messages, DropReason.NOTHING_NEW)
        if not can_be_written_to(reward.guest_email):
            return self._drop(messages, DropReason.NO_ADDRESS)
        assert reward.guest_email is not None
        return _Reader(self, None, reward.guest_email, None, reward.locale, reward.order_id).write(messages)

    def _drop(self, messages: Sequence[Waits], reason: DropReason) -> list[LetterDraft]:
        self.dropped |= dict.fromkeys((message.id for message in messages), reason)
        return []


class _Reader:
    """One recipient: what they do not hear, and the letters to them."""

    def __init__(
        self,
        desk: LetterDesk,
        customer_id: int | None,
        address: str,
        name: str | None,
        locale: str | None,
        guest_order_id: int | None = None,
    ) -> None:
        self._desk = desk
        self._facts = desk.facts
        self._zone = ZoneInfo(desk.shop.timezone)
        self._customer_id = customer_id
        self._address = address
        self._name = name
        self._language = find_language(locale) or desk.customs.language
        self._guest_order_id = guest_order_id
        stops = desk.facts.stops.get(address_key(address), set())
        stopped = Saying if None in stops else {saying for saying in stops if saying is not None}
        self._unwanted = dict.fromkeys(stopped, DropReason.STOPPED) | {
            saying: DropReason.SWITCHED_OFF for saying in Saying if saying.value in desk.customs.switched_off
        }

    def write(self, messages: Sequence[Waits]) -> list[LetterDraft]:
        """Return the letters, in the order in which what they tell happened."""
        pieces: list[_Piece] = []
        letters: list[LetterDraft] = []
        for topic, number, group in _groups(messages):
            if all(message.created_at < self._desk.now - TOLD_WITHIN for message in group):
                self._drop(group, DropReason.TOO_OLD)
                continue
            found = self._find(topic, number, group)
            if isinstance(found, DropReason):
                self._drop(group, found)
            elif topic is Topic.STATEMENT:
                letters.append(self._seal(MailKind.STATEMENT, [found]))
            else:
                pieces.append(found)
        return [self._seal(MailKind.DIGEST, pieces), *letters] if pieces else letters

    def _find(self, topic: Topic, number: int, group: Sequence[Waits]) -> _Piece | DropReason:
        """Return what is said of one thing now, or why nothing is."""
        if topic is Topic.REWARD:
            return self._find_reward(number, group)
        match topic:
            case Topic.ADJUSTMENT:
                news = self._by_hand(number)
            case Topic.TIER:
                news = self._tier(group)
            case Topic.EXPIRY:
                news = self._ending(number)
            case Topic.STATEMENT:
                news = self._statement(number)
            case _:
                news = self._refund(number)
        if news is None:
            return DropReason.NOTHING_NEW
        return self._unwanted.get(news.saying) or _Piece((news,), _ids(group))

    def _find_reward(self, reward_id: int, group: Sequence[Waits]) -> _Piece | DropReason:
        reward = self._facts.rewards[reward_id]
        if reward.is_past:
            return DropReason.PAST
        whose = (reward_id, self._customer_id)
        now = RewardNow(
            state=reward.state,
            granted_minor=reward.kept_minor,
            moved_minor=self._facts.moved_minor[whose],
            set_off_minor=self._facts.set_off_minor[whose],
            known_minor=self._facts.known_minor[whose],
            is_guest=self._customer_id is None,
            has_left=reward.customer_id != self._customer_id,
            void_reason=reward.void_reason,
            taken_back=self._why(reward),
        )
        # Who claimed what a guest earned knows what the guest was told.
        before = self._facts.told.get(whose) or self._facts.told.get((reward_id, None))
        decision = decide_news(now, before, self._unwanted)
        if not decision.news:
            return next((self._unwanted[saying] for saying in decision.unwanted), DropReason.NOTHING_NEW)
        why = now.why_less(before)
        news = tuple(
            self._reward_news(saying, minor, reward, why, self._facts.ends_at.get(whose))
            for saying, minor in decision.news
        )
        return _Piece(news, _ids(group), decision.told)

    def _why(self, reward: RewardRow) -> TakenBack:
        if reward.customer_id != self._customer_id:
            return TakenBack.NOT_GRANTED
        return find_why(
            reward.state,
            is_cancelled=reward.is_cancelled,
            is_refunded=reward.reversed_minor > 0,
            is_adjusted=reward.adjusted_minor is not None,
        )

    def _reward_news(
        self, saying: Saying, minor: int, reward: RewardRow, why: TakenBack, ends_at: datetime | None
    ) -> News:
        match saying:
            case Saying.EARNED:
                return News(saying, minor, reward.order_name, on_day=self._expected_on(reward))
            case Saying.CREDITED:
                return News(saying, minor, reward.order_name, ends_on=self._last_day(ends_at))
            case Saying.CLAIMABLE:
                return News(saying, minor, reward.order_name, on_day=self._last_day(reward.claim_until))
            case _:
                return News(saying, minor, reward.order_name, taken_back=why)

    def _expected_on(self, reward: RewardRow) -> date | None:
        """Return the day on which the credit is expected: not before today, and unknown while a person looks."""
        if reward.state is RewardState.SETTLED:
            return self._day(self._desk.now)
        if reward.state is not RewardState.PENDING or reward.release_at is None:
            return None
        return self._day(max(reward.release_at, self._desk.now))

    def _by_hand(self, number: int) -> News | None:
        """Credit by hand is told once Shopify has it. The note on it is for colleagues only."""
        hand = self._facts.by_hand[number]
        if hand.is_told:
            return None
        if hand.kind is TransferKind.DEBIT:
            return News(Saying.REVERSED, hand.amount_minor, taken_back=TakenBack.BY_HAND)
        if not hand.credited_minor:
            return None
        return News(Saying.CREDITED, hand.credited_minor, ends_on=self._last_day(hand.ends_at))

    def _tier(self, group: Sequence[Waits]) -> News | None:
        """Return where the customer came from and has come to, whatever lay between."""
        moves = [self._facts.tiers[number] for number in sorted(message.subject_id for message in group)]
        before, after = moves[0][0], moves[-1][1]
        if before == after:
            return None
        rate_bps = self._facts.rate_bps.get(after)
        return News(Saying.TIER_CHANGED, tier_before=before, tier_after=after, rate_bps=rate_bps)

    def _ending(self, number: int) -> News | None:
        ending = self._facts.endings.get(number)
        if ending is None or ending.ends_at is None or ending.ends_at <= self._desk.now or not ending.left_minor:
            return None
        return News(Saying.EXPIRING, ending.left_minor, on_day=self._last_day(ending.ends_at))

    def _statement(self, number: int) -> News:
        stated = self._facts.statements[number]
        return News(
            Saying.STATEMENT_READY,
            statement_id=number,
            from_day=self._day(stated.starts_at),
            to_day=self._last_day(stated.ends_at),
            figures=stated.figures,
        )

    def _refund(self, number: int) -> News:
        refund = self._facts.refunds[number]
        return News(Saying.REFUNDED, refund.amount_minor, refund.order_name)

    def _seal(self, kind: MailKind, pieces: Sequence[_Piece]) -> LetterDraft:
        said: dict[int, dict[str, Any]] = {
            message_id: piece.told.to_json()
            for piece in pieces
            if piece.told is not None
            for message_id in piece.message_ids
        }
        letter = Letter(
            customer_id=self._customer_id,
            address=self._address,
            name=self._name,
            language=self._language,
            currency=self._desk.shop.currency,
            news=tuple(news for piece in pieces for news in piece.news),
            available_minor=self._facts.available_minor.get(self._customer_id or 0, 0),
            message_ids=tuple(number for piece in pieces for number in piece.message_ids),
            guest_order_id=self._guest_order_id,
        )
        return LetterDraft(kind, letter, said)

    def _drop(self, group: Sequence[Waits], reason: DropReason) -> None:
        self._desk.dropped |= dict.fromkeys(_ids(group), reason)

    def _day(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()

    def _last_day(self, ends_at: datetime | None) -> date | None:
        """Return the day that holds the last moment before an end: the day before, if it ends at midnight."""
        return None if ends_at is None else self._day(ends_at - _INSTANT)


def can_be_written_to(email: str | None) -> bool:
    """Say whether somebody may read mails there; whether they do only a mail can tell.

    Shopify's word is taken for more than what merchants type is: customers may have letters of any alphabet in theirs.
    """
    return email is not None and "@" in email and email.isprintable() and " " not in email


def _groups(messages: Iterable[Waits]) -> list[tuple[Topic, int, list[Waits]]]:
    """Return messages by what they are about, in the order of the first of each. All changes of tier are one thing."""
    groups: dict[tuple[Topic, int], list[Waits]] = {}
    for message in messages:
        number = 0 if message.topic is Topic.TIER else message.subject_id
        groups.setdefault((message.topic, number), []).append(message)
    return [(topic, number, group) for (topic, number), group in groups.items()]


def _ids(group: Collection[Waits]) -> tuple[int, ...]:
    return tuple(message.id for message in group)
