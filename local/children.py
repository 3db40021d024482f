"""The processes of a demo or smoke run: started together, watched, ended together."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from local.watchdog import send

PAUSE = 0.05
LOG_LINES = 15


class ChildEnded(Exception):
    """A process ended that should have gone on; the message names it and the end of its log."""


@dataclass(frozen=True)
class Child:
    """One running process, the leader of a process group of its own, and the log it writes."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def last_words(self) -> str:
        """Return the end of the log."""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join(f"    {line}" for line in lines)


class Children:
    """Starts processes that do not hear the terminal's Ctrl-C, and ends them at the end of a `with` block.

    A watchdog ends them should this process be killed before it can.
    """

    def __init__(self, log_folder: Path, cwd: Path, seconds_to_end: float = 10) -> None:
        self.log_folder = log_folder
        self.cwd = cwd
        self.seconds_to_end = seconds_to_end
        self._children: list[Child] = []
        self._watchdog: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.log_folder.mkdir(parents=True, exist_ok=True)
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("watchdog.py"))],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._end_all()
        finally:
            if self._watchdog is not None and self._watchdog.stdin is not None:
                self._watchdog.stdin.close()
                self._watchdog.wait()

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> Child:
        """Start a process that writes what it says to `<log_folder>/<name>.log`."""
        path = self.log_folder / f"{name}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=self.cwd,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._tell_watchdog(process.pid)
        child = Child(name, process, path, tuple(command), environment)
        self._children.append(child)
        return child

    def replace(self, name: str) -> Child:
        """Kill a process and all of its group at once, as a lost machine would, and start it again.

        Its log goes on in a file of its own, ``<name>+.log``.
        """
        child = next(child for child in self._children if child.name.rstrip("+") == name)
        send({child.process.pid}, signal.SIGKILL)
        child.process.wait()
        self._tell_watchdog(-child.process.pid)
        self._children.remove(child)
        return self.start(f"{name}+", list(child.command), child.environment)

    def check(self) -> None:
        """Raise ChildEnded when one of the processes is no longer there."""
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
                raise ChildEnded(f"{child.name} {how}. Its log ({child.log}) ends with:\n{child.last_words()}")

    def last_words(self) -> str:
        """Return the end of every log."""
        return "\n".join(f"{child.log}:\n{child.last_words()}" for child in self._children)

    def _end_all(self) -> None:
        groups = {child.process.pid for child in self._children}
        deadline = time.monotonic() + self.seconds_to_end
        send(groups, signal.SIGTERM)
        while any(child.process.poll() is None for child in self._children) and time.monotonic() < deadline:
            time.sleep(PAUSE)
        # Also when their leader is gone: nothing of a group may be left.
        send(groups, signal.SIGKILL)
        for child in self._children:
            child.process.wait()
            self._tell_watchdog(-child.process.pid)

    def _tell_watchdog(self, number: int) -> None:
        if self._watchdog is not None and self._watchdog.stdin is not None:
            print(number, file=self._watchdog.stdin, flush=True)
