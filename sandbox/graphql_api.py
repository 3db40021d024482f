"""One GraphQL call of the Admin API: read, checked, paid for, executed, and spoiled when faults say so."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
    parse,
    validate,
)
from graphql.language import FieldNode, SelectionSetNode

from sandbox.bulk_fields import BULK_MUTATIONS, BULK_OBJECTS, BULK_QUERIES
from sandbox.cost import MOST_PER_QUERY, MUTATION, CostOf, count_objects
from sandbox.credit_fields import CREDIT_OBJECTS
from sandbox.credit_mutations import MUTATIONS
from sandbox.faults import Faults
from sandbox.graphql_errors import Json, document_errors, syntax_error, variable_errors
from sandbox.graphql_schema import make_schema
from sandbox.order_fields import ORDER_OBJECTS
from sandbox.product_fields import CATALOGUE_OBJECTS
from sandbox.queries import QUERIES
from sandbox.resolvers import Call, attach
from sandbox.scopes import guard
from sandbox.state import Shop

RESOLVERS = {
    **ORDER_OBJECTS,
    **CATALOGUE_OBJECTS,
    **CREDIT_OBJECTS,
    **BULK_OBJECTS,
    "QueryRoot": {**QUERIES, **BULK_QUERIES},
    "Mutation": {**MUTATIONS, **BULK_MUTATIONS},
}


@lru_cache(maxsize=8)
def schema_of(version: str) -> GraphQLSchema:
    """Return the schema of an API version, ready to execute."""
    schema = make_schema(version)
    attach(schema, RESOLVERS)
    guard(schema)
    return schema


SCHEMA = schema_of("2026-10")
CREDIT_MUTATIONS = frozenset(MUTATIONS)


@dataclass(frozen=True)
class Reply:
    """What goes back: JSON with a status, or nothing at all when the connection is to be dropped."""

    body: Json
    status: int = 200
    drop: bool = False


@dataclass(frozen=True)
class Prepared:
    """A document that was read and fits the schema, or the answer that says why not."""

    document: DocumentNode | None
    refusal: Json | None


@lru_cache(maxsize=256)
def prepare(text: str, schema: GraphQLSchema = SCHEMA) -> Prepared:
    """Read and check a document; apps send the same few again and again."""
    try:
        document = parse(text)
    except GraphQLError as error:
        return Prepared(None, syntax_error(error))
    errors = validate(schema, document)
    return Prepared(document, document_errors(document, errors, schema)) if errors else Prepared(document, None)


def answer(shop: Shop, faults: Faults, request: Json, scopes: frozenset[str], version: str = "2026-10") -> Reply:
    """Answer one call as Shopify would, or as the faults that are switched on want it."""
    schema = schema_of(version)
    prepared = prepare(str(request.get("query") or ""), schema)
    if prepared.refusal is not None or prepared.document is None:
        return Reply(prepared.refusal or {})
    document, variables = prepared.document, request.get("variables") or {}
    operation = _operation(document, request.get("operationName"))
    if operation is None:
        return Reply({"errors": [{"message": "An operation name is required"}]})
    refusal = variable_errors(schema, operation, variables)
    if refusal is not None:
        return Reply(refusal)
    return _Execution(shop, faults, schema, document, operation, variables, scopes).run()


class _Execution:
    """One operation on its way through faults, bucket and executor."""

    def __init__(
        self,
        shop: Shop,
        faults: Faults,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Json,
        scopes: frozenset[str],
    ) -> None:
        self.shop = shop
        self.faults = faults
        self.schema = schema
        self.document = document
        self.operation = operation
        self.variables = variables
        self.scopes = scopes
        self.is_mutation = operation.operation is OperationType.MUTATION
        fragments = {item.name.value: item for item in document.definitions if isinstance(item, FragmentDefinitionNode)}
        self.requested = CostOf(schema, fragments, variables).operation(operation)

    def run(self) -> Reply:
        fields = {node.name.value for node in self.operation.selection_set.selections if isinstance(node, FieldNode)}
        names = {*fields, "mutations" if self.is_mutation else "queries"}
        if self.operation.name:
            names.add(self.operation.name.value)
        fault = self.faults.for_call(names, bool(fields & CREDIT_MUTATIONS))
        if fault == "http_5xx":
            return Reply({"errors": "Internal Server Error"}, 502)
        if fault in ("timeout", "drop_before_commit"):
            if fault == "timeout":
                self.faults.hang()
            return Reply({}, 504, drop=True)
        if self.requested > MOST_PER_QUERY:
            return Reply(_too_dear(self.requested))
        if fault == "throttled" or not self.shop.bucket.take(self.requested):
            return Reply(self._throttled())
        if fault == "late_commit":
            self.faults.hang()
        if fault in ("half_commit", "half_answer"):
            return self._execute_half(is_answered=fault == "half_answer")
        body = self._execute(self.document)
        if fault == "hang_after_commit":
            self.faults.hang()
            return Reply({}, 504, drop=True)
        return Reply(body)

    def _execute_half(self, is_answered: bool) -> Reply:
        """End in the midst: some mutations are executed, one of them perhaps without an answer, and the rest not."""
        fields = self.operation.selection_set.selections
        answered = int(self.faults.uniform(0, len(fields) + 0.999))
        executed = min(len(fields), answered + int(self.faults.uniform(0, 1.999)))
        operation = OperationDefinitionNode(
            operation=self.operation.operation,
            name=self.operation.name,
            variable_definitions=self.operation.variable_definitions,
            selection_set=SelectionSetNode(selections=fields[:executed]),
        )
        document = DocumentNode(
            definitions=tuple(operation if one is self.operation else one for one in self.document.definitions)
        )
        body = self._execute(document) if executed else {"data": {}}
        if not is_answered:
            return Reply({}, 504, drop=True)
        names = [node.alias.value if node.alias else node.name.value for node in fields if isinstance(node, FieldNode)]
        broken = [GraphQLError("Internal error", path=[name]) for name in names[answered:]]
        body["data"] = {name: None if name in names[answered:] else body["data"][name] for name in names}
        body["errors"] = [*body.get("errors", []), *map(_shape, broken)]
        return Reply(body)

    def _execute(self, document: DocumentNode) -> Json:
        with self.shop.lock:
            call = Call(self.shop, self.scopes, self.shop.clock.now())
            result = execute_sync(
                self.schema,
                document,
                context_value=call,
                variable_values=self.variables,
                operation_name=self.operation.name.value if self.operation.name else None,
            )
        actual = self._actual_cost(result)
        self.shop.bucket.give_back(self.requested - actual)
        body: Json = {}
        if result.errors:
            body["errors"] = [_shape(error) for error in result.errors]
        body["data"] = result.data
        body["extensions"] = {"cost": self._cost(actual)}
        return body

    def _actual_cost(self, result: ExecutionResult) -> int:
        """Return the points used: of a mutation that changed nothing its base only."""
        if not self.is_mutation:
            return min(self.requested, sum(count_objects(part) for part in (result.data or {}).values()))
        payloads = [part for part in (result.data or {}).values() if isinstance(part, dict)]
        asked = len(self.operation.selection_set.selections)
        failed = asked - sum(not part.get("userErrors") for part in payloads)
        return self.requested - failed * (self.requested // asked - MUTATION)

    def _cost(self, actual: int | None) -> Json:
        return {
            "requestedQueryCost": self.requested,
            "actualQueryCost": actual,
            "throttleStatus": self.shop.bucket.status(),
        }

    def _throttled(self) -> Json:
        error = {
            "message": "Throttled",
            "extensions": {
                "code": "THROTTLED",
                "documentation": "https://shopify.dev/api/usage/rate-limits",
            },
        }
        return {"errors": [error], "extensions": {"cost": self._cost(None)}}


def _operation(document: DocumentNode, name: object) -> OperationDefinitionNode | None:
    found = [item for item in document.definitions if isinstance(item, OperationDefinitionNode)]
    if name:
        return next((item for item in found if item.name and item.name.value == name), None)
    return found[0] if len(found) == 1 else None


def _shape(error: GraphQLError) -> Any:
    return {
        "message": error.message,
        "locations": [{"line": place.line, "column": place.column} for place in error.locations or []],
        "extensions": error.extensions or {"code": "INTERNAL_SERVER_ERROR"},
        "path": error.path,
    }


def _too_dear(cost: int) -> Json:
    error = {
        "message": f"Query cost is {cost}, which exceeds the single query max cost limit ({MOST_PER_QUERY}).",
        "extensions": {
            "code": "MAX_COST_EXCEEDED",
            "cost": cost,
            "maxCost": MOST_PER_QUERY,
            "documentation": "https://shopify.dev/api/usage/rate-limits",
        },
    }
    return {"errors": [error]}
