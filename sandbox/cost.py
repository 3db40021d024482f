"""What a call costs: an object 1, each mutation 10, a connection by its size.

Shopify does not publish how a connection's size counts; the figures here follow recorded
answers (five accounts with their balance 20, a credit 18).
"""

import math
from collections.abc import Mapping
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
)
from graphql.language import (
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    VariableNode,
)

MUTATION = 10
MOST_PER_QUERY = 1_000
CONNECTION_BASE = 6
CONNECTION_GROWTH = 1.6
PLAIN_FIELDS = ("nodes", "edges", "node", "pageInfo", "userErrors")


class CostOf:
    """Computes the requested cost of one operation."""

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], variables: dict[str, Any]
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables

    def operation(self, operation: OperationDefinitionNode) -> int:
        """Return the points that must be there before the operation runs."""
        root = self._schema.get_root_type(operation.operation)
        assert root is not None
        is_mutation = operation.operation.value == "mutation"
        base = MUTATION * len(operation.selection_set.selections) if is_mutation else 0
        return base + self._selections(operation.selection_set, root)

    def _selections(self, selections: SelectionSetNode, parent: Any) -> int:
        """Return the sum of plain fields, and of inline fragments the dearest."""
        own, fragments = 0, [0]
        for node in selections.selections:
            if isinstance(node, FieldNode):
                own += self._field(node, parent)
            elif isinstance(node, InlineFragmentNode):
                kind = parent
                if node.type_condition:
                    kind = self._schema.type_map[node.type_condition.name.value]
                fragments.append(self._selections(node.selection_set, kind))
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                kind = self._schema.type_map[fragment.type_condition.name.value]
                cost = self._selections(fragment.selection_set, kind)
                own, fragments = (own + cost, fragments) if kind is parent else (own, [*fragments, cost])
        return own + max(fragments)

    def _field(self, node: FieldNode, parent: Any) -> int:
        definition = getattr(parent, "fields", {}).get(node.name.value)
        if definition is None or node.selection_set is None:
            return 0
        kind = get_named_type(definition.type)
        if is_leaf_type(kind):
            return 0
        below = self._selections(node.selection_set, kind)
        ids = self._ids(node)
        if ids is not None:
            return (below + 1) * ids
        size = self._size(node)
        if kind.name.endswith("Connection") or size is not None:
            growth = CONNECTION_GROWTH * math.log2(max(1, size or 1))
            return round(max(1, below) * (CONNECTION_BASE + growth))
        return below + (0 if self._is_plain(node, parent) else 1)

    def _is_plain(self, node: FieldNode, parent: Any) -> bool:
        """Say whether the field only groups others: the node of a list counts, its frame does not."""
        name = node.name.value
        if name in ("nodes", "node"):
            return False
        return name in PLAIN_FIELDS and isinstance(parent, GraphQLObjectType)

    def _size(self, node: FieldNode) -> int | None:
        for argument in node.arguments or ():
            if argument.name.value in ("first", "last"):
                value = argument.value
                if isinstance(value, IntValueNode):
                    return int(value.value)
                if isinstance(value, VariableNode):
                    given = self._variables.get(value.name.value)
                    return given if isinstance(given, int) else 1
        return None

    def _ids(self, node: FieldNode) -> int | None:
        """Return how many things a field is asked for by their ids: each counts by itself."""
        for argument in node.arguments or ():
            if argument.name.value == "ids":
                value = argument.value
                if isinstance(value, ListValueNode):
                    return len(value.values)
                given = self._variables.get(value.name.value) if isinstance(value, VariableNode) else None
                return len(given) if isinstance(given, list) else 1
        return None


def count_objects(value: Any) -> int:
    """Return how many objects an answer holds: what a query really cost."""
    if isinstance(value, dict):
        return 1 + sum(count_objects(part) for part in value.values())
    if isinstance(value, list):
        return sum(count_objects(part) for part in value)
    return 0
