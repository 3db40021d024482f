"""Ends the processes of a demo or smoke run should the run itself be killed without a chance to do so.

Reads process groups from its standard input, one number a line (`-number` when the group has ended). At the end
of the input, which comes when the run is gone, it ends the groups that are left. Started by `local.children` as a
script of its own, with the standard library only and in a session of its own. Works where the kernel offers no
"die with my parent", as on macOS.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable

SECONDS_TO_END = 5
PAUSE = 0.05


def main(lines: Iterable[str]) -> None:
    """Keep the list of groups until the lines end, then end the groups."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in lines:
        number = int(line)
        if number > 0:
            groups.add(number)
        else:
            groups.discard(-number)
    deadline = time.monotonic() + SECONDS_TO_END
    send(groups, signal.SIGTERM)
    while groups and time.monotonic() < deadline:
        groups = send(groups, 0)
        time.sleep(PAUSE)
    send(groups, signal.SIGKILL)


def send(groups: set[int], number: int) -> set[int]:
    """Send a signal to the groups; return those that still exist."""
    alive = set()
    for group in groups:
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
            continue
        alive.add(group)
    return alive


if __name__ == "__main__":
    main(sys.stdin)
