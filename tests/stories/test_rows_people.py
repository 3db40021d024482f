"""R27: guests whose rewards wait for an account, and customers who are deleted, merged or forgotten."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.flows import customers, merges, privacy, review
from app.engine.rules.facts import CustomerFact, CustomerGone, CustomersMerged, OrderFact
from app.models import Customer, Order, Shop
from tests.flows.builders import ADA, BEN, day, later, line, order, reading, refund_of
from tests.flows.shopify_account import Shopify
from tests.stories.rows import CID, Life, manual_shop, shop

__all__ = ["manual_shop", "shop"]

EMAIL = "ada@example.com"


def guest(number: int, net_minor: int, on: int, email: str = EMAIL, units: int = 1) -> OrderFact:
    """Return an order of somebody who is known by an address only."""
    return order(number, line(number, net_minor, units), on=on, customer=None, email=email)


def test_r27_a_guests_rewards_wait_ninety_days_for_an_account_and_are_then_paid(shop: Life) -> None:
    old, half = guest(1, 10_000, on=0), guest(2, 50_000, on=30, units=2)
    young, others = guest(3, 10_000, on=60), guest(4, 9_900, 60, "cid@example.com")
    for fact in (old, half, young, others):
        shop.tell(fact, on=(fact.placed_at - day(0)).days)
    shop.night(on=61)
    assert {shop.state(fact) for fact in (old, half, young, others)} == {"awaiting_customer"}
    # Half of the second one goes back while it waits; then nobody has claimed the first one for 90 days.
    shop.pay_back(refund_of(half, units=1, on=70), on=70)
    shop.night(on=90)
    assert (shop.state(old), shop.kept(old), shop.row(old).void_reason) == ("voided", 0, "unclaimed")
    # Ada opens an account, and her address counts once it is verified: 2 % of 250.00, and 4 % of 100.00, for when
    # that was ordered she had spent 500.00.
    shop.meet(ADA, on=95, verified_email=False)
    assert shop.balances() == (0, 0, 0)
    shop.meet(ADA, on=100)
    assert {shop.state(fact) for fact in (half, young)} == {"settled"}
    assert shop.balances() == (0, 500 + 400, 0)
    # Of what she spent as a guest 250.00 and 100.00 count, and what nobody claimed in time does not.
    fifth, sixth = order(5, line(1, 5_000), on=110), order(6, on=111)
    shop.tell(fifth, sixth, on=111)
    assert [shop.row(fact).spend_minor for fact in (fifth, sixth)] == [35_000, 40_000]
    # An order told after its account is found by the nightly look; with 500.00 spent it earns 4 %.
    late = guest(7, 10_000, on=112)
    shop.tell(late, on=112)
    assert shop.state(late) == "awaiting_customer"
    shop.night(on=113)
    assert (shop.state(late), shop.state(others)) == ("settled", "awaiting_customer")
    assert shop.balances() == (0, 900 + 100 + 200 + 400, 0)
    shop.night(on=151)
    assert shop.state(others) == "voided"


def test_r27_what_shopify_says_about_whose_an_order_is_counts_more_than_an_address(shop: Life) -> None:
    claimed = guest(1, 10_000, on=0)
    shop.tell(claimed, on=0)
    shop.meet(ADA, on=5)
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 200, 0), (0, 0, 0))
    shop.tell(later(claimed, customer=BEN), on=30)
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 200, 0))


def test_r27_a_deleted_customer_keeps_what_settled_and_nothing_that_waits(manual_shop: Life) -> None:
    shop = manual_shop
    settled, waiting = order(1, line(1, 20_000, 2)), order(2, on=10)
    shop.tell(settled, waiting, on=10)
    shop.click(review.approve, settled, on=11)
    gone = [CustomerGone(ADA.customer_id, day(20))]
    shop.twice(lambda session, row, now: customers.record_deleted(session, row, gone, now), day(20))
    assert (shop.state(settled), shop.state(waiting), shop.balances()) == ("settled", "voided", (0, 400, 0))
    assert shop.row(waiting).void_reason == "customer_deleted"
    shop.pay_back(refund_of(settled, units=1, on=30), on=30)
    shop.tell(order(3, on=31), on=31)
    assert (shop.balances(), shop.state(order(3, on=31))) == ((0, 200, 0), "voided")


def test_r27_two_customers_who_become_one_end_with_what_one_would_have_had(shop: Life) -> None:
    shopify = Shopify(shop, ADA, BEN)
    adas, bens = order(1, line(1, 40_000, 2)), order(2, line(2, 20_000), customer=BEN)
    shop.tell(adas, bens, on=0)
    shopify.carry_out(day(1))
    # Shopify merges nobody who has store credit, so Ada spends hers first; then half of her order goes back.
    shopify.ada.redeem(800, day(10))
    shopify.hear(day(11))
    shop.pay_back(refund_of(adas, 1, units=1, on=20), on=20)
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, -400), (0, 400, 0))
    merged = [CustomersMerged(BEN.customer_id, ADA.customer_id, day(30))]
    shop.twice(lambda session, row, now: merges.record_merges(session, row, merged, now), day(30))
    shopify.carry_out(day(31))
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 0, 0))
    assert shopify.accounts[BEN.customer_id].balance(day(31)) == 0
    # Together they spent 200.00 and 200.00, so with 100.00 more the next order is Silver's: 4 % of 100.00.
    shop.tell(order(3, on=40, customer=BEN), order(4, on=41, customer=BEN), on=41)
    assert [shop.reward(order(n)).tier for n in (3, 4)] == ["Bronze", "Silver"]
    assert shop.balances(BEN) == (0, 200 + 400, 0)
    # The other half of Ada's order is taken from Ben.
    shop.pay_back(refund_of(adas, 2, units=1, on=50), on=50)
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 200, 0))


def test_r27_a_forgotten_customer_leaves_the_amounts_and_takes_the_name_along(shop: Life) -> None:
    named = CustomerFact(CID.customer_id, CID.email, CID.name, ("regular",))
    two = order(1, line(1, 20_000, 2), customer=named, email=CID.email)
    shop.tell(two, on=0)

    def forget(session: Session, row: Shop, now: datetime) -> int:
        return privacy.redact(session, row.id, CID.customer_id, [two.order_id], now)

    shop.twice(forget, day(30))
    with reading() as session:
        person = session.scalars(select(Customer).where(Customer.shopify_id == CID.customer_id)).one()
        assert (person.name, person.email, person.tags) == (None, None, [])
        assert "example.com" not in str(session.scalars(select(Order.fact)).one())
    # The reward goes on: half of it is taken back, and a late version of the order brings the person no more.
    shop.pay_back(refund_of(two, units=1, on=40), on=40)
    assert shop.balances(CID) == (0, 200, 0)
