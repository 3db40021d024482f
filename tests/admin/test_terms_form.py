"""Terms are published by a form, as text and by a script; what is wrong is said beside what was typed."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import given, settings
from werkzeug.test import TestResponse

from app.admin.terms_form import TermsForm, document_of, fields_of, text_of
from app.clock import utcnow
from app.engine.flows import terms as flow
from app.engine.rules.terms import (
    Campaign,
    Cycle,
    Evaluation,
    Expiry,
    HoldRules,
    Limits,
    OwedPolicy,
    Precedence,
    RateRule,
    Release,
    ReleaseKind,
    RiskLevel,
    Scope,
    Terms,
    Tier,
    TierMethod,
)
from app.terms_document import dump, load
from tests.admin.factories import OTHER, Page, Visitor, make_shop, order, publish, reading, reward_of, tell
from tests.admin.form_reader import FormReader
from tests.flows.builders import all_rows
from tests.rules.drawn import terms

GOOD: dict[str, Any] = {
    "seen_version": "1",
    "zone": "UTC",
    "tiers.name": ["Everyone", "Friends"],
    "tiers.threshold": ["0", "250.50"],
    "tiers.rate": ["1", "2.5"],
    "minimum_order": "10.00",
    "cap_per_order": "25",
    "hold_above": "",
    "excluded_product_ids": "9007199254740995, gid://shopify/Product/7\n8",
    "excluded_tags": "wholesale,  Staff ",
}
SALE = {
    "campaigns.name": ["Sale", "Week"],
    "campaigns.starts_at": ["2026-11-27T00:00", "2026-12-01T00:00"],
    "campaigns.ends_at": ["2026-11-30T00:00", "2026-12-08T00:00"],
    "campaigns.multiplier": ["2", ""],
    "campaigns.rate": ["", "10"],
    "campaigns.scope.vendors": ["Kiln, Ltd.\r\nLoom", ""],
}
EVERYTHING = Terms(
    version=7,
    currency="USD",
    tiers=(Tier("Everyone", 0, 100, "★", "#c0c0c0"), Tier("Best", 50_000, 250)),
    minimum_order_minor=1_000,
    cap_per_order_minor=500,
    hold_above_minor=10_000,
    includes_tax=True,
    includes_shipping=True,
    before_discounts=True,
    excludes_paid_with_credit=False,
    excludes_b2b=False,
    excludes_on_sale=True,
    excluded_product_ids=frozenset({2**53 + 1, 8}),
    excluded_variant_ids=frozenset({9}),
    excluded_collection_ids=frozenset({10}),
    excluded_vendors=frozenset({"Kiln, Ltd.", "Loom"}),
    excluded_product_types=frozenset({"Cups, small"}),
    excluded_product_tags=frozenset({"old", "new"}),
    excluded_skus=frozenset({"M 1", "M,2"}),
    excluded_tags=frozenset({"staff", "press"}),
    excluded_channels=frozenset({"pos"}),
    excluded_discount_codes=frozenset({"TEN"}),
    rates=(RateRule("Mugs", 800, Scope(product_ids=frozenset({5}), vendors=frozenset({"A, B"}))),),
    campaigns=(
        # One second after another, and an hour that the clocks show twice.
        Campaign("One", datetime(2026, 10, 25, 0, 30, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC), 900),
        Campaign(
            "Two", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), None, 15_000,
            Scope(collection_ids=frozenset({3})),
        ),
    ),
    precedence=Precedence.SUM,
    tier_method=TierMethod.ROLLING_YEAR,
    tier_evaluation=Evaluation.WEEKLY,
    tier_grace_days=14,
    limits=Limits(1, 2, 3, 4, 5, 6, False),
    holds=HoldRules(True, 3, RiskLevel.MEDIUM, 1_250, 4, frozenset({"vip"}), frozenset({6}), True, 5),
    automatic_up_to_minor=700,
    automatic_tiers=frozenset({"Best"}),
    release=Release(ReleaseKind.ON_DATE, on=date(2027, 1, 1)),
    expiry=Expiry(days=30),
    cycle=Cycle(28, date(2026, 1, 5)),
    owed=OwedPolicy.BLOCK,
    claim_days=10,
    second_person_above_minor=900,
    debit_may_owe=True,
)  # fmt: skip


def current(shop_id: int) -> Terms:
    with reading() as session:
        return flow.get_current(session, shop_id, utcnow())


def send(visitor: Visitor, body: Any) -> TestResponse:
    """Send a body of JSON, as a script does."""
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    headers = {"Authorization": f"Bearer {visitor.token()}"}
    return visitor.client.post("/rules", data=text, content_type="application/json", headers=headers)


def shown_form(visitor: Visitor, **query: str) -> dict[str, list[str]]:
    """Return what a browser would send of the page's form."""
    fields = FormReader(visitor.load("/rules", **query).text, "/rules").fields
    del fields["token"]
    return fields


