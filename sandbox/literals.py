"""Which argument a value written into a document was meant for, and what Shopify says when it does not fit."""

from typing import Any

from graphql import DocumentNode, GraphQLSchema, TypeInfo, TypeInfoVisitor, Visitor, print_ast, visit
from graphql.language import ArgumentNode, FieldNode, ValueNode


class ArgumentOf(Visitor):
    """Finds the argument of a field that was given a value; `argument` stays None for a value within another."""

    def __init__(self, value: ValueNode, types: TypeInfo) -> None:
        super().__init__()
        self.argument: ArgumentNode | None = None
        self.sentence = ""
        self._types = types
        self._value = value
        self._fields: list[str] = []

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """Remember in which field the walk is."""
        self._fields.append(node.name.value)

    def leave_field(self, *_: Any) -> None:
        """Forget the field that is left."""
        self._fields.pop()

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        """Look whether this is the argument."""
        definition = self._types.get_argument()
        if node.value is self._value and definition is not None:
            self.argument = node
            place = f"Argument '{node.name.value}' on Field '{self._fields[-1]}'"
            self.sentence = (
                f"{place} has an invalid value ({print_ast(self._value)}). Expected type '{definition.type}'."
            )


def find_argument(document: DocumentNode, value: ValueNode, schema: GraphQLSchema) -> ArgumentOf:
    """Walk a document to the argument that was given a value."""
    types = TypeInfo(schema)
    found = ArgumentOf(value, types)
    visit(document, TypeInfoVisitor(types, found))
    return found
