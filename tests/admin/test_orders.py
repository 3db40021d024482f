"""The page of one order: what of each line counts, what happened when, and what can be done by whom."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import transaction
from app.engine.flows import program, review
from app.engine.flows.details import record_details
from app.engine.rules.facts import DisputeFact, DisputeStatus, OrderFact, RefundFact, RefundLine
from app.engine.rules.roles import Role
from app.engine.rules.states import RewardState, TransferState
from app.engine.rules.terms import Campaign, Limits, Mode, Release, ReleaseKind
from app.models import Customer, Delivery, DeliveryState, Shop, Transfer
from tests.admin.factories import BIG, NOON, Page, Visitor, line, make_shop, order, publish, reading, reward_of, tell
from tests.flows.builders import all_rows
from tests.people import hire

LATER = NOON + timedelta(days=2)


def told(visitor: Visitor, fact: OrderFact) -> str:
    response = visitor.load(f"/orders/{fact.order_id}")
    assert response.status_code == 200, response.text
    return Page(response.text).text


def deliver(shop_id: int, fact_id: int, state: DeliveryState, **values: Any) -> int:
    """Put a delivery about an order into the log, and return its id."""
    times = {"triggered_at": NOON + timedelta(seconds=30), "received_at": NOON + timedelta(seconds=32)}
    with reading() as session:
        row = Delivery(
            shop_id=shop_id, webhook_id=f"w{fact_id}{state}", topic="orders/paid", body=b"{}", state=state,
            order_shopify_id=fact_id, **{**times, **values},
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id


def approve(shop_id: int, fact: OrderFact) -> None:
    reward = reward_of(fact)
    with transaction() as session:
        review.approve(session, shop_id, reward.id, reward.version, "staff:42", LATER)


def change_transfer(**values: Any) -> int:
    with reading() as session:
        row = session.scalars(select(Transfer)).one()
        for name, value in values.items():
            setattr(row, name, value)
        return row.id


@pytest.fixture
def automatic(app: Flask) -> int:
    """Return a shop in automatic mode."""
    return make_shop("automatic.myshopify.com", Mode.AUTOMATIC)


@pytest.fixture
def regular(app: Flask, automatic: int) -> Visitor:
    """Return a person in that shop's admin."""
    return Visitor(app, "automatic.myshopify.com")


@pytest.fixture
def past(automatic: int) -> OrderFact:
    """Return an order of that shop that is older than its programme."""
    with reading() as session:
        program.set_began(session, automatic, NOON + timedelta(hours=1), "staff:42", LATER)
    fact = order(1)
    tell(automatic, fact)
    return fact


def test_each_line_says_what_counts_at_which_rate_and_what_is_kept(visitor: Visitor, shop_id: int) -> None:
    campaign = Campaign("Spring", NOON - timedelta(days=9), NOON + timedelta(days=9), rate_bps=500)
    publish(shop_id, campaigns=(campaign,), excluded_product_ids=frozenset({7}))
    fact = order(1, line(1, 10_000, 4), line(2, 5_000, product_id=7))
    tell(shop_id, fact)
    tell(shop_id, RefundFact(BIG + 9, fact.order_id, LATER, (RefundLine(BIG + 1, 3, 7_500),), 7_500))
    text = told(visitor, fact)
    for shown in (
        "Does not count: this product is excluded",
        "Thing 1 earns 5 %, the highest of 2 % for the tier and 5 % for the campaign Spring.",
        "1 of 4 kept, worth $25.00",
        "3 units returned",
    ):
        assert shown in text, shown


def test_a_limit_shows_its_counter_before_and_after(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, limits=Limits(day_minor=300))
    first, second = order(1), order(2)
    tell(shop_id, first, second)
    text = told(visitor, second)
    assert "Limit per day $2.00 was cut $3.00 $2.00 $3.00" in text
    assert "Limit per day $3.00 $0.00 $2.00" in told(visitor, first)


