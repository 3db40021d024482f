"""How long after an approval cannot be undone any more its credit is made. Prints JSON lines.

The whole app runs with the sandbox's shop. Each order is approved as staff do it, and waits for the undo's ten seconds;
``baseline`` is the same without an undo: from the approval to the confirmed credit.
"""

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

from local.embedded import free_ports
from local.stack import Plan, Stack

#: From the end of the undo (or the decision) to Shopify's word that the credit is made.
DELAYS = """
    SELECT EXTRACT(EPOCH FROM t.confirmed_at - r.decided_at)
    FROM rewards r JOIN transfers t ON t.reward_id = r.id WHERE t.state = 'confirmed' ORDER BY r.id
"""

WAITING = "SELECT id, version FROM rewards WHERE state = 'in_review' ORDER BY id"
UNDONE = """
    SELECT 1 FROM rewards r WHERE state IN ('in_review', 'pending') OR EXISTS
    (SELECT 1 FROM transfers t WHERE t.reward_id = r.id AND t.state <> 'confirmed')
"""


def main() -> None:
    """Approve orders without and with an undo, and print how long each credit took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=20)
    asked = parser.parse_args()
    sandbox_port, app_port = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="boomerang-bench-") as folder:
        Path(folder).chmod(0o755)  # started by root, the server runs as nobody
        plan = Plan(Path(folder), sandbox_port, app_port, web_processes=2, durable=False)
        with Stack(plan, say=lambda _: None) as stack:
            known = 0
            for name, undo_seconds in (("baseline", 0), ("undo", 10)):
                _approve_all(stack, asked.orders, undo_seconds)
                waits = [float(row[0]) - undo_seconds for row in stack.query(DELAYS)][known:]
                known += len(waits)
                _print(name, waits)


def _approve_all(stack: Stack, orders: int, undo_seconds: int) -> None:
    token, shop = stack.shop.session_token()
    stack.flask("program", "set", "--shop", shop, "--mode", "manual", "--undo-seconds", str(undo_seconds))
    for number in range(orders):
        stack.shop.place_order(f"buyer{number}@example.com", "50.00")
    stack.wait_until(lambda: len(stack.query(WAITING)) == orders, "the orders are not in", 60)
    for reward_id, version in stack.query(WAITING):
        answer = stack.shop.session.post(
            f"{stack.plan.app_url}/reviews/{reward_id}/approve",
            data={"seen_version": version},
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        answer.raise_for_status()
    stack.wait_until(lambda: not stack.query(UNDONE), "a credit is missing", 60)


def _print(name: str, waits: list[float]) -> None:
    told = {"bench": "undo", "what": name, "credits": len(waits), "median_s": round(statistics.median(waits), 2)}
    print(json.dumps(told | {"worst_s": round(max(waits), 2), "load": round(os.getloadavg()[0], 1)}), flush=True)


if __name__ == "__main__":
    main()
