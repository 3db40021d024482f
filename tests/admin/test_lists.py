"""Filters and paging: SQL and Python agree about badges, and pages hold every row exactly once."""

from datetime import timedelta
from itertools import combinations_with_replacement, product
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from app.admin.queries.badges import MOST_COUNTED, OF_WORK, count_work, has_badge
from app.admin.queries.keyset import Place, Window, read_place
from app.admin.queries.orders import Wanted, list_orders, walk_orders
from app.admin.queries.reviews import Sort, list_reviews
from app.admin.queries.reviews import Wanted as WantedReviews
from app.db import db, transaction
from app.engine.flows import program
from app.engine.rules.facts import FinancialStatus
from app.engine.rules.roles import Role
from app.engine.rules.states import Badge, RewardState, TransferKind, TransferState, compute_badge
from app.engine.rules.terms import Mode
from app.models import Customer, Delivery, DeliveryState, Order, Reward, Shop, Transfer
from tests.admin.factories import BIG, NOON, OTHER, Page, Visitor, line, make_shop, order, reading, tell
from tests.people import hire

IN_FLIGHT = (TransferState.SENDING, TransferState.UNKNOWN)


Spec = tuple[RewardState, int, tuple[TransferState, ...]]


def add_rewards(shop_id: int, specs: list[Spec], first: int = 1) -> list[Reward]:
    """Put rewards with their orders, customers and transfers straight into the tables, a few statements in all."""
    session = db.session()
    numbers = range(first, first + len(specs))
    customers = [Customer(shop_id=shop_id, shopify_id=BIG + number, created_at=NOON) for number in numbers]
    session.add_all(customers)
    session.flush()
    orders = [
        Order(
            shop_id=shop_id, shopify_id=BIG + number, name=f"#{number}", currency="USD", total_minor=100, fact={},
            financial_status=FinancialStatus.PAID, placed_at=NOON + timedelta(minutes=number // 7), version_at=NOON,
            first_seen_at=NOON, customer_id=customer.id,
        )
        for number, customer in zip(numbers, customers, strict=True)
    ]  # fmt: skip
    session.add_all(orders)
    session.flush()
    rewards = [
        Reward(
            shop_id=shop_id, order_id=order.id, customer_id=order.customer_id, state=state, terms_version=1,
            tier_name="Bronze", rate_bps=200, spend_minor=0, currency="USD", eligible_minor=100, calculated_minor=10,
            granted_minor=10, reversed_minor=reversed_minor, steps=[], version=1, created_at=NOON, state_at=NOON,
        )
        for order, (state, reversed_minor, _) in zip(orders, specs, strict=True)
    ]  # fmt: skip
    session.add_all(rewards)
    session.flush()
    session.add_all(
        Transfer(
            shop_id=shop_id, key=f"{reward.id}:{place}", customer_id=reward.customer_id, reward_id=reward.id,
            kind=TransferKind.CREDIT, currency="USD", amount_minor=1, state=transfer, created_at=NOON,
        )
        for reward, (_, _, transfers) in zip(rewards, specs, strict=True)
        for place, transfer in enumerate(transfers)
    )  # fmt: skip
    session.flush()
    return rewards


def add_reward(
    shop_id: int, number: int, state: RewardState, reversed_minor: int, transfers: tuple[TransferState, ...]
) -> Reward:
    """Put one reward into the tables."""
    return add_rewards(shop_id, [(state, reversed_minor, transfers)], number)[0]


def transfer_sets() -> list[tuple[TransferState, ...]]:
    """Return every set of up to two transfers that one customer may have at once."""
    pairs = combinations_with_replacement(TransferState, 2)
    return [(), *((one,) for one in TransferState), *(pair for pair in pairs if not set(pair) <= set(IN_FLIGHT))]


def test_the_badge_in_sql_is_the_badge_in_python_for_every_combination(shop_id: int) -> None:
    specs: list[Spec] = list(product(RewardState, (0, 4, 10), transfer_sets()))
    rewards = add_rewards(shop_id, specs)
    expected = {reward.id: compute_badge(*spec) for reward, spec in zip(rewards, specs, strict=True)}
    found: dict[int, Badge] = {}
    for badge in Badge:
        for reward_id in db.session.query(Reward.id).filter(has_badge(badge)):
            assert reward_id[0] not in found, "Two badges at once."
            found[reward_id[0]] = badge
    assert found == expected
    assert set(found.values()) == set(Badge)
    db.session.rollback()


def test_a_transfer_of_another_shop_changes_no_badge(shop_id: int) -> None:
    reward = add_reward(shop_id, 1, RewardState.SETTLED, 0, (TransferState.CONFIRMED,))
    other = make_other_transfer(reward.id)
    assert db.session.query(Reward.id).filter(Reward.id == reward.id, has_badge(Badge.PROCESSED)).count() == 1
    rows = list_orders(db.session(), shop_id).rows
    assert [row.badge for row in rows] == [Badge.PROCESSED]
    assert other
    db.session.rollback()


def make_other_transfer(reward_id: int) -> int:
    """Plan a refused transfer of another shop that names this reward, as no flow ever would."""
    session = db.session()
    session.flush()
    shop = Shop(domain=OTHER, name=OTHER, currency="USD", mode=Mode.MANUAL, installed_at=NOON)
    session.add(shop)
    session.flush()
    customer = Customer(shop_id=shop.id, shopify_id=1, created_at=NOON)
    session.add(customer)
    session.flush()
    transfer = Transfer(
        shop_id=shop.id, key="x", customer_id=customer.id, reward_id=reward_id, kind=TransferKind.CREDIT,
        currency="USD", amount_minor=1, state=TransferState.REFUSED, created_at=NOON,
    )  # fmt: skip
    session.add(transfer)
    session.flush()
    return transfer.id


@pytest.mark.parametrize("size", [1, 3, 7, 25, 40, 41])
def test_pages_of_orders_hold_every_row_once_there_and_back(shop_id: int, size: int) -> None:
    for number in range(1, 41):
        add_reward(shop_id, number, RewardState.IN_REVIEW, 0, ())
    session = db.session()
    newest_first = [number for (number,) in session.query(Order.id).order_by(Order.placed_at.desc(), Order.id.desc())]
    page = list_orders(session, shop_id, window=Window(size=size))
    assert page.newer is None
    there = [row.order.id for row in page.rows]
    while page.older:
        page = list_orders(session, shop_id, window=Window(before=page.older, size=size))
        assert len(page.rows) <= size
        there += [row.order.id for row in page.rows]
    assert there == newest_first
    back = [row.order.id for row in page.rows]
    while page.newer:
        page = list_orders(session, shop_id, window=Window(after=page.newer, size=size))
        back = [row.order.id for row in page.rows] + back
    assert back == newest_first
    db.session.rollback()


@pytest.mark.parametrize("sort", [None, Sort.LARGEST])
def test_pages_of_the_queue_hold_every_waiting_reward_once_in_their_order(shop_id: int, sort: Sort | None) -> None:
    waiting = []
    for number, state in enumerate(list(RewardState) * 5, 1):
        reward = add_reward(shop_id, number, state, number % 4, ())
        if state in (RewardState.IN_REVIEW, RewardState.HELD):
            waiting.append((reward.kept_minor, reward.id))
    wanted = WantedReviews("staff:42", sort=sort)
    found: list[int] = []
    after: str | None = ""
    while after is not None:
        queue = list_reviews(db.session(), shop_id, wanted, after, size=3)
        found += [review.reward.id for review in queue.reviews]
        after = queue.after
    in_order = sorted(waiting, reverse=True) if sort else waiting
    assert found == [reward_id for _, reward_id in in_order]
    db.session.rollback()


def test_a_cursor_reads_back_what_it_says() -> None:
    cursor = Place(NOON + timedelta(microseconds=123456), 2**63 - 1)
    assert read_place(str(cursor)) == cursor
    for nonsense in ("", "_", "x_1", f"{NOON.isoformat()}_x", f"{NOON.isoformat()}_{2**63}", "2026-03-01T12:00:00_1"):
        assert read_place(nonsense) is None


def test_the_links_of_a_page_lead_on_and_keep_the_filter(visitor: Visitor, shop_id: int) -> None:
    with transaction():
        for number in range(1, 61):
            add_reward(shop_id, number, RewardState.IN_REVIEW if number % 2 else RewardState.HELD, 0, ())
    names: list[str] = []
    path = "/orders?badge=pending&search=%23"
    while path:
        page = Page(visitor.fetch(path).text)
        names += [word.strip() for word in page.words if word.startswith("#")]
        links = page.of("a", rel="next")
        path = links[0]["href"] or "" if links else ""
        assert "search=" in path or not path
    assert len(names) == len(set(names)) == 30


def test_the_list_asks_the_database_as_often_for_many_orders_as_for_one(shop_id: int) -> None:
    asked: list[str] = []

    def count(*call: Any) -> None:
        asked.append(call[2])

    counts = []
    for numbers in (range(1, 2), range(2, 26)):
        with transaction():
            for number in numbers:
                add_reward(shop_id, number, RewardState.SETTLED, 0, (TransferState.CONFIRMED,))
        with reading() as session:
            asked.clear()
            event.listen(db.engine, "before_cursor_execute", count)
            list_orders(session, shop_id)
            event.remove(db.engine, "before_cursor_execute", count)
        counts.append(len(asked))
    assert counts == [3, 3]


def test_orders_are_filtered_by_tier_day_and_total(visitor: Visitor, shop_id: int) -> None:
    tell(
        shop_id,
        order(1, line(net_minor=60_000)),
        order(2, placed_at=NOON + timedelta(days=2)),
        order(3, line(net_minor=1_000), placed_at=NOON + timedelta(days=3)),
    )

    def names(**query: str) -> list[str]:
        shown = Page(visitor.load("/orders", **query).text)
        return [word.strip() for word in shown.words if word.startswith("#1")]

    assert names(tier="Silver") == ["#1003", "#1002"]
    assert names(**{"from": "2026-03-03"}) == ["#1003", "#1002"]
    assert names(**{"from": "2026-03-03", "to": "2026-03-03"}) == ["#1002"]
    assert names(at_least="100") == ["#1002", "#1001"]
    assert names(at_least="100", tier="Silver", search="ada") == ["#1002"]
    assert names(at_least="much", **{"from": "yesterday"}) == ["#1003", "#1002", "#1001"]
    assert names(tier="Platinum") == []
    shown = Page(visitor.load("/orders", at_least="100", to="2026-03-02", tier="Platinum").text)
    assert "Platinum" in shown.text
    assert [field["value"] for field in shown.of("input", type="date")] == ["", "2026-03-02"]


def test_the_work_is_counted_no_further_than_needed(shop_id: int) -> None:
    add_rewards(shop_id, [(RewardState.HELD, 0, ())] * (MOST_COUNTED + 5))
    add_rewards(shop_id, [(RewardState.SETTLED, 0, (TransferState.REFUSED,))] * 2, 1000)
    counts = count_work(db.session(), shop_id)
    assert list(counts) == list(OF_WORK)
    assert (counts[Badge.HELD], counts[Badge.FAILED], counts[Badge.PENDING]) == (MOST_COUNTED, 2, 0)
    db.session.rollback()


def test_the_tabs_say_how_much_there_is_to_do(visitor: Visitor, shop_id: int) -> None:
    with transaction():
        add_rewards(shop_id, [(RewardState.HELD, 0, ())] * (MOST_COUNTED + 5))
        add_rewards(shop_id, [(RewardState.SETTLED, 0, (TransferState.UNKNOWN,))] * 2, 1000)
    text = Page(visitor.load("/orders").text).text
    assert "Held 99+" in text
    assert "Failed 2" in text
    assert "All done" in Page(visitor.load("/orders", badge="pending").text).text
    assert "No order matches" in Page(visitor.load("/orders", badge="pending", search="x").text).text


def test_walking_the_orders_meets_each_once(shop_id: int) -> None:
    specs: list[Spec] = [(RewardState.HELD, 0, ())] * 9
    add_rewards(shop_id, [*specs, (RewardState.REJECTED, 0, ())])
    db.session.commit()
    with reading() as session:
        walked = [row.order.name for row in walk_orders(session, shop_id, Wanted(badge=Badge.HELD), 4)]
    assert sorted(walked) == sorted(f"#{number}" for number in range(1, 10))


def test_the_orders_leave_as_a_file_for_whoever_decides(app: Flask, visitor: Visitor, shop_id: int) -> None:
    past = order(3, placed_at=NOON - timedelta(days=4))
    with reading() as session:
        program.set_began(session, shop_id, NOON - timedelta(days=1), "staff:42", NOON)
    tell(shop_id, order(1), order(2, customer=None), past)
    with reading() as session:
        hire(session, shop_id, "50", Role.VIEWER)
    assert Visitor(app, staff="50").post("/orders/export").status_code == 403
    lines = visitor.post("/orders/export", {"search": "ada"}).text.removeprefix("\ufeff").splitlines()
    assert lines[0].startswith("order,order_id,placed_at,customer,email,status,tier")
    assert [row.split(",")[0] for row in lines[1:]] == ["#1001", "#1003"]
    assert lines[1].split(",")[3:] == [
        "Ada Example", "ada@example.com", "Pending", "Bronze", "200", "100.00", "100.00", "2.00", "2.00", "0.00",
        "2.00", "USD", "",
    ]  # fmt: skip
    assert lines[2].split(",")[5:] == ["Not eligible", "", "", "100.00", "", "", "", "", "", "USD", ""]
    button = Page(visitor.load("/orders").text).of("form", action="/orders/export")
    assert button
    assert not Page(Visitor(app, staff="50").load("/orders").text).of("form", action="/orders/export")


def test_orders_that_could_not_be_taken_in_are_named(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1))
    with reading() as session:
        for number, shopify_id in enumerate((BIG + 1, BIG + 2, BIG + 2, BIG + 3)):
            session.add(
                Delivery(
                    shop_id=shop_id, webhook_id=f"w{number}", topic="orders/paid", received_at=NOON, body=b"{}",
                    state=DeliveryState.HANDLED if shopify_id == BIG + 3 else DeliveryState.FAILED,
                    order_shopify_id=shopify_id, reason="Nonsense.",
                )
            )  # fmt: skip
    shown = Page(visitor.load("/orders").text)
    assert len(shown.of("a", href=f"/orders/{BIG + 2}")) == 1
    assert f"Order {BIG + 1}" not in shown.text
    assert f"Order {BIG + 3}" not in shown.text
    assert "Nonsense." in shown.text
    assert "Could not be taken in" in Page(visitor.load("/orders", badge="failed").text).text
    assert "Could not be taken in" not in Page(visitor.load("/orders", search="ada").text).text


def test_two_shops_lists_do_not_mix(app: object) -> None:
    mine, theirs = make_shop("mine.myshopify.com"), make_shop("theirs.myshopify.com")
    add_reward(mine, 1, RewardState.HELD, 0, ())
    add_reward(theirs, 2, RewardState.HELD, 0, ())
    assert [row.order.name for row in list_orders(db.session(), mine).rows] == ["#1"]
    assert [review.order.name for review in list_reviews(db.session(), theirs, WantedReviews("staff:42")).reviews] == [
        "#2"
    ]
    db.session.rollback()
