"""The made-up shop: what it sells and who buys there."""

import random
from dataclasses import dataclass
from datetime import datetime

from sandbox.address_requests import COUNTRIES as COUNTRY_NAMES
from sandbox.models import Discount, Tax
from sandbox.money import exponent
from sandbox.order_parts import Address
from sandbox.order_requests import LineRequest, OrderRequest
from sandbox.requests_in import Person

FIRST_NAMES = (
    *("Ada", "Ben", "Clara", "Dario", "Elif", "Finn", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Liam", "Mila"),
    *("Noor", "Oskar", "Paula", "Quinn", "Rosa", "Samir", "Tess", "Uma", "Viktor", "Wanda", "Xenia", "Yusuf", "Zoe"),
)
LAST_NAMES = (
    *("Abel", "Brandt", "Costa", "Dahl", "Engel", "Farkas", "Gruber", "Holm", "Ito", "Jansen", "Keller", "Lindt"),
    *("Moreau", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Silva", "Tanaka", "Urban", "Varga", "Weber", "Young"),
)
GUEST_SHARE = 0.06
DISCOUNT_SHARE = 0.2
GIFT_CARD_SHARE = 0.04
"""Of orders in which a gift card pays half of the first line."""
RISKS = {"high": 0.01, "medium": 0.02}
COUNTRIES = ("US", "US", "US", "CA", "GB", "DE")
SHIPPING_UNITS = (0, 0, 0, 5, 8)


@dataclass(frozen=True)
class Ware:
    """Something the shop sells; the price in hundredths of the currency's usual unit."""

    title: str
    cents: int
    vendor: str
    product_type: str
    tags: tuple[str, ...] = ()
    gift_card: bool = False
    collections: tuple[str, ...] = ()
    cents_before: int | None = None
    """The price it is compared with, while it is on sale."""


WARES = (
    Ware("Enamel mug", 1850, "North Shed", "Kitchen", ("new",), collections=("For the kitchen",)),
    Ware("Wool blanket", 8900, "North Shed", "Home"),
    Ware("Pour-over kettle", 6450, "Copperline", "Kitchen", collections=("For the kitchen", "Coffee bar")),
    Ware("House blend, 1 kg", 2690, "Slow Roast", "Coffee", collections=("Coffee bar",)),
    Ware("Filter papers", 595, "Slow Roast", "Coffee"),
    Ware("Hand grinder", 11900, "Copperline", "Kitchen", collections=("Coffee bar",)),
    Ware("Canvas tote", 2200, "North Shed", "Bags"),
    Ware("Rain jacket", 15900, "Fjell", "Clothing", ("outdoor",), collections=("Out and about",)),
    Ware("Merino socks", 1990, "Fjell", "Clothing", ("outdoor",)),
    Ware("Camp lantern", 4499, "Fjell", "Outdoor", ("outdoor",), collections=("Out and about",)),
    Ware("Notebook, dotted", 1275, "Paper & Co", "Stationery"),
    Ware("Fountain pen", 5333, "Paper & Co", "Stationery", ("sale",), cents_before=6900),
    Ware("Linen apron", 3899, "North Shed", "Kitchen", ("sale",), cents_before=4900),
    Ware("Gift card", 5000, "Boomerang Demo", "Gift card", (), True),
)
GIFT_CARD_WEIGHT = 0.3


class Crowd:
    """A seeded crowd of customers who come back; draws their orders."""

    def __init__(self, draw: random.Random, size: int) -> None:
        self._draw = draw
        self._people = [self._person(number) for number in range(size)]
        self._weights = [1 / (rank + 3) for rank in range(size)]

    def order(self, currency: str, at: datetime | None, *, paid: bool = True) -> OrderRequest:
        """Draw one order."""
        draw = self._draw
        wares = draw.choices(
            WARES, [GIFT_CARD_WEIGHT if w.gift_card else 1 for w in WARES], k=draw.choice((1, 1, 2, 2, 3))
        )
        discounted = draw.random() < DISCOUNT_SHARE
        lines = tuple(self._line(ware, currency) for ware in dict.fromkeys(wares))
        person = None if draw.random() < GUEST_SHARE else draw.choices(self._people, self._weights)[0]
        source = draw.choice(("web", "web", "web", "pos"))
        return OrderRequest(
            person=person,
            lines=lines,
            discount=Discount("percentage", draw.choice(("10", "15", "20")), "WELCOME") if discounted else None,
            fixed_discount_minor=0,
            tax=Tax("0.08", included=False),
            shipping_minor=draw.choice(SHIPPING_UNITS) * price_in(100, currency),
            store_credit_minor=0,
            all_store_credit=False,
            currency=currency,
            tags=("wholesale",) if draw.random() < 0.02 else (),
            paid=paid,
            test=False,
            created_at=at,
            source_name=source,
            gift_card_minor=self._gift_card(lines[0]) if paid else 0,
            billing_address=self._address(person),
            shipping_address=self._address(person) if source == "web" else None,
            risk=draw.choices((*RISKS, None), (*RISKS.values(), 1 - sum(RISKS.values())))[0],
            fulfilled=paid and source == "pos",
        )

    def _gift_card(self, line: LineRequest) -> int:
        """Return what a gift card pays; it cannot pay for another."""
        return line.price_minor // 2 if self._draw.random() < GIFT_CARD_SHARE and not line.gift_card else 0

    def _address(self, person: Person | None) -> Address:
        """Return where a person lives: always in the same country."""
        first, last = (person.first_name, person.last_name) if person else ("Gerd", "Guest")
        code = COUNTRIES[(len(first) + len(last)) % len(COUNTRIES)]
        return Address(0, first, last, "1 Example Street", "Exampleton", "10000", COUNTRY_NAMES[code], code)

    def _line(self, ware: Ware, currency: str) -> LineRequest:
        quantity = 1 if ware.gift_card else self._draw.choice((1, 1, 1, 2, 3))
        return LineRequest(
            title=ware.title,
            price_minor=price_in(ware.cents, currency),
            quantity=quantity,
            product_id=None,
            is_custom=False,
            variant_id=None,
            sku=f"{ware.vendor[:2].upper()}-{ware.cents}",
            vendor=ware.vendor,
            product_type=ware.product_type,
            product_tags=ware.tags,
            gift_card=ware.gift_card,
            taxable=not ware.gift_card,
            compare_at_minor=None if ware.cents_before is None else price_in(ware.cents_before, currency),
            collections=ware.collections,
        )

    def _person(self, number: int) -> Person:
        first, last = self._draw.choice(FIRST_NAMES), self._draw.choice(LAST_NAMES)
        tags = ("vip",) if number < 5 else ()
        return Person(None, f"{first}.{last}.{number}@example.com".lower(), first, last, tags)


def price_in(cents: int, currency: str) -> int:
    """Return a price in minor units: 18.50 dollars, 1,850 yen, 18.500 dinars."""
    return cents * 10 if exponent(currency) == 3 else cents
