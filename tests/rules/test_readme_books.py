"""The tables of the books in app/engine/README.md: accounts, balances, lots, expiry and statements."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.engine.rules import money, postings
from app.engine.rules.expiry import compute_expires_at
from app.engine.rules.facts import MoveKind
from app.engine.rules.lot_account import compute_lots
from app.engine.rules.lots import Change, Lot, LotState, Reckoning
from app.engine.rules.periods import Period, cycle_of
from app.engine.rules.postings import Account, Line, Posting
from app.engine.rules.statements import Amounts, compute_figures, continue_with
from app.engine.rules.terms import Cycle, Expiry

from .made import day
from .tables import Row, tables_with

(ACCOUNTS,) = tables_with("event")
BALANCES = list(tables_with("what happens", "owed"))
(EXPIRIES,) = tables_with("credit lives", "expires")
(LOTS,) = tables_with("heard so far")
(COVERED,) = tables_with("so expiry pays", "taken back")
(PERIODS,) = tables_with("cycle", "statements to add")
(RECORDED,) = tables_with("recorded in", "posted")
(APRIL,) = tables_with("line of April's statement")
UTC_ZONE = ZoneInfo("UTC")


def minor(text: str) -> int:
    return money.to_minor(text, "USD")


def test_each_event_moves_money_between_the_accounts_its_row_names() -> None:
    expired, covered, rest = postings.claw_back(500, 300, 100)
    taken, taken_rest = postings.take(Account.ADJUSTED, 500, 300)
    moves = {
        "accrue": postings.accrue(500)[0],
        "void": postings.void(500)[0],
        "settle": postings.settle(500)[0],
        "claw back, what expired of it": expired,
        "claw back, covered by the balance": covered,
        "claw back, the rest": rest,
        "set off against what is owed": postings.set_off(500)[0],
        "forgive": postings.forgive(500)[0],
        "fall short": postings.fall_short(500)[0],
        "redeem": postings.move(MoveKind.REDEMPTION, 500)[0],
        "return": postings.move(MoveKind.RETURN, 500)[0],
        "expire": postings.expire(500)[0],
        "not expired": postings.unexpire(500)[0],
        "give by hand": postings.give_by_hand(500)[0],
        "take by hand, covered by the balance": taken,
        "take by hand, the rest, where the terms let it": taken_rest,
        "external credit": postings.move(MoveKind.EXTERNAL_CREDIT, 500)[0],
        "external debit": postings.move(MoveKind.EXTERNAL_DEBIT, 500)[0],
    }
    told = {row["event"].partition(":")[0]: (row["from"], row["to"]) for row in ACCOUNTS}
    assert told == {event: (posting.source, posting.destination) for event, posting in moves.items()}


class Book:
    """One customer's balances, and what had to be presumed."""

    def __init__(self) -> None:
        self.balance: Counter[Account] = Counter()
        self.presumed_minor = 0

    def post(self, text: str) -> list[Posting]:
        """Do what a cell says, as the daybook does; return what was posted."""
        event, _, amount = text.partition(", expired ")[0].rpartition(" ")
        available_minor, amount_minor = self.balance[Account.AVAILABLE], minor(amount)
        simple: dict[str, Callable[[int], tuple[Posting, ...]]] = {
            "accrue": postings.accrue,
            "void": postings.void,
            "settle": postings.settle,
            "set off": postings.set_off,
            "fall short": postings.fall_short,
            "forgive": postings.forgive,
            "expire": postings.expire,
            "not expired": postings.unexpire,
            "give by hand": postings.give_by_hand,
        }
        moves = {
            "redeem": MoveKind.REDEMPTION,
            "return": MoveKind.RETURN,
            "external credit": MoveKind.EXTERNAL_CREDIT,
            "external debit": MoveKind.EXTERNAL_DEBIT,
        }
        if event in moves:
            rows = postings.move(moves[event], amount_minor)
        elif event == "claw back":
            expired_minor = minor(text.partition(", expired ")[2] or "0")
            rows = postings.claw_back(amount_minor, available_minor, expired_minor)
        elif event in ("take by hand", "charge"):
            to = Account.EXPIRED if event == "charge" else Account.ADJUSTED
            rows = postings.take(to, amount_minor, available_minor)
        else:
            rows = simple[event](amount_minor)
        missing_minor = postings.missing(rows, available_minor)
        made = [*(postings.cover(missing_minor) if missing_minor else ()), *rows]
        self.presumed_minor += missing_minor
        self.add(made)
        known_minor = min(self.presumed_minor, self.balance[Account.AVAILABLE])
        if known_minor:
            self.presumed_minor -= known_minor
            self.add(list(postings.uncover(known_minor)))
            made += postings.uncover(known_minor)
        return made

    def add(self, rows: list[Posting]) -> None:
        for row in rows:
            self.balance[row.source] -= row.amount_minor
            self.balance[row.destination] += row.amount_minor


