"""The tables of guests and merged customers in app/engine/README.md, played in a shop."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from app.engine.flows import claims, customers, merges
from app.engine.rules import money
from app.engine.rules.facts import CustomersMerged, CustomerTold
from app.models import Reward
from tests.flows.builders import ADA, BEN, Till, day, line, order, reading, refund_of
from tests.flows.test_customers import send, spend
from tests.rules.tables import NOTHING, Row, tables_with

GUESTS = list(tables_with("awaits until day", "state"))
(MERGED,) = tables_with("Ada", "Ben")
ADA_INTO_BEN = CustomersMerged(BEN.customer_id, ADA.customer_id, day(5))
STORY = "guest's order of day 0 over 100.00 at 2 %"


def minor(text: str) -> int:
    return money.to_minor(text, "USD")


def account(shop: Till, on: int, **changes: Any) -> None:
    values = {"email": "ada@example.com", "verified_email": True, **changes}
    told = CustomerTold(ADA.customer_id, name=None, tags=None, created_at=day(on), updated_at=day(on), **values)
    shop.twice(lambda session, row, now: customers.record_customers(session, row, [told], now), day(on))


@pytest.mark.parametrize("rows", GUESTS, ids=lambda rows: rows[-1]["state"])
def test_a_guests_reward_goes_the_way_the_page_says(shop: Till, rows: list[Row]) -> None:
    guests = order(1, customer=None, email="ada@example.com")
    for row in rows:
        number, what = re.fullmatch(r"day (\d+): (.*)", row[STORY]).groups()
        on = int(number)
        match what:
            case "told":
                shop.tell(guests, on=on)
            case "an account with that email, not verified":
                account(shop, on, verified_email=False)
            case "an account with another email, verified":
                account(shop, on, email="other@example.com")
            case "the account's email is verified":
                account(shop, on)
            case "the time is over":
                shop.twice(lambda session, row, now: claims.expire_claims(session, row, now), day(on))
            case _:
                raise AssertionError(f"the page says {what!r}, which nobody understands")
        with reading() as session:
            reward = session.scalars(select(Reward)).one()
            until = NOTHING if reward.claim_until is None else str((reward.claim_until - day(0)).days)
            state = reward.state.value.replace("_", " ")
        assert (until, state, shop.balances()[1]) == (row["awaits until day"], row["state"], minor(row["available"]))


def said(balances: tuple[int, int, int]) -> str:
    """Return what somebody has as the page says it."""
    pending, available, owed = balances
    parts = [(available, "available"), (-owed, "owed"), (pending, "pending")]
    return ", ".join(f"{money.to_decimal_string(part, 'USD')} {word}" for part, word in parts if part) or "nothing"


def test_two_customers_become_one_as_the_page_says(shop: Till) -> None:
    adas = order(1, line(1, 20_000, 2))
    for row in MERGED:
        match row["what happens"]:
            case "Ada orders for 200.00 and Ben for 50.00, at 2 %":
                shop.tell(adas, order(2, line(1, 5_000), customer=BEN))
                send(shop)
            case "Ada spends it":
                spend(shop, 400)
            case "Ada sends half of the order back":
                shop.pay_back(refund_of(adas, 1, units=1))
            case "Shopify merges Ada into Ben":
                shop.twice(lambda session, row, now: merges.record_merges(session, row, [ADA_INTO_BEN], now), day(10))
            case "Ada sends the other half back":
                shop.pay_back(refund_of(adas, 2, units=1, on=6))
            case "Ben orders for 200.00":
                shop.tell(order(3, line(1, 20_000), customer=BEN, on=7))
            case what:
                raise AssertionError(f"the page says {what!r}, which nobody understands")
        assert (said(shop.balances(ADA)), said(shop.balances(BEN))) == (row["Ada"], row["Ben"])
