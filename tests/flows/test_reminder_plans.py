"""The look for what to remind of reads what is due and little more, in a shop of 20,000 orders."""

from datetime import timedelta
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import text

from app.clock import utcnow
from app.db import transaction
from app.engine.flows import reminders
from app.models import Shop
from bench.big_shop import make_big_shop
from tests.admin.test_plans import ORDERS, Plans, explaining

#: Gives all credit an end, a year after it came, and tells the shop's customers by mail.
ENDING = """
UPDATE transfers SET credit_expires_at = confirmed_at + interval '365 days',
    expires_at = confirmed_at + interval '365 days', next_attempt_at = confirmed_at + interval '365 days'
WHERE kind = 'credit' AND state = 'confirmed';
UPDATE shops SET mails_customers = true;
"""


def test_reminders_look_through_no_whole_table(app: Flask, admin_connection: "psycopg.Connection[Any]") -> None:
    with app.app_context():
        now, plans = utcnow(), Plans()
        make_big_shop(admin_connection, ORDERS, now)
        admin_connection.execute(ENDING)
        admin_connection.execute("VACUUM ANALYZE transfers")
        noticed = 0
        with explaining(plans):
            for later in (timedelta(0), timedelta(days=60)):
                with transaction() as session:
                    assert 1 in reminders.list_due_shops(session, now + later)
                for _ in range(3):
                    with transaction() as session:
                        noticed += reminders.remind(session, session.get_one(Shop, 1), now + later)
                with transaction() as session:
                    session.execute(text("UPDATE statements SET noticed_at = now()"))
        assert not plans.wrong, "\n\n".join(plans.wrong)
        assert noticed > reminders.BATCH
