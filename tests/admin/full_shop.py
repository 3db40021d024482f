"""A shop in which everything has happened, for looking at every room of the admin at once."""

from dataclasses import dataclass
from datetime import timedelta

from app.db import transaction
from app.engine.flows import review
from tests.admin.factories import NOON, line, order, publish, reward_of, tell


@dataclass(frozen=True, slots=True)
class FullShop:
    """Where to look: Shopify's id of an order that has come all the way."""

    id: int
    order_id: int


def fill_shop(shop_id: int) -> FullShop:
    """Let everything happen in a shop that has just been installed."""
    facts = [order(number, line(net_minor=10_000 * number)) for number in range(1, 31)]
    tell(shop_id, *facts)
    publish(shop_id, hold_above_minor=9_000)
    tell(shop_id, order(31, customer=None, placed_at=NOON + timedelta(days=1)), order(32))
    reward, other = reward_of(facts[0]), reward_of(facts[1])
    with transaction() as session:
        review.approve(session, shop_id, reward.id, reward.version, "system", NOON)
        review.reject(session, shop_id, other.id, other.version, "system", NOON, "Resale.")
    return FullShop(shop_id, facts[0].order_id)
