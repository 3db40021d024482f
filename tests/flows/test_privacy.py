"""A walk through all tables: after a redaction no column names the person, and the books are as they were."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db, transaction
from app.engine.flows import earn, privacy, refund
from app.engine.redaction import REMOVED
from app.engine.rules.roles import Role
from app.engine.rules.terms import Mode
from app.models import (
    Adjustment,
    AuditEvent,
    Customer,
    Delivery,
    DeliveryState,
    Order,
    PrivacyRequest,
    Reward,
    Shop,
    StaffMember,
    TierAssignmentRow,
)
from tests.flows.builders import ADA, BIG, Till, all_rows, books, day, order, reading, refund_of
from tests.flows.person import GUESTS, find_person, scatter, uninstall_for_good
from tests.people import CAST

PLACES = {
    "adjustments", "audit_events", "customer_tags", "customers", "inbox", "mail_stops", "mails", "orders",
    "privacy_requests", "refunds", "rewards", "tier_assignments",
}  # fmt: skip


@pytest.fixture(params=list(Mode))
def till(app: Flask, request: pytest.FixtureRequest) -> Iterator[Till]:
    """Return a shop in each mode."""
    with app.app_context():
        yield Till("any-mode.myshopify.com", mode=request.param)
        db.session.remove()


def forget(till: Till) -> int:
    """Forget Ada, twice."""
    ids = [GUESTS.order_id]
    return till.twice(lambda session, shop, now: privacy.redact(session, shop.id, ADA.customer_id, ids, now), day(30))


def forget_all(till: Till, rounds: int = 20) -> int:
    """Forget everybody in the shop, batch after batch; return how many batches it took."""
    for number in range(rounds):
        if not till.run(lambda session, shop: privacy.redact_shop(session, shop, day(31))):
            return number
    raise AssertionError("It never ends.")


def test_the_walk_finds_the_person_in_every_place_before(manual_shop: Till) -> None:
    scatter(manual_shop)
    assert {kept.table for kept in find_person()} == PLACES


def test_no_column_of_any_table_names_a_customer_who_was_forgotten(till: Till) -> None:
    scatter(till)
    before = books(till)
    assert forget(till) == 5
    # What waits is handled first, and goes with its handling.
    left = [kept for kept in find_person() if "received" not in kept.row]
    assert left == []
    assert books(till) == before


def test_staff_is_forgotten_with_the_shop_and_keeps_its_roles(manual_shop: Till) -> None:
    uninstall_for_good(manual_shop)
    forget_all(manual_shop)
    with reading() as session:
        rows = session.scalars(select(StaffMember).order_by(StaffMember.id)).all()
        assert {(row.name, row.email, row.role) for row in rows} == {(None, None, Role.OWNER)}
        assert len(rows) == len(CAST)


def test_others_are_not_forgotten_with_them(shop: Till) -> None:
    scatter(shop)
    forget(shop)
    with reading() as session:
        named = session.scalars(select(Customer.name).where(Customer.name.is_not(None))).all()
        assert named == ["Ben Example"]


def test_what_staff_wrote_goes_in_the_row_in_the_explanation_and_in_the_audit_alike(manual_shop: Till) -> None:
    scatter(manual_shop)
    forget(manual_shop)
    with reading() as session:
        reward = session.scalars(select(Reward).where(Reward.adjusted_minor.is_not(None))).one()
        assert reward.adjusted_reason == REMOVED
        assert [step["reason"] for step in reward.steps if step["kind"] == "adjusted"] == [REMOVED]
        assert session.scalars(select(Adjustment.note)).one() == REMOVED
        assert session.scalars(select(TierAssignmentRow.reason)).one() == REMOVED
        assert set(session.scalars(select(AuditEvent.reason).where(AuditEvent.reason.is_not(None)))) == {REMOVED}


def test_a_reward_that_is_aimed_at_again_keeps_its_removed_reason(manual_shop: Till) -> None:
    scatter(manual_shop)
    forget(manual_shop)
    note = [refund_of(order(31), 2, money_minor=100, note="Ring Ada Example again")]
    manual_shop.run(lambda session, shop: refund.record_refunds(session, shop, note, day(32)))
    assert [kept for kept in find_person() if "received" not in kept.row] == []
    manual_shop.check()


def test_refunds_of_others_keep_their_notes(shop: Till) -> None:
    scatter(shop)
    forget(shop)
    note = [refund_of(order(35), 2, money_minor=100, note="Damaged")]
    shop.run(lambda session, row: refund.record_refunds(session, row, note, day(32)))
    with reading() as session:
        facts = session.scalars(select(Order.shopify_id).where(Order.shopify_id == BIG + 35)).all()
        assert facts
    assert any("Damaged" in row for name, row in all_rows() if name == "refunds")


def test_bodies_go_and_failed_ones_cannot_be_replayed_any_more(shop: Till) -> None:
    scatter(shop)
    forget(shop)
    with reading() as session:
        rows = session.scalars(select(Delivery).order_by(Delivery.id)).all()
        states = {row.state: (bool(row.body), row.pruned_at is not None, row.reason) for row in rows}
    assert states == {
        DeliveryState.RECEIVED: (True, False, None),
        DeliveryState.HANDLED: (False, True, None),
        DeliveryState.FAILED: (False, True, REMOVED),
        DeliveryState.IGNORED: (False, True, None),
    }


def test_somebody_unknown_can_be_forgotten(shop: Till) -> None:
    assert forget(shop) == 0
    with reading() as session:
        assert session.scalars(select(Customer.redacted_at)).all() == [day(30)]


def test_a_shop_that_is_gone_forgets_everybody_and_keeps_its_books(till: Till) -> None:
    scatter(till)
    before = books(till)
    uninstall_for_good(till)
    assert forget_all(till) >= 3
    assert find_person() == []
    with reading() as session:
        assert session.scalars(select(Customer.name).where(Customer.name.is_not(None))).all() == []
        row = session.get_one(Shop, till.id)
        assert (row.name, row.redacted_at) == (row.domain, day(31))
        assert session.scalars(select(Delivery.body).where(Delivery.body != b"")).all() == []
        assert session.scalars(select(Delivery.state).where(Delivery.state == DeliveryState.RECEIVED)).all() == []
        assert session.scalars(select(PrivacyRequest.done_at).where(PrivacyRequest.key == "shop:1")).one() == day(31)
        names = session.execute(select(Order.name, Order.shopify_id, Order.fact["name"].astext)).all()
        assert all(name == told == f"#{number}" for name, number, told in names)
    assert books(till) == before
    till.check()


def test_forgetting_a_shop_goes_on_where_it_was_stopped_and_ends(shop: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    scatter(shop)
    uninstall_for_good(shop)
    monkeypatch.setattr(privacy, "BATCH", 1)
    rounds = forget_all(shop)
    # Six orders and four bodies one by one, all mails in one batch, and the rest.
    assert rounds == 6 + 4 + 1 + 1
    rows = all_rows()
    assert forget_all(shop) == 0
    assert all_rows() == rows
    with reading() as session:
        assert privacy.list_shops_to_redact(session) == []


def test_a_shop_that_comes_back_after_it_was_forgotten_is_told_its_customers_anew(shop: Till) -> None:
    scatter(shop)
    uninstall_for_good(shop)
    with reading() as session:
        assert privacy.list_shops_to_redact(session) == [shop.id]
    forget_all(shop)
    with transaction() as session:
        session.get_one(Shop, shop.id).uninstalled_at = None
    fact = order(50, on=40)
    shop.run(lambda session, row: earn.record_orders(session, row, [fact], day(40)))
    with reading() as session:
        ada = session.scalars(select(Customer).where(Customer.shopify_id == ADA.customer_id)).one()
        assert (ada.name, ada.redacted_at) == ("Ada Example", None)
    shop.check()
