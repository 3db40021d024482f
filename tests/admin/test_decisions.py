"""What a click on approve, reject, hold and reopen does, and how it is answered."""

import json
from typing import Any

import pytest

from app.engine.rules.facts import OrderFact
from app.engine.rules.states import RewardState
from app.models import AuditEvent, Transfer
from tests.admin.factories import Page, Visitor, order, publish, reading, reward_of, tell
from tests.flows.builders import all_rows


@pytest.fixture
def fact(shop_id: int) -> OrderFact:
    """Return an order that waits for a decision."""
    fact = order(1)
    tell(shop_id, fact)
    return fact


def decide(visitor: Visitor, fact: OrderFact, verb: str, *, htmx: bool = True, **fields: Any) -> Any:
    reward = reward_of(fact)
    form = {"seen_version": str(reward.version), **fields}
    return visitor.post(f"/reviews/{reward.id}/{verb}", form, htmx=htmx)


def toast_of(response: Any) -> str:
    return json.loads(response.headers["HX-Trigger"])["boomerang:toast"]["message"]  # type: ignore[no-any-return]


def test_approving_settles_plans_the_credit_and_takes_the_row_out(visitor: Visitor, fact: OrderFact) -> None:
    response = decide(visitor, fact, "approve")
    assert response.status_code == 200
    assert not Page(response.text).of("li")
    assert "Nothing waiting" in response.text
    assert toast_of(response) == "Approved: $2.00 for #1001"
    assert reward_of(fact).state is RewardState.SETTLED
    with reading() as session:
        assert [transfer.amount_minor for transfer in session.query(Transfer)] == [200]
        assert session.query(AuditEvent).filter_by(action="approve").one().actor == "staff:42"


def test_approving_asks_the_worker_to_send(visitor: Visitor, fact: OrderFact, redis_client: Any) -> None:
    decide(visitor, fact, "approve")
    assert redis_client.llen("rq:queue:transfers") == 1


def test_rejecting_keeps_the_reason_and_takes_the_promise_back(visitor: Visitor, fact: OrderFact) -> None:
    response = decide(visitor, fact, "reject", reason="Bought for resale.")
    assert response.status_code == 200
    reward = reward_of(fact)
    assert (reward.state, reward.decision_reason) == (RewardState.REJECTED, "Bought for resale.")
    page = visitor.load(f"/orders/{fact.order_id}").text
    assert "Bought for resale." in page
    assert "Reopen" in page


@pytest.mark.parametrize("reason", [None, "", "   ", "x" * 501])
def test_a_rejection_needs_a_reason_of_a_fair_length(visitor: Visitor, fact: OrderFact, reason: str | None) -> None:
    before = all_rows()
    for htmx in (True, False):
        response = decide(visitor, fact, "reject", htmx=htmx, **({} if reason is None else {"reason": reason}))
        assert response.status_code == 422
        assert "reason" in response.text
    assert all_rows() == before


def test_holding_keeps_the_row_and_says_so(visitor: Visitor, fact: OrderFact) -> None:
    response = decide(visitor, fact, "hold")
    assert response.status_code == 200
    assert "Held by Sam 42 Staff" in response.text
    assert Page(response.text).of("li")
    assert 'data-key="h"' not in response.text
    assert reward_of(fact).state is RewardState.HELD


def test_reopening_puts_a_rejected_reward_back_into_the_queue(visitor: Visitor, fact: OrderFact) -> None:
    decide(visitor, fact, "reject", reason="A mistake.")
    response = decide(visitor, fact, "reopen", view="order")
    assert response.status_code == 200
    assert Page(response.text).of("main", id="page")
    assert reward_of(fact).state is RewardState.IN_REVIEW
    assert "#1001" in visitor.load("/reviews").text


@pytest.mark.parametrize("verb", ["approve", "reject", "hold", "reopen"])
def test_a_decision_on_an_old_version_is_refused_with_the_fresh_row(
    visitor: Visitor, fact: OrderFact, verb: str
) -> None:
    old = reward_of(fact)
    decide(visitor, fact, "hold")
    before = all_rows()
    form = {"seen_version": str(old.version), "reason": "Because."}
    response = visitor.post(f"/reviews/{old.id}/{verb}", form)
    assert response.status_code == 409
    assert "changed meanwhile" in response.text
    assert Page(response.text).of("li", data_version=str(reward_of(fact).version))
    assert visitor.post(f"/reviews/{old.id}/{verb}", form, htmx=False).status_code == 409
    assert visitor.post(f"/reviews/{old.id}/{verb}", {**form, "view": "order"}).status_code == 409
    assert all_rows() == before


def test_what_somebody_else_decided_is_shown_without_buttons(visitor: Visitor, fact: OrderFact) -> None:
    old = reward_of(fact)
    decide(visitor, fact, "approve")
    response = visitor.post(f"/reviews/{old.id}/approve", {"seen_version": str(old.version)})
    assert response.status_code == 409
    assert "Settled" in response.text
    assert "hx-post" not in response.text


@pytest.mark.parametrize("seen", [None, "", "x", "1.5", "-1", "9" * 30])
def test_a_decision_that_saw_no_version_is_not_taken(visitor: Visitor, fact: OrderFact, seen: str | None) -> None:
    before = all_rows()
    reward = reward_of(fact)
    response = visitor.post(f"/reviews/{reward.id}/approve", {} if seen is None else {"seen_version": seen}, htmx=False)
    assert response.status_code == 422
    assert "load the page again" in response.json["error"]
    assert all_rows() == before


@pytest.mark.parametrize("reward_id", ["999", str(2**70)])
def test_deciding_about_nothing_is_not_found(visitor: Visitor, fact: OrderFact, reward_id: str) -> None:
    for htmx in (True, False):
        response = visitor.post(f"/reviews/{reward_id}/approve", {"seen_version": "1"}, htmx=htmx)
        assert response.status_code == 404


def test_a_script_gets_json(visitor: Visitor, fact: OrderFact) -> None:
    version = reward_of(fact).version
    response = decide(visitor, fact, "approve", htmx=False)
    assert response.status_code == 200
    assert response.json == {"state": "settled", "badge": "Sending", "version": version + 1}


def test_a_script_that_asks_for_nothing_special_gets_json_too(visitor: Visitor, fact: OrderFact) -> None:
    reward = reward_of(fact)
    headers = {"Authorization": f"Bearer {visitor.token()}", "Accept": "*/*"}
    data = {"seen_version": reward.version}
    assert visitor.client.post(f"/reviews/{reward.id}/approve", data=data, headers=headers).json["state"] == "settled"


def test_a_held_order_names_the_rule_that_held_it(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, hold_above_minor=9_000)
    fact = order(1)
    tell(shop_id, fact)
    assert reward_of(fact).state is RewardState.HELD
    assert "Held: large order" in visitor.load("/reviews").text
    assert "the order is larger than" in visitor.load(f"/orders/{fact.order_id}").text
    assert decide(visitor, fact, "approve").status_code == 200
