"""Does Shopify still say of an order what a credit rests on? Asked together with the account, before money moves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce

from app.sentences import say

#: Shopify shows older orders only to apps that may see all orders.
VISIBLE_FOR = timedelta(days=60)
#: An order this close to that age may have passed it on Shopify's clock.
VISIBLE_MARGIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """What the books know of the order that a credit comes from."""

    shopify_id: int
    name: str
    #: Its newest version.
    version_at: datetime
    was_paid: bool
    is_cancelled: bool
    placed_at: datetime

    @property
    def gid(self) -> str:
        """Return Shopify's global id."""
        return f"gid://shopify/Order/{self.shopify_id}"


@dataclass(frozen=True, slots=True)
class SeenOrder:
    """What Shopify says of it now."""

    updated_at: datetime
    is_cancelled: bool
    #: None where Shopify does not say.
    was_paid: bool | None
    #: None for an order that names nobody.
    customer_gid: str | None


@dataclass(frozen=True, slots=True)
class Agrees:
    """The credit may be sent."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The books have to hear of the order first; the sentence says what differs."""

    sentence: str
    #: The books know an older version; otherwise they contradict the one that they know.
    is_newer: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """Shopify knows no such order in this shop; nothing may be credited for it."""

    sentence: str


def check_order(
    known: KnownOrder, seen: SeenOrder | None, customer_gid: str, *, sees_all: bool, now: datetime
) -> Agrees | Changed | Unknown:
    """Return whether a credit to a customer still rests on what Shopify says of its order.

    ``seen`` is None when Shopify shows no such order with this shop's token. That is also so for an old order
    unless the token ``sees_all``: then the customer, who is of this shop, is the proof, and the books' word counts.
    An order that names nobody takes its credit from nobody: a guest's may have been claimed.
    """
    if seen is None:
        if not sees_all and known.placed_at < now - VISIBLE_FOR + VISIBLE_MARGIN:
            return Agrees()
        return Unknown(
            say(
                "Shopify does not know the order {order} in this shop, so nothing is credited for it. If it was "
                "deleted there, reject what it earned; if not, find out who sent it.",
                order=known.name,
            )
        )
    is_newer = _second(seen.updated_at) > _second(known.version_at)
    differences = {
        say("there is a newer version"): is_newer,
        say("it is cancelled"): seen.is_cancelled and not known.is_cancelled,
        say("it is not cancelled"): known.is_cancelled and not seen.is_cancelled,
        say("it is not paid"): known.was_paid and seen.was_paid is False,
        say("it is paid"): seen.was_paid is True and not known.was_paid,
        say("it belongs to another customer"): seen.customer_gid not in (None, customer_gid),
    }
    found = [words for words, differs in differences.items() if differs]
    if not found:
        return Agrees()
    told = reduce(lambda most, following: say("{most}, {next}", most=most, next=following), found)
    return Changed(
        say("Shopify says otherwise about the order {order}: {what}.", order=known.name, what=told), is_newer
    )


def _second(moment: datetime) -> datetime:
    # Bodies and answers need not agree on fractions of a second.
    return moment.replace(microsecond=0)
