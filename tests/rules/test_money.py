"""Text to money and back, exactly or not at all; and the two functions that divide money."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rules import money
from app.engine.rules.money import Money, MoneyError

VECTORS = Path(__file__).parents[2].parent / "shared" / "shopify" / "vectors" / "allocation.json"


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.34", "USD", 1234),
        ("0.01", "USD", 1),
        ("12", "USD", 1200),
        ("2.0", "USD", 200),
        ("12.500", "USD", 1250),
        ("-2.22", "USD", -222),
        ("-0.00", "USD", 0),
        ("007.10", "USD", 710),
        ("14319", "JPY", 14319),
        ("100.0", "JPY", 100),
        ("1.234", "KWD", 1234),
        ("1.2", "KWD", 1200),
        ("0.0001", "CLF", 1),
        ("92233720368547758.07", "USD", 2**63 - 1),
    ],
)
def test_text_becomes_exactly_the_money_it_says(text: str, currency: str, minor: int) -> None:
    assert money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("12.345", "USD"),
        ("0.5", "JPY"),
        ("1.2345", "KWD"),
        ("", "USD"),
        (".", "USD"),
        (".50", "USD"),
        ("5.", "USD"),
        ("1,50", "USD"),
        ("1 000", "USD"),
        (" 1.00", "USD"),
        ("1.00\n", "USD"),
        ("+1.00", "USD"),
        ("--1", "USD"),
        ("1e3", "USD"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
        ("0x10", "USD"),
        ("١٢", "USD"),
        ("12.34 USD", "USD"),
        ("92233720368547758.08", "USD"),
        ("9" * 6000, "USD"),
    ],
)
def test_text_that_is_no_exact_amount_is_refused_with_a_sentence(text: str, currency: str) -> None:
    with pytest.raises(MoneyError) as refused:
        money.parse(text, currency)
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert len(sentence) < 120


@pytest.mark.parametrize("code", ["usd", "US", "USDT", "", "U$D", "ÜSD", "USD\n"])
def test_a_currency_is_three_capital_letters(code: str) -> None:
    with pytest.raises(MoneyError, match="not a currency code"):
        money.exponent(code)


def test_currencies_have_the_decimals_of_iso_4217() -> None:
    by_decimals = {0: ["JPY", "KRW", "ISK", "CLP"], 2: ["USD", "EUR", "HUF", "TWD"], 3: ["KWD", "TND"], 4: ["CLF"]}
    assert {n: {money.exponent(code) for code in codes} for n, codes in by_decimals.items()} == {
        n: {n} for n in by_decimals
    }


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        ("195.67", "USD", 19567),
        (Decimal("195.67"), "USD", 19567),
        (Decimal("195.6"), "USD", 19560),
        (Decimal("195.670000"), "USD", 19567),
        (Decimal("1E+2"), "USD", 10000),
        (Decimal("-0.0"), "USD", 0),
        (0, "USD", 0),
        (150, "EUR", 15000),
        (5900, "JPY", 5900),
        (-3, "USD", -300),
        (10**18, "JPY", 10**18),
        (Decimal("0E-18"), "USD", 0),
    ],
)
def test_numbers_of_a_body_become_minor_units(value: str | int | Decimal, currency: str, minor: int) -> None:
    assert money.to_minor(value, currency) == minor


@pytest.mark.parametrize(
    "value",
    [1.5, True, None, [], Decimal("NaN"), Decimal("-Infinity"), Decimal("1e999999999"), Decimal("1e-999999"),
     Decimal("0.005"), Decimal("1.00000000000000000000000000000001"), 10**30],
    ids=repr,
)  # fmt: skip
def test_what_is_no_exact_amount_in_a_body_is_refused(value: Any) -> None:
    with pytest.raises(MoneyError):
        money.to_minor(value, "USD")


def test_what_is_refused_in_a_body_is_named() -> None:
    with pytest.raises(MoneyError, match="An amount comes as text, int or Decimal, not as list"):
        money.to_minor([], "USD")  # type: ignore[arg-type]  # what a body may hold all the same
    with pytest.raises(MoneyError, match="NaN is not an amount of money"):
        money.to_minor(Decimal("NaN"), "USD")


def test_a_body_read_with_decimals_keeps_its_cents() -> None:
    body = json.loads('{"subtotal": 195.67, "total_tax": 0}', parse_float=Decimal)
    assert [money.to_minor(body[key], "USD") for key in ("subtotal", "total_tax")] == [19567, 0]


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(1234, "USD", "12.34 USD"), (5, "USD", "0.05 USD"), (-5, "USD", "-0.05 USD"), (0, "USD", "0.00 USD"),
     (1234, "JPY", "1234 JPY"), (-7, "JPY", "-7 JPY"), (617, "KWD", "0.617 KWD")],
)  # fmt: skip
def test_money_is_written_with_its_currency(minor: int, currency: str, text: str) -> None:
    assert money.format(Money(minor, currency)) == str(Money(minor, currency)) == text


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from(["USD", "JPY", "KWD", "CLF"]))
def test_money_survives_text(minor: int, currency: str) -> None:
    assert money.parse(money.to_decimal_string(minor, currency), currency) == Money(minor, currency)


@pytest.mark.parametrize(("bps", "text"), [(250, "2.5 %"), (200, "2 %"), (5, "0.05 %"), (0, "0 %"), (10_000, "100 %")])
def test_a_rate_is_written_as_a_percentage(bps: int, text: str) -> None:
    assert money.rate_text(bps) == text


@pytest.mark.parametrize(
    ("minor", "bps", "currency", "text"),
    [(9980, 250, "USD", "2.495"), (8000, 250, "USD", "2.00"), (1990, 500, "JPY", "99.5"), (1980, 500, "JPY", "99"),
     (12345, 500, "KWD", "0.61725"), (1, 1, "USD", "0.000001")],
)  # fmt: skip
def test_a_product_is_shown_before_it_is_rounded(minor: int, bps: int, currency: str, text: str) -> None:
    assert money.exact_share_text(minor, bps, currency) == text


@pytest.mark.parametrize(
    ("amount", "numerator", "denominator", "share"),
    [(1, 1, 2, 1), (-1, 1, 2, -1), (3, 1, 2, 2), (1, 1, 3, 0), (2, 1, 3, 1), (0, 5, 7, 0), (100, 0, 7, 0),
     (9999, 2, 3, 6666), (10**18, 10**6, 10**6, 10**18)],
)  # fmt: skip
def test_a_share_is_rounded_half_up_away_from_zero(amount: int, numerator: int, denominator: int, share: int) -> None:
    assert money.share_half_up(amount, numerator, denominator) == share


@pytest.mark.parametrize("denominator", [0, -1])
def test_a_share_of_nothing_is_an_error(denominator: int) -> None:
    with pytest.raises(ValueError, match="positive whole"):
        money.share_half_up(1, 1, denominator)


def test_nothing_is_split_over_nobody_but_money_is_not() -> None:
    assert money.allocate(0, []) == []
    with pytest.raises(ValueError, match="nothing to split"):
        money.allocate(1, [])
    with pytest.raises(ValueError, match="negative"):
        money.allocate(1, [2, -1])


amounts = st.integers(-(10**12), 10**12)
weight_lists = st.lists(st.integers(0, 10**9), min_size=1, max_size=12)


@given(amounts, weight_lists)
def test_parts_sum_to_the_whole(amount: int, weights: list[int]) -> None:
    assert sum(money.allocate(amount, weights)) == amount


@given(amounts, weight_lists)
def test_every_part_is_within_one_unit_of_its_exact_share(amount: int, weights: list[int]) -> None:
    total = sum(weights)
    for part, weight in zip(money.allocate(amount, weights), weights, strict=True):
        if total:
            assert abs(part * total - amount * weight) < total


@given(amounts, weight_lists)
def test_a_negative_amount_is_split_like_a_positive_one(amount: int, weights: list[int]) -> None:
    assert money.allocate(-amount, weights) == [-part for part in money.allocate(amount, weights)]


@given(st.integers(0, 10**9), st.integers(0, 1000), st.integers(1, 1000))
def test_a_share_and_the_other_share_never_differ_from_the_whole_by_more_than_one(a: int, n: int, d: int) -> None:
    taken = min(n, d)
    shares = money.share_half_up(a, taken, d) + money.share_half_up(a, d - taken, d)
    assert shares - a in (0, 1)


@pytest.mark.skipif(not VECTORS.exists(), reason="the folder with the reference figures is not beside the project")
def test_splitting_agrees_with_shopifys_own_figures() -> None:
    rows = [r for r in json.loads(VECTORS.read_text())["rows"] if r["rule"] == "shopify_money_nearest"]
    assert len(rows) >= 9
    computed = [money.allocate(row["amount"], row["weights"]) for row in rows]
    assert computed == [row["parts"] for row in rows]
