"""The schema the sandbox executes: the SDL files, their scalars, and which type an object has."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from graphql import GraphQLError, GraphQLScalarType, GraphQLSchema, StringValueNode, build_schema
from graphql.language import ConstValueNode, FloatValueNode, IntValueNode

from sandbox import models, order_parts, wares
from sandbox.bulk import BulkOperation
from sandbox.clock import utc_text
from sandbox.credit import CreditAccount, CreditTransaction

FOLDER = Path(__file__).parent / "schema"
CREDIT_TYPES = {
    "credit": "StoreCreditAccountCreditTransaction",
    "debit": "StoreCreditAccountDebitTransaction",
    "debit_revert": "StoreCreditAccountDebitRevertTransaction",
    "expiration": "StoreCreditAccountExpirationTransaction",
}
ABSTRACT = (
    "HasStoreCreditAccounts",
    "Node",
    "PurchasingEntity",
    "StoreCreditAccountTransaction",
    "StoreCreditAccountTransactionOrigin",
)
TYPES: dict[type, str] = {
    models.Customer: "Customer",
    models.Order: "Order",
    models.Line: "LineItem",
    models.Refund: "Refund",
    models.Payment: "OrderTransaction",
    models.Dispute: "ShopifyPaymentsDispute",
    models.Fulfillment: "Fulfillment",
    order_parts.Address: "MailingAddress",
    order_parts.Company: "PurchasingCompany",
    wares.Collection: "Collection",
    wares.Product: "Product",
    wares.Variant: "ProductVariant",
    BulkOperation: "BulkOperation",
    CreditAccount: "StoreCreditAccount",
}


def read_sdl(version: str = "") -> str:
    """Return the schema's text as of an API version: without one, what all have."""
    added = [folder for folder in sorted(FOLDER.glob("since-*")) if folder.name.removeprefix("since-") <= version]
    paths = [path for folder in (FOLDER, *added) for path in sorted(folder.glob("*.graphql"))]
    return "\n".join(path.read_text() for path in paths)


def make_schema(version: str = "") -> GraphQLSchema:
    """Build the schema of an API version with its scalars; resolvers are attached by `resolvers.attach`."""
    schema = build_schema(read_sdl(version))
    _scalar(schema, "Decimal", str, read_decimal)
    _scalar(schema, "Money", str, read_decimal)
    _scalar(schema, "DateTime", utc_text, read_datetime)
    _scalar(schema, "UnsignedInt64", str, int)
    for name in ABSTRACT:
        schema.type_map[name].resolve_type = type_name  # type: ignore[attr-defined]
    return schema


def type_name(value: Any, *_: object) -> str:
    """Return the name of the GraphQL type of one of the sandbox's objects."""
    if isinstance(value, CreditTransaction):
        return CREDIT_TYPES[value.type]
    return TYPES[type(value)]


def read_decimal(value: Any) -> Decimal:
    """Read a decimal from a string or a JSON number."""
    try:
        if isinstance(value, bool):
            raise InvalidOperation
        number = Decimal(str(value))
    except InvalidOperation:
        raise GraphQLError(f"Could not coerce value {value!r} to Decimal") from None
    if not number.is_finite():
        raise GraphQLError(f"Could not coerce value {value!r} to Decimal")
    return number


def read_datetime(value: Any) -> datetime:
    """Read an ISO 8601 moment; without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise GraphQLError(f"Could not coerce value {value!r} to DateTime") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _scalar(schema: GraphQLSchema, name: str, write: Any, read: Any) -> None:
    def read_literal(node: ConstValueNode) -> Any:
        if isinstance(node, StringValueNode | IntValueNode | FloatValueNode):
            return read(node.value)
        raise GraphQLError(f"Could not coerce value to {name}")

    scalar = schema.type_map[name]
    assert isinstance(scalar, GraphQLScalarType)
    scalar.coerce_output_value = write
    scalar.coerce_input_value = read
    scalar.coerce_input_literal = read_literal
