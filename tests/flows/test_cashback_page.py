"""What a customer's own page shows: what is there, what ends next, the tier, and whose page it is at all."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.engine.flows import customers, merges
from app.engine.flows.cashback import (
    CashbackPage,
    Ending,
    Rank,
    find_holder,
    read_cashback,
    read_customer_page,
    read_guest_page,
)
from app.engine.rules.customer_words import Stage
from app.engine.rules.facts import CustomerFact, CustomerGone, CustomersMerged, CustomerTold
from app.engine.rules.terms import Expiry, OwedPolicy, Tier
from app.models import Customer, Order, Shop, Transfer
from tests.flows.builders import ADA, BEN, Till, day, line, order, reading, refund_of
from tests.flows.shopify_account import Shopify

EMAIL = "ada@example.com"
GUEST = order(1, customer=None, email=EMAIL)


def id_of(till: Till, who: CustomerFact = ADA) -> int:
    with reading() as session:
        which = (Customer.shop_id == till.id, Customer.shopify_id == who.customer_id)
        return session.scalars(select(Customer.id).where(*which)).one()


def look(till: Till, who: CustomerFact = ADA, on: int = 20) -> CashbackPage:
    number = id_of(till, who)
    with reading() as session:
        page = read_customer_page(session, session.get_one(Shop, till.id), number, day(on))
    assert page is not None
    return page


def look_at_order(till: Till, order_id: int = 1) -> CashbackPage | None:
    with reading() as session:
        return read_guest_page(session, session.get_one(Shop, till.id), order_id)


def holder(till: Till, customer_id: int) -> int | None:
    with reading() as session:
        found = find_holder(session, till.id, customer_id)
        return None if found is None else found.id


def test_a_customer_sees_what_they_have_and_their_tier(shop: Till) -> None:
    shop.tell(order(1, line(net_minor=60_000)), order(2, line(), on=1))
    page = look(shop)
    assert page.customer_id == id_of(shop)
    assert (page.cashback.available_minor, page.cashback.pending_minor, page.cashback.owed_minor) == (1_600, 0, 0)
    assert page.rank == Rank("Silver", 400)
    assert (page.ending, page.is_blocked, page.claim_until) == (None, False, None)


def test_one_tier_for_all_is_none_to_speak_of(shop: Till) -> None:
    shop.publish(on=-1, tiers=(Tier("Only", 0, 200),))
    shop.tell(order(1))
    assert look(shop).rank is None


def test_who_has_no_tier_yet_sees_none(shop: Till) -> None:
    shop.tell(order(1))
    with reading() as session:
        session.execute(update(Customer).values(tier_name=None))
    assert look(shop).rank is None


@pytest.mark.parametrize("policy", [OwedPolicy.OFFSET, OwedPolicy.BLOCK])
def test_what_was_spent_and_then_taken_back_is_owed(shop: Till, policy: OwedPolicy) -> None:
    shop.publish(on=-1, owed=policy)
    fact = order(1)
    shop.tell(fact)
    shopify = Shopify(shop)
    shopify.carry_out(day(10, 90))
    shopify.ada.redeem(150, day(11))
    shopify.hear(day(11), *shopify.ada.unheard)
    shop.pay_back(refund_of(fact, units=1, on=12), on=12)

    page = look(shop)

    assert (page.cashback.available_minor, page.cashback.owed_minor) == (0, 150)
    assert page.is_blocked == (policy is OwedPolicy.BLOCK)


def test_the_credit_that_ends_next_is_shown_with_what_is_left_of_it(shop: Till) -> None:
    shop.publish(on=-1, expiry=Expiry(days=30))
    first, second = order(1), order(2, on=5)
    shopify = Shopify(shop)
    for fact, on in ((first, 0), (second, 5)):
        shop.tell(fact, on=on)
        shopify.carry_out(day(on, 90))
    assert look(shop, on=6).ending == Ending(200, date(2026, 3, 31))

    shopify.ada.redeem(150, day(7))
    shopify.hear(day(7), *shopify.ada.unheard)
    assert look(shop, on=8).ending == Ending(50, date(2026, 3, 31))

    shopify.ada.redeem(60, day(8))
    shopify.hear(day(8), *shopify.ada.unheard)
    assert look(shop, on=9).ending == Ending(190, date(2026, 4, 5))

    # The first's time is over, and what is left of the second ends in a moment of its last day.
    assert look(shop, on=34).ending == Ending(190, date(2026, 4, 5))
    assert look(shop, on=36).ending is None


def test_a_day_is_the_shops_and_what_ends_at_midnight_ends_on_the_day_before(shop: Till) -> None:
    shop.run(lambda session, row: session.execute(update(Shop).values(timezone="Asia/Tokyo")))
    shop.publish(on=-1, expiry=Expiry(on=date(2026, 4, 30)))
    shop.tell(order(1), on=0)
    Shopify(shop).carry_out(day(0, 90))
    assert look(shop).ending == Ending(200, date(2026, 4, 30))


def test_a_far_expiry_that_marks_a_transfer_is_no_end(shop: Till) -> None:
    shop.tell(order(1), on=0)
    Shopify(shop).carry_out(day(0, 90))
    with reading() as session:
        session.execute(update(Transfer).values(expires_at=day(4_000)))
    assert look(shop).ending is None


def test_the_newest_word_on_what_they_read_goes_with_it(shop: Till) -> None:
    shop.tell(order(1))
    with reading() as session:
        session.execute(update(Customer).values(locale="de-AT"))
        row = session.get_one(Shop, shop.id)
        assert read_cashback(session, row, ADA.customer_id).locale == "de-AT"
    assert look(shop).cashback.locale == "de-AT"


def test_a_guest_sees_the_order_and_until_when_it_waits(shop: Till) -> None:
    shop.tell(GUEST)
    page = look_at_order(shop)
    assert page is not None
    assert page.customer_id is None
    assert [(one.order_name, one.kept_minor, one.stage) for one in page.cashback.recent] == [
        ("#1001", 200, Stage.ON_ITS_WAY)
    ]
    assert page.cashback.recent[0].waits_for_account
    assert page.claim_until == (day(90) - timedelta(microseconds=1)).date()


def test_what_was_a_guests_is_shown_on_its_way_to_the_account(shop: Till) -> None:
    shop.tell(GUEST)
    claim(shop)
    page = look_at_order(shop)
    assert page is not None
    assert page.claim_until is None
    assert page.cashback.recent[0].stage is Stage.ADDED
    assert not page.cashback.recent[0].waits_for_account


def claim(shop: Till) -> None:
    told = CustomerTold(
        customer_id=ADA.customer_id, email=EMAIL, verified_email=True, name="Ada", tags=None,
        created_at=day(2), updated_at=day(2),
    )  # fmt: skip
    shop.twice(lambda session, row, now: customers.record_customers(session, row, [told], now), day(10))


def test_a_guests_order_shows_nothing_once_its_address_is_forgotten(shop: Till) -> None:
    shop.tell(GUEST)
    with reading() as session:
        session.execute(update(Order).values(guest_email=None))
    assert look_at_order(shop) is None


def test_a_claimed_order_shows_nothing_once_its_customer_is_forgotten(shop: Till) -> None:
    shop.tell(GUEST)
    claim(shop)
    with reading() as session:
        session.execute(update(Order).values(guest_email=None))
    assert look_at_order(shop) is not None
    with reading() as session:
        session.execute(update(Customer).values(redacted_at=day(12)))
    assert look_at_order(shop) is None


def test_nobodys_order_and_another_shops_order_show_nothing(shop: Till, manual_shop: Till) -> None:
    shop.tell(GUEST)
    assert look_at_order(shop, 99) is None
    assert look_at_order(manual_shop) is None


def test_the_page_of_somebody_gone_is_nobodys(shop: Till) -> None:
    shop.tell(order(1))
    number = id_of(shop)
    gone = CustomerGone(ADA.customer_id, day(11))
    shop.twice(lambda session, row, now: customers.record_deleted(session, row, [gone], now), day(11))
    with reading() as session:
        assert read_customer_page(session, session.get_one(Shop, shop.id), number, day(12)) is None


def test_a_merged_customers_link_leads_to_who_they_are_now(shop: Till) -> None:
    shop.tell(order(1), order(2, customer=BEN))
    ada, ben = id_of(shop), id_of(shop, BEN)
    merged = CustomersMerged(gone_id=ADA.customer_id, kept_id=BEN.customer_id, at=day(5))
    shop.twice(lambda session, row, now: merges.record_merges(session, row, [merged], now), day(10))
    assert (holder(shop, ada), holder(shop, ben)) == (ben, ben)
    assert [one.order_name for one in look(shop).cashback.recent] == ["#1002", "#1001"]

    with reading() as session:
        session.execute(update(Customer).where(Customer.id == ben).values(redacted_at=day(12)))
    assert holder(shop, ada) is None


def test_customers_that_were_merged_in_a_circle_are_nobody(shop: Till) -> None:
    shop.tell(order(1), order(2, customer=BEN))
    ada, ben = id_of(shop), id_of(shop, BEN)

    def knot(session: Session, _: Shop) -> None:
        session.execute(update(Customer).where(Customer.id == ada).values(merged_into_id=ben))
        session.execute(update(Customer).where(Customer.id == ben).values(merged_into_id=ada))

    shop.run(knot)
    assert holder(shop, ada) is None


def test_another_shops_customer_is_nobody_here(shop: Till, manual_shop: Till) -> None:
    shop.tell(order(1))
    assert holder(manual_shop, id_of(shop)) is None
