"""Credit and debit by hand: once per key, by two people above a limit, and never more taken than there is."""

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.flows import adjust, transfer
from app.engine.rules.postings import EntryKind
from app.engine.rules.states import TransferKind, TransferState
from app.engine.rules.terms import Expiry
from app.errors import NotFound, Refused
from app.models import Adjustment, AdjustmentState, AuditEvent, Customer, LedgerEntry, ReasonCode, Shop, Transfer
from tests.flows.builders import BEN, STAFF, Till, all_rows, day, later, order, reading, refund_of
from tests.flows.shopify_account import Shopify

CREDIT, DEBIT = TransferKind.CREDIT, TransferKind.DEBIT
PROPOSED, BOOKED, DECLINED = AdjustmentState.PROPOSED, AdjustmentState.BOOKED, AdjustmentState.DECLINED
SECOND = "staff:8"


@pytest.fixture
def ada(shop: Till) -> int:
    """Return our id of Ada, whose first order earned 2.00."""
    shop.tell(order(1))
    with reading() as session:
        return session.scalars(select(Customer.id)).one()


def by_hand(till: Till, customer_id: int, kind: TransferKind, minor: int, **changes: Any) -> int:
    """Propose with a key of its own, twice; return the adjustment's id."""
    asked = {"reason_code": ReasonCode.GOODWILL, "note": "Late parcel.", "key": f"{kind}-{minor}", **changes}

    def flow(session: Session, shop: Shop, now: datetime) -> int:
        row = adjust.propose(
            session, shop.id, customer_id, kind, minor, asked["reason_code"], asked["note"], STAFF, now, asked["key"]
        )
        return row.id

    return till.twice(flow, day(12))


def refused(till: Till, verb: Any, *words: Any) -> str:
    """Return why something is refused; it must leave every row as it was."""
    rows = all_rows()
    with pytest.raises(Refused) as caught:
        till.run(lambda session, shop: verb(session, shop.id, *words))
    assert all_rows() == rows
    return str(caught.value)


def state_of(adjustment_id: int) -> AdjustmentState:
    with reading() as session:
        return session.get_one(Adjustment, adjustment_id).state


def transfers(adjustment_id: int) -> list[tuple[str, int, int | None]]:
    with reading() as session:
        rows = session.scalars(select(Transfer).where(Transfer.adjustment_id == adjustment_id).order_by(Transfer.id))
        return [(row.kind.value, row.amount_minor, row.reward_id) for row in rows]


def test_credit_by_hand_is_available_at_once_and_sent_to_shopify(shop: Till, ada: int) -> None:
    adjustment_id = by_hand(shop, ada, CREDIT, 500)
    assert state_of(adjustment_id) is BOOKED
    assert shop.balances() == (0, 700, 0)
    assert transfers(adjustment_id) == [("credit", 500, None)]
    with reading() as session:
        entry = session.scalars(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.ADJUSTMENT)).one()
        assert (entry.adjustment_id, entry.actor, entry.reward_id) == (adjustment_id, STAFF, None)
        told = session.scalars(select(AuditEvent).where(AuditEvent.action == "propose_adjustment")).one()
        assert (told.subject, told.subject_id, told.actor, told.reason) == (
            "adjustment", adjustment_id, STAFF, "Late parcel.",
        )  # fmt: skip
        assert told.after["amount_minor"] == 500


def test_credit_by_hand_is_neither_cut_by_limits_nor_set_off_against_what_is_owed(shop: Till, ada: int) -> None:
    shopify = Shopify(shop)
    shopify.carry_out(day(1))
    shopify.ada.redeem(200, day(2))
    shopify.hear(day(3))
    shop.pay_back(refund_of(order(1), units=1))
    assert shop.balances() == (0, 0, -200)
    adjustment_id = by_hand(shop, ada, CREDIT, 300)
    assert shop.balances() == (0, 300, -200)
    assert transfers(adjustment_id) == [("credit", 300, None)]


def test_debit_by_hand_takes_what_is_there(shop: Till, ada: int) -> None:
    adjustment_id = by_hand(shop, ada, DEBIT, 150)
    assert shop.balances() == (0, 50, 0)
    assert transfers(adjustment_id) == [("debit", 150, None)]


