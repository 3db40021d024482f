"""What make says to somebody new: what there is, and one sentence when something is missing."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()

OLD_PYTHON = """#!/bin/sh
case $2 in *version_info*) exit 1 ;; *python_version*) echo 3.9.2 ;; esac
"""
PYTHON_WITHOUT_VENV = """#!/bin/sh
case $2 in *ensurepip*) exit 1 ;; esac
"""


PIP_WITHOUT_NETWORK = """#!/bin/sh
case $* in *pip\\ install*) echo "WARNING: Retrying (Retry(total=4)) after connection broken" >&2; exit 1 ;; esac
"""
PIP_THAT_FAILS = """#!/bin/sh
case $* in *pip\\ install*) echo "ERROR: No space left on device" >&2; exit 1 ;; esac
"""
PYTHON_THAT_MAKES_VENVS = """#!/bin/sh
case $* in *-m\\ venv*)
    mkdir -p .venv/bin
    printf '#!/bin/sh\\n' > .venv/bin/python
    chmod +x .venv/bin/python ;;
esac
"""


def install(folder: Path, python: str) -> "subprocess.CompletedProcess[str]":
    """Run local/install.sh in an empty project with that Python."""
    (folder / "local").mkdir()
    (folder / "requirements").mkdir()
    shutil.copy(ROOT / "local" / "install.sh", folder / "local")
    shutil.copy(ROOT / "requirements" / "demo.txt", folder / "requirements")
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": python}
    return subprocess.run(
        [folder / "local" / "install.sh", "demo"], env=environment, capture_output=True, text=True, timeout=30
    )


def executable(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_make_alone_lists_every_target() -> None:
    listed = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)) - {"help", "install-demo install-dev"}
    assert targets >= {"demo", "smoke", "test", "check"}
    assert targets == set(re.findall(r"^make (\S+)", listed, re.MULTILINE))


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (OLD_PYTHON, "Boomerang needs Python 3.11 or newer, and .* is 3.9.2"),
        (PYTHON_WITHOUT_VENV, "comes without its venv module: install it .*python3-venv"),
    ],
    ids=["old", "without venv"],
)
def test_a_python_that_will_not_do_gets_one_sentence(tmp_path: Path, script: str, sentence: str) -> None:
    ended = install(tmp_path, executable(tmp_path / "python3", script))
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert re.search(sentence, ended.stderr)


def test_no_python_at_all_gets_one_sentence(tmp_path: Path) -> None:
    ended = install(tmp_path, str(tmp_path / "python3"))
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert "python3 was not found: install Python 3.11 or newer" in ended.stderr


def test_what_the_lock_file_says_is_installed_once(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "requirements" / "demo.txt", tmp_path / ".venv" / "installed-demo.txt")
    executable(tmp_path / ".venv" / "bin" / "python", "#!/bin/sh\n")
    ended = install(tmp_path, "/nonexistent/python3")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("pip", "sentence"),
    [
        (PIP_WITHOUT_NETWORK, "pip could not reach its package index: try again when this machine is online"),
        (PIP_THAT_FAILS, "pip could not install what requirements/demo.txt names: ERROR: No space left on device"),
    ],
    ids=["no network", "another reason"],
)
def test_packages_that_cannot_be_had_get_one_sentence(tmp_path: Path, pip: str, sentence: str) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    executable(tmp_path / ".venv" / "bin" / "python", pip)
    ended = install(tmp_path, "/nonexistent/python3")
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert ended.stderr.startswith(sentence)
    assert not (tmp_path / ".venv" / "installed-demo.txt").exists()


def test_a_venv_whose_making_was_interrupted_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    executable(tmp_path / ".venv" / "bin" / "python", "#!/bin/sh\ncase $* in *pip*) exit 1 ;; esac\n")
    ended = install(tmp_path, executable(tmp_path / "python3", PYTHON_THAT_MAKES_VENVS))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / ".venv" / "installed-demo.txt").exists()
