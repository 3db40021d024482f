"""The list of customers: searched, filtered, and sorted by name, age, spend, balance or what is owed, paged by key.

Some customers have nothing to be sorted by: no name, no spend yet, no account in Shopify. They come after all that
have, the newest first, so that nobody is missing from the list whatever it is sorted by.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, literal_column, or_, select, true
from sqlalchemy import tuple_ as pair
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import Subquery

from app.admin.queries.customer_figures import Figures, read_figures, select_owing
from app.admin.queries.keyset import LARGEST_ID, PAGE_SIZE
from app.admin.queries.search import matches_customer
from app.engine.rules.states import BOOKED_PENDING
from app.models import CreditAccount, Customer, CustomerTag, Reward, Shop


class Sort(StrEnum):
    """What the list is ordered by: names rise, everything else falls."""

    NEWEST = "newest"
    NAME = "name"
    SPEND = "spend"
    BALANCE = "balance"
    OWED = "owed"


class Show(StrEnum):
    """Which part of the customers is shown, besides all."""

    OWING = "owing"
    PENDING = "pending"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which customers, and in which order."""

    search: str = ""
    tag: str = ""
    tier: str = ""
    show: Show | None = None
    sort: Sort = Sort.NEWEST


@dataclass(frozen=True, slots=True)
class Spot:
    """A customer's place in the list: what they are sorted by (None where there is nothing), and their number."""

    value: str | int | None
    id: int

    def __str__(self) -> str:
        return f"_{self.id}" if self.value is None else f"={self.value}_{self.id}"


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One row of the list."""

    customer: Customer
    figures: Figures


@dataclass(frozen=True, slots=True)
class CustomerList:
    """One page; a spot is None where there is nothing further that way."""

    rows: tuple[CustomerRow, ...]
    previous: Spot | None
    following: Spot | None


@dataclass(frozen=True, slots=True)
class _Order:
    """How a list is ordered: by a value (None: by the number alone), then by the number; both the same way."""

    value: Any
    id: Any
    falls: bool = True
    #: The values alone, where the list leaves nobody out: their first ones are found before anybody is read.
    all_values: Subquery | None = None


def read_spot(text: str, sort: Sort) -> Spot | None:
    """Return the spot a text holds, or None for any other text."""
    value, _, number = text.replace("\0", "").rpartition("_")
    if not (number.isascii() and number.isdigit() and int(number) <= LARGEST_ID):
        return None
    if not value:
        return Spot(None, int(number))
    if not value.startswith("=") or sort is Sort.NEWEST:
        return None
    if sort is Sort.NAME:
        return Spot(value[1:], int(number))
    digits = value[1:].removeprefix("-")
    is_number = digits.isascii() and digits.isdigit() and int(digits) <= LARGEST_ID
    return Spot(int(value[1:]), int(number)) if is_number else None


def list_customers(
    session: Session,
    shop: Shop,
    wanted: Wanted,
    *,
    before: Spot | None = None,
    after: Spot | None = None,
    size: int = PAGE_SIZE,
) -> CustomerList:
    """Return a page: the customers that follow on a spot, those before one, or the first."""
    query, order = _query(shop, wanted)
    is_back = before is not None
    found = _walk(session, query, order, before or after, size + 1, is_back=is_back)
    has_more, found = len(found) > size, found[:size]
    if not found:
        return CustomerList((), None, None)
    if is_back:
        found = found[::-1]
    figures = read_figures(session, shop, [customer.id for customer, _ in found])
    rows = tuple(CustomerRow(customer, figures[customer.id]) for customer, _ in found)
    first, last = (Spot(value, customer.id) for customer, value in (found[0], found[-1]))
    has_previous = has_more if is_back else after is not None
    return CustomerList(rows, first if has_previous else None, last if is_back or has_more else None)


def has_customers(session: Session, shop_id: int) -> bool:
    """Return whether the shop has any customer at all."""
    return session.scalar(select(Customer.id).where(Customer.shop_id == shop_id).limit(1)) is not None


def _query(shop: Shop, wanted: Wanted) -> tuple[Select[Any], _Order]:
    query = select(Customer).where(*_conditions(shop, wanted))
    if wanted.sort is Sort.NAME:
        order = _Order(Customer.name_key, Customer.id, falls=False)
    elif wanted.sort is Sort.SPEND:
        order = _Order(Customer.tier_spend_minor, Customer.id)
    elif wanted.sort is Sort.BALANCE:
        account = CreditAccount
        is_theirs = (account.shop_id == Customer.shop_id) & (account.customer_id == Customer.id)
        query = query.outerjoin(account, is_theirs & (account.shop_id == shop.id) & (account.currency == shop.currency))
        order = _Order(account.balance_minor, account.customer_id)
    elif wanted.sort is Sort.OWED:
        owing = select_owing(shop)
        query = query.outerjoin(owing, owing.c.customer_id == Customer.id)
        is_whole = wanted == Wanted(sort=Sort.OWED)
        order = _Order(owing.c.owed_minor, owing.c.customer_id, all_values=owing if is_whole else None)
    else:
        order = _Order(None, Customer.id)
    return query, order


def _conditions(shop: Shop, wanted: Wanted) -> list[ColumnElement[bool]]:
    which: list[ColumnElement[bool]] = [Customer.shop_id == shop.id]
    if wanted.search:
        found = matches_customer(wanted.search)
        is_number = wanted.search.isascii() and wanted.search.isdigit() and int(wanted.search) <= LARGEST_ID
        which.append(or_(found, Customer.shopify_id == int(wanted.search)) if is_number else found)
    if wanted.tag:
        tagged = (CustomerTag.shop_id == shop.id, CustomerTag.tag_key == func.lower(literal(wanted.tag)))
        which.append(Customer.id.in_(select(CustomerTag.customer_id).where(*tagged)))
    if wanted.tier:
        which.append(Customer.tier_name == wanted.tier)
    if wanted.show is Show.GONE:
        which.append(literal_column("(customers.deleted_at IS NOT NULL OR customers.merged_into_id IS NOT NULL)"))
    if wanted.show is Show.PENDING:
        waiting = (Reward.shop_id == shop.id, Reward.state.in_(BOOKED_PENDING), Reward.customer_id.is_not(None))
        which.append(Customer.id.in_(select(Reward.customer_id).where(*waiting)))
    if wanted.show is Show.OWING:
        which.append(Customer.id.in_(select(select_owing(shop).c.customer_id)))
    return which


def _walk(
    session: Session, query: Select[Any], order: _Order, start: Spot | None, count: int, *, is_back: bool
) -> list[tuple[Customer, str | int | None]]:
    """Return the next customers from a spot on: first those with a value, then those without; or the other way."""
    parts = [True, False] if order.value is not None else [False]
    if is_back:
        parts.reverse()
    if start is not None:
        parts = parts[parts.index(start.value is not None) :]
    found: list[tuple[Customer, str | int | None]] = []
    for has_value in parts:
        here = start if start is not None and (start.value is not None) == has_value else None
        part = _part(query, order, here, count - len(found), has_value=has_value, is_back=is_back)
        found += [(row[0], row[1]) for row in session.execute(part)]
        if len(found) == count:
            break
    return found


def _part(
    query: Select[Any], order: _Order, start: Spot | None, count: int, *, has_value: bool, is_back: bool
) -> Select[Any]:
    """Return the query for so many customers of one part, in order, from a spot in it on."""
    if not has_value:
        if order.value is not None:
            query = query.where(order.value.is_(None))
        if start is not None:
            query = query.where(Customer.id > start.id if is_back else Customer.id < start.id)
        query = query.add_columns(literal(None)).order_by(Customer.id.asc() if is_back else Customer.id.desc())
        return query.limit(count)
    key, falls = pair(order.value, order.id), order.falls != is_back
    query = query.where(order.value.is_not(None))
    beyond: ColumnElement[bool] = true()
    if start is not None:
        here = (start.value, start.id)
        beyond = key < here if falls else key > here
    query = query.where(beyond)
    in_order = [each.desc() if falls else each.asc() for each in (order.value, order.id)]
    if order.all_values is not None:
        first = select(order.id).select_from(order.all_values).where(beyond).order_by(*in_order).limit(count)
        query = query.where(Customer.id.in_(first))
    return query.add_columns(order.value).order_by(*in_order).limit(count)
