"""A missing, weak or impossible setting stops the start with one sentence that says what to set."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from app.config import SettingsError, read_settings
from app.mail_url import MailServer, Security, parse_mail_url

ROOT = Path(__file__).parents[2]
GOOD = {
    "SHOPIFY_CLIENT_ID": "made-up-client",
    "SHOPIFY_CLIENT_SECRET": "made-up-client-secret",
    "SECRET_KEY": "a-long-made-up-secret-key",
    "ENCRYPTION_KEYS": base64.urlsafe_b64encode(bytes(range(32))).decode(),
}
NAMES = [
    *GOOD, "DATABASE_URL", "REDIS_URL", "SHOPIFY_OLD_CLIENT_SECRET", "SHOPIFY_API_VERSION", "SHOPIFY_ADMIN_ORIGIN",
    "APP_BRIDGE_URL", "APP_URL", "LOG_FORMAT", "MAIL_URL", "MAIL_FROM",
    "SHOPIFY_TIMEOUT_SECONDS", "TRANSFER_QUIET_SECONDS",
]  # fmt: skip


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Return an environment with good secrets and nothing else of ours."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_good_secrets_are_enough(environment: pytest.MonkeyPatch) -> None:
    settings = read_settings()
    assert settings.shopify_client_id == "made-up-client"
    assert settings.admin_origin("made-up.myshopify.com") == "https://made-up.myshopify.com"
    assert (settings.database_url, settings.redis_url, settings.app_url) == ("", "", "http://127.0.0.1:5000")
    assert (settings.shopify_timeout_seconds, settings.transfer_quiet_seconds) == (10, 90)
    assert settings.client_secrets == ("made-up-client-secret",)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", MailServer("mail.example.com", 587, Security.STARTTLS)),
        ("smtp://mail.example.com:25/?starttls=no", MailServer("mail.example.com", 25, Security.NONE)),
        ("smtps://mail.example.com", MailServer("mail.example.com", 465, Security.TLS)),
        (
            "smtp://ada%40example.com:p%3Ass%2Fw%23rd%3F%25@mail.example.com:2525",
            MailServer("mail.example.com", 2525, Security.STARTTLS, "ada@example.com", "p:ss/w#rd?%"),
        ),
        ("smtps://user:word@[::1]:4650", MailServer("::1", 4650, Security.TLS, "user", "word")),
    ],
)
def test_the_address_of_a_mail_server_says_how_it_is_spoken_to(
    environment: pytest.MonkeyPatch, url: str, server: MailServer
) -> None:
    environment.setenv("MAIL_URL", url)
    environment.setenv("MAIL_FROM", "cashback@example.com")
    assert parse_mail_url(read_settings().mail_url) == server
    assert server.password == "" or server.password not in repr(server)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mail.example.com:587", "must begin with smtp:// or smtps://"),
        ("http://mail.example.com", "must begin with smtp:// or smtps://"),
        ("smtp://", "names no host"),
        ("smtp://user:word@", "names no host"),
        ("smtp://mail.example.com:soon", "port that is no number"),
        ("smtp://[::1", "address in brackets that is none"),
        ("smtp://user:word@mail.example.com?starttls=no", "would send the password without TLS"),
        ("smtp://user@mail.example.com", "a user or a password and not both"),
        ("smtp://:word@mail.example.com", "a user or a password and not both"),
        ("smtp://user:pa/word@mail.example.com", "MAIL_URL"),
        ("smtp://mail.example.com/inbox", "goes on after the host"),
        ("smtp://mail.example.com#here", "goes on after the host"),
        ("smtp://mail.example.com?starttls=maybe", "knows one option"),
        ("smtps://mail.example.com?starttls=no", "knows one option"),
        ("smtp://us%C3%A9r:word@mail.example.com", "letters that mail servers do not know"),
    ],
)
def test_a_bad_address_of_a_mail_server_is_refused_and_its_password_not_repeated(
    environment: pytest.MonkeyPatch, url: str, sentence: str
) -> None:
    environment.setenv("MAIL_URL", url)
    environment.setenv("MAIL_FROM", "cashback@example.com")
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert sentence in str(refused.value)
    assert "word@mail" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SHOPIFY_CLIENT_ID", "", "SHOPIFY_CLIENT_ID is not set"),
        ("SHOPIFY_CLIENT_SECRET", "", "SHOPIFY_CLIENT_SECRET is not set"),
        ("SECRET_KEY", "", "SECRET_KEY must have at least 16 characters"),
        ("SECRET_KEY", "x" * 15, "SECRET_KEY must have at least 16 characters"),
        ("SECRET_KEY", "made-up-client-secret", "SECRET_KEY must differ from the Shopify client secret"),
        ("ENCRYPTION_KEYS", "", "ENCRYPTION_KEYS is not set; make one with"),
        ("ENCRYPTION_KEYS", " , ", "ENCRYPTION_KEYS is not set"),
        ("ENCRYPTION_KEYS", "weak", "must hold Fernet keys"),
        ("ENCRYPTION_KEYS", GOOD["ENCRYPTION_KEYS"] + ",ünfug", "must hold Fernet keys"),
        ("APP_URL", "app.example.com", "APP_URL must be the address"),
        ("APP_URL", "https://", "APP_URL must be the address"),
        ("APP_URL", "ftp://app.example.com", "APP_URL must be the address"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT must be text or json"),
        ("MAIL_URL", "smtp://mail.example.com", "MAIL_FROM is not set"),
        ("MAIL_FROM", "Shop <cashback@example.com>", "MAIL_FROM must be an address and nothing else"),
        ("MAIL_FROM", "a@example.com\nBcc: b@example.com", "MAIL_FROM must be an address and nothing else"),
        ("SHOPIFY_TIMEOUT_SECONDS", "soon", 'SHOPIFY_TIMEOUT_SECONDS" invalid'),
        ("SHOPIFY_TIMEOUT_SECONDS", "0", "SHOPIFY_TIMEOUT_SECONDS must be at least 1"),
        ("TRANSFER_QUIET_SECONDS", "-1", "TRANSFER_QUIET_SECONDS must be longer"),
        ("TRANSFER_QUIET_SECONDS", "10", "TRANSFER_QUIET_SECONDS must be longer"),
    ],
)
def test_a_bad_setting_is_refused_with_one_sentence(
    environment: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    said = str(refused.value)
    assert sentence in said
    assert said.endswith(".")
    assert not said.endswith("..")
    assert "\n" not in said
    assert not [secret for secret in GOOD.values() if secret in said]


def test_the_old_client_secret_is_no_secret_key_either(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SHOPIFY_OLD_CLIENT_SECRET", GOOD["SECRET_KEY"])
    with pytest.raises(SettingsError, match="must differ"):
        read_settings()


def test_secrets_do_not_show_where_settings_are_printed(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SHOPIFY_OLD_CLIENT_SECRET", "made-up-old-secret")
    shown = repr(read_settings())
    assert not [value for name, value in GOOD.items() if name != "SHOPIFY_CLIENT_ID" and value in shown]
    assert "made-up-old-secret" not in shown


def test_an_origin_with_the_shops_name_in_it_and_several_keys_are_read(environment: pytest.MonkeyPatch) -> None:
    other = Fernet.generate_key().decode()
    environment.setenv("SHOPIFY_ADMIN_ORIGIN", "http://127.0.0.1:9/{shop}/")
    environment.setenv("ENCRYPTION_KEYS", f" {other} , {GOOD['ENCRYPTION_KEYS']},")
    settings = read_settings()
    assert settings.admin_origin("made-up.myshopify.com") == "http://127.0.0.1:9/made-up.myshopify.com"
    assert settings.encryption_keys == (other, GOOD["ENCRYPTION_KEYS"])


def start(folder: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Start the app from an empty folder, as a WSGI server or ``flask`` does."""
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_start_ends_with_the_sentence_and_no_stack_trace(tmp_path: Path) -> None:
    ended = start(tmp_path, "-m", "flask", "--app", "wsgi", "check-books", **{**GOOD, "SECRET_KEY": "weak"})
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "Boomerang cannot start: SECRET_KEY must have at least 16 characters; set it to a long random text."
    ]


def test_without_addresses_the_embedded_servers_are_started_under_var(tmp_path: Path) -> None:
    ask = (
        "from wsgi import app\n"
        "from app.db import transaction\n"
        "from app.queue import connection\n"
        "from sqlalchemy import text\n"
        "with app.app_context(), transaction() as session:\n"
        "    print(session.scalar(text('SELECT 40 + 2')), connection().ping())\n"
    )
    started = start(tmp_path, "-c", ask, **GOOD)
    assert started.stdout == "42 True\n", started.stderr
    assert (tmp_path / "var" / "postgres").is_dir()
