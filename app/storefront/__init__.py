"""What the shop's own customers see: their cashback in the shop's theme, and the pages that mails lead to.

The theme asks through Shopify's app proxy, which signs each request; the pages are opened by sealed tokens
(``app/mail/links.py``).
"""

from flask import Flask


def init_app(app: Flask) -> None:
    """Register the routes."""
    # Imported here because the pages hang their routes on the blueprint.
    from app.storefront import my_cashback, my_statement, stop  # noqa: F401
    from app.storefront.cashback import bp
    from app.storefront.pages import bp as told

    app.register_blueprint(bp)
    app.register_blueprint(told)
