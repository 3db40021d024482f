"""Customers who are deleted, and two who are made one: every cent stays somebody's, whichever news comes first."""

from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.due_transfers import claim_next
from app.engine.flows import adjust, claims, customers, merges, moves, review, transfer
from app.engine.rules.facts import (
    CreditMove,
    CustomerFact,
    CustomerGone,
    CustomersMerged,
    CustomerTold,
    MoveKind,
    OrderFact,
)
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import RewardState, TransferKind
from app.engine.rules.terms import HoldRules, Limits, Mode, Release, ReleaseKind
from app.models import Adjustment, Customer, LedgerEntry, ReasonCode, Shop, TierAssignmentRow, Transfer
from tests.flows.builders import ADA, BEN, BIG, STAFF, Till, all_rows, day, later, line, order, reading, refund_of

CID = CustomerFact(BIG + 703, "cid@example.com", "Cid Example")
PAID = order(1)
SCHEDULED = Release(ReleaseKind.DAYS_AFTER_PAID, 30)


def merge(shop: Till, *facts: CustomersMerged, on: int = 10) -> None:
    """Tell of merges, all in one batch."""
    shop.twice(lambda session, row, now: merges.record_merges(session, row, facts, now), day(on))


def merged(gone: CustomerFact = ADA, kept: CustomerFact = BEN, on: int = 5) -> CustomersMerged:
    return CustomersMerged(kept.customer_id, gone.customer_id, day(on))


def delete(shop: Till, *who: CustomerFact, on: int = 10) -> None:
    facts = [CustomerGone(each.customer_id, day(on)) for each in who]
    shop.twice(lambda session, row, now: customers.record_deleted(session, row, facts, now), day(on))


def send(shop: Till, most_minor: int | None = None) -> None:
    """Carry out the planned transfers, debits as far as the account has so much."""
    while claim := shop.run(lambda session, _: claim_next(session, shop.id, day(20), 30)):
        amount = claim.amount_minor
        if most_minor is not None and claim.kind is TransferKind.DEBIT:
            amount = min(most_minor, amount)
        if amount == 0:
            shop.run(lambda session, _, c=claim: transfer.mark_not_applicable(session, c, day(20)))
            continue
        shop.run(lambda session, _, c=claim, a=amount: transfer.mark_sending(session, c, 0, a, day(20)))
        gid = f"gid://shopify/StoreCreditAccountTransaction/{claim.transfer_id}"
        shop.run(lambda session, _, c=claim, gid=gid: transfer.confirm(session, c, gid, 0, day(20)))
    shop.check()


def refuse(shop: Till) -> None:
    """Let Shopify refuse the next transfer."""
    claim = shop.run(lambda session, _: claim_next(session, shop.id, day(20), 30))
    assert claim is not None
    shop.run(lambda session, _: transfer.refuse(session, claim, "Shopify no longer knows this customer."))


def spend(shop: Till, amount_minor: int, who: CustomerFact = ADA, on: int = 3) -> None:
    """Let a customer spend credit at the checkout, heard of like a bank statement."""
    move = CreditMove(f"move:{who.customer_id}:{on}", who.customer_id, MoveKind.REDEMPTION, amount_minor, day(on))
    shop.twice(lambda session, row, now: moves.record_moves(session, row, [move], now), day(10))


def state(shop: Till, fact: OrderFact = PAID) -> RewardState:
    return shop.reward(fact).state


def transfers(shop: Till) -> list[tuple[int, str, int, str]]:
    """Return whose, kind, what is left and state of every transfer."""
    with reading() as session:
        rows = session.execute(
            select(Customer.shopify_id, Transfer)
            .join(Customer, Customer.id == Transfer.customer_id)
            .where(Transfer.shop_id == shop.id)
            .order_by(Transfer.id)
        )
        return [(whose - BIG, row.kind.value, row.left_minor, row.state.value) for whose, row in rows]


def hear(shop: Till, **changes: Any) -> tuple[str | None, str | None, list[str] | None]:
    """Tell a version of Ada's account; return what is remembered of her."""
    values = {"email": ADA.email, "verified_email": True, "name": ADA.name, "tags": None, **changes}
    told = CustomerTold(ADA.customer_id, created_at=day(0), updated_at=day(4), **values)
    shop.twice(lambda session, row, now: customers.record_customers(session, row, [told], now), day(10))
    with reading() as session:
        row = session.scalars(select(Customer).where(Customer.shopify_id == ADA.customer_id)).one()
        return row.name, row.email, row.tags


# Told


