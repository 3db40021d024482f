"""Everything that runs in a demo or a smoke run: servers, sandbox, web, workers, clock; see `Stack`."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg
import requests
from cryptography.fernet import Fernet

from local.children import Children
from local.embedded import write_private
from local.servers import start_postgres, start_valkey
from local.shop import SandboxShop, ShopFailed, wait_until

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_START = 60


class CommandFailed(Exception):
    """A `flask` command failed; the message holds what it said."""


@dataclass(frozen=True)
class Plan:
    """Where a stack runs and how large it is."""

    folder: Path
    sandbox_port: int
    app_port: int
    #: Where the sandbox takes customers' mails; None: they are kept in the app.
    mail_port: int | None = None
    seed: int = 1
    web_processes: int = 1
    #: The shop's rate limit in points a second; a real shop's is 100, which a year of history would wait for.
    restore_rate: int = 100
    #: Whether the databases wait for the disk.
    durable: bool = True
    #: Workers besides the one that has the inbox alone.
    workers: int = 1
    #: What the app is configured with besides, by the names of the environment.
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def sandbox_url(self) -> str:
        """Return the address to open."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def app_url(self) -> str:
        """Return where the sandbox finds the app."""
        return f"http://127.0.0.1:{self.app_port}"


class Stack:
    """The whole of Boomerang with a sandbox shop, running for the length of a `with` block.

    Starts the embedded servers, sandbox and web, migrates the database, starts workers and clock, and installs
    the app in the shop as the admin does it: by opening it. Whatever goes wrong raises, and everything ends.
    """

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self.plan = plan
        self.say = say
        self.shop = SandboxShop(plan.sandbox_url)
        self.environment: dict[str, str] = {}
        self._open = ExitStack()
        self._children = Children(plan.folder / "logs", ROOT)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, ShopFailed | CommandFailed):
            # ChildEnded brings its log along; what failed here may be explained in any of them.
            error.args = (f"{error}\n\nWhat the processes said last:\n{self._children.last_words()}",)
        self._open.close()

    def check(self) -> None:
        """Raise ChildEnded when one of the processes is gone."""
        self._children.check()

    def kill(self, name: str) -> None:
        """Kill one of the processes without a warning, and start it again."""
        self._children.replace(name)

    def wait_until(self, happened: Callable[[], bool], what: str, seconds: float = 30) -> None:
        """Wait while all processes live; see `local.shop.wait_until`."""
        wait_until(happened, what, seconds, self.check)

    def flask(self, *arguments: str) -> str:
        """Run `flask --app wsgi …` and return what it prints; raise CommandFailed when it fails."""
        ended = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
            cwd=ROOT,
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if ended.returncode:
            said = (ended.stdout + ended.stderr)[-3000:]
            raise CommandFailed(f"`flask --app wsgi {' '.join(arguments)}` failed:\n{said}")
        return ended.stdout

    def inspect_order(self, order_id: int) -> dict[str, Any]:
        """Return all that the app knows about an order."""
        told: dict[str, Any] = json.loads(self.flask("inspect", "order", str(order_id), "--json"))
        return told

    def query(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        """Return the rows of a query of the app's database."""
        with psycopg.connect(self.environment["DATABASE_URL"].replace("+psycopg", "")) as connection:
            return connection.execute(statement).fetchall()

    def count_open_transfers(self) -> int:
        """Return how many credits and debits are still on their way to the shop."""
        [(counted,)] = self.query(
            "SELECT count(*) FROM transfers WHERE state IN ('planned', 'sending', 'unknown') AND NOT needs_person"
        )
        return int(counted)

    def _start(self) -> None:
        plan = self.plan
        self.say("Starting PostgreSQL and Valkey …")
        postgres = self._open.enter_context(start_postgres(plan.folder / "postgres", durable=plan.durable))
        valkey = self._open.enter_context(start_valkey(plan.folder / "valkey"))
        self.environment = _environment(plan, postgres.url, valkey.url)
        self._open.enter_context(self._children)
        self.say("Starting the sandbox shop and the app …")
        self._start_sandbox()
        self._start_web()
        self.flask("db", "upgrade")
        _forget_tokens(postgres.url)
        self._start_workers()
        self.wait_until(self.shop.is_ready, "the sandbox does not answer", SECONDS_TO_START)
        self.wait_until(self._app_is_ready, "the app does not answer", SECONDS_TO_START)
        self._install()

    def _start_sandbox(self) -> None:
        command = [sys.executable, "-m", "sandbox", "--port", str(self.plan.sandbox_port)]
        command += ["--app-url", self.plan.app_url, "--seed", str(self.plan.seed)]
        command += ["--restore-rate", str(self.plan.restore_rate)]
        if self.plan.mail_port is not None:
            command += ["--mail-port", str(self.plan.mail_port)]
        self._children.start("sandbox", command, self.environment)

    def _start_web(self) -> None:
        web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
        web += ["--port", str(self.plan.app_port), "--workers", str(self.plan.web_processes)]
        web += ["--blocking-threads", "16", "--no-ws", "wsgi:app"]
        self._children.start("web", web, self.environment)

    def _start_workers(self) -> None:
        flask = [sys.executable, "-m", "flask", "--app", "wsgi"]
        # One worker for the inbox alone: sending the credits of a whole history keeps the other busy for minutes.
        self._children.start("worker-inbox", [*flask, "work", "--queues", "inbox"], self.environment)
        for number in range(self.plan.workers):
            self._children.start(
                "worker" if number == 0 else f"worker-{number + 1}", [*flask, "work"], self.environment
            )
        self._children.start("clock", [*flask, "clock"], self.environment)

    def _app_is_ready(self) -> bool:
        try:
            return self.shop.session.get(f"{self.plan.app_url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def _install(self) -> None:
        opened = self.shop.session.get(f"{self.plan.app_url}/", params=self.shop.app_query(), timeout=30)
        opened.raise_for_status()


def _forget_tokens(database_url: str) -> None:
    """Let the app ask for new tokens: those in a kept database were given by a sandbox that is gone."""
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        connection.execute("DELETE FROM shop_tokens")


def _environment(plan: Plan, database_url: str, redis_url: str) -> dict[str, str]:
    """Return what the app and the sandbox are configured with; the secrets are made once for each folder."""
    kept = plan.folder / "secrets.json"
    if not kept.exists():
        made = {
            "SECRET_KEY": secrets.token_urlsafe(32),
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "SHOPIFY_CLIENT_SECRET": secrets.token_hex(16),
        }
        write_private(kept, json.dumps(made))
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SHOPIFY_CLIENT_ID": "boomerang-on-this-machine",
        "SHOPIFY_ADMIN_ORIGIN": plan.sandbox_url,
        "APP_BRIDGE_URL": f"{plan.sandbox_url}/app-bridge.js",
        "APP_URL": plan.app_url,
        "LOG_FORMAT": "text",
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        **_mail_settings(plan),
        **plan.settings,
        **json.loads(kept.read_text()),
    }


def _mail_settings(plan: Plan) -> dict[str, str]:
    if plan.mail_port is None:
        return {}
    return {
        "MAIL_URL": f"smtp://127.0.0.1:{plan.mail_port}?starttls=no",
        "MAIL_FROM": "cashback@boomerang-demo.example.com",
    }
