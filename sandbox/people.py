"""What happens to customers: they come, change, go, and are merged into one another.

As in `orders.py`, the caller holds the shop's lock and tells the app.
"""

from dataclasses import dataclass

from sandbox.errors import BadInput
from sandbox.models import Customer, Order
from sandbox.state import Shop


@dataclass(frozen=True)
class CustomerRequest:
    """A customer, new or changed; what is None stays as it is."""

    email: str | None
    first_name: str | None
    last_name: str | None
    locale: str | None
    note: str | None
    verified_email: bool | None
    tags: tuple[str, ...] | None
    add_tags: tuple[str, ...]
    remove_tags: tuple[str, ...]


def create(shop: Shop, wanted: CustomerRequest) -> Customer:
    """Make a customer; one address belongs to one customer."""
    if not wanted.email:
        raise BadInput('A customer needs an "email".')
    _check_free(shop, wanted.email, None)
    tags = [*(wanted.tags or ()), *wanted.add_tags]
    customer = shop.add_customer(wanted.email, wanted.first_name or "", wanted.last_name or "", tags)
    customer.note = wanted.note
    customer.locale = wanted.locale or customer.locale
    customer.verified_email = wanted.verified_email is not False
    return customer


def update(shop: Shop, customer: Customer, wanted: CustomerRequest) -> tuple[list[str], list[str]]:
    """Change what is named; return the tags that came and those that went."""
    if wanted.email is not None:
        _check_free(shop, wanted.email, customer)
        _forget_address(shop, customer)
        customer.email = wanted.email
        shop.by_email[wanted.email.lower()] = customer
    if wanted.first_name is not None:
        customer.first_name = wanted.first_name
    if wanted.last_name is not None:
        customer.last_name = wanted.last_name
    if wanted.locale is not None:
        customer.locale = wanted.locale
    if wanted.note is not None:
        customer.note = wanted.note
    if wanted.verified_email is not None:
        customer.verified_email = wanted.verified_email
    before = customer.tags
    base = before if wanted.tags is None else list(wanted.tags)
    left = [tag for tag in base if tag not in wanted.remove_tags]
    customer.tags = list(dict.fromkeys([*left, *wanted.add_tags]))
    customer.updated_at = shop.clock.now()
    added = [tag for tag in customer.tags if tag not in before]
    return added, [tag for tag in before if tag not in customer.tags]


def delete(shop: Shop, customer: Customer, *, force: bool) -> None:
    """Remove a customer; Shopify refuses that for one who has ordered, unless a test forces it."""
    placed = orders_of(shop, customer)
    if placed and not force:
        raise BadInput(
            f"Customer {customer.id} has {len(placed)} orders; Shopify deletes only customers without orders "
            '("force": true does it all the same).'
        )
    for order in placed:
        order.customer = None
    _remove(shop, customer)


def merge(shop: Shop, kept: Customer, gone: Customer) -> None:
    """Give all that one customer has to another; store credit on either side prevents it, as in Shopify."""
    if kept is gone:
        raise BadInput("A customer cannot be merged with itself; name two.")
    blocked = [one for one in (kept, gone) if merge_blockers(shop, one)]
    if blocked:
        names = " and ".join(str(one.id) for one in blocked)
        raise BadInput(f"STORE_CREDIT: customer {names} has store credit and cannot be merged; debit it first.")
    for order in orders_of(shop, gone):
        order.customer = kept
    kept.number_of_orders += gone.number_of_orders
    kept.spent_minor += gone.spent_minor
    kept.tags = list(dict.fromkeys([*kept.tags, *gone.tags]))
    kept.updated_at = shop.clock.now()
    _remove(shop, gone)


def merge_blockers(shop: Shop, customer: Customer) -> list[str]:
    """Return why the customer cannot be merged, in Shopify's words."""
    accounts = shop.credit.accounts_of(customer, shop.clock.now())
    return ["STORE_CREDIT"] if any(account.balance_minor for account in accounts) else []


def orders_of(shop: Shop, customer: Customer) -> list[Order]:
    """Return the customer's orders."""
    return [order for order in shop.orders.values() if order.customer is customer]


def _check_free(shop: Shop, email: str, owner: Customer | None) -> None:
    known = shop.by_email.get(email.lower())
    if known is not None and known is not owner:
        raise BadInput(f"Email has already been taken by customer {known.id}; choose another.")


def _forget_address(shop: Shop, customer: Customer) -> None:
    if customer.email:
        shop.by_email.pop(customer.email.lower(), None)


def _remove(shop: Shop, customer: Customer) -> None:
    _forget_address(shop, customer)
    del shop.customers[customer.id]
