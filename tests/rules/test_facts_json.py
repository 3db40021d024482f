"""Facts and terms survive JSON exactly, and rows written before a field existed can still be read."""

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings

from app.engine.rules.facts import CustomerFact, FinancialStatus, OrderFact, RefundFact, RefundLine
from app.engine.rules.facts_json import (
    order_from_json,
    refund_from_json,
    terms_from_json,
    terms_to_json,
    to_json,
)
from app.engine.rules.terms import Cycle, Expiry, HoldRules, RateRule, Release, ReleaseKind, RiskLevel, Scope, Terms

from .drawn import orders, refunds, terms
from .made import BIG, day, make_line, make_order, make_refund, make_terms


@given(orders())
@settings(max_examples=40)
def test_an_order_survives_json(order: OrderFact) -> None:
    assert order_from_json(json.loads(json.dumps(to_json(order)))) == order


@given(refunds())
@settings(max_examples=40)
def test_a_refund_survives_json(refund: RefundFact) -> None:
    assert refund_from_json(json.loads(json.dumps(to_json(refund)))) == refund


@given(terms())
@settings(max_examples=40)
def test_terms_survive_json(some: Terms) -> None:
    assert terms_from_json(json.loads(json.dumps(terms_to_json(some)))) == some


def test_an_order_with_everything_survives_json() -> None:
    order = make_order(
        make_line(1, product_id=BIG + 5, variant_id=BIG + 6, sku="M-1", vendor="Kiln", is_gift_card=True),
        customer=CustomerFact(BIG, "ada@example.com", "Ada", ("vip",)),
        cancelled_at=day(3),
        tags=("a", "b"),
        payment_gateways=("card", "gift_card"),
        source_name="web",
        refunds=(make_refund(1, [RefundLine(1, 1, 100, 20)], note="broken"),),
    )
    copy = order_from_json(json.loads(json.dumps(to_json(order))))
    assert copy == order
    assert copy.lines[0].product_id == BIG + 5
    assert isinstance(copy.refunds[0], RefundFact)
    assert isinstance(copy.financial_status, FinancialStatus)
    assert copy.placed_at.tzinfo is UTC


def test_terms_with_days_and_choices_survive_json() -> None:
    on = date(2027, 1, 1)
    some = make_terms(
        release=Release(ReleaseKind.ON_DATE, on=on),
        expiry=Expiry(on=on),
        cycle=Cycle(30, on),
        holds=HoldRules(risk_from=RiskLevel.HIGH, release_after_days=3),
        rates=(RateRule("Mugs", 500, Scope(product_ids=frozenset({BIG}), vendors=frozenset({"Kiln"}))),),
    )
    row = terms_to_json(some)
    copy = terms_from_json(json.loads(json.dumps(row)))
    assert copy == some
    assert isinstance(copy.release.kind, ReleaseKind)
    assert isinstance(copy.holds.risk_from, RiskLevel)
    assert isinstance(copy.rates[0].scope.product_ids, frozenset)
    assert (type(row["release"]["kind"]), row["release"]["on"]) == (str, "2027-01-01")


def test_no_customer_and_no_known_tags_stay_what_they_are() -> None:
    assert order_from_json(to_json(make_order(customer=None))).customer is None
    unknown = order_from_json(to_json(make_order(customer=CustomerFact(1, tags=None)))).customer
    nothing = order_from_json(to_json(make_order(customer=CustomerFact(1, tags=())))).customer
    assert unknown is not None
    assert nothing is not None
    assert (unknown.tags, nothing.tags) == (None, ())


def test_an_older_row_takes_defaults_for_fields_it_does_not_have() -> None:
    row = to_json(make_order(tags=("a",), source_name="web"))
    for name in ("tags", "taxes_included", "total_minor", "source_name", "payment_gateways", "refunds"):
        del row[name]
    order = order_from_json(row)
    assert (order.tags, order.taxes_included, order.source_name, order.refunds) == ((), False, None, ())
    refund = to_json(make_refund(1))
    del refund["lines"], refund["money_minor"]
    assert refund_from_json(refund) == make_refund(1)
    old_terms = terms_to_json(make_terms())
    del old_terms["excluded_tags"], old_terms["hold_above_minor"]
    assert terms_from_json(old_terms) == make_terms()


def test_a_field_nobody_knows_any_more_is_ignored() -> None:
    assert order_from_json({**to_json(make_order()), "colour": "blue"}) == make_order()


def test_instants_are_written_in_utc() -> None:
    local = datetime(2026, 3, 1, 4, 0, tzinfo=timezone(timedelta(hours=-5)))
    row = to_json(make_order(placed_at=local))
    assert row["placed_at"] == "2026-03-01T09:00:00+00:00"
    assert order_from_json({**row, "placed_at": "2026-03-01T09:00:00Z"}).placed_at == local


def test_an_instant_without_a_time_zone_is_refused_both_ways() -> None:
    with pytest.raises(ValueError, match="time zone"):
        to_json(make_order(placed_at=day(0).replace(tzinfo=None)))
    with pytest.raises(ValueError, match="time zone"):
        order_from_json({**to_json(make_order()), "updated_at": "2026-03-01T09:00:00"})


def test_equal_terms_give_equal_text() -> None:
    row = terms_to_json(make_terms(excluded_product_ids=frozenset({BIG, 9, 5}), excluded_tags=frozenset("dbca")))
    assert (row["excluded_product_ids"], row["excluded_tags"]) == ([5, 9, BIG], ["a", "b", "c", "d"])
