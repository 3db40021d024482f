"""The programme's switches: three modes, pause, far expiry, uninstalling; what waits is settled afterwards, once."""

from dataclasses import asdict

import pytest
from sqlalchemy import select

from app.db import transaction
from app.engine.flows import lifecycle, program, review
from app.engine.rules.states import RewardState
from app.engine.rules.terms import Mode, Release, ReleaseKind
from app.engine.seen import ChangedMeanwhile, mark
from app.errors import NotFound
from app.models import AuditEvent, Shop, ShopToken
from tests.flows.builders import ADA, BEN, STAFF, Till, all_rows, day, line, order, reading, refund_of

ONE, TWO = order(1), order(2, customer=BEN)


def trail(shop: Till, action: str) -> list[tuple[str, dict[str, object], dict[str, object]]]:
    """Return who did this to the shop, with before and after."""
    with reading() as session:
        which = (AuditEvent.shop_id == shop.id, AuditEvent.action == action)
        rows = session.scalars(select(AuditEvent).where(*which).order_by(AuditEvent.id))
        return [(row.actor, row.before, row.after) for row in rows]


def test_switching_to_automatic_keeps_what_waits_unless_told_otherwise(manual_shop: Till) -> None:
    manual_shop.tell(ONE)
    assert manual_shop.set_mode(Mode.AUTOMATIC) == 0
    assert manual_shop.settle_due() == 0
    assert manual_shop.reward(ONE).state is RewardState.IN_REVIEW
    manual_shop.tell(TWO)
    assert manual_shop.reward(TWO).state is RewardState.SETTLED
    assert trail(manual_shop, "set_mode") == [
        (STAFF, {"mode": "manual"}, {"mode": "automatic", "released": 0}),
    ]


def test_switching_to_automatic_can_release_what_waits(manual_shop: Till) -> None:
    manual_shop.tell(ONE, TWO)
    assert manual_shop.set_mode(Mode.AUTOMATIC, program.Waiting.RELEASE) == 2
    assert manual_shop.balances() == (200, 0, 0)
    assert manual_shop.settle_due() == 2
    assert manual_shop.balances(ADA) == manual_shop.balances(BEN) == (0, 200, 0)
    assert manual_shop.transfers(ONE) == [("credit", 200)]
    assert trail(manual_shop, "set_mode")[0][2] == {"mode": "automatic", "released": 2}


def test_a_release_leaves_held_and_rejected_rewards_to_people(manual_shop: Till) -> None:
    manual_shop.tell(ONE, TWO)
    manual_shop.decide(review.hold, ONE)
    manual_shop.reject(TWO)
    assert manual_shop.set_mode(Mode.AUTOMATIC, program.Waiting.RELEASE) == 0
    assert manual_shop.settle_due() == 0
    assert manual_shop.reward(ONE).state is RewardState.HELD


def test_a_release_touches_no_other_shop(manual_shop: Till, shop: Till) -> None:
    shop.set_mode(Mode.MANUAL)
    shop.tell(ONE)
    manual_shop.tell(ONE)
    manual_shop.set_mode(Mode.AUTOMATIC, program.Waiting.RELEASE)
    assert shop.reward(ONE).state is RewardState.IN_REVIEW


def test_switching_to_manual_releases_nothing_and_touches_nothing_settled(shop: Till) -> None:
    shop.tell(ONE)
    assert shop.set_mode(Mode.MANUAL, program.Waiting.RELEASE) == 0
    assert shop.reward(ONE).state is RewardState.SETTLED
    shop.tell(TWO)
    assert shop.reward(TWO).state is RewardState.IN_REVIEW


def test_switching_to_mixed_releases_only_what_it_would_not_have_stopped(manual_shop: Till) -> None:
    manual_shop.publish(automatic_up_to_minor=200)
    small, large = order(1), order(2, line(1, 10_050), customer=BEN)
    manual_shop.tell(small, large)
    assert manual_shop.set_mode(Mode.MIXED, program.Waiting.RELEASE) == 1
    assert [manual_shop.reward(fact).state.value for fact in (small, large)] == ["pending", "in_review"]
    assert manual_shop.settle_due() == 1
    assert trail(manual_shop, "set_mode")[0][2] == {"mode": "mixed", "released": 1}


def test_in_mixed_mode_small_amounts_settle_and_large_ones_wait(shop: Till) -> None:
    shop.publish(automatic_up_to_minor=200)
    shop.set_mode(Mode.MIXED)
    small, large = order(1), order(2, line(1, 10_050), customer=BEN)
    shop.tell(small, large)
    assert [shop.reward(fact).state.value for fact in (small, large)] == ["settled", "in_review"]
    shop.approve(large)
    assert shop.balances(BEN) == (0, 201, 0)


def test_in_mixed_mode_a_chosen_tier_waits_for_nobody(shop: Till) -> None:
    shop.publish(automatic_tiers=frozenset({"Silver"}))
    shop.set_mode(Mode.MIXED)
    bronze, silver = order(1, line(1, 60_000)), order(2, on=1)
    shop.tell(bronze, silver)
    assert [shop.reward(fact).state.value for fact in (bronze, silver)] == ["in_review", "settled"]


def test_what_is_released_still_waits_for_its_day(manual_shop: Till) -> None:
    manual_shop.publish(release=Release(ReleaseKind.DAYS_AFTER_PAID, 14))
    manual_shop.tell(ONE)
    assert manual_shop.set_mode(Mode.AUTOMATIC, program.Waiting.RELEASE) == 1
    assert manual_shop.settle_due(on=14) == 0
    assert manual_shop.settle_due(on=15) == 1


