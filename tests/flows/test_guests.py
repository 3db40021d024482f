"""Guests: a reward waits for an account, is claimed by the one whose verified email it is, or ends unclaimed."""

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.flows import claims, customers, earn
from app.engine.rules.facts import CustomerFact, CustomerTold, OrderFact
from app.engine.rules.terms import HoldRules, Mode, Release, ReleaseKind
from app.models import AuditEvent, Customer, Reward, Shop
from tests.flows.builders import ADA, BEN, BIG, Till, all_rows, books, day, later, line, order, reading, refund_of
from tests.flows.test_parallel import Workers, workers

__all__ = ["workers"]

EMAIL = "ada@example.com"
GUEST = order(1, customer=None, email=EMAIL)


def told(customer: CustomerFact = ADA, on: int = 2, **changes: Any) -> CustomerTold:
    """Return what Shopify says about a customer, whose email is verified unless told otherwise."""
    values = {
        "customer_id": customer.customer_id,
        "email": customer.email,
        "verified_email": True,
        "name": customer.name,
        "tags": None,
        "created_at": day(on),
        "updated_at": day(on),
        **changes,
    }
    return CustomerTold(**values)


def meet(shop: Till, *facts: CustomerTold, on: int = 10) -> None:
    """Tell about customers, all in one batch."""
    shop.twice(lambda session, row, now: customers.record_customers(session, row, facts, now), day(on))


def sweep(shop: Till, on: int = 10, **limits: int) -> int:
    return shop.twice(lambda session, row, now: claims.claim_waiting(session, row, now, **limits), day(on))


def give_up(shop: Till, on: int, **limits: int) -> int:
    return shop.twice(lambda session, row, now: claims.expire_claims(session, row, now, **limits), day(on))


def state(shop: Till, fact: OrderFact = GUEST) -> str:
    return shop.reward(fact).state.value


def claim_until(shop: Till, fact: OrderFact = GUEST) -> datetime | None:
    seen = shop.reward(fact)
    with reading() as session:
        return session.get_one(Reward, seen.id).claim_until


def emails(shop: Till) -> dict[int, str | None]:
    """Return everybody's verified email by Shopify's id."""
    with reading() as session:
        rows = session.scalars(select(Customer).where(Customer.shop_id == shop.id))
        return {row.shopify_id: row.verified_email for row in rows}


def test_a_guests_reward_waits_for_ninety_days_and_nothing_is_booked_for_it(shop: Till) -> None:
    shop.tell(GUEST)
    assert (state(shop), shop.kept(GUEST), shop.entries(GUEST)) == ("awaiting_customer", 200, [])
    assert claim_until(shop) == day(90)


def test_the_claim_window_is_the_terms(shop: Till) -> None:
    shop.publish(claim_days=7)
    shop.tell(GUEST)
    assert claim_until(shop) == day(7)


def test_an_account_with_the_same_verified_email_gets_what_waited(shop: Till) -> None:
    shop.tell(GUEST)
    meet(shop, told(email="  Ada@Example.COM "))
    assert (state(shop), shop.balances()) == ("settled", (0, 200, 0))
    assert shop.transfers(GUEST) == [("credit", 200)]
    assert claim_until(shop) is None


@pytest.mark.parametrize(
    "account",
    [told(verified_email=False), told(email=None), told(email=""), told(BEN)],
    ids=["not verified", "no email", "empty email", "another email"],
)
def test_any_other_account_gets_nothing(shop: Till, account: CustomerTold) -> None:
    shop.tell(GUEST, order(2, customer=None))
    meet(shop, account)
    assert {state(shop, fact) for fact in (GUEST, order(2))} == {"awaiting_customer"}
    assert sweep(shop) == 0


def test_verified_later_is_early_enough(shop: Till) -> None:
    shop.tell(GUEST)
    meet(shop, told(verified_email=False), on=3)
    meet(shop, told(on=5), on=5)
    assert shop.balances() == (0, 200, 0)


@pytest.mark.parametrize("mode", Mode)
def test_what_is_claimed_goes_the_way_of_every_reward(shop: Till, mode: Mode) -> None:
    shop.publish(holds=HoldRules(country_mismatch=True))
    shop.set_mode(mode)
    odd = order(2, customer=None, email=EMAIL, billing_country="DE", shipping_country="FR", on=1)
    shop.tell(GUEST, odd)
    meet(shop, told())
    plain = {Mode.AUTOMATIC: "settled", Mode.MANUAL: "in_review", Mode.MIXED: "in_review"}[mode]
    assert (state(shop), state(shop, odd)) == (plain, "held")


