"""Staff: who is here, what each may, owners who change that, and nobody who locks the shop or themselves out."""

import json
from datetime import timedelta
from typing import Any

import pytest
import responses
from sqlalchemy import select

from app.clock import utcnow
from app.config import current_settings
from app.engine.flows import staff
from app.engine.rules.roles import Role
from app.engine.rules.states import RewardState
from app.engine.seen import mark
from app.models import AuditEvent, Shop, StaffMember
from tests.admin.factories import Page, Visitor, order, reading, reward_of, tell
from tests.flows.builders import all_rows
from tests.people import CAST, hire


@pytest.fixture
def clerk(shop_id: int) -> int:
    """Hire somebody who may only look, and return the number of their row."""
    return hired(shop_id, "50", Role.VIEWER)


def hired(shop_id: int, who: str, role: Role, limit: int | None = None) -> int:
    with reading() as session:
        hire(session, shop_id, who, role, limit)
    return member(who).id


def member(who: str) -> StaffMember:
    with reading() as session:
        row = session.scalars(select(StaffMember).where(StaffMember.shopify_id == who)).one()
        session.expunge(row)
        return row


def keep_one_owner() -> None:
    """Leave only person 42 an owner."""
    with reading() as session:
        for row in session.scalars(select(StaffMember).where(StaffMember.shopify_id.in_(set(CAST) - {"42"}))):
            row.role = Role.MANAGER


def test_everybody_is_listed_with_their_role_and_limit(visitor: Visitor, shop_id: int, clerk: int) -> None:
    visitor.post("/settings/pause")
    visitor.post(f"/settings/staff/{clerk}", {"role": "approver", "limit": "5.00"})
    page = Page(visitor.load("/settings/staff").text)
    assert {"Sam 42 Staff", "Sam 50 Staff", "staff50@example.com", "Approver", "$5.00"} <= set(page.words)
    assert page.text.count("You") == 1
    assert page.of("a", href=f"/settings/staff/{clerk}")
    assert len(page.of("time")) == len(CAST) + 1 + 1, "first seen of all, last change of one"


def test_whoever_has_no_name_yet_is_asked_for_again_once_a_day_and_not_on_each_request(
    visitor: Visitor, shop_id: int, clerk: int
) -> None:
    def forget() -> None:
        with reading() as session:
            row = session.get_one(StaffMember, clerk)
            row.name, row.asked_at = None, utcnow() - timedelta(days=1, minutes=1)

    forget()
    clerks = Visitor(visitor.client.application, staff="50")
    address = f"{current_settings().admin_origin(clerks.domain)}/admin/oauth/access_token"
    with responses.RequestsMock() as shopify:
        refused = shopify.post(address, json={"error": "invalid_subject_token"}, status=400)
        assert [clerks.load("/orders").status_code for _ in range(3)] == [200] * 3
        assert (refused.call_count, member("50").name) == (1, None)
    forget()
    person = {"first_name": "Cleo", "last_name": "Clerk", "email": "cleo@example.com"}
    with responses.RequestsMock() as shopify:
        told = shopify.post(address, json={"associated_user": person})
        assert [clerks.load("/orders").status_code for _ in range(3)] == [200] * 3
        assert told.call_count == 1
    assert (member("50").name, member("50").email, member("50").role) == (
        "Cleo Clerk",
        "staff50@example.com",
        Role.VIEWER,
    )
    assert "Cleo Clerk" in Page(visitor.load("/settings/staff").text).text


def test_a_viewer_sees_the_list_and_no_form(app: Any, shop_id: int, clerk: int) -> None:
    viewer = Visitor(app, staff="50")
    for path in ("/settings/staff", f"/settings/staff/{clerk}"):
        page = Page(viewer.load(path).text)
        assert page.of("form", method="post") == []
        assert "An owner can change that." in page.text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER, Role.MANAGER])
def test_nobody_but_an_owner_changes_roles(app: Any, shop_id: int, role: Role) -> None:
    own = hired(shop_id, "60", role)
    before = all_rows()
    for path in (f"/settings/staff/{own}", "/settings/staff/newcomers"):
        answer = Visitor(app, staff="60").post(path, {"role": "owner"})
        assert answer.status_code == 403
    assert all_rows() == before


def test_an_approver_with_a_limit_is_refused_above_it(app: Any, visitor: Visitor, shop_id: int, clerk: int) -> None:
    facts = [order(number) for number in (1, 2)]
    tell(shop_id, *facts)
    one, other = map(reward_of, facts)
    answer = visitor.post(f"/settings/staff/{clerk}", {"role": "approver", "limit": "1.99"})
    assert "Saved" in answer.headers["HX-Trigger"]
    helper = Visitor(app, staff="50")
    assert helper.post(f"/reviews/{one.id}/approve", {"seen_version": one.version}).status_code in (403, 409)
    assert reward_of(facts[0]).state is RewardState.IN_REVIEW
    visitor.post(f"/settings/staff/{clerk}", {"role": "approver", "limit": "2.00"})
    assert helper.post(f"/reviews/{other.id}/approve", {"seen_version": other.version}).status_code == 200