def test_debit_by_hand_takes_no_more_than_there_is(shop: Till, ada: int) -> None:
    words = (ada, DEBIT, 201, ReasonCode.GOODWILL, "", STAFF, day(12), "k")
    assert "has 2.00 USD; take at most that" in refused(shop, adjust.propose, *words)


def test_debit_by_hand_leaves_the_rest_owed_where_the_terms_let_it(shop: Till, ada: int) -> None:
    shop.publish(debit_may_owe=True)
    adjustment_id = by_hand(shop, ada, DEBIT, 500)
    assert shop.balances() == (0, 0, -300)
    assert transfers(adjustment_id) == [("debit", 200, None)]
    assert transfers(by_hand(shop, ada, DEBIT, 100)) == []
    assert shop.balances() == (0, 0, -400)


def test_a_debit_by_hand_that_finds_less_in_shopify_takes_so_much_less(shop: Till, ada: int) -> None:
    shopify = Shopify(shop)
    shopify.carry_out(day(11))
    by_hand(shop, ada, DEBIT, 150)
    shopify.ada.redeem(120, day(12))
    shopify.carry_out(day(13))
    assert shop.balances() == (0, 120, 0)
    shopify.hear(day(14))
    assert shop.balances() == (0, 0, 0)


def test_a_debit_by_hand_that_may_owe_and_finds_less_in_shopify_leaves_the_rest_owed(shop: Till, ada: int) -> None:
    shop.publish(debit_may_owe=True)
    shopify = Shopify(shop)
    shopify.carry_out(day(11))
    by_hand(shop, ada, DEBIT, 150)
    shopify.ada.redeem(200, day(12))
    shopify.carry_out(day(13))
    shopify.hear(day(14))
    assert shop.balances() == (0, 0, -150)


def test_credit_by_hand_expires_as_the_terms_say(shop: Till, ada: int) -> None:
    shop.publish(expiry=Expiry(on=date(2026, 12, 31)))
    adjustment_id = by_hand(shop, ada, CREDIT, 500)
    with reading() as session:
        row = session.scalars(select(Transfer).where(Transfer.adjustment_id == adjustment_id)).one()
        assert row.credit_expires_at == datetime.fromisoformat("2027-01-01T00:00+00:00")


def test_a_refused_credit_by_hand_can_be_sent_again_and_no_refund_cancels_it(shop: Till, ada: int) -> None:
    shopify = Shopify(shop)
    shopify.carry_out(day(11))
    adjustment_id = by_hand(shop, ada, CREDIT, 500)

    def refuse(session: Session, row: Shop) -> None:
        claim = transfer.claim_next(session, row.id, day(12), 30)
        assert claim is not None
        transfer.refuse(session, claim, "Shopify says no.")

    shop.run(refuse)
    shop.pay_back(refund_of(order(1), units=1))
    with reading() as session:
        credit = session.scalars(select(Transfer).where(Transfer.adjustment_id == adjustment_id)).one()
        assert (credit.state, credit.cancelled_minor, credit.error) == (TransferState.REFUSED, 0, "Shopify says no.")
        credit_id = credit.id
    shop.run(lambda session, row: transfer.retry(session, row.id, credit_id, STAFF, day(13)).id)
    shopify.carry_out(day(13))
    assert shopify.ada.balance(day(13)) == 500
    assert shop.balances() == (0, 500, 0)


def test_above_the_limit_a_second_person_must_agree(shop: Till, ada: int) -> None:
    shop.publish(second_person_above_minor=400)
    assert state_of(by_hand(shop, ada, CREDIT, 400)) is BOOKED
    adjustment_id = by_hand(shop, ada, CREDIT, 401)
    assert state_of(adjustment_id) is PROPOSED
    assert shop.balances() == (0, 600, 0)
    assert transfers(adjustment_id) == []
    assert "you proposed this yourself" in refused(shop, adjust.agree, adjustment_id, STAFF, day(13))
    shop.run(lambda session, row: adjust.agree(session, row.id, adjustment_id, SECOND, day(13)))
    assert shop.balances() == (0, 1_001, 0)
    assert "it is booked already" in refused(shop, adjust.agree, adjustment_id, SECOND, day(13))
    with reading() as session:
        row = session.get_one(Adjustment, adjustment_id)
        assert (row.proposed_by, row.decided_by, row.decided_at) == (STAFF, SECOND, day(13))
        entry = session.scalars(select(LedgerEntry).where(LedgerEntry.adjustment_id == adjustment_id)).one()
        assert entry.actor == SECOND
    shop.check()


