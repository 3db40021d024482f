"""What comes back after a server has taken it: the mail is refused, and a dead mailbox gets no more."""

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from click.testing import Result

from app.db import transaction
from app.engine.flows import mail_states, mails
from app.engine.rules.mailing import Bounce, Refusal
from app.engine.rules.messages import MailKind, MailState
from app.mail import bounces
from app.mail.bounces import NoReport, take_report
from tests.flows.builders import STAFF, all_rows
from tests.mail.desk import MailDesk
from tests.mail.postbox import Postbox

S = MailState
#: Parts in parts in parts.
NESTED = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(5000))
DOMAIN = "made-up.myshopify.com"
#: As Postfix writes it, with what a report may return of the mail put in.
REPORT = """\
Return-Path: <>
Date: Sun, 01 Mar 2026 09:05:00 +0000 (UTC)
From: MAILER-DAEMON@relay.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: cashback@shop.example.com
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="9B095B5ADSN"

--9B095B5ADSN
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--9B095B5ADSN
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.net
X-Postfix-Queue-ID: 9B095B5
Arrival-Date: Sun, 01 Mar 2026 09:00:00 +0000 (UTC)

{extra}Final-Recipient: rfc822; {address}
Original-Recipient: rfc822;{address}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; {diagnosis}

--9B095B5ADSN
Content-Description: Undelivered Message
Content-Type: {kind}

{returned}
--9B095B5ADSN--
"""


def report(
    sent: EmailMessage | None = None,
    kind: str = "message/rfc822",
    address: str = "ada@example.com",
    action: str = "failed",
    status: str = "5.1.1",
    diagnosis: str = "550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown",
    extra: str = "",
) -> bytes:
    """Return a report about a mail of which all, the headers alone, or nothing comes back."""
    returned = ""
    if sent is not None:
        returned = sent.as_string() if kind == "message/rfc822" else "".join(f"{n}: {v}\n" for n, v in sent.items())
    return REPORT.format(**locals()).encode()


@pytest.fixture
def sent(desk: MailDesk, box: Postbox) -> tuple[int, EmailMessage]:
    """Return a mail that the server has taken: its number, and as it went."""
    number = desk.write()
    desk.send()
    return number, box.taken[-1]


def take(desk: MailDesk, raw: bytes, shop_id: int | None = None) -> tuple[int, Bounce]:
    """Take a report in, twice: the second time changes nothing."""
    came = take_report(raw, mails, shop_id, desk.now)
    rows = all_rows()
    if came[1] is not Bounce.DELAYED:
        assert take_report(raw, mails, shop_id, desk.now) == (came[0], Bounce.OLD_NEWS)
    assert all_rows() == rows
    return came


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_a_mail_that_comes_back_is_found_by_its_mark_whatever_shop_it_is_of(
    desk: MailDesk, sent: tuple[int, EmailMessage], kind: str
) -> None:
    number, mail = sent
    assert take(desk, report(mail, kind)) == (number, Bounce.STOPPED)
    seen = desk.look(number)
    assert (seen.state, seen.refusal, seen.sent_at) == (S.REFUSED, Refusal.RECIPIENT, None)
    assert seen.error == "It came back: 5.1.1 550 5.1.1 <…>: Recipient address rejected: User unknown"
    assert desk.stops() == [("ada@example.com", "bounced", None)]


def test_a_forwarded_mail_is_found_by_its_mark_though_the_report_names_another_address(
    desk: MailDesk, sent: tuple[int, EmailMessage]
) -> None:
    number, mail = sent
    take(desk, report(mail, address="other@example.org"))
    assert desk.look(number).state is S.REFUSED
    assert desk.stops() == [("ada@example.com", "bounced", None)]


def test_without_our_mail_in_it_the_newest_to_that_address_in_the_named_shop_is_meant(
    desk: MailDesk, sent: tuple[int, EmailMessage], box: Postbox
) -> None:
    newer = desk.write("Ada@Example.com")
    desk.write("ben@example.com")
    desk.send()
    with pytest.raises(NoReport, match="say with --shop whose mails"):
        take_report(report(), mails, None, desk.now)
    assert take(desk, report(address="ADA@example.com"), desk.till.id)[0] == newer
    desk.wait(days=15)
    with pytest.raises(NoReport, match="about no mail that this shop has sent of late"):
        take_report(report(), mails, desk.till.id, desk.now)


