"""R13, R14, R15: what counts, what does not and says why, and at which rate."""

from dataclasses import replace
from typing import Any

from app.engine.rules.explain import WHY_INELIGIBLE
from app.engine.rules.facts import CustomerFact, OrderFact, PaymentFact, ProductFact
from app.engine.rules.terms import Campaign, Precedence, RateRule, Scope, Tier
from tests.flows.builders import ADA, BIG, day, line, order, refund_of
from tests.stories.rows import FLAT, Life, shop

__all__ = ["shop"]

FIVE = (Tier("Everyone", 0, 500),)


def test_r13_each_month_the_shop_counts_something_else_and_every_order_keeps_what_it_was_promised(shop: Life) -> None:
    # A mug for 80.00 after a discount of 20.00, 16.00 tax on top, 10.00 for shipping with 2.00 tax. At 5 %:
    months: list[tuple[dict[str, Any], int]] = [
        ({}, 400),
        ({"includes_shipping": True}, 450),
        ({"includes_tax": True}, 540),  # 96.00 and 12.00
        ({"includes_tax": False, "includes_shipping": False, "before_discounts": True}, 500),
        ({"before_discounts": False, "minimum_order_minor": 8_000}, 400),
        ({"minimum_order_minor": 8_001}, 0),
        ({"minimum_order_minor": 0, "cap_per_order_minor": 300}, 300),
    ]
    shop.publish(on=-1, tiers=FIVE)
    mug = line(1, 8_000, tax_minor=1_600, discount_minor=2_000)
    extras = {"shipping_minor": 1_000, "shipping_tax_minor": 200, "total_minor": 10_800}
    told: list[OrderFact] = []
    for month, (changes, expected) in enumerate(months):
        on = 30 * month
        shop.publish(on=on, **changes)
        told.append(order(month + 1, mug, on=on, **extras))
        shop.tell(told[-1], on=on)
        assert shop.kept(told[-1]) == expected, changes
    assert shop.row(told[5]).ineligible_reason == "below_minimum"
    assert shop.says(told[5])[-1] == "80.00 USD is below the minimum order of 80.01 USD: no cashback."
    assert shop.balances() == (0, 400 + 450 + 540 + 500 + 400 + 0 + 300, 0)
    # All goods come back; where shipping counted, 5 % of 10.00 and of 12.00 stay until that is paid back, too.
    for number, fact in enumerate(told):
        shop.pay_back(refund_of(fact, 1, units=1, on=220 + number), on=230)
    assert [shop.kept(fact) for fact in told] == [0, 50, 60, 0, 0, 0, 0]
    for fact in told[1:3]:
        shop.pay_back(refund_of(fact, 2, on=240, money_minor=1_200, shipping_minor=1_200), on=240)
    assert shop.balances() == (0, 0, 0)


def test_r13_what_was_paid_with_a_gift_card_earned_when_that_was_bought_for_money(shop: Life) -> None:
    shop.publish(on=-1, tiers=FIVE)
    mixed = order(1, line(1, 10_000, 2), total_minor=10_000, payment_gateways=("gift_card", "card"))
    card, cash = PaymentFact(1, mixed.order_id, "gift_card", 4_000), PaymentFact(2, mixed.order_id, "card", 6_000)
    shop.know(card, cash, on=0)
    shop.tell(mixed, on=0)
    # 5 % of 60.00; half of it when half of the goods come back, though the share stays three fifths.
    assert shop.balances() == (0, 300, 0)
    shop.pay_back(refund_of(mixed, units=1, on=20), on=20)
    assert shop.balances() == (0, 150, 0)


#: What is excluded beside a mug, and how the shop says it.
CART = [
    ({"is_gift_card": True}, "gift cards earn nothing"),
    ({"product_id": BIG + 51}, "this product is excluded"),
    ({"variant_id": BIG + 61}, "this variant is excluded"),
    ({"sku": " w-1"}, "this SKU is excluded"),
    ({"vendor": "ACME"}, "this vendor is excluded"),
    ({"product_id": BIG + 52}, "products of this type are excluded"),
    ({"product_id": BIG + 53}, "products with this tag are excluded"),
    ({"product_id": BIG + 54}, "this collection is excluded"),
    ({"product_id": BIG + 55, "variant_id": BIG + 65}, "what is on sale earns nothing"),
]


def exclude(shop: Life) -> None:
    """Let the shop exclude something in every way there is, and its catalogue say what it must."""
    shop.publish(
        on=-1,
        tiers=FLAT,
        excluded_product_ids=frozenset({BIG + 51}),
        excluded_variant_ids=frozenset({BIG + 61}),
        excluded_skus=frozenset({"W-1"}),
        excluded_vendors=frozenset({"Acme"}),
        excluded_product_types=frozenset({"Alcohol"}),
        excluded_product_tags=frozenset({"dry"}),
        excluded_collection_ids=frozenset({BIG + 71}),
        excludes_on_sale=True,
        excluded_tags=frozenset({"wholesale"}),
        excluded_channels=frozenset({"pos"}),
        excluded_discount_codes=frozenset({"FRIENDS10"}),
    )
    shop.stock(
        ProductFact(BIG + 51),
        ProductFact(BIG + 52, product_type="alcohol"),
        ProductFact(BIG + 53, tags=("Dry",)),
        ProductFact(BIG + 54, collection_ids=(BIG + 71,)),
        ProductFact(BIG + 55, on_sale_variant_ids=(BIG + 65,)),
    )


