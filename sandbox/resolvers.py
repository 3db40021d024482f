"""How the fields of the schema are read from the sandbox's objects. The context of a call is its `Call`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from graphql import GraphQLError, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema

from sandbox.connections import connection, paginate
from sandbox.models import Order
from sandbox.money import Money, graphql_text
from sandbox.scopes import has
from sandbox.state import Shop

RECENT = timedelta(days=60)
"""Older orders are invisible without the scope `read_all_orders`."""


Info = GraphQLResolveInfo["Call"]


@dataclass(frozen=True)
class Call:
    """Who asks: the shop, its scopes, and the moment of the call."""

    shop: Shop
    scopes: frozenset[str]
    now: datetime

    def need(self, scope: str, info: Info) -> None:
        """Refuse in Shopify's words when the token lacks a scope; a write scope includes the read."""
        if has(self.scopes, scope):
            return
        raise GraphQLError(
            f"Access denied for {info.field_name} field. Required access: `{scope}` access scope.",
            extensions={
                "code": "ACCESS_DENIED",
                "documentation": "https://shopify.dev/api/usage/access-scopes",
                "requiredAccess": f"`{scope}` access scope.",
            },
        )

    def sees(self, order: Order) -> bool:
        """Say whether an order is young enough for the token's scopes."""
        return "read_all_orders" in self.scopes or order.created_at > self.now - RECENT


Resolver = Callable[..., Any]

LATER_FIELDS = ("note",)
"""Fields that older API versions do not have."""


def attach(schema: GraphQLSchema, resolvers: dict[str, dict[str, Resolver]]) -> None:
    """Put resolvers on the schema's fields; a name the schema lacks is a mistake of ours."""
    for type_name, fields in resolvers.items():
        kind = schema.type_map[type_name]
        assert isinstance(kind, GraphQLObjectType)
        for name, resolver in fields.items():
            if name in kind.fields or name not in LATER_FIELDS:
                kind.fields[name].resolve = resolver


def gid(kind: str, number: int) -> str:
    """Return Shopify's global id."""
    return f"gid://shopify/{kind}/{number}"


def number_of(global_id: str, kind: str) -> int | None:
    """Return the number in a global id of this kind, else None."""
    prefix = f"gid://shopify/{kind}/"
    number = global_id.removeprefix(prefix)
    return int(number) if global_id.startswith(prefix) and number.isdecimal() else None


def money(minor: int, currency: str) -> dict[str, str]:
    """Return a MoneyV2."""
    return {"amount": graphql_text(Money(minor, currency)), "currencyCode": currency}


def bag(minor: int, currency: str) -> dict[str, dict[str, str]]:
    """Return a MoneyBag; the sandbox sells in the shop's own currency only."""
    amount = money(minor, currency)
    return {"shopMoney": amount, "presentmentMoney": amount}


def plain(read: Callable[[Any], Any]) -> Resolver:
    """Return a resolver that needs only the object."""
    return lambda value, info, **_: read(value)


def listed(read: Callable[[Any], list[Any]], identify: Callable[[Any], int] = lambda item: item.id) -> Resolver:
    """Return a resolver of a connection over a list of the object."""

    def resolve(value: Any, info: Info, reverse: bool = False, **page: Any) -> Any:
        items = list(reversed(read(value))) if reverse else read(value)
        page.pop("includeRemovals", None)
        return connection(paginate(items, identify, **page))

    return resolve


def first_of(read: Callable[[Any], list[Any]]) -> Resolver:
    """Return a resolver of the plain lists that take only `first`."""
    return lambda value, info, first=None, **_: read(value)[:first]
