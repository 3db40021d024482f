"""Python processes that a test starts, talks to and kills."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
SECONDS = 30
#: What a shell starts beside itself, as a CI may do with all of this, ignores SIGINT; so would our programs.
HEAR_SIGINT = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


@contextmanager
def python(program: str, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """Run a program in a process of its own; kill it at the end should it still be there."""
    process = subprocess.Popen(
        [sys.executable, "-c", HEAR_SIGINT + program, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: "subprocess.Popen[str]") -> str:
    """Return the next line that the process prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def eventually(happened: Callable[[], bool]) -> bool:
    """Wait for something to happen; return whether it did."""
    deadline = time.monotonic() + SECONDS
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_there(pid: int) -> bool:
    """Tell whether a process exists and has not ended yet."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
