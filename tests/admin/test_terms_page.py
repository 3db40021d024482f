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
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import terms as flow
from app.engine.rules.roles import Role
from app.engine.rules.terms import Limits, Tier
from app.models import Shop
from app.terms_document import dump, write
from tests.admin.factories import NOON, OTHER, Page, Visitor, make_shop, order, publish, reading, tell
from tests.admin.form_reader import FormReader
from tests.admin.test_terms_form import EVERYTHING, GOOD, current, send
from tests.flows.builders import all_rows
from tests.people import hire

DOCUMENT = {"tiers": [{"name": "Everyone", "threshold": "0", "rate": "2.5"}], "limits": {"day": "20.00"}}
BODY = {"seen_version": 1, "terms": DOCUMENT}


def text_form(document: Any, **changes: str) -> dict[str, str]:
    text = document if isinstance(document, str) else json.dumps(document, indent=2)
    return {"seen_version": "1", "document": text, **changes}


def shown(html: str) -> str:
    """Return the text of a page, with plain blanks."""
    return Page(html).text.replace("\u202f", " ")


def schedule(shop_id: int, days: int, **changes: Any) -> None:
    """Publish the current terms with some changes for a day to come."""
    with transaction() as session:
        now = utcnow()
        wanted = replace(flow.get_current(session, shop_id, now), **changes)
        flow.publish(session, shop_id, wanted, "system", now, now + timedelta(days=days))


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
        (b"\xff", "_schema", "save it as UTF-8"),
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
    there = FormReader(visitor.load("/terms/text").text, "/terms/text").fields
    assert json.loads(there["document"][0]) == dump(current(shop_id))
    response = visitor.post("/terms/text", text_form(DOCUMENT))
    assert response.status_code == 200, Page(response.text).text
    assert current(shop_id).limits == Limits(day_minor=2_000)


def test_the_text_that_is_shown_says_what_is_in_force(visitor: Visitor, shop_id: int) -> None:
    send(visitor, {"seen_version": 1, "terms": dump(EVERYTHING)})
    rows = all_rows()
    there = FormReader(visitor.load("/terms/text").text, "/terms/text").fields
    response = visitor.post("/terms/text", {**there, "token": []})
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
    response = visitor.post("/terms/text", form)
    assert response.status_code == 422
    page = Page(response.text)
    assert line in page.text
    kept = FormReader(response.text, "/terms/text").fields["document"][0]
    assert kept.replace("\r\n", "\n") == form["document"]
    assert all_rows() == before


def test_a_text_is_published_for_a_moment_to_come(visitor: Visitor, shop_id: int) -> None:
    form = text_form(DOCUMENT, zone="UTC", effective_from="2190-01-01T00:00")
    assert visitor.post("/terms/text", form).status_code == 200
    assert current(shop_id).version == 1
    started = visitor.load("/terms/text", start="2").text
    assert FormReader(started, "/terms/text").fields["effective_from"] == ["2190-01-01T00:00"]
    past = visitor.post("/terms/text", {**form, "seen_version": "2", "effective_from": "2020-01-01T00:00"})
    assert (past.status_code, "cannot begin in the past" in past.text) == (422, True)


def test_a_script_may_publish_the_text_too(visitor: Visitor, shop_id: int) -> None:
    assert visitor.post("/terms/text", text_form(DOCUMENT), htmx=False).json == {"version": 2}
    answer = visitor.post("/terms/text", text_form("{"), htmx=False)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["_schema"])  # type: ignore[index]


def test_terms_are_scheduled_by_the_form_in_the_shops_time_zone(app: Flask) -> None:
    shop_id, visitor = make_shop(OTHER, timezone="Asia/Tokyo"), Visitor(app, OTHER)
    form = {**GOOD, "zone": "Asia/Tokyo", "effective_from": "2190-01-01T00:00"}
    response = visitor.post("/rules", form)
    assert response.status_code == 200
    assert current(shop_id).version == 1
    at = "Jan 1, 2190 at 12:00 AM"
    assert f"Version 2 takes over on {at} ." in shown(response.text)
    assert f"Version 2 Scheduled From {at} , published by Sam 42 Staff" in shown(visitor.load("/terms").text)


