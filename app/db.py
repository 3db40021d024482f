"""Engine, session and transactions: the only place that commits, and the one that binds transactions to a shop.

To a transaction that is bound to a shop the database shows rows of that shop only, and takes no others from it:
row-level security, the second wall behind the conditions of our own queries. Bound are admin requests, the jobs
and commands about one shop, and every batch of deliveries; the receiver, the sweeps and whatever looks at all
shops are not.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from flask import Flask, g
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, MetaData, event, text
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

#: The policies on the tables read this setting. It ends with its transaction, and so never reaches the next
#: user of a pooled connection.
_BIND = text("SELECT set_config('boomerang.shop_id', :shop_id, true)")
_IS_EXEMPT = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")


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
def transaction(shop_id: int | None = None) -> Iterator[Session]:
    """Run a block in one database transaction: commit at its end, roll back if it raises.

    With ``shop_id`` it is bound to that shop; without, it is as its surroundings are.
    """
    with nullcontext() if shop_id is None else bound_to(shop_id):
        session: Session = db.session()
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise


@contextmanager
def bound_to(shop_id: int) -> Iterator[None]:
    """Bind the transactions of the block to a shop: those that begin in it, and one that is open already."""
    before = g.get("bound_shop_id")
    bind_all(shop_id)
    try:
        yield
    finally:
        bind_all(before)


def bind_all(shop_id: int | None) -> None:
    """Bind this request's (or job's) transactions to a shop from here on; with None, to no shop any more."""
    g.bound_shop_id = shop_id
    session: Session = db.session()
    if session.in_transaction() and session.is_active:
        _bind(session.connection(), shop_id)


def bind_shop(session: Session, shop_id: int) -> None:
    """Bind the rest of this one transaction to a shop, once it is known which shop it is about."""
    _bind(session.connection(), shop_id)


def is_exempt(session: Session) -> bool:
    """Return whether the database's user passes row-level security by, as superusers do: there is one wall then."""
    return bool(session.scalar(_IS_EXEMPT))


def _bind(connection: Connection, shop_id: int | None) -> None:
    connection.execute(_BIND, {"shop_id": "" if shop_id is None else str(shop_id)})


@event.listens_for(db.session, "after_begin")
def _bind_what_begins(session: Session, begun: SessionTransaction, connection: Connection) -> None:
    if not begun.nested and (shop_id := g.get("bound_shop_id")) is not None:
        _bind(connection, shop_id)
