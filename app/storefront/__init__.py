"""What the shop's own customers see: served through Shopify's app proxy, which signs each request."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Register the routes."""
    from app.storefront.cashback import bp

    app.register_blueprint(bp)