def test_a_claimed_reward_keeps_its_day(shop: Till) -> None:
    shop.publish(release=Release(ReleaseKind.DAYS_AFTER_PAID, 14))
    shop.tell(GUEST)
    meet(shop, told(), on=5)
    assert (state(shop), shop.settle_due(on=14), shop.settle_due(on=15)) == ("pending", 0, 1)


def test_what_went_back_before_is_not_claimed_and_of_half_only_half(shop: Till) -> None:
    whole, two = order(1, customer=None, email=EMAIL), order(2, line(1, 20_000, 2), customer=None, email=EMAIL)
    shop.tell(whole, two)
    shop.pay_back(refund_of(whole, units=1), refund_of(two, units=1))
    meet(shop, told())
    assert (state(shop, whole), state(shop, two), shop.balances()) == ("voided", "settled", (0, 200, 0))


def test_several_orders_are_claimed_together_and_their_spend_makes_tiers(shop: Till) -> None:
    first, second = order(1, line(1, 50_000), customer=None, email=EMAIL), order(2, customer=None, email=EMAIL, on=1)
    shop.tell(second, first)
    meet(shop, told())
    assert [shop.reward(fact).tier for fact in (first, second)] == ["Bronze", "Silver"]
    assert shop.balances() == (0, 1_400, 0)


def test_an_order_that_shopify_gives_a_customer_needs_no_claim(shop: Till) -> None:
    shop.tell(GUEST)
    shop.tell(later(GUEST, customer=ADA))
    assert (state(shop), shop.balances()) == ("settled", (0, 200, 0))


def test_later_versions_that_name_nobody_take_a_claimed_order_from_nobody(shop: Till) -> None:
    shop.tell(GUEST)
    meet(shop, told())
    shop.tell(later(GUEST, tags=("any",)))
    shop.pay_back(refund_of(GUEST, money_minor=5_000))
    assert shop.balances() == (0, 100, 0)


@pytest.mark.parametrize("seconds", [-60, 60])
def test_what_shopify_says_about_whose_an_order_is_counts_more_than_a_claim(shop: Till, seconds: int) -> None:
    shop.tell(GUEST)
    meet(shop, told())
    shop.tell(later(GUEST, seconds, customer=BEN))
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 200, 0))


def test_order_and_account_end_alike_whichever_is_told_first(shop: Till) -> None:
    ends = []
    for number, turn in enumerate(permutations(("order", "account", "named"))):
        buyer, email = CustomerFact(BIG + 800 + number), f"buyer{number}@example.com"
        fact = order(10 + number, customer=None, email=email)
        for what in turn:
            if what == "order":
                shop.tell(fact)
            elif what == "account":
                meet(shop, told(buyer, email=email))
            else:
                shop.tell(later(fact, customer=BEN, tags=("moved",)))
            sweep(shop)
        ends.append((state(shop, fact), shop.balances(buyer)))
    assert set(ends) == {("settled", (0, 0, 0))}
    assert shop.balances(BEN) == (0, 1_200, 0)


def test_an_order_told_after_its_account_is_found_by_the_sweep(shop: Till) -> None:
    meet(shop, told())
    shop.tell(GUEST)
    assert state(shop) == "awaiting_customer"
    assert sweep(shop) == 1
    assert shop.balances() == (0, 200, 0)


def test_the_sweep_goes_on_in_parts(shop: Till) -> None:
    meet(shop, told())
    shop.tell(*(order(number, customer=None, email=EMAIL) for number in range(1, 6)))
    swept = [shop.run(lambda session, row: claims.claim_waiting(session, row, day(10), limit=2)) for _ in range(4)]
    assert swept == [2, 2, 1, 0]
    shop.check()


def test_an_email_is_one_customers_the_last_who_is_told_to_have_it(shop: Till) -> None:
    meet(shop, told(ADA))
    meet(shop, told(BEN, email=EMAIL, on=3))
    assert emails(shop) == {ADA.customer_id: None, BEN.customer_id: EMAIL}
    meet(shop, told(ADA, on=5), told(BEN, email=EMAIL, on=4))
    assert emails(shop) == {ADA.customer_id: EMAIL, BEN.customer_id: None}


def test_an_email_given_up_claims_nothing_any_more(shop: Till) -> None:
    meet(shop, told(), on=2)
    meet(shop, told(email="new@example.com", on=3), on=3)
    shop.tell(GUEST)
    assert sweep(shop) == 0


