"""The page of one customer: what is shown, and what people do there, once, by whom, and for whom."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.admin.queries.adjustments import list_proposals
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import merges, review
from app.engine.rules.facts import CustomerFact, CustomersMerged
from app.engine.rules.roles import Role
from app.engine.rules.terms import OwedPolicy
from app.models import (
    Adjustment,
    AdjustmentState,
    AuditEvent,
    CreditAccount,
    Customer,
    LedgerEntry,
    Shop,
    TierAssignmentRow,
)
from tests.admin.factories import ADA, BIG, NOON, Page, Visitor, order, publish, reading, reward_of, tell
from tests.people import hire

BEN = CustomerFact(BIG + 702, "ben@example.com", "Ben Sample")
GIVE = {"kind": "credit", "amount": "10.00", "reason_code": "goodwill", "note": "Late parcel.", "key": "one"}


@pytest.fixture
def ada(shop_id: int) -> int:
    """Return our id of Ada, whose first order earned 2.00 that are settled, and whose second 2.00 that are not."""
    first, second = order(1), order(2)
    tell(shop_id, first, second)
    row = reward_of(first)
    with transaction() as session:
        review.approve(session, shop_id, row.id, row.version, "system", utcnow())
    return id_of(ADA)


def id_of(person: CustomerFact) -> int:
    with reading() as session:
        return session.scalars(select(Customer.id).where(Customer.shopify_id == person.customer_id)).one()


def text_of(visitor: Visitor, customer_id: int) -> str:
    answer = visitor.load(f"/customers/{customer_id}")
    assert answer.status_code == 200
    return Page(answer.text).text


def adjustments() -> list[tuple[AdjustmentState, int, str]]:
    with reading() as session:
        rows = session.scalars(select(Adjustment).order_by(Adjustment.id))
        return [(row.state, row.amount_minor, row.proposed_by) for row in rows]


def test_the_page_says_what_they_have_and_how_it_came(visitor: Visitor, shop_id: int, ada: int) -> None:
    with transaction() as session:
        account = session.scalars(select(CreditAccount).where(CreditAccount.customer_id == ada)).one_or_none()
        account = account or CreditAccount(shop_id=shop_id, customer_id=ada, currency="USD")
        account.balance_minor, account.read_at, account.drift_minor = 550, NOON, 350
        session.add_all([account, CreditAccount(shop_id=shop_id, customer_id=ada, currency="EUR", balance_minor=700)])
    text = text_of(visitor, ada)
    for words in (
        "Ada Example", "ada@example.com", "$2.00", "$5.50", "Shopify has $3.50 more than the books.", "€7.00",
        "Bronze", "$300.00 more for Silver", "#1001", "#1002", "Settled", "Pending → Available", "First tier",
        str(ADA.customer_id),
    ):  # fmt: skip
        assert words in text, words


def test_a_customer_of_nothing_has_a_page_too(visitor: Visitor, shop_id: int) -> None:
    with transaction() as session:
        session.add(Customer(shop_id=shop_id, shopify_id=BIG + 9, created_at=NOON))
    with reading() as session:
        (number,) = session.scalars(select(Customer.id)).all()
    text = text_of(visitor, number)
    for words in (f"Customer {BIG + 9}", "No orders yet.", "Nothing was booked yet.", "was not read yet"):
        assert words in text, words


def test_credit_is_given_once_however_often_the_form_is_sent(visitor: Visitor, shop_id: int, ada: int) -> None:
    for _ in range(2):
        answer = visitor.post(f"/customers/{ada}/adjust", GIVE)
        assert (answer.status_code, "$10.00 given." in answer.headers["HX-Trigger"]) == (200, True)
    page = Page(answer.text)
    assert "$12.00" in page.text
    assert "Late parcel." in page.text
    assert adjustments() == [(AdjustmentState.BOOKED, 1_000, "staff:42")]


def test_credit_is_taken(visitor: Visitor, shop_id: int, ada: int) -> None:
    answer = visitor.post(f"/customers/{ada}/adjust", {**GIVE, "kind": "debit", "amount": "1.50"}, htmx=False)
    assert answer.json == {"done": "$1.50 taken."}
    assert "$0.50" in text_of(visitor, ada)


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"amount": ""}, 422, "Write an amount above zero, like 12.34."),
        ({"amount": "0"}, 422, "Write an amount above zero, like 12.34."),
        ({"amount": "12.345"}, 422, "12.345 has more decimals than USD"),
        ({"amount": "-1"}, 422, "The amount must not be negative."),
        ({"reason_code": "because"}, 422, "Choose a reason of the list."),
        ({"reason_code": "other", "note": " "}, 422, "Say why in the note"),
        ({"note": "x" * 501}, 422, "This is too long; use at most 500 characters."),
        ({"amount": "1000000.01"}, 409, "at most $1,000,000.00"),
        ({"kind": "debit", "amount": "2.01"}, 409, "This customer has $2.00; take at most that"),
    ],
)
def test_what_cannot_be_booked_is_said_and_what_was_typed_stays(
    visitor: Visitor, shop_id: int, ada: int, changes: dict[str, str], status: int, sentence: str
) -> None:
    form = {**GIVE, **changes}
    answer = visitor.post(f"/customers/{ada}/adjust", form)
    page = Page(answer.text)
    assert (answer.status_code, sentence in page.text) == (status, True)
    (amount,) = page.of("input", name="amount")
    assert amount["value"] == form["amount"]
    (key,) = page.of("input", name="key")
    assert key["value"] == "one"
    assert adjustments() == []


def test_every_page_has_a_key_of_its_own(visitor: Visitor, shop_id: int, ada: int) -> None:
    keys = {Page(visitor.load(f"/customers/{ada}").text).of("input", name="key")[0]["value"] for _ in range(3)}
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"kind": "credit", "amount": "10"}, "Available after it: $12.00"),
        ({"kind": "debit", "amount": "1.50"}, "Available after it: $0.50"),
        ({"kind": "debit", "amount": "2.01"}, "There are only $2.00 to take."),
        ({"kind": "credit", "amount": "50.01"}, "Above $50.00 a second person has to agree."),
        ({"kind": "credit", "amount": "1e5"}, ""),
        ({"amount": "-5"}, ""),
        ({}, ""),
    ],
)
def test_what_is_typed_is_previewed(
    visitor: Visitor, shop_id: int, ada: int, query: dict[str, str], words: str
) -> None:
    publish(shop_id, second_person_above_minor=5_000)
    text = Page(visitor.fetch(f"/customers/{ada}/preview", **query).text).text
    assert words in text if words else text == ""


def test_a_preview_says_what_would_be_owed(visitor: Visitor, shop_id: int, ada: int) -> None:
    publish(shop_id, debit_may_owe=True)
    text = Page(visitor.fetch(f"/customers/{ada}/preview", kind="debit", amount="5").text).text
    assert text == "Nothing is available after it, and $3.00 are owed."


def test_above_the_limit_a_second_person_agrees(app: Flask, visitor: Visitor, shop_id: int, ada: int) -> None:
    publish(shop_id, second_person_above_minor=500)
    answer = visitor.post(f"/customers/{ada}/adjust", GIVE)
    assert "$10.00 wait for a second person." in answer.headers["HX-Trigger"]
    with reading() as session:
        (proposal,) = list_proposals(session, shop_id)
        number = proposal.adjustment.id
        assert proposal.customer.id == ada
    own = visitor.load(f"/customers/{ada}").text
    assert "You proposed this" in own
    assert f"/adjustments/{number}/agree" not in own
    refused = visitor.post(f"/adjustments/{number}/agree")
    assert (refused.status_code, "A second person must agree" in refused.text) == (409, True)
    second = Visitor(app, staff="43")
    assert f"/adjustments/{number}/agree" in second.load(f"/customers/{ada}").text
    agreed = second.post(f"/adjustments/{number}/agree")
    assert (agreed.status_code, "$12.00" in Page(agreed.text).text) == (200, True)
    assert adjustments() == [(AdjustmentState.BOOKED, 1_000, "staff:42")]
    late = second.post(f"/adjustments/{number}/decline", {"reason": "Too late."})
    assert (late.status_code, "it is booked already" in late.text) == (409, True)
    with reading() as session:
        assert list_proposals(session, shop_id) == ()


def test_a_proposal_is_declined_with_a_reason(app: Flask, visitor: Visitor, shop_id: int, ada: int) -> None:
    publish(shop_id, second_person_above_minor=500)
    visitor.post(f"/customers/{ada}/adjust", GIVE)
    with reading() as session:
        (number,) = session.scalars(select(Adjustment.id)).all()
    second = Visitor(app, staff="43")
    missing = second.post(f"/adjustments/{number}/decline", {"reason": " "})
    assert (missing.status_code, "Say why" in missing.text) == (422, True)
    declined = second.post(f"/adjustments/{number}/decline", {"reason": "Twice already."})
    assert (declined.status_code, "Twice already." in declined.text) == (200, True)
    assert adjustments() == [(AdjustmentState.DECLINED, 1_000, "staff:42")]


def test_what_is_owed_is_shown_and_forgiven_by_whoever_saw_it(visitor: Visitor, shop_id: int, ada: int) -> None:
    publish(shop_id, debit_may_owe=True, owed=OwedPolicy.BLOCK)
    visitor.post(f"/customers/{ada}/adjust", {**GIVE, "kind": "debit", "amount": "5.00"})
    text = text_of(visitor, ada)
    assert "earns nothing until the $3.00 are settled" in text
    stale = visitor.post(f"/customers/{ada}/forgive", {"reason": "Old.", "seen_minor": "299"})
    assert (stale.status_code, "owes $3.00 now" in stale.text) == (409, True)
    forgiven = visitor.post(f"/customers/{ada}/forgive", {"reason": "Old.", "seen_minor": "300"})
    assert (forgiven.status_code, "$3.00 are not owed any more." in forgiven.headers["HX-Trigger"]) == (200, True)
    assert "earns nothing" not in forgiven.text
    with reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "forgive_owed"))
        assert (event.actor, event.reason) == ("staff:42", "Old.")


def test_a_tier_is_given_and_ended_by_whoever_saw_what_there_was(visitor: Visitor, shop_id: int, ada: int) -> None:
    form = {"tier": "Gold", "reason": "A friend.", "until": "2099-12-31", "lock": "true", "seen": ""}
    given = visitor.post(f"/customers/{ada}/tier", form)
    assert given.status_code == 200
    text = Page(given.text).text
    assert "Gold by hand, by Sam 42 Staff" in text
    assert "locked" in text
    assert "Bronze → Gold" in text
    with reading() as session:
        (row,) = session.scalars(select(TierAssignmentRow))
        number = row.id
        assert row.ends_at is not None
        assert row.ends_at.isoformat() == "2100-01-01T00:00:00+00:00"
    stale = visitor.post(f"/customers/{ada}/tier", {**form, "tier": "Silver"})
    assert (stale.status_code, "changed meanwhile" in stale.text) == (409, True)
    stale = visitor.post(f"/customers/{ada}/tier/end", {"reason": "Over.", "seen": ""})
    assert (stale.status_code, "changed meanwhile" in stale.text) == (409, True)
    nonsense = visitor.post(f"/customers/{ada}/tier/end", {"reason": "Over.", "seen": "x"})
    assert (nonsense.status_code, "does not say what it saw" in nonsense.text) == (422, True)
    ended = visitor.post(f"/customers/{ada}/tier/end", {"reason": "Over.", "seen": str(number)})
    assert (ended.status_code, "Gold → Bronze" in Page(ended.text).text) == (200, True)


def test_a_tier_without_a_reason_is_refused_at_its_field(visitor: Visitor, shop_id: int, ada: int) -> None:
    answer = visitor.post(f"/customers/{ada}/tier", {"tier": "Gold", "reason": " ", "seen": ""})
    page = Page(answer.text)
    assert answer.status_code == 422
    assert [box["id"] for box in page.of("textarea", aria_invalid="true")] == ["f-reason"]
    assert [one["value"] for one in page.of("option") if "selected" in one] == ["goodwill", "Gold"]


def test_an_account_is_read_when_somebody_asks(visitor: Visitor, shop_id: int, ada: int) -> None:
    answer = visitor.post(f"/customers/{ada}/look")
    assert (answer.status_code, "being read" in answer.headers["HX-Trigger"]) == (200, True)
    with reading() as session:
        (row,) = session.scalars(select(CreditAccount).where(CreditAccount.customer_id == ada))
        assert row.next_read_at is not None
        assert row.next_read_at <= utcnow()


def test_those_who_are_gone_keep_their_books_and_get_nothing(visitor: Visitor, shop_id: int, ada: int) -> None:
    tell(shop_id, order(3, customer=BEN))
    ben = id_of(BEN)
    with transaction() as session:
        merged = [CustomersMerged(ADA.customer_id, BEN.customer_id, utcnow())]
        merges.record_merges(session, session.get_one(Shop, shop_id), merged, utcnow())
    db.session.remove()
    text = text_of(visitor, ben)
    assert "merged this customer into another one" in text
    assert "Ada Example" in text
    assert "Give or take credit" not in text
    kept = text_of(visitor, ada)
    assert "Merged into this customer: Ben Sample" in kept
    assert "Shopify merges nobody who has store credit" in kept
    refused = visitor.post(f"/customers/{ben}/adjust", GIVE)
    assert (refused.status_code, "was merged into another" in refused.text) == (409, True)
    with transaction() as session:
        session.get_one(Customer, ada).deleted_at = NOON
    assert "Deleted in Shopify on" in text_of(visitor, ada)


DEEDS: list[tuple[str, dict[str, Any], Role]] = [
    ("adjust", GIVE, Role.MANAGER),
    ("forgive", {"reason": "Old."}, Role.MANAGER),
    ("tier", {"tier": "Gold", "reason": "A friend.", "seen": ""}, Role.MANAGER),
    ("tier/end", {"reason": "A friend.", "seen": ""}, Role.MANAGER),
    ("look", {}, Role.APPROVER),
]


@pytest.mark.parametrize(("deed", "form", "least"), DEEDS)
def test_each_deed_needs_its_role(
    app: Flask, shop_id: int, ada: int, deed: str, form: dict[str, Any], least: Role
) -> None:
    statuses = {}
    for number, role in enumerate(Role):
        with transaction() as session:
            hire(session, shop_id, str(60 + number), role)
        answer = Visitor(app, staff=str(60 + number)).post(f"/customers/{ada}/{deed}", form)
        statuses[role] = answer.status_code == 403
    assert statuses == {role: list(Role).index(role) < list(Role).index(least) for role in Role}


def test_a_viewer_is_told_who_may_what(app: Flask, shop_id: int, ada: int) -> None:
    with transaction() as session:
        hire(session, shop_id, "50", Role.VIEWER)
    text = text_of(Visitor(app, staff="50"), ada)
    assert "Giving and taking credit needs the role of a manager or an owner." in text
    assert "Look at the account now" not in text


def test_another_shops_customers_are_not_there(app: Flask, stranger: Visitor, shop_id: int, ada: int) -> None:
    publish(shop_id, second_person_above_minor=500)
    Visitor(app).post(f"/customers/{ada}/adjust", GIVE)
    with reading() as session:
        (number,) = session.scalars(select(Adjustment.id)).all()
        entries = session.scalar(select(func.count()).select_from(LedgerEntry))
    for path in (
        f"/customers/{ada}",
        f"/customers/{ada}/preview",
        f"/customers/{2**70}",
        f"/customers/{2**70}/preview",
    ):
        assert stranger.fetch(path, kind="credit", amount="5").status_code == 404, path
    for deed, form, _ in DEEDS:
        assert stranger.post(f"/customers/{ada}/{deed}", form).status_code == 404, deed
    for path in (f"/adjustments/{number}/agree", f"/adjustments/{number}/decline", f"/adjustments/{2**70}/agree"):
        assert stranger.post(path, {"reason": "No."}).status_code == 404, path
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(LedgerEntry)) == entries
    assert adjustments() == [(AdjustmentState.PROPOSED, 1_000, "staff:42")]
