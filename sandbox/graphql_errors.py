"""Refusals in Shopify's own shape: of documents that do not fit the schema, of variables that do not fit."""

import json
import re
from collections.abc import Callable
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    type_from_ast,
)
from graphql.language import FieldNode, FragmentDefinitionNode, InlineFragmentNode, ValueNode

from sandbox.literals import find_argument

Json = dict[str, Any]
NAMED = r"'(\w+)'"
RULES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    (
        rf"Cannot query field {NAMED} on type {NAMED}",
        "Field '{0}' doesn't exist on type '{1}'",
        "undefinedField",
        ("fieldName", "typeName"),
    ),
    (
        rf"Unknown argument {NAMED} on field '\w+\.(\w+)'",
        "Field '{1}' doesn't accept argument '{0}'",
        "argumentNotAccepted",
        ("argumentName", "name"),
    ),
    (
        rf"Field {NAMED} of type '([^']+)' must have a selection of subfields",
        "Field must have selections (field '{0}' returns {1} but has no selections. Did you mean '{0} {{ ... }}'?)",
        "selectionMismatch",
        ("nodeName", "typeName"),
    ),
    (
        r"Argument '\w+\.(\w+)\((\w+):\)' of type '[^']+' is required",
        "Field '{0}' is missing required arguments: {1}",
        "missingRequiredArguments",
        ("name", "arguments"),
    ),
    (
        r"Variable '\$(\w+)' is not defined",
        "Variable ${0} is used by the operation but not declared",
        "variableNotDefined",
        ("variableName",),
    ),
    (
        r"Variable '\$(\w+)' is never used",
        "Variable ${0} is declared by the operation but not used",
        "variableNotUsed",
        ("variableName",),
    ),
)


def document_errors(document: DocumentNode, errors: list[GraphQLError], schema: GraphQLSchema) -> Json:
    """Return the answer to a document that does not fit the schema."""
    return {"errors": [_document_error(document, error, schema) for error in errors]}


def syntax_error(error: GraphQLError) -> Json:
    """Return the answer to a document that cannot be read."""
    return {"errors": [{"message": error.message, "locations": _locations(error)}]}


def _document_error(document: DocumentNode, error: GraphQLError, schema: GraphQLSchema) -> Json:
    node = error.nodes[0] if error.nodes else None
    place = find_argument(document, node, schema) if isinstance(node, ValueNode) else None
    if place is not None and place.argument is not None:
        name = place.argument.name.value
        return {
            "message": place.sentence,
            "locations": _locations(error),
            "path": _path_to(document, place.argument),
            "extensions": {"code": "argumentLiteralsIncompatible", "typeName": "Field", "argumentName": name},
        }
    path = _path_to(document, node) if node else []
    for pattern, message, code, names in RULES:
        found = re.search(pattern, error.message.replace('"', "'"))
        if found:
            extensions = {"code": code, **dict(zip(names, found.groups(), strict=False))}
            text = message.format(*found.groups())
            return {"message": text, "locations": _locations(error), "path": path, "extensions": extensions}
    return {
        "message": error.message,
        "locations": _locations(error),
        "path": path,
        "extensions": {"code": "argumentLiteralsIncompatible"},
    }


def _locations(error: GraphQLError) -> list[dict[str, int]]:
    return [{"line": place.line, "column": place.column} for place in (error.locations or [])[:1]]


def _path_to(node: Node, wanted: Node) -> list[str]:
    """Return Shopify's path to a node: operation, fields, fragments."""
    for child in _children(node):
        step = _step(child)
        if child is wanted:
            return step
        below = _path_to(child, wanted)
        if below:
            return step + below
    return []


def _children(node: Node) -> list[Node]:
    found: list[Node] = []
    for key in node.keys:
        value = getattr(node, key, None)
        if isinstance(value, Node):
            found.append(value)
        elif isinstance(value, list | tuple):
            found.extend(item for item in value if isinstance(item, Node))
    return found


def _step(node: Node) -> list[str]:
    if isinstance(node, OperationDefinitionNode):
        return [f"{node.operation.value} {node.name.value}" if node.name else node.operation.value]
    if isinstance(node, FieldNode):
        return [node.alias.value if node.alias else node.name.value]
    if isinstance(node, FragmentDefinitionNode):
        return [f"fragment {node.name.value}"]
    if isinstance(node, InlineFragmentNode) and node.type_condition:
        return [f"... on {node.type_condition.name.value}"]
    name = getattr(node, "name", None)
    return [name.value] if node.kind in ("argument", "object_field") and name else []


def variable_errors(schema: GraphQLSchema, operation: OperationDefinitionNode, values: Json) -> Json | None:
    """Return the answer to variables that do not fit their types, or None when they do."""
    errors = []
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        kind = type_from_ast(schema, definition.type)
        if kind is None or (name not in values and definition.default_value is not None):
            continue
        problems: list[Json] = []
        _check(values.get(name), kind, [], problems)  # type: ignore[arg-type]
        if problems:
            parts = ", ".join(f"{'.'.join(map(str, p['path']))} ({p['explanation']})" for p in problems if p["path"])
            text = f"Variable ${name} of type {kind} was provided invalid value"
            place = definition.loc.source.get_location(definition.loc.start) if definition.loc else None
            errors.append(
                {
                    "message": f"{text} for {parts}" if parts else text,
                    "locations": [{"line": place.line, "column": place.column}] if place else [],
                    "extensions": {
                        "code": "INVALID_VARIABLE",
                        "value": values.get(name),
                        "problems": problems,
                    },
                }
            )
    return {"errors": errors} if errors else None


def _check(value: Any, kind: GraphQLInputType, path: list[str | int], problems: list[Json]) -> None:
    def report(explanation: str) -> None:
        problems.append({"path": path, "explanation": explanation})

    if isinstance(kind, GraphQLNonNull):
        if value is None:
            report("Expected value to not be null")
            return
        kind = kind.of_type
    if value is None:
        return
    if isinstance(kind, GraphQLList):
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            _check(item, kind.of_type, [*path, index], problems)
    elif isinstance(kind, GraphQLInputObjectType):
        _check_object(value, kind, path, problems, report)
    elif isinstance(kind, GraphQLEnumType):
        if value not in kind.values:
            report(f"Expected {json.dumps(value)} to be one of: {', '.join(kind.values)}")
    elif isinstance(kind, GraphQLScalarType):
        _check_scalar(value, kind, report)


def _check_object(
    value: Any,
    kind: GraphQLInputObjectType,
    path: list[str | int],
    problems: list[Json],
    report: Callable[[str], None],
) -> None:
    if not isinstance(value, dict):
        report(f"Expected {json.dumps(value)} to be a key-value object.")
        return
    for name in value:
        if name not in kind.fields:
            problems.append({"path": [*path, name], "explanation": f"Field is not defined on {kind.name}"})
    for name, field in kind.fields.items():
        if name in value or isinstance(field.type, GraphQLNonNull):
            _check(value.get(name), field.type, [*path, name], problems)


def _check_scalar(value: Any, kind: GraphQLScalarType, report: Callable[[str], None]) -> None:
    try:
        kind.coerce_input_value(value)
    except (GraphQLError, TypeError, ValueError):
        report(f"Could not coerce value {json.dumps(value)} to {kind.name}")
