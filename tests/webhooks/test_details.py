"""Payments, disputes, risks and changes of the catalogue as facts, or a word why there is nothing to do."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.engine.rules.facts import DisputeFact, DisputeStatus, PaymentFact, RiskFact
from app.engine.rules.terms import RiskLevel
from app.webhooks.body import BodyError, NothingToDo
from app.webhooks.catalogue import (
    CollectionChanged,
    ProductChanged,
    parse_collection_change,
    parse_collection_deletion,
    parse_product_change,
    parse_product_deletion,
)
from app.webhooks.disputes import parse_dispute
from app.webhooks.payments import parse_payment
from app.webhooks.risks import parse_risk
from tests.webhooks.sending import example

Body = dict[str, Any]
ORDER_ID = 9007199254740995
NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)


def payment(**changes: Any) -> PaymentFact:
    return parse_payment({**example("order_transactions/create"), **changes}, "USD")


def dispute(**changes: Any) -> DisputeFact:
    return parse_dispute({**example("disputes/create"), **changes})


def risk(**changes: Any) -> RiskFact:
    return parse_risk({**example("orders/risk_assessment_changed"), **changes}, NOW)


def test_a_successful_sale_or_capture_is_a_payment() -> None:
    expected = PaymentFact(6600000000000311, ORDER_ID, "gift_card", 2500)
    assert payment() == payment(kind="capture") == payment(kind="SALE", status="SUCCESS") == expected


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"kind": "authorization"}, "'authorization' is no payment"),
        ({"kind": "void"}, "is no payment"),
        ({"kind": "refund"}, "is no payment"),
        ({"status": "failure"}, "only successful ones count"),
        ({"status": "error"}, "only successful ones count"),
        ({"order_id": None}, "belongs to no order"),
        ({"currency": "SEK"}, "in SEK; what it is worth in USD is asked"),
    ],
)
def test_other_transactions_are_nothing_to_do(changes: Body, word: str) -> None:
    with pytest.raises(NothingToDo, match=word):
        payment(**changes)


def test_a_payment_in_another_currency_counts_with_its_worth_in_the_shops() -> None:
    worth = {"shop_money": {"amount": "2.31", "currency_code": "USD"}}
    assert payment(currency="SEK", amount_set=worth).amount_minor == 231


def test_a_payment_without_currency_is_in_the_shops() -> None:
    assert payment(currency=None, gateway=None) == PaymentFact(6600000000000311, ORDER_ID, "", 2500)


@pytest.mark.parametrize("changes", [{"kind": None}, {"status": 7}, {"amount": "12.345"}, {"order_id": "x"}])
def test_a_transaction_that_is_none_is_refused(changes: Body) -> None:
    with pytest.raises(BodyError):
        payment(**changes)


def test_a_dispute_is_read_field_by_field() -> None:
    opened = datetime(2026, 3, 16, 8, 12, tzinfo=UTC)
    assert dispute() == DisputeFact(5500000000000071, ORDER_ID, DisputeStatus.NEEDS_RESPONSE, opened)
    ended = datetime(2026, 4, 20, 14, 40, tzinfo=UTC)
    lost = parse_dispute(example("disputes/update"))
    assert lost == DisputeFact(5500000000000071, ORDER_ID, DisputeStatus.LOST, opened, ended)


def test_the_day_alone_is_taken_for_the_time_of_its_end() -> None:
    assert dispute(status="won", finalized_on="2026-04-20").finalized_at == datetime(2026, 4, 20, tzinfo=UTC)
    with pytest.raises(BodyError, match="finalized_on must be a day or a time"):
        dispute(finalized_on="2026-13-20")


def test_a_prevented_dispute_never_took_the_money() -> None:
    assert dispute(status="prevented").status is DisputeStatus.CHARGE_REFUNDED


def test_a_dispute_about_no_order_is_nothing_to_do() -> None:
    with pytest.raises(NothingToDo, match="about no order"):
        dispute(order_id=None)


@pytest.mark.parametrize("changes", [{"status": "lost in the post"}, {"status": None}, {"initiated_at": None}])
def test_a_dispute_that_is_none_is_refused(changes: Body) -> None:
    with pytest.raises(BodyError):
        dispute(**changes)


def test_a_risk_names_its_order_by_number_or_by_global_id() -> None:
    assessed = datetime(2026, 3, 2, 17, 31, tzinfo=UTC)
    assert risk() == risk(order_id=None) == RiskFact(ORDER_ID, RiskLevel.HIGH, assessed)
    assert risk(created_at=None, risk_level="LOW") == RiskFact(ORDER_ID, RiskLevel.LOW, NOW)


def test_a_pending_assessment_is_nothing_to_do() -> None:
    with pytest.raises(NothingToDo, match="still being assessed"):
        risk(risk_level="PENDING")


@pytest.mark.parametrize(
    "changes",
    [
        {"risk_level": "hopeless"},
        {"risk_level": None},
        {"order_id": None, "admin_graphql_api_order_id": "gid://shopify/Customer/1"},
        {"order_id": None, "admin_graphql_api_order_id": f"gid://shopify/Order/{2**63}"},
    ],
)
def test_a_risk_that_is_none_is_refused(changes: Body) -> None:
    with pytest.raises(BodyError):
        risk(**changes)


def test_changes_of_the_catalogue_say_no_more_than_what_changed() -> None:
    assert parse_product_change(example("products/update")) == ProductChanged(7300000000001)
    assert parse_product_deletion(example("products/delete")) == ProductChanged(7300000000001)
    assert parse_collection_change(example("collections/update")) == CollectionChanged(4400000000021)
    assert parse_collection_deletion(example("collections/delete")) == CollectionChanged(4400000000021)


def test_a_product_that_lives_is_not_deleted_by_the_topic_alone() -> None:
    with pytest.raises(BodyError, match="no deletion: it has a field created_at"):
        parse_product_deletion(example("products/update"))


def test_a_deletion_with_a_global_id_is_of_that_kind() -> None:
    assert parse_product_deletion({"id": 5, "admin_graphql_api_id": "gid://shopify/Product/5"}) == ProductChanged(5)
    with pytest.raises(BodyError, match="gid://shopify/Product/1"):
        parse_product_deletion({"id": 5, "admin_graphql_api_id": "gid://shopify/Customer/5"})
