"""Mails leave over SMTP, each once; what a mail server does wrong never loses one and never sends one twice."""

import socket
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import jobs
from app.clock import utcnow
from app.db import bound_to, db, transaction
from app.engine.flows import mail_states, mails
from app.engine.rules.mailing import Refusal
from app.engine.rules.messages import MailKind, MailState, Saying
from app.errors import Refused
from app.mail import sending, server
from app.models import Mail, Shop
from tests.flows.builders import STAFF, reading
from tests.mail.desk import MailDesk
from tests.mail.postbox import (
    ABORT,
    HOST,
    PASSWORD,
    SILENCE,
    USER,
    Postbox,
    authenticate,
    listening,
    make_certificate,
    serving,
)

S = MailState


def test_a_mail_is_sent_once_with_all_that_its_readers_need(desk: MailDesk, box: Postbox) -> None:
    desk.choose(sender_name="Märchen & Töchter", reply_to="hello@shop.example.com")
    number = desk.write(subject="Ihr Guthaben: 2,00 €")
    report = desk.send()
    assert (dict(report.outcomes), report.stopped_by, report.is_more) == ({"sent": 1}, None, False)
    assert desk.look(number).state is S.SENT
    assert desk.look(number).sent_at == desk.now
    (mail,) = box.taken
    assert box.recipients == ["ada@example.com"]
    assert mail["From"] == "Märchen & Töchter <cashback@shop.example.com>"
    assert mail["Reply-To"] == "hello@shop.example.com"
    assert (mail["To"], mail["Subject"]) == ("ada@example.com", "Ihr Guthaben: 2,00 €")
    assert (mail["Auto-Submitted"], mail["Content-Language"]) == ("auto-generated", "en")
    assert mail["Message-ID"] == f"<mail-{mail['X-Boomerang-Mail']}@shop.example.com>"
    assert mail["Date"].datetime == desk.now
    assert mail["List-Unsubscribe"].startswith("<https://app.example.com/told/stop/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert text.get_content().splitlines() == ["You have 2.00 more."]
    assert (html.get_content_type(), html.get_content().strip()) == ("text/html", "<p>You have 2.00 more.</p>")
    desk.wait(hours=1)
    assert (desk.send().outcomes, len(box.taken)) == ({}, 1)


@pytest.mark.parametrize("kind", [MailKind.ALERT, MailKind.SUMMARY, MailKind.TEST])
def test_what_staff_get_has_no_link_to_stop_it(desk: MailDesk, box: Postbox, kind: MailKind) -> None:
    desk.write(kind=kind, sayings=())
    desk.send()
    (mail,) = box.taken
    assert mail["List-Unsubscribe"] is None
    assert mail["From"] == '"made-up.myshopify.com" <cashback@shop.example.com>'


def test_a_line_that_begins_with_a_dot_and_long_lines_arrive_as_they_are(desk: MailDesk, box: Postbox) -> None:
    number = desk.write()
    text = "..\n.\n.hidden\n" + "x" * 3000 + "\nünï €\n"
    with transaction() as session:
        session.get_one(Mail, number).text = text
    desk.send()
    (mail,) = box.taken
    assert next(mail.iter_parts()).get_content().splitlines() == text.splitlines()


def test_no_text_adds_a_header_or_a_recipient(desk: MailDesk, box: Postbox) -> None:
    desk.choose(sender_name='Shop"\r\nBcc: eve@example.com')
    desk.write(subject="Hello\r\nBcc: eve@example.com\r\n\r\nBody\x07\u2028")
    bad = [
        desk.write(address)
        for address in (
            "ada@example.com\r\nRCPT TO:<eve@example.com>",
            "ada@example.com, eve@example.com",
            "<ada@example.com>",
            "nobody",
            "@example.com",
            "ada@",
            "a@b@example.com",
            "ada@exa mple.com",
            "ada@" + "x" * 70 + ".com",
            "x" * 300 + "@example.com",
            "",
        )
    ]
    desk.send()
    (mail,) = box.taken
    assert box.recipients == ["ada@example.com"]
    assert (mail["Bcc"], mail["Subject"]) == (None, "Hello Bcc: eve@example.com Body")
    assert {(desk.look(one).state, desk.look(one).refusal) for one in bad} == {(S.REFUSED, Refusal.ADDRESS)}
    assert desk.stops() == []


def test_a_name_of_a_server_in_any_script_is_sent_to(desk: MailDesk) -> None:
    box = Postbox()
    with serving(box, enable_SMTPUTF8=False) as port:
        desk.lead_to(f"smtp://{HOST}:{port}?starttls=no")
        desk.write("ada@bücher.example.com")
        number = desk.write("jürgen@example.com")
        desk.send()
    assert box.recipients == ["ada@xn--bcher-kva.example.com"]
    assert desk.look(number).refusal is Refusal.ADDRESS


def test_a_server_that_knows_international_addresses_gets_them(desk: MailDesk, box: Postbox) -> None:
    desk.write("jürgen@example.com")
    desk.write("ada@example.com")
    desk.send()
    assert box.recipients == ["jürgen@example.com", "ada@example.com"]


def test_many_mails_share_a_connection_and_go_oldest_first(desk: MailDesk, box: Postbox) -> None:
    for number in range(45):
        desk.write(subject=str(number))
    desk.send()
    assert box.subjects == [str(number) for number in range(45)]
    assert box.connections == 1


def test_staff_do_not_wait_behind_customers(desk: MailDesk, box: Postbox) -> None:
    for number in range(3):
        desk.write(subject=str(number))
    desk.write(subject="alert", kind=MailKind.ALERT, sayings=())
    desk.send()
    assert box.subjects == ["alert", "0", "1", "2"]


def test_without_a_mail_server_mails_are_kept(desk: MailDesk) -> None:
    number = desk.write()
    assert desk.send().outcomes == {"kept": 1}
    assert desk.look(number).state is S.KEPT
    assert desk.due_shops() == []


# How it is spoken to.


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what a server needs for TLS; its certificate is one we trust."""
    context, path = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return context


LOGIN = f"{USER}:{PASSWORD.replace('/', '%2F').replace(':', '%3A').replace('@', '%40')}"


def test_a_password_goes_over_starttls(desk: MailDesk, certificate: Any) -> None:
    box = Postbox()
    how = {"tls_context": certificate, "require_starttls": True, "auth_required": True, "authenticator": authenticate}
    with serving(box, **how) as port:
        desk.lead_to(f"smtp://{LOGIN}@{HOST}:{port}")
        desk.write()
        desk.send()
    assert len(box.taken) == 1


def test_a_password_goes_over_tls(desk: MailDesk, certificate: Any) -> None:
    box = Postbox()
    how = {"ssl_context": certificate, "auth_required": True, "auth_require_tls": False, "authenticator": authenticate}
    with serving(box, **how) as port:
        desk.lead_to(f"smtps://{LOGIN}@{HOST}:{port}")
        desk.write()
        desk.send()
    assert len(box.taken) == 1


@pytest.mark.parametrize(
    ("url", "how", "sentence"),
    [
        ("smtp://{login}x@{place}", ("tls", "auth"), "does not know the user or the password"),
        ("smtp://{place}", (), "does not offer what MAIL_URL asks for"),
        ("smtp://{place}?starttls=no", ("tls", "auth"), "530 Must issue a STARTTLS"),
        ("smtps://{place}", (), "There is no TLS with the mail server"),
        ("smtp://{place}", ("tls", "auth"), "530 5.7.0 Authentication required"),
    ],
)
def test_what_all_mails_fail_from_is_an_outage_with_its_reason(
    desk: MailDesk, certificate: Any, url: str, how: tuple[str, ...], sentence: str
) -> None:
    ways: dict[str, Any] = {}
    if "tls" in how:
        ways = {"tls_context": certificate, "require_starttls": True, "auth_required": True}
    with serving(Postbox(), authenticator=authenticate, **ways) as port:
        desk.lead_to(url.format(login=LOGIN, place=f"{HOST}:{port}"))
        number = desk.write()
        assert sentence in (desk.send().stopped_by or "")
    outage = desk.outage()
    assert outage is not None
    assert sentence in outage.reason
    assert (desk.look(number).state, desk.look(number).attempts) == (S.PLANNED, 0)


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(desk: MailDesk, tmp_path: Path) -> None:
    context, _ = make_certificate(tmp_path)
    with serving(Postbox(), tls_context=context) as port:
        desk.lead_to(f"smtp://{HOST}:{port}")
        desk.write()
        assert "is not to be trusted: self-signed certificate" in (desk.send().stopped_by or "")


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
    monkeypatch.setattr(server, "FINAL_SECONDS", 0.2)
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


def test_a_greeting_that_comes_late_is_waited_for_and_one_that_never_comes_is_not(
    desk: MailDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CONNECT_SECONDS", 0.5)
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
    monkeypatch.setattr(server, "ANSWER_SECONDS", 0.2)
    box.will_say("RCPT", SILENCE)
    number, other = desk.write(), desk.write("ben@example.com")
    assert desk.send().outcomes == {"later": 1, "sent": 1}
    assert (desk.look(number).state, desk.look(other).state) == (S.PLANNED, S.SENT)


# When nothing may go.


def test_no_more_leave_a_minute_than_the_shop_wants(desk: MailDesk, box: Postbox) -> None:
    desk.choose(per_minute=5)
    for _ in range(12):
        desk.write()
    counts = []
    for _ in range(4):
        desk.send()
        counts.append(len(box.taken))
        desk.wait(seconds=30)
    assert counts == [5, 5, 10, 10]
    desk.send()
    assert len(box.taken) == 12


def test_in_quiet_hours_customers_get_none_and_staff_do(desk: MailDesk, box: Postbox) -> None:
    desk.change_shop(timezone="Europe/Berlin")
    desk.choose(quiet_from="21:00", quiet_to="08:00")
    desk.now = desk.now.replace(hour=19, minute=59)  # 20:59 in Berlin
    desk.write(subject="before")
    desk.send()
    desk.wait(minutes=1)
    number = desk.write(subject="digest")
    desk.write(subject="statement", kind=MailKind.STATEMENT, not_before=desk.now)
    desk.write(subject="alert", kind=MailKind.ALERT, sayings=())
    desk.send()
    assert box.subjects == ["before", "alert"]
    assert desk.look(number).next_attempt_at == desk.now.replace(hour=7, minute=0) + timedelta(days=1)
    assert desk.due_shops() == []
    desk.wait(hours=10, minutes=59)
    desk.send()
    assert len(box.taken) == 2
    desk.wait(minutes=1)
    assert desk.due_shops() == [desk.till.id]
    desk.send()
    assert sorted(box.subjects[2:]) == ["digest", "statement"]


def test_a_paused_shop_writes_to_staff_only_and_goes_on_later(desk: MailDesk, box: Postbox) -> None:
    desk.change_shop(paused_at=desk.now)
    desk.write(subject="digest")
    assert (desk.due_shops(), desk.send().outcomes) == ([], {})
    desk.write(subject="alert", kind=MailKind.ALERT, sayings=())
    assert desk.due_shops() == [desk.till.id]
    desk.send()
    assert box.subjects == ["alert"]
    desk.change_shop(paused_at=None)
    desk.send()
    assert box.subjects == ["alert", "digest"]


@pytest.mark.parametrize("change", [{"mails_customers": False}, {"uninstalled_at": "now"}])
def test_what_the_shop_does_not_want_any_more_is_not_sent(desk: MailDesk, box: Postbox, change: dict[str, Any]) -> None:
    number = desk.write()
    desk.change_shop(**{name: desk.now if value == "now" else value for name, value in change.items()})
    desk.send()
    assert (desk.look(number).state, desk.look(number).refusal, box.taken) == (S.REFUSED, Refusal.STOPPED, [])


def test_a_stop_that_comes_after_the_claim_is_still_heeded(desk: MailDesk, box: Postbox) -> None:
    number, partly = desk.write(), desk.write("ben@example.com", sayings=(Saying.EARNED, Saying.CREDITED))
    with transaction() as session:
        (claim, _) = mail_states.claim_some(session, desk.till.id, desk.now, 300, 2)
    with transaction() as session:
        for address in ("ADA@example.com ", "ben@example.com"):
            mails.choose_mails(session, desk.till.id, address, frozenset({Saying.EARNED}), desk.now)
        assert mail_states.mark_sending(session, claim, desk.now, 300) is None
    assert desk.look(number).refusal is Refusal.STOPPED
    desk.wait(seconds=300)
    desk.send()
    assert (desk.look(partly).state, box.recipients) == (S.SENT, ["ben@example.com"])


def test_two_workers_at_once_send_each_mail_once_and_keep_the_rate_together(
    app: Flask, desk: MailDesk, box: Postbox
) -> None:
    desk.choose(per_minute=50)
    numbers = [desk.write(f"customer-{number}@example.com", subject=str(number)) for number in range(60)]
    start = threading.Barrier(3)

    def work() -> None:
        with app.app_context():
            start.wait()
            send = sending.send_due(desk.till.id, mail_states, clock=lambda: desk.now)
            assert send.stopped_by is None
            db.session.remove()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(set(box.subjects)) == len(box.subjects) == 50
    assert [desk.look(one).state for one in numbers].count(S.SENT) == 50
    desk.wait(minutes=1)
    desk.send()
    assert sorted(map(int, box.subjects)) == list(range(60))


def test_a_run_ends_after_some_seconds_and_asks_for_another(desk: MailDesk, box: Postbox) -> None:
    for _ in range(45):
        desk.write()
    ticks = iter(range(10_000))

    def clock() -> Any:
        return desk.now + timedelta(milliseconds=30 * next(ticks))

    report = sending.send_due(desk.till.id, mail_states, clock=clock)
    assert report.is_more
    assert 0 < len(box.taken) < 45


def test_a_job_sees_its_own_shop_only(desk: MailDesk, box: Postbox) -> None:
    number = desk.write()
    with reading() as session:
        assert session.get_one(Shop, desk.till.id).uninstalled_at is None
    with bound_to(desk.till.id + 1):
        assert sending.send_due(desk.till.id, mail_states, clock=lambda: desk.now).outcomes == {"sent": 1}
    assert desk.look(number).state is S.SENT


def test_the_jobs_send_what_is_due_and_empty_what_is_old(desk: MailDesk, box: Postbox) -> None:
    desk.now = utcnow()
    desk.choose(quiet_from="00:00", quiet_to="00:00", keep_days=1)
    old = desk.write(subject="old")
    jobs.send_mails(desk.till.id)
    assert box.subjects == ["old"]
    with transaction() as session:
        session.get_one(Mail, old).created_at = desk.now - timedelta(days=2)
    jobs.prune_mails(desk.till.id)
    with reading() as session:
        row = session.get_one(Mail, old)
        assert (row.subject, row.address, row.state) == ("", "", S.SENT)
