"""`make demo`: a shop with a year of orders and Boomerang in its admin, on one address, until Ctrl-C.

DEMO_PORT=4000      where it opens; the app itself listens on the next port, the customers' inbox on the one after
DEMO_HISTORY=3000   how many orders of the past year are sent through the real pipeline
DEMO_TRAFFIC=8      seconds between new orders; 0 for none
DEMO_KEEP=1         go on with Boomerang's data of the last demo (the shop itself is always a new one)
"""

import os
import shutil
import signal
import socket
import sys
import time
from dataclasses import dataclass
from types import FrameType

from local.children import ChildEnded
from local.choices import BadChoice, whole_number
from local.embedded import ServerFailed, write_private
from local.locks import EXCLUSIVE_NOW, open_lock
from local.shop import ShopFailed
from local.stack import ROOT, CommandFailed, Plan, Stack

FOLDER = ROOT / "var" / "demo"
HOLD_ABOVE = "150.00"
DAYS_OF_HISTORY = 365
PAUSE = 0.25


@dataclass(frozen=True)
class Choices:
    """What the DEMO_ variables say."""

    port: int
    history: int
    traffic: int
    keep: bool


def main() -> int:
    """Run the demo until it is ended; return the exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs beside it without
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        _run(_read_choices())
    except KeyboardInterrupt:
        pass
    except (BadChoice, ServerFailed, ShopFailed, CommandFailed, ChildEnded) as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    print("\nThe demo has ended.", flush=True)
    return 0


def _run(choices: Choices) -> None:
    for port in range(choices.port, choices.port + 3):
        _refuse_busy(port)
    FOLDER.parent.mkdir(exist_ok=True)
    try:
        # Held until this process ends: a second demo would take the data away from under the first.
        open_lock(FOLDER.with_suffix(".lock"), EXCLUSIVE_NOW)
    except BlockingIOError as error:
        raise BadChoice("A demo is running from this folder already: end it with Ctrl-C first.") from error
    if not choices.keep:
        shutil.rmtree(FOLDER, ignore_errors=True)
    plan = Plan(FOLDER, choices.port, choices.port + 1, choices.port + 2, web_processes=2, restore_rate=2000)
    with Stack(plan, say=_say) as stack:
        _choose_terms(stack)
        _write_environment(stack)
        print(_welcome(plan), flush=True)
        if choices.history and not choices.keep:
            _send_history(stack, choices.history)
        _set_teller(stack, "us")
        stack.shop.post("/traffic", {"every_seconds": choices.traffic})
        traffic = f"A new order comes about every {choices.traffic} seconds." if choices.traffic else ""
        _say(f"{traffic} Ctrl-C ends everything.".strip())
        while True:
            stack.check()
            time.sleep(PAUSE)


def _choose_terms(stack: Stack) -> None:
    _, shop = stack.shop.session_token()
    stack.flask("program", "set", "--shop", shop, "--mode", "automatic", "--hold-above", HOLD_ABOVE)
    # The year that is sent lies before the installation, and is to earn as if the programme had been there.
    stack.flask("program", "set", "--shop", shop, "--began-at", "2000-01-01T00:00+00:00")
    # Nobody is written to about that year; what comes after it is told at once, by night, too.
    _set_teller(stack, "nobody")


def _set_teller(stack: Stack, teller: str) -> None:
    _, shop = stack.shop.session_token()
    stack.flask("program", "mails", "--shop", shop, "--teller", teller, "--times", "now", "--quiet", "none")


def _send_history(stack: Stack, orders: int) -> None:
    stack.shop.post("/history", {"orders": orders, "days": DAYS_OF_HISTORY})
    while True:
        stack.check()
        now = stack.shop.get("/history")
        if not now["running"] and not now["waiting"]:
            break
        left = f"{orders - now['orders']:,} to be placed, {now['waiting']:,} webhooks to be delivered"
        _progress(f"A year of {orders:,} orders is on its way: {left} …")
        time.sleep(PAUSE)
    while unsent := stack.count_open_transfers():
        stack.check()
        _progress(f"A year of {orders:,} orders is in; {unsent:,} of its credits go to the shop before yours …")
        time.sleep(PAUSE)
    _progress(f"A year of {orders:,} orders is in, and every credit.\n")


def _welcome(plan: Plan) -> str:
    environment = (plan.folder / "environment").relative_to(ROOT)
    return f"""
  Boomerang is open:  {plan.sandbox_url}

  What to try
    · Place an order, on the right: a second later its cashback is the customer's store credit.
    · Place one above {HOLD_ABOVE}: it is held. Approve it under Review, or reject it with a reason.
    · Refund a piece of an order: exactly the right part of its cashback goes back.
    · Customers' inbox: half a minute later they are told by mail, once, whatever happened meanwhile.
    · Open an order in Boomerang: which lines earned what, every ledger entry, every transfer.
    · Settings: switch to manual mode, and every order waits for you.
    · Faults: let Shopify fail in the middle of a credit. Nothing is paid twice, nothing is lost.
    · In another terminal: . {environment} && .venv/bin/flask --app wsgi check-books
"""


def _write_environment(stack: Stack) -> None:
    lines = [f"export {name}='{value}'\n" for name, value in stack.environment.items()]
    write_private(stack.plan.folder / "environment", "".join(lines))


def _read_choices() -> Choices:
    return Choices(
        port=whole_number("DEMO_PORT", 4000, 1, 65533),
        history=whole_number("DEMO_HISTORY", 3000, 0, 100_000),
        traffic=whole_number("DEMO_TRAFFIC", 8, 0, 86_400),
        keep=os.environ.get("DEMO_KEEP", "") not in ("", "0"),
    )


def _refuse_busy(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BadChoice(
                f"Port {port} is taken: choose three free ports in a row, as in `make demo DEMO_PORT=4100`."
            ) from error


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _say(sentence: str) -> None:
    print(f"  {sentence}", flush=True)


def _progress(sentence: str) -> None:
    # On a terminal one line that changes; in a file, only its end.
    if sys.stdout.isatty():
        print(f"\r\033[K  {sentence}", end="", flush=True)
    elif sentence.endswith("\n"):
        print(f"  {sentence}", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
