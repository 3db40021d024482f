"""A sandbox on a free port with a tiny app beside it, and a client for both sides of it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from sandbox.server import Sandbox
from tests.sandbox.tiny_app import CLIENT_ID, SECRET, TinyApp

PATIENCE = 30.0
CREDIT = """mutation Credit($id: ID!, $input: StoreCreditAccountCreditInput!) {
    storeCreditAccountCredit(id: $id, creditInput: $input) { userErrors { message } } }"""


class Shopper:
    """Speaks to a sandbox: to its control API, and as the app to its platform side."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.session = requests.Session()
        self.session.trust_env = False
        self._token: str | None = None
        self.patience = PATIENCE

    def get(self, address: str, /, **query: object) -> dict[str, Any]:
        answer = self.session.get(f"{self.box.url}/sandbox/{address}", params=query)
        assert answer.ok, answer.text
        return answer.json()

    def post(self, address: str, /, **body: object) -> dict[str, Any]:
        answer = self.session.post(f"{self.box.url}/sandbox/{address}", json=body)
        assert answer.ok, answer.text
        return answer.json()

    def refusal(self, path: str, body: object) -> str:
        """Return the sentence with which a control call is refused."""
        answer = self.session.post(f"{self.box.url}/sandbox/{path}", json=body)
        assert answer.status_code == 400, answer.text
        return answer.json()["error"]

    def order(self, price: str = "10.00", quantity: int = 1, **more: object) -> dict[str, Any]:
        """Place an order of one line, by Ada unless another customer is named."""
        customer = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Example"}
        wanted = {"customer": customer, "lines": [{"price": price, "quantity": quantity}], **more}
        return self.post("orders", **wanted)["order"]

    def credit(self, customer: dict[str, Any], amount: str) -> None:
        """Give a customer store credit, as the app does."""
        money = {"creditAmount": {"amount": amount, "currencyCode": "USD"}}
        answer = self.graphql(CREDIT, id=customer["admin_graphql_api_id"], input=money)
        assert answer["data"]["storeCreditAccountCredit"]["userErrors"] == [], answer

    def session_token(self, **wanted: object) -> str:
        return self.post("session-token", **wanted)["token"]

    def ask_token(self, **body: object) -> requests.Response:
        """Call the token endpoint with the client's id and secret."""
        known = {"client_id": CLIENT_ID, "client_secret": SECRET}
        return self.session.post(f"{self.box.url}/admin/oauth/access_token", json={**known, **body})

    def exchange(self, **more: object) -> requests.Response:
        wanted = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "requested_token_type": "urn:shopify:params:oauth:token-type:offline-access-token",
            "expiring": "1",
        }
        subject = more.pop("subject_token", None) or self.session_token()
        return self.ask_token(**{**wanted, "subject_token": subject, **more})

    def call(self, document: str, token: str | None = None, /, **variables: object) -> requests.Response:
        """Send a GraphQL document as the app does."""
        if token is None:
            self._token = self._token or self.exchange().json()["access_token"]
        return self.session.post(
            f"{self.box.url}/admin/api/2026-10/graphql.json",
            json={"query": document, "variables": variables},
            headers={"X-Shopify-Access-Token": token or self._token or ""},
            timeout=self.patience,
        )

    def graphql(self, document: str, /, **variables: object) -> dict[str, Any]:
        return self.call(document, **variables).json()

    def settle(self) -> None:
        """Wait until every webhook is delivered or given up."""
        wait_for(lambda: self.get("deliveries", limit=1)["waiting"] == 0)


def wait_for(true: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail after a few seconds."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


@pytest.fixture
def app() -> Iterator[TinyApp]:
    tiny = TinyApp()
    yield tiny
    tiny.close()


@pytest.fixture
def box(app: TinyApp) -> Iterator[Sandbox]:
    with Sandbox(app_url=app.url, seed=1, retry_seconds=0.05, restore_rate=1000) as sandbox:
        app.bridge_url = f"{sandbox.url}/app-bridge.js"
        yield sandbox


@pytest.fixture
def shopper(box: Sandbox) -> Shopper:
    return Shopper(box)


@pytest.fixture
def all_topics(shopper: Shopper) -> Shopper:
    """A shopper whose app has asked for every topic that the sandbox knows."""
    shopper.post("subscriptions", topics="all")
    return shopper
