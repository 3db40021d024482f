"""`make chaos`: a busy day while everything fails, compared to the cent with the same day without a fault.

ORDERS=2000   how many orders are placed
SEED=1        which day it is
PERCENT=5     how often each fault strikes

Every fault of the sandbox strikes at once; workers, web and clock are killed without a warning, the queue is emptied,
tokens run out. Prints a table and one line of JSON; exits with 0 only if nothing is wrong.
"""

import json
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from threading import Event
from time import monotonic

import redis

from local.chaos_day import Diary, play_day
from local.chaos_verdict import Verdict, judge, read_kept
from local.children import ChildEnded
from local.choices import BadChoice, whole_number
from local.embedded import ServerFailed, free_ports
from local.shop import ShopFailed
from local.stack import CommandFailed, Plan, Stack

#: A call is given up after so long; what was given up lands before the quiet period is over, as is assumed of Shopify.
TIMEOUT_SECONDS, HANG_SECONDS, QUIET_SECONDS = 2, 4, 15
SHARES = (
    "duplicate",
    "reorder",
    "drop",
    "lose",
    "throttled",
    "http_5xx",
    "timeout",
    "hang_after_commit",
    "drop_before_commit",
    "late_commit",
    "half_commit",
    "half_answer",
)
#: Seconds between two blows, on average.
BETWEEN_BLOWS = 2.5
#: For so long it goes on after the last order, while credits are still to be sent.
AFTERMATH_SECONDS = 60
PROCESSES = ("worker", "worker-2", "worker-inbox", "clock", "web")
EMPTIED, EXPIRED, RECONCILED = "the queue emptied", "tokens run out", "a look for lost webhooks"
#: How often each is chosen: workers above all.
BLOWS = dict.fromkeys(PROCESSES, 1) | dict.fromkeys(PROCESSES[:3], 4) | {EMPTIED: 3, EXPIRED: 2, RECONCILED: 3}
#: The shop's allowance of query points a second, a large shop's.
RESTORE_RATE = 1000
SECONDS_TO_REST = 900


def main() -> int:
    """Play the good day, then the bad one; return the exit code."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        day = Day(
            orders=whole_number("ORDERS", 2000, 1, 100_000),
            seed=whole_number("SEED", 1, 0, 2**32),
            percent=whole_number("PERCENT", 5, 0, 50),
        )
        verdict, happened = compare(day)
    except (BadChoice, ServerFailed, ShopFailed, CommandFailed, ChildEnded) as failure:
        _say(str(failure))
        return 1
    for what, number in {**happened, **verdict.figures}.items():
        print(f"| {what:<58} | {number:>9,} |")
    for sentence in verdict.wrong:
        _say(f"Wrong: {sentence}")
    print(json.dumps({"chaos": "failed" if verdict.wrong else "ok", **asdict(day), "wrong": len(verdict.wrong)}))
    return 1 if verdict.wrong else 0


@dataclass(frozen=True, slots=True)
class Day:
    """Which day is played, and how often each fault strikes."""

    orders: int
    seed: int
    percent: int


def compare(day: Day) -> tuple[Verdict, Counter[str]]:
    """Play a day without faults and with them; return what is wrong with the second, and what happened in it."""
    _say(f"The good day: {day.orders:,} orders, no fault …")
    with _open(day) as stack:
        good = play_day(stack.shop.url, day.seed, day.orders, Event())
        _rest(stack)
        good_day = read_kept(stack, good)
    _say(f"The bad day: the same orders, each fault at {day.percent} % …")
    with _open(day) as stack:
        stack.shop.post("/faults", {**dict.fromkeys(SHARES, day.percent / 100), "seconds": HANG_SECONDS})
        bad, blows = _play_under_blows(stack, day)
        stack.shop.post("/faults")
        _say("Faults off; waiting for the rest …")
        _rest(stack)
        return judge(stack, bad, good_day), bad.counts + blows


@contextmanager
def _open(day: Day) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="boomerang-chaos-", ignore_cleanup_errors=True) as folder:
        sandbox_port, app_port = free_ports(2)
        plan = Plan(
            Path(folder),
            sandbox_port,
            app_port,
            seed=day.seed,
            restore_rate=RESTORE_RATE,
            workers=2,
            settings={
                "SHOPIFY_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
                "TRANSFER_QUIET_SECONDS": str(QUIET_SECONDS),
            },
        )
        with Stack(plan, say=_say) as stack:
            stack.flask("program", "set", "--shop", _domain(stack), "--mode", "automatic", "--far-expiry", "yes")
            yield stack


def _play_under_blows(stack: Stack, day: Day) -> tuple[Diary, Counter[str]]:
    """Play the day in a thread of its own while blow follows blow."""
    pick, blows, stop = Random(f"blows/{day.seed}"), Counter[str](), Event()
    with ThreadPoolExecutor(1) as pool:
        playing = pool.submit(play_day, stack.shop.url, day.seed, day.orders, stop)
        try:
            ends_at = None
            while ends_at is None or (monotonic() < ends_at and not _is_at_rest(stack)):
                if ends_at is None and playing.done():
                    ends_at = monotonic() + AFTERMATH_SECONDS
                stop.wait(pick.uniform(0, 2 * BETWEEN_BLOWS))
                blow = pick.choices(list(BLOWS), list(BLOWS.values()))[0]
                _strike(stack, blow)
                blows[blow if blow not in PROCESSES else f"SIGKILL: {blow}"] += 1
        finally:
            stop.set()
        return playing.result(), blows


def _strike(stack: Stack, blow: str) -> None:
    if blow in PROCESSES:
        stack.kill(blow)
    elif blow == EMPTIED:
        redis.Redis.from_url(stack.environment["REDIS_URL"]).flushall()
    elif blow == EXPIRED:
        stack.shop.post("/expire-tokens")
    else:
        # The schedule does the same every five minutes at the most often. It may fail now, and goes on later.
        with suppress(CommandFailed):
            stack.flask("reconcile", "--shop", _domain(stack))


def _rest(stack: Stack) -> None:
    """Wait until nothing is on its way any more, after one more look for what no webhook told."""
    stack.wait_until(lambda: not stack.shop.waiting_deliveries(), "webhooks are still on their way", SECONDS_TO_REST)
    stack.flask("reconcile", "--shop", _domain(stack))
    with suppress(CommandFailed):  # what differs now is judged at the end
        stack.flask("drift", "--anew")
    stack.wait_until(lambda: _is_at_rest(stack), "something is still to be done", SECONDS_TO_REST)


def _is_at_rest(stack: Stack) -> bool:
    [(open_rows,)] = stack.query(
        "SELECT (SELECT count(*) FROM inbox WHERE state = 'received')"
        " + (SELECT count(*) FROM rewards WHERE state = 'pending' AND release_at <= now())"
        " + (SELECT count(*) FROM transfers WHERE state IN ('planned', 'sending', 'unknown') AND NOT needs_person)"
    )
    return not open_rows


def _domain(stack: Stack) -> str:
    return stack.shop.session_token()[1]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