def test_a_change_is_written_down_with_what_was_before(visitor: Visitor, clerk: int) -> None:
    visitor.post(f"/settings/staff/{clerk}", {"role": "manager"})
    with reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "set_role")).one()
        assert (event.actor, event.subject_id, event.before["role"], event.after["role"]) == (
            "staff:42",
            clerk,
            "viewer",
            "manager",
        )


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({}, "Choose a role."),
        ({"role": "emperor", "limit": "7"}, "Choose a role."),
        ({"role": "approver", "limit": "much"}, ""),
        ({"role": "approver", "limit": "-1"}, "The amount must not be negative."),
        ({"role": "approver", "limit": "1.234"}, ""),
        ({"role": "approver", "limit": "1000000.01"}, "The limit must be an amount of 0 or more"),
    ],
)
def test_what_cannot_be_taken_stays_in_the_form_with_its_sentence(
    visitor: Visitor, clerk: int, form: dict[str, str], sentence: str
) -> None:
    before = all_rows()
    answer = visitor.post(f"/settings/staff/{clerk}", form)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert sentence in page.text
    assert [one["value"] for one in page.of("input", name="limit")] == [form.get("limit", "")]
    assert "field__error" in answer.text or 'id="problem"' in answer.text
    assert visitor.post(f"/settings/staff/{clerk}", form, htmx=False).status_code == 422
    assert all_rows() == before


def test_the_last_owner_stays_one(visitor: Visitor, shop_id: int) -> None:
    keep_one_owner()
    own = member("42").id
    answer = visitor.post(f"/settings/staff/{own}", {"role": "manager", "confirmed": "true"})
    assert (answer.status_code, member("42").role) == (422, Role.OWNER)
    assert "Somebody must be the owner" in Page(answer.text).text


def test_who_gives_up_their_own_role_is_told_so_first(visitor: Visitor, shop_id: int) -> None:
    own = member("42").id
    answer = visitor.post(f"/settings/staff/{own}", {"role": "viewer"})
    assert (answer.status_code, member("42").role) == (422, Role.OWNER)
    assert "say that you know what you give up" in Page(answer.text).text
    answer = visitor.post(f"/settings/staff/{own}", {"role": "viewer", "confirmed": "true"})
    assert (answer.status_code, member("42").role) == (200, Role.VIEWER)
    assert Page(answer.text).of("form", method="post") == []


def test_a_role_changed_by_somebody_else_meanwhile_is_shown_afresh(visitor: Visitor, clerk: int) -> None:
    shown = mark(staff.what_they_are(member("50")))
    assert shown in visitor.load(f"/settings/staff/{clerk}").text
    visitor.post(f"/settings/staff/{clerk}", {"role": "approver", "limit": "5"})
    answer = visitor.post(f"/settings/staff/{clerk}", {"role": "manager", "seen": shown})
    assert (answer.status_code, member("50").role) == (409, Role.APPROVER)
    page = Page(answer.text)
    assert "Somebody changed this meanwhile" in page.text
    assert "checked" in page.of("input", name="role", value="approver")[0]
    assert page.of("input", name="limit")[0]["value"] == "5.00"


def test_newcomers_become_what_the_owner_chose(app: Any, visitor: Visitor, shop_id: int) -> None:
    assert visitor.post("/settings/staff/newcomers", {"role": "approver"}).status_code == 200
    Visitor(app, staff="70").load("/orders")
    assert member("70").role is Role.APPROVER
    for form, status in (({"role": "owner"}, 422), ({}, 422), ({"role": "viewer", "seen": "another"}, 409)):
        assert visitor.post("/settings/staff/newcomers", form).status_code == status
        assert visitor.post("/settings/staff/newcomers", form, htmx=False).status_code == status
    with reading() as session:
        assert session.get_one(Shop, shop_id).newcomers_role is Role.APPROVER


def test_people_of_another_shop_are_not_there(stranger: Visitor, clerk: int) -> None:
    assert stranger.load(f"/settings/staff/{clerk}").status_code == 404
    assert stranger.post(f"/settings/staff/{clerk}", {"role": "owner"}).status_code == 404
    assert stranger.load(f"/settings/staff/{2**63}").status_code == 404
    assert member("50").role is Role.VIEWER


def test_a_script_is_told_who_is_here(visitor: Visitor, shop_id: int, clerk: int) -> None:
    answer = visitor.client.get("/settings/staff", headers=visitor._headers(htmx=False))
    assert {"id": clerk, "name": "Sam 50 Staff", "role": "viewer", "approve_up_to_minor": None} in json.loads(
        answer.text
    )["staff"]
    answer = visitor.post(f"/settings/staff/{clerk}", {"role": "manager"}, htmx=False)
    assert json.loads(answer.text)["role"] == "manager"
