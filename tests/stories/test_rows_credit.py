"""R25, R26, B3: credit by hand, credit that ends, and the record of every reward on its customer's statements."""

from datetime import date

import pytest
from sqlalchemy import select

from app.engine.flows import adjust
from app.engine.ledger import read_balances
from app.engine.rules.postings import Account, Line
from app.engine.rules.statements import Amounts
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import Cycle, Expiry
from app.models import Adjustment, ReasonCode, Transfer
from tests.flows.builders import ADA, STAFF, day, line, order, reading, refund_of
from tests.flows.shopify_account import Shopify
from tests.stories.rows import FLAT, SECOND, Life, shop

__all__ = ["shop"]

CREDIT, DEBIT = TransferKind.CREDIT, TransferKind.DEBIT


def test_r25_half_a_year_of_credit_given_and_taken_by_hand(shop: Life) -> None:
    shop.publish(on=-1, second_person_above_minor=2_000)
    shopify = Shopify(shop)
    shop.tell(order(1), on=0)
    # 5.00 for a late parcel at once; 25.00 for a broken one only when somebody else agrees.
    shop.by_hand(CREDIT, 500, on=10)
    assert shop.balances() == (0, 700, 0)
    large = shop.by_hand(CREDIT, 2_500, on=20, note="A broken parcel.", reason=ReasonCode.REFUND)
    assert shop.balances() == (0, 700, 0)
    alone = lambda: shop.run(lambda s, row: adjust.agree(s, row.id, large, STAFF, day(21)))  # noqa: E731
    assert "A second person must agree" in shop.refused(alone)
    shop.once(lambda: shop.run(lambda s, row: adjust.agree(s, row.id, large, SECOND, day(22))))
    assert shop.balances() == (0, 3_200, 0)
    # Another proposal is declined, with a reason, and moves nothing.
    twice = shop.by_hand(CREDIT, 2_501, on=30)
    shop.once(lambda: shop.run(lambda s, row: adjust.decline(s, row.id, twice, SECOND, day(31), "That was paid.")))
    shopify.carry_out(day(32))
    assert (shop.balances(), shopify.ada.balance(day(32))) == ((0, 3_200, 0), 3_200)
    # She spends 30.00; of the 2.00 that are left nobody takes 2.01 unless the terms let debits owe.
    shopify.ada.redeem(3_000, day(60))
    shopify.hear(day(61))
    assert "This customer has 2.00 USD" in shop.refused(lambda: shop.by_hand(DEBIT, 201, on=62))
    shop.by_hand(DEBIT, 150, on=62, reason=ReasonCode.ADJUSTMENT)
    shop.publish(on=90, debit_may_owe=True)
    shop.by_hand(DEBIT, 80, on=91)
    assert shop.balances() == (0, 0, -30)
    shopify.carry_out(day(92))
    assert shopify.ada.balance(day(92)) == 0
    # The next reward pays what is owed first: 2.00 less 0.30.
    shop.tell(order(2, on=120), on=120)
    shopify.carry_out(day(121))
    assert (shop.balances(), shopify.ada.balance(day(121))) == ((0, 170, 0), 170)
    assert on_record() == [
        ("credit", 500, "goodwill", "booked", STAFF, None),
        ("credit", 2_500, "refund", "booked", STAFF, SECOND),
        ("credit", 2_501, "goodwill", "declined", STAFF, SECOND),
        ("debit", 150, "adjustment", "booked", STAFF, None),
        ("debit", 80, "goodwill", "booked", STAFF, None),
    ]


def on_record() -> list[tuple[str, int, str, str, str, str | None]]:
    """Return every credit and debit by hand, with why, who asked and who decided."""
    with reading() as session:
        return [
            (row.kind.value, row.amount_minor, row.reason_code.value, row.state.value, row.proposed_by, row.decided_by)
            for row in session.scalars(select(Adjustment).order_by(Adjustment.id))
        ]


def test_r25_what_makes_no_sense_is_refused_and_nothing_is_half_saved(shop: Life) -> None:
    shop.tell(order(1), on=0)
    assert "above zero" in shop.refused(lambda: shop.by_hand(CREDIT, 0, on=1))
    assert "Say why in the note" in shop.refused(
        lambda: shop.by_hand(CREDIT, 100, on=1, reason=ReasonCode.OTHER, note=" ")
    )
    assert (shop.balances(), on_record()) == ((0, 200, 0), [])


def liability(shop: Life) -> int:
    """Return what the shop has promised and not yet been asked for: pending and available, owed taken off."""
    return sum(shop.balances())


def expired(shop: Life) -> int:
    """Return what expired of Ada's credit."""
    whose = shop.id_of(ADA)
    with reading() as session:
        return read_balances(session, shop.id, {whose}, "USD")[whose][Account.EXPIRED]