def test_the_newest_word_about_a_customer_is_remembered_and_tags_only_where_they_are_told(shop: Till) -> None:
    assert hear(shop) == ("Ada Example", "ada@example.com", None)
    assert hear(shop, tags=("vip",), name="Ada Married") == ("Ada Married", "ada@example.com", ["vip"])
    assert hear(shop, name=None, email=None) == (None, None, ["vip"])
    assert hear(shop, tags=()) == ("Ada Example", "ada@example.com", [])


def test_of_several_versions_in_a_batch_the_newest_counts(shop: Till) -> None:
    words = [
        CustomerTold(ADA.customer_id, "ada@example.com", True, name, None, day(0), day(on))
        for on, name in ((3, "Newest"), (1, "Oldest"), (2, "Between"))
    ]
    shop.twice(lambda session, row, now: customers.record_customers(session, row, words, now), day(10))
    with reading() as session:
        assert session.scalars(select(Customer.name)).one() == "Newest"


# Deleted


def test_what_was_not_settled_when_its_customer_was_deleted_is_void(manual_shop: Till) -> None:
    held = order(2, on=1)
    manual_shop.tell(PAID, held)
    manual_shop.decide(review.hold, held)
    delete(manual_shop, ADA)
    assert (state(manual_shop), state(manual_shop, held)) == (RewardState.VOIDED, RewardState.VOIDED)
    assert manual_shop.balances() == (0, 0, 0)
    assert manual_shop.entries(PAID) == [EntryKind.ACCRUAL, EntryKind.VOID]


def test_what_was_settled_stays(shop: Till) -> None:
    shop.tell(PAID)
    delete(shop, ADA)
    assert (state(shop), shop.balances()) == (RewardState.SETTLED, (0, 200, 0))


@pytest.mark.parametrize("mode", Mode)
def test_orders_of_a_deleted_customer_earn_nothing_whenever_they_are_told(shop: Till, mode: Mode) -> None:
    shop.set_mode(mode)
    delete(shop, ADA)
    shop.tell(PAID)
    shop.tell(later(PAID, tags=("any",)))
    assert (state(shop), shop.kept(PAID), shop.balances()) == (RewardState.VOIDED, 0, (0, 0, 0))


def test_a_refund_told_after_the_deletion_takes_back_what_was_settled(shop: Till) -> None:
    shop.tell(PAID)
    delete(shop, ADA)
    shop.pay_back(refund_of(PAID, units=1))
    assert (state(shop), shop.balances()) == (RewardState.REVERSED, (0, 0, 0))


def test_a_deletion_told_twice_keeps_its_first_moment(shop: Till) -> None:
    delete(shop, ADA, BEN, on=10)
    delete(shop, ADA, on=12)
    with reading() as session:
        assert set(session.scalars(select(Customer.deleted_at))) == {day(10)}


# Merged


def test_settled_rewards_get_another_name_and_nothing_is_booked(shop: Till) -> None:
    shop.tell(PAID)
    send(shop)
    spend(shop, 200)
    merge(shop, merged())
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 0, 0))
    assert shop.entries(PAID) == [EntryKind.ACCRUAL, EntryKind.SETTLEMENT]
    assert transfers(shop) == [(701, "credit", 200, "confirmed")]


def test_what_goes_back_after_the_merge_is_the_kept_ones(shop: Till) -> None:
    bens = order(2, line(1, 25_000), customer=BEN, on=7)
    shop.tell(PAID)
    send(shop)
    spend(shop, 200)
    merge(shop, merged())
    shop.pay_back(refund_of(PAID, units=1))
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 0, -200))
    shop.tell(bens)
    assert shop.balances(BEN) == (0, 300, 0)


@pytest.mark.parametrize("told", ["in review", "approved", "held"])
def test_what_is_pending_is_booked_for_the_kept_one_and_stays_what_it_was(manual_shop: Till, told: str) -> None:
    manual_shop.publish(release=SCHEDULED)
    manual_shop.tell(PAID)
    if told == "approved":
        manual_shop.approve(PAID)
    elif told == "held":
        manual_shop.decide(review.hold, PAID)
    before = manual_shop.reward(PAID)
    merge(manual_shop, merged())
    after = manual_shop.reward(PAID)
    assert (after.state, after.hold, after.granted) == (before.state, before.hold, before.granted)
    assert after.version > before.version
    assert (manual_shop.balances(ADA), manual_shop.balances(BEN)) == ((0, 0, 0), (200, 0, 0))
    assert manual_shop.settle_due(on=31) == (1 if told == "approved" else 0)