def test_the_timeline_leads_from_the_purchase_to_the_credit_with_the_time_between(
    visitor: Visitor, shop_id: int
) -> None:
    fact = order(0)
    deliver(shop_id, fact.order_id, DeliveryState.HANDLED, handled_at=NOON + timedelta(seconds=33))
    tell(shop_id, fact)
    approve(shop_id, fact)
    change_transfer(
        state=TransferState.CONFIRMED, sent_at=LATER + timedelta(seconds=1), confirmed_at=LATER + timedelta(seconds=3)
    )
    text = told(visitor, fact)
    stages = (
        "Order placed", "Told by Shopify", "Received by Boomerang", "2.0 s on its way", "Taken in by Boomerang",
        "Cashback calculated", "Approved by Sam 42 Staff", "Settled: the cashback is the customer's",
        "Credit sent to Shopify", "Credit confirmed by Shopify",
    )  # fmt: skip
    timeline = text[text.index("Timeline") :].replace("\u00a0", " ")
    places = [timeline.find(stage) for stage in stages]
    assert -1 not in places, stages[places.index(-1)]
    assert places == sorted(places)
    assert timeline.count("1.0 s later") == timeline.count("2.0 s later") == 2
    assert timeline.count("1 day later") == 2
    assert "expected by" not in timeline


def test_what_went_back_stands_in_the_timeline(visitor: Visitor, shop_id: int) -> None:
    fact = order(1, line(quantity=2))
    tell(shop_id, fact)
    tell(
        shop_id,
        RefundFact(BIG + 9, fact.order_id, LATER, (RefundLine(BIG + 1, 1, 5_000),), 5_000, note="Too small"),
    )
    with reading() as session:
        shop = session.get_one(Shop, shop_id)
        lost = DisputeFact(5, fact.order_id, DisputeStatus.LOST, LATER, LATER + timedelta(days=1))
        won = DisputeFact(6, fact.order_id, DisputeStatus.WON, LATER, LATER + timedelta(days=1))
        record_details(session, shop, [lost, won], LATER + timedelta(days=2))
    text = told(visitor, fact)
    for shown in (
        "Refunded", "Too small", "Cashback taken back", "$1.00", "Payment contested at the bank", "Dispute lost",
        "Dispute over", "Taken in by Boomerang",
    ):  # fmt: skip
        assert shown in text, shown
    assert "Told by Shopify" not in text


def test_a_scheduled_credit_says_on_which_day_it_is_due(regular: Visitor, automatic: int) -> None:
    publish(automatic, release=Release(ReleaseKind.DAYS_AFTER_PAID, 14))
    fact = order(0)
    tell(automatic, fact)
    assert "Becomes the customer's credit expected by Mar 16, 2026" in told(regular, fact)
    guest = order(1, customer=None, email="guest@example.com")
    tell(automatic, guest)
    assert "Ends unless an account claims it" in told(regular, guest)


def test_a_refused_transfer_says_when_and_what_to_do(visitor: Visitor, shop_id: int) -> None:
    fact = order(1)
    tell(shop_id, fact)
    approve(shop_id, fact)
    change_transfer(state=TransferState.REFUSED, error="The account is full.")
    text = told(visitor, fact)
    for shown in ("Shopify refused the transfer of $2.00: The account is full.", "Credit refused by Shopify",
                  "Mend the cause, then send it again.", "Process cashback"):  # fmt: skip
        assert shown in text


def test_the_ledger_shows_what_was_available_after_each_entry(visitor: Visitor, shop_id: int) -> None:
    first, second = order(1), order(2)
    tell(shop_id, first, second)
    approve(shop_id, first)
    approve(shop_id, second)
    text = told(visitor, second).replace("\u00a0", " ")
    assert "Pending → Available $2.00 $4.00" in text


def test_the_order_leads_to_its_customer_and_to_shopify(visitor: Visitor, shop_id: int) -> None:
    fact = order(1)
    tell(shop_id, fact)
    shown = Page(visitor.load(f"/orders/{fact.order_id}").text)
    with reading() as session:
        customer_id = session.scalars(select(Customer.id)).one()
    assert shown.of("a", href=f"/customers/{customer_id}")
    (link,) = shown.of("a", target="_top")
    assert str(link["href"]).endswith(f"/store/made-up/orders/{fact.order_id}")


@pytest.mark.parametrize(
    ("role", "buttons"),
    [
        (Role.VIEWER, []),
        (Role.APPROVER, ["Hold", "Adjust", "Reject", "Approve $2.00"]),
        (Role.OWNER, ["Hold", "Adjust", "Reject", "Approve $2.00"]),
    ],
)
def test_the_buttons_are_those_that_a_role_may_press(app: Flask, shop_id: int, role: Role, buttons: list[str]) -> None:
    fact = order(1)
    tell(shop_id, fact)
    with reading() as session:
        hire(session, shop_id, "50", role)
    text = told(Visitor(app, staff="50"), fact)
    head = text[text.index("#1001 Pending") : text.index("Open in Shopify")]
    assert [word for word in ("Hold", "Adjust", "Reject", "Approve $2.00") if word in head] == buttons
    assert ("Your role lets you look" in text) is (role is Role.VIEWER)


