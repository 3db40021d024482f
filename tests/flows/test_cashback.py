"""What a customer has, as the customer is told it: the books' balances and the newest orders."""

from sqlalchemy import select

from app.engine.flows.cashback import Cashback, read_cashback
from app.engine.rules.customer_words import Stage
from app.engine.rules.states import TransferState
from app.models import Customer, Shop, Transfer
from tests.flows.builders import ADA, BEN, BIG, Till, day, order, reading, refund_of


def read(till: Till, customer_id: int = ADA.customer_id, limit: int = 10) -> Cashback:
    with reading() as session:
        return read_cashback(session, session.get_one(Shop, till.id), customer_id, limit)


def test_a_customer_sees_balances_and_the_newest_orders_first(shop: Till) -> None:
    first, second = order(1), order(2, on=1)
    shop.tell(first, second)
    shop.tell(order(3, customer=BEN))

    found = read(shop)

    assert (found.currency, found.pending_minor, found.available_minor) == ("USD", 0, 400)
    assert [(one.order_name, one.kept_minor, one.stage) for one in found.recent] == [
        ("#1002", 200, Stage.ADDED),
        ("#1001", 200, Stage.ADDED),
    ]
    assert found.recent[0].placed_at == day(1)
    assert found.recent[0].sentence == "2.00 USD is being added to your store credit."
    assert [one.order_name for one in read(shop, limit=1).recent] == ["#1002"]


def test_credit_counts_as_added_when_shopify_confirmed_it(shop: Till) -> None:
    shop.tell(order(1))
    with reading() as session:
        transfer = session.scalars(select(Transfer)).one()
        transfer.state, transfer.transaction_id = TransferState.CONFIRMED, "gid://shopify/x/1"

    assert read(shop).recent[0].sentence == "2.00 USD was added to your store credit."


def test_what_waits_for_the_shop_is_pending(manual_shop: Till) -> None:
    manual_shop.tell(order(1))

    found = read(manual_shop)

    assert (found.pending_minor, found.available_minor) == (200, 0)
    assert found.recent[0].stage is Stage.ON_ITS_WAY


def test_what_was_void_before_it_settled_is_worth_nothing(manual_shop: Till) -> None:
    fact = order(1)
    manual_shop.tell(fact)
    manual_shop.pay_back(refund_of(fact, units=1))

    found = read(manual_shop)

    assert (found.pending_minor, found.available_minor) == (0, 0)
    assert [(one.kept_minor, one.stage) for one in found.recent] == [(0, Stage.NONE)]


def test_nobody_known_has_nothing(shop: Till) -> None:
    shop.tell(order(1))
    assert read(shop, BIG + 999) == Cashback("USD", 0, 0, ())


def test_of_whom_the_shop_has_forgotten_nothing_is_told(shop: Till) -> None:
    shop.tell(order(1))
    for column in ("redacted_at", "deleted_at"):
        with reading() as session:
            customer = session.scalars(select(Customer)).one()
            customer.redacted_at = customer.deleted_at = None
            setattr(customer, column, day(1))
        assert read(shop) == Cashback("USD", 0, 0, ())


def test_another_shops_customer_of_that_number_is_not_shown(shop: Till, manual_shop: Till) -> None:
    shop.tell(order(1))
    assert read(manual_shop) == Cashback("USD", 0, 0, ())
