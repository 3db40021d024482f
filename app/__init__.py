"""Boomerang: store-credit cashback for Shopify. ``create_app`` puts the house together; nothing else lives here."""

from flask import Flask

from app.config import Settings, read_settings


def create_app(settings: Settings | None = None) -> Flask:
    """Return the app with its settings, extensions and rooms; ``settings`` defaults to the environment's."""
    from app import admin, cli, health, metrics, storefront, webhooks
    from app.crypto import Vault
    from app.db import init_db
    from app.languages import init_languages
    from app.logs import init_logs
    from app.queue import init_queue

    settings = settings or read_settings()
    init_logs(settings.log_format)
    app = Flask(__name__, static_folder=None)
    app.config["SETTINGS"] = settings
    app.config["SECRET_KEY"] = settings.secret_key
    app.extensions["vault"] = Vault(settings.encryption_keys)
    init_db(app, settings.database_url)
    init_queue(app, settings.redis_url)
    init_languages(app)
    webhooks.init_app(app)
    admin.init_app(app)
    storefront.init_app(app)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
    cli.init_app(app)
    return app
