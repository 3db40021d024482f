"""What `make demo` says when it cannot begin."""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .processes import ROOT


@contextmanager
def free_neighbours() -> Iterator[tuple[socket.socket, ...]]:
    """Hold three neighbouring ports of 127.0.0.1 that nobody else uses.

    They lie below those that systems give out by themselves: two of them are let go, and must still be free then.
    """
    for port in random.sample(range(20_000, 32_000, 3), 100):
        with socket.socket() as first, socket.socket() as second, socket.socket() as third:
            try:
                for place, each in enumerate((first, second, third)):
                    each.bind(("127.0.0.1", port + place))
            except OSError:
                continue
            yield first, second, third
            return
    pytest.fail("no three neighbouring ports are free")


def demo(**choices: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "local.demo"],
        cwd=ROOT,
        env=os.environ | choices,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("neighbour", [0, 1, 2], ids=["the shop's", "the app's", "the inbox's"])
def test_a_busy_port_gets_one_sentence_with_the_port_and_the_variable(neighbour: int) -> None:
    with free_neighbours() as ports:
        for place, port in enumerate(ports):
            port.listen() if place == neighbour else port.close()
        taken = ports[neighbour].getsockname()[1]
        ended = demo(DEMO_PORT=str(taken - neighbour))
    assert (ended.returncode, ended.stdout) == (1, "")
    (sentence,) = ended.stderr.split("\n")[1:-1]
    assert f"Port {taken} is taken" in sentence
    assert "DEMO_PORT" in sentence


@pytest.mark.parametrize(
    ("name", "value"), [("DEMO_PORT", "http"), ("DEMO_HISTORY", "-1"), ("DEMO_TRAFFIC", "0.5"), ("DEMO_PORT", "65535")]
)
def test_a_choice_that_cannot_be_made_gets_one_sentence(name: str, value: str) -> None:
    ended = demo(**{name: value})
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"\n{name} is '{value}': set it to a whole number from ")
    assert ended.stderr.count("\n") == 2
