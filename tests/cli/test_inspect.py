"""``inspect order`` and ``inspect customer``: everything known, as JSON; one sentence for what is not known."""

import json
from typing import Any

import pytest

from app.engine.rules.states import RewardState
from tests.cli.conftest import Shell
from tests.flows.builders import ADA, BIG, Till, line, order, refund_of

PAID = order(1, line(1, 20_000, 2), line(2, 5_000, is_gift_card=True))


@pytest.fixture
def traded(shop: Till) -> Till:
    """Return a shop with one settled and partly reversed reward."""
    shop.tell(PAID)
    shop.pay_back(refund_of(PAID, units=1))
    return shop


def asked(shell: Shell, *words: object) -> dict[str, Any]:
    """Return what a command answers as JSON."""
    result = shell("inspect", *words, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_an_order_shows_its_reward_explanation_entries_and_transfers(traded: Till, shell: Shell) -> None:
    answer = asked(shell, "order", PAID.order_id)
    reward = answer["reward"]
    assert (reward["state"], reward["badge"], reward["tier"], reward["rate_bps"]) == (
        RewardState.SETTLED, "Sending", "Bronze", 200,
    )  # fmt: skip
    assert {name: reward[name] for name in ("eligible", "calculated", "granted", "reversed", "kept")} == {
        "eligible": "200.00", "calculated": "4.00", "granted": "4.00", "reversed": "2.00", "kept": "2.00",
    }  # fmt: skip
    assert [sentence for sentence in reward["explanation"] if "gift card" in sentence]
    assert [(entry["kind"], entry["postings"][0]["amount"]) for entry in answer["entries"]] == [
        ("accrual", "4.00"), ("settlement", "4.00"), ("clawback", "2.00"),
    ]  # fmt: skip
    moved = answer["entries"][0]["postings"][0]
    assert moved == {"from": "program:promised", "to": "customer:pending", "amount": "4.00", "currency": "USD"}
    # The credit was never sent: the debit of the refund makes it less, and is not needed any more.
    assert [(row["kind"], row["state"], row["amount"]) for row in answer["transfers"]] == [
        ("credit", "planned", "4.00"), ("debit", "not_applicable", "2.00"),
    ]  # fmt: skip
    assert answer["deliveries"] == []
    assert answer["order"]["refunds"] == [PAID.order_id * 100 + 1]


def test_ids_beyond_a_doubles_digits_come_back_unharmed(traded: Till, shell: Shell) -> None:
    assert asked(shell, "order", BIG + 1)["order"]["shopify_id"] == BIG + 1
    assert asked(shell, "customer", ADA.customer_id)["customer"]["shopify_id"] == BIG + 701


def test_an_order_that_earned_nothing_says_why(shop: Till, shell: Shell) -> None:
    nothing = order(2, line(is_gift_card=True))
    shop.tell(nothing)
    reward = asked(shell, "order", nothing.order_id)["reward"]
    assert (reward["badge"], reward["ineligible_reason"], reward["granted"]) == (
        "Not eligible", "no_eligible_lines", "0.00",
    )  # fmt: skip
    assert reward["explanation"]


def test_a_customer_shows_balances_rewards_entries_and_transfers(traded: Till, shell: Shell) -> None:
    answer = asked(shell, "customer", ADA.customer_id)
    assert answer["balances"]["customer:available"] == "2.00"
    assert not [account for account in answer["balances"] if account.startswith("program:")]
    assert [(reward["order"], reward["kept"]) for reward in answer["rewards"]] == [(PAID.order_id, "2.00")]
    assert len(answer["entries"]) == 3
    assert len(answer["transfers"]) == 2


def test_without_json_the_same_is_shown_for_people(traded: Till, shell: Shell) -> None:
    result = shell("inspect", "order", PAID.order_id)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["reward"]["granted"] == "4.00"
    assert result.stdout.count("\n") > 20


@pytest.mark.parametrize("subject", ["order", "customer"])
@pytest.mark.parametrize("shopify_id", [404, 0, 2**63 - 1, 2**63, 10**30])
def test_an_unknown_id_is_answered_with_one_sentence(shop: Till, shell: Shell, subject: str, shopify_id: int) -> None:
    result = shell("inspect", subject, shopify_id, "--json")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == f"Error: No such {subject} is known; check the id, it is Shopify's number.\n"


def test_an_id_that_two_shops_have_needs_the_shops_name(traded: Till, shell: Shell) -> None:
    Till("other.myshopify.com").tell(PAID)
    refused = shell("inspect", "order", PAID.order_id, "--json")
    assert (refused.exit_code, refused.stderr) == (
        1, "Error: Several shops have this id; say which with --shop.\n",
    )  # fmt: skip
    answer = asked(shell, "order", PAID.order_id, "--shop", "other.myshopify.com")
    assert answer["reward"]["reversed"] == "0.00"
    assert shell("inspect", "order", PAID.order_id, "--shop", "no.myshopify.com").exit_code == 1