def test_a_scheduled_version_can_be_started_from_and_replaced(visitor: Visitor, shop_id: int) -> None:
    schedule(shop_id, 30, claim_days=10)
    page = visitor.load("/rules", start="2")
    assert "Filled in from version 2; nothing is published yet." in Page(page.text).text
    form = FormReader(page.text, "/rules").fields
    del form["token"]
    assert form["claim_days"] == ["10"]
    assert form["effective_from"][0]
    response = visitor.post("/rules", {**form, "claim_days": ["11"]})
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
    page = visitor.load("/rules", start=start)
    assert "Filled in from" not in page.text
    assert FormReader(page.text, "/rules").fields["tiers.name"] == ["Bronze", "Silver", "Gold"]


def test_versions_are_listed_newest_first_with_what_they_changed(visitor: Visitor, shop_id: int) -> None:
    for days in range(1, 12):
        publish(shop_id, claim_days=days)
    first = Page(visitor.load("/terms").text)
    assert [at["data-version"] for at in first.of("li") if "data-version" in at] == [str(n) for n in range(12, 2, -1)]
    assert "Days for guests to claim: 11 instead of 10." in first.text
    assert first.of("a", href="/terms?before=3", rel="next")
    second = Page(visitor.load("/terms", before="3").text)
    assert [at["data-version"] for at in second.of("li") if "data-version" in at] == ["2", "1"]
    assert "The first version." in second.text
    assert second.of("a", href="/terms", rel="prev")
    assert second.of("a", rel="next") == []
    assert "No older versions" in visitor.load("/terms", before="1").text


def test_a_script_reads_the_list_and_the_rules(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, claim_days=5)
    headers = {"Authorization": f"Bearer {visitor.token()}", "Accept": "application/json"}
    listed = visitor.client.get("/terms", headers=headers).json
    assert [(one["version"], one["state"]) for one in listed["versions"]] == [(2, "in_force"), (1, "past")]  # type: ignore[index]
    rules = visitor.client.get("/rules", headers=headers).json
    assert rules == {"version": 2, "newest": 2, "terms": json.loads(json.dumps(dump(current(shop_id))))}


def test_a_version_is_a_page_of_its_own(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, claim_days=5)
    publish(shop_id, claim_days=6, minimum_order_minor=100)
    page = Page(visitor.load("/terms/2").text)
    assert "Terms, version 2" in page.text
    assert "Days for guests to claim: 5 instead of 90." in page.text
    assert "Days for guests to claim 5" in page.text
    assert "Tier 'Silver' from net spend $500.00, cashback 4 %" in page.text
    assert '"claim_days": 5' in page.text
    assert page.of("a", href="/rules?start=2")
    assert {at["href"] for at in page.of("a", **{"class": "button"})} == {"/terms/1", "/terms/3"}
    against = Page(visitor.load("/terms/3", against="1").text).text
    assert "Compared with version 1" in against
    assert "Minimum order: $1.00 instead of $0.00." in against
    assert "Nothing changed." in Page(visitor.load("/terms/2", against="2").text).text
    first = Page(visitor.load("/terms/1").text)
    assert "The first version." in first.text
    assert first.of("option", value="0")


def test_a_scheduled_version_is_called_off(visitor: Visitor, shop_id: int) -> None:
    schedule(shop_id, 30, claim_days=10)
    for path in ("/terms", "/terms/2"):
        form = FormReader(visitor.load(path).text, "/terms/2/call-off").fields
        assert form["seen_version"] == ["2"]
    response = visitor.post("/terms/2/call-off", {"seen_version": "2"})
    assert (response.status_code, "Version 2 is called off" in response.headers["HX-Trigger"]) == (200, True)
    assert "Version 2 Replaced" in shown(response.text)
    rows = all_rows()
    again = visitor.post("/terms/2/call-off", {"seen_version": "3"})
    assert (again.status_code, "not scheduled any more" in again.text) == (409, True)
    assert all_rows() == rows


def test_a_version_is_not_called_off_by_whoever_saw_another_newest(visitor: Visitor, shop_id: int) -> None:
    schedule(shop_id, 30, claim_days=10)
    rows = all_rows()
    response = visitor.post("/terms/2/call-off", {"seen_version": "1"})
    assert (response.status_code, "meanwhile" in response.text) == (409, True)
    assert visitor.post("/terms/2/call-off", {"seen_version": "1"}, htmx=False).status_code == 409
    assert visitor.post("/terms/9/call-off", {"seen_version": "2"}).status_code == 404
    assert all_rows() == rows
    assert visitor.post("/terms/2/call-off", {"seen_version": "2"}, htmx=False).json == {"version": 3}


