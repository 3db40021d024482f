"""Engine, session and transactions: the only place that commits."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, Session

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """What every table shares: the naming of its constraints."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


db = SQLAlchemy(model_class=Base)
if TYPE_CHECKING:
    Model = Base
else:
    #: Parent of every table: ours with Flask-SQLAlchemy's additions, which type checkers cannot see.
    Model = db.Model
migrate = Migrate()


def init_db(app: Flask, database_url: str) -> None:
    """Bind the app to a PostgreSQL."""
    app.config["SQLALCHEMY_DATABASE_URI"] = as_psycopg(database_url)
    options: dict[str, Any] = {
        "pool_pre_ping": True,
        "pool_size": 8,
        "max_overflow": 40,
        # Tracebacks of database errors must not carry what people wrote.
        "hide_parameters": True,
    }
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    db.init_app(app)
    migrate.init_app(app, db, directory="migrations")


def as_psycopg(url: str) -> str:
    """Return the address with the driver we use named in it: ``postgres://`` and ``postgresql://`` mean psycopg 3."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


@contextmanager
def transaction() -> Iterator[Session]:
    """Run a block in one database transaction: commit at its end, roll back if it raises."""
    session: Session = db.session()
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
