"""A server process that belongs to a folder and is shared by all processes that use it."""

import json
import os
import pwd
import socket
import stat
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from local.locks import EXCLUSIVE, SHARED, can_lock, locked, open_lock

SECONDS_TO_START = 60
SECONDS_TO_STOP = 30
PAUSE = 0.02
ATTEMPTS = 3


class ServerFailed(Exception):
    """An embedded server did not start; the message names the reason and the end of its log."""


class EmbeddedServer:
    """A server process shared by all processes that use its folder."""

    name: ClassVar[str]
    stop_signal: ClassVar[str]

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.url = ""
        self._in_use: int | None = None

    def start(self) -> Self:
        """Start the server, or attach to it when another process runs it; return when it answers."""
        with locked(self.folder / "starting.lock"):
            # Waits for a keeper that is just stopping the server: it holds this lock until it is gone.
            self._in_use = open_lock(self.folder / "in-use.lock", SHARED)
            try:
                if self._is_kept():
                    self._attach()
                else:
                    self._start_anew()
            except BaseException:
                self._let_go()
                raise
        return self

    def stop(self) -> None:
        """Let go of the server; when nobody else uses it, return after it has ended."""
        self._let_go()
        deadline = time.monotonic() + SECONDS_TO_STOP
        while self._is_kept() and not self._used_by_others() and time.monotonic() < deadline:
            time.sleep(PAUSE)

    def __enter__(self) -> Self:
        return self if self._in_use is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def prepare(self, user: pwd.struct_passwd | None) -> tuple[list[str], Path, str]:
        """Make the folder ready; return the command, its working directory and the URL it will answer on."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Tell whether the server answers on its URL."""
        raise NotImplementedError

    def _let_go(self) -> None:
        if self._in_use is not None:
            os.close(self._in_use)
            self._in_use = None

    def _start_anew(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            self._start_keeper()
            try:
                self._attach()
            except ServerFailed as failure:
                # Somebody else may have taken the free port in the meantime; another one will do.
                if "in use" not in str(failure) or attempt == ATTEMPTS:
                    raise
            else:
                return

    def _attach(self) -> None:
        self.url = json.loads((self.folder / "server.json").read_text())["url"]
        self._wait_until_ready()

    def _start_keeper(self) -> None:
        user = unprivileged_user()
        if user is not None:
            make_passable(self.folder)
        command, cwd, url = self.prepare(user)
        spec = {
            "command": command,
            "cwd": str(cwd),
            "url": url,
            "stop_signal": self.stop_signal,
            "uid": user and user.pw_uid,
            "gid": user and user.pw_gid,
        }
        write_private(self.folder / "server.json", json.dumps(spec))
        kept = open_lock(self.folder / "kept.lock", EXCLUSIVE)
        try:
            with (self.folder / "log").open("wb") as log:
                subprocess.Popen(
                    [
                        sys.executable,
                        "-I",
                        "-S",
                        str(Path(__file__).with_name("keeper.py")),
                        str(self.folder),
                    ],
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=[kept],  # the keeper goes on holding the lock until it ends
                )
        finally:
            os.close(kept)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while not self.is_ready():
            if not self._is_kept() or time.monotonic() > deadline:
                end_of_log = (self.folder / "log").read_text(errors="replace")[-2000:]
                raise ServerFailed(f"{self.name} did not start in {self.folder}. Its log ends with:\n{end_of_log}")
            time.sleep(PAUSE)

    def _is_kept(self) -> bool:
        return not can_lock(self.folder / "kept.lock", SHARED)

    def _used_by_others(self) -> bool:
        # Free: the keeper is about to take it. Taken but shareable: by users. Not shareable: by the keeper.
        lock = self.folder / "in-use.lock"
        # One look at a time, for looking takes the lock for an instant.
        with locked(self.folder / "starting.lock"):
            return not can_lock(lock, EXCLUSIVE) and can_lock(lock, SHARED)


def unprivileged_user() -> pwd.struct_passwd | None:
    """Return whom the servers run as when this process is root, else None."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def make_passable(folder: Path) -> None:
    """Let others pass through a folder and all above it, without letting them read it."""
    for place in (folder, *folder.parents):
        mode = stat.S_IMODE(place.stat().st_mode)
        if not mode & stat.S_IXOTH:
            place.chmod(mode | stat.S_IXOTH)


def write_private(path: Path, text: str, owner: pwd.struct_passwd | None = None) -> None:
    """Write a file that only its owner can read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    if owner is not None:
        os.chown(path, owner.pw_uid, owner.pw_gid)
    path.write_text(text)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return several such ports."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
