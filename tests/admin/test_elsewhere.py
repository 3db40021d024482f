"""Nothing of a page leads to another host, but what leads into the shop's own Shopify admin."""

from urllib.parse import parse_qsl, urlsplit

from flask import Flask
from sqlalchemy import delete

from app.admin.headers import APP_BRIDGE
from app.db import transaction
from app.models import StaffMember
from tests.admin.browsing import is_elsewhere
from tests.admin.factories import DOMAIN, Page, Visitor
from tests.admin.full_shop import fill_shop
from tests.admin.rooms import LOOKS

#: What a browser loads or goes to by itself, or at a click.
LEADS = ("src", "href", "action", "formaction", "srcset", "poster", "data", "hx-get", "hx-post")
#: The settings of the tests name this as the origin of Shopify's admin.
SHOPIFY = {"admin.shopify.com", DOMAIN, "127.0.0.1"}


def test_no_page_holds_the_address_of_another_host(app: Flask, shop_id: int) -> None:
    with transaction() as session:
        session.execute(delete(StaffMember))  # the full shop brings its own
    shop, visitor, seen = fill_shop(shop_id), Visitor(app), 0
    for look in LOOKS:
        path, _, query = look.path(shop).partition("?")
        for _, attributes in Page(visitor.load(path, **dict(parse_qsl(query))).text).elements:
            for address in (value for name, value in attributes.items() if name in LEADS and value):
                parts = urlsplit(address)
                is_ours = not parts.scheme and not parts.netloc
                assert is_ours or address == APP_BRIDGE or parts.hostname in SHOPIFY, (look.name, address)
                seen += 1
    assert seen > 1_000


def test_other_hosts_are_told_from_this_one() -> None:
    assert is_elsewhere("https://cdn.example.com/app.js")
    assert is_elsewhere("http://127.0.0.1.example.com/")
    assert not is_elsewhere("http://127.0.0.1:5000/orders")
    assert not is_elsewhere("data:image/svg+xml,x")