def test_a_past_order_says_that_it_is_older_than_the_programme(regular: Visitor, past: OrderFact) -> None:
    text = told(regular, past)
    assert "older than the programme" in text
    assert "Bronze" not in text
    assert "Cashback calculated" not in text
    assert "Process cashback" in text


def test_processing_a_past_order_shows_the_amount_first_and_then_does_it(
    regular: Visitor, past: OrderFact, automatic: int, redis_client: Any
) -> None:
    rows = all_rows()
    shown = Page(regular.load(f"/orders/{past.order_id}/process").text)
    for words in ("$2.00", "2 % of $100.00 is $2.00.", "It becomes the customer's credit at once.", "Bronze"):
        assert words in shown.text, words
    assert all_rows() == rows
    form = {str(field["name"]): field["value"] for field in shown.of("input", type="hidden") if field["name"]}
    assert (form["way"], form["seen_minor"]) == ("ask", "200")
    answer = regular.post(f"/orders/{past.order_id}/process", {"way": "ask", "seen_minor": "200"})
    assert answer.status_code == 200
    assert answer.headers["HX-Push-Url"] == f"/orders/{past.order_id}"
    assert "Cashback asked for by Sam 42 Staff" in Page(answer.text).text
    assert "which were in force when somebody asked for it" in Page(answer.text).text
    assert reward_of(past).state is RewardState.SETTLED
    assert redis_client.llen("rq:queue:transfers") == 1
    rows = all_rows()
    again = regular.post(f"/orders/{past.order_id}/process", {"way": "ask", "seen_minor": "200"})
    assert again.status_code == 409
    assert "nothing to process" in Page(again.text).text
    assert all_rows() == rows


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({}, 422, ""),
        ({"way": "nonsense"}, 422, ""),
        ({"way": "ask", "seen_minor": "-1"}, 422, ""),
        ({"way": "ask", "seen_minor": "1e3"}, 422, ""),
        ({"way": "ask", "seen_minor": "199"}, 409, "The amount changed meanwhile"),
        ({"way": "retry"}, 409, "changed meanwhile"),
    ],
)
def test_what_was_not_shown_is_not_processed(
    regular: Visitor, past: OrderFact, form: dict[str, str], status: int, words: str
) -> None:
    rows = all_rows()
    for htmx in (True, False):
        answer = regular.post(f"/orders/{past.order_id}/process", form, htmx=htmx)
        assert answer.status_code == status
        assert words in answer.text
    assert all_rows() == rows


def test_what_more_than_one_person_may_give_goes_into_review(regular: Visitor, past: OrderFact, automatic: int) -> None:
    publish(automatic, second_person_above_minor=199)
    shown = Page(regular.load(f"/orders/{past.order_id}/process").text).text
    assert "two people approve it" in shown
    assert regular.post(f"/orders/{past.order_id}/process", {"way": "ask", "seen_minor": "200"}).status_code == 200
    assert reward_of(past).state is RewardState.IN_REVIEW


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"hold_above_minor": 100}, "Held because the order is larger"),
        ({"release": Release(ReleaseKind.DAYS_AFTER_PAID, 3_650)}, "Becomes the customer's credit on"),
        ({"minimum_order_minor": 20_000}, "The order earns nothing."),
        ({"excluded_product_types": frozenset({"toys"})}, "Shopify has to be asked first"),
    ],
)
def test_the_preview_says_what_would_become_of_it(
    regular: Visitor, automatic: int, past: OrderFact, terms: dict[str, Any], words: str
) -> None:
    fact = order(2, line(product_id=7))
    tell(automatic, fact)
    publish(automatic, **terms)
    response = regular.load(f"/orders/{fact.order_id}/process")
    assert response.status_code == 200
    assert words in Page(response.text).text


def test_what_only_shopify_knows_is_asked_by_a_click(
    regular: Visitor, automatic: int, redis_client: Any, past: OrderFact
) -> None:
    publish(automatic, excluded_product_types=frozenset({"toys"}))
    fact = order(2, line(product_id=7))
    tell(automatic, fact)
    path = f"/orders/{fact.order_id}"
    assert "Ask Shopify now" in Page(regular.load(f"{path}/process").text).text
    asked = regular.post(f"{path}/ask")
    assert "Shopify is being asked" in Page(asked.text).text
    assert "Ask Shopify now" not in Page(asked.text).text
    assert redis_client.llen("rq:queue:chores") == 1
    assert regular.post("/orders/999999/ask").status_code == 404


