"""The query of a bulk operation: what Shopify refuses of it, and how each order's part of it is read.

Only `orders` can be the root here. The messages are Shopify's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    parse,
    print_ast,
    validate,
    value_from_ast_untyped,
)
from graphql.language import FieldNode, SelectionSetNode

MOST_CONNECTIONS, DEEPEST = 5, 2
ROOT = "orders"
Json = dict[str, Any]
#: Connection by the key it has in the answer, with those inside it.
Nested = dict[str, "Nested"]


class BadBulkQuery(Exception):
    """Shopify refuses the query; the messages say why."""

    def __init__(self, *messages: str) -> None:
        super().__init__(" ".join(messages))
        self.messages = messages


@dataclass(frozen=True)
class BulkQuery:
    """A query that can be run: which orders, and the document that reads some of them by their ids."""

    arguments: Mapping[str, Any]
    document: DocumentNode
    nested: Nested


def prepare_bulk(schema: GraphQLSchema, text: str) -> BulkQuery:
    """Return the query ready to be run; raise BadBulkQuery."""
    try:
        document = parse(text)
    except GraphQLError as error:
        raise BadBulkQuery(f"Invalid bulk query: {error.message}") from error
    operation = next((one for one in document.definitions if isinstance(one, OperationDefinitionNode)), None)
    if operation is None or operation.operation is not OperationType.QUERY:
        raise BadBulkQuery("Invalid operation type. Only `query` operations are supported.")
    wrong = validate(schema, document)
    if wrong:
        raise BadBulkQuery(*(f"Invalid bulk query: {error.message}" for error in wrong))
    survey = _Survey()
    assert schema.query_type is not None
    _look(operation.selection_set, schema.query_type, survey, depth=0, in_list=False)
    messages = survey.messages()
    if messages:
        raise BadBulkQuery(*messages)
    (root,) = (one for one in operation.selection_set.selections if isinstance(one, FieldNode))
    if root.name.value != ROOT:
        raise BadBulkQuery(f"The sandbox runs bulk queries over {ROOT} only.")
    selections = _inside(root)
    assert selections is not None
    reader = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Order {_with_sizes(schema, selections)} }} }}"
    arguments = {one.name.value: value_from_ast_untyped(one.value) for one in root.arguments or ()}
    return BulkQuery(arguments, parse(reader), _nested(schema, selections))


def flatten(node: Json, nested: Nested, parent: str | None = None) -> list[Json]:
    """Return the lines of an order: itself, then what its connections hold, each line naming its parent."""
    own = {key: value for key, value in node.items() if key not in nested}
    if parent is not None:
        own["__parentId"] = parent
    lines = [own]
    for key, inside in nested.items():
        for edge in node[key]["edges"]:
            lines += flatten(edge["node"], inside, node["id"])
    return lines


@dataclass
class _Survey:
    """What a query is made of, as far as Shopify minds."""

    connections: int = 0
    depth: int = 0
    by_nodes: list[str] = field(default_factory=list)
    without_id: list[str] = field(default_factory=list)
    has_top_node: bool = False
    is_in_list: bool = False

    def messages(self) -> list[str]:
        found = []
        if self.by_nodes:
            names = "', '".join(self.by_nodes)
            found.append(
                "All connection fields in a bulk query must select their contents using 'edges' > 'node', e.g: "
                f"'{self.by_nodes[0]} {{ edges {{ node {{'. Selecting via 'nodes' is not supported. "
                f"Invalid connection fields: '{names}'."
            )
        if self.has_top_node:
            found.append("Bulk queries cannot contain a top level `node` field.")
        if self.depth > DEEPEST:
            found.append(f"Bulk queries cannot contain connections with a nesting depth greater than {DEEPEST}.")
        if self.connections > MOST_CONNECTIONS:
            found.append(f"Bulk queries cannot contain more than {MOST_CONNECTIONS} connections.")
        if self.without_id:
            found.append(
                "The parent 'node' field for a nested connection must select the 'id' field without an alias and "
                f"must be of 'ID' return type. Connection fields without 'id': {', '.join(self.without_id)}."
            )
        if self.is_in_list:
            found.append("Queries that contain a connection field within a list field are not currently supported.")
        if not self.connections:
            found.append("Bulk queries must contain at least one connection.")
        return found


def _look(
    selections: SelectionSetNode, parent: GraphQLObjectType, survey: _Survey, *, depth: int, in_list: bool
) -> None:
    for name, node, kind, is_list in _fields(selections, parent):
        if depth == 0 and name in ("node", "nodes"):
            survey.has_top_node = True
        if not kind.name.endswith("Connection"):
            if node.selection_set is not None:
                _look(node.selection_set, kind, survey, depth=depth, in_list=in_list or is_list)
            continue
        survey.connections += 1
        survey.depth = max(survey.depth, depth + 1)
        survey.is_in_list |= in_list
        inside = _inside(node)
        if inside is None:
            survey.by_nodes.append(name)
            continue
        below = _below(kind)
        nested = [one for one, _, deeper, _ in _fields(inside, below) if deeper.name.endswith("Connection")]
        if nested and "id" not in {one for one, _, _, _ in _fields(inside, below, leaves=True)}:
            survey.without_id += nested
        _look(inside, below, survey, depth=depth + 1, in_list=in_list)


def _fields(
    selections: SelectionSetNode, parent: Any, *, leaves: bool = False
) -> list[tuple[str, FieldNode, Any, bool]]:
    """Return the fields selected of an object: name, node, named type, and whether it is a list."""
    found = []
    for node in selections.selections:
        if isinstance(node, FieldNode) and node.name.value in getattr(parent, "fields", {}):
            declared = parent.fields[node.name.value].type
            kind = get_named_type(declared)
            if leaves or is_composite_type(kind):
                found.append((node.name.value, node, kind, isinstance(get_nullable_type(declared), GraphQLList)))
    return found


def _inside(connection: FieldNode) -> SelectionSetNode | None:
    """Return what is selected of each node of a connection, None when it is not by edges and node."""
    for name in ("edges", "node"):
        selections: Sequence[Any] = () if connection.selection_set is None else connection.selection_set.selections
        found = next((one for one in selections if isinstance(one, FieldNode) and one.name.value == name), None)
        if found is None:
            return None
        connection = found
    return connection.selection_set


def _below(connection: Any) -> Any:
    return get_named_type(get_named_type(connection.fields["edges"].type).fields["node"].type)


def _connections(schema: GraphQLSchema, selections: SelectionSetNode, parent: str) -> list[tuple[str, FieldNode, Any]]:
    fields = _fields(selections, schema.type_map[parent])
    return [(name, node, _below(kind)) for name, node, kind, _ in fields if kind.name.endswith("Connection")]


def _nested(schema: GraphQLSchema, selections: SelectionSetNode, parent: str = "Order") -> Nested:
    nested: Nested = {}
    for name, node, below in _connections(schema, selections, parent):
        inside = _inside(node)
        assert inside is not None
        nested[node.alias.value if node.alias else name] = _nested(schema, inside, below.name)
    return nested


def _with_sizes(schema: GraphQLSchema, selections: SelectionSetNode) -> str:
    """Return the selection as text in which its connections are read to their end: here, 250 at a time."""
    text = print_ast(selections)
    for name, _, _ in _connections(schema, selections, "Order"):
        text = text.replace(f"{name} {{", f"{name}(first: 250) {{")
    return text
