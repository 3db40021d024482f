"""Which store-credit accounts are to be read: everybody with an entry or a transfer, each leased while it is read."""

from datetime import datetime, timedelta

from sqlalchemy import exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.rules.account_readings import DueAccount
from app.models import CreditAccount, Customer, LedgerEntry, Shop, ShopToken, StatementImport, Transfer

#: How long one reading may take before the account is due again.
LEASE = timedelta(minutes=2)
#: How often a shop's customers are walked over, and its configuration is asked for.
EVERY = timedelta(days=1)
#: After trouble that concerns the whole shop.
WAIT_AFTER_TROUBLE = timedelta(minutes=5)


def list_due_shops(session: Session, now: datetime) -> list[int]:
    """Return the shops that have an account to read, customers to list or a configuration to ask for."""
    a_day_ago = now - EVERY
    has_due = exists().where(CreditAccount.shop_id == Shop.id, CreditAccount.next_read_at <= now)
    is_recent = (StatementImport.listed_at > a_day_ago, StatementImport.configured_at > a_day_ago)
    shops = (
        select(Shop.id)
        .join(ShopToken, ShopToken.shop_id == Shop.id)
        .outerjoin(StatementImport, StatementImport.shop_id == Shop.id)
        .where(
            Shop.uninstalled_at.is_(None),
            ShopToken.refused_at.is_(None),
            or_(StatementImport.wait_until.is_(None), StatementImport.wait_until <= now),
            or_(has_due, StatementImport.id.is_(None), ~func.coalesce(is_recent[0] & is_recent[1], False)),
        )
    )
    return list(session.scalars(shops.order_by(Shop.id)))


def list_people(session: Session, shop: Shop, now: datetime, limit: int = 5_000) -> bool:
    """Look at up to ``limit`` customers and have those read whose money is in the books; return whether more are left.

    One walk over all customers takes place each day; it goes on where the last call ended.
    """
    row = _get_row(session, shop)
    if row.listed_at is not None and row.listed_at > now - EVERY:
        return False
    of_shop = (Customer.shop_id == shop.id, Customer.id > row.listed_to)
    next_ids = select(Customer.id).where(*of_shop).order_by(Customer.id).limit(limit).subquery()
    last_id: int | None = session.scalar(select(func.max(next_ids.c.id)))
    if last_id is None:
        row.listed_to, row.listed_at = 0, now
        session.flush()
        return False
    has_books = or_(
        exists().where(LedgerEntry.shop_id == shop.id, LedgerEntry.customer_id == Customer.id),
        exists().where(Transfer.shop_id == shop.id, Transfer.customer_id == Customer.id),
    )
    wanted = select(literal(shop.id), Customer.id, literal(shop.currency), literal(now)).where(
        *of_shop, Customer.id <= last_id, has_books
    )
    columns = ["shop_id", "customer_id", "currency", "next_read_at"]
    statement = upsert(CreditAccount).from_select(columns, wanted)
    session.execute(statement.on_conflict_do_nothing(index_elements=columns[:3]))
    row.listed_to = last_id
    session.flush()
    return True


def take_due(session: Session, shop: Shop, now: datetime, limit: int) -> list[DueAccount]:
    """Lease up to ``limit`` accounts whose time has come, and return them."""
    due = session.execute(
        select(CreditAccount, Customer.shopify_id)
        .join(Customer, Customer.id == CreditAccount.customer_id)
        .where(
            CreditAccount.shop_id == shop.id,
            CreditAccount.currency == shop.currency,
            CreditAccount.next_read_at <= now,
        )
        .order_by(CreditAccount.next_read_at, CreditAccount.id)
        .limit(limit)
        .with_for_update(of=CreditAccount, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    leased_until = now + LEASE
    for account, _ in due:
        account.next_read_at = leased_until
    session.flush()
    return [DueAccount(shopify_id, account.currency, account.read_through, leased_until) for account, shopify_id in due]


def ask_for_all(session: Session, shop: Shop, now: datetime) -> None:
    """Have all accounts of a shop read now, and its customers walked over."""
    # Whatever is locked is being read or asked for in this moment.
    free = (
        select(CreditAccount.id)
        .where(CreditAccount.shop_id == shop.id, CreditAccount.currency == shop.currency)
        .with_for_update(skip_locked=True)
    )
    session.execute(update(CreditAccount).where(CreditAccount.id.in_(free)).values(next_read_at=now))
    row = _get_row(session, shop)
    row.listed_to, row.listed_at, row.wait_until = 0, None, None
    session.flush()


def needs_configuration(session: Session, shop: Shop, now: datetime) -> bool:
    """Say whether it is time to ask whether customers can spend store credit at checkout."""
    row = _get_row(session, shop)
    return row.configured_at is None or row.configured_at <= now - EVERY


def record_configuration(session: Session, shop: Shop, is_enabled: bool, now: datetime) -> None:
    """Keep whether customers can spend store credit at checkout."""
    shop.store_credit_enabled = is_enabled
    _get_row(session, shop).configured_at = now
    session.flush()


def note_stop(session: Session, shop: Shop, reason: str | None, now: datetime) -> None:
    """Note why reading a shop's accounts has to wait for some minutes; None when it went well."""
    row = _get_row(session, shop)
    row.stopped_by, row.wait_until = reason, None if reason is None else now + WAIT_AFTER_TROUBLE
    row.stopped_since = None if reason is None else row.stopped_since or now
    session.flush()


def _get_row(session: Session, shop: Shop) -> StatementImport:
    statement = upsert(StatementImport).values(shop_id=shop.id)
    session.execute(statement.on_conflict_do_nothing(index_elements=["shop_id"]))
    return session.scalars(
        select(StatementImport)
        .where(StatementImport.shop_id == shop.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