def test_rejected_and_unearned_orders_go_along(manual_shop: Till) -> None:
    nothing = order(2, line(is_gift_card=True))
    manual_shop.tell(PAID, nothing)
    manual_shop.reject(PAID)
    merge(manual_shop, merged())
    manual_shop.decide(review.reopen, PAID)
    assert manual_shop.balances(BEN) == (200, 0, 0)
    assert state(manual_shop, nothing) is RewardState.INELIGIBLE


def test_what_the_gone_one_owes_the_kept_one_owes(shop: Till) -> None:
    shop.tell(PAID)
    send(shop)
    spend(shop, 200)
    shop.pay_back(refund_of(PAID, units=1))
    assert shop.balances(ADA) == (0, 0, -200)
    merge(shop, merged())
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 0, -200))


def test_what_was_owed_is_taken_from_what_the_kept_one_has(shop: Till) -> None:
    shop.tell(PAID, order(2, line(1, 5_000), customer=BEN))
    send(shop)
    spend(shop, 200)
    shop.pay_back(refund_of(PAID, units=1))
    merge(shop, merged())
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 0, -100))
    send(shop)
    assert transfers(shop)[-1] == (702, "debit", 100, "confirmed")


def test_two_who_both_owe_owe_together(shop: Till) -> None:
    bens = order(2, customer=BEN)
    shop.tell(PAID, bens)
    send(shop)
    spend(shop, 200)
    spend(shop, 200, BEN)
    shop.pay_back(refund_of(PAID, units=1), refund_of(bens, units=1))
    merge(shop, merged())
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 0, -400))


@pytest.mark.parametrize("heard", ["planned", "refused"])
def test_credit_that_was_not_sent_is_sent_to_the_kept_one(shop: Till, heard: str) -> None:
    shop.tell(PAID)
    if heard == "refused":
        refuse(shop)
    merge(shop, merged())
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 200, 0))
    assert transfers(shop) == [(702, "credit", 200, "planned")]
    send(shop)
    shop.pay_back(refund_of(PAID, units=1))
    assert shop.balances(BEN) == (0, 0, 0)


def test_a_worker_about_to_send_to_the_gone_one_sends_nothing(shop: Till) -> None:
    shop.tell(PAID)
    claim = shop.run(lambda session, _: claim_next(session, shop.id, day(9), 3_600))
    assert claim is not None
    merge(shop, merged())
    assert shop.run(lambda session, _: transfer.mark_sending(session, claim, 0, 200, day(10))) is None
    assert transfers(shop) == [(702, "credit", 200, "planned")]


def test_credit_and_debit_that_were_both_not_sent_cancel_each_other(shop: Till) -> None:
    two = order(1, line(1, 20_000, 2))
    shop.tell(two)
    shop.pay_back(refund_of(two, units=1))
    merge(shop, merged())
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 200, 0))
    assert transfers(shop) == [(702, "credit", 200, "planned"), (701, "debit", 0, "not_applicable")]


@pytest.mark.parametrize(("units", "left"), [(1, [(702, "credit", 200, "planned")]), (2, [])])
def test_what_went_back_while_a_worker_had_the_credit_in_hands_is_not_sent_to_the_kept_one(
    shop: Till, units: int, left: list[tuple[int, str, int, str]]
) -> None:
    two = order(1, line(1, 20_000, 2))
    shop.tell(two)
    claim = shop.run(lambda session, _: claim_next(session, shop.id, day(9), 3_600))
    assert claim is not None
    shop.pay_back(refund_of(two, units=units))
    assert [row[1:] for row in transfers(shop)] == [("credit", 400, "planned"), ("debit", 200 * units, "planned")]
    merge(shop, merged())
    assert [row for row in transfers(shop) if row[3] != "not_applicable"] == left
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 400 - 200 * units, 0))
    assert shop.run(lambda session, _: transfer.mark_sending(session, claim, 0, 400, day(10))) is None


def test_a_debit_that_was_not_sent_finds_nothing_any_more_and_is_owed(shop: Till) -> None:
    shop.tell(PAID)
    send(shop)
    shop.pay_back(refund_of(PAID, units=1))
    merge(shop, merged())
    # The books have not heard yet how Ada spent it; Shopify merges nobody who still has credit.
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 200, 0), (0, 0, -200))
    spend(shop, 200)
    assert shop.balances(ADA) == (0, 0, 0)


