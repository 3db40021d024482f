"""How many digests a second are made of what waits to be told, and how much memory that takes.

``python -m bench.digests [MESSAGES] [--digests MOST]`` makes up a shop in an embedded PostgreSQL of its own in which
each customer is to hear of two orders, one of them credited meanwhile, and prints one JSON line for each measurement.
Beside the whole stands the rendering of as many letters alone, taken in the same run. ``MOST`` ends it sooner, while
the rest still waits.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask_migrate import upgrade
from sqlalchemy import func, select, text

from app.config import current_settings
from app.db import db, transaction
from app.engine.flows import tell, terms
from app.engine.rules.letters import Letter, News
from app.engine.rules.messages import Saying
from app.mail.digests import build_due
from app.mail.links import sender_for
from app.mail.render import write
from app.models import Mail, Shop
from bench.books import ROOT, create_bench_app
from local.servers import start_postgres

NOW = datetime(2026, 11, 20, 13, 0, 1, tzinfo=UTC)
#: Everybody has two orders; the credit of those with an even number was confirmed.
FILL = (
    """
    INSERT INTO customers (id, shop_id, shopify_id, email, name, locale, created_at)
    SELECT n, :shop, n, 'customer-' || n || '@example.com', 'Customer ' || n,
        (ARRAY['en', 'de', 'fr', 'es'])[n % 4 + 1], :now FROM generate_series(1, :customers) n
    """,
    """
    INSERT INTO orders (id, shop_id, shopify_id, name, customer_id, currency, total_minor, financial_status, placed_at,
        version_at, fact, first_seen_at)
    SELECT n, :shop, n, '#' || n, (n + 1) / 2, 'USD', 10000, 'paid', :now, :now, '{}', :now
    FROM generate_series(1, 2 * :customers) n
    """,
    """
    INSERT INTO rewards (id, shop_id, order_id, customer_id, state, terms_version, tier_name, rate_bps, spend_minor,
        currency, eligible_minor, calculated_minor, granted_minor, reversed_minor, ceilings, steps, version, release_at,
        created_at, state_at)
    SELECT id, shop_id, id, customer_id, CASE id % 2 WHEN 0 THEN 'settled' ELSE 'pending' END, 1, 'Bronze', 200, 0,
        'USD', 10000, 200, 200, 0, '[]', '[]', 1, :now, :now, :now FROM orders
    """,
    """
    INSERT INTO transfers (shop_id, key, customer_id, reward_id, kind, currency, amount_minor, state, created_at,
        sent_minor, attempts, empty_reads, needs_person, confirmed_at)
    SELECT shop_id, 'credit:' || id, customer_id, id, 'credit', 'USD', 200, 'confirmed', :now, 200, 1, 0, false, :now
    FROM rewards WHERE state = 'settled'
    """,
    """
    INSERT INTO messages (shop_id, key, topic, customer_id, reward_id, subject_id, created_at)
    SELECT shop_id, 'entry:' || id, 'reward', customer_id, id, id, CAST(:now AS timestamptz) - interval '1 hour'
    FROM rewards ORDER BY id
    """,
)


def main() -> None:
    """Fill a shop and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("messages", type=int, nargs="?", default=100_000)
    parser.add_argument("--digests", type=int, help="End after about so many.")
    asked = parser.parse_args()
    messages, digests = asked.messages, asked.digests or asked.messages // 2
    with tempfile.TemporaryDirectory(prefix="boomerang-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - started by root, the server runs as nobody
        server = start_postgres(Path(folder) / "postgres")
        try:
            app = create_bench_app(server.url)
            with app.app_context():
                app.config["SETTINGS"] = replace(current_settings(), mail_url="smtp://127.0.0.1:9")
                upgrade(directory=str(ROOT / "migrations"))
                _measure(_fill(messages // 2), digests, messages)
                db.session.remove()
                db.engine.dispose()
        finally:
            server.stop()


def _measure(shop_id: int, most: int, messages: int) -> None:
    def render() -> int:
        with transaction() as session:
            shop = session.get_one(Shop, shop_id)
        for number in range(1, most + 1):
            letter = _letter(number)
            write(letter, sender_for(shop, letter, "", NOW))
        return most

    def build() -> int:
        while build_due(shop_id, tell, catch=ZeroDivisionError, clock=lambda: NOW).is_more and _count_mails() < most:
            pass
        return _count_mails()

    _say("rendering alone", messages, render)
    _say("digests built", messages, build)


def _count_mails() -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(Mail)) or 0


def _say(case: str, messages: int, work: Callable[[], int]) -> None:
    memory = _peak_mb()
    begun, begun_cpu = time.perf_counter(), time.process_time()
    digests = work()
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - begun_cpu
    line = {"bench": "digests", "case": case, "messages": messages, "digests": digests, "seconds": round(seconds, 2)}
    line |= {"digests_per_second": round(digests / seconds), "python_cpu_seconds": round(cpu_seconds, 2)}
    print(json.dumps(line | {"peak_mb": _peak_mb(), "peak_grew_mb": _peak_mb() - memory}), flush=True)


def _letter(number: int) -> Letter:
    news = (
        News(Saying.EARNED, 200, f"#{2 * number - 1}", on_day=NOW.date()),
        News(Saying.CREDITED, 200, f"#{2 * number}"),
    )
    language = ("en", "de", "fr", "es")[number % 4]
    address, name = f"customer-{number}@example.com", f"Customer {number}"
    return Letter(number, address, name, language, "USD", news, 0, (2 * number - 1, 2 * number))


def _fill(customers: int) -> int:
    with transaction() as session:
        shop = Shop(domain="bench.myshopify.com", name="Bench", currency="USD", installed_at=NOW)
        session.add(shop)
        session.flush()
        terms.publish_default(session, shop, "system", NOW - timedelta(days=800))
        for statement in FILL:
            session.execute(text(statement), {"shop": shop.id, "now": NOW, "customers": customers})
        shop_id: int = shop.id
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return shop_id


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
