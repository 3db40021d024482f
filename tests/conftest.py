"""What all tests share: real servers, a database and a Redis database for each worker, and Chromium's place.

The servers are those of TEST_DATABASE_URL (a superuser's; databases, and a plain role that owns them, are created
beside it and dropped again) and TEST_REDIS_URL, or else embedded ones in a temporary folder. They start when the
first test asks for them; all workers of a run share them, and they end with the run. No test is skipped for want of
them.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as profiles
from psycopg import sql
from redis import Redis
from sqlalchemy import URL, make_url

from local.servers import start_postgres, start_valkey

if TYPE_CHECKING:
    from app.config import Settings

ROOT = Path(__file__).parent.parent
SHARED_FOLDER = "BOOMERANG_TESTS_FOLDER"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

#: Deletes rather than truncates: on tables with few rows that takes 3 ms in the place of 60.
EMPTY_ALL_TABLES = """
DO $$
DECLARE found record;
BEGIN
    FOR found IN
        SELECT oid::regclass AS name FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
        AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
    LOOP
        EXECUTE format('DELETE FROM %s', found.name);
    END LOOP;
    FOR found IN SELECT * FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
        PERFORM setval(format('%I', found.sequencename)::regclass, found.start_value, false);
    END LOOP;
END $$
"""

#: Neither how fast the machine is nor chance decides whether a test passes: the same code is tried with the same
#: examples each time. Whoever looks for others asks for them: ``--hypothesis-profile=new``.
STEADY = {"deadline": None, "print_blob": True, "suppress_health_check": [HealthCheck.too_slow]}
profiles.register_profile("steady", derandomize=True, **STEADY)
profiles.register_profile("new", **STEADY)
profiles.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the walk through all rooms keep its pictures."""
    parser.addoption("--screens", type=Path, help="a folder for pictures of every room")


@pytest.fixture
def screens(request: pytest.FixtureRequest) -> Path | None:
    """Return the folder for pictures, or None where none are wanted."""
    folder: Path | None = request.config.getoption("--screens")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all workers of this run share; workers find it in their environment."""
    if not hasattr(config, "workerinput"):
        os.environ[SHARED_FOLDER] = tempfile.mkdtemp(prefix="boomerang-tests-")
        if os.geteuid() == 0 and config.option.basetemp is None:
            # Root's embedded servers run as nobody, and every pytest that root starts anywhere closes the usual
            # folder to others, under the feet of those that run.
            config.option.basetemp = os.path.join(os.environ[SHARED_FOLDER], "tmp")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what the run leaves behind."""
    if not hasattr(config, "workerinput"):
        if url := os.environ.get("TEST_DATABASE_URL"):
            with _connect(make_url(url)) as connection:
                for name in (_template_name(), f"{_template_name()}_begun"):
                    _drop(connection, name)
                connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(_template_name())))
        shutil.rmtree(os.environ.pop(SHARED_FOLDER), ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the stories: one of them takes minutes, and should not be what the whole run waits for at its end."""
    items.sort(key=lambda item: item.path.parent.name != "stories")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once for each reason how many tests were skipped, for it names what to install."""
    skipped = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", ()))
    for reason, number in skipped.most_common():
        terminalreporter.write_line(f"{number} skipped: {reason.removeprefix('Skipped: ')}")


@pytest.fixture(scope="session")
def worker_number(request: pytest.FixtureRequest) -> int:
    """Return 0 without xdist, else 1 for its first worker and so on."""
    worker = getattr(request.config, "workerinput", {"workerid": "gw-1"})["workerid"]
    return int(worker.removeprefix("gw")) + 1


@pytest.fixture(scope="session")
def server_urls() -> Iterator[tuple[str, str]]:
    """Return the addresses of PostgreSQL (a superuser's) and of Redis (or Valkey)."""
    folder = Path(os.environ[SHARED_FOLDER])
    with ExitStack() as servers:
        database, redis = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_REDIS_URL")
        if not database:
            database = servers.enter_context(start_postgres(folder / "postgres", durable=False)).superuser_url
        if not redis:
            redis = servers.enter_context(start_valkey(folder / "valkey")).url
        yield database, redis


@pytest.fixture(scope="session")
def database_url(server_urls: tuple[str, str], worker_number: int) -> Iterator[str]:
    """Return the address of a migrated database of this worker's own, copied from a template of the run.

    Its user owns it and is no superuser, for the database shows superusers the rows of every shop.
    """
    server = make_url(server_urls[0]).set(drivername="postgresql+psycopg")
    owner = server.set(username=_template_name(), password=os.environ[SHARED_FOLDER])
    name = f"{_template_name()}_{worker_number}"
    with _connect(server) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('boomerang tests'))")
        template = _template_name()
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone():
            _create_template(connection, owner, template)
        copy = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
        connection.execute(copy.format(*map(sql.Identifier, (name, template, template))))
        connection.execute("SELECT pg_advisory_unlock_all()")
    yield owner.set(database=name).render_as_string(hide_password=False)
    with _connect(server) as connection:
        _drop(connection, name)


