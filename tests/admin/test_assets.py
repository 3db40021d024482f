"""Static files: types, versions, caching."""

import pytest
from flask import Flask

from app.admin.assets import asset_url


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("app.css", "text/css"),
        ("app.js", "text/javascript"),
        ("htmx.min.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_a_file_is_served_for_good_at_its_versioned_address(app: Flask, name: str, kind: str) -> None:
    with app.test_request_context():
        url = asset_url(name)
    response = app.test_client().get(url)
    assert response.status_code == 200
    assert response.mimetype == kind
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    again = app.test_client().get(url, headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_a_file_at_an_old_version_is_asked_for_again(app: Flask) -> None:
    assert app.test_client().get("/static/app.css?v=old").headers["Cache-Control"] == "no-cache"
    assert app.test_client().get("/static/app.css").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["other.css", "..%2f__init__.py", "../__init__.py", ".env"])
def test_nothing_else_is_served(app: Flask, name: str) -> None:
    assert app.test_client().get(f"/static/{name}").status_code == 404


def test_htmx_is_version_4(app: Flask) -> None:
    assert 'version="4.' in app.test_client().get("/static/htmx.min.js").text