def test_whoever_may_only_look_finds_nothing_to_change(app: Flask, shop_id: int) -> None:
    schedule(shop_id, 30, claim_days=10)
    with transaction() as session:
        hire(session, shop_id, "50", Role.APPROVER)
    viewer = Visitor(app, staff="50")
    rules = Page(viewer.load("/rules").text)
    assert "disabled" in rules.of("fieldset")[0]
    assert rules.of("form", data_save_bar="") == []
    assert "Your role may look at the rules and try them, not change them." in rules.text
    assert Page(viewer.load("/terms").text).of("form", method="post") == []
    assert "readonly" in Page(viewer.load("/terms/text").text).of("textarea", id="document")[0]
    rows = all_rows()
    for path in ("/rules", "/terms/text", "/terms/2/call-off"):
        assert viewer.post(path, {**GOOD, "seen_version": "2"}).status_code == 403
    assert all_rows() == rows


def test_whoever_was_overtaken_sees_what_changed_meanwhile(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, claim_days=5)
    response = visitor.post("/rules", GOOD)
    assert response.status_code == 409
    text = shown(response.text)
    assert "What changed up to version 2 Days for guests to claim: 5 instead of 90." in text
    kept = FormReader(response.text, "/rules").fields
    assert (kept["seen_version"], kept["minimum_order"]) == (["2"], ["10.00"])


def test_an_old_version_is_started_from_with_the_tiers_in_force(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, tiers=(Tier("Bronze", 0, 500),), claim_days=5)
    old = visitor.load("/rules", start="1").text
    assert "These are the tiers of version 1; those in force are others." in Page(old).text
    assert FormReader(old, "/rules").fields["tiers.name"] == ["Bronze", "Silver", "Gold"]
    kept = FormReader(visitor.load("/rules", start="1", tiers="now").text, "/rules").fields
    assert (kept["tiers.name"], kept["tiers.rate"], kept["claim_days"]) == (["Bronze"], ["5"], ["90"])
    assert "Keep the tiers in force" not in visitor.load("/rules").text


def test_a_script_reads_a_version_as_a_document(visitor: Visitor, shop_id: int) -> None:
    send(visitor, {"seen_version": 1, "terms": dump(EVERYTHING)})
    headers = {"Authorization": f"Bearer {visitor.token()}", "Accept": "application/json"}
    answer = visitor.client.get("/terms/2", headers=headers)
    assert answer.json == {"version": 2, "terms": json.loads(write(EVERYTHING))}


@pytest.mark.parametrize("path", ["/terms/2", "/terms/0", f"/terms/{10**30}"])
def test_a_version_that_does_not_exist_is_a_page_with_a_sentence(visitor: Visitor, shop_id: int, path: str) -> None:
    answer = visitor.load(path)
    assert (answer.status_code, "There is no version" in answer.text) == (404, True)
    assert visitor.load("/terms/1", against="7").status_code == 404


def test_another_shops_versions_are_not_there(visitor: Visitor, shop_id: int, stranger: Visitor) -> None:
    publish(shop_id, claim_days=5)
    assert stranger.load("/terms/2").status_code == 404
    assert visitor.load("/terms/2").status_code == 200


def test_a_tier_that_somebody_has_cannot_be_left_out(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1))
    before = all_rows()
    response: TestResponse = visitor.post("/rules", GOOD)
    assert response.status_code == 422
    assert "The tier 'Bronze' cannot be left out" in Page(response.text).text
    assert all_rows() == before


def make_bare_shop() -> None:
    """Install a shop that has no terms yet."""
    with reading() as session:
        session.add(Shop(domain=OTHER, name="Bare", currency="USD", installed_at=NOON))


def test_a_shop_without_terms_shows_terms_that_earn_nothing(visitor: Visitor) -> None:
    make_bare_shop()
    with reading() as session:
        bare = session.scalars(select(Shop).where(Shop.domain == OTHER)).one()
        look = look_at_terms(session, bare, NOON, Draft(), None)
    assert (look.newest, look.in_force, look.terms.tiers) == (0, None, (Tier("Everyone", 0, 0),))
