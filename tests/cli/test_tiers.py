"""``flask tiers``: what an operator is told, and that a mistake is one sentence and changes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import time_machine
from click.testing import Result
from flask import Flask
from sqlalchemy import select, update

from app.cli.tiers import tiers_group
from app.engine.flows import tier_runs
from app.engine.programme import Programme
from app.engine.rules.terms import Tier
from app.models import Customer, TierAssignmentRow
from app.terms_document import write
from tests.flows.builders import ADA, BEN, Till, all_rows, day, line, order, reading
from tests.flows.tier_rows import row_of, shown

DOMAIN = "made-up.myshopify.com"
Tiers = Callable[..., Result]


@pytest.fixture
def tiers(app: Flask) -> Iterator[Tiers]:
    """Return what runs a ``flask tiers`` command on day 10 as an operator types it."""
    with time_machine.travel(day(10), tick=False):
        yield lambda verb, *words: app.test_cli_runner().invoke(
            tiers_group, [verb, "--shop", DOMAIN, *(str(word) for word in words)]
        )


def document(shop: Till, folder: Path, *new: Tier) -> Path:
    """Return a file with the shop's terms, but for other tiers."""
    terms = shop.run(lambda session, row: Programme(session, row).at(day(0)))
    path = folder / "terms.json"
    path.write_text(write(replace(terms, tiers=new)), encoding="utf-8")
    return path


def test_the_tiers_are_listed_with_their_customers(shop: Till, tiers: Tiers) -> None:
    shop.tell(order(1), order(2, line(1, 50_000), customer=BEN))
    answer = tiers("list")
    assert answer.exit_code == 0
    assert answer.stdout.splitlines() == [
        "Bronze: from 0.00 USD, 2 %, 1 customer",
        "Silver: from 500.00 USD, 4 %, 1 customer",
        "Gold: from 1500.00 USD, 6 %, 0 customers",
    ]


def test_customers_whom_nobody_looked_at_are_listed_too(shop: Till, tiers: Tiers) -> None:
    shop.tell(order(1))
    shop.run(lambda session, row: session.execute(update(Customer).values(tier_name=None)))
    assert tiers("list").stdout.splitlines()[3:] == ["Not looked at yet: 1 customer"]
    assert tiers("recalculate").stdout == "1 customer looked at, 1 moved.\n"
    assert shown(shop)[0] == "Bronze"


def test_an_interrupted_run_is_gone_on_with(shop: Till, tiers: Tiers) -> None:
    shop.tell(order(1), order(2, customer=BEN))
    shop.run(lambda session, row: session.execute(update(Customer).values(tier_name=None)))
    run_id = shop.run(lambda session, row: tier_runs.start_run(session, row.id, "cli", day(9)).id)
    shop.run(lambda session, row: tier_runs.recalculate(session, row, run_id, day(9), 1))
    answer = tiers("recalculate").stdout
    assert answer == "Going on with a run that was not finished.\n2 customers looked at, 2 moved.\n"


def test_a_preview_tells_who_moves_and_what_it_costs(shop: Till, tiers: Tiers, tmp_path: Path) -> None:
    shop.tell(order(1), order(2, line(1, 50_000), customer=BEN))
    up = document(shop, tmp_path, Tier("Bronze", 0, 200), Tier("Silver", 10_000, 400), Tier("Gold", 90_000, 600))
    rows = all_rows()
    assert tiers("preview", up).stdout.splitlines() == [
        "Bronze to Silver: 1 customer",
        "1 of 2 customers would move.",
        "About 2.00 USD more cashback a month.",
        f"  customer {ADA.customer_id}: Bronze to Silver, 100.00 USD spent",
    ]
    down = document(shop, tmp_path, Tier("Bronze", 0, 200), Tier("Silver", 60_000, 400))
    assert "About 10.00 USD less cashback a month." in tiers("preview", down).stdout
    assert all_rows() == rows


def test_a_preview_reads_standard_input(app: Flask, shop: Till, tmp_path: Path) -> None:
    text = document(shop, tmp_path, Tier("Bronze", 0, 100)).read_bytes()
    words = ["preview", "--shop", DOMAIN, "-"]
    answer = app.test_cli_runner().invoke(tiers_group, words, input=text)
    assert "0 of 0 customers would move." in answer.stdout


def test_a_tier_is_given_and_ended_by_hand(shop: Till, tiers: Tiers) -> None:
    shop.tell(order(1), order(2, customer=BEN))
    ids = (ADA.customer_id, BEN.customer_id)
    words = ("--tier", "Gold", "--reason", "Friends.", "--until", "2026-04-01T00:00+02:00", "--lock", *ids)
    assert tiers("assign", *words).stdout == "2 customers given Gold.\n"
    assert tiers("assign", *words).stdout == "0 customers given Gold.\n"
    assert shown(shop, BEN)[0] == "Gold"
    with reading() as session:
        rows = session.scalars(select(TierAssignmentRow)).all()
        assert {(row.is_locked, row.given_by, row.reason) for row in rows} == {(True, "cli", "Friends.")}
    assert tiers("end", "--reason", "No more.", *ids).stdout == "Ended for 2 customers.\n"
    assert shown(shop, BEN)[0] == "Bronze"
    assert tiers("assign", "--tier", "Silver", "--reason", "Again.", ids[0]).stdout == "1 customer given Silver.\n"
    assert row_of(shop).tier_since == day(10)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("assign", "--tier", "Tin", "--reason", "Why.", ADA.customer_id), "There is no tier 'Tin'; the tiers are"),
        (("assign", "--tier", "Gold", "--reason", " ", ADA.customer_id), "Say why"),
        (("assign", "--tier", "Gold", "--reason", "Why.", 5), f"{DOMAIN} knows no customer 5."),
        (("end", "--reason", "Why.", 7, 5), f"{DOMAIN} knows no customer 5, 7."),
        (("assign", "--tier", "Gold", "--reason", "Why.", "--until", "soon", ADA.customer_id), "'soon' is no moment"),
        (
            ("assign", "--tier", "Gold", "--reason", "Why.", "--until", "2027-01-01", ADA.customer_id),
            "The end needs a time zone",
        ),
        (("preview", "/nowhere/terms.json"), "/nowhere/terms.json cannot be read"),
        (("preview", "BAD"), "This is not JSON"),
        (("preview", "STEEP"), "tiers"),
        (("list", "--shop", "nobody.myshopify.com"), "No shop nobody.myshopify.com has installed the app."),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(
    shop: Till, tiers: Tiers, tmp_path: Path, words: tuple[object, ...], sentence: str
) -> None:
    shop.tell(order(1))
    (tmp_path / "bad.json").write_text("{")
    files = {"BAD": tmp_path / "bad.json", "STEEP": document(shop, tmp_path, Tier("Bronze", 5, 200))}
    rows = all_rows()
    result = tiers(*[files.get(str(word), word) for word in words])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert all_rows() == rows


@pytest.mark.parametrize("number", ["0", "-3", "ada", str(2**63)])
def test_what_is_no_id_of_shopifys_is_a_wrong_use(shop: Till, tiers: Tiers, number: str) -> None:
    result = tiers("assign", "--tier", "Gold", "--reason", "Why.", "--", number)
    assert result.exit_code == 2
    assert "Invalid value for 'CUSTOMERS" in result.stderr
