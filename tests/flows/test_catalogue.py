"""What is remembered of catalogue and customers' tags, when it counts as stale, and what must be asked first."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.flows.catalogue import mark_collections_stale, mark_stale, record_products
from app.engine.flows.customer_tags import forget_tags, record_tags
from app.engine.flows.details import record_details
from app.engine.flows.missing import NOTHING_MISSING, PRODUCTS_FRESH_FOR, Missing, list_missing, looks_beyond_bodies
from app.engine.rules.facts import FinancialStatus, OrderFact, PaymentFact, ProductFact, RiskFact
from app.engine.rules.facts_json import to_json
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Campaign, HoldRules, Mode, RateRule, RiskLevel, Scope
from app.errors import Broken, NotYet
from app.models import Customer, Product, Shop
from tests.flows.builders import ADA, BEN, BIG, Till, day, later, line, order, reading

LAMP, RUG = BIG + 31, BIG + 32
SHELF = BIG + 61


def lamp(**changes: Any) -> ProductFact:
    return ProductFact(LAMP, "Brass", "Light", ("a",), (SHELF,), **changes)


def products(shop: Till) -> dict[int, tuple[dict[str, Any] | None, bool, datetime]]:
    with reading() as session:
        rows = session.scalars(select(Product).where(Product.shop_id == shop.id))
        return {row.shopify_id: (row.fact, row.is_stale, row.fetched_at) for row in rows}


def remember(shop: Till, *facts: ProductFact, at: datetime = day(0)) -> None:  # noqa: B008 - a constant
    shop.run(lambda session, row: record_products(session, row, {fact.product_id: fact for fact in facts}, at))


def missing(shop: Till, *orders: OrderFact, on: int = 0, **others: Any) -> Missing:
    return shop.run(lambda session, row: list_missing(session, row, orders, day(on), **others))


def test_the_newest_answer_about_a_product_counts_whichever_is_stored_first(shop: Till) -> None:
    newer = replace(lamp(), vendor="Copper")
    for facts in ((lamp(), newer), (newer, lamp())):
        for fact in facts:
            remember(shop, fact, at=day(2 if fact is newer else 1))
        assert products(shop) == {LAMP: (to_json(newer), False, day(2))}


def test_a_product_that_shopify_does_not_know_any_more_keeps_what_was_said(shop: Till) -> None:
    remember(shop, lamp())
    both: dict[int, ProductFact | None] = {LAMP: None, RUG: None}
    shop.run(lambda session, row: record_products(session, row, both, day(1)))
    assert products(shop) == {LAMP: (to_json(lamp()), False, day(1)), RUG: (None, False, day(1))}


def test_nothing_said_is_nothing_stored(shop: Till) -> None:
    shop.twice(lambda session, row, now: record_products(session, row, {}, now), day(0))
    assert products(shop) == {}


def test_a_changed_product_is_stale_until_it_was_asked_again(shop: Till) -> None:
    remember(shop, lamp(), ProductFact(RUG))
    shop.twice(lambda session, row, _: mark_stale(session, row, [LAMP, BIG + 99], day(1)), day(1))
    assert {number: stale for number, (_, stale, _) in products(shop).items()} == {LAMP: True, RUG: False}
    remember(shop, lamp(), at=day(1))
    assert products(shop)[LAMP][1] is False


def test_an_answer_from_before_a_product_changed_leaves_it_stale(shop: Till) -> None:
    def change(at: datetime) -> None:
        shop.twice(lambda session, row, _: mark_stale(session, row, [LAMP], at), at)

    remember(shop, lamp())
    for number in (2, 4):
        change(day(number))
        remember(shop, lamp(), at=day(number - 1))
        assert products(shop)[LAMP][1] is True
    remember(shop, replace(lamp(), tags=("new",)), at=day(5))
    assert products(shop) == {LAMP: (to_json(replace(lamp(), tags=("new",))), False, day(5))}


def test_an_answer_from_before_a_collection_changed_leaves_its_products_stale(shop: Till) -> None:
    shop.publish(on=0, excluded_collection_ids=frozenset({SHELF}))
    remember(shop, lamp())
    shop.twice(lambda session, row, _: mark_collections_stale(session, row, [SHELF], day(2)), day(2))
    remember(shop, lamp(), at=day(1))
    assert products(shop)[LAMP][1] is True


def test_nothing_changed_makes_nothing_stale(shop: Till) -> None:
    remember(shop, lamp())
    shop.twice(lambda session, row, _: mark_stale(session, row, [], day(1)), day(1))
    shop.twice(lambda session, row, _: mark_collections_stale(session, row, [], day(1)), day(1))
    assert products(shop)[LAMP][1] is False


NAMING: dict[str, dict[str, Any]] = {
    "an exclusion": {"excluded_collection_ids": frozenset({SHELF})},
    "a rate": {"rates": (RateRule("Shelf", 100, Scope(collection_ids=frozenset({SHELF}))),)},
    "a campaign": {
        "campaigns": (Campaign("Fest", day(1), day(2), rate_bps=900, scope=Scope(collection_ids=frozenset({SHELF}))),)
    },
}


@pytest.mark.parametrize("naming", NAMING)
def test_a_changed_collection_makes_all_products_stale_if_any_terms_name_it(shop: Till, naming: str) -> None:
    remember(shop, lamp(), ProductFact(RUG))
    shop.publish(on=0, **NAMING[naming])
    shop.publish(on=1, excluded_collection_ids=frozenset(), rates=(), campaigns=())
    shop.twice(lambda session, row, _: mark_collections_stale(session, row, [SHELF + 1], day(2)), day(2))
    assert not any(stale for _, stale, _ in products(shop).values())
    shop.twice(lambda session, row, _: mark_collections_stale(session, row, [SHELF], day(2)), day(2))
    assert all(stale for _, stale, _ in products(shop).values())


def test_tags_are_remembered_also_of_customers_who_are_about_to_come(shop: Till) -> None:
    shop.tell(order(1))
    tags = {ADA.customer_id: ("vip",), BEN.customer_id: ()}
    shop.twice(lambda session, row, now: record_tags(session, row, tags, now), day(1))
    shop.twice(lambda session, row, now: record_tags(session, row, {}, now), day(1))
    with reading() as session:
        found = dict(session.execute(select(Customer.shopify_id, Customer.tags)).all())
    assert found == {ADA.customer_id: ["vip"], BEN.customer_id: []}


def test_changed_tags_are_forgotten(shop: Till) -> None:
    tags = {ADA.customer_id: ("vip",), BEN.customer_id: ("vip",)}
    shop.run(lambda session, row: record_tags(session, row, tags, day(0)))
    shop.twice(lambda session, row, _: forget_tags(session, row, [ADA.customer_id, BIG + 99], day(1)), day(1))
    with reading() as session:
        found = dict(session.execute(select(Customer.shopify_id, Customer.tags)).all())
    assert found == {ADA.customer_id: None, BEN.customer_id: ["vip"]}


def test_an_answer_from_before_tags_changed_is_not_remembered(shop: Till) -> None:
    def ask(asked_at: datetime) -> list[str] | None:
        tags = {ADA.customer_id: ("vip",)}
        shop.twice(lambda session, row, _: record_tags(session, row, tags, asked_at), day(3))
        with reading() as session:
            return session.scalars(select(Customer.tags)).one()

    shop.tell(order(1))
    shop.run(lambda session, row: forget_tags(session, row, [ADA.customer_id], day(2)))
    assert ask(day(1)) is None
    assert ask(day(2)) == ["vip"]


def test_plain_terms_ask_for_nothing_and_are_not_curious(shop: Till) -> None:
    assert missing(shop, order(1, line(product_id=LAMP))) == NOTHING_MISSING
    assert shop.run(looks_beyond_bodies) is False


@pytest.mark.parametrize(
    "changes",
    [
        {"excluded_product_tags": frozenset({"final"})},
        {"excluded_tags": frozenset({"staff"})},
        {"holds": HoldRules(risk_from=RiskLevel.HIGH)},
        {"holds": HoldRules(tags=frozenset({"watch"}))},
    ],
)
def test_terms_that_look_at_more_than_bodies_say_so_for_as_long_as_orders_may_need_them(
    shop: Till, changes: dict[str, Any]
) -> None:
    shop.publish(on=0, **changes)
    shop.publish(on=1, excluded_product_tags=frozenset(), excluded_tags=frozenset(), holds=HoldRules())
    assert shop.run(looks_beyond_bodies) is True


def test_a_shop_without_terms_is_not_curious_and_cannot_say_what_is_missing(shop: Till) -> None:
    def without_terms(session: Session, _: Shop) -> tuple[bool, str]:
        bare = Shop(domain="bare.example.com", name="Bare", currency="USD", mode=Mode.MANUAL, installed_at=day(0))
        session.add(bare)
        session.flush()
        with pytest.raises(Broken) as error:
            list_missing(session, bare, [order(1)], day(0))
        return looks_beyond_bodies(session, bare), str(error.value)

    curious, sentence = shop.run(without_terms)
    assert not curious
    assert sentence.startswith("This shop has no terms yet")


def test_products_are_asked_while_unknown_stale_or_old(shop: Till) -> None:
    shop.publish(on=0, excluded_product_tags=frozenset({"final"}))
    sold = order(1, line(1, product_id=LAMP), line(2, product_id=RUG), line(3, product_id=None))
    assert missing(shop, sold).product_ids == {LAMP, RUG}
    remember(shop, lamp(), ProductFact(RUG))
    assert missing(shop, sold).product_ids == frozenset()
    shop.run(lambda session, row: mark_stale(session, row, [RUG], day(0)))
    assert missing(shop, sold).product_ids == {RUG}
    later = missing(shop, sold, on=PRODUCTS_FRESH_FOR // timedelta(days=1))
    assert later.product_ids == {LAMP, RUG}


def test_an_order_that_was_decided_asks_no_more_for_its_products(shop: Till) -> None:
    shop.publish(on=0, excluded_product_tags=frozenset({"final"}))
    remember(shop, lamp())
    sold = order(1, line(1, product_id=LAMP))
    shop.tell(sold)
    shop.run(lambda session, row: mark_stale(session, row, [LAMP], day(0)))
    assert missing(shop, sold).product_ids == frozenset()
    assert missing(shop, sold, order(2, line(1, product_id=LAMP))).product_ids == {LAMP}


def test_no_order_is_decided_on_a_word_about_its_product_that_is_stale(shop: Till) -> None:
    shop.publish(on=0, excluded_product_tags=frozenset({"a"}))
    remember(shop, lamp())
    shop.run(lambda session, row: mark_stale(session, row, [LAMP], day(0)))
    sold = order(1, line(1, product_id=LAMP))
    with pytest.raises(NotYet, match="#1001 waits for what Shopify says about its products"):
        shop.tell(sold)
    remember(shop, replace(lamp(), tags=()), at=day(1))
    shop.tell(sold)
    assert shop.reward(sold).granted == 200


def test_terms_are_those_of_the_orders_own_day(shop: Till) -> None:
    shop.publish(on=3, excluded_product_tags=frozenset({"final"}))
    assert missing(shop, order(1, line(product_id=LAMP), on=2)) == NOTHING_MISSING
    assert missing(shop, order(1, line(product_id=LAMP), on=4)).product_ids == {LAMP}


def partly(*gateways: str, **changes: Any) -> OrderFact:
    return order(1, payment_gateways=gateways, **changes)


@pytest.mark.parametrize(
    ("fact", "is_asked"),
    [
        (partly("gift_card", "shopify_payments"), True),
        (partly("shopify_store_credit", "paypal"), True),
        (partly("shopify_payments", "paypal"), False),
        (partly("gift_card"), False),
        (partly("gift_card", "shopify_store_credit"), False),
        (partly("gift_card", "paypal", financial_status=FinancialStatus.PENDING), False),
    ],
)
def test_payments_are_asked_of_paid_orders_that_were_paid_partly_with_credit(
    shop: Till, fact: OrderFact, is_asked: bool
) -> None:
    assert missing(shop, fact).payment_order_ids == ({fact.order_id} if is_asked else set())


def test_payments_are_asked_until_each_way_of_paying_with_credit_is_known(shop: Till) -> None:
    fact = partly("gift_card", "shopify_store_credit", "paypal")
    known: Callable[[str, int], PaymentFact] = lambda gateway, number: PaymentFact(number, fact.order_id, gateway, 500)  # noqa: E731
    for number, gateway in enumerate(("paypal", "gift_card")):
        payment = known(gateway, BIG + number)
        shop.twice(lambda session, row, now, told=payment: record_details(session, row, [told], now), day(1))
        assert missing(shop, fact).payment_order_ids == {fact.order_id}
    payment = known("shopify_store_credit", BIG + 9)
    shop.twice(lambda session, row, now: record_details(session, row, [payment], now), day(1))
    assert missing(shop, fact) == NOTHING_MISSING


def test_where_credit_earns_nobody_asks_how_an_order_was_paid(shop: Till) -> None:
    shop.publish(on=0, excludes_paid_with_credit=False)
    assert missing(shop, partly("gift_card", "paypal")) == NOTHING_MISSING


def test_risk_is_asked_once_of_paid_orders_where_terms_hold_by_it(shop: Till) -> None:
    shop.publish(on=0, holds=HoldRules(risk_from=RiskLevel.HIGH))
    paid, unpaid = order(1), order(2, financial_status=FinancialStatus.AUTHORIZED)
    cancelled = order(3, cancelled_at=day(1))
    assert missing(shop, paid, unpaid, cancelled).risk_order_ids == {paid.order_id}
    risk = RiskFact(paid.order_id, RiskLevel.LOW, day(1))
    shop.twice(lambda session, row, now: record_details(session, row, [risk], now), day(1))
    assert missing(shop, paid) == NOTHING_MISSING


def test_a_new_assessment_is_asked_about_where_the_orders_terms_hold_by_risk(shop: Till) -> None:
    before, after = order(1, on=0), order(2, on=5)
    shop.tell(before, after)
    shop.publish(on=3, holds=HoldRules(risk_from=RiskLevel.HIGH))
    told = [before.order_id, after.order_id, BIG + 99]
    assert missing(shop, reassessed=told, on=6).risk_order_ids == {after.order_id}


def test_tags_are_asked_where_terms_look_at_them_and_nobody_has_said_them(shop: Till) -> None:
    shop.publish(on=0, excluded_tags=frozenset({"staff"}))
    told = order(3, customer=replace(BEN, tags=("staff",)))
    assert missing(shop, order(1), order(2, customer=None), told).customer_ids == {ADA.customer_id}
    assert missing(shop, customers=[BEN.customer_id]).customer_ids == {BEN.customer_id}
    shop.run(lambda session, row: record_tags(session, row, {ADA.customer_id: ()}, day(0)))
    assert missing(shop, order(1), customers=[ADA.customer_id]) == NOTHING_MISSING


def test_no_order_is_decided_before_anybody_has_said_its_customers_tags(shop: Till) -> None:
    shop.publish(on=0, excluded_tags=frozenset({"staff"}))
    fact = order(1, line(1, 10_00))
    assert missing(shop, fact).customer_ids == {ADA.customer_id}
    with pytest.raises(NotYet, match="#1001 waits for what Shopify says about its customer"):
        shop.tell(fact)
    shop.run(lambda session, row: record_tags(session, row, {ADA.customer_id: ("staff",)}, day(0)))
    shop.tell(fact)
    assert (shop.kept(fact), shop.reward(fact).why_nothing) == (0, "excluded_customer_tag")


def test_an_order_of_nobody_known_waits_for_no_tags(shop: Till) -> None:
    shop.publish(on=0, excluded_tags=frozenset({"staff"}))
    fact = order(1, line(1, 10_00), customer=None)
    assert missing(shop, fact) == NOTHING_MISSING
    shop.tell(fact)
    assert shop.reward(fact).state is RewardState.AWAITING_CUSTOMER


def test_the_tags_of_whoever_an_order_has_come_to_are_asked_too(shop: Till) -> None:
    shop.publish(on=0, excluded_tags=frozenset({"staff"}))
    shop.run(lambda session, row: record_tags(session, row, {ADA.customer_id: (), BEN.customer_id: ()}, day(0)))
    shop.tell(order(1))
    shop.tell(later(order(1), customer=BEN))
    shop.run(lambda session, row: forget_tags(session, row, [BEN.customer_id], day(1)))
    assert missing(shop, order(1)).customer_ids == {BEN.customer_id}


def test_the_tags_of_whoever_a_customer_was_merged_into_are_asked_too(shop: Till) -> None:
    shop.publish(on=0, excluded_tags=frozenset({"staff"}))

    def merge(session: Session, row: Shop) -> None:
        record_tags(session, row, {ADA.customer_id: (), BEN.customer_id: ()}, day(0))
        both = {found.shopify_id: found for found in session.scalars(select(Customer))}
        both[ADA.customer_id].merged_into_id = both[BEN.customer_id].id
        both[BEN.customer_id].tags = None

    shop.run(merge)
    assert missing(shop, order(1)).customer_ids == {BEN.customer_id}


def test_of_a_person_who_was_forgotten_no_tags_are_remembered(shop: Till) -> None:
    def forgotten(session: Session, row: Shop) -> list[str] | None:
        record_tags(session, row, {ADA.customer_id: ("vip",)}, day(0))
        found = session.scalars(select(Customer)).one()
        found.redacted_at, found.tags = day(1), None
        session.flush()
        record_tags(session, row, {ADA.customer_id: ("vip",)}, day(2))
        return found.tags

    assert shop.run(forgotten) == []
