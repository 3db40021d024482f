"""Each way in which Shopify refuses a move has its own fate, and leaves the others of its request alone."""

import json
from datetime import timedelta
from typing import Any

import pytest
import responses

from app.db import transaction
from app.engine.flows import transfer as books
from app.engine.rules.states import TransferKind, TransferState
from app.models import Customer, Shop, Transfer
from app.shopify.credit_moves import Move, MoveRefused, Receipt, send_moves
from app.shopify.errors import AccessDenied, DocumentRefused, NoAnswer, ServerTrouble, Throttled
from app.shopify.gateway import Gateway
from app.shopify.refusals import OTHERWISE, REFUSALS, Fate, advice_for
from sandbox.graphql_api import SCHEMA
from tests.shopify.desk import CREDIT, DEBIT, Desk
from tests.shopify.test_transfers import shortfalls, stand_in

S = TransferState
ORIGIN = "https://made-up.myshopify.com"
GID = "gid://shopify/StoreCreditAccountCreditTransaction/"


def test_every_code_of_the_schema_has_its_advice() -> None:
    for name in ("StoreCreditAccountCreditUserErrorCode", "StoreCreditAccountDebitUserErrorCode"):
        assert set(SCHEMA.type_map[name].values) <= set(REFUSALS)
    assert advice_for("A_NEW_ONE") is OTHERWISE


def test_each_advice_says_something_of_its_own() -> None:
    waiting = [advice.sentence for advice in REFUSALS.values() if advice.fate is Fate.REFUSED]
    assert all(sentence.endswith(".") for sentence in waiting)
    assert len(set(waiting)) == len(waiting) - 2  # two mistakes of ours, two names for one currency


def test_one_customer_at_the_limit_keeps_no_other_from_the_credit(desk: Desk) -> None:
    full, free = desk.customer(), desk.customer()
    desk.give(full, 1_499_900)
    refused, sent = desk.plan(full, 200), desk.plan(free, 200)

    assert desk.send(batch=10).outcomes == {"refused": 1, "confirmed": 1}

    assert [row.state for row in desk.rows([refused, sent])] == [S.REFUSED, S.CONFIRMED]
    assert "Send it again when the customer has spent some" in desk.row(refused).error


def test_a_currency_that_shopify_does_not_take_is_refused_and_nothing_else(desk: Desk) -> None:
    customer = desk.customer()
    odd, usual = desk.plan(customer, 200, currency="XXX"), desk.plan(customer, 200)

    assert desk.send(batch=10).outcomes == {"refused": 1, "confirmed": 1}
    assert "Shopify keeps no store credit in this currency" in desk.row(odd).error
    assert desk.row(usual).state is S.CONFIRMED


def test_a_credit_to_a_customer_merged_meanwhile_goes_to_the_one_that_was_kept(desk: Desk) -> None:
    gone, kept = desk.customer(), desk.customer()
    transfer_id = desk.plan(gone, 300)
    with transaction() as session:
        session.get_one(Customer, gone.id).merged_into_id = kept.id
    del desk.sandbox_shop.customers[gone.shopify_id]

    assert desk.send().outcomes == {"refused": 1, "confirmed": 1}

    assert desk.row(transfer_id).customer_id == kept.id
    assert desk.amounts(kept) == [300]


def test_a_customer_who_goes_between_reading_and_crediting_is_refused_with_a_sentence(desk: Desk) -> None:
    gone, stays = desk.customer(), desk.customer()
    lost, sent = desk.plan(gone, 300), desk.plan(stays, 300)

    def mark_sending(*args: object, **options: object) -> object:
        desk.sandbox_shop.customers.pop(gone.shopify_id, None)
        return books.mark_sending(*args, **options)

    report = desk.send(batch=10, books=stand_in(mark_sending=mark_sending))

    assert report.outcomes == {"refused": 1, "confirmed": 1}
    assert "OWNER_NOT_FOUND" in desk.row(lost).error
    assert desk.row(sent).state is S.CONFIRMED


def test_a_debit_whose_account_goes_between_reading_and_debiting_is_owed(desk: Desk) -> None:
    customer = desk.customer()
    desk.give(customer, 500)
    transfer_id = desk.plan(customer, 400, DEBIT)

    def mark_sending(*args: object, **options: object) -> object:
        desk.sandbox_shop.credit.accounts.clear()
        desk.sandbox_shop.credit._by_owner.clear()  # as if Shopify had forgotten it
        return books.mark_sending(*args, **options)

    report = desk.send(books=stand_in(mark_sending=mark_sending))

    assert report.outcomes == {"put_back": 1, "not_applicable": 1}
    assert shortfalls() == [(f"shortfall:transfer:{transfer_id}", 400)]