def test_what_there_is_to_take_is_looked_at_again_when_somebody_agrees(shop: Till, ada: int) -> None:
    shop.publish(second_person_above_minor=50)
    adjustment_id = by_hand(shop, ada, DEBIT, 150)
    assert "has 2.00 USD" in refused(
        shop, adjust.propose, ada, DEBIT, 201, ReasonCode.GOODWILL, "", STAFF, day(12), "more"
    )
    shop.pay_back(refund_of(order(1), units=1))
    assert "has 0.00 USD" in refused(shop, adjust.agree, adjustment_id, SECOND, day(13))
    assert state_of(adjustment_id) is PROPOSED


def test_a_proposal_can_be_declined_with_a_reason(shop: Till, ada: int) -> None:
    shop.publish(second_person_above_minor=400)
    adjustment_id = by_hand(shop, ada, CREDIT, 500)
    assert "Say why" in refused(shop, adjust.decline, adjustment_id, STAFF, day(13), " \x00 ")
    assert "at most 500" in refused(shop, adjust.decline, adjustment_id, STAFF, day(13), "x" * 501)
    shop.run(lambda session, row: adjust.decline(session, row.id, adjustment_id, STAFF, day(13), "Twice."))
    assert state_of(adjustment_id) is DECLINED
    assert "it is declined already" in refused(shop, adjust.agree, adjustment_id, SECOND, day(13))
    assert shop.balances() == (0, 200, 0)
    with reading() as session:
        told = session.scalars(select(AuditEvent).where(AuditEvent.action == "decline_adjustment")).one()
        assert (told.before, told.after["state"], told.reason) == ({"state": "proposed"}, "declined", "Twice.")


def test_a_key_names_one_adjustment_and_is_refused_for_another(shop: Till, ada: int) -> None:
    first = by_hand(shop, ada, CREDIT, 500, key="abc")
    assert by_hand(shop, ada, CREDIT, 500, key=" abc ") == first
    for changes in ({"minor": 501}, {"kind": DEBIT}, {"note": "Another."}, {"reason": ReasonCode.REFERRAL}):
        asked = {"kind": CREDIT, "minor": 500, "reason": ReasonCode.GOODWILL, "note": "Late parcel.", **changes}
        words = (ada, asked["kind"], asked["minor"], asked["reason"], asked["note"], STAFF, day(12), "abc")
        assert "The key abc was used for another" in refused(shop, adjust.propose, *words)


