"""Store-credit accounts one by one: what differs, what was found on them, and transfers that wait for a person."""

from dataclasses import dataclass

from sqlalchemy import Select, Text, cast, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from app.admin.queries.keyset import PAGE_SIZE, Place, Slice, Window, cut, within
from app.engine.rules.facts import MoveKind
from app.engine.rules.states import TransferState
from app.models import CreditAccount, CreditMoveRow, Customer, Order, Reward, Shop, StatementImport, Transfer
from app.models.columns import among

#: So many matters that wait for a person are shown; there are hardly ever more than a few.
MOST_MATTERS = 50


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account in the shop's currency, and whose it is."""

    account: CreditAccount
    customer: Customer

    @property
    def books_minor(self) -> int | None:
        """Return what the books had when Shopify's balance was read."""
        held, drift = self.account.balance_minor, self.account.drift_minor
        return None if held is None or drift is None else held - drift


@dataclass(frozen=True, slots=True)
class AccountList:
    """A page of accounts, by customer; a customer's id to go on from is None where there is nothing further."""

    rows: tuple[AccountRow, ...]
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class Matter:
    """A transfer that something is the matter with: whose it is, and the order it came from, if any."""

    transfer: Transfer
    customer: Customer
    order: tuple[int, str] | None
    #: The transaction that looks like the transfer a second time.
    move: CreditMoveRow | None = None


@dataclass(frozen=True, slots=True)
class MoveRow:
    """What was found on an account besides our transfers."""

    move: CreditMoveRow
    customer: Customer
    order_name: str | None


def list_accounts(
    session: Session, shop: Shop, *, differing: bool, before: int = 0, after: int = 0, size: int = PAGE_SIZE
) -> AccountList:
    """Return a page of accounts: those after a customer's id, those before one, or the first."""
    query = (
        select(CreditAccount, Customer)
        .join(Customer, (Customer.shop_id == CreditAccount.shop_id) & (Customer.id == CreditAccount.customer_id))
        .where(CreditAccount.shop_id == shop.id, CreditAccount.currency == shop.currency)
    )
    if differing:
        query = query.where(CreditAccount.drift_minor != 0)
    if before:
        # Said of both, for PostgreSQL concludes no less-than from an equality.
        query = query.where(CreditAccount.customer_id < before, Customer.id < before).order_by(
            CreditAccount.customer_id.desc()
        )
    else:
        query = query.where(CreditAccount.customer_id > after, Customer.id > after).order_by(CreditAccount.customer_id)
    found = [AccountRow(account, customer) for account, customer in session.execute(query.limit(size + 1))]
    has_more, rows = len(found) > size, tuple(found[:size])
    if before:
        rows = rows[::-1]
    if not rows:
        return AccountList((), None, None)
    is_first = has_more is False if before else not after
    first, last = rows[0].customer.id, rows[-1].customer.id
    return AccountList(rows, None if is_first else first, last if before or has_more else None)


def find_import(session: Session, shop_id: int) -> StatementImport | None:
    """Return how far the shop's accounts are known."""
    return session.scalar(select(StatementImport).where(StatementImport.shop_id == shop_id))


def list_doubts(session: Session, shop_id: int) -> list[Matter]:
    """Return the transfers of which only a person can say whether they arrived, oldest first."""
    waiting = (Transfer.state == TransferState.UNKNOWN, Transfer.needs_person.is_(True))
    query = _with_owner(select(Transfer, Customer, Order.shopify_id, Order.name), shop_id)
    found = session.execute(query.where(*waiting).order_by(Transfer.id).limit(MOST_MATTERS))
    return [_matter(*row) for row in found]


def list_repeats(session: Session, shop_id: int) -> list[Matter]:
    """Return the transactions that look like a transfer carried out twice and that nobody looked at."""
    query = _with_owner(select(Transfer, Customer, Order.shopify_id, Order.name, CreditMoveRow), shop_id).join(
        CreditMoveRow,
        (CreditMoveRow.shop_id == Transfer.shop_id) & (CreditMoveRow.repeats_transfer_id == Transfer.id),
    )
    unseen = (CreditMoveRow.repeats_transfer_id.is_not(None), CreditMoveRow.repeat_seen_at.is_(None))
    found = session.execute(query.where(*unseen).order_by(CreditMoveRow.id).limit(MOST_MATTERS))
    return [_matter(*row) for row in found]


def list_moves(session: Session, shop_id: int, kind: MoveKind | None, window: Window) -> Slice[MoveRow]:
    """Return a page of what was found on accounts, newest first."""
    kinds = [kind] if kind else list(MoveKind)
    each_kind = func.unnest(cast([str(one) for one in kinds], ARRAY(Text))).table_valued("kind").render_derived()
    newest = select(CreditMoveRow.at, CreditMoveRow.id).where(
        CreditMoveRow.shop_id == shop_id, CreditMoveRow.kind == each_kind.c.kind
    )
    each = within(newest, CreditMoveRow.at, CreditMoveRow.id, window).lateral()
    keys = select(each.c.at, each.c.id).select_from(each_kind).join(each, true())
    found = session.execute(within(keys, each.c.at, each.c.id, window))
    page = cut([Place(at, number) for at, number in found], window, lambda place: place)
    query = (
        select(CreditMoveRow, Customer, Order.name)
        .join(Customer, (Customer.shop_id == CreditMoveRow.shop_id) & (Customer.id == CreditMoveRow.customer_id))
        .outerjoin(
            Order, (Order.shop_id == CreditMoveRow.shop_id) & (Order.shopify_id == CreditMoveRow.order_shopify_id)
        )
        .where(CreditMoveRow.shop_id == shop_id, among(CreditMoveRow.id, [place.id for place in page.rows]))
    )
    rows = {move.id: MoveRow(move, customer, name) for move, customer, name in session.execute(query)}
    return Slice(tuple(rows[place.id] for place in page.rows), page.newer, page.older)


def _with_owner(query: Select, shop_id: int) -> Select:  # type: ignore[type-arg]  # of two shapes
    return (
        query.select_from(Transfer)
        .join(Customer, (Customer.shop_id == Transfer.shop_id) & (Customer.id == Transfer.customer_id))
        .outerjoin(Reward, (Reward.shop_id == Transfer.shop_id) & (Reward.id == Transfer.reward_id))
        .outerjoin(Order, (Order.shop_id == Reward.shop_id) & (Order.id == Reward.order_id))
        .where(Transfer.shop_id == shop_id)
    )


def _matter(
    transfer: Transfer, customer: Customer, order_id: int | None, name: str | None, move: CreditMoveRow | None = None
) -> Matter:
    return Matter(transfer, customer, None if order_id is None or name is None else (order_id, name), move)
