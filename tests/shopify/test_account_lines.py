"""Answers about accounts that no rule can sort are refused as a whole; nothing of them reaches the books."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses

from app.engine.rules.account_readings import AccountReading, DueAccount
from app.shopify import account_lines
from app.shopify.account_lines import read_configuration, read_statements
from app.shopify.gateway import Gateway
from app.shopify.nodes import Unreadable

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
ENDPOINT = "https://made-up.myshopify.com/admin/api/2026-10/graphql.json"
ACCOUNT = "gid://shopify/StoreCreditAccount/5"
MADE_AT = "2026-03-01T10:00:00Z"
Json = dict[str, Any]


@pytest.fixture
def shopify() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def told(shopify: responses.RequestsMock, *answers: Json) -> Gateway:
    """Return a gateway to a Shopify that gives these answers, one after the other."""
    for answer in answers:
        shopify.post(ENDPOINT, json={"data": answer})
    return Gateway("https://made-up.myshopify.com", "2026-10", "a-token", 1.0, requests.Session())


def money(amount: object = "5.00", currency: str = "USD") -> Json:
    return {"amount": amount, "currencyCode": currency}


def accounts(*nodes: Json, more: bool = False) -> Json:
    owner = {"id": "gid://shopify/Customer/1", "storeCreditAccounts": {"nodes": list(nodes)}}
    owner["storeCreditAccounts"]["pageInfo"] = {"hasNextPage": more}
    return {"nodes": [owner]}


def account(**changes: Any) -> Json:
    return {"id": ACCOUNT, "balance": money(), **changes}


def credit(**changes: Any) -> Json:
    return {
        "__typename": "StoreCreditAccountCreditTransaction",
        "id": "gid://shopify/StoreCreditAccountCreditTransaction/7",
        "amount": money(),
        "createdAt": MADE_AT,
        "event": "ADJUSTMENT",
        "origin": None,
        "expiresAt": None,
        **changes,
    }


def statement(*lines: Json, cursor: str | None = None, **changes: Any) -> Json:
    page = {"hasNextPage": cursor is not None, "endCursor": cursor}
    return {"nodes": [account(transactions={"nodes": list(lines), "pageInfo": page}, **changes)]}


def read(gateway: Gateway, read_through: int = 0) -> AccountReading:
    (reading,) = read_statements(gateway, [DueAccount(1, "USD", read_through, NOW)], lambda: NOW)
    return reading


def test_what_is_told_is_read(shopify: responses.RequestsMock) -> None:
    spent = credit(
        __typename="StoreCreditAccountDebitTransaction",
        id="gid://shopify/StoreCreditAccountDebitTransaction/8",
        amount=money("-1.50"),
        event="ORDER_PAYMENT",
        origin={"order": {"id": "gid://shopify/Order/99"}},
    )
    reading = read(told(shopify, accounts(account(balance=money("9.00"))), statement(spent, credit())))
    assert (reading.is_known, reading.is_whole, reading.balance_minor, reading.newest) == (True, True, 500, 8)
    assert [(line.amount_minor, line.order_id) for line in reading.lines] == [(-150, 99), (500, None)]


def test_an_order_that_the_app_may_not_see_is_not_named(shopify: responses.RequestsMock) -> None:
    spent = credit(amount=money("5.00"), event="ORDER_REFUND", origin={"order": None})
    assert read(told(shopify, accounts(account()), statement(spent))).lines[0].order_id is None


def test_older_pages_are_asked_for_until_something_known_comes(shopify: responses.RequestsMock) -> None:
    newer = statement(credit(id="gid://shopify/T/9"), cursor="a")
    older = statement(credit(id="gid://shopify/T/7"), cursor="b")
    reading = read(told(shopify, accounts(account()), newer, older), read_through=7)
    assert ([line.number for line in reading.lines], reading.is_whole) == ([9, 7], False)


def test_a_customer_without_an_account_is_read_whole(shopify: responses.RequestsMock) -> None:
    reading = read(told(shopify, accounts()), read_through=3)
    assert (reading.balance_minor, reading.is_whole, reading.newest) == (0, True, 3)


ODD = {
    "more accounts than there are currencies": [accounts(account(), more=True)],
    "an account without a balance": [accounts({"id": ACCOUNT})],
    "an account without a number": [accounts(account(id="gid://shopify/StoreCreditAccount/x"))],
    "an account that is not shown": [accounts(account()), {"nodes": [None]}],
    "a statement that ends in the middle": [accounts(account()), statement(credit(), cursor="a"), {"nodes": [None]}],
    "another currency than the account's": [accounts(account()), statement(credit(amount=money("5.00", "EUR")))],
    "too many decimals": [accounts(account()), statement(credit(amount=money("5.001")))],
    "an amount that goes the wrong way": [accounts(account()), statement(credit(amount=money("-5.00")))],
    "a kind that nobody knows": [accounts(account()), statement(credit(__typename="StoreCreditAccountGift"))],
    "a time without a zone": [accounts(account()), statement(credit(createdAt="2026-03-01T10:00:00"))],
    "an expiration of nothing": [
        accounts(account()),
        statement(credit(__typename="StoreCreditAccountExpirationTransaction", id=None, amount=money("-5.00"))),
    ],
}


@pytest.mark.parametrize("answers", ODD.values(), ids=ODD)
def test_an_odd_answer_is_no_statement(shopify: responses.RequestsMock, answers: list[Json]) -> None:
    with pytest.raises(Unreadable):
        read(told(shopify, *answers))


def test_a_statement_without_an_end_is_given_up(shopify: responses.RequestsMock) -> None:
    gateway = told(shopify, accounts(account()), *[statement(credit(), cursor="a")] * (account_lines.MOST_PAGES + 1))
    with pytest.raises(Unreadable, match="more transactions than can be read"):
        read(gateway)


@pytest.mark.parametrize(
    "answer", [{}, {"storeCreditConfiguration": None}, {"storeCreditConfiguration": {"storeCreditEnabled": "yes"}}]
)
def test_a_configuration_that_says_neither_yes_nor_no_is_no_answer(
    shopify: responses.RequestsMock, answer: Json
) -> None:
    with pytest.raises(Unreadable):
        read_configuration(told(shopify, answer))
