"""A bad network and a failing Shopify end in the same books and balances as a good day: no cent lost, none doubled."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.config import Settings
from app.db import transaction
from app.engine.flows.check_books import check_books
from app.engine.ledger import read_balances
from app.engine.rules.postings import Account
from app.engine.rules.states import RewardState
from app.models import Customer, Order, Reward, Shop
from tests.stories.town import HANG_SECONDS, Town, open_town

Books = dict[str, Any]
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
GOOD_DAY: dict[str, Any] = {}
BAD_NETWORK = {"duplicate": 0.2, "reorder": 0.2, "drop": 0.05}
#: How a reward went away depends on whether it had settled before the news; that it went away does not.
GONE = {RewardState.VOIDED: "gone", RewardState.REVERSED: "gone"}


@pytest.fixture
def play(
    settings: Settings, admin_connection: "psycopg.Connection[Any]", request: pytest.FixtureRequest
) -> Callable[..., Books]:
    """Return a function that plays a year on an empty database and returns the books it ends with."""

    def run(seed: int, orders: int, faults: dict[str, Any], customers: int = 8) -> Books:
        empty_tables(admin_connection)
        with open_town(settings, seed) as town:
            town.install()
            town.post("faults", **faults)
            if "seconds" in faults:
                town.be_impatient()
            play_year(town, Random(seed), orders, customers)
            town.wait_until_quiet()
            return read_books(town)

    return run


def test_a_thousand_orders_over_a_bad_network_end_like_a_good_day(play: Callable[..., Books]) -> None:
    good = play(seed=11, orders=1_000, faults=GOOD_DAY, customers=120)
    bad = play(seed=11, orders=1_000, faults=BAD_NETWORK, customers=120)
    assert len(good["rewards"]) == 1_000
    assert sum(good["in_shopify"].values()) > 100_000
    assert differences(bad, good) == []


@given(
    seed=st.integers(1, 9_999),
    hang=st.sampled_from([0, 0.1, 0.3]),
    drop=st.sampled_from([0, 0.1, 0.3]),
    late=st.sampled_from([0, 0.1]),
    trouble=st.sampled_from([0, 0.1]),
)
@hypothesis_settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_credit_is_lost_or_doubled_whatever_fails(
    play: Callable[..., Books], seed: int, hang: float, drop: float, late: float, trouble: float
) -> None:
    failing = {
        **BAD_NETWORK,
        "hang_after_commit": hang,
        "drop_before_commit": drop,
        "late_commit": late,
        "http_5xx": trouble,
        "throttled": trouble,
        "seconds": HANG_SECONDS,
    }
    bad, good = play(seed=seed, orders=12, faults=failing), play(seed=seed, orders=12, faults=GOOD_DAY)
    assert differences(bad, good) == []


def play_year(town: Town, pick: Random, orders: int, customers: int) -> None:
    """Place orders over a year, some paid late, returned in parts, edited or cancelled; the same for the same seed."""
    now = START
    placed: list[tuple[int, int]] = []
    while len(placed) < orders:
        now += timedelta(seconds=pick.randint(60, 60_000))
        if not placed or pick.random() < 0.6:
            placed.append(place_order(town, pick, now, customers))
        else:
            order_id, lines = pick.choice(placed[-30:])
            change_order(town, pick, now, order_id, lines)


def place_order(town: Town, pick: Random, now: datetime, customers: int) -> tuple[int, int]:
    number = pick.randint(1, customers)
    lines = [
        {
            "title": f"Thing {position}",
            "price": f"{pick.randint(1, 300)}.{pick.randint(0, 99):02}",
            "quantity": pick.randint(1, 3),
            "gift_card": pick.random() < 0.05,
        }
        for position in range(pick.randint(1, 3))
    ]
    guest = pick.random() < 0.05
    buyer = {"email": f"buyer-{number}@example.com", "first_name": "Ada", "last_name": f"Example {number}"}
    order = town.post(
        "orders",
        customer=None if guest else buyer,
        lines=lines,
        discount=pick.choice([None, None, {"type": "percentage", "value": "10"}, {"type": "fixed", "value": "5"}]),
        tax=pick.choice([None, {"rate": "0.2", "included": True}, {"rate": "0.07", "included": False}]),
        shipping="4.90",
        paid=pick.random() < 0.85,
        test=pick.random() < 0.02,
        created_at=now.isoformat(),
    )
    return int(order["id"]), len(lines)


def change_order(town: Town, pick: Random, now: datetime, order_id: int, lines: int) -> None:
    """Try one change; the shop itself refuses what makes no sense, such as returning what is gone already."""
    index = pick.randrange(lines)
    path, body = pick.choice(
        [
            ("pay", {}),
            ("refund", {"lines": [{"index": index, "quantity": 1}]}),
            ("refund", {"lines": [{"index": index, "quantity": 1}]}),
            ("refund", {"amount": f"{pick.randint(0, 20)}.{pick.randint(1, 99):02}"}),
            ("refund", {"shipping": True}),
            ("edit", {"set_quantity": [{"index": index, "quantity": 0}]}),
            ("edit", {"add": [{"title": "Added", "price": "12.34", "quantity": 1}]}),
            ("cancel", {"reason": "customer"}),
            ("customer", {"customer": {"email": "late@example.com", "first_name": "Late", "last_name": "Example"}}),
        ]
    )
    town.try_post(f"orders/{order_id}/{path}", at=now.isoformat(), **body)


def differences(bad: Books, good: Books) -> list[str]:
    """Return what is not the same in two plays' books, a line each."""
    return [
        f"{part} of {name}: {bad[part].get(name)} instead of {good[part].get(name)}"
        for part in good
        for name in sorted({*good[part], *bad[part]})
        if bad[part].get(name) != good[part].get(name)
    ]


def read_books(town: Town) -> Books:
    """Return books and balances by names that do not change between two plays, after checking that all adds up."""
    with transaction() as session:
        assert list(check_books(session)) == []
        shop = session.scalars(select(Shop)).one()
        customers = {row.id: str(row.email) for row in session.scalars(select(Customer))}
        shopify_ids = {str(row.email): row.shopify_id for row in session.scalars(select(Customer))}
        balances = {
            customers[customer_id]: {account: minor for account, minor in accounts.items() if minor}
            for customer_id, accounts in read_balances(session, shop.id, customers, shop.currency).items()
        }
        rewards = {
            name: (
                GONE.get(reward.state, reward.state),
                reward.tier_name,
                reward.granted_minor,
                reward.reversed_minor,
                reward.ineligible_reason,
            )
            for reward, name in session.execute(select(Reward, Order.name).join(Order, Order.id == Reward.order_id))
        }
    in_shopify = {
        email: sum(int(account["balance"].replace(".", "")) for account in _accounts(town, shopify_id))
        for email, shopify_id in shopify_ids.items()
    }
    in_books = {email: accounts.get(Account.AVAILABLE, 0) for email, accounts in balances.items()}
    assert in_shopify == in_books
    return {"balances": balances, "rewards": rewards, "in_shopify": in_shopify}


def _accounts(town: Town, customer_id: int) -> list[dict[str, Any]]:
    return list(town.get(f"customers/{customer_id}/store-credit")["accounts"])


def empty_tables(connection: "psycopg.Connection[Any]") -> None:
    tables = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND relname <> 'alembic_version'"
    ).fetchall()
    connection.execute(f"TRUNCATE {', '.join(name for (name,) in tables)} RESTART IDENTITY")
