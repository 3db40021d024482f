"""The report of calculations: also what earned nothing, was cut, set by hand or taken back."""

from datetime import timedelta

import pytest
from flask import Flask

from app.admin.queries.calculations import Outcome, Wanted, list_calculations, list_tiers
from app.admin.queries.keyset import Window
from app.db import transaction
from app.engine.flows import review
from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.facts import RefundFact, RefundLine
from app.engine.rules.roles import Role
from tests.admin.factories import BIG, NOON, Page, Visitor, line, order, publish, reading, reward_of, tell
from tests.people import hire


@pytest.fixture
def report(shop_id: int) -> int:
    """Return a shop with an order as usual, a test order, one below a cap, one set by hand, and one of nobody's."""
    publish(shop_id, cap_per_order_minor=300)
    by_hand = order(4, line(net_minor=5_000))
    tell(
        shop_id, order(1), order(2, is_test=True), order(3, line(net_minor=100_000)), by_hand,
        order(5, customer=None),
    )  # fmt: skip
    reward = reward_of(by_hand)
    with transaction() as session:
        review.adjust(session, shop_id, reward.id, reward.version, 50, "Half of it.", "staff:42", NOON)
    return shop_id


def shown(page: Page) -> set[str]:
    return {word.strip() for word in page.words if word.strip().startswith("#10")}


def test_a_calculation_says_what_made_it_and_what_cut_it(visitor: Visitor, report: int) -> None:
    text = Page(visitor.load("/calculations").text).text
    for words in ("Test orders earn nothing.", "Cap per order", "$3.00", "set by Sam 42 Staff", "Ada Example",
                  "No account", "Bronze", "Not eligible"):  # fmt: skip
        assert words in text, words


def test_a_report_of_nothing_says_so(visitor: Visitor) -> None:
    assert "Nothing is calculated yet" in visitor.load("/calculations").text
    assert "No calculation matches" in visitor.load("/calculations", tier="Gold").text


@pytest.mark.parametrize(
    ("query", "orders"),
    [
        ({}, {"#1001", "#1002", "#1003", "#1004", "#1005"}),
        ({"outcome": "cut"}, {"#1003"}),
        ({"outcome": "nothing"}, {"#1002"}),
        ({"outcome": "by-hand"}, {"#1004"}),
        ({"outcome": "no such outcome"}, {"#1001", "#1002", "#1003", "#1004", "#1005"}),
        ({"reason": "test_order"}, {"#1002"}),
        ({"reason": "b2b"}, set()),
        ({"tier": "No such tier"}, set()),
        ({"outcome": "cut", "tier": "No such tier"}, set()),
        ({"from": "2026-03-02", "to": "2026-03-02"}, {"#1001", "#1002", "#1003", "#1004", "#1005"}),
        ({"from": "2026-03-03"}, set()),
        ({"outcome": "nothing", "to": "2026-03-01"}, set()),
    ],
)
def test_the_report_is_filtered(visitor: Visitor, report: int, query: dict[str, str], orders: set[str]) -> None:
    assert shown(Page(visitor.fetch("/calculations", **query).text)) == orders


def test_what_was_taken_back_is_told(visitor: Visitor, report: int) -> None:
    at = NOON + timedelta(hours=3)
    tell(report, RefundFact(BIG + 9, BIG + 1, at, (RefundLine(BIG + 1, 1, 10_000),), 10_000))
    (row,) = [one for one in read(report, Wanted()) if one.order.name == "#1001"]
    assert row.reward.kept_minor == 0
    assert row.reward.reversed_minor == row.reward.granted_minor > 0


def test_what_was_rejected_is_not_kept(visitor: Visitor, report: int) -> None:
    reward = reward_of(order(1))
    with transaction() as session:
        review.reject(session, report, reward.id, reward.version, "staff:42", NOON, "Resale.")
    (row,) = [one for one in read(report, Wanted()) if one.order.name == "#1001"]
    assert (row.reward.granted_minor, row.kept_minor) == (200, 0)


def read(shop_id: int, wanted: Wanted, size: int = 99):  # type: ignore[no-untyped-def]  # a tuple of rows
    with reading() as session:
        rows = list_calculations(session, shop_id, wanted, Window(size=size)).rows
        for row in rows:
            session.refresh(row.reward)
            session.refresh(row.order)
        session.expunge_all()
    return rows


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(outcome=Outcome.NOTHING), Wanted(tier="Bronze")])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_pages_hold_every_calculation_once_there_and_back(report: int, wanted: Wanted, size: int) -> None:
    tell(report, *(order(number, is_test=number % 2 == 0) for number in range(10, 15)))
    with reading() as session:
        everything = [row.reward.id for row in list_calculations(session, report, wanted, Window(size=99)).rows]
        page = list_calculations(session, report, wanted, Window(size=size))
        there = [row.reward.id for row in page.rows]
        while page.older:
            page = list_calculations(session, report, wanted, Window(before=page.older, size=size))
            there += [row.reward.id for row in page.rows]
        back = [row.reward.id for row in page.rows]
        while page.newer:
            page = list_calculations(session, report, wanted, Window(after=page.newer, size=size))
            back = [row.reward.id for row in page.rows] + back
    assert len(everything) == len(set(everything)) > 1
    assert there == back == everything


def test_every_tier_that_gave_a_rate_is_offered_once(report: int, other_shop_id: int) -> None:
    with reading() as session:
        assert "Bronze" in list_tiers(session, report)
        assert len(list_tiers(session, report)) == len(set(list_tiers(session, report)))
        assert list_tiers(session, other_shop_id) == []


def test_the_file_has_amounts_in_digits_and_says_why_nothing(visitor: Visitor, report: int) -> None:
    answer = visitor.post("/calculations/export", {"outcome": "nothing"})
    head, row = answer.data.decode("utf-8-sig").splitlines()
    cells = dict(zip(head.split(","), row.split(","), strict=True))
    assert (cells["order"], cells["granted"], cells["currency"]) == ("#1002", "0.00", "USD")
    assert cells["why_nothing"] == IneligibleReason.TEST_ORDER.value
    cut = visitor.post("/calculations/export", {"outcome": "cut"}).text
    assert ",cap," in cut


def test_whoever_may_only_look_takes_no_file(app: Flask, report: int) -> None:
    with transaction() as session:
        hire(session, report, "50", Role.VIEWER)
    assert Visitor(app, staff="50").post("/calculations/export").status_code == 403


def test_another_shops_report_is_closed(stranger: Visitor, report: int) -> None:
    assert shown(Page(stranger.load("/calculations").text)) == set()
    assert "#1001" not in stranger.post("/calculations/export").text
