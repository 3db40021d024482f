"""The fixtures that other tests stand on."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from flask import Flask
from redis import Redis

from app.db import transaction
from app.models import Shop
from tests.conftest import EMPTY_ALL_TABLES

PUT_A_POSTING = """
    INSERT INTO postings (shop_id, entry_id, customer_id, currency, source, destination, amount_minor)
    VALUES (1, 1, 1, 'USD', 'program:promised', 'customer:pending', 100)
"""


def test_cleaning_leaves_empty_tables_whose_numbers_start_at_1(
    app: Flask, admin_connection: "psycopg.Connection[Any]"
) -> None:
    for _ in range(2):
        with app.app_context(), transaction() as session:
            shop = Shop(domain="a.myshopify.com", name="A", currency="USD", installed_at=datetime.now(UTC))
            session.add(shop)
            session.flush()
            assert shop.id == 1
        admin_connection.execute(EMPTY_ALL_TABLES)


def test_cleaning_passes_the_triggers_that_keep_the_books(
    app: Flask, database_url: str, admin_connection: "psycopg.Connection[Any]"
) -> None:
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as ordinary:
        admin_connection.execute(PUT_A_POSTING)
        with pytest.raises(psycopg.Error):
            ordinary.execute("DELETE FROM postings")
        admin_connection.execute(EMPTY_ALL_TABLES)
        assert ordinary.execute("SELECT count(*) FROM postings").fetchone() == (0,)


def test_redis_is_emptied_for_each_test(redis_url: str, request: pytest.FixtureRequest) -> None:
    with Redis.from_url(redis_url) as other:
        other.set("left behind", 1)
        client = request.getfixturevalue("redis_client")
        assert (client.keys(), other.dbsize()) == ([], 0)
