"""Who works with the app: they come, are given a role and a limit, and nobody is left without an owner."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db, transaction
from app.engine.flows import program, staff
from app.engine.rules.roles import Duty, Role, StaffTold
from app.engine.seen import ChangedMeanwhile, mark
from app.engine.staffing import check_may
from app.errors import NotAllowed, NotFound, Refused
from app.models import AuditEvent, Shop, StaffMember

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWNER, HELP = StaffTold("Olivia Owner", "olivia@example.com", is_account_owner=True), StaffTold("Hal Help", None)


@pytest.fixture
def shop_id(app: Flask) -> Iterator[int]:
    """Return a shop that nobody has opened the app in yet."""
    with app.app_context():
        with transaction() as session:
            shop = Shop(domain="made-up.myshopify.com", name="Made up", currency="USD", installed_at=NOW)
            session.add(shop)
            session.flush()
            shop_id = shop.id
        yield shop_id
        db.session.remove()


def come(shop_id: int, who: str, told: StaffTold | None = HELP) -> Role:
    with transaction() as session:
        return staff.arrive(session, shop_id, who, told, NOW).role


def give(shop_id: int, who: str, role: Role, limit: int | None = None, **seen: str) -> None:
    with transaction() as session:
        staff.set_role(session, shop_id, who, role, limit, "staff:1", NOW, **seen)


def row_of(shop_id: int, who: str) -> StaffMember:
    with transaction() as session:
        found = session.scalars(
            select(StaffMember).where(StaffMember.shop_id == shop_id, StaffMember.shopify_id == who)
        ).one()
        session.expunge(found)
        return found


def trail(shop_id: int) -> list[tuple[str, str]]:
    with transaction() as session:
        rows = session.scalars(select(AuditEvent).where(AuditEvent.shop_id == shop_id).order_by(AuditEvent.id))
        return [(row.actor, row.action) for row in rows]


def test_whoever_comes_first_is_an_owner_and_the_others_are_newcomers(shop_id: int) -> None:
    assert [come(shop_id, "1", None), come(shop_id, "2"), come(shop_id, "3", OWNER)] == [
        Role.OWNER,
        Role.VIEWER,
        Role.OWNER,
    ]
    assert (row_of(shop_id, "1").name, row_of(shop_id, "3").name) == (None, "Olivia Owner")
    assert trail(shop_id) == [("system", "arrive")] * 3


def test_coming_again_changes_nothing(shop_id: int) -> None:
    come(shop_id, "1", OWNER)
    come(shop_id, "2")
    assert come(shop_id, "2", OWNER) is Role.VIEWER
    assert len(trail(shop_id)) == 2


def learn(shop_id: int, who: str, told: StaffTold | None, now: datetime = NOW) -> None:
    with transaction() as session:
        staff.learn(session, shop_id, who, told, now)


def test_a_name_that_was_not_told_at_first_is_asked_for_again_on_another_day(shop_id: int) -> None:
    come(shop_id, "1", None)
    almost, later = NOW + staff.ASK_EVERY - timedelta(seconds=1), NOW + staff.ASK_EVERY
    assert [staff.is_to_be_asked_for(row_of(shop_id, "1"), at) for at in (NOW, almost, later)] == [False, False, True]
    learn(shop_id, "1", None, later)
    assert not staff.is_to_be_asked_for(row_of(shop_id, "1"), later)
    for _ in range(2):
        learn(shop_id, "1", OWNER, later + staff.ASK_EVERY)
    row = row_of(shop_id, "1")
    assert (row.name, row.email, row.role) == ("Olivia Owner", "olivia@example.com", Role.OWNER)
    assert not staff.is_to_be_asked_for(row, later + 9 * staff.ASK_EVERY)
    assert trail(shop_id) == [("system", "arrive")]


def test_who_came_before_it_was_written_down_is_asked_for_at_once(shop_id: int) -> None:
    come(shop_id, "1", None)
    with transaction() as session:
        session.scalars(select(StaffMember)).one().asked_at = None
    assert staff.is_to_be_asked_for(row_of(shop_id, "1"), NOW)


def test_what_is_told_later_changes_neither_a_known_name_nor_the_role(shop_id: int) -> None:
    come(shop_id, "1")
    come(shop_id, "2")
    learn(shop_id, "2", OWNER)
    row = row_of(shop_id, "2")
    assert (row.name, row.email, row.role) == ("Hal Help", "olivia@example.com", Role.VIEWER)
    with pytest.raises(NotFound):
        learn(shop_id, "3", HELP)


def test_two_who_come_first_at_once_are_one_owner(shop_id: int, app: Flask) -> None:
    def enter(who: str) -> None:
        with app.app_context():
            come(shop_id, who)
            db.session.remove()

    doors = [threading.Thread(target=enter, args=(str(who),)) for who in range(6)]
    for door in doors:
        door.start()
    for door in doors:
        door.join()
    with transaction() as session:
        roles = [one.role for one in staff.list_staff(session, shop_id)]
    assert sorted(roles) == ["owner", *["viewer"] * 5]


def test_newcomers_become_what_the_owner_says(shop_id: int) -> None:
    come(shop_id, "1", OWNER)
    for _ in range(2):
        with transaction() as session:
            staff.set_newcomers_role(session, shop_id, Role.APPROVER, "staff:1", NOW)
    assert come(shop_id, "2") is Role.APPROVER
    assert [action for _, action in trail(shop_id)] == ["arrive", "set_newcomers_role", "arrive"]


def test_newcomers_are_never_owners(shop_id: int) -> None:
    with transaction() as session, pytest.raises(Refused, match="cannot be owners"):
        staff.set_newcomers_role(session, shop_id, Role.OWNER, "cli", NOW)


def test_a_role_is_given_with_a_limit_that_only_approvers_keep(shop_id: int) -> None:
    come(shop_id, "1", OWNER)
    come(shop_id, "2")
    give(shop_id, "2", Role.APPROVER, 500)
    give(shop_id, "2", Role.APPROVER, 500)
    assert (row_of(shop_id, "2").role, row_of(shop_id, "2").approve_up_to_minor) == (Role.APPROVER, 500)
    give(shop_id, "2", Role.MANAGER, 500)
    assert row_of(shop_id, "2").approve_up_to_minor is None
    with transaction() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
        assert event.before == {"role": "approver", "approve_up_to_minor": 500}
        assert event.after == {"role": "manager", "approve_up_to_minor": None, "person": "staff:2"}
    assert [action for _, action in trail(shop_id)].count("set_role") == 2


@pytest.mark.parametrize("limit", [-1, staff.LARGEST_LIMIT_MINOR + 1])
def test_a_limit_outside_of_what_is_sensible_is_refused(shop_id: int, limit: int) -> None:
    come(shop_id, "1", OWNER)
    with pytest.raises(Refused, match="0 or more"):
        give(shop_id, "1", Role.APPROVER, limit)


def test_somebody_stays_the_owner(shop_id: int) -> None:
    come(shop_id, "1", OWNER)
    come(shop_id, "2")
    with pytest.raises(Refused, match="Somebody must be the owner"):
        give(shop_id, "1", Role.MANAGER)
    give(shop_id, "2", Role.OWNER)
    give(shop_id, "1", Role.MANAGER)
    with pytest.raises(NotAllowed):
        give(shop_id, "1", Role.OWNER)


def test_only_who_has_been_here_can_have_a_role_or_a_language(shop_id: int) -> None:
    come(shop_id, "1", OWNER)
    with pytest.raises(NotFound):
        give(shop_id, "2", Role.MANAGER)
    with transaction() as session, pytest.raises(NotFound):
        staff.set_language(session, shop_id, "2", "de")
    with transaction() as session, pytest.raises(NotFound):
        staff.arrive(session, shop_id + 1, "2", None, NOW)


def test_everybody_reads_in_the_language_they_chose(shop_id: int) -> None:
    come(shop_id, "1", OWNER)
    for language in ("de", None):
        with transaction() as session:
            staff.set_language(session, shop_id, "1", language)
        assert row_of(shop_id, "1").language == language
    with transaction() as session, pytest.raises(Refused, match="Choose one of these languages"):
        staff.set_language(session, shop_id, "1", "tlh")


def test_what_somebody_else_changed_meanwhile_is_not_overwritten_unseen(shop_id: int) -> None:
    come(shop_id, "1", OWNER)
    come(shop_id, "2")
    shown = mark(staff.what_they_are(row_of(shop_id, "2")))
    give(shop_id, "2", Role.APPROVER, 500, seen=shown)
    with pytest.raises(ChangedMeanwhile):
        give(shop_id, "2", Role.MANAGER, seen=shown)
    with transaction() as session, pytest.raises(ChangedMeanwhile):
        staff.set_newcomers_role(session, shop_id, Role.APPROVER, "staff:1", NOW, seen=mark({"role": "manager"}))
    with transaction() as session:
        staff.set_newcomers_role(session, shop_id, Role.APPROVER, "staff:1", NOW, seen=mark({"role": Role.VIEWER}))
    assert row_of(shop_id, "2").role is Role.APPROVER


def test_whoever_never_opened_the_app_may_do_nothing(shop_id: int) -> None:
    with pytest.raises(NotAllowed, match="you have none yet"), transaction() as session:
        check_may(session, shop_id, "staff:nobody", Duty.DECIDE)


def test_the_beginning_of_the_programme_needs_a_time_zone(shop_id: int) -> None:
    with pytest.raises(Refused, match="with its time zone"), transaction() as session:
        program.set_began(session, shop_id, datetime(2026, 1, 1), "cli", NOW)  # noqa: DTZ001 - that is what is refused