@pytest.mark.parametrize(
    ("minor", "reason", "note", "key", "sentence"),
    [
        (0, ReasonCode.GOODWILL, "", "k", "above zero and at most 1000000.00 USD"),
        (-1, ReasonCode.GOODWILL, "", "k", "above zero"),
        (adjust.LARGEST_MINOR + 1, ReasonCode.GOODWILL, "", "k", "at most 1000000.00 USD"),
        (1, ReasonCode.GOODWILL, "x" * 501, "k", "at most 500 characters"),
        (1, ReasonCode.OTHER, " ", "k", "Say why in the note"),
        (1, ReasonCode.GOODWILL, "", " ", "by a key of 1 to 200"),
        (1, ReasonCode.GOODWILL, "", "k" * 201, "by a key of 1 to 200"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    shop: Till, ada: int, minor: int, reason: ReasonCode, note: str, key: str, sentence: str
) -> None:
    assert sentence in refused(shop, adjust.propose, ada, CREDIT, minor, reason, note, STAFF, day(12), key)


@pytest.mark.parametrize(
    ("column", "sentence"),
    [("deleted_at", "was deleted"), ("redacted_at", "was deleted"), ("merged_into_id", "was merged into another")],
)
def test_a_customer_who_is_gone_gets_nothing_and_loses_nothing(
    shop: Till, ada: int, column: str, sentence: str
) -> None:
    shop.publish(second_person_above_minor=400)
    adjustment_id = by_hand(shop, ada, CREDIT, 500)
    shop.tell(order(2, customer=BEN, on=1))

    def leave(session: Session, _: Shop) -> None:
        customer = session.get_one(Customer, ada)
        other = session.scalars(select(Customer.id).where(Customer.id != ada)).one()
        setattr(customer, column, other if column == "merged_into_id" else day(12))

    shop.run(leave)
    words = (ada, CREDIT, 100, ReasonCode.GOODWILL, "", STAFF, day(12), "k")
    assert sentence in refused(shop, adjust.propose, *words)
    assert sentence in refused(shop, adjust.agree, adjustment_id, SECOND, day(13))
    shop.run(lambda session, row: adjust.decline(session, row.id, adjustment_id, SECOND, day(13), "Gone."))
    assert state_of(adjustment_id) is DECLINED


def test_of_another_shop_nothing_can_be_adjusted(shop: Till, ada: int) -> None:
    shop.publish(second_person_above_minor=400)
    adjustment_id = by_hand(shop, ada, CREDIT, 500)
    other = Till("other.myshopify.com")

    def not_found(verb: Any, shop_id: int, *words: Any) -> str:
        with pytest.raises(NotFound) as caught:
            other.run(lambda session, _: verb(session, shop_id, *words))
        return str(caught.value)

    asked = (ada, CREDIT, 100, ReasonCode.GOODWILL, "", STAFF, day(12), "k")
    assert "no such customer" in not_found(adjust.propose, other.id, *asked)
    by_nobody = (*asked[:5], "cli", *asked[6:])  # nobody is on the staff of a shop that is not there
    assert "no such shop" in not_found(adjust.propose, other.id + 1, *by_nobody)
    assert "no such credit or debit" in not_found(adjust.agree, other.id, adjustment_id, SECOND, day(12))
    assert "no such customer" in not_found(adjust.forgive_owed, other.id, ada, "Old.", STAFF, day(12))


def test_what_is_owed_can_be_forgiven_with_a_reason(shop: Till, ada: int) -> None:
    shop.publish(debit_may_owe=True)
    by_hand(shop, ada, DEBIT, 500)
    assert "Say why" in refused(shop, adjust.forgive_owed, ada, "", STAFF, day(13))
    minor = shop.run(lambda session, row: adjust.forgive_owed(session, row.id, ada, "Bankrupt.", STAFF, day(13)))
    assert minor == 300
    assert shop.balances() == (0, 0, 0)
    assert "owes nothing" in refused(shop, adjust.forgive_owed, ada, "Bankrupt.", STAFF, day(13))
    by_hand(shop, ada, DEBIT, 100)
    assert shop.run(lambda session, row: adjust.forgive_owed(session, row.id, ada, "Again.", STAFF, day(13))) == 100
    shop.check()
    with reading() as session:
        told = session.scalars(
            select(AuditEvent).where(AuditEvent.action == "forgive_owed").order_by(AuditEvent.id)
        ).first()
        assert told is not None
        assert (told.before, told.reason) == ({"owed_minor": 300}, "Bankrupt.")


def test_what_is_owed_is_not_forgiven_by_whoever_saw_another_amount(shop: Till, ada: int) -> None:
    shop.publish(debit_may_owe=True)
    by_hand(shop, ada, DEBIT, 500)

    def forgive(session: Session, shop_id: int, seen_minor: int) -> int:
        return adjust.forgive_owed(session, shop_id, ada, "Old.", STAFF, day(13), seen_minor=seen_minor)

    assert "owes 3.00 USD now" in refused(shop, forgive, 200)
    assert shop.run(lambda session, row: forgive(session, row.id, 300)) == 300


def test_credit_by_hand_of_a_customer_whose_credit_expired_today_does_not_bring_it_back(shop: Till) -> None:
    shop.publish(expiry=Expiry(days=5))
    shop.tell(order(1), on=0)
    Shopify(shop).carry_out(day(0))
    with reading() as session:
        ada = session.scalars(select(Customer.id)).one()
    words = (ada, DEBIT, 200, ReasonCode.GOODWILL, "", STAFF, day(12), "k")
    assert "has 0.00 USD" in refused(shop, adjust.propose, *words)
    by_hand(shop, ada, CREDIT, 500)
    assert shop.balances() == (0, 500, 0)
    by_hand(shop, ada, DEBIT, 100)
    assert shop.balances() == (0, 400, 0)


def test_an_order_told_again_leaves_what_was_given_by_hand(shop: Till, ada: int) -> None:
    by_hand(shop, ada, CREDIT, 500)
    shop.tell(later(order(1), cancelled_at=day(2)))
    assert shop.balances() == (0, 500, 0)
