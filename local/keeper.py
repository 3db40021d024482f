"""Keeps one embedded server running for as long as anybody uses it, then stops it.

Users of a server hold a shared lock on its `in-use.lock`. The keeper asks for the same lock exclusively,
gets it when the last user is gone, however that user ended, and then stops the server. So nothing has to be
cleaned up by hand after Ctrl-C, a crash or a kill, and no server is left behind.

Started by `local.servers` as a script of its own, with the standard library only, in a session of its own, so
that a Ctrl-C at the terminal reaches the users first and the database last.
"""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

SECONDS_TO_STOP = 20


def main(folder: Path) -> int:
    """Run the server described in `server.json` until nobody uses it; return its exit code."""
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    spec = json.loads((folder / "server.json").read_text())
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen(
            spec["command"],
            cwd=spec["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=spec["uid"],
            group=spec["gid"],
            extra_groups=None if spec["uid"] is None else [],
            preexec_fn=end_with_parent,  # safe: no second thread exists yet
        )
    stop = getattr(signal, spec["stop_signal"])
    signal.signal(signal.SIGTERM, lambda *_: server.send_signal(stop))
    threading.Thread(target=stop_when_unused, args=(folder, server, stop), daemon=True).start()
    return server.wait()


def stop_when_unused(folder: Path, server: "subprocess.Popen[bytes]", stop: signal.Signals) -> None:
    """Wait until no process holds the lock, then end the server; keep the lock to the end."""
    lock = os.open(folder / "in-use.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    server.send_signal(stop)
    try:
        server.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        server.kill()


def end_with_parent() -> None:
    """Undo the ignored signals; on Linux, ask the kernel to end the server should the keeper be killed."""
    for restored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(restored, signal.SIG_DFL)
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
