"""The review desk: what it shows of the queue, who may do what there, and one decision about many."""

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.clock import utcnow
from app.db import transaction
from app.engine.flows import program, review
from app.engine.rules.facts import OrderFact
from app.engine.rules.roles import Role
from app.engine.rules.states import RewardState
from app.engine.rules.terms import HoldRules
from app.models import Reward
from tests.admin.factories import NOON, Page, Visitor, line, order, publish, reward_of, tell
from tests.flows.builders import all_rows
from tests.people import hire


def fill(shop_id: int, count: int = 3) -> list[OrderFact]:
    """Let orders of 2.00, 4.00, 6.00 … cashback wait."""
    facts = [order(number, line(net_minor=10_000 * number)) for number in range(1, count + 1)]
    tell(shop_id, *facts)
    return facts


def names(page: Any) -> list[str]:
    """Return the names of the orders that a page of the desk shows."""
    return [str(row["data-name"]) for row in Page(page.text).of("li") if "data-row" in row]


def picks(*facts: OrderFact) -> list[str]:
    return [f"{reward.id}:{reward.version}" for reward in map(reward_of, facts)]


def toast(response: Any) -> str:
    return str(json.loads(response.headers["HX-Trigger"])["boomerang:toast"]["message"])


def allow_undo(shop_id: int, seconds: int = 10) -> None:
    with transaction() as session:
        program.set_undo(session, shop_id, seconds, "staff:42", NOON)


def test_a_row_says_all_that_a_decision_needs(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, cap_per_order_minor=150)
    fact = fill(shop_id, 1)[0]
    page = visitor.load("/reviews")
    text = Page(page.text).text
    for words in ("#1001", "Ada Example", "$100.00", "Bronze", "2 %", "$1.50", "of $2.00", "1 waiting, $1.50 in all"):
        assert words in text, words
    links = [row["href"] for row in Page(page.text).of("a")]
    assert f"/orders/{fact.order_id}" in links
    assert f"/customers/{reward_of(fact).customer_id}" in links


@pytest.mark.parametrize(("hours", "words"), [(23, None), (25, "Over 1 day"), (73, "Over 3 days")])
def test_what_waits_long_says_so_in_words(visitor: Visitor, shop_id: int, hours: int, words: str | None) -> None:
    fact = fill(shop_id, 1)[0]
    with transaction() as session:
        session.get_one(Reward, reward_of(fact).id).created_at = utcnow() - timedelta(hours=hours)
    badges = Page(visitor.load("/reviews").text).text.partition("Adjust")[0].rpartition("Waiting")[2]
    assert (words in badges) if words else ("Over" not in badges)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, ["#1001", "#1002", "#1003", "#1004"]),
        ({"sort": "largest"}, ["#1004", "#1003", "#1002", "#1001"]),
        ({"show": "pending"}, ["#1001", "#1002", "#1003"]),
        ({"show": "held"}, ["#1004"]),
        ({"why": "order_value"}, ["#1004"]),
        ({"why": "risk"}, []),
        ({"show": "second"}, ["#1002"]),
        ({"tier": "Bronze"}, ["#1001", "#1002", "#1003"]),
        ({"tier": "Silver"}, ["#1004"]),
        ({"above": "4.00"}, ["#1003", "#1004"]),
        ({"above": "four"}, ["#1001", "#1002", "#1003", "#1004"]),
        ({"older": "72"}, ["#1001", "#1002", "#1003", "#1004"]),
        ({"after": "x_1", "show": "nonsense"}, ["#1001", "#1002", "#1003", "#1004"]),
    ],
)
def test_the_queue_is_filtered_and_sorted(
    visitor: Visitor, shop_id: int, query: dict[str, str], shown: list[str]
) -> None:
    publish(shop_id, hold_above_minor=35_000, second_person_above_minor=100)
    facts = fill(shop_id, 4)
    seen = reward_of(facts[1])
    with transaction() as session:
        review.approve(session, shop_id, seen.id, seen.version, "staff:8", NOON)
    page = visitor.load("/reviews", **query)
    assert names(page) == shown
    if not shown:
        assert "Nothing matches" in page.text
    if query == {"show": "second"}:
        assert "Approved by Sam 8 Staff, needs a second person" in page.text


def test_a_page_of_the_largest_goes_on_where_it_ended(visitor: Visitor, shop_id: int) -> None:
    fill(shop_id, 30)
    first = visitor.load("/reviews", sort="largest")
    more = next(str(row["href"]) for row in Page(first.text).of("a", rel="next"))
    second = visitor.fetch(more)
    assert names(first) + names(second) == [f"#{1000 + number}" for number in range(30, 0, -1)]


def test_who_may_only_look_sees_no_way_to_decide_and_is_refused(app: Flask, shop_id: int) -> None:
    fact = fill(shop_id, 1)[0]
    with transaction() as session:
        hire(session, shop_id, "50", Role.VIEWER)
    viewer = Visitor(app, staff="50")
    page = viewer.load("/reviews").text
    assert "#1001" in page
    assert "deciding needs the role of an approver" in page
    assert "/approve" not in page
    assert not Page(page).of("input", name="pick")
    rows, seen = all_rows(), reward_of(fact)
    for path in (f"/reviews/{seen.id}/approve", f"/reviews/{seen.id}/undo", "/reviews/decide/approve", "/reviews/undo"):
        data = {"seen_version": str(seen.version), "pick": picks(fact)}
        assert viewer.post(path, data).status_code == 403
    assert all_rows() == rows


