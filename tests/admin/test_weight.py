"""How heavy the first page is: what a browser without a cache loads, Shopify's own scripts left out."""

import gzip

import pytest
from flask import Flask
from sqlalchemy import delete

from app.db import transaction
from app.models import StaffMember
from tests.admin.factories import Page, Visitor
from tests.admin.full_shop import fill_shop

#: The whole of it, as it travels.
MOST_BYTES = 30_000
SCRIPTS = ("htmx.min.js", "app.js")


def sizes(app: Flask, path: str) -> dict[str, int]:
    """Return what a page and all that it loads weigh, compressed."""
    visitor = Visitor(app)
    page = visitor.load(path)
    assert page.status_code == 200
    found = {path: len(gzip.compress(page.data, 6))}
    elements = Page(page.text)
    wanted = [one["src"] for one in elements.of("script") if one.get("src")]
    wanted += [one["href"] for one in elements.of("link", rel="stylesheet")]
    for url in (one for one in wanted if one and one.startswith("/")):
        answer = visitor.client.get(url, headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip", url
        found[url.partition("?")[0]] = len(answer.data)
    return found


@pytest.mark.parametrize("path", ["/", "/reviews"])
def test_the_first_page_is_light(app: Flask, shop_id: int, path: str) -> None:
    with transaction() as session:
        session.execute(delete(StaffMember))  # the full shop brings its own
    fill_shop(shop_id)
    found = sizes(app, path)
    assert {"/static/app.css", *(f"/static/{name}" for name in SCRIPTS)} <= found.keys()
    assert sum(found.values()) <= MOST_BYTES, found
