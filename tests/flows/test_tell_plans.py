"""No step of telling looks through all messages or mails: each question is explained by PostgreSQL in a big shop."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import event, text

from app.db import db, transaction
from app.engine.flows import mail_states, mails, tell, tell_now
from app.engine.rules.digests import WrittenLetter
from app.models import MailSettings, Shop
from bench.digests import FILL, NOW
from tests.admin.test_plans import Plans, explaining
from tests.flows.builders import Till
from tests.flows.post import WORDS

#: Everybody has two orders of which they are to hear, and was told of two things before.
CUSTOMERS = 12_500
WRONG = re.compile(r".* rows of (messages|mails)\n|Sort")
#: What was told before, by a mail a minute: three quarters were sent, the newest wait, some are left on the wire, and a
#: few wait for too long.
TOLD = (
    """
    INSERT INTO mails (id, shop_id, kind, customer_id, address, address_key, language, subject, html, text, state,
        created_at, sent_at, leased_until)
    SELECT n, :shop, 'digest', customer_id, address, address, 'en', 'Subject', '', '', state, at,
        CASE state WHEN 'sent' THEN at END, CASE state WHEN 'sending' THEN at END
    FROM (
        SELECT n, n % :customers + 1 AS customer_id, 'customer-' || n % :customers + 1 || '@example.com' AS address,
            CAST(:now AS timestamptz) - (20000 - n) * interval '1 minute' AS at,
            CASE WHEN n % 1000 = 0 THEN 'sending' WHEN n % 1000 = 1 OR n > 17000 THEN 'planned' ELSE 'sent' END AS state
        FROM generate_series(1, 20000) n
    ) told
    """,
    """
    INSERT INTO messages (shop_id, key, topic, customer_id, reward_id, subject_id, created_at, state, done_at, mail_id,
        said)
    SELECT :shop, 'told:' || n, 'reward', (n + 1) / 2, n, n, CAST(:now AS timestamptz) - interval '2 days', 'mailed',
        CAST(:now AS timestamptz) - interval '1 day', n % 20000 + 1,
        '{"announced": 200, "credited": 0, "saying": "earned"}'
    FROM generate_series(1, 2 * :customers) n
    """,
)


class Changes:
    """What every update of messages and mails is found by."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.wrong: list[str] = []

    def explain(self, cursor: Any, statement: str, parameters: Any) -> None:
        """Let PostgreSQL say how it would make a change; each change once."""
        if statement in self.seen:
            return
        self.seen.add(statement)
        with cursor.connection.cursor() as own:
            own.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            read_whole = set(_read_whole(own.fetchone()[0][0]["Plan"]))
        if read_whole & {"messages", "mails"}:
            self.wrong.append(f"{read_whole}: {statement}")


def _read_whole(node: dict[str, Any]) -> Iterator[str]:
    """Yield the tables that a plan reads from end to end."""
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from _read_whole(child)


@contextmanager
def changing(changes: Changes) -> Iterator[None]:
    """Explain each update before it is made."""

    def before(_: Any, cursor: Any, statement: str, parameters: Any, __: Any, is_many: bool) -> None:
        if statement.startswith("UPDATE"):
            changes.explain(cursor, statement, parameters[0] if is_many else parameters)

    event.listen(db.engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", before)


def test_no_step_of_telling_looks_through_all_messages_or_mails(
    shop: Till, admin_connection: "psycopg.Connection[Any]"
) -> None:
    with transaction() as session:
        session.add(MailSettings(shop_id=shop.id, quiet_from="00:00", quiet_to="00:00"))
        for statement in (*FILL, *TOLD):
            session.execute(text(statement), {"shop": shop.id, "now": NOW, "customers": CUSTOMERS})
        for table in ("mails", "customers", "orders", "rewards"):
            session.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1000000)"))
    admin_connection.execute("VACUUM ANALYZE")
    plans, changes = Plans(), Changes()
    with explaining(plans), changing(changes):
        _tell(shop)
        _send(shop)
        _tidy(shop)
    wrong = [what for what in plans.wrong if WRONG.match(what)]
    assert not wrong, "\n\n".join(wrong)
    assert not changes.wrong, "\n\n".join(changes.wrong)
    assert len(plans.seen) > 30
    assert len(changes.seen) > 5


def _tell(shop: Till) -> None:
    """Make the first batch of a digest."""
    with transaction(shop.id) as session:
        assert tell.list_due_shops(session, NOW) == [shop.id]
        assert tell_now.read_queue(session, session.get_one(Shop, shop.id), NOW).count == tell_now.MOST_COUNTED
    for _ in range(2):
        with transaction(shop.id) as session:
            row = session.get_one(Shop, shop.id)
            run = tell.begin_run(session, row, NOW)
            assert run is not None
            batch = tell.gather(session, row, run, NOW)
            letters = [WrittenLetter(draft, WORDS) for draft in batch.drafts]
            assert len(letters) == tell.BATCH
            tell.keep(session, row, run, batch, letters, NOW, True)


def _send(shop: Till) -> None:
    """Send some mails, after those that waited too long are taken back."""
    with transaction(shop.id) as session:
        assert mail_states.list_due_shops(session, NOW) == [shop.id]
    with transaction(shop.id) as session:
        claims = mail_states.claim_some(session, shop.id, NOW, 300, 20)
        assert len(claims) == 20
        going = mail_states.mark_sending(session, claims[0], NOW, 300)
        assert going is not None
        mail_states.mark_sent(session, going, NOW)


def _tidy(shop: Till) -> None:
    """Take in a report, empty old mails, and keep what is planned where the server is gone."""
    later = NOW + timedelta(days=90) - timedelta(minutes=20_000 - 30)
    with transaction(shop.id) as session:
        assert mails.find_bounced(session, shop.id, "customer-5@example.com", NOW) is not None
        assert mails.list_shops_to_prune(session, later) == [shop.id]
        mails.prune(session, session.get_one(Shop, shop.id), later)  # explained, that is done already
        assert mails.list_shops_to_prune(session, later) == []
        assert mail_states.keep_planned(session, shop.id, NOW) > 0