def test_a_credit_whose_expiry_is_over_gets_a_new_one(desk: Desk) -> None:
    desk.agree_to_far_expiry()
    customer = desk.customer()
    transfer_id = desk.plan(customer, 100)
    with transaction() as session:
        # Sent long ago for the first time, and lost.
        session.get_one(Transfer, transfer_id).expires_at = desk.clock() - timedelta(days=1)

    assert desk.send().outcomes == {"put_back": 1, "confirmed": 1}

    (entry,) = desk.account(customer).transactions
    assert entry.expires_at > desk.clock() + timedelta(days=3_000)
    assert desk.row(transfer_id).expires_at == entry.expires_at


def test_where_every_expiry_is_over_the_clock_is_wrong_and_a_person_is_told(desk: Desk) -> None:
    """Shopify's clock is far ahead of ours: no fingerprint that we make is in its future."""
    transfer_id = desk.plan(desk.customer(), 100)
    with transaction() as session:
        session.get_one(Transfer, transfer_id).credit_expires_at = desk.clock() + timedelta(hours=1)
    desk.box.world.clock.advance(2 * 3600)

    outcomes = desk.send_until_done()

    assert outcomes == {"put_back": 5, "refused": 1}
    assert "the clock of this machine is wrong" in desk.row(transfer_id).error


def test_a_call_that_is_refused_as_a_whole_is_made_again_one_by_one(desk: Desk) -> None:
    customers = [desk.customer() for _ in range(3)]
    ids = [desk.plan(customer, 100) for customer in customers]
    with transaction() as session:
        # No currency at all: the variable is refused, and with it the request.
        session.get_one(Transfer, ids[1]).currency = "ZZZ"

    assert desk.send(batch=10).outcomes == {"refused": 1, "confirmed": 2}
    assert [desk.amounts(customer) for customer in customers] == [[100], [], [100]]


def test_a_transfer_that_goes_wrong_again_and_again_goes_alone(desk: Desk) -> None:
    ids = [desk.plan(desk.customer(), 100) for _ in range(4)]
    with transaction() as session:
        for number in (0, 2):
            session.get_one(Transfer, ids[number]).attempts = 4
        claims = [
            [claim.transfer_id for claim in books.claim_some(session, desk.shop_id, desk.clock(), 60, 10)]
            for _ in range(4)
        ]
    assert claims == [[ids[0]], [ids[1], ids[3]], [ids[2]], []]


@pytest.mark.parametrize("told", [True, False])
def test_shopify_writes_to_customers_if_the_merchant_wants_it(desk: Desk, told: bool) -> None:
    with transaction() as session:
        shop = session.get_one(Shop, desk.shop_id)
        shop.notify_customers, shop.mails_customers = told, False
    customer = desk.customer()
    desk.plan(customer, 300)
    desk.plan(customer, 100, DEBIT)

    assert desk.send(batch=10).outcomes == {"confirmed": 2}
    assert [entry.amount_minor for entry in desk.sandbox_shop.told_customers] == ([300] if told else [])


@pytest.mark.parametrize(("version", "note"), [("2026-10", None), ("2027-01", "Boomerang transfer 1")])
def test_the_transfers_id_is_noted_from_the_version_on_that_knows_notes(
    desk: Desk, version: str, note: str | None
) -> None:
    desk.use_version(version)
    customer = desk.customer()
    ids = [desk.plan(customer, 300), desk.plan(customer, 100, DEBIT)]
    desk.send()

    assert desk.account(customer).transactions[0].note == note
    assert [row.note for row in desk.rows(ids)] == [note, note and note.replace("1", "2")]


def test_with_a_note_an_equal_credit_of_somebody_else_raises_no_doubt(desk: Desk) -> None:
    desk.use_version("2027-01")
    customer = desk.customer()
    transfer_id = desk.plan(customer, 700)
    desk.faults("hang_after_commit")
    desk.send()
    desk.give(customer, 700)

    assert desk.send_until_done() == {"confirmed": 1}
    ours = desk.account(customer).transactions[0]
    assert desk.row(transfer_id).shopify_transaction_id.endswith(f"/{ours.id}")


def test_what_was_sent_without_a_note_is_still_told_by_its_time_after_the_version_changed(desk: Desk) -> None:
    customer = desk.customer()
    desk.plan(customer, 700)
    desk.faults("hang_after_commit")
    desk.send()
    desk.use_version("2027-01")

    assert desk.send_until_done() == {"confirmed": 1}
    assert desk.amounts(customer) == [700]


def test_a_doubt_is_kept_as_data(desk: Desk) -> None:
    customer = desk.customer()
    transfer_id = desk.plan(customer, 700)
    desk.faults("hang_after_commit")
    desk.send()
    foreign = desk.give(customer, 700)
    desk.clock.advance(1)
    desk.send()

    doubt = desk.row(transfer_id).doubt
    assert (doubt["sent_minor"], doubt["watermark"]) == (700, 0)
    assert {found["gid"] for found in doubt["found"]} == {
        f"{GID}{desk.account(customer).transactions[0].id}",
        f"{GID}{foreign.id}",
    }
    assert {found["why"] for found in doubt["found"]} == {"Others look the same."}
    with transaction() as session:
        books.decide(session, desk.shop_id, transfer_id, True, str(foreign.id), "staff:7", desk.clock())
    assert desk.row(transfer_id).doubt is None


