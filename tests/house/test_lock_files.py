"""The lock files pin what pyproject.toml asks for, with hashes, and name no registry."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUN = PROJECT["project"]["dependencies"]
DEMO = RUN + PROJECT["project"]["optional-dependencies"]["demo"]
DEV = DEMO + PROJECT["dependency-groups"]["dev"]
LOCKS = {"run": RUN, "demo": DEMO, "dev": DEV}
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def pins(lock: str) -> dict[str, set[str]]:
    """Return the versions that a lock file pins, by package; several where they depend on the Python."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", read(lock), re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def read(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_dependency_is_pinned_to_a_version_that_pyproject_allows(lock: str) -> None:
    pinned = pins(lock)
    wanted = [Requirement(text) for text in LOCKS[lock]]
    unmet = [
        str(requirement)
        for requirement in wanted
        if not any(map(requirement.specifier.contains, pinned.get(canonicalize_name(requirement.name), ())))
    ]
    assert not unmet, f"not in requirements/{lock}.txt: {unmet}; run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    entries = re.split(r"^(?=[\w.-]+==)", read(lock), flags=re.MULTILINE)
    assert [entry.splitlines()[0] for entry in entries[1:] if not HASH.search(entry)] == []
    assert len(entries) > len(LOCKS[lock])


@pytest.mark.parametrize(("smaller", "larger"), [("run", "demo"), ("demo", "dev")])
def test_a_larger_lock_has_all_of_a_smaller_one_in_the_same_versions(smaller: str, larger: str) -> None:
    # local/install.sh counts on it: who has installed dev needs not install demo.
    assert pins(smaller).items() <= pins(larger).items()


@pytest.mark.parametrize("path", ["package-lock.json", *(f"requirements/{lock}.txt" for lock in LOCKS)])
def test_no_lock_file_names_an_address(path: str) -> None:
    # It would name the registry of whoever made it, and hold everybody else to it.
    addresses = [line.strip() for line in (ROOT / path).read_text().splitlines() if "://" in line]
    assert addresses == []


def test_the_npm_lock_pins_what_package_json_asks_for_with_integrity() -> None:
    asked = json.loads((ROOT / "package.json").read_text())
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert locked[""]["devDependencies"] == asked["devDependencies"]
    for name, version in asked["devDependencies"].items():
        assert locked[f"node_modules/{name}"]["version"] == version
    unproven = [name for name, entry in locked.items() if name and not entry.get("integrity")]
    assert unproven == []
