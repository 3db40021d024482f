"""A shop whose books and accounts in the sandbox both move, and whose statements are imported when a test says so."""

from collections import Counter
from datetime import timedelta

from sqlalchemy import select

from app.db import db, transaction
from app.engine.flows import account_statements, adjust
from app.engine.flows.check_books import check_books
from app.engine.ledger import read_balances
from app.engine.rules.postings import Account
from app.engine.rules.states import TransferKind
from app.models import AuditEvent, CreditAccount, CreditMoveRow, ReasonCode, Shop
from app.shopify.statement import ImportReport, import_due
from sandbox.credit import CreditTransaction
from tests.shopify.desk import CREDIT, STAFF, Buyer, Desk

LONG = timedelta(hours=1)


class Clerk:
    """Gives and takes credit through the books, and lets others do so in the sandbox."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.shop_id = desk.shop_id
        self._keys = 0

    def book(self, buyer: Buyer, minor: int, kind: TransferKind = CREDIT) -> None:
        """Give or take by hand: an entry, and a transfer that is planned."""
        self._keys += 1
        with transaction() as session:
            adjust.propose(
                session, self.shop_id, buyer.id, kind, minor, ReasonCode.GOODWILL, "A late parcel.", STAFF,
                self.desk.clock(), f"clerk:{self._keys}",
            )  # fmt: skip

    def credited(self, minor: int) -> Buyer:
        """Return a customer who was given credit, which arrived."""
        buyer = self.desk.customer()
        self.book(buyer, minor)
        self.desk.send_until_done()
        return buyer

    def read(self) -> ImportReport:
        """Read every account now, twice: the second time changes nothing."""
        self.ask()
        report = self.read_due()
        before = self.moves()
        self.ask()
        self.read_due()
        assert self.moves() == before
        self.check()
        return report

    def ask(self) -> None:
        """Ask for all accounts to be read."""
        with transaction() as session:
            shop = session.get_one(Shop, self.shop_id)
            account_statements.ask_for_all(session, shop, self.desk.clock())

    def read_due(self) -> ImportReport:
        """Read what is due."""
        return import_due(self.shop_id, account_statements, self.desk.clock, run_for=LONG)

    def account(self, buyer: Buyer, currency: str = "USD") -> CreditAccount:
        """Return what is kept of a customer's account."""
        db.session.rollback()
        which = (CreditAccount.customer_id == buyer.id, CreditAccount.currency == currency)
        return db.session.scalars(select(CreditAccount).where(*which).execution_options(populate_existing=True)).one()

    def moves(self) -> list[tuple[str, int]]:
        """Return kind and amount of what others moved, oldest first."""
        db.session.rollback()
        rows = db.session.scalars(select(CreditMoveRow).order_by(CreditMoveRow.at, CreditMoveRow.id))
        return [(row.kind.value, row.amount_minor) for row in rows]

    def available(self, buyer: Buyer) -> int:
        """Return what a customer has available by the books."""
        with transaction() as session:
            return read_balances(session, self.shop_id, {buyer.id}, "USD")[buyer.id][Account.AVAILABLE]

    def audited(self) -> Counter[str]:
        """Return what the audit trail has of differences and of transfers carried out twice."""
        db.session.rollback()
        told = db.session.scalars(select(AuditEvent.action))
        return Counter(action for action in told if action.endswith(("drift", "repeated_transfer")))

    def hide(self, entry: CreditTransaction, hidden: bool = True) -> None:
        """Let Shopify leave a transaction out of its statement."""
        entry.hidden = hidden

    def check(self) -> None:
        """Check the books."""
        with transaction() as session:
            assert list(check_books(session)) == []


def drift(clerk: Clerk, buyer: Buyer) -> int | None:
    """Return the difference, where books and Shopify were held against each other."""
    return clerk.account(buyer).drift_minor
