"""Random orders of every kind in the sandbox, made by its control API, and random things that happen to them."""

from random import Random
from typing import Any

import requests

Json = dict[str, Any]


class Deck:
    """Draws orders and what becomes of them; a seed draws the same ones again."""

    def __init__(self, url: str, seed: int) -> None:
        self._url = url
        self._random = Random(seed)
        self._http = requests.Session()
        self._http.trust_env = False

    def order(self, **wanted: Any) -> Json:
        """Place an order as drawn, or as wanted, and return its body as webhooks carry it."""
        placed = self.call("orders", **{**self._draw_order(), **wanted})
        assert placed is not None
        return dict(placed["order"])

    def live(self, order: Json, steps: int = 3) -> Json:
        """Let some things happen to an order, as far as they can, and return its newest body."""
        for _ in range(self._random.randint(0, steps)):
            path, body = self._draw_step(order)
            told = self.call(f"orders/{order['id']}/{path}", **body)
            if told is not None and "order" in told:
                order = dict(told["order"])
        # Fulfilments, disputes and assessments answer without the newest body of the order.
        answer = self._http.get(f"{self._url}/sandbox/orders/{order['id']}", timeout=30)
        return dict(answer.json()["order"])

    def call(self, path: str, **body: Any) -> Json | None:
        """Call the control API; None where the sandbox refuses, because the order is not in a state for it."""
        answer = self._http.post(f"{self._url}/sandbox/{path}", json=body, timeout=30)
        assert answer.status_code < 500, answer.text
        return dict(answer.json()) if answer.ok else None

    def _draw_order(self) -> Json:
        draw = self._random
        wanted: Json = {
            "lines": [self._draw_line() for _ in range(draw.randint(1, 4))],
            "shipping": draw.choice(["0", "4.90", "10.00"]),
            "tags": draw.sample(["b", "a", "gift wrap"], draw.randint(0, 2)),
            "paid": draw.random() < 0.8,
            "test": draw.random() < 0.1,
            "source_name": draw.choice(["web", "pos"]),
            "gateway": draw.choice(["bogus", "shopify_payments", "manual"]),
            "fulfilled": draw.random() < 0.2,
        }
        if draw.random() < 0.8:
            number = draw.randint(1, 5)
            wanted["customer"] = {"email": f"Buyer.{number}@example.com", "first_name": "Ada", "tags": ["vip"]}
        elif draw.random() < 0.7:
            wanted["email"] = "Guest@example.com"
        self._add_money(wanted)
        if draw.random() < 0.5:
            wanted["billing_address"] = {"country_code": draw.choice(["DE", "US"])}
            wanted["shipping_address"] = {"country_code": draw.choice(["DE", "CH"])}
        if draw.random() < 0.1:
            wanted["company"] = {"name": "Example Works"}
        return wanted

    def _add_money(self, wanted: Json) -> None:
        draw = self._random
        kinds = [{"type": "percentage", "value": "15"}, {"type": "fixed", "value": "3.33"}]
        if draw.random() < 0.5:
            wanted["discount"] = {**draw.choice(kinds), "code": draw.choice(["SAVE", None])}
        if draw.random() < 0.3:
            wanted["shipping_discount"] = draw.choice(kinds)
        if draw.random() < 0.7:
            rate = draw.choice(["0.19", "0.0825"])
            wanted["tax"] = {"rate": rate, "included": draw.random() < 0.5, "shipping": draw.random() < 0.5}
        if draw.random() < 0.3:
            wanted["gift_card"] = "5.00"

    def _draw_line(self) -> Json:
        draw = self._random
        line: Json = {
            "title": draw.choice(["Lamp", "Chair ", "Ünnötig"]),
            "price": f"{draw.randint(5, 90)}.{draw.randint(0, 99):02d}",
            "quantity": draw.randint(1, 5),
            "gift_card": draw.random() < 0.1,
        }
        if draw.random() < 0.2:
            line["product_id"] = None
        if draw.random() < 0.5:
            line |= {"sku": "L-1", "vendor": "Brass & Co"}
        return line

    def _draw_step(self, order: Json) -> tuple[str, Json]:
        draw = self._random
        line = {"index": draw.randrange(len(order["line_items"])), "quantity": 1}
        steps: list[tuple[str, Json]] = [
            ("pay", {}),
            ("pay", {"fails": True}),
            ("refund", {"lines": [line], "note": "Sent back"}),
            ("refund", {"lines": [line], "shipping": True}),
            ("refund", {"amount": "1.50"}),
            ("refund", {"shipping": True}),
            ("edit", {"set_quantity": [{**line, "quantity": 0}]}),
            ("edit", {"add": [{"price": "7.77", "quantity": 2}]}),
            ("fulfil", {"lines": [line]}),
            ("fulfil", {}),
            ("risk", {"level": draw.choice(["low", "high", "pending"])}),
            ("dispute", {}),
            ("customer", {"customer": {"email": "late@example.com", "first_name": "Late"}}),
            ("cancel", {"refund": draw.random() < 0.5}),
        ]
        return draw.choice(steps)
