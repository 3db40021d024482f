"""How fast waiting deliveries are handled: paid orders of one shop, or of many. Prints JSON lines.

Each order is a customer's first, is rewarded and settles at once. The database is embedded, as in production but for
the disk, which is not waited for.
"""

import argparse
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import func, select

from app import create_app
from app.config import Settings
from app.db import db, transaction
from app.engine.flows.terms import publish_default
from app.engine.rules.terms import Mode
from app.models import Reward, Shop
from app.webhooks.inbox import Arrival, drain, store_delivery
from local.servers import start_postgres

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)


def main() -> None:
    """Fill an inbox and drain it, for each number of shops."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=4_000)
    parser.add_argument("--shops", type=int, nargs="+", default=[1, 20, 1_000])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="boomerang-bench-") as folder:
        Path(folder).chmod(0o755)  # started by root, the server runs as nobody
        with start_postgres(Path(folder) / "postgres", durable=False) as server:
            app = _create_app(server.url)
            with app.app_context():
                upgrade(directory=str(ROOT / "migrations"))
                for shops in asked.shops:
                    print(json.dumps(_measure(shops, asked.orders)), flush=True)
                db.session.remove()
                db.engine.dispose()


def _measure(shops: int, orders: int) -> dict[str, Any]:
    _fill(shops, orders)
    before = _rewards()
    begun, begun_cpu = time.perf_counter(), time.process_time()
    while drain(lambda: NOW).taken:
        pass
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - begun_cpu
    assert _rewards() - before == orders
    told = {"bench": "inbox", "shops": shops, "orders": orders, "seconds": round(seconds, 2)}
    return told | {"per_second": round(orders / seconds), "python_cpu_seconds": round(cpu_seconds, 2)}


def _fill(shops: int, orders: int) -> None:
    example = json.loads((ROOT / "tests" / "webhooks" / "bodies" / "orders_paid.json").read_text())
    with transaction() as session:
        for number in range(shops):
            shop = Shop(
                domain=f"bench-{shops}-{number}.myshopify.com",
                name="Bench",
                currency=example["currency"],
                mode=Mode.AUTOMATIC,
                installed_at=datetime(2007, 1, 1, tzinfo=UTC),
            )
            session.add(shop)
            session.flush()
            publish_default(session, shop, "system", datetime(2007, 1, 1, tzinfo=UTC))
        for number in range(orders):
            customer = {**example["customer"], "id": 10_000_000 + number, "email": f"{number}@example.com"}
            body = {**example, "id": number + 1, "admin_graphql_api_id": None, "customer": customer}
            domain = f"bench-{shops}-{number % shops}.myshopify.com"
            arrival = Arrival(domain, f"{shops}-{number}", "orders/paid", json.dumps(body).encode(), NOW)
            assert store_delivery(session, arrival) is not None


def _rewards() -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(Reward)) or 0


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
