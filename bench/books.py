"""How long it takes to check the books of a shop with a million rewards. Prints one JSON line.

The shop is made up by ``books.sql`` in an embedded PostgreSQL with its usual settings. Afterwards one amount is
changed behind the books' back, and the check must find it: a check that looks at nothing is fast, too.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from cryptography.fernet import Fernet
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text

from app import create_app
from app.config import Settings
from app.db import transaction
from app.engine.flows.check_books import INVARIANTS, Finding, check_books, check_invariant
from local.servers import start_postgres

ROOT = Path(__file__).resolve().parent.parent
BEGINS = datetime(2025, 1, 1, tzinfo=UTC)
ENDS = BEGINS + timedelta(days=360)
COUNTED = (
    "customers",
    "rewards",
    "ledger_entries",
    "postings",
    "transfers",
    "statements",
    "spend_events",
    "grant_events",
)


def main() -> None:
    """Make the shop, check it, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rewards", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="Keep the shop here, and go on with the one that is there.")
    parser.add_argument("--each", action="store_true", help="Print a line for each invariant, too.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="boomerang-bench-") as temporary:
        folder = asked.folder or Path(temporary)
        with start_postgres(folder / "postgres", durable=False) as server:
            # The triggers are silenced while the shop is made, which only a superuser can do.
            plain = server.superuser_url.replace("+psycopg", "")
            made_seconds = _make(server.url, plain, asked.rewards)
            with psycopg.connect(plain) as connection:
                rows = {table: _count(connection, table) for table in COUNTED}
            told = {"bench": "books", "rows": rows, "made_seconds": made_seconds}
            told |= _check(server.url, asked.each)
            with create_bench_app(server.superuser_url).app_context():
                assert _find_one_cent() is not None
            print(json.dumps(told))


def _make(url: str, plain: str, rewards: int) -> float:
    begun = time.perf_counter()
    with create_bench_app(url).app_context():
        upgrade(directory=str(ROOT / "migrations"))
    with psycopg.connect(plain, autocommit=True) as connection:
        if _count(connection, "rewards") == 0:
            fill_books(connection, rewards, each=10, begins=BEGINS, ends=ENDS)
            connection.execute("VACUUM ANALYZE")
    return round(time.perf_counter() - begun, 1)


def fill_books(
    connection: "psycopg.Connection[Any]", rewards: int, *, each: int, begins: datetime, ends: datetime
) -> None:
    """Make up a shop whose books add up, on a superuser's connection that commits by itself."""
    asked = {"rewards": str(rewards), "each": str(each), "begins": begins.isoformat(), "ends": ends.isoformat()}
    for name, value in asked.items():
        connection.execute("SELECT set_config(%s, %s, false)", [f"bench.{name}", value])
    connection.execute((ROOT / "bench" / "books.sql").read_bytes())


def _check(url: str, each: bool) -> dict[str, object]:
    with create_bench_app(url).app_context():
        before_kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds, cpu_seconds = {}, 0.0
        for invariant in INVARIANTS:
            begun = time.perf_counter()
            with transaction() as session:
                backend = session.scalar(text("SELECT pg_backend_pid()"))
                used = _cpu_seconds(backend)
                found = list(check_invariant(session, invariant))
                used = _cpu_seconds(backend) - used
            seconds[invariant] = time.perf_counter() - begun
            cpu_seconds += used
            if each:
                told = {"seconds": round(seconds[invariant], 2), "database_cpu_seconds": round(used, 2)}
                print(json.dumps({"invariant": invariant, **told}), flush=True)
            assert found == [], found[:5]
        with transaction() as session:
            begun = time.perf_counter()
            session.execute(text("SELECT SUM(amount_minor) FROM postings p JOIN ledger_entries e ON e.id = p.entry_id"))
            baseline_seconds = time.perf_counter() - begun
        peak_kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "invariants": len(INVARIANTS),
        "check_seconds": round(sum(seconds.values()), 1),
        "database_cpu_seconds": round(cpu_seconds, 1),
        # The least that looking at every entry with its postings takes.
        "baseline_seconds": round(baseline_seconds, 1),
        "slowest": {name: round(took, 1) for name, took in sorted(seconds.items(), key=lambda item: -item[1])[:5]},
        "peak_memory_mb": round(peak_kilobytes / 1024),
        "memory_grown_by_mb": round((peak_kilobytes - before_kilobytes) / 1024),
    }


def _find_one_cent() -> Finding | None:
    """Return what is found first once an amount is changed by a cent; the change is taken back."""
    with transaction() as session:
        connection = session.connection()
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        changed = "UPDATE postings SET amount_minor = amount_minor + 1 WHERE id = (SELECT MAX(id) / 2 FROM postings)"
        assert connection.exec_driver_sql(changed).rowcount == 1
        found = next(check_books(session), None)
        session.rollback()
        return found


def _cpu_seconds(backend: int) -> float:
    """Return what a process of the database has computed so far: on a busy machine the clock says little."""
    words = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _count(connection: "psycopg.Connection[tuple[int]]", table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - the names are above
    return row[0] if row else 0


def create_bench_app(url: str) -> Flask:
    """Return the app on a database, with nobody listening for its jobs."""
    settings = Settings(
        database_url=url,
        redis_url="redis://127.0.0.1:9/0",  # nobody listens there
        shopify_client_id="bench",
        shopify_client_secret="a-made-up-secret-for-benchmarks-only",  # noqa: S106
        secret_key="a-made-up-key-for-benchmarks-only",  # noqa: S106
        encryption_keys=(Fernet.generate_key().decode(),),
    )
    return create_app(settings)


if __name__ == "__main__":
    main()