def test_r14_a_cart_of_everything_that_is_excluded_earns_on_the_rest_and_says_why_for_each(shop: Life) -> None:
    exclude(shop)
    nobodys = replace(ADA, tags=())
    lines = [line(2 + number, 1_000, **what) for number, (what, _) in enumerate(CART)]
    cart = order(1, line(1), *lines, customer=nobodys)
    shop.tell(cart, on=0)
    assert shop.balances() == (0, 200, 0)
    said = [
        f"Thing {2 + number} (quantity 1, 10.00 USD) does not count: {why}." for number, (_, why) in enumerate(CART)
    ]
    assert [sentence for sentence in shop.says(cart) if "does not count" in sentence] == said
    # What earned nothing takes nothing along; a later change of the catalogue reaches no old order.
    shop.stock(ProductFact(BIG + 52, product_type="juice"), on=20)
    for number in range(1, 10):
        shop.pay_back(refund_of(cart, number, units=1, of=number, on=20 + number), on=30)
    assert shop.balances() == (0, 200, 0)
    shop.pay_back(refund_of(cart, 10, units=1, on=40), on=40)
    assert shop.balances() == (0, 0, 0)


def test_r14_orders_that_earn_nothing_say_why(shop: Life) -> None:
    exclude(shop)
    nobodys = replace(ADA, tags=())
    months: list[tuple[dict[str, Any], str]] = [
        ({"tags": ("Wholesale",)}, "The order has an excluded tag."),
        ({"customer": CustomerFact(BIG + 704, tags=("wholesale",))}, "The customer has an excluded tag."),
        ({"source_name": "POS"}, "Orders from this sales channel earn nothing."),
        ({"discount_codes": ("friends10",)}, "Orders with this discount code earn nothing."),
        ({"is_b2b": True}, "Orders of companies earn nothing."),
        ({"is_test": True}, "Test orders earn nothing."),
        ({"currency": "EUR"}, "The order is in another currency than the programme."),
        ({"lines": (line(1, 0),)}, "Nothing in the order earns."),
        ({"lines": (line(1, 24),)}, "The amount rounds to zero."),
    ]
    for month, (what, why) in enumerate(months):
        fact = order(month + 1, **{"customer": nobodys, "on": 30 * month, **what})
        shop.tell(fact, on=30 * month)
        assert (shop.state(fact), shop.reward(fact).granted, shop.entries(fact)) == ("ineligible", 0, [])
        reason = shop.row(fact).ineligible_reason
        assert reason is not None
        assert WHY_INELIGIBLE[reason] == why
    assert shop.balances() == (0, 0, 0)


def test_r15_a_year_with_a_rate_of_its_own_and_two_campaigns(shop: Life) -> None:
    mugs, hats = Scope(product_ids=frozenset({BIG + 51})), Scope(product_ids=frozenset({BIG + 52}))
    spring = Campaign("Spring", day(60), day(90), multiplier_bps=20_000)
    hat_week = Campaign("Hat week", day(120), day(127), rate_bps=1_000, scope=hats)
    shop.publish(
        on=-1, tiers=(Tier("Everyone", 0, 250),), rates=(RateRule("Mugs", 500, mugs),), campaigns=(spring, hat_week)
    )
    goods = (line(1, 9_980, product_id=BIG + 51), line(2, 10_000, product_id=BIG + 52))
    expected = {
        # 5 % of 99.80 and 2.5 % of 100.00.
        0: 499 + 250,
        # Twice that from its first moment on, and once again at its end.
        60: 998 + 500,
        90: 499 + 250,
        # Hats at 10 %.
        120: 499 + 1_000,
        127: 499 + 250,
    }
    orders = {on: order(on + 1, *goods, on=on) for on in expected}
    for on, fact in orders.items():
        shop.tell(fact, on=on)
    assert {on: shop.kept(fact) for on, fact in orders.items()} == expected
    assert "Thing 2 earns 10 %, the highest of 2.5 % for the tier and 10 % for the campaign Hat week." in shop.says(
        orders[120]
    )
    # The mug of spring goes back when no campaign is on any more: at the rate it had.
    shop.pay_back(refund_of(orders[60], units=1, on=200), on=200)
    assert shop.kept(orders[60]) == 500
    # From summer on rates are added up: 2.5 + 5 + 10 %.
    summer = Campaign("Summer", day(210), day(240), rate_bps=1_000)
    shop.publish(on=201, campaigns=(spring, hat_week, summer), precedence=Precedence.SUM)
    added = order(211, *goods, on=210)
    shop.tell(added, on=210)
    # 17.5 % of 99.80 is 17.465, 12.5 % of 100.00 is 12.50: together 29.965, rounded once.
    assert shop.kept(added) == 2_997


def test_r15_campaigns_that_would_meet_are_refused_before_they_begin(shop: Life) -> None:
    spring = Campaign("Spring", day(60), day(90), multiplier_bps=20_000)
    may = Campaign("May", day(89), day(120), rate_bps=1_000)
    sentence = shop.refused(lambda: shop.publish(on=0, campaigns=(spring, may)))
    assert sentence.startswith("The campaigns 'Spring' and 'May' overlap in time and may meet in the same goods")
    shop.publish(on=0, campaigns=(spring, replace(may, starts_at=day(90))))