def test_good_terms_are_published_as_the_next_version(visitor: Visitor, shop_id: int) -> None:
    response = visitor.post("/rules", GOOD)
    assert response.status_code == 200, Page(response.text).text
    assert current(shop_id) == Terms(
        version=2,
        currency="USD",
        tiers=(Tier("Everyone", 0, 100), Tier("Friends", 25_050, 250)),
        minimum_order_minor=1_000,
        cap_per_order_minor=2_500,
        hold_above_minor=None,
        excluded_product_ids=frozenset({9007199254740995, 7, 8}),
        excluded_tags=frozenset({"wholesale", "Staff"}),
    )
    assert "Version 2, since" in Page(response.text).text


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"])
def test_the_texts_of_a_form_say_the_terms_they_were_made_of(zone: str) -> None:
    local = ZoneInfo(zone)
    again = load(document_of(fields_of(EVERYTHING, local), "USD", local), "USD")
    assert again == replace(EVERYTHING, version=1)


@given(terms())
@settings(max_examples=30)
def test_the_texts_of_any_terms_say_them_again(some: Terms) -> None:
    local = ZoneInfo("Europe/Berlin")
    assert load(document_of(fields_of(some, local), "USD", local), "USD") == some


def test_the_page_sends_the_terms_it_shows(visitor: Visitor, shop_id: int) -> None:
    assert send(visitor, {"seen_version": 1, "terms": dump(EVERYTHING)}).json == {"version": 2}
    assert current(shop_id) == replace(EVERYTHING, version=2)
    rows = all_rows()
    form = shown_form(visitor)
    response = visitor.post("/rules", form)
    assert (response.status_code, "Nothing to publish" in response.headers["HX-Trigger"]) == (200, True)
    assert all_rows() == rows
    visitor.post("/rules", {**form, "limits.day": ["0.99"]})
    assert current(shop_id) == replace(EVERYTHING, version=3, limits=replace(EVERYTHING.limits, day_minor=99))


def test_the_page_sends_them_in_any_time_zone(app: Flask) -> None:
    shop_id, visitor = make_shop(OTHER, timezone="Europe/Berlin"), Visitor(app, OTHER)
    send(visitor, {"seen_version": 1, "terms": dump(EVERYTHING)})
    form = shown_form(visitor)
    assert form["campaigns.starts_at"] == ["2026-10-25T02:30:01", "2026-10-25T02:30:00+01:00"]
    assert visitor.post("/rules", {**form, "claim_days": ["11"]}).status_code == 200
    assert current(shop_id) == replace(EVERYTHING, version=3, claim_days=11)


def test_campaigns_and_rates_come_from_rows_and_blank_rows_are_dropped(visitor: Visitor, shop_id: int) -> None:
    rates = {"rates.name": ["Mugs", ""], "rates.rate": ["8", ""], "rates.scope.product_ids": ["5, 6", " "]}
    response = visitor.post("/rules", {**GOOD, **SALE, **rates})
    assert response.status_code == 200, Page(response.text).text
    now = current(shop_id)
    assert now.rates == (RateRule("Mugs", 800, Scope(product_ids=frozenset({5, 6}))),)
    assert now.campaigns == (
        Campaign(
            "Sale", datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC), None, 20_000,
            Scope(vendors=frozenset({"Kiln, Ltd.", "Loom"})),
        ),
        Campaign("Week", datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 8, tzinfo=UTC), 1_000),
    )  # fmt: skip
    assert "Which goods: Vendors: Kiln, Ltd., Loom" in Page(response.text).text


def test_a_box_that_is_not_ticked_means_no_and_one_that_is_not_there_its_default(
    visitor: Visitor, shop_id: int
) -> None:
    boxes = {"excludes_b2b": ["no"], "includes_tax": ["no", "yes"]}
    assert visitor.post("/rules", {**GOOD, **boxes}).status_code == 200
    now = current(shop_id)
    assert (now.excludes_b2b, now.includes_tax, now.excludes_paid_with_credit) == (False, True, True)


