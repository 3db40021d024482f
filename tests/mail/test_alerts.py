"""What merchants are written, and how their own address is told: to the open internet only, and within seconds."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Thread
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask_babel import force_locale

from app.alerts.wire import NotTaken, is_public, post
from app.config import Settings
from app.mail.merchant import DaySummary, Trouble, write_alert, write_summary
from app.status.words import CAUSE_WORDS, name_cause
from tests.mail.postbox import make_certificate
from tests.mail.receiver import Receiver, receiving

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
REFUSED = Trouble(
    "Shopify refuses our access", "Shopify refused our access token <b>.", "Open the app again.",
    "https://made-up.myshopify.com/admin/apps/x", AT,
)  # fmt: skip
QUIET = DaySummary(date(2026, 3, 1), "EUR", 0, 0, 0, 0, 0, None, 0, 12_345, 0)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a server that takes everything."""
    with receiving() as found:
        yield found


@pytest.fixture(autouse=True)
def _in_the_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def refusal(url: str, *, is_local: bool = True, timeout_seconds: float = 10) -> str:
    with pytest.raises(NotTaken) as caught:
        post(url, b"{}", {}, is_local=is_local, timeout_seconds=timeout_seconds)
    return str(caught.value)


def test_an_alert_says_what_since_when_what_to_do_and_where() -> None:
    written = write_alert([REFUSED], shop_name="Made-up Shop", zone=BERLIN)
    assert written.subject == "Made-up Shop: Shopify refuses our access"
    for words in (
        "What is wrong\nShopify refused our access token <b>.",
        "Seen since Mar 1, 2026, 1:00\u202fPM.",
        "What to do\nOpen the app again.",
        "See it in Boomerang: https://made-up.myshopify.com/admin/apps/x",
    ):
        assert words in written.text
    assert "&lt;b&gt;" in written.html
    assert "<b>." not in written.html


def test_an_alert_says_how_often_it_came_and_an_end_how_long_it_was() -> None:
    again = Trouble("Deliveries wait", "A delivery waits.", "Check.", "https://x", AT, None, 3, AT - timedelta(hours=6))
    told = " ".join(write_alert([again], shop_name="Shop", zone=BERLIN).text.split())
    assert "It has come 3 times since we wrote about it on Mar 1, 2026, 7:00 AM." in told
    over = Trouble("Deliveries wait", "A delivery waits.", "Check.", "https://x", AT, AT + timedelta(minutes=40))
    written = write_alert([over], shop_name="Shop", zone=BERLIN)
    assert written.subject == "Shop: over: Deliveries wait"
    assert "Over since Mar 1, 2026, 1:40\u202fPM; it lasted for 40 minutes." in written.text
    assert "Check." not in written.text


def test_what_comes_together_is_one_mail() -> None:
    over = Trouble("Deliveries wait", "A delivery waits.", "Check.", "https://x", AT, AT + timedelta(minutes=40))
    told = {
        (2, 1): "Shop: 2 troubles need you",
        (1, 1): "Shop: Shopify refuses our access",
        (0, 2): "Shop: 2 troubles are over",
    }
    for (began, ended), subject in told.items():
        written = write_alert([REFUSED] * began + [over] * ended, shop_name="Shop", zone=BERLIN)
        assert written.subject == subject
        assert written.text.count("What to do") == began
        assert written.text.count("This is over") == ended


def test_a_name_cannot_break_out_of_the_subject() -> None:
    written = write_alert([REFUSED], shop_name="Shop\r\nBcc: all@example.com", zone=BERLIN)
    assert "\n" not in written.subject
    assert "\r" not in written.subject


def test_a_quiet_day_is_a_short_mail_and_a_busy_one_has_its_figures() -> None:
    now = AT + timedelta(hours=20)
    quiet = write_summary(QUIET, shop_name="Shop", home_url="https://x", now=now)
    assert quiet.subject == "Shop: your cashback on Sunday, March 1, 2026"
    assert "Nothing happened on this day, and nothing waits for you." in quiet.text
    assert "€123.45 to spend" in quiet.text
    busy = DaySummary(
        date(2026, 3, 1), "EUR", 12, 3_456, 200, 4, 800, AT - timedelta(hours=28), 1, 12_345, 50, ("Deliveries wait.",)
    )
    lines = [
        " ".join(line.split())
        for line in write_summary(busy, shop_name="S", home_url="https://x", now=now).text.splitlines()
    ]
    for line in (
        "Orders processed 12", "Cashback issued €34.56", "Cashback taken back €2.00",
        "Waiting for a person 4", "Cashback that waits €8.00", "The oldest has waited for 2 days",
        "Failed transfers and deliveries 1",
        "Credit outstanding €123.45", "Owed by customers €0.50", "- Deliveries wait.", "Open Boomerang: https://x",
    ):  # fmt: skip
        assert line in lines, lines


def test_every_cause_has_its_words_in_every_language() -> None:
    for key, words in CAUSE_WORDS.items():
        assert name_cause(f"{key}:more") == words
        for language in ("de", "fr", "es"):
            with force_locale(language):
                assert name_cause(key) != words
    assert name_cause("of_the_future:x") == "of_the_future:x"


