"""The sandbox's schema is a true part of Shopify's: what fits here fits there."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_client_schema,
    build_schema,
)

from sandbox.graphql_schema import read_sdl
from sandbox.scopes import FIELD_SCOPES, TYPE_SCOPES

ROOT = Path(__file__).parents[2]
PLACES = (
    ROOT / "node_modules/@shopify/dev-mcp/dist/data/admin_2026-10.json.gz",
    ROOT.parent / "shared/shopify/admin-schema-2026-10.json.gz",
)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    found = next((place for place in PLACES if place.exists()), None)
    if found is None:
        pytest.skip("the official schema comes with `npm install`")
    told: dict[str, Any] = json.loads(gzip.decompress(found.read_bytes()))
    return told


@pytest.fixture(scope="module")
def official(whole: dict[str, Any]) -> GraphQLSchema:
    return build_client_schema(whole["data"], assume_valid=True)


def differences(ours: GraphQLNamedType, theirs: GraphQLNamedType | None) -> list[str]:
    """Return what our type has otherwise than theirs."""
    if type(ours) is not type(theirs):
        return [f"{ours.name} is a {type(theirs).__name__}"]
    found = []
    if isinstance(ours, GraphQLObjectType | GraphQLInterfaceType):
        assert isinstance(theirs, GraphQLObjectType | GraphQLInterfaceType)
        found += [f"{ours.name} is no {i.name}" for i in ours.interfaces if i.name not in map(str, theirs.interfaces)]
        for name, field in ours.fields.items():
            real = theirs.fields.get(name)
            if real is None or str(real.type) != str(field.type):
                found.append(f"{ours.name}.{name}: {field.type} is {real and real.type}")
                continue
            for key, argument in field.args.items():
                known = real.args.get(key)
                if known is None or (str(known.type), known.default_value) != (
                    str(argument.type),
                    argument.default_value,
                ):
                    found.append(f"{ours.name}.{name}({key}: {argument.type}) is {known and known.type}")
    elif isinstance(ours, GraphQLInputObjectType):
        assert isinstance(theirs, GraphQLInputObjectType)
        for name, given in ours.fields.items():
            wanted = theirs.fields.get(name)
            if wanted is None or (str(wanted.type), wanted.default_value) != (str(given.type), given.default_value):
                found.append(f"{ours.name}.{name}: {given.type} is {wanted and wanted.type}")
        found += [f"{ours.name} lacks {name}" for name in theirs.fields if name not in ours.fields]
    elif isinstance(ours, GraphQLEnumType):
        assert isinstance(theirs, GraphQLEnumType)
        found += [f"{ours.name} knows no {value}" for value in ours.values if value not in theirs.values]
    elif isinstance(ours, GraphQLUnionType):
        assert isinstance(theirs, GraphQLUnionType)
        found += [f"{ours.name} holds no {t.name}" for t in ours.types if t.name not in map(str, theirs.types)]
    return found


def test_every_type_field_argument_and_value_is_shopifys(official: GraphQLSchema) -> None:
    ours = build_schema(read_sdl())
    named = [kind for name, kind in ours.type_map.items() if not name.startswith("__")]
    assert [line for kind in named for line in differences(kind, official.type_map.get(kind.name))] == []


def test_a_field_that_shopify_does_not_have_is_found(official: GraphQLSchema) -> None:
    ours = build_schema("type Query { a: Order } type Order { id: ID name: String! secret: Int }")
    found = differences(ours.type_map["Order"], official.type_map["Order"])
    assert found == ["Order.id: ID is ID!", "Order.secret: Int is None"]


def test_codes_of_the_credit_mutations_are_complete(official: GraphQLSchema) -> None:
    ours = build_schema(read_sdl())
    for name in ("StoreCreditAccountCreditUserErrorCode", "StoreCreditAccountDebitUserErrorCode", "CurrencyCode"):
        mine, theirs = ours.type_map[name], official.type_map[name]
        assert isinstance(mine, GraphQLEnumType)
        assert isinstance(theirs, GraphQLEnumType)
        assert set(mine.values) == set(theirs.values)


def test_every_type_and_field_needs_the_scope_that_shopify_lists_first(whole: dict[str, Any]) -> None:
    ours = build_schema(read_sdl())
    items = whole["offline_scopes"]["items"]
    listed = {(item["typeName"], item.get("fieldName")): item["offlineScopes"] for item in items}
    types = {name: scopes[0] for name in ours.type_map if (scopes := listed.get((name, None)))}
    fields = {
        (name, field): scopes[0]
        for name, kind in ours.type_map.items()
        if isinstance(kind, GraphQLObjectType)
        for field in kind.fields
        if (scopes := listed.get((name, field)))
    }
    assert types == TYPE_SCOPES
    assert fields == FIELD_SCOPES