def test_a_release_takes_only_what_its_kind_has_a_use_for(visitor: Visitor, shop_id: int) -> None:
    typed = {**GOOD, "release.kind": "at_once", "release.number": "14", "release.on": "2027-01-01"}
    assert visitor.post("/rules", typed).status_code == 200
    assert current(shop_id).release == Release()
    assert visitor.post("/rules", {**typed, "seen_version": "2", "release.kind": "month_end"}).status_code == 200
    assert current(shop_id).release == Release(ReleaseKind.MONTH_END, 14)


BAD = [
    ({"tiers.rate": ["1", "two"]}, "in percent"),
    ({"tiers.rate": ["1", "2.555"]}, "two decimals"),
    ({"tiers.rate": ["1", "100.01"]}, "at most 100"),
    ({"tiers.rate": ["1", "101"]}, "at most 100"),
    ({"tiers.rate": ["1", "-1"]}, "in percent"),
    ({"tiers.rate": ["1", ""]}, "in percent"),
    ({"tiers.threshold": ["0", "250.505"]}, "more decimals"),
    ({"tiers.threshold": ["0", "1e3"]}, "not an amount"),
    ({"tiers.threshold": ["0", "1,000"]}, "not an amount"),
    ({"tiers.threshold": ["0", "-5"]}, "must not be negative"),
    ({"tiers.threshold": ["0", ""]}, "Write an amount, like 12.34; 0 for nothing."),
    ({"tiers.threshold": ["5", "250"]}, "must start at 0"),
    ({"tiers.threshold": ["0", "0"]}, "must rise"),
    ({"tiers.threshold": ["250", "0"]}, "must rise"),
    ({"tiers.name": ["", "Friends"]}, "needs a name"),
    ({"tiers.name": ["Everyone"]}, "needs a name"),
    ({"tiers.rate": ["1"]}, "in percent"),
    ({"tiers.name": ["Friends", "friends"]}, "same name"),
    ({"tiers.name": ["x" * 61, "Friends"]}, "at most 60"),
    ({"tiers.name": [], "tiers.threshold": [], "tiers.rate": []}, "at least one tier"),
    ({"tiers.color": ["red", ""]}, "like #c0c0c0"),
    ({"minimum_order": "a lot"}, "not an amount"),
    ({"minimum_order": "-1"}, "must not be negative"),
    ({"cap_per_order": "0"}, "above zero"),
    ({"cap_per_order": "12.345"}, "more decimals"),
    ({"hold_above": "99999999999999999999"}, "not an amount"),
    ({"excluded_product_ids": "shirt"}, "no product id"),
    ({"excluded_product_ids": "0"}, "no product id"),
    ({"excluded_product_ids": str(2**63)}, "no product id"),
    ({"excluded_tags": "x" * 256}, "at most 255"),
    ({"excluded_tags": ",".join(map(str, range(1001)))}, "At most 1000"),
    ({"limits.day": "0"}, "The limit per day must be above zero"),
    ({"limits.month": "-1"}, "must not be negative"),
    ({"holds.refund_share_above": "101"}, "at most 100 percent"),
    ({"holds.risk_from": "deadly"}, "Choose one of"),
    ({"tier_method": "whim"}, "Choose one of"),
    ({"tier_grace_days": "1.5"}, "Write a whole number"),
    ({"automatic_tiers": "Nobody"}, "There is no tier 'Nobody'"),
    ({"release.kind": "on_date"}, "Say on which day"),
    ({"expiry.on": "soon"}, "Write the day like"),
    ({"expiry.on": "2020-01-01"}, "which is over when these terms begin"),
    ({"expiry.on": "2199-01-01", "expiry.days": "5"}, "write one of the two"),
    ({"cycle.days": "28"}, "needs its number of days and its first day"),
    ({"claim_days": "9999"}, "between 0 and 3650"),
    ({"rates.name": ["All"], "rates.rate": ["5"]}, "Say which goods the rate 'All' is for"),
    ({**SALE, "zone": ""}, "2026-11-27T00:00 has no time zone"),
    ({**SALE, "zone": "Asia/Tokyo"}, "has no time zone"),
    ({**SALE, "campaigns.ends_at": ["2026-11-26T00:00", "2026-12-08T00:00"]}, "must end after it begins"),
    ({**SALE, "campaigns.starts_at": ["", "2026-12-01T00:00"]}, "Say the moment"),
    ({**SALE, "campaigns.rate": ["5", "10"]}, "either a rate or a multiplier"),
    ({**SALE, "campaigns.multiplier": ["101", ""]}, "at most 100"),
    ({**SALE, "campaigns.scope.skus": ["", "M-1"], "campaigns.ends_at": ["2026-12-02T00:00", "2026-12-08T00:00"]},
     "overlap"),
    ({"effective_from": "soon"}, "Write the moment like"),
    ({"effective_from": "2190-01-01T00:00", "zone": ""}, "has no time zone"),
    ({"effective_from": "2020-01-01T00:00"}, "cannot begin in the past"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), BAD)
