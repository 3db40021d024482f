"""Lots: how much of each credit was used, has expired or is left, and whose credit it was.

Shopify spends whatever expires soonest first, and credit without an expiry last (FACTS 4.1). So what became of each
credit follows from what is known about the account, in whatever order that was heard: a purchase that is heard of
late takes back an expiry that was booked too soon.

Each cent also belongs to the reward that earned it. A debit that takes a reward back may meet another reward's cents,
because those expire sooner; the two then change places, so that what is left is the other one's.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

#: The owner of cents that no reward earned: given by hand, or by somebody else.
NOBODY = 0


@dataclass(frozen=True, slots=True)
class Lot:
    """One credit on an account. ``key`` names it; of two with one expiry the earlier one is used first."""

    key: int
    at: datetime
    amount_minor: int
    #: From this instant on it cannot be spent; None never expires.
    expires_at: datetime | None = None
    #: What expired of it by Shopify's own word; None while Shopify has not said.
    told_minor: int | None = None
    #: The reward that earned it.
    owner: int = NOBODY
    #: It gives back what was taken in vain: it is theirs whose cents a debit took instead, or whose were set off.
    makes_good: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """Credit spent or taken (negative), or given back where it was spent (positive)."""

    at: datetime
    amount_minor: int
    #: Spent at the checkout: only that is ever given back.
    is_spending: bool = False
    #: The reward that a debit takes back.
    owner: int = NOBODY


@dataclass(frozen=True, slots=True)
class SetOff:
    """Cents of a reward that paid what the customer owed instead of being credited."""

    at: datetime
    amount_minor: int
    owner: int


@dataclass(frozen=True, slots=True)
class LotState:
    """What became of a lot's amount: the three always sum to it."""

    used_minor: int
    expired_minor: int
    left_minor: int


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What became of an account's credit."""

    states: dict[int, LotState]
    #: By reward: what expired of its cents, and what debits took of them.
    expired: Counter[int]
    debited: Counter[int]

    def covered_minor(self, owner: int, clawed_back_minor: int) -> int:
        """Return how much of what was taken back of a reward is paid by what expired of its own cents.

        What expired is gone from the customer already. So of what was taken back, the part that no debit took of the
        reward's cents is paid by those that expired, as far as they go: no cent is taken twice.
        """
        return min(max(clawed_back_minor - self.debited[owner], 0), self.expired[owner])
