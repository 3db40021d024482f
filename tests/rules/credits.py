"""Made-up credits and what happened to them, for the tests of the lots. Days are those of the story."""

from app.engine.rules.lot_account import compute_lots
from app.engine.rules.lots import Change, Lot, SetOff

from .made import day


def lot(key: int, minor: int, expires_on: int | None, at: int = 0, told: int | None = None) -> Lot:
    """Return a credit that arrived on a day and expires on another."""
    return Lot(key, day(at), minor, None if expires_on is None else day(expires_on), told)


def spent(minor: int, at: int) -> Change:
    return Change(day(at), -minor, is_spending=True)


def taken(minor: int, at: int) -> Change:
    return Change(day(at), -minor)


def given_back(minor: int, at: int) -> Change:
    return Change(day(at), minor)


def ended(lots: list[Lot], changes: list[Change], at: int, outstanding: int = 0) -> dict[int, tuple[int, int, int]]:
    """Return used, expired and left of each lot."""
    states = compute_lots(lots, changes, day(at), [taken(outstanding, 1)] if outstanding else []).states
    return {key: (state.used_minor, state.expired_minor, state.left_minor) for key, state in states.items()}


def mine(key: int, minor: int, expires_on: int | None, at: int = 0, *, makes_good: bool = False) -> Lot:
    """Return a credit that the reward of its number earned."""
    return Lot(key, day(at), minor, None if expires_on is None else day(expires_on), None, key, makes_good)


def taken_back(owner: int, minor: int, at: int) -> Change:
    return Change(day(at), -minor, owner=owner)


def whose(lots: list[Lot], changes: list[Change | SetOff], at: int) -> tuple[dict[int, int], dict[int, int]]:
    """Return by reward what expired of its cents, and what debits took of them."""
    reckoning = compute_lots(lots, changes, day(at))
    return dict(reckoning.expired), dict(+reckoning.debited)
