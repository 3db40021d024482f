"""Locks on files, which the kernel gives back however their holder ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHARED, EXCLUSIVE = fcntl.LOCK_SH, fcntl.LOCK_EX
EXCLUSIVE_NOW = fcntl.LOCK_EX | fcntl.LOCK_NB


def open_lock(path: Path, kind: int) -> int:
    """Wait for the lock; return the file descriptor that holds it until it is closed in every process.

    With a kind that does not wait, raise BlockingIOError when somebody else has it.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, kind)
    except BaseException:
        os.close(lock)
        raise
    return lock


def can_lock(path: Path, kind: int) -> bool:
    """Tell whether the lock could be had at this moment, without keeping it."""
    try:
        os.close(open_lock(path, kind | fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock exclusively for the length of a `with` block."""
    lock = open_lock(path, EXCLUSIVE)
    try:
        yield
    finally:
        os.close(lock)
