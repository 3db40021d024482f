"""What a customer is told of a reward: the difference between what is true now and what they know already.

Nobody adds up events here. A message only says that something happened; what is said is found out when a mail is made,
by aiming what the customer knows at what is true then. So nobody is told twice, and nobody of what has gone since.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from app.engine.rules.letters import TakenBack
from app.engine.rules.messages import Saying
from app.engine.rules.states import RewardState, VoidReason

S = RewardState
#: States in which nothing of a reward is the customer's, or will be.
_NOTHING = frozenset({S.VOIDED, S.REJECTED, S.INELIGIBLE})


@dataclass(frozen=True, slots=True)
class Told:
    """What a customer knows of one reward, in minor units, and what they were told last.

    A guest knows of what waits for an account: ``saying`` is then CLAIMABLE, and nothing is announced as theirs yet.
    """

    announced_minor: int
    #: What of it they know to be credited.
    credited_minor: int
    saying: Saying

    def to_json(self) -> dict[str, Any]:
        """Return it as a message keeps it."""
        return {"announced": self.announced_minor, "credited": self.credited_minor, "saying": self.saying.value}


def told_from_json(kept: dict[str, Any]) -> Told:
    """Return what a message keeps as it was."""
    return Told(kept["announced"], kept["credited"], Saying(kept["saying"]))


@dataclass(frozen=True, slots=True)
class RewardNow:
    """What is true of a reward now, for one customer (or guest); amounts in minor units."""

    state: RewardState
    #: Granted less reversed, whatever the state is.
    granted_minor: int
    #: Credits that Shopify confirmed, less debits that were made or are to be made.
    moved_minor: int = 0
    #: What of it settled an amount that the customer owed from before: it is never credited.
    set_off_minor: int = 0
    #: What of it was credited, and kept, before anything that waits to be told happened.
    known_minor: int = 0
    #: Nobody's account is known to have placed the order.
    is_guest: bool = False
    #: The order turned out to be another customer's.
    has_left: bool = False
    void_reason: VoidReason | None = None
    #: Why less of it is kept, should it be less.
    taken_back: TakenBack = TakenBack.NOT_GRANTED

    @property
    def kept_minor(self) -> int:
        """Return what the customer has, or will have, of it."""
        gone = self.has_left or self.state in _NOTHING
        return 0 if gone else max(self.granted_minor - self.set_off_minor, 0)

    @property
    def credited_minor(self) -> int:
        """Return what of that is credited: never below zero, and never more than is kept."""
        return min(max(self.moved_minor, 0), self.kept_minor)

    def why_less(self, before: Told | None) -> TakenBack:
        """Return why the customer has less of it than they know of; what they had already is never set off."""
        told = _known(self, before) or Told(0, 0, Saying.EARNED)
        is_promised = self.granted_minor >= told.announced_minor and self.kept_minor >= told.credited_minor
        return TakenBack.SET_OFF if self.set_off_minor > 0 and is_promised else self.taken_back


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be said, in this order; and what is said in vain because this customer is not to hear it."""

    news: tuple[tuple[Saying, int], ...]
    unwanted: tuple[Saying, ...]
    #: What the customer knows once that is said; None where they know nothing.
    told: Told | None


def decide_news(now: RewardNow, before: Told | None, unwanted: Collection[Saying] = ()) -> Decision:
    """Return what a customer is to be told of a reward, given what they were told last (None: nothing).

    What they do not want to hear stays unsaid, and what they know stays what it was; so nothing later rests on it.
    """
    news: list[tuple[Saying, int]] = []
    withheld: list[Saying] = []
    told = _known(now, before)
    for saying, minor in _list_news(now, told, hears_credits=Saying.CREDITED not in unwanted):
        if saying in unwanted:
            withheld.append(saying)
        else:
            news.append((saying, minor))
            told = _after(told, saying, minor)
    return Decision(tuple(news), tuple(withheld), told if news else before)


def find_why(state: RewardState, *, is_cancelled: bool, is_refunded: bool, is_adjusted: bool) -> TakenBack:
    """Return why less of a reward is kept than before, in the customer's eyes."""
    if state in (S.REJECTED, S.INELIGIBLE):
        return TakenBack.NOT_GRANTED
    if is_cancelled:
        return TakenBack.CANCELLED
    if is_refunded:
        return TakenBack.REFUND
    return TakenBack.BY_HAND if is_adjusted else TakenBack.NOT_GRANTED


def _known(now: RewardNow, before: Told | None) -> Told | None:
    """Return what was told as far as what is said now can rest on it.

    What a guest was told to wait for an account is announced to the customer as if for the first time. Where nothing
    was told, what was credited before is known all the same: the customer has had it, and it is no news.
    """
    is_claimed = before is not None and before.saying is Saying.CLAIMABLE and not now.is_guest
    if now.known_minor and (before is None or is_claimed):
        return Told(now.known_minor, now.known_minor, Saying.CREDITED)
    return None if is_claimed and now.kept_minor else before


def _list_news(now: RewardNow, told: Told | None, *, hears_credits: bool) -> list[tuple[Saying, int]]:
    announced_minor = told.announced_minor if told else 0
    kept_minor = now.kept_minor
    if now.void_reason is VoidReason.UNCLAIMED:
        return []  # the guest was told until when
    if now.is_guest and kept_minor:
        return [] if kept_minor == announced_minor else [(Saying.CLAIMABLE, kept_minor)]
    news = []
    if kept_minor < announced_minor:
        news.append((Saying.REVERSED, announced_minor - kept_minor))
        announced_minor = kept_minor
    known_minor = min(told.credited_minor if told else 0, announced_minor)
    if now.credited_minor > known_minor:
        news.append((Saying.CREDITED, now.credited_minor - known_minor))
        if hears_credits:
            # What is credited before it was ever announced is said once, not twice.
            announced_minor = max(announced_minor, now.credited_minor)
    if kept_minor > announced_minor:
        news.append((Saying.EARNED, kept_minor - announced_minor))
    return news


def _after(told: Told | None, saying: Saying, minor: int) -> Told:
    """Return what a customer knows once they have read this, too."""
    announced_minor, credited_minor = (told.announced_minor, told.credited_minor) if told else (0, 0)
    match saying:
        case Saying.CLAIMABLE:
            return Told(minor, 0, saying)
        case Saying.EARNED:
            return Told(announced_minor + minor, credited_minor, saying)
        case Saying.CREDITED:
            credited_minor += minor
            return Told(max(announced_minor, credited_minor), credited_minor, saying)
        case _:  # taken back
            announced_minor -= minor
            return Told(announced_minor, min(credited_minor, announced_minor), saying)
