"""New tiers are typed, looked at before anything is saved, and published as a whole new version of the terms."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.admin.tier_looks import ICONS, LEAST_CONTRAST, PALETTE, contrast, hard_to_see, ink
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import terms as flow
from app.engine.rules.roles import Role
from app.engine.rules.terms import Evaluation, Limits, Terms, Tier, TierMethod
from tests.admin.factories import OTHER, Page, Visitor, line, make_shop, order, publish, reading, tell
from tests.admin.form_reader import FormReader
from tests.admin.test_tiers import BEN, LADDER, give, id_of, tell_two
from tests.flows.builders import all_rows
from tests.people import hire

#: Bronze, Silver and Gold at half the spend of the default ones.
GOOD: dict[str, Any] = {
    "base": "1",
    "seen_version": "1",
    "tiers.name": ["Bronze", "Silver", "Gold"],
    "tiers.threshold": ["0", "150", "750.00"],
    "tiers.rate": ["2", "4", "6.5"],
    "tiers.icon": ["medal", "", ""],
    "tiers.color": ["#a86432", "own", ""],
    "tiers.own_color": ["", "#C0C0C0", ""],
    "tier_method": "rolling_year",
    "tier_evaluation": "monthly",
    "tier_grace_days": "7",
}


def current(shop_id: int) -> Terms:
    with reading() as session:
        return flow.get_current(session, shop_id, utcnow())


def row(**columns: Iterable[str]) -> dict[str, Any]:
    """Return the good form with other columns of tiers."""
    return {**GOOD, **{f"tiers.{name}": list(texts) for name, texts in columns.items()}}


def schedule(shop_id: int, days: int, **changes: Any) -> None:
    with transaction() as session:
        wanted = replace(flow.get_current(session, shop_id, utcnow()), **changes)
        flow.publish(session, shop_id, wanted, "staff:42", utcnow(), utcnow() + timedelta(days=days))


def sent_by(answer: TestResponse, action: str) -> dict[str, list[str]]:
    """Return what a browser would send of a form on a page."""
    return FormReader(answer.text, action).fields


def test_the_form_says_what_is_in_force(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, tiers=LADDER, tier_grace_days=3)
    fields = sent_by(visitor.load("/tiers/edit"), "/tiers/preview")
    assert fields["tiers.name"] == ["Bronze", "Silver", "Gold"]
    assert fields["tiers.threshold"] == ["0.00", "500.00", "1500.00"]
    assert fields["tiers.icon"] == ["medal", "★", ""]
    assert fields["tiers.color"] == ["#a86432", "own", ""]
    assert fields["tiers.own_color"] == ["", "#c0c0c0", ""]
    assert (fields["tier_grace_days"], fields["base"], fields["seen_version"]) == (["3"], ["2"], ["2"])


def test_sending_the_form_as_it_is_changes_nothing(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, tiers=LADDER, tier_method=TierMethod.CALENDAR_YEAR, tier_evaluation=Evaluation.QUARTERLY)
    rows = all_rows()
    fields = sent_by(visitor.load("/tiers/edit"), "/tiers/preview")
    seen = visitor.post("/tiers/preview", fields)
    assert seen.status_code == 200
    assert "Nothing: these are the terms in force." in seen.text
    assert sent_by(seen, "/tiers") == {}
    published = visitor.post("/tiers", fields)
    assert "Nothing to publish" in published.headers["HX-Trigger"]
    assert all_rows() == rows


def test_a_preview_says_who_would_move_and_what_it_would_cost_and_saves_nothing(visitor: Visitor, shop_id: int) -> None:
    tell_two(shop_id)
    rows = all_rows()
    form = {**row(threshold=["0", "150", "600"]), "tier_method": "lifetime"}
    at_once = Page(visitor.post("/tiers/preview", form).text)
    assert at_once.of("form", hx_post="/tiers/preview?customers=1", hx_trigger="load")
    assert "Looking at everybody…" in at_once.text
    page = Page(visitor.post("/tiers/preview?customers=1", form).text)
    assert all_rows() == rows
    for said in (
        "2 of 2", "Ada Example", "Ben Example", "$600.00", "More cashback a month",
        "Tier 'Silver', from net spend: $150.00 instead of $500.00.", "Tier 'Gold', cashback: 6.5 % instead of 6 %.",
    ):  # fmt: skip
        assert said in page.text, said
    assert page.of("a", href=f"/customers/{id_of(shop_id)}")
    dearer = Page(visitor.post("/tiers/preview?customers=1", {**form, **row(threshold=["0", "900", "1500"])}).text)
    assert "1 of 2" in dearer.text


def test_the_cost_of_a_month_is_shown_with_its_direction(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1, line(net_minor=10_000), placed_at=utcnow() - timedelta(days=2)))
    dearer = Page(visitor.post("/tiers/preview?customers=1", row(rate=["3", "4", "6"])).text).text
    assert "More cashback a month $1.00" in dearer
    cheaper = Page(visitor.post("/tiers/preview?customers=1", row(rate=["1.5", "4", "6"])).text).text
    assert "Less cashback a month $0.50" in cheaper


def test_what_was_previewed_is_published_with_the_rest_of_the_terms(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, limits=Limits(day_minor=2_000))
    form = {**GOOD, "base": "2", "seen_version": "2"}
    fields = sent_by(visitor.post("/tiers/preview", form), "/tiers")
    assert fields["tiers.color"] == ["#a86432", "own", ""]
    answer = visitor.post("/tiers", fields)
    assert (answer.status_code, answer.headers["HX-Push-Url"]) == (200, "/tiers")
    assert "Published as version 3." in answer.headers["HX-Trigger"]
    made = current(shop_id)
    assert made.tiers == (
        Tier("Bronze", 0, 200, "medal", "#a86432"),
        Tier("Silver", 15_000, 400, "", "#C0C0C0"),
        Tier("Gold", 75_000, 650),
    )
    assert (made.tier_method, made.tier_evaluation, made.tier_grace_days) == (
        TierMethod.ROLLING_YEAR, Evaluation.MONTHLY, 7,
    )  # fmt: skip
    assert made.limits == Limits(day_minor=2_000)


def test_a_click_twice_publishes_once(visitor: Visitor, shop_id: int) -> None:
    assert visitor.post("/tiers", GOOD, htmx=False).json == {"version": 2}
    # The second click saw version 1, which is not the newest any more; what it asked for is in force.
    assert visitor.post("/tiers", GOOD, htmx=False).status_code == 409
    assert current(shop_id).version == 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tiers.threshold": ["0", "", "750"]}, "Write an amount"),
        ({"tiers.threshold": ["0", "150.005", "750"]}, "more decimals than USD"),
        ({"tiers.threshold": ["0", "750", "150"]}, "The thresholds must rise"),
        ({"tiers.threshold": ["5", "150", "750"]}, "The first tier must start at 0"),
        ({"tiers.rate": ["2", "4", "101"]}, "A rate is at most 100 percent."),
        ({"tiers.rate": ["2", "4", "six"]}, "Write the rate in percent"),
        ({"tiers.name": ["Bronze", "Bronze", "Gold"]}, "Two tiers must not have the same name"),
        ({"tiers.name": ["Bronze", "", "Gold"]}, "This needs a name; write one."),
        ({"tiers.color": ["own", "", ""], "tiers.own_color": ["red", "", ""]}, "must be written like #c0c0c0"),
        ({"tiers.color": ["own", "", ""], "tiers.own_color": ["", "", ""]}, "must be written like #c0c0c0"),
        ({"tiers.icon": ["x" * 17, "", ""]}, "at most 16 characters"),
        ({"tier_grace_days": "4000"}, "must be between 0 and 3650"),
        ({"tier_grace_days": "a few"}, "Write a whole number"),
        ({"tier_method": "monthly"}, "Choose one of"),
        ({"tiers.name": [], "tiers.threshold": [], "tiers.rate": []}, "This needs a name; write one."),
    ],
)
@pytest.mark.parametrize("path", ["/tiers/preview", "/tiers"])
def test_a_mistake_is_said_at_its_field_and_what_was_typed_stays(
    visitor: Visitor, shop_id: int, path: str, changes: dict[str, Any], sentence: str
) -> None:
    form = {**GOOD, **changes}
    answer = visitor.post(path, form)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert sentence in page.text
    said = {str(error["id"]) for error in page.of("p", **{"class": "field__error"})}
    wrong = [element for _, element in page.elements if element.get("aria-invalid") == "true"]
    assert wrong
    assert all(set(str(element["aria-describedby"]).split()) & said for element in wrong)
    fields = sent_by(answer, "/tiers/preview")
    for name in ("tiers.name", "tiers.rate"):
        assert fields[name] == (form[name] or ["", ""])
    assert current(shop_id).version == 1


def test_a_tier_in_use_cannot_be_left_out_and_is_marked(visitor: Visitor, shop_id: int) -> None:
    tell_two(shop_id)
    give(shop_id, "Gold", BEN)
    in_use = [link["href"] for link in Page(visitor.load("/tiers/edit").text).of("a") if "customers" in str(link)]
    assert in_use == ["/customers?tier=Silver", "/customers?tier=Gold"]
    left_out = {
        **GOOD, "tiers.name": ["Bronze", "Gold"], "tiers.threshold": ["0", "750"], "tiers.rate": ["2", "6"],
        "tiers.icon": ["", ""], "tiers.color": ["", ""], "tiers.own_color": ["", ""],
    }  # fmt: skip
    for path in ("/tiers/preview", "/tiers"):
        answer = visitor.post(path, left_out)
        assert answer.status_code == 422
        assert "'Silver' cannot be left out" in Page(answer.text).text
    assert current(shop_id).version == 1


def test_a_tier_in_use_keeps_its_name(visitor: Visitor, shop_id: int) -> None:
    tell_two(shop_id)
    renamed = {**GOOD, "tiers.name": ["Bronze", "Argent", *GOOD["tiers.name"][2:]]}
    for path in ("/tiers/preview", "/tiers"):
        answer = visitor.post(path, renamed)
        assert answer.status_code == 422
        assert "Keep it under this name" in Page(answer.text).text
    assert current(shop_id).version == 1


def test_a_tier_that_nobody_has_goes_and_what_was_keeps_its_name(visitor: Visitor, shop_id: int) -> None:
    tell_two(shop_id)
    fewer = {
        **GOOD, "tiers.name": ["Bronze", "Silver"], "tiers.threshold": ["0", "150"], "tiers.rate": ["2", "4"],
        "tiers.icon": ["", ""], "tiers.color": ["", ""], "tiers.own_color": ["", ""],
    }  # fmt: skip
    assert visitor.post("/tiers", fewer).status_code == 200
    assert [tier.name for tier in current(shop_id).tiers] == ["Bronze", "Silver"]
    log = Page(visitor.load("/tiers/log").text)
    assert "Gold" in [str(name) for name in log.words if name.strip() == "Gold"]


def test_a_rule_that_names_a_tier_keeps_it(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, automatic_tiers=frozenset({"Gold"}))
    renamed = {**row(name=["Bronze", "Silver", "Golden"]), "base": "2", "seen_version": "2"}
    answer = visitor.post("/tiers/preview", renamed)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.of("a", href="/rules")
    assert "Golden" in sent_by(answer, "/tiers/preview")["tiers.name"]


def test_who_saw_an_older_version_gets_the_fresh_one_beside_what_they_typed(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, tiers=(Tier("Everyone", 0, 125),))
    for path in ("/tiers/preview", "/tiers"):
        answer = visitor.post(path, GOOD)
        assert answer.status_code == 409
        page = Page(answer.text)
        assert "Somebody published new terms meanwhile." in page.text
        assert "1.25 %" in page.text
        fields = sent_by(answer, "/tiers/preview")
        assert fields["tiers.name"] == GOOD["tiers.name"]
        assert (fields["base"], fields["seen_version"]) == (["2"], ["2"])
    assert visitor.post("/tiers/preview", GOOD, htmx=False).status_code == 409
    assert visitor.post("/tiers", fields).status_code == 200
    assert current(shop_id).tiers[1].name == "Silver"


def test_terms_that_came_into_force_meanwhile_are_not_undone(visitor: Visitor, shop_id: int) -> None:
    # Version 2 was scheduled when the form was opened, and began before it was sent.
    publish(shop_id, limits=Limits(day_minor=2_000))
    assert visitor.post("/tiers", {**GOOD, "base": "1", "seen_version": "2"}).status_code == 409
    assert visitor.post("/tiers", {**GOOD, "base": "7", "seen_version": "2"}).status_code == 409
    assert visitor.post("/tiers", {**GOOD, "base": "x", "seen_version": "y"}).status_code == 409
    assert current(shop_id).limits == Limits(day_minor=2_000)


def test_new_tiers_are_scheduled_in_the_shops_time(app: Flask) -> None:
    shop_id = make_shop(OTHER, timezone="America/New_York")
    visitor = Visitor(app, OTHER)
    answer = visitor.post("/tiers", {**GOOD, "effective_from": "2190-01-01T00:00"}, htmx=False)
    assert answer.json == {"version": 2}
    assert current(shop_id).version == 1
    with reading() as session:
        newest = flow.list_versions(session, shop_id, utcnow())[0]
        assert newest.effective_from.isoformat() == "2190-01-01T05:00:00+00:00"
    page = Page(visitor.load("/tiers/edit").text)
    assert "Version 2 of the terms is scheduled, with tiers of its own" in page.text
    assert page.of("a", href="/tiers/edit?start=2")


def test_a_scheduled_version_is_changed_for_its_own_moment(visitor: Visitor, shop_id: int) -> None:
    schedule(shop_id, 9, limits=Limits(day_minor=3_000))
    form = visitor.load("/tiers/edit", start="2")
    assert "You are changing version 2, which is scheduled." in form.text
    fields = {**sent_by(form, "/tiers/preview"), "tier_grace_days": ["30"]}
    assert fields["base"] == ["2"]
    preview = visitor.post("/tiers/preview", fields)
    assert "$30.00" in preview.text
    ready = sent_by(preview, "/tiers")
    assert ready["effective_from"] == fields["effective_from"] != [""]
    assert visitor.post("/tiers", ready, htmx=False).json == {"version": 3}
    with reading() as session:
        states = [one.state.value for one in flow.list_versions(session, shop_id, utcnow())]
        assert states == ["scheduled", "replaced", "in_force"]
        third = flow.get_version(session, shop_id, 3)
        assert (third.limits.day_minor, third.tier_grace_days) == (3_000, 30)


def test_a_version_that_is_over_is_nothing_to_start_from(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, tiers=(Tier("Everyone", 0, 125),))
    for start in ("1", "99", "x"):
        assert sent_by(visitor.load("/tiers/edit", start=start), "/tiers/preview")["base"] == ["2"]


@pytest.mark.parametrize(
    ("moment", "sentence"),
    [("soon", "Write the moment like"), ("2020-01-01T00:00", "cannot begin in the past"), ("2300-01-01T00:00", "2200")],
)
def test_a_moment_that_cannot_be_is_said_beside_it(visitor: Visitor, shop_id: int, moment: str, sentence: str) -> None:
    answer = visitor.post("/tiers", {**GOOD, "effective_from": moment})
    assert answer.status_code == 422
    page = Page(answer.text)
    assert sentence in page.text
    (typed,) = page.of("input", id="effective_from")
    assert (typed["value"], typed["aria-invalid"]) == (moment, "true")
    assert visitor.post("/tiers", {**GOOD, "effective_from": moment}, htmx=False).status_code == 422
    assert current(shop_id).version == 1


def test_who_wants_to_change_something_gets_back_what_they_typed(visitor: Visitor, shop_id: int) -> None:
    fields = sent_by(visitor.post("/tiers/preview", GOOD), "/tiers/edit")
    again = sent_by(visitor.post("/tiers/edit", fields), "/tiers/preview")
    for name in (name for name in GOOD if name.startswith("tier")):
        assert again[name] == ([GOOD[name]] if isinstance(GOOD[name], str) else GOOD[name]), name


def test_what_is_typed_is_shown_as_text(visitor: Visitor, shop_id: int) -> None:
    sly = row(name=["<b>Bronze</b>", '"><script>', "Gold"])
    seen = visitor.post("/tiers/preview", sly)
    assert seen.status_code == 200
    assert visitor.post("/tiers", sly).status_code == 200
    for text in (seen.text, visitor.load("/tiers").text, visitor.load("/tiers/edit").text):
        assert "<b>Bronze" not in text
        assert '"><script>' not in text


def test_a_manager_may_and_an_approver_may_not(app: Flask, shop_id: int) -> None:
    with transaction() as session:
        hire(session, shop_id, "50", Role.APPROVER)
        hire(session, shop_id, "51", Role.MANAGER)
    assert Visitor(app, staff="50").post("/tiers", GOOD).status_code == 403
    assert Visitor(app, staff="51").post("/tiers", GOOD).status_code == 200
    assert current(shop_id).version == 2


def test_every_colour_of_the_palette_stands_out_from_light_and_dark() -> None:
    tiers = [Tier(name, 0, 0, color=color) for color, name in PALETTE.items()]
    assert len(PALETTE) == len(ICONS) == 8
    assert hard_to_see(tiers) == []
    assert min(contrast(color, ink(color)) for color in PALETTE) > 4.5


def test_a_colour_that_hardly_stands_out_is_warned_of(visitor: Visitor, shop_id: int) -> None:
    assert (contrast("#000000", "#ffffff"), contrast("#3d7fd6", "#3d7fd6")) == (21, 1)
    pale, dark, none = Tier("A", 0, 0, color="#eeeeee"), Tier("B", 1, 0, color="#222222"), Tier("C", 2, 0)
    assert hard_to_see([pale, dark, none, Tier("D", 3, 0, color="#3d7fd6")]) == [pale, dark]
    assert LEAST_CONTRAST == 3
    preview = Page(visitor.post("/tiers/preview", GOOD).text)
    assert "The colour #C0C0C0 of the tier Silver hardly stands out" in preview.text
    assert (ink("#ffffff"), ink("#000000")) == ("#000000", "#ffffff")