def test_credit_by_hand_that_was_not_sent_goes_along_and_so_does_a_proposal(shop: Till) -> None:
    shop.publish(second_person_above_minor=500)
    shop.tell(order(2, line(is_gift_card=True)))

    def ask(session: Session, row: Shop, minor: int) -> Adjustment:
        ada = session.scalars(select(Customer.id).where(Customer.shopify_id == ADA.customer_id)).one()
        return adjust.propose(
            session, row.id, ada, TransferKind.CREDIT, minor, ReasonCode.GOODWILL, "Sorry.", STAFF, day(2), f"k{minor}"
        )  # fmt: skip

    shop.run(lambda session, row: ask(session, row, 300))
    proposed = shop.run(lambda session, row: ask(session, row, 900).id)
    merge(shop, merged())
    shop.run(lambda session, row: adjust.agree(session, row.id, proposed, "staff:8", day(11)))
    shop.check()
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 1_200, 0))


def test_tiers_given_by_hand_go_along_and_spend_counts_together(shop: Till) -> None:
    large, bens = order(1, line(1, 50_000)), order(2, customer=BEN, on=2)
    shop.tell(large, bens)
    assert shop.reward(bens).tier == "Bronze"
    merge(shop, merged())
    assert shop.reward(bens).tier == "Silver"
    assert shop.balances(BEN)[1] == 1_000 + 400


def test_a_tier_given_by_hand_is_the_kept_ones(shop: Till) -> None:
    shop.tell(PAID)
    with reading() as session:
        ada = session.scalars(select(Customer).where(Customer.shopify_id == ADA.customer_id)).one()
        session.add(
            TierAssignmentRow(
                shop_id=shop.id, customer_id=ada.id, tier_name="Gold", source="manual", is_locked=False,
                starts_at=day(1), reason="A friend.", given_by=STAFF, given_at=day(1),
            )
        )  # fmt: skip
    merge(shop, merged())
    bens = order(2, customer=BEN, on=6)
    shop.tell(bens)
    assert shop.reward(bens).tier == "Gold"


def test_the_limits_of_both_are_one(manual_shop: Till) -> None:
    manual_shop.publish(limits=Limits(month_minor=300))
    bens = order(2, customer=BEN, on=1)
    manual_shop.tell(PAID, bens)
    assert (manual_shop.kept(PAID), manual_shop.kept(bens)) == (200, 200)
    merge(manual_shop, merged())
    assert (manual_shop.kept(PAID), manual_shop.kept(bens)) == (200, 100)
    assert manual_shop.balances(BEN) == (300, 0, 0)


def test_a_rejected_order_keeps_its_history_in_the_limits(manual_shop: Till) -> None:
    manual_shop.publish(limits=Limits(month_minor=300))
    manual_shop.tell(PAID)
    manual_shop.reject(PAID)
    merge(manual_shop, merged())
    manual_shop.decide(review.reopen, PAID)
    assert manual_shop.balances(BEN) == (200, 0, 0)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("turn", list(permutations(range(3))))
def test_a_chain_of_merges_ends_with_the_last_one_in_whatever_order_it_is_told(
    shop: Till, turn: tuple[int, ...], together: bool
) -> None:
    dot = CustomerFact(BIG + 704)
    facts = [merged(ADA, BEN, 5), merged(BEN, CID, 6), merged(CID, dot, 7)]
    shop.tell(PAID, order(2, customer=BEN, on=1), order(3, customer=CID, on=2))
    send(shop)
    spend(shop, 200, ADA)
    spend(shop, 200, BEN)
    shop.pay_back(refund_of(PAID, units=1))
    told = [facts[number] for number in turn]
    if together:
        merge(shop, *told)
    else:
        for fact in told:
            merge(shop, fact)
    assert [shop.balances(who) for who in (ADA, BEN)] == [(0, 0, 0), (0, 0, 0)]
    assert shop.balances(dot) == (0, 0, -200)
    with reading() as session:
        last = session.scalars(select(Customer).where(Customer.shopify_id == dot.customer_id)).one()
        assert set(session.scalars(select(Customer.merged_into_id).where(Customer.id != last.id))) == {last.id}


def test_nobody_is_merged_into_themselves_nor_in_a_circle(shop: Till) -> None:
    shop.tell(PAID)
    merge(shop, merged(ADA, ADA))
    merge(shop, merged(ADA, BEN, 5), merged(BEN, ADA, 6))
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 200, 0))


def test_of_two_merges_of_one_customer_the_first_stands(shop: Till) -> None:
    shop.tell(PAID)
    merge(shop, merged(ADA, BEN, 5), merged(ADA, CID, 6))
    assert (shop.balances(BEN), shop.balances(CID)) == ((0, 200, 0), (0, 0, 0))


