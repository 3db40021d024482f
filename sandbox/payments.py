"""How orders are paid: by card, gift card and store credit, in parts, authorized first or at once.

As in `orders.py`, the caller holds the shop's lock.
"""

from datetime import UTC, datetime

from sandbox import totals
from sandbox.credit import CreditRefused
from sandbox.errors import BadInput
from sandbox.models import Customer, Order, Payment
from sandbox.money import Money, webhook_text
from sandbox.state import Shop

CARD = "bogus"
GIFT_CARD = "gift_card"
STORE_CREDIT = "shopify_store_credit"


def pay(
    shop: Shop, order: Order, at: datetime | None, gateway: str = CARD, minor: int | None = None, *, fails: bool = False
) -> bool:
    """Take what is outstanding, or a part of it, or fail to; say whether the order became paid."""
    if order.cancelled_at is not None:
        raise BadInput(f"Order {order.id} is cancelled; place a new one to pay.")
    due = totals.outstanding(order)
    if order.paid_at is not None and due <= 0:
        raise BadInput(f"Order {order.id} is already paid; nothing is outstanding.")
    wanted = due if minor is None else minor
    if wanted > due or minor == 0:
        raise BadInput(f"{_text(due, order)} is outstanding on order {order.id}; pay at most that, and more than 0.")
    moment = shop.touch(order, at)
    if fails:
        book(shop, order, "sale", gateway, wanted, moment, status="failure")
        return False
    if wanted < due:
        take(shop, order, gateway, wanted, moment)
        return False
    settle_payment(shop, order, moment, gateway)
    return True


def settle_payment(shop: Shop, order: Order, at: datetime, gateway: str = CARD) -> None:
    """Take the outstanding amount, out of the authorization if there is one, and mark the order paid."""
    due = totals.outstanding(order)
    if due > 0:
        take(shop, order, gateway, due, at)
    order.paid_at = order.paid_at or at
    order.paid_at_clock = datetime.now(UTC)


def take(shop: Shop, order: Order, gateway: str, minor: int, at: datetime) -> None:
    """Book money that comes in: a capture of what was authorized, else a sale."""
    authorization = totals.open_authorization(order)
    if authorization is not None:
        book(shop, order, "capture", authorization.gateway, minor, at, parent=authorization)
    else:
        book(shop, order, "sale", gateway, minor, at)
    if order.customer and order.currency == shop.currency:
        order.customer.spent_minor += minor


def authorize(shop: Shop, order: Order, gateway: str, at: datetime) -> None:
    """Reserve the outstanding amount; it is taken by a later payment."""
    book(shop, order, "authorization", gateway, totals.outstanding(order), at)


def void(shop: Shop, order: Order, at: datetime | None) -> None:
    """Let the authorization go: the order will not be paid by it."""
    if totals.open_authorization(order) is None:
        raise BadInput(f'Order {order.id} has no open authorization; place it with "authorize": true.')
    release(shop, order, shop.touch(order, at))


def release(shop: Shop, order: Order, at: datetime) -> None:
    """Void the open authorization, if there is one."""
    authorization = totals.open_authorization(order)
    if authorization is not None:
        book(shop, order, "void", authorization.gateway, authorization.amount_minor, at, parent=authorization)


def book(
    shop: Shop,
    order: Order,
    kind: str,
    gateway: str,
    minor: int,
    at: datetime,
    *,
    parent: Payment | None = None,
    status: str = "success",
) -> Payment:
    """Write one transaction of the order."""
    payment = Payment(next(shop.ids), kind, gateway, minor, order.currency, at, parent, order, status)
    order.payments.append(payment)
    return payment


def is_settled(order: Order) -> bool:
    """Say whether nothing is outstanding."""
    return totals.outstanding(order) <= 0


def pay_with_credit(shop: Shop, order: Order, minor: int) -> None:
    """Take a part of the order from its customer's store credit, as a checkout does."""
    check_credit(shop, order, minor)
    assert order.customer is not None
    now = shop.clock.now()
    account = shop.credit.open(order.customer, order.currency)
    payment = Payment(next(shop.ids), "sale", STORE_CREDIT, minor, order.currency, now, order=order)
    shop.credit.debit(account, minor, now, "ORDER_PAYMENT", payment)
    order.payments.append(payment)


def spend(shop: Shop, customer: Customer, minor: int, currency: str) -> None:
    """Spend credit on something outside this sandbox's orders."""
    now = shop.clock.now()
    account = shop.credit.find(customer, currency, now)
    if account is None or account.balance_minor < minor:
        held = Money(account.balance_minor if account else 0, currency)
        raise BadInput(
            f"Customer {customer.id} has {webhook_text(held)} {currency} of store credit; "
            f"spend at most that, not {webhook_text(Money(minor, currency))}."
        )
    try:
        payment = Payment(next(shop.ids), "sale", STORE_CREDIT, minor, currency, now)
        shop.credit.debit(account, minor, now, "ORDER_PAYMENT", payment)
    except CreditRefused as refusal:
        raise BadInput(refusal.message + ".") from None


def credit_for(shop: Shop, order: Order) -> int:
    """Return how much of the order its customer's credit can pay, as a checkout takes all it can."""
    if order.customer is None:
        return 0
    account = shop.credit.find(order.customer, order.currency, shop.clock.now())
    return min(account.balance_minor, totals.outstanding(order)) if account else 0


def check_credit(shop: Shop, order: Order, minor: int) -> None:
    """Refuse before anything changes when the credit cannot pay this part."""
    if order.customer is None:
        raise BadInput("A guest has no store credit; give the order a customer.")
    due = totals.outstanding(order)
    if minor > due:
        raise BadInput(
            f"Only {_text(due, order)} is outstanding on order {order.id}; pay at most that with store credit."
        )
    account = shop.credit.find(order.customer, order.currency, shop.clock.now())
    if account is None or account.balance_minor < minor:
        held = _text(account.balance_minor if account else 0, order)
        raise BadInput(f"Customer {order.customer.id} has only {held} of store credit.")


def _text(minor: int, order: Order) -> str:
    return f"{webhook_text(Money(minor, order.currency))} {order.currency}"
