"""The processes of a run end with the run, whatever ends it."""

import signal
from pathlib import Path

import pytest

from local.children import ChildEnded, Children

from .processes import ROOT, eventually, is_there, python, said

#: A child with a child of its own, which a signal to the first alone would leave behind.
FAMILY = ["sh", "-c", "sleep 300 & echo $!; wait"]
STUBBORN = ["sh", "-c", "trap '' TERM INT HUP; sleep 300 & echo $!; wait; wait; sleep 300"]

RUN = """
import sys, time
from pathlib import Path
from local.children import Children

with Children(Path(sys.argv[1]), Path(".")) as children:
    children.start("family", ["sh", "-c", "sleep 300 & echo $!; wait"], {})
    print("started", flush=True)
    time.sleep(300)
"""


def grandchild(log_folder: Path) -> int:
    log = log_folder / "family.log"
    assert eventually(lambda: log.exists() and log.read_text().endswith("\n"))
    return int(log.read_text())


def test_children_and_their_children_end_with_the_block(tmp_path: Path) -> None:
    with Children(tmp_path, ROOT) as children:
        child = children.start("family", FAMILY, {})
        pids = [child.process.pid, grandchild(tmp_path)]
        assert all(map(is_there, pids))
    # The kernel carries SIGKILL out a moment after it was sent.
    assert eventually(lambda: not any(map(is_there, pids)))


def test_children_that_do_not_listen_are_killed(tmp_path: Path) -> None:
    with Children(tmp_path, ROOT, seconds_to_end=0.2) as children:
        child = children.start("family", STUBBORN, {})
        pids = [child.process.pid, grandchild(tmp_path)]
    # The kernel carries SIGKILL out a moment after it was sent.
    assert eventually(lambda: not any(map(is_there, pids)))


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGHUP], ids=lambda end: end.name)
def test_children_end_when_the_run_is_killed(tmp_path: Path, end: signal.Signals) -> None:
    with python(RUN, tmp_path) as run:
        assert said(run) == "started"
        pid = grandchild(tmp_path)
        assert is_there(pid)
        run.send_signal(end)
        assert eventually(lambda: not is_there(pid))


def test_a_child_gets_its_environment(tmp_path: Path) -> None:
    with Children(tmp_path, ROOT) as children:
        child = children.start("one", ["sh", "-c", "echo $GREETING"], {"GREETING": "good day"})
        child.process.wait()
    assert child.log.read_text() == "good day\n"


def test_a_child_that_ends_too_early_is_named_with_its_last_words(tmp_path: Path) -> None:
    with Children(tmp_path, ROOT) as children:
        children.check()
        children.start("web", ["sh", "-c", "echo no database >&2; exit 3"], {}).process.wait()
        with pytest.raises(ChildEnded, match=r"(?s)web ended with exit code 3.*no database"):
            children.check()
