"""B6, X2, X3: every calculation is kept with its reasons, said in the same words for ever, in books that verify."""

from dataclasses import replace
from typing import Any

import psycopg
from sqlalchemy import select

from app.engine.flows.check_books import check_books
from app.engine.flows.tiers import assign
from app.engine.rules import explain
from app.engine.rules.facts import DisputeFact, DisputeStatus, OrderFact, PaymentFact
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import Campaign, Expiry, Limits, Scope, Tier
from app.models import LedgerEntry, Order, Reward
from tests.flows.builders import ADA, BEN, BIG, STAFF, day, later, line, order, reading, refund_of
from tests.flows.shopify_account import Shopify
from tests.stories.rows import Life, shop

__all__ = ["shop"]


def test_b6_the_record_of_all_calculations_has_those_of_zero_and_those_that_were_cut(shop: Life) -> None:
    shop.publish(
        on=-1, minimum_order_minor=1_000, cap_per_order_minor=500, limits=Limits(month_minor=900),
        excluded_tags=frozenset({"wholesale"}),
    )  # fmt: skip
    ada: dict[str, Any] = {"customer": replace(ADA, tags=())}
    orders = [
        order(1, line(1, 20_000), **ada),  # 4.00
        order(2, line(1, 28_000), on=7, **ada),  # 5.60, capped at 5.00, which the month leaves
        order(3, line(1, 10_000), on=14, **ada),  # 2.00, of which the month leaves nothing
        order(4, line(1, 999), on=21, **ada),  # below the minimum
        order(5, line(1, 10_000), on=22, tags=("Wholesale",), **ada),
        order(6, line(1, 10_000), on=23, is_test=True, **ada),
        order(7, line(1, 1_000, is_gift_card=True), on=24, **ada),
    ]
    for number, fact in enumerate(orders):
        shop.tell(fact, on=30 + number)
    with reading() as session:
        rows = session.execute(select(Order.name, Reward).join(Reward, Reward.order_id == Order.id).order_by(Order.id))
        record = [(name, row.calculated_minor, row.granted_minor, row.ineligible_reason) for name, row in rows]
    assert record == [
        ("#1001", 400, 400, None),
        ("#1002", 560, 500, None),
        ("#1003", 200, 0, "limit_reached"),
        ("#1004", 0, 0, "below_minimum"),
        ("#1005", 0, 0, "excluded_order_tag"),
        ("#1006", 0, 0, "test_order"),
        ("#1007", 0, 0, "no_eligible_lines"),
    ]
    assert [shop.says(fact)[-1] for fact in orders[1:]] == [
        "At most 5.00 USD per order: 5.60 USD was cut to that.",
        "A limit of the programme was reached before this order.",
        "9.99 USD is below the minimum order of 10.00 USD: no cashback.",
        "The order has an excluded tag.",
        "Test orders earn nothing.",
        "Nothing in the order earns.",
    ]
    assert shop.says(orders[2])[-2] == (
        "At most 9.00 USD a month for each customer, and 9.00 USD was granted already: 2.00 USD was cut to 0.00 USD."
    )
    assert shop.balances() == (0, 900, 0)


def rich_order(shop: Life) -> OrderFact:
    """Tell an order about which there is much to say: a campaign, a gift card, an excluded line, a cap and a limit."""
    mugs = Scope(product_ids=frozenset({BIG + 51}))
    spring = Campaign("Spring", day(10), day(40), multiplier_bps=20_000, scope=mugs)
    shop.publish(
        on=-1,
        tiers=(Tier("Everyone", 0, 500), Tier("Silver", 50_000, 600)),
        campaigns=(spring,),
        excluded_skus=frozenset({"W-1"}),
        cap_per_order_minor=500,
        limits=Limits(lifetime_minor=450),
    )
    mug = line(1, 8_000, 2, title="Mug", product_id=BIG + 51)
    wine, cap = line(2, 1_000, title="Wine", sku="W-1"), line(3, 1_000, title="Cap")
    fact = order(1, mug, wine, cap, on=14, total_minor=10_000, payment_gateways=("gift_card", "card"))
    payments = (("gift_card", 2_500), ("card", 7_500))
    shop.know(*(PaymentFact(n, fact.order_id, *paid) for n, paid in enumerate(payments, start=1)), on=14)
    shop.tell(fact, on=14)
    return fact


