"""What the ``flask`` commands share: the shop they are about, and a sentence where a server does not answer."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.db import bind_shop
from app.models import Shop

ACTOR = "cli"


@contextmanager
def sentences_for_absent_servers() -> Iterator[None]:
    """Tell an operator in one sentence which server does not answer; all other trouble keeps its traceback."""
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) is not None:
            raise
        why = str(error.orig).partition("\n")[0]
        raise click.ClickException(f"PostgreSQL does not answer; is DATABASE_URL right? ({why})") from error
    except RedisConnectionError as error:
        raise click.ClickException(f"Redis does not answer; is REDIS_URL right? ({error})") from error


def get_shop(session: Session, domain: str) -> Shop:
    """Return the shop with a domain, and bind the transaction to it; end the command with a sentence if it is none."""
    shop = session.scalar(select(Shop).where(Shop.domain == domain))
    if shop is None:
        raise click.ClickException(f"No shop {domain} has installed the app.")
    bind_shop(session, shop.id)
    return shop
