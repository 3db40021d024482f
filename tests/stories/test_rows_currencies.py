"""R33: books are kept in the shop's currency with as many decimals as that has, whatever the customer paid in."""

from typing import Any

import pytest
from flask import Flask

from app.db import db
from app.webhooks.orders import parse_order
from tests.flows.builders import ADA, BIG, day, later, line, order, refund_of
from tests.stories.rows import Life


def body_of(number: int, currency: str, price: str, presented: str, in_currency: str) -> dict[str, Any]:
    """Return a body as Shopify sends it for an order of two units, paid in the customer's own currency."""

    def both(amount: str, other: str) -> dict[str, Any]:
        return {
            "shop_money": {"amount": amount, "currency_code": currency},
            "presentment_money": {"amount": other, "currency_code": in_currency},
        }

    return {
        "id": BIG + number,
        "name": f"#{number}",
        "created_at": "2026-03-01T09:00:00Z",
        "updated_at": "2026-03-01T09:00:00Z",
        "currency": currency,
        "presentment_currency": in_currency,
        "financial_status": "paid",
        "customer": {"id": ADA.customer_id, "email": ADA.email},
        "line_items": [
            {"id": BIG + 1, "title": "Tea", "quantity": 2, "price": price, "price_set": both(price, presented)}
        ],
    }


@pytest.mark.parametrize(
    ("currency", "price", "presented", "in_currency", "earned", "half", "said"),
    [
        # 2 % of 3,980 yen is 79.6 yen; 2 % of 1,990 is 39.8. Whole yen, no hundredths.
        ("JPY", "1990", "13.27", "USD", 80, 40, "80 JPY"),
        # 2 % of 24.690 dinars is 0.4938; of 12.345 0.2469. Thousandths.
        ("KWD", "12.345", "40.20", "USD", 494, 247, "0.494 KWD"),
        # 2 % of 99.98 dollars, whatever they were in yen.
        ("USD", "49.99", "7512", "JPY", 200, 100, "2.00 USD"),
    ],
)
def test_r33_books_are_in_the_shops_currency_with_its_own_decimals_whatever_was_paid_in(
    app: Flask, currency: str, price: str, presented: str, in_currency: str, earned: int, half: int, said: str
) -> None:
    with app.app_context():
        shop = Life("far-away.myshopify.com", currency)
        fact = parse_order(body_of(1, currency, price, presented, in_currency))
        shop.tell(fact, on=0)
        assert (shop.row(fact).currency, shop.balances()) == (currency, (0, earned, 0))
        assert any(f"{said}." in sentence for sentence in shop.says(fact))
        shop.pay_back(refund_of(fact, 1, units=1, on=20), on=20)
        assert shop.balances() == (0, half, 0)
        shop.pay_back(refund_of(fact, 2, units=1, on=40), on=40)
        assert shop.balances() == (0, 0, 0)
        # The tiers of a shop begin at whole units of its currency: Silver from 500.
        unit = {"JPY": 1, "KWD": 1_000, "USD": 100}[currency]
        large, next_one = (order(n, line(1, 500 * unit), on=50 + n, currency=currency) for n in (2, 3))
        shop.tell(large, next_one, on=60)
        assert [shop.reward(each).tier for each in (large, next_one)] == ["Bronze", "Silver"]
        assert shop.balances() == (0, 10 * unit + 20 * unit, 0)
        shop.tell(later(large, cancelled_at=day(61)), later(next_one, cancelled_at=day(61)), on=61)
        assert shop.balances() == (0, 0, 0)
        db.session.remove()