def test_an_approver_above_their_limit_is_told_so_in_the_row(app: Flask, shop_id: int) -> None:
    fact = fill(shop_id, 1)[0]
    with transaction() as session:
        hire(session, shop_id, "51", Role.APPROVER, 199)
    approver, seen = Visitor(app, staff="51"), reward_of(fact)
    response = approver.post(f"/reviews/{seen.id}/approve", {"seen_version": str(seen.version)})
    assert response.status_code == 403
    assert "You may approve up to" in response.text
    assert names(response) == ["#1001"]
    answer: Any = approver.post(f"/reviews/{seen.id}/approve", {"seen_version": str(seen.version)}, htmx=False)
    assert (answer.status_code, "error" in answer.json) == (403, True)


def test_an_approval_that_can_be_undone_offers_that_with_its_seconds(visitor: Visitor, shop_id: int) -> None:
    allow_undo(shop_id, 300)
    fact = fill(shop_id, 1)[0]
    seen = reward_of(fact)
    response = visitor.post(f"/reviews/{seen.id}/approve", {"seen_version": str(seen.version)})
    page = Page(response.text)
    assert page.of("div", id="undo", hx_swap_oob="true")
    assert 295 <= int(page.text.partition("Undo u ")[2].split()[0]) <= 300
    (pick,) = page.of("input", name="pick")
    assert pick["value"] == picks(fact)[0]
    undone = visitor.post("/reviews/undo", {"pick": [str(pick["value"])]})
    assert (undone.status_code, names(undone)) == (200, ["#1001"])
    assert "1 decision undone: $2.00" in undone.text
    assert reward_of(fact).state is RewardState.IN_REVIEW


def test_an_undo_that_comes_too_late_says_that_the_credit_is_made(visitor: Visitor, shop_id: int) -> None:
    fact = fill(shop_id, 1)[0]
    seen = reward_of(fact)
    answer: Any = visitor.post(f"/reviews/{seen.id}/approve", {"seen_version": str(seen.version)}, htmx=False)
    assert answer.json["state"] == "settled"
    response = visitor.post("/reviews/undo", {"pick": picks(fact)})
    assert "The credit is made already" in response.text
    late = visitor.post(f"/reviews/{seen.id}/undo", {"seen_version": answer.json["version"]}, htmx=False)
    assert late.status_code == 409


@pytest.mark.parametrize(("verb", "extra"), [("reject", {"reason": "Resold."}), ("hold", {"reason": "Who is it?"})])
def test_a_rejection_and_a_hold_can_be_undone(visitor: Visitor, shop_id: int, verb: str, extra: dict[str, str]) -> None:
    fact = fill(shop_id, 1)[0]
    seen = reward_of(fact)
    response = visitor.post(f"/reviews/{seen.id}/{verb}", {"seen_version": str(seen.version), **extra})
    assert "data-left" not in response.text
    (pick,) = Page(response.text.partition('id="undo"')[2]).of("input", name="pick")
    visitor.post("/reviews/undo", {"pick": [str(pick["value"])]})
    assert reward_of(fact).state is RewardState.IN_REVIEW


def test_a_held_reward_shows_why_and_is_released(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, holds=HoldRules(first_order=True))
    fact = fill(shop_id, 1)[0]
    text = Page(visitor.load("/reviews").text).text
    assert "Held: first order" in text
    assert "Held because it is the customer's first order." in text
    seen = reward_of(fact)
    response = visitor.post(f"/reviews/{seen.id}/release", {"seen_version": str(seen.version)})
    assert toast(response) == "Released: $2.00 for #1001"
    assert reward_of(fact).state is RewardState.IN_REVIEW


def test_another_amount_is_set_and_the_calculated_one_stays_in_sight(visitor: Visitor, shop_id: int) -> None:
    fact = fill(shop_id, 1)[0]
    seen = reward_of(fact)
    form = {"seen_version": str(seen.version), "amount": "3.50", "reason": "A late parcel."}
    response = visitor.post(f"/reviews/{seen.id}/adjust", form)
    assert response.status_code == 200
    text = Page(response.text).text
    assert "$3.50 of $2.00 set by Sam 42 Staff" in text
    assert toast(response) == "Set to $3.50 for #1001"


@pytest.mark.parametrize(
    ("amount", "reason", "status", "says"),
    [
        ("3,50", "Late.", 422, ""),
        ("", "Late.", 422, ""),
        ("3.50", " ", 422, "reason"),
        ("0", "Late.", 409, "above zero"),
    ],
)
def test_an_amount_that_cannot_be_set_changes_nothing(
    visitor: Visitor, shop_id: int, amount: str, reason: str, status: int, says: str
) -> None:
    fact = fill(shop_id, 1)[0]
    seen, rows = reward_of(fact), all_rows()
    form = {"seen_version": str(seen.version), "amount": amount, "reason": reason}
    response = visitor.post(f"/reviews/{seen.id}/adjust", form)
    assert (response.status_code, says in response.text) == (status, True)
    assert all_rows() == rows


