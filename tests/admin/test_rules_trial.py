"""What a piece would earn is asked of the rules as they are typed, and changes nothing."""

from typing import Any

import pytest
from flask import Flask

from app.db import transaction
from app.engine.flows.catalogue import record_products
from app.engine.rules.facts import ProductFact
from app.engine.rules.roles import Role
from app.engine.rules.terms import RateRule, Scope
from app.models import Shop
from tests.admin.factories import NOON, Page, Visitor, make_shop, publish
from tests.admin.test_terms_form import GOOD
from tests.flows.builders import all_rows
from tests.people import hire

MUGS = {"rates.name": ["Mugs"], "rates.rate": ["8"], "rates.scope.product_ids": ["5"]}
DOUBLE = {
    "campaigns.name": ["Double"],
    "campaigns.starts_at": ["2026-11-27T00:00"],
    "campaigns.ends_at": ["2026-11-30T00:00"],
    "campaigns.multiplier": ["1.5"],
}


def ask(visitor: Visitor, **typed: Any) -> tuple[int, str]:
    form = {f"try.{name}": value for name, value in typed.items() if name in TRIED}
    response = visitor.post("/rules/try", form | {name: typed[name] for name in typed if name not in TRIED})
    return response.status_code, Page(response.text).text


TRIED = ("product", "variant", "collection", "sku", "vendor", "type", "tags", "tier", "at")


def test_all_that_applies_is_told_with_what_counts(visitor: Visitor, shop_id: int) -> None:
    before = all_rows()
    typed = {**GOOD, **MUGS, **DOUBLE}
    assert ask(visitor, **typed, product="5", tier="Friends", at="2026-11-28T10:00") == (
        200,
        "It earns 12 %. Tier Friends 2.5 % Rate Mugs 8 % Campaign Double times 1.5 Counts 12 %"
        " Boomerang has not asked Shopify about this product yet. Say its vendor, type, tags or collection above if"
        " the rules name them.",
    )
    assert ask(visitor, **typed, at="2026-12-01T10:00") == (200, "It earns 1 %. Tier Everyone Counts 1 %")
    summed = ask(visitor, **typed, precedence="sum", product="gid://shopify/Product/5", at="2026-11-28T10:00")[1]
    assert "It earns 13 %." in summed
    assert all_rows() == before


def test_goods_are_described_by_what_is_known_and_what_is_typed(visitor: Visitor, shop_id: int) -> None:
    with transaction() as session:
        mug = ProductFact(5, "Kiln", "Cups", ("old",), (3,))
        record_products(session, session.get_one(Shop, shop_id), {5: mug}, NOON)
    typed = {**GOOD, "excluded_vendors": "Kiln", "excluded_product_tags": "new", "excluded_collection_ids": "9"}
    known = ask(visitor, **typed, product="5")[1]
    assert known.startswith("It earns nothing: this vendor is excluded. These rates would apply otherwise:")
    assert "Counts" not in known
    assert "has not asked" not in known
    assert "It earns 1 %." in ask(visitor, **typed, product="5", vendor="Loom")[1]
    assert "nothing: products with this tag" in ask(visitor, **typed, tags="red, New")[1]
    assert "It earns nothing" in ask(visitor, **typed, collection="9")[1]
    assert "It earns 1 %." in ask(visitor, **typed, sku="M-1", type="Cups", variant="7")[1]


def test_more_than_the_goods_cost_is_said_to_be_cut(visitor: Visitor, shop_id: int) -> None:
    typed = {**GOOD, **MUGS, "rates.rate": ["99.5"], "precedence": "sum"}
    assert "It earns 100 %." in ask(visitor, **typed, product="5")[1]
    assert "nothing earns more than 100 %" in ask(visitor, **typed, product="5")[1]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({**GOOD, "limits.day": "0"}, "limits, day: The limit per day must be above zero"),
        ({**GOOD, **DOUBLE, "campaigns.rate": ["5"]}, "either a rate or a multiplier"),
        ({**GOOD, "product": "shirt"}, "'shirt' is no product id"),
        ({**GOOD, "at": "soon"}, "Write the moment like"),
    ],
)
def test_what_cannot_be_tried_is_told_why(visitor: Visitor, shop_id: int, typed: dict[str, Any], sentence: str) -> None:
    status, text = ask(visitor, **typed)
    assert (status, sentence in text) == (422, True), text
    assert "cannot be tried yet" in text


def test_whoever_may_only_look_tries_the_rules_in_force(app: Flask, shop_id: int) -> None:
    publish(shop_id, rates=(RateRule("Kiln", 900, Scope(vendors=frozenset({"Kiln"}))),))
    with transaction() as session:
        hire(session, shop_id, "50", Role.VIEWER)
    assert "It earns 9 %." in ask(Visitor(app, staff="50"), vendor="kiln", tier="Gold")[1]


def test_another_shops_products_are_not_known(visitor: Visitor, shop_id: int) -> None:
    other_id = make_shop("elsewhere.myshopify.com")
    with transaction() as session:
        record_products(session, session.get_one(Shop, other_id), {5: ProductFact(5, "Kiln")}, NOON)
    assert "It earns 1 %." in ask(visitor, **GOOD, excluded_vendors="Kiln", product="5")[1]
