"""Tokens encrypted at rest, and the one place that commits."""

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from app.crypto import Vault
from app.db import as_psycopg, db, transaction
from app.errors import Broken
from app.models import Shop
from tests.flows.builders import Till, day

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def names() -> set[str]:
    """Return the names of the shops that are committed."""
    db.session.remove()
    with transaction() as session:
        return set(session.scalars(select(Shop.name)))


def a_shop(name: str) -> Shop:
    """Return a shop that is not stored yet."""
    return Shop(domain=f"{name}.myshopify.com", name=name, currency="USD", installed_at=day(0))


def test_what_is_encrypted_comes_back_and_does_not_show() -> None:
    secret = Vault((NEW,)).encrypt("shpat_made-up ★")
    assert "made-up" not in secret
    assert Vault((NEW,)).decrypt(secret) == "shpat_made-up ★"


def test_keys_are_rotated_by_putting_the_new_one_first() -> None:
    before = Vault((OLD,)).encrypt("token")
    rotated = Vault((NEW, OLD))
    assert rotated.decrypt(before) == "token"
    assert Vault((NEW,)).decrypt(rotated.encrypt("token")) == "token"


def test_what_no_key_fits_says_what_to_do() -> None:
    for stored in ("", "plain text", Vault((OLD,)).encrypt("token")):
        with pytest.raises(Broken, match="add the old key"):
            Vault((NEW,)).decrypt(stored)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_block_that_raises_leaves_nothing(shop: Till, error: type[BaseException]) -> None:
    before = names()

    def fail() -> None:
        with transaction() as session:
            session.add(a_shop("half"))
            session.flush()
            raise error

    with pytest.raises(error):
        fail()
    assert names() == before


def test_a_block_that_ends_is_committed(shop: Till) -> None:
    with transaction() as session:
        session.add(a_shop("whole"))
    assert "whole" in names()


@pytest.mark.parametrize(
    "address", ["postgres://u:p@h:1/d", "postgresql://u:p@h:1/d", "postgresql+psycopg://u:p@h:1/d"]
)
def test_every_way_to_write_postgresql_means_psycopg(address: str) -> None:
    assert as_psycopg(address) == "postgresql+psycopg://u:p@h:1/d"
