"""What became of an account's credit, reckoned from all that is known of it: see ``rules.lots``."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.engine.rules.lots import NOBODY, Change, Lot, LotState, Reckoning, SetOff

_NEVER = datetime.max.replace(tzinfo=UTC)
#: The key of what was given back without a lot. It is nobody's transfer.
_FREE = -(2**63)


def compute_lots(
    lots: Iterable[Lot],
    changes: Iterable[Change | SetOff],
    at: datetime,
    outstanding: Iterable[Change] = (),
) -> Reckoning:
    """Return what became of each lot by an instant.

    ``outstanding`` are debits that were not carried out yet, at the moment they were planned. While one may have come
    before an expiry, so much is not counted as expired. What Shopify says of a lot stands: the rest of it was used.
    """
    account = _Account()
    events: list[tuple[datetime, int, Lot | Change | SetOff]] = [(lot.at, 0, lot) for lot in lots]
    events += [(change.at, 1, change) for change in changes if change.at <= at]
    for _, _, event in sorted(events, key=lambda each: each[:2]):
        match event:
            case Lot():
                account.receive(event)
            case SetOff():
                account.set_off.append((event.owner, event.amount_minor))
            case Change(amount_minor=minor) if minor < 0:
                account.take(event)
            case _:
                account.give_back(event)
    return account.reckon(at, outstanding)


@dataclass(slots=True, eq=False)
class _Running:
    """A lot while time goes by: what is left of it, by owner."""

    lot: Lot
    owners: Counter[int]

    @property
    def expires_at(self) -> datetime:
        return self.lot.expires_at or _NEVER

    @property
    def left_minor(self) -> int:
        return self.owners.total()

    @property
    def spare_minor(self) -> int:
        """Return what can be used: what will expire by Shopify's word cannot."""
        return max(self.left_minor - (self.lot.told_minor or 0), 0)

    def let_go(self, amount_minor: int, preferred: int) -> Iterator[tuple[int, int]]:
        """Take an amount out, of one owner before the others; yield whose and how much."""
        for owner in sorted(self.owners, key=lambda each: (each != preferred, each)):
            minor = min(amount_minor, self.owners[owner])
            if minor:
                self.owners[owner] -= minor
                amount_minor -= minor
                yield owner, minor


@dataclass(slots=True, eq=False)
class _Share:
    """Some cents that were taken out of a lot."""

    source: _Running
    owner: int
    amount_minor: int


