"""`make smoke`: the whole of Boomerang without a browser, checked to the cent; prints one line of JSON.

    {"paid_to_credit_ms": …, "balance_ok": true, "books_ok": true}

Exits with 0 only if the sandbox's accounts hold exactly what they should and the books check.
"""

import json
import signal
import statistics
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from local.children import ChildEnded
from local.embedded import ServerFailed, free_port
from local.shop import ShopFailed
from local.stack import CommandFailed, Plan, Stack

ORDERS = 50


def main() -> int:
    """Run the stack in a temporary folder and play a shop's day; return the exit code."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="boomerang-smoke-", ignore_cleanup_errors=True) as folder:
        plan = Plan(Path(folder), free_port(), free_port())
        try:
            with Stack(plan, say=_say) as stack:
                result = _play(stack)
        except (ServerFailed, ShopFailed, CommandFailed, ChildEnded) as failure:
            _say(str(failure))
            return 1
    print(json.dumps(result))
    return 0 if result["balance_ok"] and result["books_ok"] else 1


def _play(stack: Stack) -> dict[str, object]:
    _, shop = stack.shop.session_token()
    stack.flask("program", "set", "--shop", shop, "--mode", "automatic", "--hold-above", "150.00")
    differences = [*_earn_and_refund(stack), *_hold_and_approve(stack)]
    _say(f"Timing {ORDERS} orders from paid to credited …")
    times, wrong = _time_orders(stack)
    differences += wrong
    stack.wait_until(lambda: not stack.shop.waiting_deliveries(), "webhooks are still on their way")
    for difference in differences:
        _say(difference)
    return {
        "paid_to_credit_ms": round(statistics.median(times)),
        "balance_ok": not differences,
        "books_ok": _books_check(stack),
    }


def _earn_and_refund(stack: Stack) -> list[str]:
    """Three pieces at 33.33 earn 2 % of 99.99, which is 2.00; one goes back, and 1.33 of 66.66 stay."""
    _say("An automatic order, then a partial refund …")
    order = stack.shop.place_order("ada@example.com", "33.33", 3)
    earned = _differs(stack, order, "2.00", "after an order of 99.99")
    stack.shop.post(f"/orders/{order['id']}/refund", {"lines": [{"index": 0, "quantity": 1}]})
    return [*earned, *_differs(stack, order, "1.33", "after the refund of one piece in three")]


def _hold_and_approve(stack: Stack) -> list[str]:
    """An order above the limit waits; approved as a person does it, it earns 2 % of 200.00."""
    _say("A held order, then its approval …")
    order = stack.shop.place_order("bea@example.com", "200.00")
    stack.wait_until(lambda: _is_handled(stack, order["id"]), "the order is not handled")
    reward = stack.inspect_order(order["id"])["reward"]
    if reward is None or reward["state"] != "held":
        return [f"An order of 200.00 is not held above 150.00: {reward}"]
    held = _differs(stack, order, "0.00", "before the approval")
    _approve(stack, reward["id"], reward["version"])
    return [*held, *_differs(stack, order, "4.00", "after the approval of an order of 200.00")]


def _is_handled(stack: Stack, order_id: int) -> bool:
    try:
        return stack.inspect_order(order_id)["reward"] is not None
    except CommandFailed:  # not even known yet
        return False


def _approve(stack: Stack, reward_id: int, version: int) -> None:
    token, _ = stack.shop.session_token()
    answer = stack.shop.session.post(
        f"{stack.plan.app_url}/reviews/{reward_id}/approve",
        data={"seen_version": version},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    answer.raise_for_status()


def _time_orders(stack: Stack) -> tuple[list[float], list[str]]:
    times, wrong = [], []
    for number in range(ORDERS):
        begun = time.perf_counter()
        order = stack.shop.place_order(f"customer-{number}@example.com", "49.95")
        wrong += _differs(stack, order, "1.00", "after an order of 49.95")
        times.append((time.perf_counter() - begun) * 1000)
    return times, wrong


def _differs(stack: Stack, order: dict[str, object], expected: str, when: str) -> list[str]:
    """Wait for a customer's balance; return a sentence if it is another in the end."""
    customer = order["customer"]
    assert isinstance(customer, dict)
    balance = Decimal(0)

    def reached() -> bool:
        nonlocal balance
        balance = stack.shop.balance(customer["id"])
        return balance == Decimal(expected)

    try:
        stack.wait_until(reached, f"{customer['email']} should have {expected} {when}", seconds=15)
    except ShopFailed as late:
        return [f"{late} The sandbox says {balance}."]
    return []


def _books_check(stack: Stack) -> bool:
    try:
        stack.flask("check-books")
    except CommandFailed as failure:
        _say(str(failure))
        return False
    return True


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
