"""A credit that Shopify refused never reached the customer: taking it back touches no other money of theirs."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.flows import transfer as flow
from app.engine.rules.arrival import Claim
from app.engine.rules.states import RewardState, TransferState
from app.errors import Refused
from app.models import Shop, Transfer
from tests.flows.builders import BEN, STAFF, Till, day, later, line, order, reading, refund_of

NOW = day(12)
REFUSED, PLANNED, GONE = TransferState.REFUSED, TransferState.PLANNED, TransferState.NOT_APPLICABLE


def claim(till: Till, at_seconds: int = 0) -> Claim | None:
    """Take the next transfer as a worker would."""
    return till.run(lambda session, shop: flow.claim_next(session, shop.id, NOW + timedelta(seconds=at_seconds), 40))


def refuse_next(till: Till) -> None:
    """Let Shopify refuse the next transfer."""

    def refuse(session: Session, shop: Shop) -> None:
        taken = flow.claim_next(session, shop.id, NOW, 40)
        assert taken is not None
        flow.refuse(session, taken, "Shopify refused it.")

    till.run(refuse)


def confirm_next(till: Till, number: int) -> int:
    """Let Shopify execute the next transfer; return what was asked of it."""
    taken = claim(till)
    assert taken is not None
    till.run(lambda session, shop: flow.mark_sending(session, taken, 0, taken.amount_minor, NOW))
    gid = f"gid://shopify/StoreCreditAccountCreditTransaction/{number}"
    till.run(lambda session, shop: flow.confirm(session, taken, gid, 0, NOW))
    return taken.amount_minor


def seen(till: Till) -> list[tuple[str, int, TransferState]]:
    """Return kind, what is left and state of every transfer; the books must add up."""
    till.check()
    with reading() as session:
        rows = session.scalars(select(Transfer).where(Transfer.shop_id == till.id).order_by(Transfer.id))
        return [(row.kind.value, row.left_minor, row.state) for row in rows]


def test_a_refund_cancels_the_refused_credit_instead_of_debiting_other_money(shop: Till) -> None:
    first = order(1)
    shop.tell(first)
    refuse_next(shop)
    shop.pay_back(refund_of(first, units=1))
    assert seen(shop) == [("credit", 0, GONE), ("debit", 0, GONE)]
    assert shop.balances() == (0, 0, 0)
    assert shop.reward(first).state is RewardState.REVERSED
    assert claim(shop) is None


def test_of_a_part_taken_back_the_rest_can_still_be_credited(shop: Till) -> None:
    first = order(1, line(1, 20_000, 2))
    shop.tell(first)
    refuse_next(shop)
    shop.pay_back(refund_of(first, units=1))
    assert seen(shop) == [("credit", 200, REFUSED), ("debit", 0, GONE)]
    shop.run(lambda session, row: flow.retry(session, row.id, 1, STAFF, NOW))
    assert confirm_next(shop, 1) == 200
    assert shop.balances() == (0, 200, 0)
    assert claim(shop) is None


def test_a_credit_that_was_not_sent_yet_is_cut_by_what_goes_back(shop: Till) -> None:
    first = order(1, line(1, 20_000, 2))
    shop.tell(first)
    shop.pay_back(refund_of(first, units=1))
    assert seen(shop) == [("credit", 200, PLANNED), ("debit", 0, GONE)]
    shop.tell(later(first, cancelled_at=day(3)))
    assert seen(shop) == [("credit", 0, GONE), ("debit", 0, GONE), ("debit", 0, GONE)]
    assert shop.balances() == (0, 0, 0)
    assert claim(shop) is None


def test_a_credit_that_was_not_heard_of_after_sending_is_not_cut(shop: Till) -> None:
    first = order(1)
    shop.tell(first)
    lost = claim(shop)
    assert lost is not None
    shop.run(lambda session, row: flow.mark_sending(session, lost, 0, 200, NOW))
    shop.run(lambda session, row: flow.mark_unknown(session, lost, NOW, "No answer.", NOW))
    for at_seconds in (2, 100):
        again = claim(shop, at_seconds)
        assert again is not None
        at = NOW + timedelta(seconds=at_seconds)
        shop.run(lambda session, row, read=(again, at): flow.record_empty_read(session, *read, 90))
    shop.pay_back(refund_of(first, units=1))
    assert seen(shop) == [("credit", 200, PLANNED), ("debit", 200, PLANNED)]


def test_a_worker_sends_what_is_left_of_a_credit_that_was_cut_in_its_hands(shop: Till) -> None:
    first = order(1, line(1, 20_000, 2))
    shop.tell(first)
    taken = claim(shop)
    assert taken is not None
    shop.pay_back(refund_of(first, units=1))
    assert seen(shop) == [("credit", 400, PLANNED), ("debit", 200, PLANNED)]
    sent = shop.run(lambda session, row: flow.mark_sending(session, taken, 0, taken.amount_minor, NOW))
    assert sent is not None
    assert sent.amount_minor == 200
    assert seen(shop) == [("credit", 200, TransferState.SENDING), ("debit", 0, GONE)]


def test_a_worker_sends_nothing_of_a_credit_that_was_cancelled_in_its_hands(shop: Till) -> None:
    first = order(1)
    shop.tell(first)
    taken = claim(shop)
    assert taken is not None
    shop.pay_back(refund_of(first, units=1))
    assert shop.run(lambda session, row: flow.mark_sending(session, taken, 0, 200, NOW)) is None
    shop.run(lambda session, row: flow.put_back(session, taken, "Late.", NOW))
    assert seen(shop) == [("credit", 0, GONE), ("debit", 0, GONE)]


def test_a_debit_that_waits_for_its_credit_goes_with_it_when_that_is_refused(shop: Till) -> None:
    first = order(1)
    shop.tell(first)
    taken = claim(shop)
    assert taken is not None
    shop.pay_back(refund_of(first, units=1))
    assert seen(shop) == [("credit", 200, PLANNED), ("debit", 200, PLANNED)]
    shop.run(lambda session, row: flow.refuse(session, taken, "Shopify refused it."))
    assert seen(shop) == [("credit", 0, GONE), ("debit", 0, GONE)]
    assert claim(shop) is None


def test_what_did_arrive_is_debited_and_only_that(shop: Till) -> None:
    first = order(1)
    shop.tell(first)
    assert confirm_next(shop, 1) == 200
    grown = later(first, lines=(*first.lines, line(2, 5_000)))
    shop.tell(grown)
    refuse_next(shop)
    shop.tell(later(grown, cancelled_at=day(3)))
    assert seen(shop) == [("credit", 200, TransferState.CONFIRMED), ("credit", 0, GONE), ("debit", 200, PLANNED)]
    assert confirm_next(shop, 2) == 200
    assert shop.balances() == (0, 0, 0)


def test_another_orders_credit_neither_waits_nor_pays_for_it(shop: Till) -> None:
    first, second = order(1), order(2, on=1)
    shop.tell(first, second)
    refuse_next(shop)
    shop.pay_back(refund_of(first, units=1))
    assert confirm_next(shop, 1) == 200
    assert seen(shop)[1] == ("credit", 200, TransferState.CONFIRMED)


def test_a_cancelled_credit_cannot_be_sent_again(shop: Till) -> None:
    first = order(1)
    shop.tell(first)
    refuse_next(shop)
    shop.pay_back(refund_of(first, units=1))
    with pytest.raises(Refused):
        shop.run(lambda session, row: flow.retry(session, row.id, 1, STAFF, NOW))


def test_a_credit_refused_to_one_customer_does_not_spare_another_the_debit(shop: Till) -> None:
    first = order(1)
    shop.tell(first)
    assert confirm_next(shop, 1) == 200
    shop.tell(later(first, customer=BEN))
    debit = claim(shop)
    assert debit is not None
    shop.run(lambda session, row: flow.put_back(session, debit, "Shopify was away.", NOW, wait_seconds=60))
    refuse_next(shop)
    assert seen(shop)[1:] == [("debit", 200, PLANNED), ("credit", 200, REFUSED)]
    assert shop.balances() == (0, 0, 0)
    assert shop.balances(BEN) == (0, 200, 0)
