"""Orders and refunds that may have moved store credit ask for their customer's account to be read."""

import pytest
from sqlalchemy import select

from app.engine.flows.account_statements import list_due_shops, look_again
from app.engine.rules.roles import Role
from app.errors import NotAllowed, NotFound
from app.models import AuditEvent, CreditAccount, Customer, Shop
from tests.flows.builders import ADA, BEN, STAFF, Till, day, order, reading, refund_of
from tests.people import hire

CREDIT = "shopify_store_credit"


def asked_for() -> set[int]:
    """Return whose accounts are to be read, by Shopify's id."""
    with reading() as session:
        whose = select(Customer.shopify_id).join(CreditAccount, CreditAccount.customer_id == Customer.id)
        return set(session.scalars(whose.where(CreditAccount.next_read_at.is_not(None))))


def test_an_order_paid_with_credit_asks_for_its_customers_account(shop: Till) -> None:
    shop.tell(order(1))
    assert asked_for() == set()
    shop.tell(order(2, payment_gateways=(CREDIT,)))
    assert asked_for() == {ADA.customer_id}


def test_a_refund_asks_for_the_account_it_may_have_gone_to(shop: Till) -> None:
    shop.tell(order(1), order(2, customer=BEN))
    shop.pay_back(refund_of(order(2), units=1))
    assert asked_for() == {BEN.customer_id}
    shop.tell(order(1, refunds=(refund_of(order(1), units=1),)))
    assert asked_for() == {ADA.customer_id, BEN.customer_id}


def test_a_guest_has_no_account_to_read(shop: Till) -> None:
    shop.tell(order(1, customer=None, payment_gateways=(CREDIT,)))
    assert asked_for() == set()


def test_a_reading_that_is_due_sooner_stays_so(shop: Till) -> None:
    shop.tell(order(1, payment_gateways=(CREDIT,)), on=3)
    shop.tell(order(2, payment_gateways=(CREDIT,)), on=9)
    with reading() as session:
        (row,) = session.scalars(select(CreditAccount)).all()
        assert (row.next_read_at, row.currency, row.balance_minor) == (day(3), "USD", None)


def test_a_shop_that_the_app_has_no_token_for_is_not_asked(shop: Till) -> None:
    shop.tell(order(1, payment_gateways=(CREDIT,)))
    with reading() as session:
        assert list_due_shops(session, day(30)) == []


def test_a_person_can_have_an_account_read_at_once(shop: Till, manual_shop: Till) -> None:
    shop.tell(order(1, payment_gateways=(CREDIT,)), on=20)
    with reading() as session:
        (customer_id,) = session.scalars(select(Customer.id)).all()
    shop.twice(lambda session, its, now: look_again(session, its.id, customer_id, STAFF, now), day(12))
    with reading() as session:
        (row,) = session.scalars(select(CreditAccount)).all()
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "look_at_account")).all()
        assert row.next_read_at == day(12)
        assert [(each.subject, each.subject_id, each.actor) for each in events] == [("customer", customer_id, STAFF)]
    with pytest.raises(NotFound):
        manual_shop.run(lambda session, its: look_again(session, its.id, customer_id, STAFF, day(12)))


def test_who_only_looks_does_not_have_shopify_asked(shop: Till) -> None:
    def ask(session: object, its: Shop) -> None:
        hire(session, its.id, "50", Role.VIEWER)  # type: ignore[arg-type]  # the till's session
        look_again(session, its.id, 1, "staff:50", day(12))  # type: ignore[arg-type]

    with pytest.raises(NotAllowed):
        shop.run(ask)
