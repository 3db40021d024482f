"""`make smoke`: the whole of Boomerang without a browser, checked to the cent; prints one line of JSON.

    {"paid_to_credit_ms": …, "balance_ok": true, "books_ok": true, "mail_ok": true}

Exits with 0 only if the sandbox's accounts hold exactly what they should, the books check, and a customer was told by
mail what they have.
"""

import json
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from local.children import ChildEnded
from local.embedded import ServerFailed, free_ports
from local.shop import ShopFailed
from local.stack import CommandFailed, Plan, Stack

ORDERS = 50
LOOKS = 5
SECONDS_TO_CREDIT = 15
#: What belongs together is told together, so a mail waits for a while.
SECONDS_TO_MAIL = 90


@dataclass
class Balances:
    """What each customer's store credit should be by now, and where it was not."""

    stack: Stack
    expected: dict[int, Decimal] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def expect(self, order: dict[str, Any], amount: str, when: str) -> None:
        """Wait until the order's customer has the amount; note a difference if that does not come."""
        customer = order["customer"]["id"]
        self.expected[customer] = Decimal(amount)
        try:
            self.stack.wait_until(lambda: self._is_right(customer), when, SECONDS_TO_CREDIT)
        except ShopFailed:
            self.differences.append(f"{when}: {self.stack.shop.balance(customer)} instead of {amount}")

    def check_all_again(self) -> None:
        """Note every balance that has changed since it was right, as by a second credit."""
        for customer, amount in self.expected.items():
            if not self._is_right(customer):
                balance = self.stack.shop.balance(customer)
                self.differences.append(f"in the end, customer {customer}: {balance} instead of {amount}")

    def _is_right(self, customer: int) -> bool:
        return self.stack.shop.balance(customer) == self.expected[customer]


def main() -> int:
    """Run the stack in a temporary folder and play a shop's day; return the exit code."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="boomerang-smoke-", ignore_cleanup_errors=True) as folder:
        sandbox_port, app_port, mail_port = free_ports(3)
        plan = Plan(Path(folder), sandbox_port, app_port, mail_port)
        try:
            with Stack(plan, say=_say) as stack:
                result = _play(stack)
        except (ServerFailed, ShopFailed, CommandFailed, ChildEnded) as failure:
            _say(str(failure))
            return 1
    print(json.dumps(result))
    return 0 if result["balance_ok"] and result["books_ok"] and result["mail_ok"] else 1


def _play(stack: Stack) -> dict[str, object]:
    _, shop = stack.shop.session_token()
    # Nobody here has second thoughts about an approval, and what it takes to be credited is looked at.
    at_once = ("--undo-seconds", "0")
    stack.flask("program", "set", "--shop", shop, "--mode", "automatic", "--hold-above", "150.00", *at_once)
    stack.flask("program", "mails", "--shop", shop, "--teller", "us", "--times", "now", "--quiet", "none")
    balances = Balances(stack)
    _say("An automatic order, then a partial refund …")
    _earn_and_refund(stack, balances)
    _say("A held order, then its approval …")
    _hold_and_approve(stack, balances)
    _say(f"Timing {ORDERS} orders from paid to credited …")
    milliseconds = [_time_order(stack, balances, number) for number in range(ORDERS)]
    _wait_for_quiet(stack)
    _say("Waiting for a mail …")
    mail_ok = _mail_arrives(stack)
    balances.check_all_again()
    for difference in balances.differences:
        _say(f"Wrong balance {difference}.")
    return {
        "paid_to_credit_ms": round(statistics.median(milliseconds)),
        "balance_ok": not balances.differences,
        "books_ok": _books_check(stack),
        "mail_ok": mail_ok,
    }


def _earn_and_refund(stack: Stack, balances: Balances) -> None:
    """Three pieces at 33.33 earn 2 % of 99.99, which is 2.00; one goes back, and 1.33 of 66.66 stay."""
    order = stack.shop.place_order("ada@example.com", "33.33", 3)
    balances.expect(order, "2.00", "after an order of 99.99")
    stack.shop.post(f"/orders/{order['id']}/refund", {"lines": [{"index": 0, "quantity": 1}]})
    balances.expect(order, "1.33", "after the refund of one piece in three")


def _hold_and_approve(stack: Stack, balances: Balances) -> None:
    """An order above the limit waits; approved as a person does it, it earns 2 % of 200.00."""
    order = stack.shop.place_order("bea@example.com", "200.00")
    _wait_for_quiet(stack)
    reward = _find_reward(stack, order["id"])
    if reward is None or reward["state"] != "held":
        balances.differences.append(f"at hand: an order of 200.00 is not held above 150.00 but {reward}")
        return
    balances.expect(order, "0", "before the approval")
    _approve(stack, reward["id"], reward["version"])
    balances.expect(order, "4.00", "after the approval of an order of 200.00")


def _time_order(stack: Stack, balances: Balances, number: int) -> float:
    begun = time.perf_counter()
    order = stack.shop.place_order(f"customer-{number}@example.com", "49.95")
    balances.expect(order, "1.00", "after an order of 49.95")
    return (time.perf_counter() - begun) * 1000


def _find_reward(stack: Stack, order_id: int) -> dict[str, Any] | None:
    """Return the order's reward; a few looks are allowed, for its webhooks are answered before they are handled."""
    for _ in range(LOOKS):
        try:
            reward: dict[str, Any] | None = stack.inspect_order(order_id)["reward"]
        except CommandFailed:  # not even known yet
            continue
        if reward is not None:
            return reward
    return None


def _approve(stack: Stack, reward_id: int, version: int) -> None:
    token, _ = stack.shop.session_token()
    answer = stack.shop.session.post(
        f"{stack.plan.app_url}/reviews/{reward_id}/approve",
        data={"seen_version": version},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    answer.raise_for_status()


def _wait_for_quiet(stack: Stack) -> None:
    stack.wait_until(lambda: not stack.shop.waiting_deliveries(), "webhooks are still on their way", 60)


def _mail_arrives(stack: Stack) -> bool:
    """Whether the first customer is told what they have, after the refund, and can say that they want no more."""
    try:
        stack.wait_until(lambda: bool(_mails_to_ada(stack)), "no mail has come", SECONDS_TO_MAIL)
    except ShopFailed as failure:
        _say(str(failure))
        return False
    told = _mails_to_ada(stack)
    is_true = len(told) == 1 and "1.33" in told[0]["text"] and "2.00" not in told[0]["text"]
    if not is_true:
        _say(f"Wrong mail: {[mail['text'] for mail in told]}")
        return False
    clicked = stack.shop.post(f"/mails/{told[0]['id']}/unsubscribe", {})
    return bool(clicked["status"] == 200)


def _mails_to_ada(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.shop.get("/mails", to="ada@example.com")["mails"]
    return found


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
