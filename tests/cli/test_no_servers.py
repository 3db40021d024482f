"""Commands on a machine whose servers are away: one sentence that names the setting, and exit code 1."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from app import create_app
from app.config import Settings
from app.db import db

SECRET = "not-to-be-shown"
NOBODY = f"boomerang:{SECRET}@127.0.0.1:1"  # nobody listens on port 1


@pytest.fixture
def stranded(settings: Settings) -> Iterator[Flask]:
    """Return an app that finds neither of its servers."""
    app = create_app(replace(settings, database_url=f"postgresql://{NOBODY}/none", redis_url=f"redis://{NOBODY}/0"))
    with app.app_context():
        yield app
        db.session.remove()


@pytest.mark.parametrize(
    ("words", "setting"),
    [
        (("check-books",), "DATABASE_URL"),
        (("inspect", "order", "1"), "DATABASE_URL"),
        (("inspect", "customer", "1", "--json"), "DATABASE_URL"),
        (("program", "set", "--shop", "made-up.myshopify.com", "--mode", "manual"), "DATABASE_URL"),
        (("work", "--burst"), "REDIS_URL"),
    ],
)
def test_a_server_that_does_not_answer_is_named_in_one_sentence(
    stranded: Flask, words: tuple[str, ...], setting: str
) -> None:
    result = stranded.test_cli_runner().invoke(args=words)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert setting in result.stderr
    assert result.stderr.count("\n") == 1
    assert SECRET not in result.stderr
