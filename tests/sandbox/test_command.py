"""`python -m sandbox` starts, says so in one line, and ends when told to; what it cannot do it says in a sentence."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import requests

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "sandbox", "--app-url", "http://127.0.0.1:9")


def test_the_command_serves_until_it_is_terminated() -> None:
    command = [*COMMAND, "--port", "0", "--shop", "corner-shop.myshopify.com", "--currency", "KWD"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("sandbox ready on http://127.0.0.1:")
        url = line.split()[-1]
        (shop,) = requests.get(f"{url}/sandbox/shops", timeout=10).json()["shops"]
        assert (shop["shop"], shop["currency"]) == ("corner-shop.myshopify.com", "KWD")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_a_busy_port_is_one_sentence() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        ended = subprocess.run([*COMMAND, "--port", str(port)], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr == f"Port {port} cannot be used (Address already in use); choose another with --port.\n"


def test_a_shop_that_cannot_be_one_is_one_sentence() -> None:
    ended = subprocess.run([*COMMAND, "--port", "0", "--shop", "x.example"], cwd=ROOT, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "shop must look like" in ended.stderr
