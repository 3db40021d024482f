"""Terms as text and by a script, their versions to look at, to compare and to start from."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.admin.terms_page import Draft, look_at_terms
from app.admin.terms_summary import summarise
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import terms as flow
from app.engine.rules.terms import Cycle, Expiry, HoldRules, Limits, Release, ReleaseKind, Terms, Tier
from app.models import Shop
from app.terms_document import dump, write
from tests.admin.factories import NOON, OTHER, Page, Visitor, make_shop, order, publish, reading, tell
from tests.admin.form_reader import FormReader
from tests.admin.test_terms_form import EVERYTHING, GOOD, current, send
from tests.flows.builders import all_rows

DOCUMENT = {"tiers": [{"name": "Everyone", "threshold": "0", "rate": "2.5"}], "limits": {"day": "20.00"}}
BODY = {"seen_version": 1, "terms": DOCUMENT}


def text_form(document: Any, **changes: str) -> dict[str, str]:
    text = document if isinstance(document, str) else json.dumps(document, indent=2)
    return {"seen_version": "1", "document": text, **changes}


def schedule(shop_id: int, days: int, **changes: Any) -> None:
    """Publish the current terms with some changes for a day to come."""
    with transaction() as session:
        now = utcnow()
        wanted = replace(flow.get_current(session, shop_id, now), **changes)
        flow.publish(session, shop_id, wanted, "staff:7", now, now + timedelta(days=days))


def test_a_script_publishes_a_document(visitor: Visitor, shop_id: int) -> None:
    answer = send(visitor, BODY)
    assert (answer.status_code, answer.json) == (200, {"version": 2})
    assert current(shop_id).limits == Limits(day_minor=2_000)
    later = send(visitor, {"seen_version": 2, "terms": dump(EVERYTHING), "effective_from": "2190-01-01T00:00+01:00"})
    assert later.json == {"version": 3}
    assert current(shop_id).version == 2
    with reading() as session:
        assert [one.state.value for one in flow.list_versions(session, shop_id, utcnow())] == [
            "scheduled",
            "in_force",
            "past",
        ]


@pytest.mark.parametrize(
    ("body", "where", "sentence"),
    [
        ("{", "_schema", "This is not JSON"),
        (b"\xff", "_schema", "must be UTF-8"),
        ("[]", "_schema", "one JSON object"),
        ({"seen_version": 1}, "terms", "The terms are missing."),
        ({**BODY, "terms": []}, "terms", "Write the terms as an object."),
        ({"terms": DOCUMENT}, "seen_version", "Say which version is the newest you saw."),
        ({**BODY, "seen_version": "one"}, "seen_version", "must be a whole number"),
        ({**BODY, "seen_version": 1.5}, "seen_version", "must be a whole number"),
        ({**BODY, "version": 1}, "version", "There is no field of this name"),
        ({**BODY, "effective_from": "2190-01-01T00:00"}, "effective_from", "has no time zone"),
        ({**BODY, "effective_from": "2020-01-01T00:00Z"}, "effective_from", "cannot begin in the past"),
        ({**BODY, "terms": {**DOCUMENT, "currency": "EUR"}}, "currency", "shop's currency, USD"),
        ({**BODY, "terms": {**DOCUMENT, "minimum_order": "12.345"}}, "minimum_order", "more decimals than USD"),
        ({**BODY, "terms": {**DOCUMENT, "minimum_order": 12}}, "minimum_order", "as text"),
        ({**BODY, "terms": {**DOCUMENT, "limits": {"day": "0"}}}, "limits", "above zero"),
        (
            {**BODY, "terms": {"tiers": [{"name": "A", "threshold": "0", "rate": "101"}]}}, "tiers",
            "A rate is at most 100 percent.",
        ),
        ({**BODY, "terms": {**DOCUMENT, "excluded_tags": ["\ud800"]}}, "excluded_tags", "control characters"),
        (
            {**BODY, "terms": {**DOCUMENT, "expiry": {"on": "2020-01-01"}}}, "expiry",
            "which is over when these terms begin",
        ),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_taken_is_refused_where_it_is_wrong(
    visitor: Visitor, shop_id: int, body: Any, where: str, sentence: str
) -> None:
    before = all_rows()
    answer = send(visitor, body)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [where]  # type: ignore[index]
    assert sentence in json.dumps(answer.json, ensure_ascii=False)
    assert all_rows() == before


def test_a_body_that_saw_another_version_is_refused(visitor: Visitor, shop_id: int) -> None:
    before = all_rows()
    answer = send(visitor, {**BODY, "seen_version": 0})
    assert (answer.status_code, "meanwhile" in json.dumps(answer.json)) == (409, True)
    assert all_rows() == before


def test_all_terms_are_published_as_text(visitor: Visitor, shop_id: int) -> None:
    shown = FormReader(visitor.load("/settings").text, "/settings/terms/text").fields
    assert json.loads(shown["document"][0]) == dump(current(shop_id))
    response = visitor.post("/settings/terms/text", text_form(DOCUMENT))
    assert response.status_code == 200, Page(response.text).text
    assert current(shop_id).limits == Limits(day_minor=2_000)


def test_the_text_that_is_shown_says_what_is_in_force(visitor: Visitor, shop_id: int) -> None:
    send(visitor, {"seen_version": 1, "terms": dump(EVERYTHING)})
    rows = all_rows()
    shown = FormReader(visitor.load("/settings").text, "/settings/terms/text").fields
    response = visitor.post("/settings/terms/text", {**shown, "token": []})
    assert "Nothing to publish" in response.headers["HX-Trigger"]
    assert all_rows() == rows


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"tiers": ', "This is not JSON"),
        ("", "This is not JSON"),
        ({**DOCUMENT, "limits": {"day": "0"}}, "limits, day: The limit per day must be above zero"),
        ({**DOCUMENT, "claim_days": "soon", "owed": "x"}, "claim_days: Write a whole number"),
    ],
)
def test_a_text_that_is_wrong_is_kept_with_what_is_wrong_above_it(
    visitor: Visitor, shop_id: int, text: Any, line: str
) -> None:
    before = all_rows()
    form = text_form(text)
    response = visitor.post("/settings/terms/text", form)
    assert response.status_code == 422
    page = Page(response.text)
    assert line in page.text
    assert "open" in page.of("details", id="as-text")[0]
    kept = FormReader(response.text, "/settings/terms/text").fields["document"][0]
    assert kept.replace("\r\n", "\n") == form["document"]
    # The form beside it still shows what is in force.
    assert FormReader(response.text, "/settings/terms").fields["claim_days"] == ["90"]
    assert all_rows() == before


def test_terms_are_scheduled_by_the_form_in_the_shops_time_zone(app: Flask) -> None:
    shop_id, visitor = make_shop(OTHER, timezone="Asia/Tokyo"), Visitor(app, OTHER)
    form = {**GOOD, "zone": "Asia/Tokyo", "effective_from": "2190-01-01T00:00"}
    response = visitor.post("/settings/terms", form)
    assert response.status_code == 200
    assert current(shop_id).version == 1
    text = Page(response.text).text
    assert "Version 2 takes over on Jan 1, 2190 at 12:00\u202fAM".replace("\u202f", " ") in text
    assert "Version 2 Scheduled From Jan 1, 2190" in text


def test_a_scheduled_version_can_be_started_from_and_replaced(visitor: Visitor, shop_id: int) -> None:
    schedule(shop_id, 30, claim_days=10)
    page = visitor.load("/settings", start="2")
    assert "Filled in from version 2; nothing is published yet." in Page(page.text).text
    form = FormReader(page.text, "/settings/terms").fields
    del form["token"]
    assert form["claim_days"] == ["10"]
    assert form["effective_from"][0]
    response = visitor.post("/settings/terms", {**form, "claim_days": ["11"]})
    assert response.status_code == 200, Page(response.text).text
    with reading() as session:
        listed = flow.list_versions(session, shop_id, utcnow())
        assert [(one.number, one.state.value) for one in listed] == [
            (3, "scheduled"),
            (2, "replaced"),
            (1, "in_force"),
        ]


@pytest.mark.parametrize("start", ["9", "none", "-1"])
def test_starting_from_what_is_not_there_starts_from_what_is_in_force(
    visitor: Visitor, shop_id: int, start: str
) -> None:
    page = visitor.load("/settings", start=start)
    assert "Filled in from" not in page.text
    assert FormReader(page.text, "/settings/terms").fields["tiers.name"] == ["Bronze", "Silver", "Gold"]


def test_the_newest_versions_are_listed_with_what_they_changed(visitor: Visitor, shop_id: int) -> None:
    for days in range(1, 8):
        publish(shop_id, claim_days=days)
    text = Page(visitor.load("/settings").text).text
    assert "Days for guests to claim: 7 instead of 6." in text
    assert "Days for guests to claim: 2 instead of 1." in text
    assert "1 instead of 90" not in text
    assert Page(visitor.load("/settings").text).of("a", href="/settings/terms/2")


def test_a_version_is_a_page_of_its_own(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, claim_days=5)
    publish(shop_id, claim_days=6, minimum_order_minor=100)
    page = Page(visitor.load("/settings/terms/2").text)
    assert "Terms, version 2" in page.text
    assert "Days for guests to claim: 5 instead of 90." in page.text
    assert '"claim_days": 5' in page.text
    assert page.of("a", href="/settings?start=2#terms")
    assert {at["href"] for at in page.of("a", **{"class": "button"})} == {"/settings/terms/1", "/settings/terms/3"}
    against = Page(visitor.load("/settings/terms/3", against="1").text).text
    assert "Compared with version 1" in against
    assert "Minimum order: 1.00 USD instead of 0.00 USD." in against
    assert "Nothing changed." in Page(visitor.load("/settings/terms/2", against="2").text).text
    assert "The first version." in Page(visitor.load("/settings/terms/1").text).text


def test_a_script_reads_a_version_as_a_document(visitor: Visitor, shop_id: int) -> None:
    send(visitor, {"seen_version": 1, "terms": dump(EVERYTHING)})
    headers = {"Authorization": f"Bearer {visitor.token()}", "Accept": "application/json"}
    answer = visitor.client.get("/settings/terms/2", headers=headers)
    assert answer.json == {"version": 2, "terms": json.loads(write(EVERYTHING))}


@pytest.mark.parametrize("path", ["/settings/terms/2", "/settings/terms/0", f"/settings/terms/{10**30}"])
def test_a_version_that_does_not_exist_is_a_page_with_a_sentence(visitor: Visitor, shop_id: int, path: str) -> None:
    answer = visitor.load(path)
    assert (answer.status_code, "There is no version" in answer.text) == (404, True)
    assert visitor.load("/settings/terms/1", against="7").status_code == 404


def test_another_shops_versions_are_not_there(visitor: Visitor, shop_id: int, stranger: Visitor) -> None:
    publish(shop_id, claim_days=5)
    assert stranger.load("/settings/terms/2").status_code == 404
    assert visitor.load("/settings/terms/2").status_code == 200


def test_a_tier_that_somebody_has_cannot_be_left_out(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1))
    before = all_rows()
    response: TestResponse = visitor.post("/settings/terms", GOOD)
    assert response.status_code == 422
    assert "The tier 'Bronze' cannot be left out" in Page(response.text).text
    assert all_rows() == before


def test_a_shop_without_terms_shows_terms_that_earn_nothing(visitor: Visitor) -> None:
    with reading() as session:
        session.add(Shop(domain=OTHER, name="Bare", currency="USD", installed_at=NOON))
    with reading() as session:
        bare = session.scalars(select(Shop).where(Shop.domain == OTHER)).one()
        look = look_at_terms(session, bare, NOON, Draft(), None)
    assert (look.newest, look.in_force, look.terms.tiers) == (0, None, (Tier("Everyone", 0, 0),))


@pytest.mark.parametrize(
    ("changes", "section", "line"),
    [
        ({}, "tiers", "1 tier, 2 %"),
        ({}, "order", "No minimum, no cap"),
        ({"minimum_order_minor": 1_000, "cap_per_order_minor": 500}, "order", "From $10.00, at most $5.00"),
        ({}, "earning", "Goods after discounts, without tax, without shipping"),
        (
            {"includes_tax": True, "includes_shipping": True, "before_discounts": True}, "earning",
            "Goods before discounts, with tax, with shipping",
        ),
        ({"excludes_b2b": False, "excludes_paid_with_credit": False}, "exclusions", "Nothing but gift cards"),
        (
            {"excludes_on_sale": True, "excluded_tags": frozenset({"a", "b"}), "excluded_skus": frozenset({"c"})},
            "exclusions", "Companies, goods on sale, what is paid with credit, 1 SKU, 2 tags",
        ),
        ({}, "rates", "no rates, no campaigns"),
        ({}, "limits", "None"),
        ({"limits": Limits(day_minor=100, budget_minor=500)}, "limits", "$1.00 per day, $5.00 for all per month"),
        ({}, "holds", "no rules"),
        (
            {"hold_above_minor": 0, "holds": HoldRules(first_order=True, release_after_days=1)}, "holds",
            "2 rules, for 1 day",
        ),
        ({"holds": HoldRules(release_after_days=1)}, "holds", "no rules"),
        ({}, "mixed", "Not set up"),
        ({"automatic_up_to_minor": 100, "automatic_tiers": frozenset({"Everyone"})}, "mixed",
         "Up to $1.00, Everyone"),
        ({}, "release", "At once; credit never expires"),
        (
            {"release": Release(ReleaseKind.ON_DATE, on=NOON.date()), "expiry": Expiry(on=NOON.date())}, "release",
            "On 2026-03-01; credit expires on 2026-03-01",
        ),
        (
            {"release": Release(ReleaseKind.DAYS_AFTER_PAID, 1), "expiry": Expiry(days=30)}, "release",
            "1 day after the order; credit expires after 30 days",
        ),
        (
            {"release": Release(ReleaseKind.MONTH_END, 2)}, "release",
            "2 months after the end of the month; credit never expires",
        ),
        ({}, "people", "Statements by calendar month; guests have 90 days"),
        ({"cycle": Cycle(28, NOON.date()), "claim_days": 0}, "people", "Statements every 28 days; guests have no days"),
    ],
)  # fmt: skip
def test_each_section_says_in_a_line_what_is_set(changes: dict[str, Any], section: str, line: str) -> None:
    some = Terms(**{"version": 1, "currency": "USD", "tiers": (Tier("Everyone", 0, 200),), **changes})
    assert summarise(some)[section] == line
