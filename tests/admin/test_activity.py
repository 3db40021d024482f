"""The audit trail: who did what to what, told in words, filtered, paged and taken away as a file."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.admin.queries.activity import Wanted, list_events
from app.admin.queries.keyset import Window
from app.db import transaction
from app.engine.audit import record
from app.engine.flows import adjust, program, review, transfer
from app.engine.flows.program import Waiting
from app.engine.rules.roles import Role
from app.engine.rules.states import TransferKind, TransferState
from app.engine.rules.terms import Mode
from app.models import AuditEvent, Customer, ReasonCode, Transfer
from tests.admin.factories import BIG, NOON, Page, Visitor, order, reading, reward_of, tell
from tests.people import hire

LATER = NOON + timedelta(days=3)


@pytest.fixture
def trail(shop_id: int) -> int:
    """Return a shop in which a reward was rejected, one approved, the mode switched, credit given, a transfer sent."""
    facts = [order(1), order(2)]
    tell(shop_id, *facts)
    first, second = reward_of(facts[0]), reward_of(facts[1])
    with transaction() as session:
        review.reject(session, shop_id, first.id, first.version, "staff:42", LATER, "Resale.")
        review.approve(session, shop_id, second.id, second.version, "staff:43", LATER)
        program.set_mode(session, shop_id, Mode.AUTOMATIC, Waiting.KEEP, "staff:42", LATER + timedelta(hours=1))
        ada = session.scalars(select(Customer.id).where(Customer.shop_id == shop_id)).one()
        adjust.propose(
            session, shop_id, ada, TransferKind.CREDIT, 777, ReasonCode.GOODWILL, "Sorry.", "staff:43",
            LATER + timedelta(hours=2), "made-up",
        )  # fmt: skip
        sent = session.scalars(select(Transfer).where(Transfer.shop_id == shop_id).order_by(Transfer.id)).first()
        assert sent is not None
        sent.state, sent.error = TransferState.REFUSED, "The account is closed."
        session.flush()
        transfer.retry(session, shop_id, sent.id, "staff:42", LATER + timedelta(hours=3))
    return shop_id


def shown(page: Page) -> list[int]:
    return [int((row["id"] or "").removeprefix("event-")) for row in page.of("tr") if row.get("id")]


def actions(shop_id: int, ids: list[int]) -> list[str]:
    with reading() as session:
        found = {row.id: row.action for row in session.scalars(select(AuditEvent).where(AuditEvent.id.in_(ids)))}
    return [found[number] for number in ids]


def test_the_trail_says_who_did_what_to_what_and_what_was_before(visitor: Visitor, trail: int) -> None:
    page = Page(visitor.load("/activity").text)
    for words in (
        "Switched the mode", "Mode Manual → Automatic", "Rejected", "Resale.", "Sam 42 Staff", "Sam 43 Staff",
        "State In review → Rejected", "Credit or debit by hand", "$7.77", "Goodwill", "Sent a transfer again",
        "State Refused → Planned", "Ada Example", "#1001",
    ):  # fmt: skip
        assert words in page.text, words
    assert page.of("a", href=f"/orders/{BIG + 1}")
    assert "{" not in page.text
    assert "_" not in page.text


def test_an_empty_trail_says_so(visitor: Visitor, shop_id: int) -> None:
    with transaction() as session:
        # The shop's first terms stand in the trail; nothing else does.
        assert session.scalars(select(AuditEvent.action)).all() == ["publish_terms"]
    assert "Published terms" in visitor.load("/activity").text
    assert "Nothing matches" in visitor.load("/activity", search="#9").text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["retry_transfer", "propose_adjustment", "set_mode", "approve", "reject", "publish_terms"]),
        ({"action": "set_mode"}, ["set_mode"]),
        ({"action": "no such action", "actor": "staff:43"}, ["propose_adjustment", "approve"]),
        ({"actor": "staff:42", "action": "reject"}, ["reject"]),
        ({"actor": "system"}, ["publish_terms"]),
        ({"search": "#1001"}, ["reject"]),
        ({"search": "1002"}, ["retry_transfer", "approve"]),
        ({"search": "ada@example.com"}, ["retry_transfer", "propose_adjustment", "approve", "reject"]),
        ({"search": "nobody"}, []),
        ({"from": "2026-03-04", "to": "2026-03-04"}, ["retry_transfer", "propose_adjustment", "set_mode", "approve",
                                                      "reject"]),
        ({"to": "2026-03-03"}, ["publish_terms"]),
        ({"before": "x"}, ["retry_transfer", "propose_adjustment", "set_mode", "approve", "reject", "publish_terms"]),
    ],
)  # fmt: skip
def test_the_trail_is_filtered(visitor: Visitor, trail: int, query: dict[str, str], found: list[str]) -> None:
    assert actions(trail, shown(Page(visitor.fetch("/activity", **query).text))) == found


def test_pages_hold_every_event_once_there_and_back(shop_id: int) -> None:
    with transaction() as session:
        for number in range(40):
            at = LATER + timedelta(minutes=number // 7)
            record(session, shop_id, "staff:7", "pause", subject=("shop", shop_id), before={}, after={}, now=at)
    with reading() as session:
        wanted = Wanted(actor="staff:7")
        everything = [row.event.id for row in list_events(session, shop_id, wanted, Window(size=99)).rows]
        page = list_events(session, shop_id, wanted, Window(size=6))
        there = [row.event.id for row in page.rows]
        while page.older:
            page = list_events(session, shop_id, wanted, Window(before=page.older, size=6))
            there += [row.event.id for row in page.rows]
        back = [row.event.id for row in page.rows]
        while page.newer:
            page = list_events(session, shop_id, wanted, Window(after=page.newer, size=6))
            back = [row.event.id for row in page.rows] + back
    assert len(everything) == 40
    assert there == back == everything


@pytest.mark.parametrize(
    ("subject", "link"),
    [
        ("terms", "/terms/7"),
        ("delivery", "/deliveries/7"),
        ("import", "/imports"),
        ("privacy_request", "/privacy"),
        ("tier_run", "/tiers"),
        ("staff", "/settings/staff"),
        ("shop", "/settings"),
    ],
)
def test_what_an_event_is_about_is_linked(visitor: Visitor, shop_id: int, subject: str, link: str) -> None:
    with transaction() as session:
        record(
            session, shop_id, "cli", "pause", subject=(subject, 7), before={}, after={"person": "staff:42"}, now=NOON
        )
    page = Page(visitor.fetch("/activity", actor="cli").text)
    assert page.of("a", href=link)
    assert "the command line" in page.text


def test_what_is_gone_is_said_to_be_gone(visitor: Visitor, shop_id: int) -> None:
    with transaction() as session:
        record(session, shop_id, "cli", "of_the_future", subject=("reward", 7), before={}, after={}, now=NOON)
    text = visitor.fetch("/activity", actor="cli").text
    assert "No longer there" in text
    assert "Something else" in text


def test_the_file_holds_what_was_asked_for_and_nothing_runs_in_it(visitor: Visitor, trail: int) -> None:
    with transaction() as session:
        reason = "=HYPERLINK(1)"
        record(
            session, trail, "staff:9", "pause", subject=("shop", trail), before={}, after={}, now=LATER, reason=reason
        )
    answer = visitor.post("/activity/export", {"actor": "staff:9"})
    head, line = answer.data.decode("utf-8-sig").splitlines()
    assert head == "event,at,actor,action,subject,subject_id,order,before,after,reason"
    assert line.endswith("'=HYPERLINK(1)")
    assert ",staff:9,pause,shop," in line
    assert "#1001" in visitor.post("/activity/export", {"search": "1001"}).text


def test_whoever_may_only_look_takes_no_file(app: Flask, trail: int) -> None:
    with transaction() as session:
        hire(session, trail, "50", Role.VIEWER)
    viewer = Visitor(app, staff="50")
    assert viewer.post("/activity/export").status_code == 403
    assert "/activity/export" not in viewer.load("/activity").text


def test_another_shops_trail_is_closed(stranger: Visitor, trail: int) -> None:
    assert shown(Page(stranger.load("/activity", action="set_mode").text)) == []
    assert shown(Page(stranger.load("/activity", search="#1001").text)) == []
    assert "staff:43" not in stranger.post("/activity/export").text
