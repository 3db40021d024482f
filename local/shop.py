"""The sandbox shop seen from outside: its control API, as far as demo and smoke use it."""

import base64
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import requests

SECONDS_TO_ANSWER = 60
PAUSE = 0.01


class ShopFailed(Exception):
    """The sandbox refused something, or did not get ready; the message holds its sentence."""


class SandboxShop:
    """A client of the control API for the sandbox's first shop."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False  # a proxy of the machine must not see loopback

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON that a GET of `/sandbox<path>` answers."""
        return self._answer(self.session.get(f"{self.url}/sandbox{path}", params=query, timeout=SECONDS_TO_ANSWER))

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the JSON that a POST to `/sandbox<path>` answers."""
        url = f"{self.url}/sandbox{path}"
        return self._answer(self.session.post(url, json=body or {}, timeout=SECONDS_TO_ANSWER))

    def is_ready(self) -> bool:
        """Tell whether the sandbox answers."""
        try:
            self.get("/faults")
        except (requests.RequestException, ShopFailed):
            return False
        return True

    def session_token(self) -> tuple[str, str]:
        """Return a staff member's fresh session token, and the shop's domain."""
        answer = self.post("/session-token")
        return answer["token"], answer["shop"]

    def app_query(self) -> dict[str, str]:
        """Return what the admin adds to the app's address when it opens it in its frame."""
        token, shop = self.session_token()
        admin = f"admin.shopify.com/store/{shop.removesuffix('.myshopify.com')}"
        host = base64.b64encode(admin.encode()).decode().rstrip("=")
        return {"embedded": "1", "host": host, "id_token": token, "locale": "en", "shop": shop}

    def place_order(self, email: str, price: str, quantity: int = 1) -> dict[str, Any]:
        """Place and pay an order of one line, without tax; return it as the sandbox tells it."""
        customer = {"email": email, "first_name": email.partition("@")[0].title(), "last_name": "Example"}
        line = {"title": "Coffee, whole beans", "price": price, "quantity": quantity}
        order: dict[str, Any] = self.post("/orders", {"customer": customer, "lines": [line], "paid": True})["order"]
        return order

    def balance(self, customer_id: int) -> Decimal:
        """Return a customer's store credit in all its accounts together."""
        accounts = self.get(f"/customers/{customer_id}/store-credit")["accounts"]
        return sum((Decimal(account["balance"]) for account in accounts), Decimal(0))

    def waiting_deliveries(self) -> int:
        """Return how many webhooks are still on their way."""
        return int(self.get("/deliveries", limit=1)["waiting"])

    def _answer(self, response: requests.Response) -> Any:
        if not response.ok:
            raise ShopFailed(f"{response.request.method} {response.url}: {response.status_code} {response.text[:500]}")
        return response.json()


def wait_until(happened: Callable[[], bool], what: str, seconds: float, check: Callable[[], None]) -> None:
    """Return when `happened()`; raise ShopFailed after so many seconds, or whatever `check()` raises before."""
    deadline = time.monotonic() + seconds
    while not happened():
        check()
        if time.monotonic() > deadline:
            raise ShopFailed(f"Waited {seconds:.0f} seconds in vain: {what}.")
        time.sleep(PAUSE)
