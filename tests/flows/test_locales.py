"""What customers read: told with their orders, of which the one placed last counts, and nothing that is no locale."""

from itertools import permutations

import pytest
from sqlalchemy import select, update

from app.db import transaction
from app.engine.flows import privacy
from app.models import Customer
from app.texts import locale_text
from tests.flows.builders import ADA, BEN, Till, day, later, order, reading
from tests.flows.post import Post

FRENCH, GERMAN, SILENT = order(1, locale="fr", on=1), order(2, locale="de-AT", on=2), order(3, on=3)


def read_by(shop: Till) -> dict[int, str | None]:
    """Return what each customer reads, by Shopify's id."""
    with reading() as session:
        rows = session.execute(select(Customer.shopify_id, Customer.locale).where(Customer.shop_id == shop.id))
        return dict(rows.all())


def test_a_customer_reads_what_the_order_says(shop: Till) -> None:
    shop.tell(FRENCH, order(4, customer=BEN), order(5, customer=None, locale="es"))
    assert read_by(shop) == {ADA.customer_id: "fr", BEN.customer_id: None}


@pytest.mark.parametrize("facts", list(permutations([FRENCH, GERMAN, SILENT])))
def test_the_order_placed_last_counts_in_whatever_order_they_are_told(shop: Till, facts: tuple[object, ...]) -> None:
    for fact in facts:
        shop.tell(fact)
    assert read_by(shop) == {ADA.customer_id: "de-AT"}


def test_of_one_batch_the_order_placed_last_counts(shop: Till) -> None:
    shop.tell(GERMAN, SILENT, FRENCH)
    assert read_by(shop) == {ADA.customer_id: "de-AT"}


def test_a_newer_version_of_an_old_order_changes_nothing(shop: Till) -> None:
    shop.tell(FRENCH, GERMAN)
    shop.tell(later(FRENCH, 999_999, tags=("any",)))
    assert read_by(shop) == {ADA.customer_id: "de-AT"}


def test_what_was_known_otherwise_gives_way_to_an_order(shop: Till) -> None:
    shop.tell(SILENT)
    with transaction() as session:
        session.execute(update(Customer).values(locale="en"))
    shop.tell(FRENCH)
    assert read_by(shop) == {ADA.customer_id: "fr"}


def test_whoever_is_forgotten_reads_nothing_and_orders_bring_it_back_no_more(shop: Till) -> None:
    shop.tell(FRENCH)
    shop.run(lambda session, row: privacy.redact(session, row.id, ADA.customer_id, (), day(10)))
    shop.tell(GERMAN)
    assert read_by(shop) == {ADA.customer_id: None}


def test_a_guest_is_written_to_in_the_language_they_bought_in(shop: Till) -> None:
    speaks = {7: "fr-CA", 8: "pt-BR", 9: None}
    shop.tell(*(order(n, customer=None, email=f"guest{n}@example.com", locale=said) for n, said in speaks.items()))
    assert [letter.language for letter in Post(shop).round(day(10, 4 * 3_600))] == ["fr", "en", "en"]


@pytest.mark.parametrize("locale", ["en", "pt-BR", "zh-Hant-TW", "de_AT", "es-419", "fil"])
def test_a_locale_is_kept_as_it_came(locale: str) -> None:
    assert locale_text(locale) == locale


@pytest.mark.parametrize("nonsense", [None, "", 7, ["de"], "d", "de-" + "x" * 40, "de\n", "<b>de</b>", "de;q=1", "dé"])
def test_what_is_no_locale_is_ignored(nonsense: object) -> None:
    assert locale_text(nonsense) is None
    assert locale_text("-".join(["de", *["abcd"] * 7])) is None
