"""The one road into *settled* and back: entries and transfers of a batch, gathered first, written once.

A Journal reads the balances of its customers, takes what the batch decides, and writes it all at the end: before
it writes everything is computed, after it writes nothing is.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.ledger import Balances, EntryDraft, post, read_balances
from app.engine.offsets import cancel_against_each_other
from app.engine.rules import postings
from app.engine.rules.postings import Account, EntryKind, Posting
from app.engine.rules.states import TransferKind, TransferState
from app.errors import NotYet
from app.models import Order, Reward, Shop, Transfer


class Journal:
    """What one transaction adds to a shop's books. The customers concerned are locked by the caller."""

    def __init__(
        self, session: Session, shop: Shop, customer_ids: Collection[int], *, actor: str, now: datetime
    ) -> None:
        self._session = session
        self._shop = shop
        self._actor = actor
        self._now = now
        self._balances: dict[int, Balances] = defaultdict(lambda: defaultdict(int))
        self._balances.update(read_balances(session, shop.id, customer_ids, shop.currency))
        self._drafts: list[EntryDraft] = []
        self._transfers: list[dict[str, object]] = []
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
        owed_minor = -self._balance(reward, Account.OWED)
        set_off_minor = min(amount_minor, max(owed_minor, 0))
        if set_off_minor:
            self._enter(EntryKind.SET_OFF, reward, order, postings.set_off(set_off_minor), occurred_at)
        if amount_minor > set_off_minor:
            self._plan(TransferKind.CREDIT, reward, order, amount_minor - set_off_minor)

    def claw_back(self, reward: Reward, order: Order, amount_minor: int, occurred_at: datetime) -> None:
        """Take settled credit back: what is available is to be debited in Shopify, the rest is owed."""
        available_minor = self._balance(reward, Account.AVAILABLE)
        rows = postings.claw_back(amount_minor, available_minor)
        covered_minor = sum(row.amount_minor for row in rows if row.source is Account.AVAILABLE)
        self._enter(EntryKind.CLAWBACK, reward, order, rows, occurred_at)
        if covered_minor:
            self._plan(TransferKind.DEBIT, reward, order, covered_minor)
            self._taken_back.add(reward.id)

    def balance(self, customer_id: int, account: Account) -> int:
        """Return a customer's balance, with what this journal has entered already."""
        return self._balances[customer_id][account]

    def write(self) -> None:
        """Write the entries and plan the transfers, each once.

        Raises NotYet when one of the entries was written before: then the reward was changed behind the locks, and
        what the batch decided must not stand without its entries.
        """
        written = post(self._session, self._shop.id, self._drafts, self._now)
        if len(written) < len(self._drafts):
            raise NotYet("A reward was changed by someone else at the same time; it is tried again.")
        if self._transfers:
            statement = upsert(Transfer).values(self._transfers)
            self._session.execute(statement.on_conflict_do_nothing(index_elements=["shop_id", "key"]))
        if self._taken_back:
            cancel_against_each_other(self._session, self._shop.id, self._taken_back)
        self._drafts, self._transfers, self._taken_back = [], [], set()

    def _enter(
        self,
        kind: EntryKind,
        reward: Reward,
        order: Order,
        rows: tuple[Posting, ...],
        occurred_at: datetime,
    ) -> None:
        customer_id = _customer_of(reward)
        balances = self._balances[customer_id]
        for row in rows:
            balances[row.source] -= row.amount_minor
            balances[row.destination] += row.amount_minor
        self._drafts.append(
            EntryDraft(
                key=f"{kind}:{_subject(reward, order)}",
                kind=kind,
                customer_id=customer_id,
                currency=reward.currency,
                occurred_at=occurred_at,
                actor=self._actor,
                postings=rows,
                reward_id=reward.id,
            )
        )

    def _plan(self, kind: TransferKind, reward: Reward, order: Order, amount_minor: int) -> None:
        self._transfers.append(
            {
                "shop_id": self._shop.id,
                "key": f"{kind}:{_subject(reward, order)}",
                "customer_id": _customer_of(reward),
                "reward_id": reward.id,
                "kind": kind,
                "currency": reward.currency,
                "amount_minor": amount_minor,
                "state": TransferState.PLANNED,
                "created_at": self._now,
            }
        )

    def _balance(self, reward: Reward, account: Account) -> int:
        return self._balances[_customer_of(reward)][account]


def _subject(reward: Reward, order: Order) -> str:
    # A reward's version grows with each change under its customer's lock, so this names one change for ever.
    return f"order:{order.shopify_id}:{reward.version}"


def _customer_of(reward: Reward) -> int:
    if reward.customer_id is None:
        raise ValueError(f"The reward {reward.id} has no customer to keep books for.")
    return reward.customer_id
