"""What one transaction adds to a shop's books: entries and transfers, gathered first and written once.

Before it writes everything is computed, after it writes nothing is. It also keeps the one promise that no single
event can keep: nobody's available credit is below zero, in whatever order things are heard of.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.ledger import Balances, EntryDraft, post, read_balances
from app.engine.rules import postings
from app.engine.rules.postings import Account, EntryKind, Posting
from app.engine.rules.states import TransferKind, TransferState
from app.engine.statement_periods import statement_for
from app.errors import NotYet
from app.models import LedgerEntry, LedgerPosting, Shop, Transfer
from app.models.columns import among
from app.sentences import say


@dataclass(frozen=True, slots=True)
class Cause:
    """What an entry or a transfer belongs to."""

    reward_id: int | None = None
    adjustment_id: int | None = None
    move_id: int | None = None
    #: Where it is not the shop's of today: a reward keeps its own for life.
    currency: str | None = None


NOTHING_ELSE = Cause()


class Daybook:
    """Entries and transfers about to be written for customers whom the caller has locked."""

    def __init__(
        self, session: Session, shop: Shop, customer_ids: Collection[int], *, actor: str, now: datetime
    ) -> None:
        self._session = session
        self._shop = shop
        self._actor = actor
        self._now = now
        self._balances: dict[int, Balances] = defaultdict(lambda: defaultdict(int))
        self._balances.update(read_balances(session, shop.id, customer_ids, shop.currency))
        self._covers = read_covers(session, shop, [c for c in customer_ids if Account.EXTERNAL in self._balances[c]])
        self._drafts: list[EntryDraft] = []
        self._transfers: list[dict[str, object]] = []

    def balance(self, customer_id: int, account: Account) -> int:
        """Return a customer's balance, with what was entered here already."""
        return self._balances[customer_id][account]

    def enter(
        self,
        kind: EntryKind,
        customer_id: int,
        subject: str,
        rows: tuple[Posting, ...],
        occurred_at: datetime,
        cause: Cause = NOTHING_ELSE,
    ) -> None:
        """Add an entry; ``subject`` and its kind name it for ever.

        Where it takes more than is available, somebody else must have put the rest into Shopify: an entry before it
        presumes so, and goes back as soon as there is something that explains it.
        """
        key = f"{kind}:{subject}"
        missing_minor = postings.missing(rows, self.balance(customer_id, Account.AVAILABLE))
        if missing_minor:
            rest = postings.cover(missing_minor)
            self._add(EntryKind.EXTERNAL, customer_id, f"cover:{key}", rest, occurred_at, NOTHING_ELSE)
            self._covers[customer_id] += missing_minor
        self._add(kind, customer_id, key, rows, occurred_at, cause)

    def plan(
        self,
        kind: TransferKind,
        customer_id: int,
        subject: str,
        amount_minor: int,
        cause: Cause,
        credit_expires_at: datetime | None = None,
    ) -> None:
        """Add a transfer to be made in Shopify; ``subject`` and its kind name it for ever."""
        self._transfers.append(
            {
                "shop_id": self._shop.id,
                "key": f"{kind}:{subject}",
                "customer_id": customer_id,
                "reward_id": cause.reward_id,
                "adjustment_id": cause.adjustment_id,
                "kind": kind,
                "currency": cause.currency or self._shop.currency,
                "amount_minor": amount_minor,
                "credit_expires_at": credit_expires_at,
                "state": TransferState.PLANNED,
                "created_at": self._now,
            }
        )

    def write(self) -> None:
        """Write the entries and plan the transfers, each once.

        Raises NotYet when one of the entries was written before: then something was changed behind the locks, and
        what was decided must not stand without its entries.
        """
        if self._drafts:
            self._uncover()
            statement_for(self._session, self._shop, {draft.customer_id for draft in self._drafts}, self._now)
        written = post(self._session, self._shop.id, self._drafts, self._now)
        if len(written) < len(self._drafts):
            raise NotYet(say("A reward was changed by someone else at the same time; it is tried again."))
        if self._transfers:
            statement = upsert(Transfer).values(self._transfers)
            self._session.execute(statement.on_conflict_do_nothing(index_elements=["shop_id", "key"]))
        self._drafts, self._transfers = [], []

    def _uncover(self) -> None:
        """Take back what had to be presumed, as far as there is something available now."""
        newest = {draft.customer_id: draft for draft in self._drafts}
        for customer_id, draft in newest.items():
            known_minor = min(self._covers[customer_id], self.balance(customer_id, Account.AVAILABLE))
            if known_minor > 0:
                rows = postings.uncover(known_minor)
                key = f"uncover:{draft.key}"
                self._add(EntryKind.EXTERNAL, customer_id, key, rows, draft.occurred_at, NOTHING_ELSE)
                self._covers[customer_id] -= known_minor

    def _add(
        self,
        kind: EntryKind,
        customer_id: int,
        key: str,
        rows: tuple[Posting, ...],
        occurred_at: datetime,
        cause: Cause,
    ) -> None:
        balances = self._balances[customer_id]
        for row in rows:
            balances[row.source] -= row.amount_minor
            balances[row.destination] += row.amount_minor
        self._drafts.append(
            EntryDraft(
                key=key,
                kind=kind,
                customer_id=customer_id,
                currency=cause.currency or self._shop.currency,
                occurred_at=occurred_at,
                actor=self._actor,
                postings=rows,
                reward_id=cause.reward_id,
                adjustment_id=cause.adjustment_id,
                move_id=cause.move_id,
            )
        )


def read_covers(session: Session, shop: Shop, customer_ids: Collection[int]) -> dict[int, int]:
    """Return what is presumed to have come from outside for each customer: entries that no move of Shopify's tells."""
    covers: dict[int, int] = defaultdict(int)
    if not customer_ids:
        return covers
    came = case(
        (LedgerPosting.source == Account.EXTERNAL, LedgerPosting.amount_minor), else_=-LedgerPosting.amount_minor
    )
    rows = session.execute(
        select(LedgerEntry.customer_id, func.sum(came))
        .join(LedgerPosting, LedgerPosting.entry_id == LedgerEntry.id)
        .where(
            LedgerEntry.shop_id == shop.id,
            among(LedgerEntry.customer_id, customer_ids),
            LedgerEntry.kind == EntryKind.EXTERNAL,
            LedgerEntry.move_id.is_(None),
        )
        .group_by(LedgerEntry.customer_id)
    )
    covers.update({customer_id: int(minor) for customer_id, minor in rows})
    return covers
