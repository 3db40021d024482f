"""Static files: types, versions, caching."""

import gzip
from pathlib import Path

import pytest
from flask import Flask

from app.admin import assets
from app.admin.assets import asset_url
from tests.admin.factories import Visitor

STATIC = Path(assets.__file__).parent / "static"


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


@pytest.mark.parametrize("name", ["app.css", "app.js", "htmx.min.js", "icon.svg"])
def test_a_file_travels_compressed_to_whoever_takes_that(app: Flask, name: str) -> None:
    client = app.test_client()
    plain = client.get(f"/static/{name}")
    packed = client.get(f"/static/{name}", headers={"Accept-Encoding": "br, gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data)
    for answer in (plain, packed):
        assert answer.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] != plain.headers["ETag"]


@pytest.mark.parametrize("wanted", ["identity", "br", "gzip;q=0", "*;q=0"])
def test_who_takes_no_gzip_is_sent_none(app: Flask, wanted: str) -> None:
    answer = app.test_client().get("/static/app.css", headers={"Accept-Encoding": wanted})
    assert "Content-Encoding" not in answer.headers


def test_a_compressed_file_that_is_known_is_not_sent_again(app: Flask) -> None:
    client, headers = app.test_client(), {"Accept-Encoding": "gzip"}
    first = client.get("/static/app.css", headers=headers)
    again = client.get("/static/app.css", headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert client.get("/static/app.css", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize(("name", "folder"), [("app.css", "css"), ("app.js", "js")])
def test_only_comments_on_lines_of_their_own_stay_at_home(app: Flask, name: str, folder: str) -> None:
    served = app.test_client().get(f"/static/{name}").text.splitlines()
    parts = sorted((STATIC / folder).iterdir())
    written = "\n".join(part.read_text() for part in parts).splitlines()
    inside, kept = False, []
    for line in written:
        bare = line.strip()
        inside = inside or bare.startswith("/*")
        if not inside and not bare.startswith("//"):
            kept.append(line)
        inside = inside and not bare.endswith("*/")
    assert [line for line in served if line] == [line for line in kept if line]
    assert len(kept) < len(written)


def test_pages_are_never_compressed(visitor: Visitor) -> None:
    answer = visitor.client.get(
        "/orders", query_string={"id_token": visitor.token()}, headers={"Accept-Encoding": "gzip"}
    )
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers
