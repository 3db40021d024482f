"""Finding customers and orders by words, with indexes that row-level security leaves in use.

A policy on a table lets an index be asked only with operators that tell nothing of rows they pass over: PostgreSQL
calls them leakproof, and of those for text they are ``=``, ``<`` and ``>=``. So a word is looked for as the
beginning of columns in small letters, made by the database itself, as a range in the order of their bytes.
"""

import re
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, literal, or_, select, true
from sqlalchemy.orm import Session

from app.models import Customer, Order
from app.models.columns import among

LONGEST_SEARCH = 100
MOST_WORDS = 8
#: Of so few customers the orders are looked up; of more the newest orders are walked, which finds some soon.
FEW = 1_000
#: The books of so many people are looked through at once; of more the first are, and whoever asked is told.
MOST_PEOPLE = 100
#: Nothing that begins like a word comes after it with this character behind it.
_LAST = "\U0010ffff"
_LARGEST_ID = 2**63 - 1
_NUMBERED = re.compile(r"(?P<letters>[^\d@]*)(?P<number>\d[^@]*)", re.ASCII)
#: Shopify's own ids of orders are longer than the numbers in their names.
_SHORTEST_ID = 10


class People(NamedTuple):
    """The customers found by words, and whether there are more of them."""

    ids: tuple[int, ...]
    are_more: bool


def clean_search(text: str) -> str:
    """Return what somebody typed as it is looked for."""
    return " ".join(text.replace("\0", "").split())[:LONGEST_SEARCH].strip()


def matches_customer(search: str) -> ColumnElement[bool]:
    """Return the condition on ``customers`` that each word begins their name, their last name or their email.

    A whole beginning of the name counts, too, so that somebody with three names is found by the first two.
    """
    every_word = and_(true(), *(_has_word(word) for word in search.split()[:MOST_WORDS]))
    return or_(every_word, begins_with(Customer.name_key, search))


def find_people(session: Session, shop_id: int, search: str) -> People:
    """Return up to ``MOST_PEOPLE`` customers who are found so."""
    which = (Customer.shop_id == shop_id, matches_customer(search))
    found = session.scalars(select(Customer.id).where(*which).limit(MOST_PEOPLE + 1)).all()
    return People(tuple(found[:MOST_PEOPLE]), len(found) > MOST_PEOPLE)


def matching_orders(session: Session, shop_id: int, search: str, few: int = FEW) -> list[ColumnElement[bool]]:
    """Return the conditions on ``orders`` that each word is in the order's name, or in its customer's name or email.

    Of up to ``few`` customers the orders are looked up one by one.
    """
    conditions, people = [], []
    for word in search.split()[:MOST_WORDS]:
        if not word.strip("#"):
            continue
        named = _has_name(word)
        if named is None:
            people.append(word)
        else:
            conditions.append(or_(named, _is_of(session, shop_id, word, few)))
    if people:
        conditions.append(_is_of(session, shop_id, " ".join(people), few))
    return conditions


def begins_with(column: Any, word: str) -> ColumnElement[bool]:
    """Return the condition that a column in small letters, in the order of its bytes, begins with a word."""
    # The database makes the small letters of both, so that they are always made alike.
    small = func.lower(literal(word))
    return and_(column >= small, column < small.concat(_LAST))


def _has_word(word: str) -> ColumnElement[bool]:
    columns = (Customer.name_key, Customer.surname_key, Customer.email_key)
    return or_(*(begins_with(column, word) for column in columns))


def _has_name(word: str) -> ColumnElement[bool] | None:
    """Return the condition that an order's name begins so, from its number on; None for a word without a number."""
    found = _NUMBERED.fullmatch(word.lstrip("#"))
    if found is None:
        return None
    if found["letters"]:
        is_number = Order.number_key == func.lower(literal(found["number"]))
        return and_(is_number, Order.name.icontains(word, autoescape=True))
    number = found["number"]
    condition = begins_with(Order.number_key, number)
    if number.isdigit() and len(number) >= _SHORTEST_ID and int(number) <= _LARGEST_ID:
        return or_(condition, Order.shopify_id == int(number))
    return condition


def _is_of(session: Session, shop_id: int, search: str, few: int) -> ColumnElement[bool]:
    """Return the condition that an order is of a customer who is found so."""
    which = (Customer.shop_id == shop_id, matches_customer(search))
    found = session.scalars(select(Customer.id).where(*which).limit(few + 1)).all()
    if len(found) <= few:
        return among(Order.customer_id, found)
    return exists().where(Customer.id == Order.customer_id, *which)