@pytest.fixture(scope="session")
def redis_url(server_urls: tuple[str, str], worker_number: int) -> str:
    """Return the address of a Redis database of this worker's own."""
    return f"{server_urls[1].removesuffix('/0').rstrip('/')}/{worker_number}"


@pytest.fixture
def redis_client(redis_url: str) -> Iterator["Redis"]:
    """Return a client of this worker's Redis database, emptied."""
    with Redis.from_url(redis_url) as client:
        client.flushdb()
        yield client


@pytest.fixture(scope="session")
def settings(database_url: str, redis_url: str) -> "Settings":
    """Return the settings the app is tested with; with a sandbox: `dataclasses.replace(settings, …)`."""
    return _settings(database_url, redis_url)


@pytest.fixture(scope="session")
def app(settings: "Settings") -> Flask:
    """Return the app on this worker's servers."""
    return _create_app(settings)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a browser without cookies."""
    return app.test_client()


@pytest.fixture(scope="session")
def admin_connection(server_urls: tuple[str, str], database_url: str) -> Iterator["psycopg.Connection[Any]"]:
    """Return a superuser's connection to this worker's database that the books' triggers do not stop."""
    with _connect(make_url(server_urls[0]).set(database=make_url(database_url).database)) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


@pytest.fixture
def db_clean(admin_connection: "psycopg.Connection[Any]") -> None:
    """Empty all tables and start their numbers at 1 again."""
    admin_connection.execute(EMPTY_ALL_TABLES)


@pytest.fixture(autouse=True)
def _start_clean(request: pytest.FixtureRequest) -> None:
    # Every test that can reach the database begins with an empty one.
    if {"app", "database_url", "settings"} & set(request.fixturenames):
        request.getfixturevalue("db_clean")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Return the browser for Playwright; without one, fail where CI is set and skip with a line elsewhere."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        return found
    sentence = "No Chromium found: install it (Debian: apt-get install chromium) or set CHROMIUM to its path."
    if os.environ.get("CI"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def _settings(database_url: str, redis_url: str) -> "Settings":
    # Imported late, here and below, so that the tests of the pure rules do not load the web.
    from app.config import Settings

    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        shopify_client_id="sandbox-client-id",
        shopify_client_secret="sandbox-client-secret-not-for-production",
        shopify_admin_origin="http://127.0.0.1:9",  # nobody listens there
        secret_key="a-secret-key-for-tests-only",
        encryption_keys=(Fernet.generate_key().decode(),),
    )


def _create_app(settings: "Settings") -> Flask:
    from app import create_app

    application = create_app(settings)
    application.config["TESTING"] = True
    return application


def _template_name() -> str:
    return "boomerang_" + Path(os.environ[SHARED_FOLDER]).name.rpartition("-")[2].lower()


def _connect(url: URL) -> "psycopg.Connection[Any]":
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def _create_template(connection: "psycopg.Connection[Any]", owner: URL, name: str) -> None:
    from flask_migrate import upgrade

    role = sql.Identifier(str(owner.username))
    connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(owner.password)))
    begun = f"{name}_begun"  # so that nobody copies what a failed migration left
    _drop(connection, begun)
    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(begun), role))
    url = owner.set(database=begun).render_as_string(hide_password=False)
    with _create_app(_settings(url, "redis://127.0.0.1:9/0")).app_context():
        upgrade(directory=str(ROOT / "migrations"))
    # A database is renamed or copied only while nobody is connected to it, and the app keeps its connections.
    connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [begun])
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    connection.execute(rename.format(sql.Identifier(begun), sql.Identifier(name)))


def _drop(connection: "psycopg.Connection[Any]", name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