@pytest.mark.parametrize("rows", BALANCES, ids=lambda rows: rows[-1]["what happens"])
def test_balances_follow_from_what_was_posted(rows: list[Row]) -> None:
    book = Book()
    for row in rows:
        book.post(row["what happens"])
        told = {name: minor(text) for name, text in row.items() if name != "what happens"}
        assert {name: book.balance[Account[name.upper()]] for name in told} == told, row
        assert sum(book.balance.values()) == 0
        assert book.balance[Account.AVAILABLE] >= 0
        assert book.balance[Account.PENDING] >= 0
        assert book.balance[Account.OWED] <= 0


@pytest.mark.parametrize("row", EXPIRIES, ids=lambda row: f"{row['credit lives']} from {row['settled']}")
def test_credit_expires_when_its_row_says(row: Row) -> None:
    match row["credit lives"].split():
        case [days, "days"]:
            expiry = Expiry(days=int(days))
        case ["to", on]:
            expiry = Expiry(on=date.fromisoformat(on))
        case _:
            expiry = Expiry()
    expires_at = compute_expires_at(expiry, datetime.fromisoformat(row["settled"]).replace(tzinfo=UTC), UTC_ZONE)
    assert (expires_at.strftime("%Y-%m-%d %H:%M") if expires_at else "never") == row["expires"]


def test_what_became_of_each_lot_is_as_its_row_says() -> None:
    names = [name for name in LOTS[0] if name != "heard so far"]
    lots = []
    for key, name in enumerate(names):
        match = re.fullmatch(r"\w, ([\d.]+) (?:until day (\d+)|for good)", name)
        assert match
        lots.append(Lot(key, day(0), minor(match[1]), day(int(match[2])) if match[2] else None))
    heard: list[Change] = []
    for row in LOTS:
        if row["heard so far"] != "nothing":
            amount, what, on = re.fullmatch(r"([\d.]+) (.+) on day (\d+)", row["heard so far"]).groups()  # type: ignore[union-attr]
            sign = 1 if what == "given back" else -1
            heard.append(Change(day(int(on)), sign * minor(amount), is_spending=what == "spent"))
        states = compute_lots(lots, heard, day(35)).states
        assert [row[name] for name in names] == [told(states[key]) for key in range(len(names))], row


def told(state: LotState) -> str:
    parts = (("used", state.used_minor), ("expired", state.expired_minor), ("left", state.left_minor))
    return ", ".join(f"{word} {money.to_decimal_string(amount, 'USD')}" for word, amount in parts if amount)


@pytest.mark.parametrize("row", COVERED, ids=lambda row: next(iter(row.values())))
def test_expiry_pays_what_its_row_says(row: Row) -> None:
    debited, expired = minor(row["debits took of it"]), minor(row["expired of it"])
    reckoning = Reckoning({}, Counter({1: expired}), Counter({1: debited}))
    assert reckoning.covered_minor(1, minor(row["taken back"])) == minor(row["so expiry pays"])


def period(text: str) -> Period:
    start, end = (datetime.fromisoformat(part).replace(tzinfo=UTC) for part in text.split(" to "))
    return Period(start, end)


@pytest.mark.parametrize("row", PERIODS, ids=lambda row: f"{row['cycle']}, booked on {row['booked on']}")
def test_the_statements_to_add_are_those_of_the_row(row: Row) -> None:
    match = re.fullmatch(r"(\d+) days from (\S+)", row["cycle"])
    cycle = Cycle(days=int(match[1]), starts_on=date.fromisoformat(match[2])) if match else Cycle()
    at = datetime.fromisoformat(row["booked on"]).replace(tzinfo=UTC)
    known = None if row["statements there are"] == "none" else period(row["statements there are"])
    added = continue_with(cycle_of(at, cycle, UTC_ZONE), known, at)
    assert added == tuple(period(text) for text in row["statements to add"].split(", "))
    assert [at in one for one in added].count(True) == 1


def test_the_statement_is_what_was_recorded_in_its_month() -> None:
    book = Book()
    posted: dict[str, list[Posting]] = {"March": [], "April": [], "May": []}
    for row in RECORDED:
        posted[row["recorded in"]] += book.post(row["posted"])
    figures = compute_figures(posted["March"], posted["April"])
    lines = {"opening": figures.opening, **figures.lines, "closing": figures.closing}
    names = ("pending", "available", "owed")
    table = {row["line of April's statement"]: Amounts(*(minor(row[name]) for name in names)) for row in APRIL}
    assert lines == table
    assert list(lines) == list(table)
    after = compute_figures([*posted["March"], *posted["April"]], posted["May"])
    assert after.opening == figures.closing
    assert set(after.lines) == {Line.REDEEMED}
