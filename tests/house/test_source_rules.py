"""What may stand in one place only: committing, the environment, the clock, Shopify's libraries; and no floats."""

import ast
import re
from collections.abc import Callable

import pytest

from tests.house.sources import calls, dotted, imported, project_files, python_files, tree

SHOPIFYS = {"shopify", "shopifyapp", "shopify_app", "pyactiveresource"}
CLOCKS = re.compile(r"(^|\.)(datetime|date)\.(now|utcnow|today)$|^time\.(time|time_ns|localtime|gmtime)$")
#: Calls of float( in rooms where money passes, each with its reason.
FLOATS = {
    "app/shopify/allowance.py": "query points and seconds, out of Redis",
    "app/shopify/gateway.py": "seconds that Shopify asks to wait, out of a header",
}
#: An absolute path below somebody's home or workplace; an address's path has a letter or a colon before it.
SOMEBODYS_PATH = re.compile(rb"(?<![\w.:/}])(?:/(?:home|Users|work|workspaces?)/[\w.-]+/|[A-Z]:\\\\?Users\\\\?\w+)")


def commits(path: str) -> list[str]:
    return [name for name, _ in calls(tree(path)) if name.endswith(".commit")]


def looks_at_the_environment(path: str) -> list[str]:
    names = {dotted(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    return sorted(
        {name for name in names | imported(path) if re.match(r"os\.(environb?|getenvb?|putenv)$", name)}
        | {name for name in imported(path) if name.split(".")[0] in ("environs", "dotenv", "decouple")}
    )


def asks_the_time(path: str) -> list[str]:
    return [name for name, _ in calls(tree(path)) if CLOCKS.search(name)] + sorted(
        name for name in imported(path) if name in ("time.time", "time.time_ns")
    )


def imports_shopifys_libraries(path: str) -> list[str]:
    return sorted(name for name in imported(path) if name.split(".")[0] in SHOPIFYS)


@pytest.mark.parametrize(
    ("breaches", "rooms", "allowed"),
    [
        (commits, ("app",), ("app/db.py",)),
        (looks_at_the_environment, ("app",), ("app/config.py",)),
        (asks_the_time, ("app",), ("app/clock.py",)),
        (imports_shopifys_libraries, ("app", "sandbox", "local", "migrations"), ("app/shopify/",)),
    ],
)
def test_it_stands_in_one_place_only(
    breaches: Callable[[str], list[str]], rooms: tuple[str, ...], allowed: tuple[str, ...]
) -> None:
    found = {path: breaches(path) for path in python_files(*rooms) if breaches(path)}
    elsewhere = {path: names for path, names in found.items() if not path.startswith(allowed)}
    assert elsewhere == {}
    assert found, "The rule finds nothing where it must: it looks for the wrong thing."


def test_no_float_where_money_passes_but_where_a_reason_is_listed() -> None:
    paths = python_files("app/engine", "app/shopify", "app/webhooks")
    found = {path for path in paths for name, _ in calls(tree(path)) if name in ("float", "builtins.float")}
    assert found == set(FLOATS)


def test_the_rules_of_money_know_no_fraction() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in python_files("app/engine/rules")
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float | complex))
        or (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]
    # The one exception parses JSON that carries seconds, not money; there is none today.
    assert found == []


def test_nobody_catches_everything_but_the_frame_of_the_jobs() -> None:
    found = {
        path
        for path in python_files("app")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or re.search(r"\b(Base)?Exception\b", ast.unparse(node.type)))
    }
    # db.py rolls back and raises again whatever it was.
    assert found <= {"app/jobs.py", "app/db.py"}


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    found = [
        f"{path.name}: {hit.group().decode()}"
        for path in project_files()
        for hit in SOMEBODYS_PATH.finditer(path.read_bytes())
    ]
    assert found == []
