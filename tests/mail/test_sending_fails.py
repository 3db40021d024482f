"""What a mail server does wrong never loses a mail and never sends one twice."""

import socket
import time
from datetime import timedelta
from typing import Any

import pytest

from app.db import transaction
from app.engine.flows import mail_states, mails
from app.engine.rules.mailing import Refusal
from app.engine.rules.messages import MailState
from app.errors import Refused
from app.mail import sending, server
from tests.flows.builders import STAFF
from tests.mail.desk import MailDesk
from tests.mail.postbox import (
    ABORT,
    HOST,
    SILENCE,
    Postbox,
    listening,
    serving,
)

S = MailState


# What goes wrong with one mail.


@pytest.mark.parametrize("answer", ["550 5.1.1 No such user", "553 Mailbox name not allowed", "551 User not local"])
def test_an_address_without_a_mailbox_gets_no_mails_any_more(desk: MailDesk, box: Postbox, answer: str) -> None:
    box.refused["ada@example.com"] = f"{answer} <ada@example.com>"
    first, other = desk.write(), desk.write("ben@example.com")
    desk.send()
    seen = desk.look(first)
    assert (seen.state, seen.refusal) == (S.REFUSED, Refusal.RECIPIENT)
    assert answer in (seen.error or "")
    assert "ada@" not in (seen.error or "")
    assert desk.look(other).state is S.SENT
    assert desk.stops() == [("ada@example.com", "bounced", None)]
    with pytest.raises(Refused, match="This address is to get no such mails"), transaction() as session:
        mails.send_again(session, desk.till.id, first, STAFF, desk.now)
    late = desk.write("ADA@example.com")
    desk.send()
    assert desk.look(late).refusal is Refusal.STOPPED
    assert box.recipients == ["ben@example.com"]


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("RCPT", "550 5.7.1 We do not like you"),
        ("RCPT", "550 Relaying denied"),
        ("RCPT", "552 5.2.2 Mailbox full"),
        ("END", "550 Looks like spam"),
        ("END", "554 5.7.1 Message rejected"),
        ("DATA", "554 No valid recipients"),
    ],
)
def test_what_a_server_refuses_for_another_reason_stops_no_address(
    desk: MailDesk, box: Postbox, step: str, answer: str
) -> None:
    box.will_say(step, answer)
    number, other = desk.write(), desk.write("ben@example.com")
    desk.send()
    seen = desk.look(number)
    assert (seen.state, seen.refusal, desk.stops()) == (S.REFUSED, Refusal.SERVER, [])
    assert seen.error == f"The mail server says: {answer}"
    assert desk.look(other).state is S.SENT


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("RCPT", "451 4.7.1 Greylisted"),
        ("END", "452 Try later"),
        ("DATA", "451 Local error"),
        *((at, ABORT) for at in ("MAIL", "RCPT", "DATA")),
    ],
)
def test_what_certainly_was_not_taken_goes_again_a_minute_later(
    desk: MailDesk, box: Postbox, step: str, answer: str
) -> None:
    box.will_say(step, answer)
    number, other = desk.write(), desk.write("ben@example.com")
    assert desk.send().outcomes == {"later": 1, "sent": 1}
    seen = desk.look(number)
    assert (seen.state, seen.next_attempt_at) == (S.PLANNED, desk.now + timedelta(minutes=1))
    assert seen.error
    assert (desk.look(other).state, desk.due_shops()) == (S.SENT, [])
    desk.wait(seconds=59)
    assert desk.send().outcomes == {}
    desk.wait(seconds=1)
    assert desk.due_shops() == [desk.till.id]
    desk.send()
    seen = desk.look(number)
    assert (seen.state, seen.error, seen.attempts) == (S.SENT, None, 2)
    assert sorted(box.recipients) == ["ada@example.com", "ben@example.com"]


def test_after_ten_attempts_in_a_day_and_a_half_a_mail_is_given_up_and_a_person_may_try_ten_more(
    desk: MailDesk, box: Postbox
) -> None:
    box.refused["ada@example.com"] = "450 Mailbox busy"
    desk.choose(quiet_from="00:00", quiet_to="00:00")
    number = desk.write()
    began_at = desk.now
    while desk.look(number).state is S.PLANNED:
        assert desk.send().outcomes == {"later": 1}
        desk.now = desk.look(number).next_attempt_at or desk.now
    assert (desk.look(number).attempts, desk.look(number).refusal) == (10, Refusal.GAVE_UP)
    assert timedelta(days=1) < desk.now - began_at < timedelta(days=2)
    with transaction() as session:
        mails.send_again(session, desk.till.id, number, STAFF, desk.now)
    desk.send()
    assert (desk.look(number).state, desk.look(number).next_attempt_at) == (S.PLANNED, desk.now + timedelta(minutes=1))


