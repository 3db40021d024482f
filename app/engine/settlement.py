"""The one road into *settled* and back: what a reward earns, loses or has to give back, as entries and transfers."""

from collections.abc import Collection
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.engine.daybook import Cause, Daybook
from app.engine.expiries import Expiries
from app.engine.offsets import cancel_against_each_other
from app.engine.programme import Programme
from app.engine.rules import postings
from app.engine.rules.expiry import compute_expires_at
from app.engine.rules.postings import Account, EntryKind, Posting
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import OwedPolicy, Terms
from app.models import Order, Reward, Shop


class Journal:
    """What one transaction adds to a shop's books for its rewards. The customers concerned are locked by the caller."""

    def __init__(
        self,
        session: Session,
        shop: Shop,
        customer_ids: Collection[int],
        *,
        actor: str,
        now: datetime,
        programme: Programme | None = None,
    ) -> None:
        self._session = session
        self._shop = shop
        self._now = now
        self._programme_given = programme
        self._customer_ids = frozenset(customer_ids)
        self._daybook = Daybook(session, shop, customer_ids, actor=actor, now=now)
        #: Rewards of which a debit was planned.
        self._taken_back: set[int] = set()

    def accrue(self, reward: Reward, order: Order, amount_minor: int, occurred_at: datetime) -> None:
        """Book a promise as pending."""
        self._enter(EntryKind.ACCRUAL, reward, order, postings.accrue(amount_minor), occurred_at)

    def void(self, reward: Reward, order: Order, amount_minor: int, occurred_at: datetime) -> None:
        """Take back a promise that never settled."""
        self._enter(EntryKind.VOID, reward, order, postings.void(amount_minor), occurred_at)

    def settle(self, reward: Reward, order: Order, amount_minor: int, occurred_at: datetime) -> None:
        """Make pending credit the customer's: what is owed is set off first, the rest is to be credited in Shopify."""
        self._enter(EntryKind.SETTLEMENT, reward, order, postings.settle(amount_minor), occurred_at)
        owed_minor = -self.balance(_customer_of(reward), Account.OWED)
        set_off_minor = min(amount_minor, max(owed_minor, 0))
        if set_off_minor:
            self._enter(EntryKind.SET_OFF, reward, order, postings.set_off(set_off_minor), occurred_at)
        if amount_minor > set_off_minor:
            self._daybook.plan(
                TransferKind.CREDIT,
                _customer_of(reward),
                _subject(reward, order),
                amount_minor - set_off_minor,
                _cause(reward),
                compute_expires_at(self._terms_of(reward).expiry, self._now, ZoneInfo(self._shop.timezone)),
            )

    def claw_back(self, reward: Reward, order: Order, amount_minor: int, occurred_at: datetime) -> None:
        """Take settled credit back, in this order: what expired of it, what is available, the rest as owed.

        The part that is available is to be debited in Shopify. What is owed is forgiven at once where the reward's
        terms say so.
        """
        customer_id = _customer_of(reward)
        expired_minor = self._expiries.pay(customer_id, reward.id, amount_minor)
        rows = postings.claw_back(amount_minor, self.balance(customer_id, Account.AVAILABLE), expired_minor)
        taken_minor = {row.source: row.amount_minor for row in rows}
        self._enter(EntryKind.CLAWBACK, reward, order, rows, occurred_at)
        if Account.AVAILABLE in taken_minor:
            self._daybook.plan(
                TransferKind.DEBIT,
                customer_id,
                _subject(reward, order),
                taken_minor[Account.AVAILABLE],
                _cause(reward),
            )
            self._taken_back.add(reward.id)
        if Account.OWED in taken_minor and self._terms_of(reward).owed is OwedPolicy.FORGIVE:
            forgiven = postings.forgive(taken_minor[Account.OWED])
            self._enter(EntryKind.FORGIVENESS, reward, order, forgiven, occurred_at)

    def balance(self, customer_id: int, account: Account) -> int:
        """Return a customer's balance, with what this journal has entered already."""
        return self._daybook.balance(customer_id, account)

    def write(self) -> None:
        """Write the entries and plan the transfers, each once; raise NotYet if one was written before."""
        self._daybook.write()
        if self._taken_back:
            cancel_against_each_other(self._session, self._shop.id, self._taken_back)
        self._taken_back = set()

    def _enter(
        self, kind: EntryKind, reward: Reward, order: Order, rows: tuple[Posting, ...], occurred_at: datetime
    ) -> None:
        subject = _subject(reward, order)
        self._daybook.enter(kind, _customer_of(reward), subject, rows, occurred_at, _cause(reward))

    def _terms_of(self, reward: Reward) -> Terms:
        return self._programme.version(reward.terms_version)

    @cached_property
    def _programme(self) -> Programme:
        return self._programme_given or Programme(self._session, self._shop)

    @cached_property
    def _expiries(self) -> Expiries:
        """What expired of the customers' credit, booked before anything is taken back: it is not available any more."""
        expiries = Expiries(self._session, self._shop, self._customer_ids, self._daybook, self._now)
        expiries.lower()
        expiries.raise_()
        return expiries


def _subject(reward: Reward, order: Order) -> str:
    # A reward's version grows with each change under its customer's lock, so this names one change for ever.
    return f"order:{order.shopify_id}:{reward.version}"


def _cause(reward: Reward) -> Cause:
    return Cause(reward_id=reward.id, currency=reward.currency)


def _customer_of(reward: Reward) -> int:
    if reward.customer_id is None:
        raise ValueError(f"The reward {reward.id} has no customer to keep books for.")
    return reward.customer_id
