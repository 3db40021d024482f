"""Run migrations on the app's own engine; one transaction for each, waiting briefly for locks."""

from alembic import context
from flask import current_app
from sqlalchemy import text

import app.models  # noqa: F401  (fills the metadata)
from app.db import Base

database = current_app.extensions["migrate"].db


def run() -> None:
    """Migrate the database the app is bound to."""
    with database.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            # A migration that cannot get its lock soon gives up instead of holding up the shop.
            connection.execute(text("SET lock_timeout = '5s'"))
            context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations need a database: set DATABASE_URL and run `flask --app wsgi db upgrade`.")
run()