# What nobody can know.


@pytest.mark.parametrize("ending", [ABORT, SILENCE, "299"])
def test_a_mail_broken_off_at_its_very_end_is_unknown_and_goes_again_only_if_a_person_wants_it(
    desk: MailDesk, box: Postbox, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(server, "FINAL_SECONDS", 2)
    box.will_say("END", "pardon?" if ending == "299" else ending)
    number, other = desk.write(), desk.write("ben@example.com")
    assert desk.send().outcomes == {"unknown": 1, "sent": 1}
    assert desk.look(number).state is S.UNKNOWN
    assert "gave no answer" in (desk.look(number).error or "")
    desk.wait(days=1)
    assert desk.send().outcomes == {}
    with transaction() as session:
        mails.send_again(session, desk.till.id, number, STAFF, desk.now)
    assert desk.send().outcomes == {"sent": 1}
    assert (desk.look(number).state, desk.look(other).state) == (S.SENT, S.SENT)


def test_a_worker_that_dies_while_a_mail_goes_over_the_wire_leaves_it_unknown(desk: MailDesk, box: Postbox) -> None:
    number, other = desk.write(), desk.write("ben@example.com")
    with transaction() as session:
        first, _ = mail_states.claim_some(session, desk.till.id, desk.now, 300, 2)
        assert mail_states.mark_sending(session, first, desk.now, 300) is not None
    assert desk.send().outcomes == {}
    desk.wait(seconds=300)
    assert desk.due_shops() == [desk.till.id]
    assert desk.send().outcomes == {"sent": 1}
    assert (desk.look(number).state, desk.look(other).state) == (S.UNKNOWN, S.SENT)
    assert (box.recipients, desk.due_shops()) == (["ben@example.com"], [])


def test_what_a_dead_worker_was_sending_is_given_up_where_there_is_no_mail_server_any_more(desk: MailDesk) -> None:
    number = desk.write()
    with transaction() as session:
        (one,) = mail_states.claim_some(session, desk.till.id, desk.now, 300, 1)
        assert mail_states.mark_sending(session, one, desk.now, 300) is not None
    desk.lead_to("")
    assert desk.send().outcomes == {}
    assert desk.look(number).state is S.SENDING
    desk.wait(seconds=300)
    assert desk.due_shops() == [desk.till.id]
    assert desk.send().outcomes == {}
    assert (desk.look(number).state, desk.due_shops()) == (S.UNKNOWN, [])


def test_a_crash_after_the_commit_and_before_the_sending_loses_nothing(
    desk: MailDesk, box: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.write()

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sending, "compose", crash)
        with pytest.raises(KeyboardInterrupt):
            desk.send()
    assert desk.look(number).state is S.PLANNED
    desk.wait(seconds=301)
    assert desk.send().outcomes == {"sent": 1}


def test_an_answer_that_comes_after_the_lease_is_over_still_counts(desk: MailDesk) -> None:
    number = desk.write()
    with transaction() as session:
        (claim,) = mail_states.claim_some(session, desk.till.id, desk.now, 300, 1)
        going = mail_states.mark_sending(session, claim, desk.now, 300)
        assert going is not None
    desk.wait(seconds=300)
    with transaction() as session:
        assert mail_states.claim_some(session, desk.till.id, desk.now, 300, 1) == []
    assert desk.look(number).state is S.UNKNOWN
    with transaction() as session:
        mail_states.mark_sent(session, going, desk.now)
    assert desk.look(number).state is S.SENT


# A server that is away.


def test_while_the_server_is_away_all_wait_and_it_is_said_once(
    desk: MailDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    desk.lead_to(f"smtp://{HOST}:{port}?starttls=no")
    numbers = [desk.write() for _ in range(3)]
    began_at = desk.now
    waits = []
    for _ in range(9):
        assert "cannot be reached" in (desk.send().stopped_by or "")
        outage = desk.outage()
        assert outage is not None
        assert (desk.due_shops(), desk.send().outcomes) == ([], {})
        waits.append((outage.next_try_at - desk.now).total_seconds())
        desk.now = outage.next_try_at
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert outage.began_at == began_at
    assert {desk.look(one).attempts for one in numbers} == {0}
    assert capsys.readouterr().out.count("mail_server_away") == 1
    box = Postbox()
    with serving(box) as open_port:
        desk.lead_to(f"smtp://{HOST}:{open_port}?starttls=no")
        assert desk.send().outcomes == {"sent": 3}
    assert (desk.outage(), len(box.taken)) == (None, 3)
    assert "mail_server_back" in capsys.readouterr().out


def test_a_server_that_nobody_asks_any_more_is_not_away(desk: MailDesk) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    desk.lead_to(f"smtp://{HOST}:{port}?starttls=no")
    desk.write()
    desk.send()
    assert desk.outage() is not None
    desk.lead_to("")
    desk.wait(minutes=5)
    assert desk.send().outcomes == {"kept": 1}
    assert desk.outage() is None


@pytest.mark.parametrize("answer", ["550 5.7.1 Sender not allowed", "421 Too busy", "451 4.3.0 Out of order"])
def test_a_sender_that_the_server_does_not_take_is_everybodys_trouble(
    desk: MailDesk, box: Postbox, answer: str
) -> None:
    box.will_say("MAIL", answer)
    number = desk.write()
    assert answer in (desk.send().stopped_by or "")
    assert (desk.look(number).state, desk.look(number).attempts) == (S.PLANNED, 0)
    desk.wait(seconds=5)
    assert desk.send().outcomes == {"sent": 1}


def test_a_server_that_closes_after_the_command_data_is_asked_again(desk: MailDesk, box: Postbox) -> None:
    box.will_say("DATA", "421 Closing")
    number = desk.write()
    assert "421 Closing" in (desk.send().stopped_by or "")
    assert (desk.look(number).state, desk.look(number).attempts) == (S.PLANNED, 1)
    desk.wait(minutes=1)
    assert desk.send().outcomes == {"sent": 1}


def test_a_connection_that_ends_again_and_again_is_an_outage(desk: MailDesk, box: Postbox) -> None:
    box.will_say("RCPT", *[ABORT] * 3)
    numbers = [desk.write() for _ in range(5)]
    report = desk.send()
    assert "again and again" in (report.stopped_by or "")
    assert report.outcomes == {"later": 3}
    assert [desk.look(one).attempts for one in numbers] == [1, 1, 1, 0, 0]
    desk.wait(seconds=5)
    assert desk.send().outcomes == {"sent": 2}


def test_a_mail_that_makes_the_server_end_does_not_hold_up_the_others(desk: MailDesk, box: Postbox) -> None:
    poisoned = desk.write()
    for _ in range(3):
        box.will_say("RCPT", ABORT)
        desk.send()
        desk.now = desk.look(poisoned).next_attempt_at or desk.now
    box.will_say("RCPT", ABORT)
    other = desk.write("ben@example.com")
    desk.send()
    desk.wait(minutes=6)
    desk.send()
    assert desk.look(other).state is S.SENT


def test_an_address_at_which_the_server_closes_does_not_hold_up_the_others(desk: MailDesk, box: Postbox) -> None:
    poisoned, other = desk.write(), desk.write("ben@example.com")
    box.will_say("RCPT", "421 4.7.0 Not to this one")
    assert "421 4.7.0" in (desk.send().stopped_by or "")
    assert (desk.look(poisoned).attempts, desk.look(other).attempts) == (1, 0)
    desk.wait(seconds=5)
    assert desk.send().outcomes == {"sent": 1}
    assert (desk.look(poisoned).state, desk.look(other).state) == (S.PLANNED, S.SENT)


def test_a_greeting_that_comes_late_is_waited_for_and_one_that_never_comes_is_not(
    desk: MailDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[bytes] = []

    def greet_late(visitor: socket.socket) -> None:
        time.sleep(0.2)
        for answer in (
            b"220 late\r\n",
            b"250 OK\r\n",
            b"250 OK\r\n",
            b"250 OK\r\n",
            b"354 go on\r\n",
            b"250 taken\r\n",
        ):
            visitor.sendall(answer)
            data = visitor.recv(65536)
            while answer.startswith(b"354") and not data.endswith(b"\r\n.\r\n"):
                data += visitor.recv(65536)
            said.append(data)

    with listening(greet_late) as port:
        desk.lead_to(f"smtp://{HOST}:{port}?starttls=no")
        first = desk.write()
        assert desk.send().outcomes == {"sent": 1}
    assert said[0] == b"ehlo app.example.com\r\n"

    monkeypatch.setattr(server, "CONNECT_SECONDS", 0.5)

    def say_nothing(visitor: socket.socket) -> None:
        visitor.recv(1)

    with listening(say_nothing) as port:
        desk.lead_to(f"smtp://{HOST}:{port}?starttls=no")
        second = desk.write()
        assert "does not answer" in (desk.send().stopped_by or "")
    assert (desk.look(first).state, desk.look(second).state) == (S.SENT, S.PLANNED)


def test_a_server_that_hangs_in_the_midst_is_not_waited_for_forever(
    desk: MailDesk, box: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ANSWER_SECONDS", 2)
    box.will_say("RCPT", SILENCE)
    number, other = desk.write(), desk.write("ben@example.com")
    assert desk.send().outcomes == {"later": 1, "sent": 1}
    assert (desk.look(number).state, desk.look(other).state) == (S.PLANNED, S.SENT)
