"""``flask terms``: what can be written as a document can be shown, checked, published, compared and listed."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.engine.rules.terms import Tier
from tests.cli.conftest import Shell
from tests.cli.test_commands import current
from tests.flows.builders import Till, all_rows, order

DOMAIN = "made-up.myshopify.com"
GOOD: dict[str, Any] = {
    "tiers": [
        {"name": "Bronze", "threshold": "0", "rate": "3"},
        {"name": "Gold", "threshold": "250.50", "rate": "7.5"},
    ],
    "limits": {"day": "20"},
    "campaigns": [
        {"name": "Sale", "starts_at": "2026-11-27T00:00+01:00", "ends_at": "2026-11-30T00:00+01:00", "multiplier": "2"}
    ],
}


@pytest.fixture
def document(tmp_path: Path) -> Any:
    """Return what writes a document, with some changes, to a file."""

    def make(name: str = "terms.json", **changes: Any) -> str:
        path = tmp_path / name
        path.write_text(json.dumps({**GOOD, **changes}), encoding="utf-8")
        return str(path)

    return make


def test_what_is_shown_can_be_published_again_and_says_the_same(shop: Till, shell: Shell, tmp_path: Path) -> None:
    shown = shell("terms", "show", "--shop", DOMAIN)
    assert (shown.exit_code, shown.stderr) == (0, "Version 1.\n")
    path = tmp_path / "shown.json"
    path.write_text(shown.stdout, encoding="utf-8")
    rows = all_rows()
    again = shell("terms", "publish", "--shop", DOMAIN, path)
    assert (again.exit_code, again.stdout) == (0, "Nothing to publish: version 1 says the same.\n")
    assert all_rows() == rows


def test_a_document_is_published(shop: Till, shell: Shell, document: Any) -> None:
    result = shell("terms", "publish", "--shop", DOMAIN, document(), "--seen", 1)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Published as version 2, from ")
    now = current(shop)
    assert now.tiers == (Tier("Bronze", 0, 300), Tier("Gold", 25_050, 750))
    assert (now.version, now.limits.day_minor, now.campaigns[0].multiplier_bps) == (2, 2_000, 20_000)


def test_a_document_comes_by_standard_input_too(app: Flask, shop: Till) -> None:
    words = ["terms", "publish", "--shop", DOMAIN, "-"]
    result = app.test_cli_runner().invoke(args=words, input=json.dumps(GOOD))
    assert result.exit_code == 0, result.output
    assert current(shop).version == 2


def test_terms_are_scheduled_and_shown_as_of_a_moment(shop: Till, shell: Shell, document: Any) -> None:
    result = shell("terms", "publish", "--shop", DOMAIN, document(), "--from", "2190-01-01T00:00+01:00")
    assert result.stdout == "Published as version 2, from 2189-12-31 23:00 UTC.\n"
    assert shell("terms", "show", "--shop", DOMAIN).stderr == "Version 1.\n"
    later = shell("terms", "show", "--shop", DOMAIN, "--at", "2190-01-01T00:00+01:00")
    assert later.stderr == "Version 2.\n"
    assert json.loads(later.stdout)["limits"]["day"] == "20.00"
    listed = shell("terms", "list", "--shop", DOMAIN).stdout.splitlines()
    assert listed[0].startswith("2  from 2189-12-31 23:00 UTC  scheduled  published ")
    assert listed[0].endswith(" by cli")
    assert listed[1] == "1  from 2026-01-30 09:00 UTC  in force  published 2026-01-30 09:00 UTC by system"


def test_versions_and_files_are_compared_in_sentences(shop: Till, shell: Shell, document: Any) -> None:
    path = document()
    before = shell("terms", "diff", "--shop", DOMAIN, 1, path)
    assert before.stdout.splitlines() == [
        "Tier 'Silver' is gone (from net spend 500.00 USD, cashback 4 %).",
        "Tier 'Bronze', cashback: 3 % instead of 2 %.",
        "Tier 'Gold', from net spend: 250.50 USD instead of 1500.00 USD.",
        "Tier 'Gold', cashback: 7.5 % instead of 6 %.",
        "Campaign 'Sale' is new: begins 2026-11-26 23:00 UTC, ends 2026-11-29 23:00 UTC, multiplier 2 times.",
        "Limit per day: 20.00 USD instead of none.",
    ]
    shell("terms", "publish", "--shop", DOMAIN, path)
    assert shell("terms", "diff", "--shop", DOMAIN, 1, 2).stdout == before.stdout
    assert shell("terms", "diff", "--shop", DOMAIN, 2, path).stdout == "Nothing changes.\n"


def test_checking_changes_nothing(shop: Till, shell: Shell, document: Any) -> None:
    rows = all_rows()
    good = shell("terms", "check", "--shop", DOMAIN, document())
    assert (good.exit_code, good.stdout) == (0, "These terms may be published.\n")
    assert all_rows() == rows


BAD = [
    ({"minimum_order": "12.345"}, "minimum_order: 12.345 has more decimals than USD, which has 2."),
    ({"minimum_order": 12.5}, "minimum_order: Write the amount as text, like 12.34."),
    ({"tiers": [{"name": "A", "threshold": "0", "rate": "101"}]}, "tiers, row 1, rate: A rate is at most 100 percent."),
    (
        {"tiers": [GOOD["tiers"][1] | {"threshold": "0"}, GOOD["tiers"][0]]},
        "tiers, row 2, threshold: The thresholds must rise from one tier to the next; that of 'Bronze' does not.",
    ),
    ({"limits": {"day": "0"}}, "limits, day: The limit per day must be above zero; leave it empty for no limit."),
    ({"limits": {"day": "-1"}}, "limits, day: The amount must not be negative."),
    (
        {"campaigns": [GOOD["campaigns"][0] | {"starts_at": "2026-11-27T00:00"}]},
        "campaigns, row 1, starts_at: 2026-11-27T00:00 has no time zone; write it like 2026-11-27T00:00+01:00.",
    ),
    (
        {"campaigns": [GOOD["campaigns"][0], GOOD["campaigns"][0] | {"name": "Sail"}]},
        "campaigns, row 2, starts_at: The campaigns 'Sale' and 'Sail' overlap in time",
    ),
    ({"currency": "EUR"}, "currency: The terms must be in the shop's currency, USD."),
    ({"currency": "QQQ"}, "currency: 'QQQ' is not a currency; write its three letters, like USD."),
    ({"minimum": "5"}, "minimum: There is no field of this name"),
    (
        {"expiry": {"on": "2020-01-01"}},
        "expiry, on: Credit would expire on 2020-01-01, which is over when these terms begin; choose a later day,",
    ),
]


@pytest.mark.parametrize("verb", ["check", "publish"])
@pytest.mark.parametrize(("changes", "sentence"), BAD)
def test_bad_terms_are_refused_where_they_stand_and_nothing_is_saved(
    shop: Till, shell: Shell, document: Any, verb: str, changes: dict[str, Any], sentence: str
) -> None:
    rows = all_rows()
    result = shell("terms", verb, "--shop", DOMAIN, document(**changes))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {sentence}")
    assert all_rows() == rows


def test_everything_that_is_wrong_is_said_a_line_each(shop: Till, shell: Shell, document: Any) -> None:
    result = shell("terms", "check", "--shop", DOMAIN, document(minimum_order="x", owed="y"))
    assert [line.partition(":")[0] for line in result.stderr.removeprefix("Error: ").splitlines()] == [
        "minimum_order",
        "owed",
    ]


def test_a_tier_that_somebody_has_is_not_left_out(shop: Till, shell: Shell, document: Any) -> None:
    shop.tell(order(1))
    path = document(tiers=[{"name": "All", "threshold": "0", "rate": "3"}])
    for verb in ("check", "publish"):
        result = shell("terms", verb, "--shop", DOMAIN, path)
        assert "tiers: The tier 'Bronze' cannot be left out" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("show", "--at", "2027-01-01"), 2, "2027-01-01 has no time zone; write it like 2027-01-01T00:00+01:00."),
        (("show", "--at", "soon"), 2, "'soon' is no moment"),
        (("show", "--at", "2020-01-01T00:00Z"), 1, "This shop has no terms yet"),
        (("publish", "FILE", "--from", "2027-01-01T00:00"), 2, "has no time zone"),
        (("publish", "FILE", "--from", "2020-01-01T00:00Z"), 1, "Terms cannot begin in the past"),
        (("publish", "FILE", "--from", "2300-01-01T00:00Z"), 1, "before the year 2200"),
        (("publish", "FILE", "--seen", 0), 1, "Somebody published new terms meanwhile."),
        (("publish", "nowhere.json"), 1, "nowhere.json cannot be read: No such file or directory."),
        (("check", "."), 1, ". cannot be read: Is a directory."),
        (("diff", 1, 2), 1, "There is no version 2 of this shop's terms."),
        (("diff", 1, 9_999_999_999), 1, "There is no version 9999999999 of"),
        (("diff", 1, 10**18), 1, "1000000000000000000 cannot be read"),
        (("show", "--shop", "nobody.myshopify.com"), 1, "No shop nobody.myshopify.com has installed the app."),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    shop: Till, shell: Shell, document: Any, words: tuple[str, ...], code: int, sentence: str
) -> None:
    rows = all_rows()
    verb, *rest = (document() if word == "FILE" else word for word in words)
    result = shell("terms", verb, "--shop", DOMAIN, *rest)
    assert result.exit_code == code
    assert sentence in result.stderr
    assert all_rows() == rows


def test_a_file_that_is_no_json_is_refused(shop: Till, shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text("{", encoding="utf-8")
    assert "Error: This is not JSON: " in shell("terms", "check", "--shop", DOMAIN, path).stderr


def test_times_are_told_in_the_shops_time_zone(shop: Till, shell: Shell, document: Any) -> None:
    shop.run(lambda _session, row: setattr(row, "timezone", "Asia/Tokyo"))
    result = shell("terms", "publish", "--shop", DOMAIN, document(), "--from", "2190-01-01T00:00+01:00")
    assert result.stdout == "Published as version 2, from 2190-01-01 08:00 Asia/Tokyo.\n"