def test_a_mark_that_somebody_made_up_is_none(desk: MailDesk, sent: tuple[int, EmailMessage]) -> None:
    number, mail = sent
    mark = str(mail["X-Boomerang-Mail"])
    forged = report(mail).replace(mark.encode(), (mark[:-20] + "0" * 20).encode())
    with pytest.raises(NoReport, match="does not return our mail"):
        take_report(forged, mails, None, desk.now)
    assert (desk.look(number).state, desk.stops()) == (S.SENT, [])


def test_a_mail_of_another_shop_is_not_touched(desk: MailDesk, sent: tuple[int, EmailMessage]) -> None:
    number, mail = sent
    with pytest.raises(NoReport, match="of another shop"):
        take_report(report(mail), mails, desk.till.id + 1, desk.now)
    assert desk.look(number).state is S.SENT


@pytest.mark.parametrize(
    ("status", "diagnosis"),
    [
        ("5.7.1", "550 5.7.1 Message contains spam"),
        ("5.2.2", "552 5.2.2 Mailbox is over its limit"),
        ("5.3.4", "552 Too large"),
        ("5.1.8", "501 5.1.8 Domain of sender does not exist"),
        ("5.0.0", "554 no reason given"),
        ("5.0.0", "nothing that begins with a code"),
        ("none", "550 User unknown"),
        ("4.4.7", "host not found for five days"),
    ],
)
def test_what_says_nothing_about_the_address_stops_nothing(
    desk: MailDesk, sent: tuple[int, EmailMessage], status: str, diagnosis: str
) -> None:
    number, mail = sent
    assert take(desk, report(mail, status=status, diagnosis=diagnosis)) == (number, Bounce.REFUSED)
    assert (desk.look(number).refusal, desk.stops()) == (Refusal.SERVER, [])


@pytest.mark.parametrize(
    ("status", "diagnosis"),
    [
        ("5.2.1", "550 Mailbox disabled"),
        ("5.4.4", "Host or domain name not found"),
        ("5.0.0", "550 5.1.1 User unknown"),
        ("5.0.0", "550 No such user here"),
    ],
)
def test_what_says_that_there_is_no_mailbox_stops_the_address(
    desk: MailDesk, sent: tuple[int, EmailMessage], status: str, diagnosis: str
) -> None:
    _, mail = sent
    assert take(desk, report(mail, status=status, diagnosis=diagnosis))[1] is Bounce.STOPPED


def test_a_delay_is_noted_and_the_mail_counts_as_sent(desk: MailDesk, sent: tuple[int, EmailMessage]) -> None:
    number, mail = sent
    late = report(mail, action="delayed", status="4.4.1", diagnosis="connection timed out")
    assert take(desk, late) == (number, Bounce.DELAYED)
    seen = desk.look(number)
    assert (seen.state, seen.error) == (S.SENT, "It is late: 4.4.1 connection timed out")
    assert take(desk, report(mail))[1] is Bounce.STOPPED


def test_of_several_recipients_the_one_for_whom_it_failed_counts(
    desk: MailDesk, sent: tuple[int, EmailMessage]
) -> None:
    other = "Final-Recipient: rfc822; list@example.com\nAction: expanded\nStatus: 2.0.0\n\n"
    assert take(desk, report(sent[1], extra=other))[1] is Bounce.STOPPED


def test_what_was_unknown_and_comes_back_is_refused(desk: MailDesk, box: Postbox) -> None:
    box.will_say("END", "abort")
    number = desk.write()
    desk.send()
    assert desk.look(number).state is S.UNKNOWN
    assert take(desk, report(box.taken[-1]))[1] is Bounce.STOPPED


@pytest.mark.parametrize("ends", [mail_states.mark_sent, mail_states.mark_unknown, mail_states.put_back])
def test_what_comes_back_before_it_is_noted_as_sent_stays_refused(desk: MailDesk, ends: Callable[..., None]) -> None:
    number = desk.write()
    with transaction() as session:
        (one,) = mail_states.claim_some(session, desk.till.id, desk.now, 300, 1)
        going = mail_states.mark_sending(session, one, desk.now, 300)
        assert going is not None
    assert take(desk, report(), desk.till.id) == (number, Bounce.STOPPED)
    wanted = {mail_states.mark_sent: [desk.now], mail_states.mark_unknown: ["No answer."]}
    with transaction() as session:
        ends(session, going, *wanted.get(ends, ["Later.", desk.now]))
    seen = desk.look(number)
    assert (seen.state, seen.refusal, seen.sent_at) == (S.REFUSED, Refusal.RECIPIENT, None)
    assert (desk.send().outcomes, desk.stops()) == ({}, [("ada@example.com", "bounced", None)])


