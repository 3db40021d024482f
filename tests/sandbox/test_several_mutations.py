"""Several mutations in one request: each by itself, some executed when the request breaks off, and notes on them."""

from typing import Any

import pytest
import requests

from tests.sandbox.conftest import Shopper

PEOPLE = 6
OLD, NEW = "2026-10", "2027-01"


@pytest.fixture
def people(shopper: Shopper) -> list[str]:
    """Return the ids of some customers."""
    shopper.exchange()
    orders = [shopper.order(customer={"email": f"person-{number}@example.com"}) for number in range(PEOPLE)]
    return [order["customer"]["admin_graphql_api_id"] for order in orders]


def credit_all(shopper: Shopper, people: list[str], amount: str = "1.00") -> dict[str, Any]:
    """Credit all of them in one request."""
    money = f'{{creditAmount: {{amount: "{amount}", currencyCode: USD}}}}'
    moves = " ".join(
        f'move_{number}: storeCreditAccountCredit(id: "{person}", creditInput: {money}) '
        "{ storeCreditAccountTransaction { id } userErrors { code } }"
        for number, person in enumerate(people)
    )
    return shopper.graphql(f"mutation Credit {{ {moves} }}")


def credited(shopper: Shopper, people: list[str]) -> list[bool]:
    """Return who of them has an account now."""
    found = []
    for person in people:
        number = person.rpartition("/")[2]
        found.append(bool(shopper.get(f"customers/{number}/store-credit")["accounts"]))
    return found


def test_each_mutation_of_a_request_has_its_own_answer(shopper: Shopper, people: list[str]) -> None:
    answer = credit_all(shopper, [people[0], "gid://shopify/Customer/17", people[1]])["data"]
    assert [move["userErrors"] for move in answer.values()] == [[], [{"code": "OWNER_NOT_FOUND"}], []]
    assert credited(shopper, people) == [True, True, False, False, False, False]


def test_each_mutation_costs_ten_points(shopper: Shopper, people: list[str]) -> None:
    costs = [
        credit_all(shopper, asked)["extensions"]["cost"]["requestedQueryCost"]
        for asked in (people[:1], people[:2], people)
    ]
    assert costs[1] == 2 * costs[0]
    assert costs[2] == PEOPLE * costs[0]
    refused = credit_all(shopper, ["gid://shopify/Customer/17", *people[:1]])["extensions"]["cost"]
    assert refused["actualQueryCost"] == 10 + costs[0]


def test_a_request_that_breaks_off_executed_its_first_mutations_only(shopper: Shopper, people: list[str]) -> None:
    seen = set()
    for _ in range(12):
        shopper.post("faults", next=["half_commit"])
        before = credited(shopper, people)
        with pytest.raises(requests.exceptions.ConnectionError):
            credit_all(shopper, people)
        now = credited(shopper, people)
        assert now == sorted(now, reverse=True)
        assert now >= before
        seen.add(sum(now))
    assert PEOPLE in seen


def test_half_an_answer_tells_the_truth_about_what_it_answers(shopper: Shopper, people: list[str]) -> None:
    shopper.post("faults", next=["half_answer"] * 12)
    answered = []
    for number in range(12):
        fresh = [
            shopper.order(customer={"email": f"fresh-{number}-{who}@example.com"})["customer"]["admin_graphql_api_id"]
            for who in range(PEOPLE)
        ]
        answer = credit_all(shopper, fresh)
        told = [move is not None for move in answer["data"].values()]
        landed = credited(shopper, fresh)
        assert told == sorted(told, reverse=True)
        assert sum(told) <= sum(landed) <= sum(told) + 1
        assert [error["path"] for error in answer.get("errors", [])] == [
            [f"move_{who}"] for who in range(PEOPLE) if not told[who]
        ]
        answered.append((sum(told), sum(landed)))
    assert any(landed > told for told, landed in answered)


def in_version(shopper: Shopper, version: str, document: str, **variables: object) -> dict[str, Any]:
    """Call the API in a version of it."""
    answer = shopper.session.post(
        f"{shopper.box.url}/admin/api/{version}/graphql.json",
        json={"query": document, "variables": variables},
        headers={"X-Shopify-Access-Token": shopper.exchange().json()["access_token"]},
    )
    return dict(answer.json())


CREDIT = """mutation Credit($id: ID!, $input: StoreCreditAccountCreditInput!) {
  storeCreditAccountCredit(id: $id, creditInput: $input) { storeCreditAccountTransaction { %s } userErrors { code } }
}"""


def test_notes_come_with_the_version_that_knows_them(shopper: Shopper, people: list[str]) -> None:
    money = {"creditAmount": {"amount": "1.00", "currencyCode": "USD"}}
    noted = {**money, "note": "Transfer 7"}
    old = in_version(shopper, OLD, CREDIT % "id", id=people[0], input=noted)
    assert old["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"
    new = in_version(shopper, NEW, CREDIT % "note", id=people[0], input=noted)
    assert new["data"]["storeCreditAccountCredit"]["storeCreditAccountTransaction"] == {"note": "Transfer 7"}
    plain = in_version(shopper, NEW, CREDIT % "note", id=people[0], input=money)
    assert plain["data"]["storeCreditAccountCredit"]["storeCreditAccountTransaction"] == {"note": None}
    assert "errors" in in_version(shopper, OLD, CREDIT % "note", id=people[0], input=money)
    assert credited(shopper, people)[:2] == [True, False]


def test_a_note_may_not_be_too_long(shopper: Shopper, people: list[str]) -> None:
    noted = {"creditAmount": {"amount": "1.00", "currencyCode": "USD"}, "note": "x" * 5_001}
    answer = in_version(shopper, NEW, CREDIT % "note", id=people[0], input=noted)
    assert answer["data"]["storeCreditAccountCredit"]["userErrors"] == [{"code": "NOTE_TOO_LONG"}]
