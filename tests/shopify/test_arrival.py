"""The verdict of a read-back, case by case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.engine.rules.arrival import (
    Absent,
    Arrived,
    Claim,
    Doubtful,
    Movement,
    MovementKind,
    Sent,
    decide_arrival,
    reaches_back,
)
from app.engine.rules.states import TransferKind

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FAR = datetime(2036, 11, 20, 12, 0, tzinfo=UTC)
WINDOW = timedelta(seconds=45)
SECOND = timedelta(seconds=1)
SENT = Sent(amount_minor=700, watermark=100, sent_at=NOW)
MARKED = replace(SENT, expires_at=FAR)


def claim(kind: TransferKind = TransferKind.CREDIT) -> Claim:
    return Claim(
        shop_id=1,
        transfer_id=1,
        customer_gid="gid://shopify/Customer/1",
        kind=kind,
        currency="USD",
        amount_minor=700,
        attempt=1,
        leased_until=NOW,
        is_in_flight=True,
    )


def credit(number: int = 101, **changes: object) -> Movement:
    movement = Movement(
        kind=MovementKind.CREDIT,
        gid=f"gid://shopify/StoreCreditAccountCreditTransaction/{number}",
        amount_minor=700,
        balance_after_minor=700,
        created_at=NOW + SECOND,
        is_adjustment=True,
    )
    return replace(movement, **changes)


def judge(*movements: Movement, sent: Sent = SENT, claimed: tuple[str, ...] = ()) -> object:
    return decide_arrival(claim(), sent, movements, claimed, WINDOW)


@pytest.mark.parametrize(
    "other",
    [
        credit(100),
        credit(99),
        credit(amount_minor=701),
        credit(amount_minor=-700),
        credit(is_adjustment=False),
        credit(kind=MovementKind.DEBIT_REVERT),
        credit(kind=MovementKind.EXPIRATION, gid=None),
        credit(kind=MovementKind.DEBIT),
    ],
    ids=["the watermark itself", "older", "another amount", "negative", "by an order", "revert", "expiry", "debit"],
)
@pytest.mark.parametrize("sent", [SENT, MARKED], ids=["without fingerprint", "with fingerprint"])
def test_what_differs_in_kind_amount_origin_or_age_is_not_ours(other: Movement, sent: Sent) -> None:
    assert judge(replace(other, expires_at=sent.expires_at), sent=sent) == Absent()


def test_a_transaction_that_answers_for_another_transfer_is_not_ours() -> None:
    assert judge(credit(101), claimed=(str(credit(101).gid),)) == Absent()


def test_without_a_fingerprint_exactly_one_alike_is_ours() -> None:
    assert judge(credit(101), credit(102, amount_minor=5)) == Arrived(credit(101))


def test_without_a_fingerprint_two_alike_are_a_doubt_that_names_both() -> None:
    verdict = judge(credit(101), credit(102))

    assert isinstance(verdict, Doubtful)
    assert "/101 of 7.00 USD" in verdict.sentence
    assert "/102 of 7.00 USD" in verdict.sentence


@pytest.mark.parametrize(
    ("moved", "expected"),
    [
        (WINDOW, Arrived),
        (WINDOW + SECOND, Doubtful),
        (-timedelta(minutes=10), Arrived),
        (-timedelta(minutes=10, seconds=1), Doubtful),
    ],
)
def test_without_a_fingerprint_a_time_that_does_not_fit_is_a_doubt_and_never_proof_of_absence(
    moved: timedelta, expected: type
) -> None:
    assert isinstance(judge(credit(created_at=NOW + moved)), expected)


def test_with_a_fingerprint_only_the_one_that_expires_in_that_second_is_ours() -> None:
    ours = credit(102, expires_at=FAR, created_at=NOW + timedelta(hours=3))

    assert judge(credit(101), ours, credit(103, expires_at=FAR + timedelta(days=30)), sent=MARKED) == Arrived(ours)


def test_with_a_fingerprint_two_that_expire_in_that_second_are_a_doubt() -> None:
    assert isinstance(judge(credit(101, expires_at=FAR), credit(102, expires_at=FAR), sent=MARKED), Doubtful)


def test_an_expiry_kept_inexactly_is_a_doubt_and_never_proof_of_absence() -> None:
    assert isinstance(judge(credit(expires_at=FAR.replace(hour=23, minute=59)), sent=MARKED), Doubtful)
    assert judge(credit(expires_at=FAR + timedelta(days=2)), sent=MARKED) == Absent()
    assert judge(credit(expires_at=None), sent=MARKED) == Absent()


def test_a_debit_is_looked_for_with_a_negative_amount() -> None:
    debit = credit(kind=MovementKind.DEBIT, amount_minor=-700)

    found = decide_arrival(
        claim(TransferKind.DEBIT), SENT, [credit(101), replace(debit, gid="gid://x/102")], (), WINDOW
    )

    assert found == Arrived(replace(debit, gid="gid://x/102"))


def test_before_a_first_sending_reading_goes_to_the_newest_transaction_with_an_id() -> None:
    expired = credit(kind=MovementKind.EXPIRATION, gid=None)

    assert not reaches_back(None)([expired])
    assert reaches_back(None)([expired, credit(5)])


@pytest.mark.parametrize(
    ("number", "age", "enough"),
    [(100, 11, True), (99, 60, True), (101, 11, False), (100, 9, False), (99, -1, False)],
)
def test_after_a_sending_reading_goes_on_until_id_and_time_both_lie_before_it(
    number: int, age: int, enough: bool
) -> None:
    movement = credit(number, created_at=NOW - timedelta(minutes=age))

    assert reaches_back(SENT)([movement]) is enough


NOTED = replace(MARKED, note="Boomerang transfer 1")


def judge_noted(*movements: Movement, reads_notes: bool = True) -> object:
    return decide_arrival(claim(), NOTED, movements, (), WINDOW, reads_notes=reads_notes)


def test_a_note_that_can_be_read_decides_alone() -> None:
    ours = credit(102, note="Boomerang transfer 1", created_at=NOW + timedelta(hours=5))

    assert judge_noted(credit(101, expires_at=FAR), ours) == Arrived(ours)
    assert judge_noted(credit(101, expires_at=FAR), credit(102, note="Boomerang transfer 11")) == Absent()


def test_where_notes_cannot_be_read_the_fingerprint_decides() -> None:
    assert judge_noted(credit(101, expires_at=FAR), reads_notes=False) == Arrived(credit(101, expires_at=FAR))
    assert judge_noted(credit(101), reads_notes=False) == Absent()


def test_two_with_our_note_or_one_that_differs_in_amount_are_a_doubt() -> None:
    two = judge_noted(credit(101, note=NOTED.note), credit(102, note=NOTED.note))
    other = judge_noted(credit(101, note=NOTED.note, amount_minor=701))

    assert isinstance(two, Doubtful)
    assert [each.why for each in two.candidates] == ["Several carry the transfer's note."] * 2
    assert isinstance(other, Doubtful)
    assert "/101 of 7.01 USD" in other.sentence
    assert other.candidates[0].why == "It carries the transfer's note, but differs."


def test_a_doubt_says_of_each_candidate_why_it_is_not_sure() -> None:
    early = credit(101, created_at=NOW - timedelta(hours=1))
    by_time = judge(early, credit(102))
    twins = judge(credit(101, expires_at=FAR), credit(102, expires_at=FAR), sent=MARKED)
    near = judge(credit(101, expires_at=FAR + SECOND), sent=MARKED)

    assert [each.why for each in by_time.candidates] == ["It was made too early or too late.", "Others look the same."]
    assert {each.why for each in twins.candidates} == {"Several expire in the very second of the transfer."}
    assert [each.why for each in near.candidates] == [
        "It expires almost when the transfer should, but not in that second."
    ]
