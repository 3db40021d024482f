"""Mails leave over SMTP, each once, by the way that is wanted and only when they may."""

import re
import threading
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, update

from app import jobs
from app.clock import utcnow
from app.db import bound_to, db, transaction
from app.engine.flows import mail_states, mails
from app.engine.rules.mailing import MailClaim, Refusal
from app.engine.rules.messages import MailKind, MailState, Saying
from app.mail import sending
from app.mail.envelope import From, compose
from app.models import Mail, Shop
from tests.flows.builders import reading
from tests.mail.desk import MailDesk
from tests.mail.postbox import (
    HOST,
    PASSWORD,
    USER,
    Postbox,
    authenticate,
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


def test_the_link_to_stop_mails_stands_in_its_header_as_it_is(desk: MailDesk) -> None:
    # Read from the wire: what reads words in code makes them whole again, and mail programs do not.
    claim = make_claim(desk, "a-long-name-of-somebody@a-long-name-of-a-domain.example.com")
    head = compose(claim, From("Shop", "cashback@shop.example.com", ""), desk.now).content.partition(b"\r\n\r\n")[0]
    assert re.search(rb"^List-Unsubscribe: <https://app\.example\.com/told/stop/[\w-]{60,}\?locale=en>\r$", head, re.M)


INJECTED = (
    "=?utf-8?q?a=0d=0aBcc:_eve@example.com?=",
    "=?utf-8?b?DQpCY2M6IGV2ZUBleGFtcGxlLmNvbQ0K?= b",
    "==??utf-8?q?=0d=0a?=",
)


@pytest.mark.parametrize("hostile", INJECTED)
def test_words_in_code_add_no_header(desk: MailDesk, box: Postbox, hostile: str) -> None:
    desk.choose(sender_name=hostile)
    desk.write(subject=hostile)
    assert desk.send().outcomes == {"sent": 1}
    (mail,) = box.taken
    assert len(mail.keys()) == len(set(mail.keys()))
    assert (mail["Bcc"], mail["To"]) == (None, "ada@example.com")
    assert mail["Subject"] == hostile.replace("=?", "= ?")


@pytest.mark.parametrize("address", ["=?utf-8?q?a=0d=0aBcc=3a_eve?=@example.com", "a=?b@example.com"])
def test_an_address_with_words_in_code_is_none(desk: MailDesk, box: Postbox, address: str) -> None:
    number = desk.write(address)
    assert desk.send().outcomes == {"refused": 1}
    assert (desk.look(number).refusal, box.taken) == (Refusal.ADDRESS, [])


def make_claim(desk: MailDesk, address: str) -> MailClaim:
    number = desk.write(address)
    with desk.app.app_context(), transaction() as session:
        (claim,) = mail_states.claim_some(session, desk.till.id, desk.now, 300, 1)
    assert claim.mail_id == number
    return claim


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


def test_a_mail_that_leaves_while_another_worker_counts_is_counted(desk: MailDesk) -> None:
    desk.choose(per_minute=1)
    for _ in range(2):
        desk.write()
    claim = partial(mail_states.claim_some, shop_id=desk.till.id, now=desk.now, lease_seconds=300, most=9)
    with transaction() as session:
        (held,) = claim(session)
        mail_states.mark_sending(session, held, desk.now, 300)
    left = iter([held])

    def leave(*execution: Any) -> None:
        if "count(" in execution[2] and (mail := next(left, None)):
            with db.engine.begin() as other:
                gone = {"state": S.SENT, "sent_at": desk.now, "leased_until": None}
                other.execute(update(Mail).where(Mail.id == mail.mail_id).values(gone))

    event.listen(db.engine, "after_cursor_execute", leave)
    try:
        with transaction() as session:
            assert claim(session) == []
    finally:
        event.remove(db.engine, "after_cursor_execute", leave)
    assert next(left, None) is None
    assert desk.look(held.mail_id).state is S.SENT


def test_a_run_ends_after_some_seconds_and_asks_for_another(desk: MailDesk, box: Postbox) -> None:
    for _ in range(45):
        desk.write()
    ticks = iter(range(10_000))

    def clock() -> Any:
        return desk.now + timedelta(milliseconds=30 * next(ticks))

    report = sending.send_due(desk.till.id, mail_states, clock=clock)
    assert report.is_more
    assert 0 < len(box.taken) < 45


def test_a_server_that_takes_its_time_with_each_mail_keeps_no_worker(desk: MailDesk, box: Postbox) -> None:
    numbers = [desk.write() for _ in range(10)]
    ticks = iter(range(10_000))
    report = sending.send_due(
        desk.till.id, mail_states, clock=lambda: desk.now + timedelta(milliseconds=700 * next(ticks))
    )
    assert report.is_more
    assert 0 < len(box.taken) < 5
    assert [desk.look(one).attempts for one in numbers[len(box.taken) :]] == [0] * (10 - len(box.taken))
    desk.wait(minutes=1)
    desk.send()
    assert len(box.taken) == 10


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
