"""What a chaos run ended with, looked at from outside: the shop's accounts, the app's tables, a good day to compare."""

import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from local.chaos_day import Diary
from local.shop import ShopFailed
from local.stack import CommandFailed, Stack

MOST_SHOWN = 10
COMPARED = re.compile(r"(\d+) accounts compared")

#: What each order keeps, by its place in the day: state apart, for that depends on what came first.
Kept = dict[str, int | None]


@dataclass
class Verdict:
    """What was counted, and what is wrong; nothing may be."""

    figures: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def read_kept(stack: Stack, diary: Diary) -> Kept:
    """Return what each order keeps of its cashback, in minor units; None for an order that is not known."""
    rows = stack.query(
        "SELECT orders.shopify_id, rewards.granted_minor - rewards.reversed_minor "
        "FROM orders JOIN rewards ON rewards.order_id = orders.id"
    )
    kept = {int(order_id): int(minor) for order_id, minor in rows}
    return {place: kept.get(order_id) for place, order_id in diary.orders.items()}


def judge(stack: Stack, diary: Diary, good_day: Kept) -> Verdict:
    """Compare a stack that has come to rest with the shop, with its own books, and with the good day."""
    verdict = Verdict()
    _judge_orders(verdict, read_kept(stack, diary), good_day, diary)
    _judge_transfers(verdict, stack, diary)
    _judge_unknown(verdict, stack)
    _judge_commands(verdict, stack)
    return verdict


def _judge_orders(verdict: Verdict, kept: Kept, good_day: Kept, diary: Diary) -> None:
    verdict.figures["orders"] = len(kept)
    verdict.figures["orders not known"] = sum(minor is None for minor in kept.values())
    differ = [place for place in sorted(diary.comparable) if kept[place] != good_day.get(place)]
    verdict.figures["orders compared with the good day"] = len(diary.comparable)
    verdict.figures["orders that keep another amount than on the good day"] = len(differ)
    verdict.figures["cents they keep in all"] = sum(kept[place] or 0 for place in diary.comparable)
    for place in differ[:MOST_SHOWN]:
        verdict.wrong.append(
            f"Order {place} ({diary.orders[place]}) keeps {kept[place]} instead of {good_day.get(place)}."
        )
    for place in [place for place, minor in kept.items() if minor is None][:MOST_SHOWN]:
        verdict.wrong.append(f"Order {place} ({diary.orders[place]}) is not known.")


def _judge_transfers(verdict: Verdict, stack: Stack, diary: Diary) -> None:
    """Each confirmed transfer is one transaction of the shop's, and each transaction of the app's one transfer."""
    confirmed = stack.query(
        "SELECT shopify_transaction_id, kind, sent_minor FROM transfers WHERE state = 'confirmed' AND sent_minor > 0"
    )
    claimed = {int(gid.rpartition("/")[2]): (kind, int(minor)) for gid, kind, minor in confirmed}
    made: dict[int, tuple[str, int]] = {}
    for customer in _customers(stack):
        for account in stack.shop.get(f"/customers/{customer}/store-credit")["accounts"]:
            for entry in account["transactions"]:
                is_move = entry["event"] == "ADJUSTMENT" and entry["type"] in ("credit", "debit")
                if is_move and entry["id"] not in diary.by_hand:
                    made[entry["id"]] = (entry["type"], int(abs(Decimal(entry["amount"])) * 100))
    verdict.figures["transfers confirmed"] = len(claimed)
    verdict.figures["transactions in the shop without a transfer"] = len(made.keys() - claimed.keys())
    verdict.figures["transfers without a transaction in the shop"] = len(claimed.keys() - made.keys())
    for number in sorted(made.keys() - claimed.keys())[:MOST_SHOWN]:
        verdict.wrong.append(f"Transaction {number} in the shop ({made[number]}) is no confirmed transfer.")
    for number in sorted(claimed.keys() - made.keys())[:MOST_SHOWN]:
        verdict.wrong.append(f"Transfer with transaction {number} ({claimed[number]}) is not in the shop.")
    other = [number for number in claimed.keys() & made.keys() if claimed[number] != made[number]]
    for number in sorted(other)[:MOST_SHOWN]:
        verdict.wrong.append(f"Transaction {number} is {made[number]} in the shop and {claimed[number]} in the books.")


def _customers(stack: Stack) -> list[int]:
    return [int(shopify_id) for (shopify_id,) in stack.query("SELECT shopify_id FROM customers")]


def _judge_unknown(verdict: Verdict, stack: Stack) -> None:
    states: Counter[str] = Counter()
    for state, needs_person, count in stack.query(
        "SELECT state, needs_person, count(*) FROM transfers GROUP BY state, needs_person"
    ):
        states["that wait for a person" if needs_person else state] += count
    for state in ("planned", "sending", "unknown", "refused", "that wait for a person"):
        verdict.figures[f"transfers {state}"] = states[state]
        if states[state]:
            verdict.wrong.append(f"{states[state]} transfers: {state}.")
    [(unsettled,)] = stack.query("SELECT count(*) FROM rewards WHERE state = 'pending' AND release_at <= now()")
    [(unhandled,)] = stack.query("SELECT count(*) FROM inbox WHERE state IN ('received', 'failed')")
    for what, count in (("rewards due and not settled", unsettled), ("deliveries not handled", unhandled)):
        verdict.figures[what] = int(count)
        if count:
            verdict.wrong.append(f"{count} {what}.")


def _judge_commands(verdict: Verdict, stack: Stack) -> None:
    try:
        said = stack.flask("drift", "--anew")
        found = COMPARED.search(said)
        verdict.figures["accounts compared, none of them drifting"] = int(found[1]) if found else 0
    except (CommandFailed, ShopFailed) as failure:
        verdict.wrong.append(str(failure))
    try:
        stack.flask("check-books")
    except CommandFailed as failure:
        verdict.wrong.append(str(failure))
