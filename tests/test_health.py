"""What a supervisor asks: alive, and able to work?"""

from dataclasses import replace

from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.config import Settings

NOBODY = "127.0.0.1:9"


def test_a_process_that_serves_is_healthy(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}


def test_with_database_and_queue_it_is_ready(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_without_its_servers_it_is_alive_and_says_what_is_missing(settings: Settings) -> None:
    lost: Flask = create_app(
        replace(settings, database_url=f"postgresql://x@{NOBODY}/x", redis_url=f"redis://{NOBODY}/0")
    )
    answer = lost.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json() == {"status": "cannot reach the database and the queue"}
    assert lost.test_client().get("/healthz").status_code == 200