def test_in_manual_mode_it_goes_into_review(visitor: Visitor, shop_id: int) -> None:
    with reading() as session:
        program.set_began(session, shop_id, NOON + timedelta(hours=1), "staff:42", LATER)
    fact, guest = order(1), order(2, customer=None, email="guest@example.com")
    tell(shop_id, fact, guest)
    assert "It goes into review" in visitor.load(f"/orders/{fact.order_id}/process").text
    assert "waits for an account" in visitor.load(f"/orders/{guest.order_id}/process").text
    visitor.post(f"/orders/{fact.order_id}/process", {"way": "ask", "seen_minor": "200"})
    assert "Approve $2.00" in told(visitor, fact)


def test_a_refused_transfer_is_sent_again_by_processing_it(visitor: Visitor, shop_id: int, redis_client: Any) -> None:
    fact = order(1)
    tell(shop_id, fact)
    approve(shop_id, fact)
    change_transfer(state=TransferState.REFUSED, error="The account is full.", sent_at=LATER)
    shown = visitor.load(f"/orders/{fact.order_id}/process").text
    assert "The account is full." in shown
    assert "Credit $2.00" in Page(shown).text
    answer = visitor.post(f"/orders/{fact.order_id}/process", {"way": "retry"}, htmx=False)
    assert (answer.status_code, answer.json) == (200, {"done": "The order is processed."})
    with reading() as session:
        assert session.scalars(select(Transfer.state)).one() is TransferState.PLANNED
    assert visitor.post(f"/orders/{fact.order_id}/process", {"way": "retry"}).status_code == 409
    assert "nothing to process" in visitor.load(f"/orders/{fact.order_id}/process").text


def test_an_order_that_could_not_be_taken_in_has_a_page_and_is_taken_in_again(
    visitor: Visitor, shop_id: int, redis_client: Any
) -> None:
    deliver(shop_id, BIG + 5, DeliveryState.FAILED, reason="It has no lines.")
    deliver(shop_id, BIG + 6, DeliveryState.FAILED, pruned_at=LATER)
    shown = Page(visitor.load(f"/orders/{BIG + 5}").text)
    assert "could not be taken in" in shown.text
    assert "It has no lines." in shown.text
    assert shown.of("a", href=f"/orders/{BIG + 5}/process")
    assert "It has no lines." in visitor.load(f"/orders/{BIG + 5}/process").text
    answer = visitor.post(f"/orders/{BIG + 5}/process", {"way": "replay"})
    assert answer.status_code == 200
    assert "about to be taken in" in Page(answer.text).text
    with reading() as session:
        states = session.scalars(select(Delivery.state).order_by(Delivery.id)).all()
        assert states == [DeliveryState.RECEIVED, DeliveryState.FAILED]
    assert redis_client.llen("rq:queue:inbox") == 1
    for number in (5, 6):
        assert visitor.post(f"/orders/{BIG + number}/process", {"way": "replay"}).status_code == 409


def test_a_change_that_could_not_be_taken_in_is_named_on_its_order(visitor: Visitor, shop_id: int) -> None:
    fact = order(1)
    tell(shop_id, fact)
    deliver(shop_id, fact.order_id, DeliveryState.FAILED, reason="It has no lines.")
    assert "A change of this order could not be taken in: It has no lines." in told(visitor, fact)
    assert visitor.post(f"/orders/{fact.order_id}/process", {"way": "replay"}).status_code == 200


def test_whoever_does_not_manage_processes_nothing(app: Flask, automatic: int, past: OrderFact) -> None:
    with reading() as session:
        hire(session, automatic, "50", Role.APPROVER)
    visitor = Visitor(app, "automatic.myshopify.com", "50")
    rows = all_rows()
    assert visitor.load(f"/orders/{past.order_id}/process").status_code == 403
    assert visitor.post(f"/orders/{past.order_id}/process", {"way": "ask", "seen_minor": "200"}).status_code == 403
    assert "Process cashback" not in told(visitor, past)
    assert all_rows() == rows


def test_other_shops_orders_are_not_processed(stranger: Visitor, past: OrderFact, automatic: int) -> None:
    deliver(automatic, BIG + 5, DeliveryState.FAILED)
    for number in (past.order_id, BIG + 5, 2**70):
        assert stranger.load(f"/orders/{number}/process").status_code == 404
        assert stranger.post(f"/orders/{number}/process", {"way": "ask"}).status_code == 404
        assert stranger.load(f"/orders/{number}").status_code == 404
