"""The project's own files, read as text and as syntax trees, for the tests of the house rules."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Where our Python lives.
ROOMS = ("app", "sandbox", "local", "bench", "migrations", "tests")
#: What make and the tools make; never part of the project.
MADE = {".git", ".venv", "var", "node_modules", "__pycache__"}


def python_files(*rooms: str) -> list[str]:
    """Return the Python files below folders of the project, as paths from its root."""
    found = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found if not MADE & set(path.parts))


@cache
def read(path: str) -> str:
    """Return a file's text."""
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def tree(path: str) -> ast.Module:
    """Return a Python file's syntax tree."""
    return ast.parse(read(path), path)


def dotted(node: ast.AST) -> str:
    """Return ``a.b.c`` for a name or attribute, with ``?`` for what is computed."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{dotted(node.value)}.{node.attr}"
        case _:
            return "?"


def calls(node: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call below a node with the dotted name of what is called."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            yield dotted(part.func), part


def imported(path: str) -> set[str]:
    """Return the modules, and names out of modules, that a file imports: ``os``, ``os.environ``."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def project_files() -> list[Path]:
    """Return what belongs to the project: what git tracks, or, in a copy without git, all that nobody made."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        paths = [ROOT / name for name in listed.decode().split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not MADE & set(path.relative_to(ROOT).parts)]
    return [path for path in paths if path.is_file()]