SAID = [
    "Mug (quantity 2) counts with 80.00 USD.",
    "Wine (quantity 1, 10.00 USD) does not count: this SKU is excluded.",
    "Cap (quantity 1) counts with 10.00 USD.",
    "25.00 USD of 100.00 USD was paid with store credit or gift cards: 67.50 USD of 90.00 USD counts.",
    "With 0.00 USD spent before, the tier was Everyone: 5 %.",
    "Mug earns 10 %, the highest of 5 % for the tier and 10 % for the campaign Spring (times 2).",
    "Cap earns 5 %, the rate of the tier.",
    "10 % of 60.00 USD is 6.00 USD.",
    "5 % of 7.50 USD is 0.375 USD.",
    "Together that is 6.375 USD, rounded to 6.38 USD.",
    "6.00 USD of it comes from Mug.",
    "0.38 USD of it comes from Cap.",
    "At most 5.00 USD per order: 6.38 USD was cut to that.",
    "At most 4.50 USD for each customer in all, and 0.00 USD was granted already: 5.00 USD was cut to 4.50 USD.",
]
BACK = [
    "Mug: 1 returned; 1 kept, worth 40.00 USD.",
    "For the 37.50 USD still kept, 3.38 USD stays; 1.12 USD is taken back.",
]


def test_x2_an_amount_is_explained_in_the_same_words_for_staff_and_customer_and_for_ever(shop: Life) -> None:
    fact = rich_order(shop)
    assert (shop.says(fact), shop.balances()) == (SAID, (0, 450, 0))
    # Everything that could have made the amount changes: terms, tiers, the customer's tier, the campaign's end.
    shop.publish(
        on=20, tiers=(Tier("Everyone", 0, 100), Tier("Silver", 90_000, 200)), campaigns=(), excluded_skus=frozenset(),
        cap_per_order_minor=None, limits=Limits(), excludes_paid_with_credit=False,
    )  # fmt: skip
    whose = [shop.id_of(ADA)]
    shop.run(lambda session, row: assign(session, row.id, whose, "Silver", "A friend.", STAFF, day(21)))
    shop.tell(later(fact, tags=("seen",)), order(2, on=30), on=30)
    assert shop.says(fact) == SAID
    # A refund adds what it took back, reckoned by the terms of then, and changes no word before it.
    shop.pay_back(refund_of(fact, units=1, on=60), on=60)
    assert shop.says(fact) == SAID + BACK
    assert shop.kept(fact) == 338
    # The amounts in the words are those in the books, and the data behind them is what is stored: nothing else.
    row = shop.row(fact)
    assert [explain.to_json(explain.from_json(step)) for step in row.steps] == row.steps
    shares = [step["share_minor"] for step in row.steps if step["kind"] == "line_share"]
    assert (sum(shares), row.calculated_minor, row.granted_minor, row.reversed_minor) == (638, 638, 450, 112)


def test_x3_books_verify_through_a_whole_story_and_tell_the_entry_that_was_tampered_with(
    shop: Life, admin_connection: "psycopg.Connection[Any]"
) -> None:
    shopify = Shopify(shop, ADA, BEN)
    shop.publish(on=-1, expiry=Expiry(days=120), limits=Limits(month_minor=3_000))
    two, guest = order(1, line(1, 60_000, 2)), order(2, on=5, customer=None, email="ada@example.com")
    bens = order(3, line(1, 30_000), on=6, customer=BEN)
    shop.tell(two, guest, bens, on=6)
    shop.meet(ADA, on=10)
    shop.by_hand(TransferKind.CREDIT, 250, on=20)
    shopify.carry_out(day(21))
    shopify.ada.redeem(1_000, day(30))
    shopify.hear(day(31))
    shop.pay_back(refund_of(two, units=1, on=40), on=40)
    shop.know(DisputeFact(1, bens.order_id, DisputeStatus.LOST, day(41), day(50)), on=50)
    shopify.carry_out(day(51))
    shop.night(on=200)
    shopify.hear(day(201))
    # 12.00, 4 % of 100.00 and 2.50 by hand; 10.00 spent, 6.00 taken back, and the last 2.50 ended after 120 days.
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 0, 0))
    assert findings() == []
    # Somebody with the keys to the database makes of 12.00 a 13.00, wherever else it is written down, too.
    admin_connection.execute(
        "UPDATE postings SET amount_minor = amount_minor + 100 WHERE amount_minor = 1200;"
        "UPDATE rewards SET calculated_minor = 1300, granted_minor = 1300, reversed_minor = reversed_minor + 100"
        " WHERE granted_minor = 1200;"
    )
    with reading() as session:
        told = select(LedgerEntry).where(LedgerEntry.reward_id == shop.reward(two).id).order_by(LedgerEntry.id)
        accrual, settlement = session.scalars(told.limit(2))
        changed = [f"entry {row.id} ({row.key}) at position {row.position}" for row in (accrual, settlement)]
    found = [detail for detail in findings() if "is not what was digested" in detail]
    assert [detail.partition(" of customer")[0] for detail in found] == changed


def findings() -> list[str]:
    """Return everything that is wrong in the books."""
    with reading() as session:
        return [found.detail for found in check_books(session)]
