"""Customers and orders are found by the beginnings of words, with indexes that the plain role may use."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from app.admin.queries.search import FEW, clean_search, matches_customer, matching_orders
from app.engine.rules.facts import CustomerFact
from app.models import Customer, Order
from tests.admin.factories import ADA, BIG, order, reading, tell

NAMES = ("Anna Maria Example", "Ben Other", "Élodie d'Arc", "Zoë", None)
PEOPLE = tuple(CustomerFact(BIG + 800 + n, f"mail{n}@example.com", name) for n, name in enumerate(NAMES))


@pytest.fixture
def filled(shop_id: int) -> int:
    """Return a shop in which each of these people has ordered."""
    orders = [order(n, customer=person) for n, person in enumerate(PEOPLE, 1)]
    tell(shop_id, *orders, replace(order(6, customer=PEOPLE[0]), name="EN2042-B"))
    return shop_id


def found(shop_id: int, words: str, few: int = FEW) -> list[str]:
    with reading() as session:
        conditions = matching_orders(session, shop_id, clean_search(words), few)
        return sorted(session.scalars(select(Order.name).where(Order.shop_id == shop_id, *conditions)))


def people(shop_id: int, words: str) -> list[str | None]:
    with reading() as session:
        which = (Customer.shop_id == shop_id, matches_customer(words))
        return list(session.scalars(select(Customer.name).where(*which).order_by(Customer.id)))


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("ann", [NAMES[0]]),
        ("EXAM", [NAMES[0]]),
        ("anna exam", [NAMES[0]]),
        ("anna mar", [NAMES[0]]),
        ("exam anna", [NAMES[0]]),
        ("maria", []),
        ("nna", []),
        ("d'a", [NAMES[2]]),
        ("zoë", [NAMES[3]]),
        ("MAIL4@", [None]),
        ("mail1@example.com ben", [NAMES[1]]),
        ("mail1@example.com anna", []),
        ("%", []),
        ("", list(NAMES)),
    ],
)
def test_people_are_found_by_the_beginnings_of_their_names_and_email(
    filled: int, words: str, names: list[str | None]
) -> None:
    assert people(filled, words) == names


@pytest.mark.parametrize(
    ("words", "orders"),
    [
        ("1001", ["#1001"]),
        ("#1001", ["#1001"]),
        ("10", ["#1001", "#1002", "#1003", "#1004", "#1005"]),
        ("2042", ["EN2042-B"]),
        ("2042-b", ["EN2042-B"]),
        ("en2042-b", ["EN2042-B"]),
        ("us2042-b", []),
        ("anna", ["#1001", "EN2042-B"]),
        ("anna 2042", ["EN2042-B"]),
        ("anna 1002", []),
        ("mail1", ["#1002"]),
        ("mail1@example.com", ["#1002"]),
        (str(BIG + 3), ["#1003"]),
        ("9" * 40, []),
        (" \0 ", ["#1001", "#1002", "#1003", "#1004", "#1005", "EN2042-B"]),
        ("1001 2 3 4 5 6 7 8 9 10 11", []),
    ],
)
def test_orders_are_found_by_their_number_and_by_their_customer(filled: int, words: str, orders: list[str]) -> None:
    assert found(filled, words) == orders


def test_a_word_that_many_people_have_finds_the_same(filled: int) -> None:
    assert found(filled, "mail", few=2) == found(filled, "mail")
    assert len(found(filled, "mail", few=2)) == 6


def test_whoever_is_renamed_is_found_by_the_new_name_only(filled: int) -> None:
    renamed = replace(PEOPLE[1], name="Carla Other")
    tell(filled, replace(order(2, customer=renamed), updated_at=order(50).placed_at))
    assert people(filled, "carla") == ["Carla Other"]
    assert people(filled, "ben") == []


def test_other_shops_people_are_not_found(filled: int, other_shop_id: int) -> None:
    tell(other_shop_id, order(1, customer=ADA))
    assert people(other_shop_id, "ann") == []
    assert found(other_shop_id, "mail") == []