@dataclass(slots=True)
class _Account:
    running: list[_Running] = field(default_factory=list)
    #: What was spent and could be given back, the newest last.
    spent: list[_Share] = field(default_factory=list)
    #: Whose cents debits took for rewards that had none left, and how many.
    wronged: Counter[int] = field(default_factory=Counter)
    #: What was set off by whom, the newest last.
    set_off: list[tuple[int, int]] = field(default_factory=list)
    debited: Counter[int] = field(default_factory=Counter)

    def receive(self, lot: Lot) -> None:
        owners: Counter[int] = Counter()
        if lot.makes_good:
            for owner in sorted(self.wronged):
                owners[owner] = min(self.wronged[owner], lot.amount_minor - owners.total())
            self.wronged -= owners
            while self.set_off and owners.total() < lot.amount_minor:
                owner, minor = self.set_off.pop()
                used_minor = min(minor, lot.amount_minor - owners.total())
                owners[owner] += used_minor
                if used_minor < minor:
                    self.set_off.append((owner, minor - used_minor))
        owners[lot.owner] += lot.amount_minor - owners.total()
        self.running.append(_Running(lot, owners))
        self.running.sort(key=lambda each: (each.expires_at, each.lot.at, each.lot.key))

    def take(self, change: Change) -> None:
        """Let an amount go out of what is there; what there is too little of was never heard of."""
        need_minor = -change.amount_minor
        for each in self._alive(change.at):
            amount_minor = min(need_minor, each.spare_minor)
            need_minor -= amount_minor
            for owner, minor in each.let_go(amount_minor, change.owner):
                if change.is_spending:
                    self.spent.append(_Share(each, owner, minor))
                elif change.owner != NOBODY:
                    self._debit(change, owner, minor)

    def give_back(self, change: Change) -> None:
        """Put an amount back to where it was spent last.

        What no spending is known of, and what comes from a lot that has expired since, has no expiry: whether it
        expires at once only Shopify can tell.
        """
        amount_minor, late = change.amount_minor, Counter[int]()
        while amount_minor and self.spent:
            share = self.spent[-1]
            minor = min(share.amount_minor, amount_minor)
            share.amount_minor -= minor
            amount_minor -= minor
            if share.amount_minor == 0:
                self.spent.pop()
            owners = share.source.owners if change.at < share.source.expires_at else late
            owners[share.owner] += minor
        late[NOBODY] += amount_minor
        self.running.append(_Running(Lot(_FREE, change.at, late.total()), late))

    def reckon(self, at: datetime, outstanding: Iterable[Change]) -> Reckoning:
        ended = [each for each in self.running if each.expires_at <= at or each.lot.told_minor is not None]
        gone = {each.lot.key: Counter(dict(each.let_go(each.left_minor, NOBODY))) for each in ended}
        for each in ended:
            if each.lot.told_minor is not None:
                gone[each.lot.key] = _first(gone[each.lot.key], each.lot.told_minor)
        _reserve([(each, gone[each.lot.key]) for each in ended if each.lot.told_minor is None], outstanding)
        states = {}
        for each in self.running:
            expired_minor = gone[each.lot.key].total() if each.lot.key in gone else 0
            used_minor = each.lot.amount_minor - expired_minor - each.left_minor
            states[each.lot.key] = LotState(used_minor, expired_minor, each.left_minor)
        states.pop(_FREE, None)
        return Reckoning(states, sum(gone.values(), Counter()), self.debited)

    def _alive(self, at: datetime) -> list[_Running]:
        return [each for each in self.running if at < each.expires_at]

    def _debit(self, change: Change, owner: int, amount_minor: int) -> None:
        """Count what a debit took: its own reward's cents, if need be by letting two cents change places."""
        mine = change.owner
        if owner != mine:
            swapped_minor = 0
            for owners in (each.owners for each in self._alive(change.at)):
                minor = min(owners[mine], amount_minor - swapped_minor)
                owners[mine] -= minor
                owners[owner] += minor
                swapped_minor += minor
            swapped_minor += self._swap_spent(mine, owner, amount_minor - swapped_minor)
            self.wronged[owner] += amount_minor - swapped_minor
            amount_minor = swapped_minor
        self.debited[mine] += amount_minor

    def _swap_spent(self, mine: int, owner: int, amount_minor: int) -> int:
        """Let spent cents of one reward be another's, and return how many."""
        swapped_minor = 0
        for share in [share for share in self.spent if share.owner == mine]:
            minor = min(share.amount_minor, amount_minor - swapped_minor)
            share.amount_minor -= minor
            self.spent.insert(self.spent.index(share), _Share(share.source, owner, minor))
            swapped_minor += minor
        self.spent = [share for share in self.spent if share.amount_minor]
        return swapped_minor


def _first(owners: Counter[int], amount_minor: int) -> Counter[int]:
    """Return an amount of what there is."""
    return Counter(dict(_Running(Lot(_FREE, _NEVER, 0), owners).let_go(amount_minor, NOBODY)))


def _reserve(expired: list[tuple[_Running, Counter[int]]], outstanding: Iterable[Change]) -> None:
    """Keep what open debits may have taken from counting as expired: of their own rewards' cents, else of any."""
    for change in outstanding:
        need_minor = -change.amount_minor
        may_have_met = [gone for each, gone in expired if change.at < each.expires_at]
        own_first = [(gone, change.owner) for gone in may_have_met]
        for cents, owner in own_first + [(gone, owner) for gone in may_have_met for owner in sorted(gone)]:
            minor = min(need_minor, cents[owner])
            cents[owner] -= minor
            need_minor -= minor
