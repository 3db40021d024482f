"""Where the platform knocks: deliveries come in, are stored once, and later become facts for the flows."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Register the one route."""
    from app.webhooks.receive import blueprint

    app.register_blueprint(blueprint)
