"""What a mail server's answer means for one mail and for all of them, and how long is waited for the next try."""

from datetime import timedelta

import pytest

from app.engine.rules.mailing import (
    LONGEST_OUTAGE_WAIT,
    WAITS,
    Fate,
    Step,
    address_key,
    is_dead_mailbox,
    judge_answer,
    outage_wait,
    wait_after,
)


@pytest.mark.parametrize(
    ("step", "code", "said", "fate"),
    [
        (Step.SENDER, 550, "5.7.1 Sender not allowed", Fate.OUTAGE),
        (Step.SENDER, 451, "Try later", Fate.OUTAGE),
        (Step.RECIPIENT, 421, "Too many connections", Fate.OUTAGE),
        (Step.CONTENT, 421, "Closing", Fate.OUTAGE),
        (Step.RECIPIENT, 530, "Authentication required", Fate.OUTAGE),
        (Step.RECIPIENT, 450, "4.2.1 Mailbox busy", Fate.LATER),
        (Step.CONTENT, 452, "Out of storage", Fate.LATER),
        (Step.RECIPIENT, 550, "No such user", Fate.DEAD_ADDRESS),
        (Step.RECIPIENT, 551, "User not local", Fate.DEAD_ADDRESS),
        (Step.RECIPIENT, 553, "Mailbox name not allowed", Fate.DEAD_ADDRESS),
        (Step.RECIPIENT, 550, "5.1.1 No such user", Fate.DEAD_ADDRESS),
        (Step.RECIPIENT, 554, "5.1.2 Bad domain", Fate.DEAD_ADDRESS),
        (Step.RECIPIENT, 550, "5.2.1 Disabled", Fate.DEAD_ADDRESS),
        (Step.CONTENT, 550, "5.1.1 No such user", Fate.DEAD_ADDRESS),
        (Step.RECIPIENT, 550, "Relaying denied", Fate.REFUSED),
        (Step.RECIPIENT, 554, "Relay access denied", Fate.REFUSED),
        (Step.RECIPIENT, 550, "5.7.1 Relaying denied", Fate.REFUSED),
        (Step.RECIPIENT, 552, "5.2.2 Mailbox full", Fate.REFUSED),
        (Step.RECIPIENT, 553, "5.1.8 Sender's domain does not exist", Fate.REFUSED),
        (Step.RECIPIENT, 501, "5.1.7 Bad sender", Fate.REFUSED),
        (Step.RECIPIENT, 550, "4.1.1 A code that fits no answer", Fate.REFUSED),
        (Step.CONTENT, 550, "Looks like spam", Fate.REFUSED),
        (Step.CONTENT, 554, "5.7.1 Rejected", Fate.REFUSED),
    ],
)
def test_an_answer_is_about_all_mails_about_this_one_or_about_its_address(
    step: Step, code: int, said: str, fate: Fate
) -> None:
    assert judge_answer(step, code, said) is fate


@pytest.mark.parametrize(
    ("status", "diagnosis", "is_dead"),
    [
        ("5.1.1", "", True),
        ("5.4.4", "host not found", True),
        ("5.0.0", "550 5.1.1 unknown", True),
        ("5.0.0", "550-No such user", True),
        ("5.0.0", "554 rejected", False),
        ("5.0.0", "no code", False),
        ("5.2.2", "550 5.1.1 the status counts", False),
        ("4.4.7", "550 too late", False),
        ("", "550 5.1.1", False),
    ],
)
def test_a_report_says_whether_there_is_a_mailbox(status: str, diagnosis: str, is_dead: bool) -> None:
    assert is_dead_mailbox(status, diagnosis) is is_dead


def test_waits_grow_over_more_than_a_day_and_begin_anew_when_a_person_wants_it() -> None:
    assert [wait_after(attempt) for attempt in range(1, 11)] == [*WAITS, None]
    assert list(WAITS) == sorted(WAITS)
    assert timedelta(days=1) < sum(WAITS, timedelta()) < timedelta(days=2)
    assert (wait_after(11), wait_after(20)) == (WAITS[0], None)


def test_a_server_that_is_away_is_asked_less_and_less_often() -> None:
    waits = [outage_wait(tries) for tries in range(1, 100)]
    assert waits[:3] == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_OUTAGE_WAIT


def test_an_address_is_known_however_it_is_written() -> None:
    assert address_key(" Ada@Example.COM\n") == "ada@example.com"
