"""Templates that a shop may write itself: what they can do, and that they always end.

Jinja's own sandbox is the second wall. The first is that a template is read before it is compiled, and may be made of
little: it shows the variables it is given, asks with ``if`` and goes once through the rows of a table with ``for``. It
calls nothing, computes nothing and reaches into nothing, so it is through after as many steps as it is long.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.errors import BoomerangError
from app.sentences import marked, say

#: So many characters a template has at most, and so many are made of it.
LONGEST_SOURCE = 50_000
LONGEST_OUTPUT = 200_000
#: Of so many parts a template is made at most, of which each variable, question and piece of text is one.
MOST_PARTS = 2_000
#: So deep parts of a template may lie in each other.
DEEPEST = 20
#: What may be done with a variable: ``{{ tier|upper }}``.
FILTERS = ("capitalize", "lower", "trim", "upper")

#: What no mail and no table can hold. Nobody types it, but a template can name it: ``{{ "\x00" }}``.
_UNWRITABLE = re.compile("[\\x00\\ud800-\\udfff]")

#: A text, a yes or no, or the rows of a table.
Value = str | bool | list[dict[str, str]]


class TemplateFault(BoomerangError):
    """A template cannot be used; the sentence says why, to whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a template may name: its variables, and of those that are tables the columns."""

    variables: tuple[str, ...]
    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def compile_template(source: str, names: Names, *, is_html: bool) -> Template:
    """Return a template ready to be filled in. Raises TemplateFault."""
    if len(source) > LONGEST_SOURCE:
        raise TemplateFault(say("This is too long: {most} characters at most.", most=LONGEST_SOURCE))
    environment = _environment(is_html)
    try:
        parsed = environment.parse(source)
        _Reading(names).look_through(parsed)
        return environment.from_string(parsed)
    except TemplateSyntaxError as error:
        raise TemplateFault(
            say("Line {line} cannot be read: {problem}", line=error.lineno, problem=error.message or "")
        ) from None
    except (RecursionError, SyntaxError, ValueError, OverflowError, MemoryError):
        # A row of ten thousand brackets, or a number of as many digits.
        raise TemplateFault(say(_UNREADABLE)) from None


def fill_in(template: Template, values: Mapping[str, Value]) -> str:
    """Return a template with its variables filled in, without what cannot be written down.

    Raises TemplateFault, and when it becomes too long.
    """
    parts, length = [], 0
    try:
        for part in template.generate(values):
            parts.append(part)
            length += len(part)
            if length > LONGEST_OUTPUT:
                raise TemplateFault(
                    say("What comes out of it is too long: {most} characters at most.", most=LONGEST_OUTPUT)
                )
    except TemplateError as error:
        raise TemplateFault(str(error)) from None
    return _UNWRITABLE.sub("", "".join(parts))


class _Reading:
    """Looks through a template for what it may not do; the first such thing ends it with a sentence."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._parts = 0
        #: The variable of the ``for`` that one is in, and the columns it has.
        self._row: tuple[str, tuple[str, ...]] | None = None

    def look_through(self, node: nodes.Node, depth: int = 0) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise TemplateFault(say(_UNREADABLE))
        if depth > DEEPEST:
            raise TemplateFault(say("Line {line}: this lies too deep in other parts of it.", line=node.lineno))
        match node:
            case nodes.For():
                self._look_at_for(node, depth)
                return
            case nodes.Name():
                self._look_at_name(node)
            case nodes.Getattr():
                self._look_at_column(node)
                return
            case nodes.Filter():
                if node.name not in FILTERS or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
                    raise TemplateFault(
                        say("There is no filter {name}; there are {names}.", name=node.name, names=_listed(FILTERS))
                    )
            case nodes.Operand():
                if node.op not in ("eq", "ne"):
                    raise _forbidden(node)
            case _ if not isinstance(node, _HARMLESS):
                raise _forbidden(node)
        for child in node.iter_child_nodes():
            self.look_through(child, depth + 1)

    def _look_at_for(self, node: nodes.For, depth: int) -> None:
        goes_through = node.iter.name if isinstance(node.iter, nodes.Name) else ""
        is_plain = isinstance(node.target, nodes.Name) and node.test is None and not node.recursive
        if goes_through not in self._names.tables or self._row is not None or not is_plain:
            tables = tuple(self._names.tables)
            raise TemplateFault(
                say(
                    "Line {line}: for goes through {names} and nothing else, once.",
                    line=node.lineno,
                    names=_listed(tables),
                )
                if tables
                else say("Line {line}: there is nothing here that for could go through.", line=node.lineno)
            )
        assert isinstance(node.target, nodes.Name)
        self._row = (node.target.name, self._names.tables[goes_through])
        for child in node.body:
            self.look_through(child, depth + 1)
        self._row = None
        for child in node.else_:
            self.look_through(child, depth + 1)

    def _look_at_name(self, node: nodes.Name) -> None:
        if node.name in self._names.variables:
            return
        if node.name in self._names.tables:
            table = node.name
            raise TemplateFault(
                say("{name} is a table: go through its rows, {example}.", name=table, example=_example(table))
            )
        if self._row is not None and node.name == self._row[0]:
            raise TemplateFault(
                say("{name} is a row: name one of its columns, {names}.", name=node.name, names=_listed(self._row[1]))
            )
        raise TemplateFault(
            say(
                "There is no variable {name}; there are {names}.",
                name=node.name,
                names=_listed((*self._names.variables, *self._names.tables)),
            )
        )

    def _look_at_column(self, node: nodes.Getattr) -> None:
        if self._row is None or not isinstance(node.node, nodes.Name) or node.node.name != self._row[0]:
            raise _forbidden(node)
        if node.attr not in self._row[1]:
            raise TemplateFault(
                say("A row has no {name}; it has {names}.", name=node.attr, names=_listed(self._row[1]))
            )


_UNREADABLE = marked("This cannot be read: there is too much of something in it.")
#: What a template may be made of besides what is looked at more closely.
_HARMLESS = (
    nodes.And, nodes.Compare, nodes.Const, nodes.If, nodes.Not, nodes.Or, nodes.Output, nodes.Template,
    nodes.TemplateData,
)  # fmt: skip


class _Walls(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which nothing has an attribute and nothing can be called."""

    def is_safe_attribute(self, *_: object, **__: object) -> bool:
        return False

    def is_safe_callable(self, *_: object, **__: object) -> bool:
        return False


@cache
def _environment(is_html: bool) -> _Walls:
    walls = _Walls(autoescape=is_html, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    walls.globals.clear()
    walls.tests.clear()
    for name in set(walls.filters) - set(FILTERS):
        del walls.filters[name]
    return walls


def _forbidden(node: nodes.Node) -> TemplateFault:
    return TemplateFault(
        say(
            "Line {line}: a template shows variables, asks with if and goes through rows with for; nothing else.",
            line=node.lineno,
        )
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _example(table: str) -> str:
    return f"{{% for row in {table} %}} … {{% endfor %}}"
