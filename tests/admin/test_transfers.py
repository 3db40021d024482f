"""What a person decides about a transfer: retry, it arrived, it did not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask_babel import refresh
from sqlalchemy import select

from app.db import transaction
from app.engine.flows import review
from app.engine.rules.doubts import Doubt, Found, doubt_to_json
from app.engine.rules.facts import OrderFact
from app.engine.rules.states import TransferState
from app.models import AuditEvent, Transfer
from tests.admin.factories import NOON, Page, Visitor, order, reading, reward_of, tell
from tests.flows.builders import all_rows

GID = "gid://shopify/StoreCreditAccountCreditTransaction/77"


@pytest.fixture
def fact(shop_id: int) -> OrderFact:
    """Return an order whose credit is planned."""
    fact = order(1)
    tell(shop_id, fact)
    reward = reward_of(fact)
    with transaction() as session:
        review.approve(session, shop_id, reward.id, reward.version, "staff:8", NOON)
    return fact


def change(**values: Any) -> int:
    """Let the one transfer become something, and return its id."""
    with reading() as session:
        transfer = session.scalars(select(Transfer)).one()
        for name, value in values.items():
            setattr(transfer, name, value)
        return transfer.id


def transfer_now() -> Transfer:
    with reading() as session:
        transfer = session.scalars(select(Transfer)).one()
        session.expunge(transfer)
        return transfer


def doubt() -> int:
    return change(state=TransferState.UNKNOWN, needs_person=True, sent_at=NOON, sent_minor=200, error="Two are alike.")


def test_a_refused_transfer_shows_why_and_is_planned_again(
    visitor: Visitor, fact: OrderFact, redis_client: Any
) -> None:
    transfer_id = change(state=TransferState.REFUSED, error="The account is full.", sent_at=NOON)
    page = visitor.load(f"/orders/{fact.order_id}").text
    assert "The account is full." in page
    assert f'hx-post="/transfers/{transfer_id}/retry"' in page
    response = visitor.post(f"/transfers/{transfer_id}/retry")
    assert response.status_code == 200
    assert Page(response.text).of("main", id="page")
    assert transfer_now().state is TransferState.PLANNED
    assert redis_client.llen("rq:queue:transfers") == 1
    with reading() as session:
        assert session.scalars(select(AuditEvent.actor).where(AuditEvent.subject == "transfer")).one() == "staff:42"
    assert "Retry asked for by Sam 42 Staff" in visitor.load(f"/orders/{fact.order_id}").text


def test_what_is_under_way_is_not_retried(visitor: Visitor, fact: OrderFact) -> None:
    transfer_id, before = change(), all_rows()
    for htmx in (True, False):
        response = visitor.post(f"/transfers/{transfer_id}/retry", htmx=htmx)
        assert response.status_code == 409
        assert "Only a refused transfer" in response.text
    assert all_rows() == before


def test_a_doubtful_transfer_is_taken_as_arrived_on_a_persons_word(visitor: Visitor, fact: OrderFact) -> None:
    transfer_id = doubt()
    assert "Nobody but you can tell" in visitor.load(f"/orders/{fact.order_id}").text
    response = visitor.post(f"/transfers/{transfer_id}/decide", {"arrived": "true", "transaction_id": GID})
    assert response.status_code == 200
    assert "Processed" in response.text
    assert (transfer_now().state, transfer_now().shopify_transaction_id) == (TransferState.CONFIRMED, GID)


def test_a_doubt_shows_what_was_sent_and_what_was_found_to_choose_from(visitor: Visitor, fact: OrderFact) -> None:
    found = Found(GID, 200, NOON, None, "By hand", "Others look the same.")
    other = replace(found, gid=GID.replace("77", "78"), expires_at=NOON.replace(year=2036), note=None)
    doubt_told = Doubt(200, NOON, NOON, None, "Boomerang transfer 1", 5, (found, other))
    doubt()
    change(doubt=doubt_to_json(doubt_told))
    text = visitor.load(f"/orders/{fact.order_id}").text
    page = Page(text)
    assert [choice["value"] for choice in page.of("input", name="transaction_id")] == [GID, GID.replace("77", "78")]
    assert text.count("Others look the same.") == 2
    for told in ("Boomerang transfer 1", "By hand", "2036", "None of them: send it again"):
        assert told in text


@pytest.mark.parametrize("form", [{"arrived": "false"}, {"arrived": "true", "transaction_id": GID}])
def test_a_word_about_one_sending_is_not_taken_for_a_later_one(
    visitor: Visitor, fact: OrderFact, form: dict[str, str]
) -> None:
    transfer_id = doubt()

    def seen() -> str:
        page = Page(visitor.load(f"/orders/{fact.order_id}").text)
        return next(str(one["value"]) for one in page.of("input", name="seen"))

    stale = seen()
    # A colleague had it sent again, and that answer was lost, too: this time the credit may have arrived.
    assert visitor.post(f"/transfers/{transfer_id}/decide", {"arrived": "false", "seen": stale}).status_code == 200
    later = NOON + timedelta(hours=1)
    change(state=TransferState.UNKNOWN, needs_person=True, sent_at=later, sent_minor=200, attempts=2)
    before = all_rows()
    for htmx in (True, False):
        answer = visitor.post(f"/transfers/{transfer_id}/decide", {**form, "seen": stale}, htmx=htmx)
        assert (answer.status_code, "Somebody changed this meanwhile" in answer.text) == (409, True)
    assert all_rows() == before
    assert visitor.post(f"/transfers/{transfer_id}/decide", {**form, "seen": seen()}).status_code == 200


def test_a_doubtful_transfer_is_sent_again_on_a_persons_word(visitor: Visitor, fact: OrderFact) -> None:
    assert visitor.post(f"/transfers/{doubt()}/decide", {"arrived": "false", "transaction_id": ""}).status_code == 200
    assert transfer_now().state is TransferState.PLANNED


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 422),
        ({"arrived": "perhaps"}, 422),
        ({"arrived": "true", "transaction_id": "x" * 256}, 422),
        ({"arrived": "true"}, 409),
        ({"arrived": "true", "transaction_id": "<b>"}, 409),
    ],
)
def test_a_doubtful_word_changes_nothing(visitor: Visitor, fact: OrderFact, form: dict[str, str], status: int) -> None:
    transfer_id = doubt()
    before = all_rows()
    for htmx in (True, False):
        assert visitor.post(f"/transfers/{transfer_id}/decide", form, htmx=htmx).status_code == status
    assert all_rows() == before


def test_what_is_refused_is_said_in_the_language_of_the_reader(visitor: Visitor, fact: OrderFact) -> None:
    visitor.post("/settings/language", {"language": "de"})
    refresh()  # The tests' requests share one context, in which the language is remembered.
    answer: Any = visitor.post(f"/transfers/{change()}/retry", htmx=False)
    assert (answer.status_code, "Only a refused transfer" in answer.json["error"]) == (409, False)


@pytest.mark.parametrize("transfer_id", ["999", str(2**70)])
def test_a_transfer_that_is_not_there_is_not_found(visitor: Visitor, transfer_id: str) -> None:
    assert visitor.post(f"/transfers/{transfer_id}/retry").status_code == 404
    assert visitor.post(f"/transfers/{transfer_id}/decide", {"arrived": "true"}).status_code == 404