def test_a_report_about_a_mail_to_staff_stops_no_address(desk: MailDesk, box: Postbox) -> None:
    number = desk.write(kind=MailKind.ALERT, sayings=())
    desk.send()
    assert take(desk, report(box.taken[-1])) == (number, Bounce.REFUSED)
    assert (desk.look(number).refusal, desk.stops()) == (Refusal.RECIPIENT, [])


def test_a_mail_that_is_sent_again_meanwhile_is_left_alone(desk: MailDesk, sent: tuple[int, EmailMessage]) -> None:
    number, mail = sent
    refused = report(mail, status="5.7.1", diagnosis="550 spam")
    take(desk, refused)
    with transaction() as session:
        mails.send_again(session, desk.till.id, number, STAFF, desk.now)
    assert take_report(refused, mails, None, desk.now)[1] is Bounce.OLD_NEWS
    assert desk.look(number).state is S.PLANNED


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "no report of non-delivery"),
        (b"Subject: Out of office\n\nI am away.", "no report of non-delivery"),
        (report(action="delivered", status="2.0.0"), "of nobody that the mail failed or is late"),
        (b"Content-Type: message/delivery-status\n\nno fields at all", "of nobody"),
        (b"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n", "of nobody"),
        (b"x" * (bounces.MOST_BYTES + 1), "too large"),
        (b"\xff\xfe\x00" * 1000, "no report of non-delivery"),
        (
            b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(5000)),
            "no report",
        ),
    ],
)
def test_nonsense_is_refused_with_a_sentence(desk: MailDesk, raw: bytes, sentence: str) -> None:
    rows = all_rows()
    with pytest.raises(NoReport, match=sentence):
        take_report(raw, mails, desk.till.id, desk.now)
    assert all_rows() == rows


Shell = Callable[..., Result]


@pytest.fixture
def shell(desk: MailDesk) -> Shell:
    """Return what runs a ``flask mails`` command, with something to read on its standard input."""

    def run(*words: Any, given: bytes = b"") -> Result:
        return desk.app.test_cli_runner().invoke(args=["mails", *map(str, words)], input=given)

    return run


def test_a_report_is_piped_into_a_command(desk: MailDesk, shell: Shell, box: Postbox) -> None:
    desk.wait(days=1)  # the command asks the real clock, and this mail is as young as that
    number = desk.write()
    desk.send()
    told = shell("bounced", given=report(box.taken[-1]))
    assert (told.exit_code, told.output) == (0, f"Mail {number} is refused; its address gets no mails any more.\n")
    assert shell("stops", "--shop", DOMAIN).output.startswith("ada@example.com  everything  bounced  ")
    wrong = shell("bounced", "--shop", DOMAIN, given=b"Hello")
    assert (wrong.exit_code, "Error: This is no report" in wrong.output) == (1, True)


def test_mails_are_listed_shown_and_sent_again_from_a_shell(desk: MailDesk, shell: Shell, box: Postbox) -> None:
    box.will_say("END", "550 Looks like spam")
    number = desk.write(subject="Hello")
    desk.send()
    told = shell("list", "--shop", DOMAIN)
    line = f"{number}  refused  2026-03-01 09:00  ada@example.com  Hello  (The mail server says: 550 Looks like spam)"
    assert told.output == f"{line}\n"
    for words in (("--state", "sent"), ("--to", "ben@example.com")):
        assert shell("list", "--shop", DOMAIN, *words).output == "There are no such mails.\n"
    assert shell("list", "--shop", DOMAIN, "--state", "refused", "--to", "ADA@example.com").output == f"{line}\n"
    assert shell("show", number, "--shop", DOMAIN).output == f"{line}\n\nYou have 2.00 more.\n"
    assert shell("send-again", number, "--shop", DOMAIN).output == f"Mail {number} is about to be sent again.\n"
    desk.send()
    assert box.subjects == ["Hello"]
    again = shell("send-again", number, "--shop", DOMAIN)
    assert (again.exit_code, "there is nothing to send again" in again.output) == (1, True)
    for words in (("show", 99), ("send-again", 99)):
        assert "Error: This shop has no mail 99." in shell(*words, "--shop", DOMAIN).output


def test_an_address_is_let_in_again_from_a_shell(desk: MailDesk, shell: Shell) -> None:
    with transaction() as session:
        mails.stop_address(session, desk.till.id, "ada@example.com", STAFF, desk.now)
    told = [shell("allow", "Ada@example.com", "--shop", DOMAIN).output for _ in range(2)]
    assert told == ["Ada@example.com gets mails again.\n", "Nothing kept mails from Ada@example.com.\n"]
    assert shell("stops", "--shop", DOMAIN).output == "Every address gets mails.\n"
