"""Every room of the admin with the address it is looked at by; whoever builds a room adds a line."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.admin.full_shop import FullShop


@dataclass(frozen=True, slots=True)
class Look:
    """A room, or a state of one: ``name`` names its pictures."""

    name: str
    #: The path in a shop where everything has happened.
    path: Callable[[FullShop], str]


def _at(path: str) -> Callable[[FullShop], str]:
    return lambda shop: path


LOOKS = (
    Look("review", _at("/reviews")),
    Look("orders", _at("/orders")),
    Look("orders-none-match", _at("/orders?search=nobody")),
    Look("order", lambda shop: f"/orders/{shop.order_id}"),
    Look("order-held", lambda shop: f"/orders/{shop.held_order_id}"),
    Look("order-refused", lambda shop: f"/orders/{shop.refused_order_id}"),
    Look("order-doubtful", lambda shop: f"/orders/{shop.doubtful_order_id}"),
    Look("order-of-a-guest", lambda shop: f"/orders/{shop.guest_order_id}"),
    Look("tiers", _at("/tiers?figures=1")),
    Look("tiers-edit", _at("/tiers/edit")),
    Look("tiers-log", _at("/tiers/log")),
    Look("deliveries", _at("/deliveries")),
    Look("privacy", _at("/privacy")),
    Look("settings", _at("/settings")),
    Look("nothing-here", _at("/orders/5")),
)
