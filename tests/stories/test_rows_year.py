"""A year in one shop: with everything told twice the books are the same, and they add up at the end of every month."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import db
from app.engine.flows import adjust, moves, program, review, terms
from app.engine.rules.facts import CustomerFact
from app.engine.rules.states import TransferKind
from app.engine.rules.terms import Mode
from app.errors import Refused
from app.models import Customer, LedgerEntry, LedgerPosting, Order, ReasonCode, Reward, Shop, Statement, Transfer
from tests.flows.builders import STAFF, books, day, reading
from tests.flows.shopify_account import Shopify
from tests.stories.rows import Life
from tests.stories.rows_year import PEOPLE, Deed, Flow, Year

KINDS = {"accrual", "void", "settlement", "clawback", "set_off", "redemption", "expiry", "adjustment"}
STATES = {"in_review", "rejected", "settled", "reversed", "voided", "ineligible"}


class Play:
    """One shop in which the deeds of a year happen."""

    def __init__(self, name: str) -> None:
        self.till = Life(f"{name}.myshopify.com")
        self.till.run(lambda session, row: setattr(row, "timezone", "America/New_York"))
        self.shopify = Shopify(self.till, *PEOPLE)

    def publish(self, now: datetime, changes: dict[str, Any], mode: Mode = Mode.AUTOMATIC) -> None:
        """Publish the terms in force with some changes, and switch the mode."""

        def flow(session: Session, row: Shop) -> None:
            current = terms.get_current(session, row.id, now)
            terms.publish(session, row.id, replace(current, **changes), STAFF, now)
            program.set_mode(session, row.id, mode, program.Waiting.KEEP, STAFF, now)

        self.till.run(flow)

    def tell(self, flow: Flow, facts: Sequence[Any], now: datetime) -> None:
        """Tell facts, all in one batch."""
        self.till.run(lambda session, row: flow(session, row, facts, now))

    def hear(self, now: datetime) -> list[Any]:
        """Return what has moved on the accounts in Shopify since the last time."""
        heard = []
        for account in self.shopify.accounts.values():
            account.balance(now)
            heard += account.unheard
            account.unheard = []
        return heard

    def by_hand(self, who: CustomerFact, kind: TransferKind, minor: int, now: datetime, times: int) -> None:
        """Give or take credit by hand, as far as that may be."""

        def flow(session: Session, row: Shop) -> None:
            which = (Customer.shop_id == row.id, Customer.shopify_id == who.customer_id)
            whose = session.scalar(select(Customer.id).where(*which))
            if whose is not None:
                words = (kind, minor, ReasonCode.GOODWILL, "", STAFF, now, str(now))
                adjust.propose(session, row.id, whose, *words)

        for _ in range(times):
            self.try_to(flow)

    def decide(self, verb: Callable[..., Reward], number: int, now: datetime, times: int) -> None:
        """Click so many times on one of those that wait, having seen the same version each time."""
        with reading() as session:
            which = (Reward.shop_id == self.till.id, Reward.state.in_(("in_review", "held", "rejected")))
            waiting = [
                (row.id, row.version) for row in session.scalars(select(Reward).where(*which).order_by(Reward.id))
            ]
        if waiting:
            words = (*waiting[number % len(waiting)], STAFF, now, *(["Odd."] if verb is review.reject else []))
            for _ in range(times):
                self.try_to(lambda session, row: verb(session, row.id, *words))

    def work(self, who: CustomerFact, minor: int, now: datetime, times: int) -> None:
        """Let the clock do what is due, Shopify carry out transfers, and somebody spend; hear of that some times."""
        self.till.work(now)
        self.shopify.carry_out(now)
        self.shopify.accounts[who.customer_id].redeem(minor, now)
        heard = self.hear(now)
        for _ in range(times):
            self.tell(moves.record_moves, heard, now)

    def try_to(self, flow: Callable[[Session, Shop], object]) -> None:
        """Do what may be refused."""
        try:
            self.till.run(flow)
        except Refused as refusal:
            assert str(refusal)  # noqa: PT017 - what is refused is drawn at random

    def picture(self) -> dict[str, Any]:
        """Return all that the books say, told without ids of ours; they must add up."""
        with reading() as session:
            people = dict(session.execute(select(Customer.id, Customer.shopify_id)).all())
            entries = session.execute(
                select(LedgerEntry, LedgerPosting)
                .join(LedgerPosting, LedgerPosting.entry_id == LedgerEntry.id)
                .where(LedgerEntry.shop_id == self.till.id)
                .order_by(LedgerEntry.customer_id, LedgerPosting.id)
            )
            rewards = select(Order.name, Reward).join(Reward, Reward.order_id == Order.id)
            lines = [
                (people[e.customer_id], e.kind, e.occurred_at, e.recorded_at, p.source, p.destination, p.amount_minor)
                for e, p in entries
            ]
            sent = session.scalars(
                select(Transfer).where(Transfer.shop_id == self.till.id).order_by(Transfer.customer_id, Transfer.id)
            )
            periods = session.scalars(
                select(Statement).where(Statement.shop_id == self.till.id).order_by(Statement.customer_id, Statement.id)
            )
            seen = {
                "ledger": lines,
                "sent": [
                    (people[row.customer_id], row.kind, row.amount_minor, row.state, row.expires_at) for row in sent
                ],
                "periods": [(people[row.customer_id], row.starts_at, row.ends_at) for row in periods],
                "details": [
                    (
                        name,
                        row.hold_reason,
                        row.ineligible_reason,
                        row.void_reason,
                        row.spend_minor,
                        row.ceilings,
                        row.steps,
                    )
                    for name, row in session.execute(rewards.where(Order.shop_id == self.till.id).order_by(Order.id))
                ],
            }
        return {**books(self.till), **seen}


def live(name: str, deeds: Sequence[Deed], times: int) -> list[dict[str, Any]]:
    """Live through a year and return the books of each month; ``times`` 2 tells all news again, some of it later."""
    play = Play(name)
    pictures: list[dict[str, Any]] = []
    again: list[tuple[int, Flow, Sequence[Any]]] = []
    for number, deed in enumerate(deeds):
        while deed.at >= day(30 * (len(pictures) + 1)):
            pictures.append(play.picture())
        if deed.do is not None:
            deed.do(play, deed.at, times)
        if deed.flow is not None:
            again += [(number + number % 9, deed.flow, deed.facts)] * (times - 1)
            play.tell(deed.flow, deed.facts, deed.at)
        for late in [late for late in again if late[0] <= number]:
            play.tell(late[1], late[2], deed.at)
            again.remove(late)
    now = play.shopify.finish(deeds[-1].at)
    for who in PEOPLE:
        assert play.till.balances(who)[1] == play.shopify.accounts[who.customer_id].balance(now)
    return [*pictures, play.picture()]


def test_a_year_in_one_shop(app: Flask) -> None:
    deeds = Year(seed=1).deeds
    assert sum(len(deed.facts) for deed in deeds) > 150
    with app.app_context():
        once, twice = live("once", deeds, times=1), live("twice", deeds, times=2)
        db.session.remove()
    assert len(once) >= 12
    for month, (one, two) in enumerate(zip(once, twice, strict=True)):
        for part in one:
            assert two[part] == one[part], (month, part)
    year = once[-1]
    # What the seed has drawn is a year with something of everything.
    assert {kind for _, kind, *_ in year["ledger"]} >= KINDS
    assert {state for state, *_ in year["rewards"].values()} >= STATES
    seen = [one for month in once for one in month["details"]]
    assert {hold for _, hold, *_ in seen} >= {"country_mismatch", "refund_share", "dispute"}
    cuts = {step["limit"] for *_, steps in seen for step in steps if step["kind"] == "limit_cut"}
    assert cuts == {"day", "month", "balance", "budget"}