def test_r26_credit_that_nobody_spends_within_its_days_ends_and_the_liability_falls(shop: Life) -> None:
    shop.publish(on=-1, tiers=FLAT, expiry=Expiry(days=90))
    shopify = Shopify(shop)
    first, second = order(1, line(1, 40_000, 2)), order(2, line(2, 10_000), on=60)
    shop.tell(first, on=0)
    shopify.carry_out(day(0, 300))
    shop.tell(second, on=60)
    shopify.carry_out(day(60, 300))
    assert liability(shop) == 800 + 200
    # 3.00 of the 8.00 are spent; what expires soonest goes first, so 5.00 and 2.00 are left.
    shopify.ada.redeem(300, day(70))
    shopify.hear(day(71))
    shop.night(on=89)
    assert (liability(shop), expired(shop)) == (700, 0)
    shop.night(on=91)
    assert (liability(shop), expired(shop), shopify.ada.balance(day(91))) == (200, 500, 200)
    # Half of the first order comes back: 4.00 of its 8.00. 5.00 of that are gone already, so nothing is taken twice.
    shop.pay_back(refund_of(first, 1, units=1, on=100), on=100)
    shopify.carry_out(day(100, 300))
    assert (shop.balances(), shopify.ada.balance(day(101))) == ((0, 200, 0), 200)
    # The other half: 1.00 is the rest of what expired, and 3.00 she spent: 2.00 are there to take, 1.00 is owed.
    shop.pay_back(refund_of(first, 2, units=1, on=110), on=110)
    shopify.carry_out(day(110, 300))
    assert (shop.balances(), shopify.ada.balance(day(111))) == ((0, 0, -100), 0)
    shop.night(on=400)
    assert (liability(shop), expired(shop)) == (-100, 0)


def test_r26_a_fixed_day_ends_all_credit_of_the_year_in_the_shops_own_night(shop: Life) -> None:
    shop.publish(on=-1, tiers=FLAT, expiry=Expiry(on=date(2026, 12, 31)))
    shopify = Shopify(shop)
    for number, on in enumerate((0, 100, 200), start=1):
        shop.tell(order(number, on=on), on=on)
        shopify.carry_out(day(on, 300))
    # Each credit ends in a second of its own, so that Shopify's answer can be told apart; 1 January is day 306.
    with reading() as session:
        ends = list(session.scalars(select(Transfer.expires_at)))
    assert len(set(ends)) == 3
    shop.night(on=305)
    assert (liability(shop), shopify.ada.balance(day(305))) == (600, 600)
    shop.night(on=306)
    assert (liability(shop), expired(shop), shopify.ada.balance(day(306))) == (0, 600, 0)
    # Shopify's own word of it changes nothing more.
    shopify.hear(day(307))
    assert (liability(shop), expired(shop)) == (0, 600)


@pytest.mark.parametrize("cycle", [Cycle(), Cycle(days=28, starts_on=date(2026, 3, 1))])
def test_b3_every_reward_is_a_record_on_the_statement_of_its_period_and_statements_add_up(
    shop: Life, cycle: Cycle
) -> None:
    shop.publish(on=-1, tiers=FLAT, cycle=cycle)
    shopify = Shopify(shop)
    first, second, third = order(1, line(1, 40_000, 2)), order(2, on=5), order(3, on=35)
    for fact, on in ((first, 0), (second, 5), (third, 35)):
        shop.tell(fact, on=on)
        shopify.carry_out(day(on, 300))
    shopify.ada.redeem(900, day(40))
    shopify.hear(day(41))
    shop.by_hand(CREDIT, 50, on=45)
    # In the third period all of the first order goes back: 8.00, of which 3.50 are there and 4.50 are owed.
    shop.pay_back(refund_of(first, units=2, on=70), on=70)
    shopify.carry_out(day(71))
    one, two, three = (statement.figures for statement in shop.statements())
    assert one.lines == {Line.EARNED: Amounts(1_000), Line.SETTLED: Amounts(-1_000, 1_000)}
    assert two.lines == {
        Line.EARNED: Amounts(200), Line.SETTLED: Amounts(-200, 200), Line.REDEEMED: Amounts(0, -900),
        Line.ADJUSTED: Amounts(0, 50),
    }  # fmt: skip
    assert three.lines == {Line.REVERSED: Amounts(0, -350, -450)}
    assert [(each.opening, each.closing) for each in (one, two, three)] == [
        (Amounts(), Amounts(0, 1_000)),
        (Amounts(0, 1_000), Amounts(0, 350)),
        (Amounts(0, 350), Amounts(0, 0, -450)),
    ]
    assert shop.balances() == (0, 0, -450)
    records = [
        [
            (reward.reward_id, reward.order_name, reward.placed_at, reward.granted_minor, reward.reversed_minor)
            for reward in statement.rewards
        ]
        for statement in shop.statements()
    ]
    ids = [shop.reward(fact).id for fact in (first, second, third)]
    assert records == [
        [(ids[0], "#1001", day(0), 800, 800), (ids[1], "#1002", day(5), 200, 0)],
        [(ids[2], "#1003", day(35), 200, 0)],
        [],
    ]
    statement_ids = [statement.statement_id for statement in shop.statements()]
    for fact, number, state in ((first, 0, "reversed"), (second, 0, "settled"), (third, 1, "settled")):
        row = shop.row(fact)
        assert (row.customer_id, row.statement_id, row.state) == (shop.id_of(ADA), statement_ids[number], state)
    with reading() as session:
        done = session.execute(select(Transfer.reward_id, Transfer.shopify_transaction_id).order_by(Transfer.id)).all()
    assert [reward_id for reward_id, _ in done] == [*ids, None, ids[0]]
    assert all(gid is not None and gid.startswith("gid://shopify/StoreCreditAccount") for _, gid in done)
