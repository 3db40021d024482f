"""Personal data goes, amounts stay: on the customer, on all orders, and in what is told later."""

import json

from sqlalchemy import select

from app.engine.flows import customers, privacy
from app.engine.privacy import without_redacted
from app.engine.rules.facts import CustomerFact, CustomerTold, FinancialStatus
from app.engine.rules.states import RewardState
from app.models import AuditEvent, Customer, Order
from tests.flows.builders import ADA, BEN, BIG, Till, all_rows, books, day, later, order, reading, refund_of

PAID = order(1, email="ada@example.com")


def redact(shop: Till, who: CustomerFact = ADA, *orders: int, on: int = 10) -> int:
    return shop.twice(lambda session, row, now: privacy.redact(session, row.id, who.customer_id, orders, now), day(on))


def everything(*tables: str) -> str:
    """Return all that these tables say, as one text."""
    return json.dumps([row for name, row in all_rows() if name in tables])


def test_name_and_email_go_and_the_books_stay(shop: Till) -> None:
    shop.tell(PAID, order(2, customer=BEN))
    before = books(shop)
    assert redact(shop) == 1
    assert books(shop) == before
    text = everything("customers", "orders", "audit_events")
    assert "ada@example.com" not in text
    assert "Ada Example" not in text
    assert "Ben Example" in text
    with reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "redact")).one()
        assert (event.actor, event.before, event.after) == ("system", {}, {"orders": 1})


def test_orders_named_by_their_number_lose_the_guests_email(shop: Till) -> None:
    guests = order(3, customer=None, email="ada@example.com")
    shop.tell(guests)
    assert redact(shop, ADA, guests.order_id, BIG + 99) == 1
    assert "ada@example.com" not in everything("orders")
    assert shop.reward(guests).state is RewardState.AWAITING_CUSTOMER


def test_the_paid_version_that_is_kept_is_redacted_too(shop: Till) -> None:
    shop.tell(PAID)
    shop.tell(later(PAID, financial_status=FinancialStatus.PARTIALLY_PAID))
    assert redact(shop) == 1
    assert "Ada" not in everything("orders")


def test_an_order_that_was_never_paid_is_redacted_too(shop: Till) -> None:
    shop.tell(order(1, email="ada@example.com", financial_status=FinancialStatus.PENDING))
    assert redact(shop) == 1
    assert "Ada" not in everything("orders")


def test_tags_that_decide_stay_so_that_no_amount_changes_and_others_go(shop: Till) -> None:
    shop.publish(excluded_tags=frozenset({"Staff"}))
    tagged = CustomerFact(ADA.customer_id, ADA.email, ADA.name, ("staff", "lives-in-Ulm"))
    fact = order(1, customer=tagged)
    shop.tell(fact)
    redact(shop)
    text = everything("customers", "orders")
    assert "Ulm" not in text
    assert "staff" in text
    shop.pay_back(refund_of(fact, money_minor=100))
    assert shop.reward(fact).why_nothing == "excluded_customer_tag"


def test_a_customer_without_tags_has_none_afterwards(shop: Till) -> None:
    shop.tell(PAID)
    redact(shop)
    with reading() as session:
        row = session.scalars(select(Customer)).one()
        assert (row.tags, row.redacted_at) == (None, day(10))


def test_what_is_told_later_of_the_account_changes_nothing(shop: Till) -> None:
    shop.tell(PAID)
    redact(shop)
    rows = all_rows()
    word = CustomerTold(ADA.customer_id, ADA.email, True, ADA.name, ("vip",), day(1), day(11))
    shop.run(lambda session, row: customers.record_customers(session, row, [word], day(11)))
    assert all_rows() == rows


def test_orders_told_later_come_in_without_the_person(shop: Till) -> None:
    redact(shop)
    told = [PAID, order(2, customer=BEN), order(3, customer=None)]
    with reading() as session:
        row = session.scalars(select(Customer)).one()
        assert row.shopify_id == ADA.customer_id
    came = shop.run(lambda session, row: without_redacted(session, row, told))
    assert [fact.customer for fact in came] == [CustomerFact(ADA.customer_id), BEN, None]
    assert came[0].email is None
    assert shop.run(lambda session, row: without_redacted(session, row, told[1:])) == told[1:]


def test_a_second_request_redacts_what_came_since_and_keeps_the_first_moment(shop: Till) -> None:
    guests = order(3, customer=None, email="ada@example.com")
    shop.tell(guests)
    redact(shop)
    assert redact(shop, ADA, guests.order_id, on=12) == 1
    with reading() as session:
        assert session.scalars(select(Customer.redacted_at)).one() == day(10)
        assert len(session.scalars(select(AuditEvent).where(AuditEvent.action == "redact")).all()) == 2
        assert session.scalars(select(Order.guest_email)).one() is None


def test_a_redacted_customers_order_brings_no_name_back_however_often_it_is_told(shop: Till) -> None:
    shop.tell(PAID)
    redact(shop)
    shop.tell(PAID, order(2))
    shop.tell(later(PAID, tags=("any",)))
    text = everything("customers", "orders")
    assert "Ada" not in text
    assert "ada@example.com" not in text
    assert shop.balances() == (0, 400, 0)
