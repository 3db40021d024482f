"""Every fault does what it says, and nothing else."""

import time
from typing import Any

import pytest
import requests

from sandbox import webhooks
from sandbox.faults import Faults
from sandbox.server import Sandbox
from tests.sandbox.conftest import Shopper, wait_for
from tests.sandbox.test_store_credit import CREDIT
from tests.sandbox.tiny_app import TinyApp

SHOP_QUERY = "query Name { shop { name } }"


@pytest.fixture
def customer(shopper: Shopper) -> int:
    shopper.exchange()
    number: int = shopper.order()["customer"]["id"]
    return number


def credit(shopper: Shopper, customer: int) -> requests.Response:
    money = {"amount": "1.00", "currencyCode": "USD"}
    return shopper.call(CREDIT, id=f"gid://shopify/Customer/{customer}", creditInput={"creditAmount": money})


def balance(shopper: Shopper, customer: int) -> str:
    accounts = shopper.get(f"customers/{customer}/store-credit")["accounts"]
    return str(accounts[0]["balance"]) if accounts else "none"


def test_throttled_calls_are_answered_but_not_executed(shopper: Shopper, customer: int) -> None:
    shopper.post("faults", throttled=1)
    answer: dict[str, Any] = credit(shopper, customer).json()
    assert "data" not in answer
    assert answer["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert answer["extensions"]["cost"]["actualQueryCost"] is None
    assert balance(shopper, customer) == "none"
    shopper.post("faults")
    assert credit(shopper, customer).json()["data"]
    assert balance(shopper, customer) == "1.00"


def test_server_errors_execute_nothing(shopper: Shopper, customer: int) -> None:
    shopper.post("faults", http_5xx=1)
    assert credit(shopper, customer).status_code == 502
    assert balance(shopper, customer) == "none"


def test_a_timeout_never_answers_and_does_nothing(shopper: Shopper, customer: int) -> None:
    shopper.post("faults", next=["timeout"])
    shopper.patience = 1.0
    with pytest.raises(requests.exceptions.ReadTimeout):
        credit(shopper, customer)
    shopper.post("faults")
    assert balance(shopper, customer) == "none"


def test_a_hang_after_commit_books_once_and_never_answers(shopper: Shopper, customer: int) -> None:
    shopper.post("faults", next=["hang_after_commit"], seconds=0.05)
    with pytest.raises(requests.exceptions.ConnectionError):
        credit(shopper, customer)
    assert balance(shopper, customer) == "1.00"


def test_a_drop_before_commit_closes_the_connection_and_books_nothing(shopper: Shopper, customer: int) -> None:
    shopper.post("faults", next=["drop_before_commit", "none"])
    with pytest.raises(requests.exceptions.ConnectionError):
        credit(shopper, customer)
    assert balance(shopper, customer) == "none"
    assert credit(shopper, customer).ok


def test_a_late_commit_is_booked_after_the_caller_gave_up(shopper: Shopper, customer: int) -> None:
    shopper.post("faults", next=["late_commit"], seconds=300)
    shopper.patience = 1.0
    with pytest.raises(requests.exceptions.ReadTimeout):
        credit(shopper, customer)
    assert balance(shopper, customer) == "none"
    shopper.post("faults")  # lets the hanging call go on
    wait_for(lambda: balance(shopper, customer) == "1.00")


def test_next_is_used_up_by_credit_mutations_only(shopper: Shopper, customer: int) -> None:
    shopper.post("faults", next=["http_5xx"])
    assert shopper.call(SHOP_QUERY).ok
    assert shopper.get("faults")["next"] == ["http_5xx"]
    assert credit(shopper, customer).status_code == 502
    assert shopper.get("faults")["next"] == []


@pytest.mark.parametrize("only", ["Name", "shop", "queries"])
def test_only_limits_faults_to_what_it_names(shopper: Shopper, customer: int, only: str) -> None:
    shopper.post("faults", http_5xx=1, only=[only])
    assert shopper.call(SHOP_QUERY).status_code == 502
    assert credit(shopper, customer).ok


def test_faults_of_mutations_leave_queries_alone(shopper: Shopper, customer: int) -> None:
    shopper.post("faults", drop_before_commit=1, hang_after_commit=1)
    assert shopper.call(SHOP_QUERY).ok


def test_duplicates_have_the_id_and_bytes_of_the_first(shopper: Shopper, app: TinyApp) -> None:
    shopper.post("faults", duplicate=1)
    shopper.order(paid=False)
    shopper.settle()
    assert len(app.arrivals) == 2
    assert len({(a.headers["X-Shopify-Webhook-Id"], a.body) for a in app.arrivals}) == 1


def test_reordered_webhooks_are_overtaken(shopper: Shopper, app: TinyApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "REORDER_SECONDS", (2.0, 2.0))  # so long nobody takes to place the next order
    shopper.post("faults", reorder=1)
    shopper.order(paid=False)
    shopper.post("faults")
    shopper.order(customer=None)
    shopper.settle()
    assert app.topics()[-1] == "orders/create"
    assert len(app.topics()) == 3


def test_lost_webhooks_never_come(shopper: Shopper, app: TinyApp) -> None:
    shopper.post("faults", lose=1)
    shopper.order(paid=False)
    shopper.post("faults")
    shopper.order(customer=None, paid=False)
    shopper.settle()
    assert len(app.topics()) == 1
    lost = shopper.get("deliveries")["deliveries"][-1]
    assert (lost["status"], lost["faults"], lost["attempts"]) == ("failed", ["lose"], 0)


def test_dropped_webhooks_come_by_the_retry(shopper: Shopper, app: TinyApp) -> None:
    shopper.post("faults", drop=1)
    shopper.order(paid=False)
    assert shopper.get("deliveries")["deliveries"][0]["faults"] == ["drop"]
    shopper.settle()
    assert app.topics() == ["orders/create"]


def test_delayed_webhooks_come_later(shopper: Shopper, app: TinyApp) -> None:
    arrived_at: list[float] = []
    app.before_answer = lambda: arrived_at.append(time.monotonic())
    shopper.post("faults", delay_ms=100)
    begun = time.monotonic()
    shopper.order(paid=False)
    shopper.settle()
    assert app.topics() == ["orders/create"]
    assert arrived_at[0] - begun >= 0.1


def test_the_bucket_runs_dry_and_fills_again(app: TinyApp) -> None:
    with Sandbox(app_url=app.url, restore_rate=5) as box:
        shopper = Shopper(box)
        number = shopper.order()["customer"]["id"]
        answers = [credit(shopper, number).json() for _ in range(7)]
        codes = [answer["errors"][0]["extensions"]["code"] if "errors" in answer else "ok" for answer in answers]
        assert codes == ["ok"] * 5 + ["THROTTLED"] * 2
        assert balance(shopper, number) == "5.00"
        wait_for(lambda: "errors" not in credit(shopper, number).json())


def test_the_same_seed_draws_the_same_faults() -> None:
    def draws() -> list[bool]:
        faults = Faults(7)
        faults.change({"duplicate": 0.5})
        return [faults.happens("duplicate") for _ in range(50)]

    assert draws() == draws()
    assert len(set(draws())) == 2


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"duplicat": 1}, "There is no fault 'duplicat'"),
        ({"drop": 1.5}, "drop must be a number from 0 to 1"),
        ({"drop": True}, "drop must be a number from 0 to 1"),
        ({"next": ["explode"]}, "next knows no 'explode'"),
        ({"only": 3}, "only must be a list of names"),
    ],
)
def test_a_mistyped_fault_is_refused_and_changes_nothing(
    shopper: Shopper, wanted: dict[str, object], sentence: str
) -> None:
    shopper.post("faults", drop=0.25)
    assert sentence in shopper.refusal("faults", wanted)
    assert shopper.get("faults")["drop"] == 0.25
