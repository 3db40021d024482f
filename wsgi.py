"""What a WSGI server and the ``flask`` command load: ``wsgi:app``."""

import gc
from dataclasses import replace
from pathlib import Path

from app import create_app
from app.config import Settings, SettingsError, read_settings


def _with_servers(settings: Settings) -> Settings:
    """Return settings that name a PostgreSQL and a Redis: where they name none, the embedded ones under ``var/``."""
    if settings.database_url and settings.redis_url:
        return settings
    # Imported late: who names servers needs none of the wheels that carry them.
    from local.servers import ensure_running

    embedded = ensure_running(Path("var"))
    return replace(
        settings,
        database_url=settings.database_url or embedded.database_url,
        redis_url=settings.redis_url or embedded.redis_url,
    )


try:
    app = create_app(_with_servers(read_settings()))
except SettingsError as error:
    raise SystemExit(f"Boomerang cannot start: {error}") from None

# What is loaded by now stays as long as the process: looking through it again and again would hold up a request in ten.
gc.collect()
gc.freeze()