@pytest.mark.parametrize(
    ("address", "is_open"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - only looked at
        ("10.1.2.3", False),
        ("172.31.255.255", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.1.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff0e::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::5db8:d822", True),
        ("2002:7f00:1::", False),
        ("2001:0:5ef5:79fb::", False),
        ("fec0::1", False),
        ("64:ff9b:1::a00:1", False),
        ("::7f00:1", False),
    ],
)
def test_only_addresses_of_the_open_internet_are_public(address: str, is_open: bool) -> None:
    assert is_public(address) is is_open


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0", "2130706433", "0x7f.1", "169.254.169.254"]
)
def test_nothing_is_posted_into_the_private_network_however_it_is_written(receiver: Receiver, host: str) -> None:
    told = refusal(f"https://{host}:{receiver.port}/", is_local=False)
    assert "private network" in told or "Nobody knows" in told
    assert receiver.asked == []


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://example.com/", "Only addresses that begin with https://"),
        ("ftp://example.com/", "Only addresses that begin with https://"),
        ("", "no address that can be posted to"),
        ("https://exa..mple.com/", "no address that can be posted to"),
        ("https://example.com:99999/", "no address that can be posted to"),
        ("https://", "no address that can be posted to"),
        ("https://nobody.invalid/", "Nobody knows a server of that name."),
    ],
)
def test_what_is_no_address_is_not_posted_to(url: str, sentence: str) -> None:
    assert sentence in refusal(url, is_local=False)


def test_a_body_arrives_as_it_was_signed_with_its_headers(receiver: Receiver) -> None:
    body = '{"what": "Größe"}'.encode()
    post(f"http://127.0.0.1:{receiver.port}/ü/a b?q=\r\nX: y", body, {"X-Made-Up": "1"}, is_local=True)
    ((path, headers, got),) = receiver.asked
    assert got == body
    assert headers["X-Made-Up"] == "1"
    assert headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert "X" not in headers
    assert path == "/%C3%BC/a%20b?q=X:%20y"


@pytest.mark.parametrize("status", [301, 308, 400, 404, 410, 500, 503])
def test_whatever_is_no_yes_is_a_no_and_no_redirect_is_followed(receiver: Receiver, status: int) -> None:
    receiver.status, receiver.headers = status, {"Location": receiver.url}
    assert refusal(receiver.url) == f"The address answered {status}."
    assert len(receiver.asked) == 1


def test_who_does_not_answer_or_answers_by_the_byte_holds_nobody_up(receiver: Receiver) -> None:
    receiver.silent.set()
    assert "no answer in time" in refusal(receiver.url, timeout_seconds=1)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def trickle() -> None:
            line, _ = server.accept()
            with closing(line):
                for _ in range(1_200):
                    try:
                        line.sendall(b"H")
                    except OSError:
                        return
                    time.sleep(0.05)

        thread = Thread(target=trickle, daemon=True)
        thread.start()
        begun = time.monotonic()
        assert "no answer" in refusal(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_seconds=1)
        # It would go on for a minute.
        assert time.monotonic() - begun < 30
        thread.join(10)


def test_nobody_there_a_closed_line_and_no_http_are_told_apart() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        answers = iter((b"", b"220 smtp.example.com\r\n"))

        def serve() -> None:
            for answer in answers:
                line, _ = server.accept()
                with closing(line):
                    line.recv(4_096)
                    line.sendall(answer)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        for _ in range(2):
            assert "no answer that HTTP knows" in refusal(f"http://127.0.0.1:{port}/")
        thread.join(10)
    assert "could not be reached" in refusal(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    ("speaks_tls", "sentence"),
    [(True, "has no certificate that we trust"), (False, "speaks no TLS that we understand")],
)
def test_a_server_that_cannot_prove_who_it_is_gets_nothing(tmp_path: Path, speaks_tls: bool, sentence: str) -> None:
    got: list[bytes] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        context, _ = make_certificate(tmp_path)

        def serve() -> None:
            plain, _ = server.accept()
            with closing(plain), suppress(OSError):
                if speaks_tls:
                    with closing(context.wrap_socket(plain, server_side=True)) as line:
                        got.append(line.recv(4_096))
                else:
                    plain.recv(4_096)
                    plain.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        thread = Thread(target=serve, daemon=True)
        thread.start()
        assert sentence in refusal(f"https://127.0.0.1:{server.getsockname()[1]}/")
        thread.join(10)
    assert b"".join(got) == b""


@pytest.mark.parametrize(
    ("url", "is_own"),
    [("http://127.0.0.1:5000", True), ("http://localhost", True), ("http://[::1]:5000", True),
     ("https://app.example.com", False), ("https://127.0.0.1.example.com", False)],
)  # fmt: skip
def test_only_an_installation_on_this_machine_posts_to_it(settings: Settings, url: str, is_own: bool) -> None:
    assert replace(settings, app_url=url).is_local is is_own
