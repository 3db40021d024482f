"""``flask adjust`` and ``flask statement``: exact amounts, clear refusals, and figures as text."""

import pytest
from flask import Flask
from sqlalchemy import select

from app.cli.money import adjust_group, statement
from app.models import Adjustment, Customer
from tests.cli.conftest import Shell
from tests.flows.builders import ADA, BEN, Till, all_rows, order, reading

DOMAIN = "made-up.myshopify.com"
WHO = (str(ADA.customer_id), "--shop", DOMAIN)


@pytest.fixture
def money(app: Flask, shop: Till, shell: Shell) -> Shell:
    """Return the shell, with an order of Ada's told and the commands added."""
    app.cli.add_command(adjust_group)
    app.cli.add_command(statement)
    shop.tell(order(1))
    return shell


def give(money: Shell, amount: str, *more: str, kind: str = "credit") -> str:
    """Propose an adjustment for Ada by Zoe; return all that was printed."""
    shop, by = ("--shop", DOMAIN), ("--by", "zoe", "--reason", "goodwill")
    return money("adjust", "propose", ADA.customer_id, kind, amount, *shop, *by, *more).output


def test_credit_is_given_by_hand_as_exact_decimal_text(money: Shell, shop: Till) -> None:
    assert give(money, "5.00", "--note", "Late parcel.") == "Adjustment 1: credit of 5.00 USD, booked.\n"
    assert give(money, "0.5", kind="debit") == "Adjustment 2: debit of 0.50 USD, booked.\n"
    assert shop.balances() == (0, 650, 0)
    with reading() as session:
        assert session.scalars(select(Adjustment.proposed_by)).all() == ["cli:zoe", "cli:zoe"]


def test_the_same_key_again_does_nothing(money: Shell, shop: Till) -> None:
    first = give(money, "5.00", "--key", "k1")
    rows = all_rows()
    assert give(money, "5.00", "--key", "k1") == first
    assert all_rows() == rows
    assert "Error: The key k1 was used for another adjustment" in give(money, "6.00", "--key", "k1")


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        ("12.345", "12.345 has more decimals than USD"),
        ("five", "'five' is not an amount"),
        ("0", "above zero"),
        ("-5", "No such option"),
    ],
)
def test_an_amount_that_is_none_is_refused_and_nothing_is_saved(money: Shell, amount: str, sentence: str) -> None:
    rows = all_rows()
    assert sentence in give(money, amount)
    assert all_rows() == rows


def test_two_people_decide_above_the_limit(money: Shell, shop: Till) -> None:
    shop.publish(second_person_above_minor=100)
    assert give(money, "5.00") == "Adjustment 1: credit of 5.00 USD, proposed.\n"
    decide = ("1", "--shop", DOMAIN, "--by")
    assert "Error: A second person must agree" in money("adjust", "agree", *decide, "zoe").output
    assert money("adjust", "agree", *decide, "yan").output == "Adjustment 1: credit of 5.00 USD, booked.\n"
    assert give(money, "6.00") == "Adjustment 2: credit of 6.00 USD, proposed.\n"
    declined = money("adjust", "decline", "2", "--shop", DOMAIN, "--by", "yan", "--reason", "Twice.")
    assert declined.output == "Adjustment 2: credit of 6.00 USD, declined.\n"


def test_what_is_owed_can_be_forgiven(money: Shell, shop: Till) -> None:
    shop.publish(debit_may_owe=True)
    give(money, "3.00", kind="debit")
    told = money("adjust", "forgive", *WHO, "--by", "zoe", "--reason", "Bankrupt.").output
    assert told == "1.00 USD is not owed any more.\n"
    again = money("adjust", "forgive", *WHO, "--by", "zoe", "--reason", "Bankrupt.")
    assert (again.exit_code, again.output) == (1, "Error: This customer owes nothing.\n")


def shown(money: Shell, *more: str) -> list[str]:
    """Return a statement's lines, with single blanks."""
    return [" ".join(text.split()) for text in money("statement", *WHO, *more).output.splitlines()]


def test_a_statement_shows_its_figures_and_rewards(money: Shell) -> None:
    assert shown(money) == [
        "Statement 1: from 2026-03-01T00:00:00+00:00 to 2026-04-01T00:00:00+00:00",
        "pending available owed",
        "opening 0.00 USD 0.00 USD 0.00 USD",
        "earned 2.00 USD 0.00 USD 0.00 USD",
        "settled -2.00 USD 2.00 USD 0.00 USD",
        "closing 0.00 USD 2.00 USD 0.00 USD",
        "Order #1001: reward 1, settled, 2.00 USD",
        "Statements of this customer: 1",
    ]


def test_the_newest_statement_is_shown_and_others_by_their_number(money: Shell) -> None:
    march = shown(money)
    give(money, "5.00")  # today
    assert shown(money)[2:] == [
        "opening 0.00 USD 2.00 USD 0.00 USD",
        "adjusted 0.00 USD 5.00 USD 0.00 USD",
        "closing 0.00 USD 7.00 USD 0.00 USD",
        "Statements of this customer: 3, 2, 1",
    ]
    assert shown(money, "--number", "1")[:-1] == march[:-1]
    assert shown(money, "--number", "7") == ["Error: This customer has no statement 7."]


def test_who_is_unknown_or_has_nothing_is_told_so(money: Shell, shop: Till) -> None:
    assert f"{DOMAIN} knows no customer 5." in money("statement", "5", "--shop", DOMAIN).output
    assert "No shop nowhere has installed the app." in money("statement", "5", "--shop", "nowhere").output
    shop.run(
        lambda session, row: session.add(
            Customer(shop_id=row.id, shopify_id=BEN.customer_id, created_at=row.installed_at)
        )
    )
    told = money("statement", str(BEN.customer_id), "--shop", DOMAIN).output
    assert told == "Error: Nothing was booked for this customer yet, so there is no statement.\n"
