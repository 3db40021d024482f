"""A shop's busy day, drawn from a seed: what is ordered, given back, edited and cancelled, whatever else happens.

Each lane of customers plays its part in its own order, so that the same seed is the same day with faults and without.
Some customers spend their credit and have it changed by hand; what they do depends on how much of it has arrived, so
their days are not compared.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Event, Lock
from typing import Any

from local.shop import SandboxShop, ShopFailed

LANES = 4
#: A customer's turn comes once in a round, so that no two things of one customer happen in one second.
CUSTOMERS_IN_LANE = 25
#: One in so many spends credit.
SPENDERS = 6
ORDER_SHARE = 0.6
SHORT_LIFE = timedelta(seconds=45)
#: Between two turns of a lane; a round takes some seconds.
PACE = timedelta(milliseconds=150)


@dataclass
class Diary:
    """What happened, as far as the check at the end must know."""

    #: The order's id in the shop, by its place in the day.
    orders: dict[str, int] = field(default_factory=dict)
    #: Places of orders whose cashback does not depend on what had arrived when.
    comparable: set[str] = field(default_factory=set)
    #: Ids of store-credit transactions that staff made by hand.
    by_hand: set[int] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock, repr=False)

    def note(self, what: str) -> None:
        """Count something that happened."""
        with self.lock:
            self.counts[what] += 1


def play_day(url: str, seed: int, orders: int, stop: Event) -> Diary:
    """Play until so many orders are placed, in all lanes side by side, or until told to stop; return what happened."""
    diary = Diary()
    with ThreadPoolExecutor(LANES, thread_name_prefix="lane") as pool:
        shares = [orders // LANES + (lane < orders % LANES) for lane in range(LANES)]
        lanes = [_Lane(url, seed, lane, diary) for lane in range(LANES)]
        for future in [pool.submit(lane.play, share, stop) for lane, share in zip(lanes, shares, strict=True)]:
            future.result()
    return diary


class _Lane:
    """Some of the customers, one after the other, round after round."""

    def __init__(self, url: str, seed: int, number: int, diary: Diary) -> None:
        self._shop = SandboxShop(url)
        self._pick = Random(f"{seed}/{number}")
        self._number = number
        self._diary = diary
        self._placed: dict[int, list[tuple[int, int]]] = {}
        self._made = 0

    def play(self, orders: int, stop: Event) -> None:
        """Place so many orders, and change some of those placed before."""
        while True:
            for customer in range(CUSTOMERS_IN_LANE):
                if self._made == orders or stop.wait(PACE.total_seconds()):
                    return
                self._take_turn(customer)

    def _take_turn(self, customer: int) -> None:
        mine = self._placed.setdefault(customer, [])
        is_spender = customer % SPENDERS == 0
        if not mine or self._pick.random() < ORDER_SHARE:
            mine.append(self._order(customer, is_spender))
        elif is_spender and self._pick.random() < 0.5:
            self._change_credit(customer)
        else:
            self._change(*self._pick.choice(mine[-3:]))

    def _order(self, customer: int, is_spender: bool) -> tuple[int, int]:
        pick = self._pick
        person = {
            "email": f"buyer-{self._number}-{customer}@example.com",
            "first_name": "Ada",
            "last_name": f"Example {self._number}-{customer}",
        }
        lines = [
            {
                "title": f"Thing {position}",
                "price": f"{pick.randint(1, 300)}.{pick.randint(0, 99):02}",
                "quantity": pick.randint(1, 3),
                "gift_card": pick.random() < 0.05,
            }
            for position in range(pick.randint(1, 3))
        ]
        is_guest = not is_spender and pick.random() < 0.05
        body = {
            "customer": person if not is_guest else None,
            "email": f"guest-{self._number}-{customer}-{self._made}@example.com" if is_guest else None,
            "lines": lines,
            "discount": pick.choice([None, None, {"type": "percentage", "value": "10"}]),
            "tax": pick.choice([None, {"rate": "0.2", "included": True}, {"rate": "0.07", "included": False}]),
            "shipping": "4.90",
            "store_credit": True if is_spender and pick.random() < 0.5 else None,
            "paid": pick.random() < 0.9,
            "test": pick.random() < 0.02,
        }
        order = self._shop.post("/orders", {name: value for name, value in body.items() if value is not None})["order"]
        self._made += 1
        place = f"{self._number}/{self._made}"
        with self._diary.lock:
            self._diary.orders[place] = order["id"]
            self._diary.counts["order"] += 1
            if not is_spender:
                self._diary.comparable.add(place)
        return order["id"], len(lines)

    def _change(self, order_id: int, lines: int) -> None:
        """Try one change; the shop itself refuses what makes no sense, such as returning what is gone already."""
        pick = self._pick
        index = pick.randrange(lines)
        late = {"email": f"late-{self._number}-{self._made}@example.com", "first_name": "Late", "last_name": "Example"}
        changes: list[tuple[str, str, dict[str, Any]]] = [
            ("payment", "pay", {}),
            ("refund of a line", "refund", {"lines": [{"index": index, "quantity": 1}]}),
            ("refund of a line", "refund", {"lines": [{"index": index, "quantity": 1}]}),
            ("refund of money", "refund", {"amount": f"{pick.randint(0, 20)}.{pick.randint(1, 99):02}"}),
            ("refund of shipping", "refund", {"shipping": True}),
            ("edit", "edit", {"set_quantity": [{"index": index, "quantity": 0}]}),
            ("edit", "edit", {"add": [{"title": "Added", "price": "12.34", "quantity": 1}]}),
            ("cancellation", "cancel", {"reason": "customer"}),
            ("customer named late", "customer", {"customer": late}),
        ]
        what, path, body = pick.choice(changes)
        self._try(what, f"/orders/{order_id}/{path}", body)

    def _change_credit(self, customer: int) -> None:
        """Staff give or take credit by hand in Shopify, some of it for a few seconds only."""
        order_id, _ = self._placed[customer][-1]
        owner = self._shop.get(f"/orders/{order_id}")["order"]["customer"]
        if owner is None:
            return
        amount = f"{self._pick.randint(1, 9)}.{self._pick.randint(0, 99):02}"
        ends_at = (datetime.now(UTC) + SHORT_LIFE).replace(microsecond=0).isoformat()
        body = self._pick.choice([{"credit": amount}, {"credit": amount, "expires_at": ends_at}, {"debit": amount}])
        made = self._try("credit changed by hand", f"/customers/{owner['id']}/store-credit", body)
        if made is not None:
            with self._diary.lock:
                self._diary.by_hand.add(made["id"])

    def _try(self, what: str, path: str, body: dict[str, Any]) -> Any:
        try:
            answer = self._shop.post(path, body)
        except ShopFailed:
            return None
        self._diary.note(what)
        return answer
