"""Store-credit accounts as Shopify keeps them, by an arithmetic of their own: what the books are held against."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.engine.flows import transfer
from app.engine.flows.expire import expire_due
from app.engine.flows.moves import record_moves
from app.engine.rules.facts import CreditMove, CustomerFact, MoveKind
from app.engine.rules.states import TransferKind
from tests.flows.builders import ADA, Till

CREDIT = "gid://shopify/StoreCreditAccountCreditTransaction/"
DEBIT = "gid://shopify/StoreCreditAccountDebitTransaction/"


@dataclass
class Credit:
    """One credit on an account, and what is left of it."""

    gid: str
    minor: int
    expires_at: datetime | None


@dataclass
class Account:
    """One customer's account. What our transfers did not do is on its statement, heard of or not."""

    customer: CustomerFact
    credits: list[Credit] = field(default_factory=list)
    unheard: list[CreditMove] = field(default_factory=list)
    heard: list[CreditMove] = field(default_factory=list)
    spent: list[tuple[Credit, int]] = field(default_factory=list)
    numbers: int = 0

    def gid(self, kind: str) -> str:
        self.numbers += 1
        return f"{kind}{self.customer.customer_id * 1_000 + self.numbers}"

    def balance(self, now: datetime) -> int:
        """Return what can be spent; what expired until now goes to the statement."""
        for credit in self.credits:
            if credit.minor and credit.expires_at is not None and credit.expires_at <= now:
                self.tell(MoveKind.EXPIRY, credit.minor, credit.expires_at, f"expiration:{credit.gid}")
                credit.minor = 0
        return sum(credit.minor for credit in self.credits)

    def credit(self, minor: int, now: datetime, expires_at: datetime | None = None) -> str:
        """Add credit."""
        assert expires_at is None or expires_at > now
        self.credits.append(Credit(self.gid(CREDIT), minor, expires_at))
        return self.credits[-1].gid

    def take(self, minor: int, now: datetime) -> list[tuple[Credit, int]]:
        """Take credit, what expires soonest first; never more than there is."""
        assert minor <= self.balance(now)
        taken = []
        last = datetime.max.replace(tzinfo=now.tzinfo)
        for credit in sorted(self.credits, key=lambda each: each.expires_at or last):
            part = min(credit.minor, minor)
            credit.minor -= part
            minor -= part
            taken.append((credit, part))
        return taken

    def redeem(self, minor: int, now: datetime) -> None:
        """Let the customer spend, as far as there is so much."""
        minor = min(minor, self.balance(now))
        if minor:
            self.spent += self.take(minor, now)
            self.tell(MoveKind.REDEMPTION, minor, now)

    def give_back(self, minor: int, now: datetime) -> None:
        """Give back what was spent last, where it came from; as credit without an expiry if that is over."""
        given = 0
        self.balance(now)
        while self.spent and given < minor:
            credit, part = self.spent.pop()
            back = min(part, minor - given)
            if back < part:
                self.spent.append((credit, part - back))
            if credit.expires_at is None or credit.expires_at > now:
                credit.minor += back
            else:
                self.credits.append(Credit("", back, None))
            given += back
        if given:
            self.tell(MoveKind.RETURN, given, now)

    def outside(self, minor: int, now: datetime) -> None:
        """Let somebody else give credit, or take as much of it as there is."""
        if minor > 0:
            self.credit(minor, now)
            self.tell(MoveKind.EXTERNAL_CREDIT, minor, now)
        elif taken := min(-minor, self.balance(now)):
            self.take(taken, now)
            self.tell(MoveKind.EXTERNAL_DEBIT, taken, now)

    def tell(self, kind: MoveKind, minor: int, at: datetime, key: str | None = None) -> None:
        self.numbers += 1
        key = key or f"{self.customer.customer_id}:{self.numbers}"
        self.unheard.append(CreditMove(key, self.customer.customer_id, kind, minor, at))


class Shopify:
    """The accounts of a shop's customers, and the way in which transfers and statements pass between it and us."""

    def __init__(self, till: Till, *customers: CustomerFact) -> None:
        self.till = till
        self.accounts = {fact.customer_id: Account(fact) for fact in customers or (ADA,)}

    @property
    def ada(self) -> Account:
        """Return Ada's account."""
        return self.accounts[ADA.customer_id]

    def carry_out(self, now: datetime, most: int = 1_000) -> None:
        """Carry out the transfers that are due."""
        for _ in range(most):
            claim = self.till.run(lambda session, shop: transfer.claim_next(session, shop.id, now, 30))
            if claim is None:
                return
            account = self.accounts[int(claim.customer_gid.rpartition("/")[2])]
            is_credit = claim.kind is TransferKind.CREDIT
            minor = claim.amount_minor if is_credit else min(claim.amount_minor, account.balance(now))
            if minor == 0:
                self.till.run(lambda session, _, c=claim: transfer.mark_not_applicable(session, c, now))
                continue
            sent = self.till.run(lambda session, _, c=claim, m=minor: transfer.mark_sending(session, c, 0, m, now))
            if sent is None:
                continue  # what it was to bring has gone back meanwhile
            minor = sent.amount_minor
            if is_credit:
                gid = account.credit(minor, now, sent.expires_at)
            else:
                account.take(minor, now)
                gid = account.gid(DEBIT)
            self.till.run(lambda session, _, c=claim, g=gid: transfer.confirm(session, c, g, 0, now))

    def hear(self, now: datetime, *moves: CreditMove) -> None:
        """Import some moves, or all that are unheard."""
        for account in self.accounts.values():
            account.balance(now)
        heard = moves or tuple(move for account in self.accounts.values() for move in account.unheard)
        for account in self.accounts.values():
            account.heard += [move for move in account.unheard if move in heard]
            account.unheard = [move for move in account.unheard if move not in heard]
        self.till.twice(lambda session, shop, at: record_moves(session, shop, heard, at), now)

    def expire(self, now: datetime) -> int:
        """Sweep what has expired."""
        return self.till.twice(lambda session, shop, at: expire_due(session, shop, at), now)

    def finish(self, now: datetime) -> datetime:
        """Let everything be carried out and heard of; return when nothing is left to do."""
        for _ in range(6):
            now += timedelta(minutes=15)
            self.carry_out(now)
            self.hear(now)
            self.till.run(lambda session, shop, now=now: expire_due(session, shop, now))
        return now