# What Shopify may answer to three moves at once.

MADE = {
    "storeCreditAccountTransaction": {
        "id": f"{GID}5",
        "amount": {"amount": "1.0", "currencyCode": "USD"},
        "balanceAfterTransaction": {"amount": "7.0", "currencyCode": "USD"},
    },
    "userErrors": [],
}
NOT_MADE = {
    "storeCreditAccountTransaction": None,
    "userErrors": [{"code": "CREDIT_LIMIT_EXCEEDED", "field": None, "message": "Too much"}],
}


def error(code: str | None, *path: str) -> dict[str, Any]:
    return {"message": "A message", "path": list(path), **({"extensions": {"code": code}} if code else {})}


def outcomes_of(body: dict[str, Any]) -> list[str]:
    """Return what is made of an answer to three moves."""
    with responses.RequestsMock() as mock:
        mock.post(f"{ORIGIN}/admin/api/2026-10/graphql.json", json=body)
        moves = [Move(TransferKind.CREDIT, f"gid://shopify/Customer/{number}", 100, "USD") for number in range(3)]
        results = send_moves(
            Gateway(ORIGIN, "2026-10", "a-token", 1), moves, max_wait_seconds=0, before_send=lambda: None
        )
        sent = json.loads(mock.calls[0].request.body or "")
    assert sorted(sent["variables"]) == ["id_0", "id_1", "id_2", "input_0", "input_1", "input_2"]
    return [
        "made" if isinstance(each, Receipt) else each.code if isinstance(each, MoveRefused) else type(each).__name__
        for each in results
    ]


@pytest.mark.parametrize(
    ("data", "errors", "expected"),
    [
        ((MADE, NOT_MADE, MADE), [], ["made", "CREDIT_LIMIT_EXCEEDED", "made"]),
        ((MADE, None, MADE), [error("CURRENCY_CODE_INVALID", "move_1")], ["made", "CURRENCY_CODE_INVALID", "made"]),
        ((MADE, None, MADE), [error("ACCESS_DENIED", "move_1")], ["made", "ACCESS_DENIED", "made"]),
        ((MADE, None, MADE), [error("INTERNAL_SERVER_ERROR", "move_1")], ["made", "NoAnswer", "made"]),
        ((MADE, None, MADE), [error("A_NEW_ONE", "move_1")], ["made", "NoAnswer", "made"]),
        ((MADE, None, MADE), [error("ACCESS_DENIED", "move_1", "account")], ["made", "NoAnswer", "made"]),
        ((MADE, None, MADE), [], ["made", "NoAnswer", "made"]),
        ((MADE, None, None), [error("ACCESS_DENIED", "move_1")], ["made", "ACCESS_DENIED", "NoAnswer"]),
        ((MADE, None, None), [error("ACCESS_DENIED")], ["made", "NoAnswer", "NoAnswer"]),
        ((MADE, None, None), [error("THROTTLED", "move_1")], ["made", "NoAnswer", "NoAnswer"]),
        ((MADE, MADE, MADE), [error("INTERNAL_SERVER_ERROR", "move_1", "account")], ["made", "made", "made"]),
        (
            (MADE, {}, {"storeCreditAccountTransaction": None, "userErrors": []}),
            [],
            ["made", "Unreadable", "Unreadable"],
        ),
    ],
)
def test_each_move_is_judged_by_its_own_part_of_the_answer(
    data: tuple[Any, ...], errors: list[dict[str, Any]], expected: list[str]
) -> None:
    body = {"data": {f"move_{number}": part for number, part in enumerate(data)}}
    assert outcomes_of({**body, **({"errors": errors} if errors else {})}) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"errors": [error("THROTTLED")]}, Throttled),
        ({"errors": [error("THROTTLED")], "data": {"move_0": None, "move_1": None, "move_2": None}}, Throttled),
        ({"errors": [error("INVALID_VARIABLE")]}, DocumentRefused),
        ({"errors": [error("ACCESS_DENIED", "move_0")], "data": {"move_0": None}}, AccessDenied),
        ({"errors": [error("INTERNAL_SERVER_ERROR")]}, ServerTrouble),
        ({"errors": [error(None)]}, ServerTrouble),
        ({}, NoAnswer),
    ],
)
def test_what_concerns_all_moves_is_raised(body: dict[str, Any], expected: type[Exception]) -> None:
    with pytest.raises(expected):
        outcomes_of(body)


def test_the_moves_of_one_kind_of_customer_may_mix(desk: Desk) -> None:
    taken, given = desk.customer(), desk.customer()
    desk.give(taken, 500)
    desk.plan(taken, 200, DEBIT)
    desk.plan(given, 300, CREDIT)

    assert desk.send(batch=10).outcomes == {"confirmed": 2}
    assert (desk.amounts(taken), desk.amounts(given)) == ([500, -200], [300])