def test_reasons_of_late_are_offered_again_each_once(visitor: Visitor, shop_id: int) -> None:
    facts = fill(shop_id, 4)
    for fact, reason in zip(facts, ("Resold.", "A test.", "Resold."), strict=False):
        seen = reward_of(fact)
        visitor.post(f"/reviews/{seen.id}/reject", {"seen_version": str(seen.version), "reason": reason})
    options = [row.get("value") for row in Page(visitor.load("/reviews").text).of("option")]
    assert [value for value in options if value in ("Resold.", "A test.")] == ["Resold.", "A test."]


def test_many_are_shown_with_their_total_before_and_each_with_its_result_after(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, second_person_above_minor=500)
    facts = fill(shop_id, 4)
    stale = picks(facts[0])
    seen = reward_of(facts[0])
    with transaction() as session:
        review.hold(session, shop_id, seen.id, seen.version, "staff:8", NOON)
    rows = all_rows()
    chosen = [*stale, *picks(*facts[1:])]
    asked = visitor.post("/reviews/preview/approve", {"pick": chosen})
    text = Page(asked.text).text
    assert "Approve 3 orders?" in text
    assert "Cashback of $4.00 in all." in text
    assert "2 of them need a second person" in text
    assert "1 cannot be decided about by you" in text
    assert [row["value"] for row in Page(asked.text).of("input", name="pick")] == chosen
    assert all_rows() == rows
    done = visitor.post("/reviews/decide/approve", {"pick": chosen})
    text = Page(done.text).text
    assert toast(done) == "1 order approved: $4.00"
    assert "1 left as it was" in text
    assert "#1001 $2.00 Held This reward changed meanwhile; look at it again before you decide." in text
    assert text.count("Noted, needs a second person") == 2
    assert [reward_of(fact).state.value for fact in facts] == ["held", "settled", "in_review", "in_review"]
    ticked = [row["value"] for row in Page(done.text).of("input", name="pick", type="checkbox") if "checked" in row]
    assert ticked == picks(facts[0])


def test_all_that_match_are_decided_about_as_they_were_shown(visitor: Visitor, shop_id: int) -> None:
    facts = fill(shop_id, 30)
    asked = visitor.post("/reviews/preview/reject", {"all": "1", "above": "50.00", "pick": picks(facts[0])})
    chosen = [str(row["value"]) for row in Page(asked.text).of("input", name="pick")]
    assert chosen == picks(*(fact for fact in facts if reward_of(fact).kept_minor > 5_000))
    done = visitor.post("/reviews/decide/reject", {"pick": chosen, "reason": "A test."})
    assert toast(done).startswith(f"{len(chosen)} orders rejected: ")
    undone = visitor.post("/reviews/undo", {"pick": [row["value"] for row in _undo_picks(done)]})
    assert toast(undone).startswith(f"{len(chosen)} decisions undone: ")


def test_many_are_held_with_a_reason(visitor: Visitor, shop_id: int) -> None:
    facts = fill(shop_id, 2)
    visitor.post("/reviews/decide/hold", {"pick": picks(*facts), "reason": "Stock check."})
    assert {(reward.state, reward.decision_reason) for reward in map(reward_of, facts)} == {
        (RewardState.HELD, "Stock check.")
    }


def test_many_cannot_be_rejected_without_a_reason_nor_decided_about_in_nonsense(visitor: Visitor, shop_id: int) -> None:
    facts = fill(shop_id, 2)
    rows = all_rows()
    for path, data in (
        ("/reviews/decide/reject", {"pick": picks(*facts)}),
        ("/reviews/decide/approve", {"pick": ["x"]}),
        ("/reviews/decide/approve", {"pick": ["1:" + "9" * 30]}),
        ("/reviews/decide/approve", {"pick": picks(*facts) * 251}),
    ):
        assert visitor.post(path, data).status_code == 409, data
    assert visitor.post("/reviews/decide/undo", {"pick": picks(*facts)}).status_code == 404
    assert visitor.post("/reviews/preview/eat", {"pick": picks(*facts)}).status_code == 404
    assert all_rows() == rows


def test_another_shops_rewards_are_left_alone_by_many_at_once(
    visitor: Visitor, stranger: Visitor, shop_id: int
) -> None:
    fact = fill(shop_id, 1)[0]
    rows = all_rows()
    response: Any = stranger.post("/reviews/decide/approve", {"pick": picks(fact)}, htmx=False)
    assert list(response.json["refused"].values()) == ["There is no such reward in this shop."]
    response = stranger.post("/reviews/undo", {"pick": picks(fact)}, htmx=False)
    assert response.json["done"] == 0
    assert all_rows() == rows


def _undo_picks(response: Any) -> list[dict[str, str | None]]:
    return Page(response.text.partition('id="undo"')[2]).of("input", name="pick")
