"""What the tests about tiers look at: the tiers shown, the log of moves, runs, and some customers to have them."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.flows import tier_runs, tiers
from app.engine.rules.facts import CustomerFact
from app.engine.standings import refresh_standings
from app.models import AuditEvent, Customer, Shop, TierChange, TierRun
from tests.flows.builders import ADA, BIG, STAFF, Till, day, reading


def people(number: int) -> list[CustomerFact]:
    """Return made-up customers."""
    return [CustomerFact(BIG + 800 + n, f"number{n}@example.com", f"Number {n}") for n in range(number)]


def ids_of(shop: Till, *customers: CustomerFact) -> list[int]:
    """Return our ids of a shop's customers, of all without any named."""
    with reading() as session:
        which = select(Customer.shopify_id, Customer.id).where(Customer.shop_id == shop.id).order_by(Customer.id)
        known = dict(session.execute(which).all())
        return [known[customer.customer_id] for customer in customers] if customers else list(known.values())


def shown(shop: Till, customer: CustomerFact = ADA) -> tuple[str | None, int | None]:
    """Return the tier and the spend shown with a customer."""
    row = row_of(shop, customer)
    return row.tier_name, row.tier_spend_minor


def row_of(shop: Till, customer: CustomerFact = ADA) -> Customer:
    """Return a customer's row, as it was when it was read."""
    with reading() as session:
        which = (Customer.shop_id == shop.id, Customer.shopify_id == customer.customer_id)
        row = session.scalars(select(Customer).where(*which)).one()
        session.expunge(row)
        return row


def moves(shop: Till, customer: CustomerFact = ADA) -> list[tuple[str | None, str, str]]:
    """Return the log of a customer's moves: from, to, kind."""
    (customer_id,) = ids_of(shop, customer)
    with reading() as session:
        which = select(TierChange).where(TierChange.shop_id == shop.id, TierChange.customer_id == customer_id)
        rows = session.scalars(which.order_by(TierChange.id))
        return [(row.before, row.after, row.kind.value) for row in rows]


def audit(shop: Till, action: str) -> list[AuditEvent]:
    """Return what the audit trail has of an action."""
    with reading() as session:
        which = select(AuditEvent).where(AuditEvent.shop_id == shop.id, AuditEvent.action == action)
        rows = list(session.scalars(which.order_by(AuditEvent.id)))
        session.expunge_all()
        return rows


def refresh(shop: Till, on: int = 10, customers: Iterable[CustomerFact] = ()) -> None:
    """Make the tiers shown fresh; the second time nothing is written."""
    ids = ids_of(shop, *customers)
    shop.twice(lambda session, row, now: refresh_standings(session, row, ids, now), day(on))


def assign(shop: Till, tier: str, *customers: CustomerFact, on: int = 5, **more: object) -> int:
    """Give customers (Ada unless told otherwise) a tier by hand, twice."""
    values = {"reason": "A friend of the house.", "ends_at": None, "is_locked": False, **more}
    ids = ids_of(shop, *(customers or (ADA,)))

    def flow(session: Session, row: Shop, now: datetime) -> int:
        reason, ends_at, is_locked = str(values["reason"]), values["ends_at"], bool(values["is_locked"])
        assert ends_at is None or isinstance(ends_at, datetime)
        return tiers.assign(session, row.id, ids, tier, reason, STAFF, now, ends_at=ends_at, is_locked=is_locked)

    return shop.twice(flow, day(on))


def end(shop: Till, *customers: CustomerFact, on: int = 6) -> int:
    """End what was given to customers (Ada unless told otherwise) by hand, twice."""
    ids = ids_of(shop, *(customers or (ADA,)))
    return shop.twice(
        lambda session, row, now: tiers.end_assignment(session, row.id, ids, "It was for a month.", STAFF, now), day(on)
    )


def start_run(shop: Till, on: int = 10) -> int:
    """Begin a run as staff and return its id."""
    return shop.run(lambda session, row: tier_runs.start_run(session, row.id, STAFF, day(on)).id)


def carry_out(shop: Till, run_id: int, at: datetime, limit: int = 5_000) -> int:
    """Carry out what is left of a run, each batch in a transaction of its own, and return how many it took."""
    batches = 1
    while shop.run(lambda session, row: tier_runs.recalculate(session, row, run_id, at, limit)):
        batches += 1
    return batches


def recalculate(shop: Till, on: int = 10) -> TierRun:
    """Let staff recalculate everybody."""
    run_id = start_run(shop, on)
    carry_out(shop, run_id, day(on))
    return run_row(shop, run_id)


def run_row(shop: Till, run_id: int) -> TierRun:
    """Return a run, as it was when it was read."""
    with reading() as session:
        row = session.get_one(TierRun, run_id)
        session.expunge(row)
        return row
