"""Answers that were recorded at Shopify: where they lie, what to ask the sandbox to have the like, how they differ."""

import json
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    REMOVE,
    GraphQLNamedType,
    GraphQLObjectType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    do_types_overlap,
    get_named_type,
    is_composite_type,
    parse,
    print_ast,
    visit,
)
from graphql.language import FieldNode

from sandbox.graphql_api import SCHEMA
from tests.sandbox.conftest import Shopper

FOLDER = Path(__file__).parents[2].parent / "shared/shopify/graphql-captures"
needs_recordings = pytest.mark.skipif(not FOLDER.exists(), reason="the recordings are kept outside of this repository")
Json = dict[str, Any]

#: What every shop and every hour has its own of: compared is only whether it is there.
MOVING = frozenset(
    {
        *("id", "name", "title", "email", "displayName"),
        *("createdAt", "updatedAt", "processedAt", "closedAt", "cancelledAt", "startCursor", "endCursor"),
    }
)


def load(name: str) -> Json:
    content: Json = json.loads((FOLDER / f"{name}.json").read_text())
    return content


def ask(shopper: Shopper, told: Json, **ids: str) -> Json:
    """Return what the sandbox says of each thing in `told`, by the names of root fields; `ids` says which it is."""
    root = SCHEMA.query_type
    assert root is not None
    parts = []
    for name, thing in told.items():
        kind = get_named_type(root.fields[name].type)
        parts.append(f'{name}(id: "{ids[name]}") {{ {selection(kind, thing)} }}')
    answer = shopper.graphql(f"{{ {' '.join(parts)} }}")
    assert "errors" not in answer, answer
    found: Json = answer["data"]
    return found


def selection(kind: GraphQLNamedType, told: Any) -> str:
    """Return the fields to ask for: those of a recorded thing that the sandbox knows, too."""
    assert isinstance(kind, GraphQLObjectType)
    return " ".join(_fields(kind, told)) or "__typename"


def _fields(kind: GraphQLObjectType, told: Any) -> Iterator[str]:
    shape: Json = {}
    for one in told if isinstance(told, list) else [told]:
        shape.update(one or {})
    for name, value in shape.items():
        if name not in kind.fields:
            continue
        below = get_named_type(kind.fields[name].type)
        size = "(first: 50)" if below.name.endswith("Connection") else ""
        yield f"{name}{size} {{ {selection(below, value)} }}" if is_composite_type(below) else name


def known_part(document: str) -> str:
    """Return a recorded document without the fields that the sandbox does not know."""
    types = TypeInfo(SCHEMA)

    class Prune(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> Any:
            is_empty = is_composite_type(get_named_type(types.get_type())) and node.selection_set is None
            return REMOVE if types.get_field_def() is None or is_empty else None

        def enter_inline_fragment(self, *_: Any) -> Any:
            kinds = (types.get_parent_type(), types.get_type())
            return None if all(kinds) and do_types_overlap(SCHEMA, *kinds) else REMOVE  # type: ignore[arg-type]

    return print_ast(visit(parse(document), TypeInfoVisitor(types, Prune())))


def differences(
    got: Any, told: Any, *, moving: Collection[str] = MOVING, apart: Collection[str] = (), path: str = ""
) -> list[str]:
    """Return where the sandbox's answer is not the recorded one; what it was not asked for does not count.

    `apart` names the fields that are known to differ, each of which has a reason where it is named.
    """
    if isinstance(got, dict) and isinstance(told, dict):
        found = []
        for name in got:
            if name in apart or name == "__typename":
                continue
            where = f"{path}.{name}"
            if name in moving:
                is_same = (got[name] is None) == (told[name] is None)
                found += [] if is_same else [f"{where}: {got[name]!r} is not {told[name]!r}"]
            else:
                found += differences(got[name], told[name], moving=moving, apart=apart, path=where)
        return found
    if isinstance(got, list) and isinstance(told, list):
        if len(got) != len(told):
            return [f"{path} has {len(got)} and not {len(told)}"]
        pairs = enumerate(zip(got, told, strict=True))
        return [
            line
            for index, (mine, theirs) in pairs
            for line in differences(mine, theirs, moving=moving, apart=apart, path=f"{path}.{index}")
        ]
    return [] if got == told else [f"{path}: {got!r} is not {told!r}"]


def wish_of(order: Json) -> Json:
    """Return what to ask the control API for, to have the order that was made with Shopify's `orderCreate`."""
    taxes = [tax for line in (*order["lineItems"], *order.get("shippingLines", [])) for tax in line.get("taxLines", [])]
    shipping = order.get("shippingLines", [])
    code = order.get("discountCode", {}).get("itemFixedDiscountCode")
    tried = order.get("transactions", [])
    return {
        "customer": None,
        "email": order["email"],
        "currency": order["currency"],
        "test": order["test"],
        "lines": [
            {
                "title": line["title"],
                "price": _shop(line["priceSet"]),
                "quantity": line["quantity"],
                "sku": line.get("sku"),
                "taxable": bool(line.get("taxLines")),
                "product_id": None,
            }
            for line in order["lineItems"]
        ],
        "tax": {"rate": str(taxes[0]["rate"]), "shipping": any(line["taxLines"] for line in shipping)}
        if taxes
        else None,
        "shipping": str(sum(Decimal(_shop(line["priceSet"])) for line in shipping)),
        "discount": {"type": "fixed", "value": _shop(code["amountSet"]), "code": code["code"]} if code else None,
        **paid_by(tried),
    }


def paid_by(transactions: list[Json]) -> Json:
    """Return how the control API is told of an order's first transaction."""
    if not transactions:
        return {"paid": False}
    first = transactions[0]
    gateway = first["gateway"] if first["gateway"] in ("manual", "bogus") else "bogus"
    return {"gateway": gateway, "paid": first["kind"] == "SALE", "authorize": first["kind"] == "AUTHORIZATION"}


def wish_of_read(order: Json) -> Json:
    """Return what to ask the control API for, to have an order that was only recorded as it was read."""
    bags: Mapping[str, Any] = order["currentTotalPriceSet"]
    lines = order.get("lineItems", {}).get("nodes") or [
        {"title": "Thing", "quantity": 1, "originalUnitPriceSet": order["currentTotalPriceSet"]}
    ]
    shipping = order.get("shippingLines", {}).get("nodes", [])
    return {
        "customer": {"email": "ada@example.com", "first_name": "Ada"} if order.get("customer") else None,
        "currency": bags["shopMoney"]["currencyCode"],
        "lines": [
            {
                "title": line["title"],
                "price": _cents(_shop(line["originalUnitPriceSet"])),
                "quantity": line["quantity"],
                "product_id": None,
            }
            for line in lines
        ],
        "shipping": _cents(_shop(shipping[0]["originalPriceSet"])) if shipping else "0",
        **paid_by(order["transactions"]),
    }


def _shop(bag: Mapping[str, Any]) -> str:
    return str(bag["shopMoney"]["amount"])


def _cents(amount: str) -> str:
    return f"{Decimal(amount):.2f}"