def test_switching_back_to_manual_keeps_what_is_scheduled(shop: Till) -> None:
    shop.publish(release=Release(ReleaseKind.DAYS_AFTER_PAID, 14))
    shop.tell(ONE)
    shop.set_mode(Mode.MANUAL, program.Waiting.RELEASE)
    shop.tell(TWO)
    assert [shop.reward(fact).state.value for fact in (ONE, TWO)] == ["pending", "in_review"]
    assert shop.settle_due(on=15) == 1


def test_a_decision_on_a_reward_seen_before_its_release_is_refused(manual_shop: Till) -> None:
    manual_shop.tell(ONE)
    seen = manual_shop.reward(ONE).version
    manual_shop.set_mode(Mode.AUTOMATIC, program.Waiting.RELEASE)
    assert manual_shop.reward(ONE).version == seen + 1


def test_while_paused_orders_are_booked_but_nothing_settles_and_resuming_settles_it(shop: Till) -> None:
    shop.pause()
    shop.tell(ONE)
    assert shop.reward(ONE).state is RewardState.PENDING
    assert shop.settle_due() == 0
    assert shop.balances() == (200, 0, 0)
    shop.resume()
    assert shop.settle_due() == 1
    assert shop.reward(ONE).state is RewardState.SETTLED
    assert shop.transfers(ONE) == [("credit", 200)]
    assert [len(trail(shop, action)) for action in ("pause", "resume")] == [1, 1]


def test_a_refund_during_the_pause_lessens_what_settles_after_it(shop: Till) -> None:
    shop.pause()
    shop.tell(ONE, TWO)
    shop.pay_back(refund_of(ONE, money_minor=5_000), refund_of(TWO, units=1))
    shop.resume()
    assert shop.settle_due() == 1
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 100, 0), (0, 0, 0))


def test_a_pause_says_who_and_since_when_and_a_second_one_does_not_move_that(shop: Till) -> None:
    shop.pause()
    shop.run(lambda session, row: program.pause(session, row.id, "staff:8", day(9)))
    with reading() as session:
        row = session.get_one(Shop, shop.id)
        assert (row.paused_by, row.paused_at) == (STAFF, day(5))
    assert trail(shop, "pause") == [(STAFF, {"paused": False}, {"paused": True})]


def test_due_rewards_settle_in_parts_oldest_first(shop: Till) -> None:
    from app.engine.flows.settle import settle_due

    shop.pause()
    facts = [order(number, on=number) for number in range(1, 6)]
    shop.tell(*facts)
    shop.resume()
    settled = [shop.run(lambda session, row: settle_due(session, row, day(10), limit=2)) for _ in range(4)]
    assert settled == [2, 2, 1, 0]
    shop.check()
    assert shop.balances() == (0, 1_000, 0)


def test_agreeing_to_a_far_expiry_is_on_the_trail(shop: Till) -> None:
    shop.run(lambda session, row: program.set_far_expiry(session, row.id, True, STAFF, day(1)))
    assert trail(shop, "set_far_expiry") == [(STAFF, {"agreed": False}, {"agreed": True})]
    with reading() as session:
        assert session.get_one(Shop, shop.id).far_expiry_agreed


def test_a_shop_nobody_knows_is_not_found(shop: Till) -> None:
    rows = all_rows()
    with pytest.raises(NotFound):
        shop.run(lambda session, _: program.pause(session, 999, "cli", day(1)))
    with pytest.raises(NotFound):
        shop.run(lambda session, _: program.set_mode(session, 999, Mode.MANUAL, program.Waiting.KEEP, "cli", day(1)))
    assert all_rows() == rows


def test_uninstalling_forgets_the_tokens_and_keeps_the_books(shop: Till) -> None:
    shop.tell(ONE)
    with reading() as session:
        session.add(
            ShopToken(
                shop_id=shop.id, access_token="a", refresh_token="r", expires_at=day(1), refresh_expires_at=day(9),
                scope="read_orders", updated_at=day(0),
            )
        )  # fmt: skip
    shop.twice(lambda session, row, now: lifecycle.uninstall(session, row, now), day(3))
    with reading() as session:
        assert session.scalars(select(ShopToken)).all() == []
        assert session.get_one(Shop, shop.id).uninstalled_at == day(3)
    assert shop.balances() == (0, 200, 0)
    assert trail(shop, "uninstall") == [
        ("system", {"installed": True, "mode": "automatic"}, {"installed": False, "mode": "manual"})
    ]


def test_after_uninstalling_nothing_settles(shop: Till) -> None:
    shop.twice(lambda session, row, now: lifecycle.uninstall(session, row, now), day(3))
    shop.tell(ONE)
    assert shop.settle_due() == 0
    assert shop.transfers(ONE) == []


def test_what_somebody_else_changed_meanwhile_is_not_overwritten_unseen(shop: Till) -> None:
    wanted = program.Connection(reconcile_minutes=30, keep_deliveries_days=7)

    def set_connection(seen: str) -> None:
        with transaction() as session:
            program.set_connection(session, shop.id, wanted, STAFF, day(2), seen=seen)

    def set_mode(seen: str) -> None:
        with transaction() as session:
            keep = program.Waiting.KEEP
            program.set_mode(session, shop.id, Mode.MANUAL, keep, STAFF, day(2), seen=seen)

    def set_began(seen: str) -> None:
        with transaction() as session:
            program.set_began(session, shop.id, day(1), STAFF, day(2), seen=seen)

    with reading() as session:
        row = session.get_one(Shop, shop.id)
        marks = (asdict(program.get_connection(row)), {"mode": row.mode}, {"began_at": row.began_at})
    for change, shown in zip((set_connection, set_mode, set_began), map(mark, marks), strict=True):
        before = all_rows()
        with pytest.raises(ChangedMeanwhile):
            change(mark({}))
        assert all_rows() == before
        change(shown)
        with pytest.raises(ChangedMeanwhile):
            change(shown)
