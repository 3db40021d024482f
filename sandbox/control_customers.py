"""Control calls about customers and their store credit."""

from flask import Response

from sandbox import payments
from sandbox.calls import announcer, as_json, chosen_shop, control_blueprint, controlled, read_body, read_limit
from sandbox.clock import millisecond_text, utc_text
from sandbox.credit import CreditAccount, CreditRefused, CreditTransaction, check_expiry
from sandbox.errors import BadInput, NotThere
from sandbox.models import Customer
from sandbox.money import Money, parse, webhook_text
from sandbox.requests_in import read_currency, read_flag, read_id, read_time
from sandbox.state import Shop

blueprint = control_blueprint("control_customers")


@blueprint.post("/sandbox/customers/<int:customer_id>/spend")
@controlled
def spend_credit(customer_id: int) -> Response:
    """Spend store credit at a checkout, of an order of this sandbox or of none."""
    body = read_body()
    shop = chosen_shop(body)
    currency = read_currency(body.get("currency"), shop.currency)
    minor = parse(body.get("amount"), currency, "amount")
    if minor == 0:
        raise BadInput("amount must be above zero.")
    with shop.lock:
        customer = shop.get_customer(customer_id)
        if body.get("order_id") is None:
            payments.spend(shop, customer, minor, currency)
        else:
            _spend_on(shop, customer_id, read_id(body["order_id"], "order_id"), minor)
    return as_json({"spent": body["amount"], "currency": currency})


def _spend_on(shop: Shop, customer_id: int, order_id: int, minor: int) -> None:
    order = shop.get_order(order_id)
    if order.customer is None or order.customer.id != customer_id:
        raise BadInput(f"Order {order_id} is not customer {customer_id}'s; only the owner's credit can pay it.")
    payments.pay_with_credit(shop, order, minor)
    shop.touch(order)
    if payments.is_settled(order):
        payments.settle_payment(shop, order, shop.clock.now())
        announcer().paid(shop, order)
    else:
        announcer().updated(shop, order)


@blueprint.get("/sandbox/customers")
@controlled
def list_customers() -> Response:
    """The shop's customers with their credit, newest first."""
    shop = chosen_shop()
    with shop.lock:
        newest = list(shop.customers.values())[-read_limit(100) :][::-1]
        return as_json({"customers": [show_customer(shop, one) for one in newest], "count": len(shop.customers)})


@blueprint.get("/sandbox/customers/<int:customer_id>/store-credit")
@controlled
def store_credit(customer_id: int) -> Response:
    """A customer's accounts with all their transactions."""
    shop = chosen_shop()
    with shop.lock:
        customer = shop.get_customer(customer_id)
        accounts = shop.credit.accounts_of(customer, shop.clock.now())
        return as_json({"customer_id": customer_id, "accounts": [_show_account(one) for one in accounts]})


@blueprint.post("/sandbox/customers/<int:customer_id>/store-credit")
@controlled
def change_credit(customer_id: int) -> Response:
    """Give or take store credit by hand, as staff do in Shopify."""
    body = read_body()
    shop = chosen_shop(body)
    currency = read_currency(body.get("currency"), shop.currency)
    given, taken = (parse(body.get(name) or "0", currency, name) for name in ("credit", "debit"))
    if (given > 0) == (taken > 0):
        raise BadInput('Say what to do: "credit" or "debit" with an amount above zero.')
    expires_at = read_time(body.get("expires_at"), "expires_at")
    with shop.lock:
        customer, now = shop.get_customer(customer_id), shop.clock.now()
        account = shop.credit.find(customer, currency, now) or shop.credit.open(customer, currency)
        try:
            check_expiry(expires_at, now)
            entry = shop.credit.credit(account, given, now, expires_at) if given else None
            entry = entry or shop.credit.debit(account, taken, now)
        except CreditRefused as refusal:
            raise BadInput(refusal.message + ".") from None
        return as_json(_show_entry(entry), 201)


@blueprint.post("/sandbox/customers/<int:customer_id>/store-credit/<int:entry_id>/hide")
@controlled
def hide_entry(customer_id: int, entry_id: int) -> Response:
    """Leave a transaction out of what an app is shown, while the balance has it."""
    shop = chosen_shop(read_body())
    with shop.lock:
        accounts = shop.credit.accounts_of(shop.get_customer(customer_id), shop.clock.now())
        for entry in (entry for account in accounts for entry in account.transactions if entry.id == entry_id):
            entry.hidden = True
            return as_json(_show_entry(entry))
    raise NotThere(f"Customer {customer_id} has no store-credit transaction {entry_id}.")


@blueprint.post("/sandbox/store-credit")
@controlled
def configure_credit() -> Response:
    """Let customers spend store credit at checkout, or not."""
    body = read_body()
    shop = chosen_shop(body)
    with shop.lock:
        shop.credit.enabled = read_flag(body, "enabled", True)
        return as_json({"enabled": shop.credit.enabled})


def show_customer(shop: Shop, customer: Customer) -> dict[str, object]:
    """Return a customer as control answers show it, with the store credit."""
    accounts = shop.credit.accounts_of(customer, shop.clock.now())
    return {
        "id": customer.id,
        "email": customer.email,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "display_name": customer.display_name,
        "tags": customer.tags,
        "verified_email": customer.verified_email,
        "number_of_orders": customer.number_of_orders,
        "store_credit": [
            {"currency": one.currency, "balance": webhook_text(Money(one.balance_minor, one.currency))}
            for one in accounts
        ],
    }


def _show_account(account: CreditAccount) -> dict[str, object]:
    return {
        "id": account.id,
        "currency": account.currency,
        "balance": webhook_text(Money(account.balance_minor, account.currency)),
        "transactions": [_show_entry(entry) for entry in account.transactions],
    }


def _show_entry(entry: CreditTransaction) -> dict[str, object]:
    currency = entry.account.currency
    order = entry.origin.order if entry.origin else None
    return {
        "id": entry.id,
        "type": entry.type,
        "amount": webhook_text(Money(entry.amount_minor, currency)),
        "balance_after": webhook_text(Money(entry.balance_after_minor, currency)),
        "event": entry.event,
        "created_at": utc_text(entry.created_at),
        "created_at_ms": millisecond_text(entry.landed_at),
        "expires_at": utc_text(entry.expires_at),
        "remaining": webhook_text(Money(entry.remaining_minor, currency)),
        "order_id": order.id if order else None,
    }