def test_another_shops_guests_are_not_claimed(shop: Till, manual_shop: Till) -> None:
    manual_shop.tell(GUEST)
    meet(shop, told())
    assert sweep(shop) == 0
    assert manual_shop.reward(GUEST).state.value == "awaiting_customer"


def test_what_nobody_claims_in_time_is_void_and_says_why(shop: Till) -> None:
    shop.tell(GUEST)
    assert give_up(shop, on=89) == 0
    assert give_up(shop, on=90) == 1
    assert (state(shop), shop.kept(GUEST), shop.entries(GUEST)) == ("voided", 0, [])
    with reading() as session:
        assert session.scalars(select(Reward.void_reason)).one() == "unclaimed"
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "expire_claim")).one()
        assert (event.actor, event.before, event.after) == (
            "system",
            {"state": "awaiting_customer", "amount_minor": 200},
            {"state": "voided", "amount_minor": 0},
        )


def test_on_the_last_day_it_is_too_late_to_claim_before_the_sweep_comes_and_after(shop: Till) -> None:
    shop.tell(GUEST)
    meet(shop, told(on=90), on=90)
    assert (sweep(shop, on=90), state(shop)) == (0, "awaiting_customer")
    give_up(shop, on=91)
    meet(shop, told(on=92), on=92)
    shop.tell(later(GUEST, customer=ADA), on=93)
    assert (state(shop), shop.balances()) == ("voided", (0, 0, 0))


def test_unclaimed_rewards_end_in_parts_the_oldest_first(shop: Till) -> None:
    facts = [order(number, customer=None, email=EMAIL, on=6 - number) for number in range(1, 6)]
    shop.tell(*facts)
    ended = shop.run(lambda session, row: claims.expire_claims(session, row, day(200), limit=2))
    assert (ended, [state(shop, fact) for fact in facts]) == (2, ["awaiting_customer"] * 3 + ["voided"] * 2)
    assert [give_up(shop, on=200), give_up(shop, on=200)] == [3, 0]


def test_a_refund_told_after_the_end_changes_nothing(shop: Till) -> None:
    shop.tell(GUEST)
    give_up(shop, on=90)
    shop.pay_back(refund_of(GUEST, units=1), on=95)
    assert (state(shop), shop.kept(GUEST)) == ("voided", 0)


def test_the_account_and_a_refund_at_once_end_as_one_after_the_other(shop: Till, workers: Workers) -> None:
    from app.engine.flows import refund

    for number in range(1, 6):
        email = f"guest{number}@example.com"
        buyer = CustomerFact(BIG + 800 + number)
        fact = order(number, line(1, 20_000, 2), customer=None, email=email)
        shop.run(lambda session, row, fact=fact: earn.record_orders(session, row, [fact], day(1)))

        def account(session: Session, row: Shop, fact: CustomerTold = told(buyer, email=email)) -> None:  # noqa: B008
            customers.record_customers(session, row, [fact], day(10))

        def back(session: Session, row: Shop, fact: OrderFact = fact) -> None:
            refund.record_refunds(session, row, [refund_of(fact, units=1)], day(10))

        assert workers.at_once(account, back) == [None, None]
        assert shop.balances(buyer) == (0, 200, 0)
    books(shop)


def test_nothing_of_a_closed_account_is_claimed_or_remembered(shop: Till) -> None:
    from app.engine.rules.facts import CustomerGone

    gone = CustomerGone(ADA.customer_id, day(1))
    shop.twice(lambda session, row, now: customers.record_deleted(session, row, [gone], now), day(10))
    shop.tell(GUEST)
    rows = all_rows()
    shop.run(lambda session, row: customers.record_customers(session, row, [told()], day(11) + timedelta(hours=1)))
    assert all_rows() == rows
    meet(shop, told(BEN, email=EMAIL))
    meet(shop, told(ADA, on=9))
    assert emails(shop) == {ADA.customer_id: None, BEN.customer_id: EMAIL}
    assert shop.balances(BEN) == (0, 200, 0)


def test_an_old_version_of_an_account_told_late_takes_nothing_from_it(shop: Till) -> None:
    meet(shop, told(on=3, name="Ada New"))
    meet(shop, told(on=2, verified_email=False, name="Ada Old"))
    with reading() as session:
        row = session.scalars(select(Customer)).one()
        assert (row.name, row.verified_email, row.told_at) == ("Ada New", EMAIL, day(3))
    shop.tell(GUEST)
    assert sweep(shop) == 1
    assert shop.balances() == (0, 200, 0)
