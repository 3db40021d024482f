"""The tier shown with a customer, and tiers given by hand: who has them from when on, and what they never do."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.engine.flows import tiers
from app.engine.programme import Programme
from app.engine.rules.facts import FinancialStatus, TierSource
from app.engine.rules.terms import Evaluation, Terms, Tier
from app.engine.standings import check_tiers_in_use, refresh_standings
from app.errors import Refused
from app.models import Customer, Shop, TierAssignmentRow, TierChange
from tests.flows.builders import ADA, BEN, STAFF, Till, all_rows, day, later, line, order, reading, refund_of
from tests.flows.tier_rows import assign, audit, end, ids_of, moves, people, refresh, row_of, shown
from tests.flows.tier_rows import recalculate as recalculate_all

LARGE = line(1, 50_000)


def test_the_first_order_shows_a_tier_and_logs_it_as_the_first(shop: Till) -> None:
    shop.tell(order(1, LARGE))
    assert shown(shop) == ("Silver", 50_000)
    assert moves(shop) == [(None, "Silver", "initial")]
    assert row_of(shop).tier_since == row_of(shop).tier_checked_at == day(10)


def test_an_order_moves_up_at_once_and_a_refund_down(shop: Till) -> None:
    small, large = order(1), order(2, LARGE, on=1)
    shop.tell(small, on=1)
    shop.tell(large, on=2)
    shop.pay_back(refund_of(large, units=1, on=3), on=3)
    assert shown(shop) == ("Bronze", 10_000)
    assert moves(shop) == [
        (None, "Bronze", "initial"), ("Bronze", "Silver", "upgrade"), ("Silver", "Bronze", "downgrade"),
    ]  # fmt: skip


def test_an_order_that_goes_to_another_customer_takes_its_spend_along(shop: Till) -> None:
    large = order(1, LARGE)
    shop.tell(large)
    shop.tell(later(large, customer=BEN), on=11)
    assert (shown(shop, ADA), shown(shop, BEN)) == (("Bronze", 0), ("Silver", 50_000))


def test_a_customer_who_spent_nothing_yet_is_shown_by_the_first_look(shop: Till) -> None:
    shop.tell(order(1, financial_status=FinancialStatus.PENDING))
    assert shown(shop) == (None, None)
    refresh(shop)
    assert shown(shop) == ("Bronze", 0)


def test_spend_that_moves_nobody_is_shown_and_not_logged(shop: Till) -> None:
    shop.tell(order(1), on=1)
    shop.tell(order(2, on=2), on=3)
    row = row_of(shop)
    assert (row.tier_name, row.tier_spend_minor) == ("Bronze", 20_000)
    assert (row.tier_since, row.tier_checked_at) == (day(1), day(3))
    assert len(moves(shop)) == 1


def test_what_happens_at_this_very_moment_is_shown(shop: Till) -> None:
    shop.tell(order(1, LARGE, on=10), on=10)
    assert shown(shop) == ("Silver", 50_000)


def test_the_log_says_with_which_spend_under_which_terms_and_by_whom(shop: Till) -> None:
    shop.tell(order(1, LARGE))
    refresh(shop)
    shop.publish(on=11, tiers=(Tier("Bronze", 0, 200), Tier("Silver", 60_000, 400), Tier("Gold", 150_000, 600)))
    shop.run(lambda session, row: refresh_standings(session, row, ids_of(shop), day(12), STAFF))
    with reading() as session:
        row = session.scalars(select(TierChange).order_by(TierChange.id.desc())).first()
        assert row is not None
        assert (row.before, row.after, row.spend_minor) == ("Silver", "Bronze", 50_000)
        assert (row.at, row.actor, row.terms_version) == (day(12), STAFF, 2)


def test_nobody_to_look_at_writes_nothing(shop: Till) -> None:
    shop.tell(order(1))
    rows = all_rows()
    assert shop.run(lambda session, row: refresh_standings(session, row, [], day(10))) == 0
    assert all_rows() == rows


def test_a_shops_customers_are_not_shown_by_anothers_terms(shop: Till, manual_shop: Till) -> None:
    shop.tell(order(1, LARGE))
    manual_shop.tell(order(1))
    foreign = ids_of(manual_shop)
    assert shop.run(lambda session, row: refresh_standings(session, row, foreign, day(10))) == 0
    refresh(shop)
    refresh(manual_shop)
    assert (shown(shop), shown(manual_shop)) == (("Silver", 50_000), ("Bronze", 10_000))


def test_a_tier_that_is_gone_counts_as_below_all_others(shop: Till) -> None:
    shop.tell(order(1))
    shop.run(lambda session, row: session.execute(update(Customer).values(tier_name="Copper", tier_spend_minor=10_000)))
    refresh(shop)
    assert moves(shop)[-1] == ("Copper", "Bronze", "upgrade")


def test_a_given_tier_counts_for_orders_placed_from_then_on(shop: Till) -> None:
    before, at, after = order(1, on=4), order(2, on=5), order(3, on=6)
    shop.tell(before, on=4)
    assert assign(shop, "Gold", on=5) == 1
    shop.tell(at, after)
    assert [shop.reward(fact).tier for fact in (before, at, after)] == ["Bronze", "Gold", "Gold"]
    assert moves(shop)[-1] == ("Bronze", "Gold", "manual")


def test_an_order_from_before_that_is_heard_of_late_does_not_get_the_given_tier(shop: Till) -> None:
    shop.tell(order(1, on=1))
    assign(shop, "Gold", on=5)
    late = order(2, on=4)
    shop.tell(late)
    assert shop.reward(late).tier == "Bronze"


def test_a_given_tier_ends_when_it_was_said_to_end(shop: Till) -> None:
    shop.tell(order(1))
    assign(shop, "Gold", on=5, ends_at=day(8))
    last, first = order(2, on=7), order(3, on=8)
    shop.tell(last, first)
    assert [shop.reward(fact).tier for fact in (last, first)] == ["Gold", "Bronze"]


def test_a_given_tier_never_lowers_what_the_spend_reaches(shop: Till) -> None:
    shop.tell(order(1, line(1, 150_000)))
    assign(shop, "Silver", on=5)
    after = order(2, on=6)
    shop.tell(after)
    assert (shop.reward(after).tier, shown(shop)[0]) == ("Gold", "Gold")


def test_the_spend_passes_a_given_tier_without_a_lock(shop: Till) -> None:
    shop.tell(order(1))
    assign(shop, "Silver", on=5)
    shop.tell(order(2, line(1, 150_000), on=6))
    refresh(shop)
    assert moves(shop)[-1] == ("Silver", "Gold", "upgrade")


def test_a_lock_keeps_a_customer_below_and_above_the_spend_until_it_ends(shop: Till) -> None:
    shop.tell(order(1, LARGE), order(2, on=0, customer=BEN))
    assign(shop, "Bronze", ADA, on=5, is_locked=True, ends_at=day(8))
    assign(shop, "Gold", BEN, on=5, is_locked=True, ends_at=day(8))
    locked, free = order(3, on=6), order(4, on=8)
    shop.tell(locked, free, order(5, LARGE, on=6, customer=BEN))
    assert [shop.reward(fact).tier for fact in (locked, free)] == ["Bronze", "Silver"]
    refresh(shop, on=7)
    assert [shown(shop, customer)[0] for customer in (ADA, BEN)] == ["Bronze", "Gold"]
    refresh(shop, on=8)
    assert [shown(shop, customer)[0] for customer in (ADA, BEN)] == ["Silver", "Silver"]


def test_a_new_given_tier_ends_the_one_before(shop: Till) -> None:
    shop.tell(order(1))
    assign(shop, "Gold", on=3, is_locked=True)
    assign(shop, "Silver", on=5)
    with reading() as session:
        rows = session.scalars(select(TierAssignmentRow).order_by(TierAssignmentRow.id)).all()
        told = [(row.tier_name, row.starts_at, row.ends_at, row.is_locked) for row in rows]
    assert told == [("Gold", day(3), day(5), True), ("Silver", day(5), None, False)]
    between, after = order(2, on=4), order(3, on=6)
    shop.tell(between, after)
    assert [shop.reward(fact).tier for fact in (between, after)] == ["Gold", "Silver"]


def test_who_has_exactly_this_is_passed_over_and_another_reason_is_something_new(shop: Till) -> None:
    shop.tell(order(1), order(2, customer=BEN))
    assert assign(shop, "Gold", ADA, on=3) == 1
    assert assign(shop, "Gold", ADA, BEN, on=4) == 1
    assert assign(shop, "Gold", ADA, BEN, on=5, reason="Agreed by letter.") == 2
    assert len(audit(shop, "assign_tier")) == 4


def test_ending_what_was_given_lets_the_spend_decide_again(shop: Till) -> None:
    shop.tell(order(1, LARGE), order(2, customer=BEN))
    assign(shop, "Gold", on=5, is_locked=True)
    assert end(shop, ADA, BEN, on=6) == 1
    after = order(3, on=7)
    shop.tell(after)
    assert (shop.reward(after).tier, shown(shop)[0]) == ("Silver", "Silver")
    assert moves(shop)[-1] == ("Gold", "Silver", "manual")


def test_whoever_saw_another_tier_given_changes_nothing(shop: Till) -> None:
    shop.tell(order(1))
    (ada,) = ids_of(shop, ADA)
    assign(shop, "Gold", on=3)
    with reading() as session:
        (given,) = session.scalars(select(TierAssignmentRow.id)).all()
    rows = all_rows()
    for seen in ((), (given + 1,), (given, given + 1)):
        with pytest.raises(Refused, match="changed meanwhile"):
            shop.run(lambda session, row, seen=seen: tiers.assign(
                session, row.id, [ada], "Silver", "Why.", STAFF, day(4), seen=seen
            ))  # fmt: skip
        with pytest.raises(Refused, match="changed meanwhile"):
            shop.run(lambda session, row, seen=seen: tiers.end_assignment(
                session, row.id, [ada], "Why.", STAFF, day(4), seen=seen
            ))  # fmt: skip
    assert all_rows() == rows
    give = (ada,), "Silver", "Why.", STAFF, day(4)
    assert shop.run(lambda session, row: tiers.assign(session, row.id, *give, seen={given})) == 1


def test_the_audit_has_each_customer_with_before_after_and_reason(shop: Till) -> None:
    shop.tell(order(1))
    assign(shop, "Gold", on=3, is_locked=True)
    assign(shop, "Silver", on=4, ends_at=day(9))
    end(shop, on=5)
    gold = {"tier": "Gold", "ends_at": None, "is_locked": True}
    silver = {"tier": "Silver", "ends_at": day(9).isoformat(), "is_locked": False}
    told = [(row.actor, row.subject, row.before, row.after, row.reason) for row in audit(shop, "assign_tier")]
    assert told == [
        (STAFF, "customer", {"given": []}, {"given": [gold]}, "A friend of the house."),
        (STAFF, "customer", {"given": [gold]}, {"given": [silver]}, "A friend of the house."),
    ]
    (ended,) = audit(shop, "end_tier_assignment")
    assert (ended.before, ended.after, ended.reason) == ({"given": [silver]}, {"given": []}, "It was for a month.")
    assert ended.subject_id == ids_of(shop, ADA)[0]


def test_many_are_given_a_tier_at_once(shop: Till) -> None:
    crowd = people(6)
    shop.tell(*[order(n, customer=customer) for n, customer in enumerate(crowd, start=1)])
    assert assign(shop, "Gold", *crowd, on=5) == 6
    assert {shown(shop, customer) for customer in crowd} == {("Gold", 10_000)}


def test_what_was_bought_is_not_touched_by_hand(shop: Till) -> None:
    shop.tell(order(1))
    give_row(shop, "Gold", source=TierSource.PAID)
    assert end(shop, on=6) == 0
    assign(shop, "Silver", on=6)
    refresh(shop)
    assert shown(shop)[0] == "Gold"
    with reading() as session:
        assert session.scalars(select(TierAssignmentRow.ends_at)).all() == [None, None]


def test_two_tiers_given_to_customers_who_became_one_both_end(shop: Till) -> None:
    shop.tell(order(1))
    give_row(shop, "Gold")
    give_row(shop, "Silver")
    assign(shop, "Silver", on=6)
    with reading() as session:
        ends = session.scalars(select(TierAssignmentRow.ends_at).order_by(TierAssignmentRow.id)).all()
    assert ends == [day(6), day(6), None]


def test_a_clock_that_is_behind_ends_a_tier_when_it_began(shop: Till) -> None:
    shop.tell(order(1))
    assign(shop, "Gold", on=5)
    (customer_id,) = ids_of(shop, ADA)
    behind = day(5, seconds=-1)
    shop.run(lambda session, row: tiers.assign(session, row.id, [customer_id], "Silver", "Why.", STAFF, behind))
    with reading() as session:
        rows = session.execute(select(TierAssignmentRow.starts_at, TierAssignmentRow.ends_at)).all()
    assert sorted(tuple(row) for row in rows if row.ends_at) == [(day(5), day(5))]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tier_name": "Platinum"}, "There is no tier 'Platinum'; the tiers are Bronze, Silver, Gold."),
        ({"tier_name": "gold"}, "There is no tier 'gold'"),
        ({"reason": " \x00 "}, "Say why"),
        ({"reason": "x" * 501}, "at most 500 characters"),
        ({"ends_at": day(5)}, "The end lies in the past"),
        ({"ends_at": datetime(2026, 4, 1)}, "The end needs a time zone"),  # noqa: DTZ001
        ({"ends_at": datetime(9999, 12, 31, 23, tzinfo=UTC)}, "The end is too far away"),
        ({"customer_ids": []}, "Choose at least one customer."),
        ({"shop_id": 99, "actor": "cli"}, "There is no such shop"),
    ],
    ids=str,
)
def test_what_cannot_be_given_is_refused_with_one_sentence_and_nothing_is_saved(
    shop: Till, changes: dict[str, object], sentence: str
) -> None:
    shop.tell(order(1))
    rows = all_rows()
    values = {
        "shop_id": shop.id, "customer_ids": ids_of(shop), "tier_name": "Gold", "reason": "Why.", "actor": STAFF,
        "now": day(5), **changes,
    }  # fmt: skip
    with pytest.raises(Refused, match=sentence):
        shop.run(lambda session, row: tiers.assign(session, **values))  # type: ignore[arg-type]
    assert all_rows() == rows


def test_one_customer_who_is_not_there_refuses_them_all(shop: Till, manual_shop: Till) -> None:
    shop.tell(order(1), order(2, customer=BEN))
    manual_shop.tell(order(1))
    (foreign,) = ids_of(manual_shop)
    ada, ben = ids_of(shop, ADA, BEN)
    gone = update(Customer).where(Customer.id == ben).values(deleted_at=day(3))
    shop.run(lambda session, row: session.execute(gone))
    rows = all_rows()
    for stranger in (foreign, 99_999, ben):
        for verb in (
            lambda session, row, who: tiers.assign(session, row.id, [ada, who], "Gold", "Why.", STAFF, day(5)),
            lambda session, row, who: tiers.end_assignment(session, row.id, [ada, who], "Why.", STAFF, day(5)),
        ):
            with pytest.raises(Refused, match=f"Not in this shop, or deleted: customer {stranger}"):
                shop.run(lambda session, row, verb=verb, who=stranger: verb(session, row, who))
    assert all_rows() == rows


def test_a_tier_that_somebody_has_or_is_given_cannot_be_left_out(shop: Till, manual_shop: Till) -> None:
    shop.tell(order(1, LARGE), order(2, LARGE, customer=BEN))
    manual_shop.tell(order(1, line(1, 150_000)))
    refresh(shop)
    refresh(manual_shop)
    assign(shop, "Gold", on=5, ends_at=day(12))
    bronze = (Tier("Bronze", 0, 200),)

    def problems(now: datetime, *tiers_left: Tier) -> list[str]:
        return shop.run(
            lambda session, row: check_tiers_in_use(session, row.id, with_tiers(session, row, tiers_left), now)
        )

    assert problems(day(11), *bronze) == [
        f"The tier {name} cannot be left out while it is in use (customers who have it: 1; assignments that give it:"
        f" {given}). Keep it under this name, or first raise its threshold, end its assignments and recalculate."
        for name, given in (("'Gold'", 1), ("'Silver'", 0))
    ]
    assert problems(day(11), *bronze, Tier("Silver", 9, 1), Tier("Gold", 99, 1)) == []
    refresh(shop, on=12)
    (silver,) = problems(day(12), *bronze)
    assert "customers who have it: 2;" in silver
    shop.publish(on=12, tiers=(*bronze, Tier("Silver", 99_000, 1), Tier("Gold", 100_000, 1)))
    recalculate_all(shop, on=13)
    assert problems(day(13), *bronze) == []


def test_a_tier_kept_until_the_evaluation_is_shown_until_then(shop: Till) -> None:
    shop.publish(on=-1, tier_evaluation=Evaluation.MONTHLY)
    large = order(1, LARGE, on=1)
    shop.tell(large)
    shop.pay_back(refund_of(large, units=1, on=3))
    refresh(shop, on=20)
    assert shown(shop) == ("Silver", 0)
    refresh(shop, on=31)
    assert shown(shop) == ("Bronze", 0)


def with_tiers(session: Session, row: Shop, tiers_left: Sequence[Tier]) -> Terms:
    """Return the shop's terms with other tiers."""
    return replace(Programme(session, row).at(day(0)), tiers=tuple(tiers_left))


def give_row(shop: Till, tier: str, source: TierSource = TierSource.MANUAL) -> None:
    """Give Ada a tier that no flow gives: a bought one, or one that came along with a merged customer."""
    (customer_id,) = ids_of(shop, ADA)
    row = TierAssignmentRow(
        shop_id=shop.id, customer_id=customer_id, tier_name=tier, source=source, is_locked=False,
        starts_at=day(2), ends_at=None, reason="Bought.", given_by="system", given_at=day(2),
    )  # fmt: skip
    shop.run(lambda session, _: session.add(row))
