"""How long the server needs for each list and the front page of a shop with a million orders. Prints JSON lines.

Each address is asked for forty times through the app as it runs, by a person with a session token, after twice to warm
up; with it an address that leads nowhere, as the
baseline. ``--folder`` keeps the shop.
"""

import argparse
import gc
import json
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import psycopg
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade

from bench.big_shop import DOMAIN, STAFF, make_big_shop
from bench.books import ROOT, create_bench_app
from local.servers import start_postgres

TIMES = 40
BASELINE = "/no-such-page"
PATHS = (
    BASELINE, "/", "/?days=90", "/reviews", "/reviews?sort=largest", "/orders", "/orders?search=ada",
    "/orders?search=%23123456", "/orders?badge=pending", "/orders?tier=Gold", "/customers", "/customers?search=ada",
    "/customers?sort=balance", "/customers?sort=owed", "/customers?tag=vip", "/customers?tag=unknown", "/ledger",
    "/ledger?kind=clawback", "/ledger?search=ada", "/calculations", "/calculations?outcome=nothing", "/statements",
    "/statements?search=ada", "/accounts", "/accounts?show=all", "/accounts/changes", "/activity",
    "/activity?action=reject", "/activity?search=ada", "/deliveries", "/deliveries?topic=refunds/create",
    "/deliveries?state=failed", "/tiers", "/tiers?figures=1", "/tiers/log", "/tiers/log?tier=Gold", "/terms",
    "/imports", "/privacy", "/settings", "/settings/business?days=90",
)  # fmt: skip


def main() -> None:
    """Make the shop, ask, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="Keep the shop here, and go on with the one that is there.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="boomerang-bench-") as temporary:
        os.chmod(temporary, 0o755)  # noqa: S103 - started by root, the server runs as nobody
        folder = asked.folder or Path(temporary)
        with start_postgres(folder / "postgres", durable=False) as server:
            app = create_bench_app(server.url)
            with app.app_context():
                upgrade(directory=str(ROOT / "migrations"))
                with psycopg.connect(server.superuser_url.replace("+psycopg", ""), autocommit=True) as connection:
                    if connection.execute("SELECT 1 FROM shops LIMIT 1").fetchone() is None:
                        make_big_shop(connection, asked.orders, datetime.now(UTC))
            gc.collect()
            gc.freeze()  # as wsgi.py does
            for path in PATHS:
                print(json.dumps(measure(app, path)), flush=True)


def measure(app: Flask, path: str) -> dict[str, object]:
    """Return how long an address takes, in milliseconds, of the clock and of this process alone."""
    client = app.test_client()
    status = [fetch(app, client, path) for _ in range(2)][-1]
    took, begun_cpu = [], time.process_time()
    for _ in range(TIMES):
        begun = time.perf_counter()
        fetch(app, client, path)
        took.append((time.perf_counter() - begun) * 1000)
    cpu = (time.process_time() - begun_cpu) * 1000 / TIMES
    told = {"bench": "pages", "path": "baseline" if path == BASELINE else path, "status": status}
    told |= {"median_ms": round(statistics.median(took), 1), "p95_ms": round(sorted(took)[TIMES * 95 // 100 - 1], 1)}
    return told | {"python_cpu_ms": round(cpu, 1), "load": round(os.getloadavg()[0], 1)}


def fetch(app: Flask, client: FlaskClient, path: str) -> int:
    """Ask for a page as htmx does, and return its status."""
    settings, now = app.config["SETTINGS"], datetime.now(UTC)
    claims = {"iss": f"https://{DOMAIN}/admin", "dest": f"https://{DOMAIN}", "aud": settings.shopify_client_id}
    claims |= {"sub": STAFF, "jti": "bench", "sid": "bench"}
    times = {"exp": now + timedelta(minutes=1), "nbf": now - timedelta(seconds=1), "iat": now - timedelta(seconds=1)}
    token = jwt.encode({**claims, **times}, settings.shopify_client_secret, algorithm="HS256")
    headers = {"Authorization": f"Bearer {token}", "HX-Request": "true", "Accept": "text/html"}
    return client.get(path, headers=headers).status_code


if __name__ == "__main__":
    main()
