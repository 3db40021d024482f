"""Two shops with customers, and short words for what tests do with rows of transfers."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from app.db import db, transaction
from app.engine.flows import transfer as flow
from app.engine.rules.arrival import Claim
from app.engine.rules.facts_json import terms_to_json
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import TransferKind, TransferState
from app.engine.rules.terms import Terms, Tier
from app.models import AuditEvent, Customer, LedgerEntry, LedgerPosting, Shop, TermsVersion, Transfer
from tests.people import hire_cast

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CREDIT, DEBIT = TransferKind.CREDIT, TransferKind.DEBIT
S = TransferState
LEASE = 40
QUIET = 90
STAFF = "staff:7"
GID = "gid://shopify/StoreCreditAccountCreditTransaction/"
DEBIT_GID = "gid://shopify/StoreCreditAccountDebitTransaction/"


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Rows:
    """Two shops with two customers each, and short words for what the tests do with their transfers."""

    def __init__(self) -> None:
        self.shops = [self._add_shop(f"shop-{number}.myshopify.com") for number in (1, 2)]
        self.shop_id = self.shops[0]
        self.ada, self.ben = (self._add_customer(self.shop_id, number) for number in (1, 2))

    def plan(self, customer_id: int, minor: int = 100, kind: TransferKind = CREDIT, **more: object) -> int:
        values = {
            "shop_id": self.shop_id,
            "key": f"{kind}:{customer_id}:{minor}:{len(self.all())}",
            "customer_id": customer_id,
            "kind": kind,
            "currency": "USD",
            "amount_minor": minor,
            "state": S.PLANNED,
            "created_at": START,
            **more,
        }
        with transaction() as session:
            row = Transfer(**values)
            session.add(row)
            session.flush()
            return row.id

    def claim(self, at: float = 0, shop_id: int | None = None) -> Claim | None:
        with transaction() as session:
            return flow.claim_next(session, shop_id or self.shop_id, after(at), LEASE)

    def send(self, at: float = 0, watermark: int = 10, minor: int | None = None) -> Claim:
        """Claim the next and mark it as being sent."""
        claim = self.claim(at)
        assert claim is not None
        with transaction() as session:
            assert flow.mark_sending(session, claim, watermark, minor or claim.amount_minor, after(at)) is not None
        return claim

    def lose(self, at: float = 0) -> Claim:
        """Send the next and get no answer."""
        claim = self.send(at)
        with transaction() as session:
            flow.mark_unknown(session, claim, after(at), "No answer.", after(at))
        return claim

    def row(self, transfer_id: int) -> Transfer:
        db.session.rollback()
        return db.session.get(Transfer, transfer_id, populate_existing=True)

    def all(self) -> list[Transfer]:
        db.session.rollback()
        return list(db.session.scalars(select(Transfer).order_by(Transfer.id)))

    def change_shop(self, **values: object) -> None:
        with transaction() as session:
            shop = session.get_one(Shop, self.shop_id)
            for name, value in values.items():
                setattr(shop, name, value)

    def audit(self) -> list[AuditEvent]:
        db.session.rollback()
        return list(db.session.scalars(select(AuditEvent).order_by(AuditEvent.id)))

    def _add_shop(self, domain: str) -> int:
        with transaction() as session:
            shop = Shop(domain=domain, name="Shop", currency="USD", installed_at=START)
            session.add(shop)
            session.flush()
            hire_cast(session, shop.id)
            terms = Terms(1, "USD", (Tier("Only", 0, 0),))
            session.add(
                TermsVersion(
                    shop_id=shop.id,
                    version=1,
                    effective_from=START,
                    body=terms_to_json(terms),
                    published_at=START,
                    published_by=STAFF,
                )
            )
            return shop.id

    def _add_customer(self, shop_id: int, shopify_id: int) -> int:
        with transaction() as session:
            customer = Customer(shop_id=shop_id, shopify_id=shopify_id, created_at=START)
            session.add(customer)
            session.flush()
            return customer.id


def amounts(kind: EntryKind) -> list[int]:
    db.session.rollback()
    return list(
        db.session.scalars(
            select(LedgerPosting.amount_minor)
            .join(LedgerEntry, LedgerEntry.id == LedgerPosting.entry_id)
            .where(LedgerEntry.kind == kind)
        )
    )