def test_bad_terms_are_told_why_and_nothing_is_saved(
    visitor: Visitor, shop_id: int, change: dict[str, Any], sentence: str
) -> None:
    before = all_rows()
    response = visitor.post("/rules", {**GOOD, **change})
    assert response.status_code == 422
    page = Page(response.text)
    # As the message of the whole, and beside its field.
    assert page.of("p", id="problem")
    assert page.of("p", **{"class": "field__error"})
    assert sentence in page.text
    assert all_rows() == before
    # What was typed is still there, but for what no browser would let anyone type.
    kept = FormReader(response.text, "/rules").fields
    for name in change.keys() - {"zone", "holds.risk_from", "tier_method"}:
        typed = [change[name]] if isinstance(change[name], str) else change[name]
        assert set(typed) <= set(kept.get(name, ())) or not any(typed)
    answer = visitor.post("/rules", {**GOOD, **change}, htmx=False)
    assert answer.status_code == 422
    assert sentence in json.dumps(answer.json, ensure_ascii=False)
    assert all_rows() == before


def test_a_section_with_something_wrong_is_open(visitor: Visitor, shop_id: int) -> None:
    folds = {at["id"]: "open" in at for at in Page(visitor.load("/rules").text).of("details", **{"class": "fold"})}
    assert [name for name, is_open in folds.items() if is_open] == []
    response = visitor.post("/rules", {**GOOD, "limits.day": "0", "claim_days": "x"})
    folds = {at["id"]: "open" in at for at in Page(response.text).of("details", **{"class": "fold"})}
    # What is not readable comes first; what it means is looked at once everything can be read.
    assert [name for name, is_open in folds.items() if is_open] == ["fold-statements"]


def test_a_nul_in_the_terms_is_left_out_as_no_table_can_hold_it(visitor: Visitor, shop_id: int) -> None:
    change = {"tiers.name": ["Every\0one", "Friends"], "excluded_tags": "whole\0sale, \0"}
    assert visitor.post("/rules", {**GOOD, **change}).status_code == 200
    assert [tier.name for tier in current(shop_id).tiers] == ["Everyone", "Friends"]
    assert current(shop_id).excluded_tags == {"wholesale"}


@pytest.mark.parametrize("seen", ["", "2", "0", "one", None])
def test_terms_that_saw_another_version_are_not_published(visitor: Visitor, shop_id: int, seen: str | None) -> None:
    before = all_rows()
    form = {name: value for name, value in {**GOOD, "seen_version": seen}.items() if value is not None}
    response = visitor.post("/rules", form)
    assert response.status_code == 409
    assert "meanwhile" in response.text
    assert "250.50" in response.text
    assert all_rows() == before


def test_amounts_of_the_form_are_in_the_shops_currency(app: Flask) -> None:
    shop_id = make_shop(OTHER, currency="JPY")
    visitor = Visitor(app, OTHER)
    form = {**GOOD, "tiers.threshold": ["0", "250"], "minimum_order": "1000", "cap_per_order": "25.0"}
    assert visitor.post("/rules", form).status_code == 200
    assert current(shop_id).minimum_order_minor == 1000
    assert visitor.post("/rules", {**form, "seen_version": "2", "minimum_order": "10.5"}).status_code == 422


def test_orders_already_seen_keep_their_terms(visitor: Visitor, shop_id: int) -> None:
    publish(shop_id, minimum_order_minor=1)
    fact = order(1)
    tell(shop_id, fact)
    tiers = {"tiers.name": ["Bronze", "Silver"]}
    assert visitor.post("/rules", {**GOOD, **tiers, "seen_version": "2"}).status_code == 200
    assert reward_of(fact).terms_version == 2


def test_moments_are_shown_in_the_shops_time_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert text_of(datetime(2026, 7, 1, 22, tzinfo=UTC), berlin) == "2026-07-02T00:00"
    assert text_of(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), berlin) == "2026-10-25T02:30"
    assert text_of(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), berlin) == "2026-10-25T02:30:00+01:00"


def test_a_row_that_was_never_filled_shows_nothing() -> None:
    blank = TermsForm({}).blank("campaigns")
    assert (blank.value("scope.vendors"), blank.error("scope"), blank.goods) == ("", "", "everything")
