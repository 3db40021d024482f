"""No page looks through a whole table: each question any page asks is explained by PostgreSQL in a big shop."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import event

from app.clock import utcnow
from app.db import db
from bench.big_shop import make_big_shop
from tests.admin.factories import Visitor
from tests.admin.paths import list_paths

ORDERS = 20_000
#: Tables that grow with what the shop does.
BIG = {
    "orders", "rewards", "ledger_entries", "postings", "customers", "transfers", "audit_events", "inbox",
    "credit_accounts", "spend_events", "grant_events", "statements", "tier_changes", "credit_moves", "incidents",
    "alert_posts", "mails", "messages", "mail_stops",
}  # fmt: skip
#: No part of a plan may touch more rows than this, or sort more: a page shows fifty.
MOST_ROWS = 2_500
AT_ONCE = 50
#: Pages that touch more, of which table, and why that is bounded or wanted all the same.
KNOWN = (
    (r"/(settings|deliveries.*)?", "inbox", "the figures of the last hour look at the newest 5,000 deliveries at most"),
    (r"/tiers\?figures=1", "customers", "asked for by a click: it looks at everybody once"),
    (
        r"/customers\?tag=.*",
        "customers",
        "row-level security lets no index of arrays be used; it stops when a page is full",
    ),
    (
        r"/(ledger|activity|statements|orders|customers)\?.*search=.*",
        None,
        "all that up to 1,000 people have, or the newest until some is theirs",
    ),
    (r"/orders\?badge=awaiting-account.*", "orders", "of so few orders a hash of all is cheaper than 600 look-ups"),
    (r"/customers\?show=pending.*", "credit_accounts", "of so few accounts a hash of all is cheaper than 200 look-ups"),
)
_PLACE = re.compile(r'href="(/[^"]*[?&;](?:before|after)=[^"]*)"')


@dataclass
class Plans:
    """What each question of a request was answered by, and what is wrong with that."""

    wrong: dict[str, str] = field(default_factory=dict)
    path: str = ""
    seen: set[tuple[str, str]] = field(default_factory=set)

    def explain(self, cursor: Any, statement: str, parameters: Any) -> None:
        """Let PostgreSQL answer a question and say how, as the app's user, bound to the shop; each question once."""
        asked = {name: value for name, value in parameters.items() if not isinstance(value, datetime)}
        if (key := (statement, str(asked))) in self.seen:
            return
        self.seen.add(key)
        with cursor.connection.cursor() as own:
            own.execute(f"EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF, FORMAT JSON) {statement}", parameters)
            plan = own.fetchone()[0]
        for table, complaint in _complaints(plan[0]["Plan"]):
            if not any(re.fullmatch(path, self.path) and of in (table, None) for path, of, _ in KNOWN):
                self.wrong.setdefault(f"{complaint}\n{statement}", self.path)


def _complaints(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    table, kind = node.get("Relation Name"), node["Node Type"]
    touched = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    # What looks whether there is anything at all stops at the first row or soon after it.
    most = MOST_ROWS if kind != "Seq Scan" else AT_ONCE
    if table in BIG and touched > most:
        yield table, f"{kind} {node.get('Index Name', '')} touches {touched:.0f} rows of {table}"
    if kind == "Sort" and node["Plans"][0]["Actual Rows"] > MOST_ROWS:
        yield "", f"Sort of {node['Plans'][0]['Actual Rows']:.0f} rows by {node['Sort Key']}"
    for child in node.get("Plans", ()):
        yield from _complaints(child)


@contextmanager
def explaining(plans: Plans) -> Iterator[None]:
    """Explain each question before it is asked."""

    def before(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        if statement.startswith(("SELECT", "WITH")) and "pg_" not in statement and "set_config" not in statement:
            plans.explain(cursor, statement, parameters)

    event.listen(db.engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", before)


def test_no_page_looks_through_a_whole_table(app: Flask, admin_connection: "psycopg.Connection[Any]") -> None:
    now, plans = utcnow(), Plans()
    make_big_shop(admin_connection, ORDERS, now)
    visitor, paths, turned = Visitor(app), list_paths(app, now), set[str]()
    with explaining(plans):
        for path in paths:
            plans.path = path
            answer = visitor.fetch(path)
            assert answer.status_code in (200, 404), (path, answer.status_code)
            # And one page further, wherever there is one.
            for further in _PLACE.findall(answer.text):
                if (room := path.partition("&")[0]) not in turned:
                    turned.add(room)
                    plans.path = unescape(further)
                    assert visitor.fetch(plans.path).status_code == 200, plans.path
    assert not plans.wrong, "\n\n".join(f"{path}: {what}" for what, path in plans.wrong.items())
    assert len(turned) > 30
    assert len(plans.seen) > 500
