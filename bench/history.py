"""How many past orders a second an import takes in, how much memory that needs, and what a dry run costs.

``python -m bench.history [ORDERS]`` lets a sandbox write the file of a few hundred orders, multiplies their lines to as
many orders as are asked for (a customer has eight, a year lies between them), and imports them into an embedded
PostgreSQL of its own. Prints one JSON line for each measurement. Orders with refunds are asked for one by one, as many
as the sandbox's own have; their share is among the figures.
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

from cryptography.fernet import Fernet
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import func, select

from app import create_app
from app.config import Settings, current_settings
from app.db import db, transaction
from app.engine.flows import imports, terms
from app.errands.history import import_step
from app.models import HistoryImport, ImportState, Order, Shop, SpendRow, Window
from app.shopify.connect import open_gateway
from app.shopify.history import begin, look
from app.shopify.install import ensure_installed
from app.shopify.session_tokens import verify_session_token
from local.servers import start_postgres, start_valkey
from sandbox.server import Sandbox
from sandbox.tokens import mint_session_token

ROOT = Path(__file__).parent.parent
MODELS = 400
DAYS = 360
EACH = 8


def main() -> None:
    """Make the file and measure."""
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="boomerang-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - started by root, the servers run as nobody
        postgres, valkey = start_postgres(Path(folder) / "postgres"), start_valkey(Path(folder) / "valkey")
        try:
            with Sandbox(app_url="http://127.0.0.1:9", seed=1, restore_rate=100_000, retry_seconds=0.001) as box:
                app = _create_app(postgres.url, valkey.url, box.url)
                with app.app_context():
                    upgrade(directory=str(ROOT / "migrations"))
                    shop_id = _install(box)
                    _fill(box, shop_id, orders)
                    _measure(shop_id, orders)
                    db.session.remove()
                    db.engine.dispose()
        finally:
            valkey.stop()
            postgres.stop()


def _measure(shop_id: int, orders: int) -> None:
    _run(shop_id, "dry run", orders, is_dry_run=True)
    _run(shop_id, "first import", orders)
    _run(shop_id, "the same again", orders)
    _run(shop_id, "with rewards", orders, rewards_past=True)


def _run(shop_id: int, case: str, orders: int, **how: bool) -> None:
    with transaction() as session:
        row = imports.ask(session, shop_id, Window.ALL, "bench", _now(), sees_all=True, **how)
        # The file lies there already: what Shopify takes to write it is not ours.
        row.state, row.operation_gid, row.operations = ImportState.IMPORTING, _GID[0], 1
        row.collected, row.next_step_at = orders, None
        number = row.id
    memory = _peak_mb()
    begun, begun_cpu = time.perf_counter(), time.process_time()
    while import_step(shop_id, lasts=timedelta(seconds=2)):
        pass
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - begun_cpu
    with transaction() as session:
        row = session.get_one(HistoryImport, number)
        told = {"state": row.state, "orders": row.seen_orders, "new": row.new_orders, "left_out": row.unreadable_orders}
        told["stored"] = session.scalar(select(func.count()).select_from(Order))
        told["spend_events"] = session.scalar(select(func.count()).select_from(SpendRow))
    line = {"bench": "history", "case": case, **told, "seconds": round(seconds, 1)}
    line |= {"orders_per_second": round(orders / seconds), "python_cpu_seconds": round(cpu_seconds, 1)}
    line |= {"peak_mb": _peak_mb(), "peak_grew_mb": _peak_mb() - memory, "load": os.getloadavg()[0]}
    print(json.dumps(line), flush=True)


_GID: list[str] = []


def _fill(box: Sandbox, shop_id: int, orders: int) -> None:
    """Let the sandbox write its own orders, and put a file of many more in the place of that."""
    shop = box.world.main
    box.traffic.start_history(shop, MODELS, 50)
    _until(lambda: not box.traffic.progress()["running"])
    gateway, _ = open_gateway(shop_id)
    _GID.append(begin(gateway, None))
    shop.bulk.wait_idle(120)
    operation = shop.bulk.operations[int(_GID[0].rpartition("/")[2])]
    groups = _groups(operation.path)
    share = sum(1 for group in groups if b'"refunds":[]' not in group[0]) / len(groups)
    begun = time.perf_counter()
    plain = [group for group in groups if b'"refunds":[]' in group[0]]
    refunded = [group for group in groups if b'"refunds":[]' not in group[0]]
    start = datetime.now(UTC) - timedelta(days=DAYS)
    with operation.path.open("wb") as file:
        for number in range(orders):
            at = start + timedelta(seconds=number * DAYS * 86_400 // orders)
            if number * share // 1 != (number + 1) * share // 1 and number // 12 < len(refunded):
                file.writelines(refunded[number // 12 % len(refunded)])
                continue
            file.writelines(_copy(plain[number % len(plain)], number, orders, at))
    operation.root_object_count = orders
    size = operation.path.stat().st_size
    assert look(gateway, _GID[0]).orders == orders
    print(
        json.dumps(
            {"bench": "history", "case": "the file", "mb": size >> 20, "refunded_share": round(share, 3),
             "seconds": round(time.perf_counter() - begun, 1)}
        ),
        flush=True,
    )  # fmt: skip


def _groups(path: Path) -> list[list[bytes]]:
    groups: list[list[bytes]] = []
    for line in path.read_bytes().splitlines(keepends=True):
        if b"__parentId" in line:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _copy(group: list[bytes], number: int, orders: int, at: datetime) -> list[bytes]:
    """Return an order's lines as those of another order: other ids, another customer, another day."""
    node = json.loads(group[0])
    gid = f"gid://shopify/Order/{10**12 + number}"
    moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    node |= {"id": gid, "name": f"#{100_000 + number}", "processedAt": moment, "updatedAt": moment}
    if node["customer"] is not None:
        who = number % max(1, orders // EACH)
        email = {"emailAddress": f"customer-{who}@example.com"}
        node["customer"] |= {"id": f"gid://shopify/Customer/{10**11 + who}", "defaultEmailAddress": email}
    for kind, field in (("OrderTransaction", "transactions"), ("OrderDisputeSummary", "disputes")):
        for place, part in enumerate(node[field]):
            part["id"] = f"gid://shopify/{kind}/{10**13 + number * 100 + place}"
    rest = [json.loads(line) | {"__parentId": gid} for line in group[1:]]
    return [json.dumps(part, separators=(",", ":")).encode() + b"\n" for part in (node, *rest)]


def _until(true: Callable[[], bool]) -> None:
    while not true():
        time.sleep(0.1)


def _install(box: Sandbox) -> int:
    options = box.options
    raw = mint_session_token(options, options.shop, 7, "a-session", 60)
    token = verify_session_token(raw, current_settings())
    shop_id = ensure_installed(token, raw, _now(), terms.publish_default)
    with transaction() as session:
        session.get_one(Shop, shop_id).mode = "automatic"  # type: ignore[assignment]
    return shop_id


def _now() -> datetime:
    return datetime.now(UTC)


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _create_app(database_url: str, redis_url: str, sandbox_url: str) -> Flask:
    settings = Settings(
        database_url=database_url,
        redis_url=redis_url,
        shopify_client_id="sandbox-client-id",
        shopify_client_secret="sandbox-client-secret-not-for-production",  # noqa: S106
        shopify_admin_origin=sandbox_url,
        secret_key="a-made-up-key-for-benchmarks-only",  # noqa: S106
        encryption_keys=(Fernet.generate_key().decode(),),
    )
    return create_app(replace(settings, shopify_timeout_seconds=30))


if __name__ == "__main__":
    main()
