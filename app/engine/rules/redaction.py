"""An order without its person: what the books need stays, what names the customer goes."""

from collections.abc import Iterable
from dataclasses import replace

from app.engine.rules.facts import OrderFact
from app.engine.rules.scopes import plain, plain_set
from app.engine.rules.terms import Terms


def without_person(order: OrderFact, deciding_tags: frozenset[str]) -> OrderFact:
    """Return an order without name, email, language and notes; of the tags those stay that terms decide by."""
    customer = order.customer
    if customer is not None:
        tags = None if customer.tags is None else keep_tags(customer.tags, deciding_tags)
        customer = replace(customer, email=None, name=None, tags=tags)
    refunds = tuple(replace(refund, note=None) for refund in order.refunds)
    return replace(
        order,
        customer=customer,
        email=None,
        locale=None,
        tags=keep_tags(order.tags, deciding_tags),
        refunds=refunds,
    )


def keep_tags(tags: Iterable[str], deciding_tags: frozenset[str]) -> tuple[str, ...]:
    """Return those of some tags that terms decide by: without them an order would earn something else."""
    return tuple(tag for tag in tags if plain(tag) in deciding_tags)


def find_deciding_tags(versions: Iterable[Terms]) -> frozenset[str]:
    """Return the tags that any version of the terms excludes or holds by, as they are compared."""
    return plain_set(tag for terms in versions for tag in (*terms.excluded_tags, *terms.holds.tags))
