"""Terms are written and read as a document; what it cannot say exactly is refused at the field where it stands."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from app.engine.rules.problems import Problem
from app.engine.rules.terms import Campaign, Cycle, Expiry, Limits, Terms, Tier
from app.terms_document import BadDocument, dump, flatten, load, nest, read, write

from .drawn import terms
from .made import make_terms
from .test_valid_terms import WHOLE, rule

TIERS = [{"name": "Everyone", "threshold": "0", "rate": "2.5"}]
SALE = {"name": "Sale", "starts_at": "2026-11-27T00:00+01:00", "ends_at": "2026-11-30T00:00Z", "multiplier": "1.5"}
DEEP = "[" * 100_000


def refusals(document: dict[str, Any], currency: str = "USD") -> dict[str, str]:
    with pytest.raises(BadDocument) as refused:
        load(document, currency)
    return dict(flatten(refused.value.errors))


def with_(**changes: Any) -> dict[str, Any]:
    return {"tiers": TIERS, **changes}


def test_terms_with_everything_come_back_as_they_were() -> None:
    assert load(read(write(WHOLE)), "EUR") == replace(WHOLE, version=1)
    assert load(dump(WHOLE), "EUR") == replace(WHOLE, version=1)


@given(terms())
@settings(max_examples=40)
def test_any_terms_come_back_as_they_were(some: Terms) -> None:
    assert load(read(write(some).encode()), "USD") == some


def test_amounts_have_the_decimals_of_their_currency() -> None:
    yen = make_terms(Tier("A", 0, 250), currency="JPY", cap_per_order_minor=500)
    assert dump(yen)["cap_per_order"] == "500"
    assert load({"tiers": TIERS, "limits": {"day": "1.234"}}, "KWD").limits == Limits(day_minor=1_234)


def test_what_is_left_out_takes_its_default_and_what_is_written_counts() -> None:
    said = with_(
        currency="USD", minimum_order=" 10.5 ", cap_per_order="", excludes_b2b=False, campaigns=[SALE],
        excluded_product_ids=[7, "8", "gid://shopify/Product/9"], excluded_variant_ids=["gid://shopify/ProductVariant/3"],
        excluded_tags=[" staff ", "staff"], claim_days="30", expiry={"on": "2027-12-31"},
        cycle={"days": 28, "starts_on": "2026-01-05"},
    )  # fmt: skip
    assert load(said, "USD") == make_terms(
        Tier("Everyone", 0, 250),
        minimum_order_minor=1_050,
        excludes_b2b=False,
        campaigns=(
            Campaign(
                "Sale",
                datetime(2026, 11, 26, 23, tzinfo=UTC),
                datetime(2026, 11, 30, tzinfo=UTC),
                multiplier_bps=15_000,
            ),
        ),
        excluded_product_ids=frozenset({7, 8, 9}),
        excluded_variant_ids=frozenset({3}),
        excluded_tags=frozenset({"staff"}),
        claim_days=30,
        expiry=Expiry(on=date(2027, 12, 31)),
        cycle=Cycle(28, date(2026, 1, 5)),
    )


def test_the_document_says_percentages_and_factors_and_names_no_units() -> None:
    document = dump(replace(WHOLE, rates=(rule(rate_bps=825),)))
    assert (document["rates"][0]["rate"], document["tiers"][1]["rate"]) == ("8.25", "100")
    assert document["campaigns"][0]["multiplier"] == "2"
    assert document["excluded_product_ids"] == ["1", "9223372036854775807"]
    assert "version" not in document
    assert not [name for name in json.dumps(document).split('"') if name.endswith(("_minor", "_bps"))]


@pytest.mark.parametrize(
    ("changes", "where", "sentence"),
    [
        ({"tiers": None}, "tiers", "Write a value, or leave the field out."),
        ({"tiers": {}}, "tiers", "Write a list"),
        ({"tiers": ["A"]}, "tiers, row 1", "Write an object here"),
        ({"tiers": []}, "tiers", "at least one tier"),
        ({"tiers": [{"threshold": "0", "rate": "1"}]}, "tiers, row 1, name", "needs a name"),
        ({"tiers": [{"name": "A", "rate": "1"}]}, "tiers, row 1, threshold", "Write an amount"),
        ({"tiers": [{"name": "A", "threshold": "0"}]}, "tiers, row 1, rate", "in percent"),
        ({"tiers": [{"name": 5, "threshold": "0", "rate": "1"}]}, "tiers, row 1, name", "Write a text."),
        ({"tiers": [{"name": "A", "threshold": "0", "rate": "101"}]}, "tiers, row 1, rate", "at most 100"),
        ({"tiers": [{"name": "A", "threshold": "0", "rate": 2}]}, "tiers, row 1, rate", "in percent"),
        ({"tiers": [{"name": "A", "threshold": "0", "rate": "-1"}]}, "tiers, row 1, rate", "in percent"),
        ({"tiers": [{"name": "A", "threshold": "", "rate": "1"}]}, "tiers, row 1, threshold", "not an amount"),
        ({"tiers": [*TIERS, {**TIERS[0], "name": "B"}]}, "tiers, row 2, threshold", "must rise"),
        ({"minimum_order": 12.5}, "minimum_order", "as text, like 12.34"),
        ({"minimum_order": None}, "minimum_order", "leave the field out"),
        ({"minimum_order": "12.345"}, "minimum_order", "12.345 has more decimals than USD, which has 2."),
        ({"minimum_order": "-1"}, "minimum_order", "must not be negative"),
        ({"minimum_order": "1e3"}, "minimum_order", "is not an amount"),
        ({"minimum_order": "1,000"}, "minimum_order", "is not an amount"),
        ({"limits": {"day": "0"}}, "limits, day", "must be above zero"),
        ({"limits": {"week": "5"}}, "limits, week", "There is no field of this name"),
        ({"limits": []}, "limits", "Write an object here"),
        ({"limits": None}, "limits", "leave the field out"),
        ({"version": 3}, "version", "There is no field of this name"),
        ({"includes_tax": "yes"}, "includes_tax", "Write true or false."),
        ({"includes_tax": 1}, "includes_tax", "Write true or false."),
        ({"claim_days": True}, "claim_days", "Write a whole number"),
        ({"claim_days": 1.5}, "claim_days", "Write a whole number"),
        ({"claim_days": "1.5"}, "claim_days", "Write a whole number"),
        ({"claim_days": -1}, "claim_days", "between 0 and 3650"),
        ({"precedence": "lowest"}, "precedence", "Choose one of: highest, sum, campaign_only."),
        ({"precedence": 5}, "precedence", "Choose one of"),
        ({"excluded_tags": "staff"}, "excluded_tags", "Write a list of texts"),
        ({"excluded_tags": [5]}, "excluded_tags", "Write a list of texts"),
        ({"excluded_tags": [" "]}, "excluded_tags", "must not be blank"),
        ({"excluded_tags": ["a\0"]}, "excluded_tags", "control characters"),
        ({"excluded_product_ids": "7"}, "excluded_product_ids", "Write a list of ids"),
        ({"excluded_product_ids": ["shirt"]}, "excluded_product_ids", "'shirt' is no product id"),
        ({"excluded_product_ids": [0]}, "excluded_product_ids", "no product id"),
        ({"excluded_product_ids": [2**63]}, "excluded_product_ids", "no product id"),
        ({"excluded_product_ids": [True]}, "excluded_product_ids", "no product id"),
        ({"excluded_product_ids": [7.0]}, "excluded_product_ids", "no product id"),
        ({"excluded_variant_ids": ["gid://shopify/Product/7"]}, "excluded_variant_ids", "no product variant id"),
        ({"campaigns": [{**SALE, "starts_at": "2026-11-27"}]}, "campaigns, row 1, starts_at", "has no time zone"),
        ({"campaigns": [{**SALE, "starts_at": "Friday"}]}, "campaigns, row 1, starts_at", "Write the moment like"),
        ({"campaigns": [{**SALE, "starts_at": 5}]}, "campaigns, row 1, starts_at", "Write the moment like"),
        (
            {"campaigns": [{**SALE, "starts_at": "0001-01-01T00:00+14:00"}]}, "campaigns, row 1, starts_at",
            "Write the moment like",
        ),
        ({"campaigns": [{"name": "A", "ends_at": "2026-11-30T00:00Z"}]}, "campaigns, row 1, starts_at", "Say the"),
        ({"campaigns": [{**SALE, "multiplier": "twice"}]}, "campaigns, row 1, multiplier", "like 1.5"),
        ({"campaigns": [{**SALE, "multiplier": 2}]}, "campaigns, row 1, multiplier", "like 1.5"),
        ({"campaigns": [{**SALE, "multiplier": "101"}]}, "campaigns, row 1, multiplier", "at most 100"),
        ({"campaigns": [SALE, {**SALE, "name": "B"}]}, "campaigns, row 2, starts_at", "overlap"),
        ({"expiry": {"on": "31.12.2026"}}, "expiry, on", "Write the day like 2026-11-27."),
        ({"expiry": {"on": 2026}}, "expiry, on", "Write the day like 2026-11-27."),
        ({"currency": "EUR"}, "currency", "must be in the shop's currency, USD"),
        ({"currency": "QQQ"}, "currency", "'QQQ' is not a currency"),
        ({"currency": 5}, "currency", "5 is not a currency"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_exactly_is_refused_where_it_stands(
    changes: dict[str, Any], where: str, sentence: str
) -> None:
    said = refusals(with_(**changes))
    assert list(said) == [where]
    assert sentence in said[where]
    assert said[where].endswith(".")


def test_all_fields_that_are_wrong_are_named_at_once() -> None:
    assert set(refusals(with_(minimum_order="x", limits={"day": "y", "month": "1"}, owed="z"))) == {
        "minimum_order",
        "limits, day",
        "owed",
    }


def test_the_message_is_the_first_sentence() -> None:
    with pytest.raises(BadDocument, match=r"^Write a whole number, like 14\.$"):
        load(with_(claim_days="soon"), "USD")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "This is not JSON: Expecting value in line 1, column 1."),
        ('{"tiers": [\n}', "in line 2, column 1."),
        ("[]", "Terms are one JSON object"),
        ("null", "Terms are one JSON object"),
        ('{"claim_days": 1, "claim_days": 2}', "'claim_days' is written twice in one object; leave one out."),
        ('{"limits": {"day": "1", "month": "2", "day": "3"}}', "'day' is written twice"),
        ('{"claim_days": NaN}', "NaN is no number."),
        (b'{"a": "\xff"}', "save it as UTF-8"),
        (DEEP, "nest it less deeply"),
        ('{"a": ' + "9" * 5_000 + "}", "nest it less deeply"),
    ],
)
def test_a_text_that_is_no_document_is_refused(text: str | bytes, sentence: str) -> None:
    with pytest.raises(BadDocument) as refused:
        read(text)
    assert sentence in str(refused.value)


def test_problems_of_a_whole_and_of_its_parts_stand_side_by_side() -> None:
    errors = nest(
        [
            Problem(("tiers",), "Too many."),
            Problem(("tiers", 1, "rate"), "Too high."),
            Problem((), "All wrong."),
            Problem(("tiers",), "Odd."),
        ]
    )
    assert list(flatten(errors)) == [
        ("tiers", "Too many."),
        ("tiers", "Odd."),
        ("tiers, row 2, rate", "Too high."),
        ("", "All wrong."),
    ]