def test_a_merge_of_customers_nobody_knows_is_remembered(shop: Till) -> None:
    merge(shop, merged())
    with reading() as session:
        assert session.scalars(select(LedgerEntry)).all() == []
        assert session.scalars(select(Customer.merged_into_id).order_by(Customer.shopify_id)).all()[0] is not None


@pytest.mark.parametrize("first", ["merge", "orders"])
def test_versions_that_name_the_kept_one_end_like_the_merge_alone_whichever_is_told_first(
    shop: Till, first: str
) -> None:
    shop.tell(PAID)
    send(shop)
    spend(shop, 200)
    for what in ("merge", "orders") if first == "merge" else ("orders", "merge"):
        if what == "merge":
            merge(shop, merged())
        else:
            shop.tell(later(PAID, customer=BEN))
    send(shop)
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 0, 0))
    bens = [left if kind == "credit" else -left for whose, kind, left, _ in transfers(shop) if whose == 702]
    assert sum(bens) == 0


@pytest.mark.parametrize("first", ["merge", "orders"])
def test_what_was_pending_ends_alike_too(manual_shop: Till, first: str) -> None:
    manual_shop.tell(PAID)
    for what in ("merge", "orders") if first == "merge" else ("orders", "merge"):
        if what == "merge":
            merge(manual_shop, merged())
        else:
            manual_shop.tell(later(PAID, customer=BEN))
    assert (manual_shop.balances(ADA), manual_shop.balances(BEN)) == ((0, 0, 0), (200, 0, 0))
    assert state(manual_shop) is RewardState.IN_REVIEW


def test_a_merged_customer_claims_nothing_and_is_not_changed_any_more(shop: Till) -> None:
    merge(shop, merged())
    rows = all_rows()
    word = CustomerTold(ADA.customer_id, ADA.email, True, "Ada", None, day(1), day(6))
    shop.run(lambda session, row: customers.record_customers(session, row, [word], day(11)))
    assert all_rows() == rows
    shop.tell(order(3, customer=None, email=ADA.email))
    assert shop.run(lambda session, row: claims.claim_waiting(session, row, day(11))) == 0


def test_a_merge_told_again_moves_what_came_to_the_gone_one_since(shop: Till) -> None:
    shop.tell(PAID)
    claim = shop.run(lambda session, _: claim_next(session, shop.id, day(9), 3_600))
    assert claim is not None
    shop.run(lambda session, _: transfer.mark_sending(session, claim, 0, 200, day(9)))
    merge(shop, merged())
    assert shop.balances(ADA) == (0, 200, 0)
    shop.run(lambda session, _: transfer.refuse(session, claim, "Shopify no longer knows this customer."))
    merge(shop, merged(), on=12)
    assert (shop.balances(ADA), shop.balances(BEN)) == ((0, 0, 0), (0, 200, 0))
    assert transfers(shop) == [(702, "credit", 200, "planned")]


def test_holds_of_the_kept_ones_orders_stay(shop: Till) -> None:
    shop.publish(holds=HoldRules(first_order=True))
    bens = order(2, customer=BEN, on=1)
    shop.tell(PAID, bens)
    merge(shop, merged())
    assert {state(shop), state(shop, bens)} == {RewardState.HELD}
    assert shop.balances(BEN) == (400, 0, 0)


def test_an_order_that_left_the_gone_one_before_the_merge_is_its_new_customers(shop: Till) -> None:
    shop.tell(PAID)
    merge(shop, merged(ADA, BEN, 5))
    shop.tell(later(PAID, customer=CID))
    assert (shop.balances(BEN), shop.balances(CID)) == ((0, 0, 0), (0, 200, 0))


@pytest.mark.parametrize(("gone", "kept"), [(ADA, BEN), (BEN, ADA)], ids=["lower id gone", "higher id gone"])
@pytest.mark.parametrize("first", ["merge", "order"])
def test_what_still_names_the_gone_one_is_the_kept_ones_whichever_is_told_first(
    shop: Till, gone: CustomerFact, kept: CustomerFact, first: str
) -> None:
    fact = order(1, customer=gone)
    for what in ("merge", "order", "order") if first == "merge" else ("order", "merge", "order"):
        if what == "merge":
            merge(shop, merged(gone, kept))
        else:
            shop.tell(fact)
    shop.tell(later(fact, tags=("any",)))
    assert (shop.balances(gone), shop.balances(kept)) == ((0, 0, 0), (0, 200, 0))
