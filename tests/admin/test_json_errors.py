"""A script that asks for JSON gets every refusal as JSON with a sentence, never a page and never a crash."""

import pytest
from flask import Flask

from tests.admin.factories import Visitor


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("GET", "/nowhere", 404, "It may have been removed"),
        ("POST", "/orders", 405, "Go back to the orders."),
        ("GET", "/orders/5", 404, "There is no such order in this shop."),
        ("GET", "/reviews/5/approve", 405, "Go back to the orders."),
    ],
)
def test_a_wrong_address_is_told_to_a_script_as_json(
    visitor: Visitor, method: str, path: str, status: int, sentence: str
) -> None:
    answer = visitor.client.open(path, method=method, headers=visitor._headers(htmx=False))
    assert (answer.status_code, answer.mimetype) == (status, "application/json")
    assert sentence in answer.get_json()["error"]


def test_a_wrong_address_is_told_to_a_stranger_as_json(app: Flask) -> None:
    answer = app.test_client().get("/nowhere", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.mimetype) == (404, "application/json")
