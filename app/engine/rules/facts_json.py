"""Facts and terms as JSON objects and back, exactly: ids and amounts whole numbers, instants UTC."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from app.engine.rules.facts import CustomerFact, FinancialStatus, OrderFact, OrderLine, RefundFact, RefundLine
from app.engine.rules.terms import Terms, Tier

Json = dict[str, Any]


def to_json(fact: OrderFact | RefundFact) -> Json:
    """Return a fact as a JSON object that ``order_from_json`` or ``refund_from_json`` reads back."""
    return _object(fact)


def terms_to_json(terms: Terms) -> Json:
    """Return terms as a JSON object; sets become sorted lists, so equal terms give equal text."""
    return _object(terms)


def order_from_json(data: Mapping[str, Any]) -> OrderFact:
    """Return the order a JSON object describes; fields it does not have yet take their defaults."""
    known = _known(OrderFact, data)
    known["financial_status"] = FinancialStatus(known["financial_status"])
    known["placed_at"] = _instant(known["placed_at"])
    known["updated_at"] = _instant(known["updated_at"])
    cancelled_at, customer = known.get("cancelled_at"), known.get("customer")
    known["cancelled_at"] = None if cancelled_at is None else _instant(cancelled_at)
    known["customer"] = None if customer is None else _customer(customer)
    known["lines"] = tuple(OrderLine(**_known(OrderLine, line)) for line in known["lines"])
    known["tags"] = tuple(known.get("tags", ()))
    known["payment_gateways"] = tuple(known.get("payment_gateways", ()))
    known["refunds"] = tuple(refund_from_json(refund) for refund in known.get("refunds", ()))
    return OrderFact(**known)


def refund_from_json(data: Mapping[str, Any]) -> RefundFact:
    """Return the refund a JSON object describes; fields it does not have yet take their defaults."""
    known = _known(RefundFact, data)
    known["processed_at"] = _instant(known["processed_at"])
    known["lines"] = tuple(RefundLine(**_known(RefundLine, line)) for line in known.get("lines", ()))
    return RefundFact(**known)


def terms_from_json(data: Mapping[str, Any]) -> Terms:
    """Return the terms a JSON object describes; fields it does not have yet take their defaults."""
    known = _known(Terms, data)
    known["tiers"] = tuple(Tier(**_known(Tier, tier)) for tier in known["tiers"])
    known["excluded_product_ids"] = frozenset(known.get("excluded_product_ids", ()))
    known["excluded_tags"] = frozenset(known.get("excluded_tags", ()))
    return Terms(**known)


def _customer(data: Mapping[str, Any]) -> CustomerFact:
    known = _known(CustomerFact, data)
    tags = known.get("tags")
    known["tags"] = None if tags is None else tuple(tags)
    return CustomerFact(**known)


def _known(cls: type, data: Mapping[str, Any]) -> Json:
    return {field.name: data[field.name] for field in fields(cls) if field.name in data}


def _object(value: Any) -> Json:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: Any) -> Any:
    match value:
        case StrEnum():
            return value.value
        case datetime():
            if value.tzinfo is None:
                raise ValueError(f"{value.isoformat()} has no time zone; facts carry aware instants.")
            return value.astimezone(UTC).isoformat()
        case frozenset():
            return sorted(value)
        case tuple():
            return [_plain(item) for item in value]
        case None | bool() | int() | str():
            return value
        case _:
            return _object(value)


def _instant(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(f"{text} has no time zone; facts carry aware instants.")
    return value.astimezone(UTC)
