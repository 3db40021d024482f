"""How many customers a second a recalculation of tiers looks at, how much memory it takes, and what a preview costs.

``python -m bench.tiers [CUSTOMERS] [EVENTS_EACH]`` makes up a shop in an embedded PostgreSQL of its own and prints one
JSON line for each measurement. Beside the rate stands the bare reading of the same rows, taken in the same run.
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cryptography.fernet import Fernet
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app import create_app
from app.config import Settings
from app.db import db, transaction
from app.engine.flows import terms, tier_runs
from app.engine.flows.tier_preview import preview
from app.engine.programme import Programme
from app.engine.rules.terms import Evaluation, Tier, TierMethod
from app.models import Shop, SpendRow
from local.servers import start_postgres

R = TypeVar("R")
ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
TIERS = (Tier("Bronze", 0, 200), Tier("Silver", 50_000, 400), Tier("Gold", 150_000, 600))
FLATTER = (Tier("Bronze", 0, 200), Tier("Silver", 40_000, 400), Tier("Gold", 120_000, 600))
#: One order each, its spend in so many events over two years.
FILL = (
    """
    INSERT INTO customers (shop_id, shopify_id, created_at)
    SELECT :shop, n, :now FROM generate_series(1, :customers) n
    """,
    """
    INSERT INTO orders (shop_id, shopify_id, name, customer_id, currency, total_minor, financial_status, placed_at,
        version_at, fact, first_seen_at)
    SELECT shop_id, shopify_id, '#' || shopify_id, id, 'USD', 0, 'paid', :now, :now, '{}', :now FROM customers
    """,
    """
    INSERT INTO spend_events (shop_id, customer_id, order_id, at, placed_at, amount_minor)
    SELECT o.shop_id, o.customer_id, o.id, moment, moment, 5000 + o.id * 7919 % 40000
    FROM orders o, generate_series(1, :events) n,
        LATERAL (SELECT :now - make_interval(hours => (o.id * 31 + n * 4001)::int % 17520) AS moment) m
    """,
)


def main() -> None:
    """Fill a shop and measure."""
    customers, events = (int(sys.argv[n]) if len(sys.argv) > n else usual for n, usual in ((1, 200_000), (2, 5)))
    with tempfile.TemporaryDirectory(prefix="boomerang-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - started by root, the server runs as nobody
        server = start_postgres(Path(folder) / "postgres")
        try:
            with _create_app(server.url).app_context():
                upgrade(directory=str(ROOT / "migrations"))
                shop_id = _fill(customers, events)
                _measure(shop_id, customers, events)
                db.session.remove()
                db.engine.dispose()
        finally:
            server.stop()


def _measure(shop_id: int, customers: int, events: int) -> None:
    def read_all() -> None:
        with transaction() as session:
            rows = session.execute(
                select(SpendRow.customer_id, SpendRow.at, SpendRow.amount_minor, SpendRow.placed_at)
                .where(SpendRow.shop_id == shop_id)
                .execution_options(yield_per=25_000)
            )
            for _ in rows:
                pass

    def recalculate() -> None:
        run_id = _in_shop(shop_id, lambda session, shop: tier_runs.start_run(session, shop.id, "system", NOW).id)
        while _in_shop(shop_id, lambda session, shop: tier_runs.recalculate(session, shop, run_id, NOW)):
            pass

    def look_ahead() -> None:
        def flow(session: Session, shop: Shop) -> None:
            preview(session, shop.id, replace(Programme(session, shop).at(NOW), tiers=FLATTER), NOW)

        _in_shop(shop_id, flow)

    for name, work in {
        "bare reading": read_all,
        "first run, everybody is written": recalculate,
        "next run, nobody is": recalculate,
        "preview": look_ahead,
    }.items():
        memory = _peak_mb()
        begun, begun_cpu = time.perf_counter(), time.process_time()
        work()
        seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - begun_cpu
        line = {"bench": "tiers", "case": name, "customers": customers, "events": customers * events}
        line |= {"seconds": round(seconds, 2), "customers_per_second": round(customers / seconds)}
        line |= {"python_cpu_seconds": round(cpu_seconds, 2)}
        print(json.dumps(line | {"peak_mb": _peak_mb(), "peak_grew_mb": _peak_mb() - memory}), flush=True)


def _fill(customers: int, events: int) -> int:
    with transaction() as session:
        shop = Shop(domain="bench.myshopify.com", name="Bench", currency="USD", installed_at=NOW)
        session.add(shop)
        session.flush()
        terms.publish_default(session, shop, "system", NOW - timedelta(days=800))
        wanted = replace(
            Programme(session, shop).at(NOW),
            tiers=TIERS,
            tier_method=TierMethod.ROLLING_YEAR,
            tier_evaluation=Evaluation.MONTHLY,
            tier_grace_days=30,
        )
        terms.publish(session, shop.id, wanted, "system", NOW - timedelta(days=700))
        values = {"shop": shop.id, "now": NOW, "customers": customers, "events": events}
        for statement in FILL:
            session.execute(text(statement), values)
        shop_id: int = shop.id
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return shop_id


def _in_shop(shop_id: int, flow: Callable[[Session, Shop], R]) -> R:
    db.session.remove()
    with transaction() as session:
        return flow(session, session.get_one(Shop, shop_id))


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _create_app(database_url: str) -> Flask:
    return create_app(
        Settings(
            database_url=database_url,
            redis_url="redis://127.0.0.1:9/0",
            shopify_client_id="bench",
            shopify_client_secret="a-made-up-secret-that-opens-nothing",  # noqa: S106
            shopify_admin_origin="http://127.0.0.1:9",
            secret_key="a-made-up-key-for-benchmarks-only",  # noqa: S106
            encryption_keys=(Fernet.generate_key().decode(),),
        )
    )


if __name__ == "__main__":
    main()
