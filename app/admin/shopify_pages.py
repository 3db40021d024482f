"""Addresses of pages in Shopify's own admin, which open outside the frame."""

from flask import Flask, g

from app.admin.headers import ADMIN, DEFAULT_ORIGIN
from app.config import current_settings


def init_shopify_pages(app: Flask) -> None:
    """Give the templates ``shopify_page(kind, id)``."""
    app.jinja_env.globals["shopify_page"] = shopify_page


def shopify_page(kind: str, shopify_id: int) -> str:
    """Return the address of a page about an order or a customer: ``shopify_page("orders", 5)``."""
    origin = current_settings().shopify_admin_origin
    store = g.shop.domain.partition(".")[0]
    # A sandbox has its own admin; Shopify's is at one address for all shops.
    base = ADMIN if origin == DEFAULT_ORIGIN else origin.format(shop=g.shop.domain).rstrip("/")
    return f"{base}/store/{store}/{kind}/{shopify_id}"
