"""Files stay small, say what they are for, and no test is without an assertion."""

import ast

from tests.house.sources import ROOMS, calls, python_files, read, tree

LONGEST = 500
#: Longer files, each with its reason.
LONGER = {"migrations/versions/0001_the_first_tables.py": "all first tables in one migration, written by a machine"}
OURS = ("app", "sandbox", "local", "bench")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(node: ast.AST) -> list[Function]:
    """Return every function and method below a node."""
    return [part for part in ast.walk(node) if isinstance(part, Function)]


def public_parts(module: ast.Module) -> list[Function | ast.ClassDef]:
    """Return the public functions and classes of a module, and the methods of classes that inherit nothing.

    What a class inherits is told by its parent, so overriding methods need no words of their own.
    """
    top = [node for node in module.body if isinstance(node, Function | ast.ClassDef)]
    classes = [
        node for node in top if isinstance(node, ast.ClassDef) and not node.bases and not node.name.startswith("_")
    ]
    methods = [part for node in classes for part in node.body]
    return [
        part for part in (*top, *methods) if isinstance(part, Function | ast.ClassDef) and not part.name.startswith("_")
    ]


def test_no_file_is_longer_than_500_lines() -> None:
    long = {path for path in python_files(*ROOMS) if len(read(path).splitlines()) > LONGEST}
    assert long == set(LONGER)


def test_every_module_says_what_it_is_for() -> None:
    silent = [path for path in python_files(*ROOMS) if read(path).strip() and not ast.get_docstring(tree(path))]
    assert silent == []


def test_every_public_function_and_class_says_what_it_does() -> None:
    silent = [
        f"{path}:{part.lineno} {part.name}"
        for path in python_files(*OURS)
        for part in public_parts(tree(path))
        if not ast.get_docstring(part)
    ]
    assert silent == []


def test_no_test_is_without_an_assertion() -> None:
    trees = [tree(path) for path in python_files("tests")]
    asserting = _names_that_assert(trees)
    idle = [
        test.name
        for module in trees
        for test in functions(module)
        if test.name.startswith("test_") and not _asserts(test, asserting)
    ]
    assert idle == []


def test_no_assertion_is_about_a_constant() -> None:
    idle = [
        f"{path}:{node.lineno}"
        for path in python_files("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant | ast.Tuple)
    ]
    assert idle == []


def test_test_names_are_sentences() -> None:
    short = [
        test.name
        for path in python_files("tests")
        for test in functions(tree(path))
        if test.name.startswith("test_") and test.name.count("_") < 3
    ]
    assert short == []


def _names_that_assert(trees: list[ast.Module]) -> set[str]:
    """Return the names of helpers that assert, by themselves or by what they call."""
    helpers = [part for module in trees for part in functions(module) if not part.name.startswith("test_")]
    names: set[str] = set()
    while more := {part.name for part in helpers if _asserts(part, names)} - names:
        names |= more
    return names


def _asserts(part: Function, helpers: set[str]) -> bool:
    if any(isinstance(node, ast.Assert | ast.Raise) for node in ast.walk(part)):
        return True
    called = {name.rpartition(".")[2] for name, _ in calls(part)}
    return bool(called & (helpers | {"raises", "fail", "expect"}))
