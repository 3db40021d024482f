"""What sending transfers needs besides Shopify: the books, as a protocol, for this room imports no flow; a clock."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

from app.engine.rules.arrival import Claim, Sent
from app.engine.rules.doubts import Doubt
from app.shopify.orders import OrderTold

#: Lets the books hear of orders as Shopify tells them, in transactions of its own; raises BoomerangError.
HearOrders = Callable[[int, Sequence[OrderTold]], None]


class TransferBooks(Protocol):
    """The functions of ``app.engine.flows.transfer`` that the sender calls; callers hand that module in."""

    def claim_some(
        self, session: Session, shop_id: int, now: datetime, lease_seconds: float, most: int
    ) -> list[Claim]: ...
    def count_due(self, session: Session, shop_id: int, now: datetime, limit: int) -> int: ...
    def find_next_due_at(self, session: Session, shop_id: int) -> datetime | None: ...
    def lock_owners(self, session: Session, claims: Sequence[Claim]) -> None: ...
    def list_claimed(self, session: Session, claim: Claim, gids: Collection[str]) -> frozenset[str]: ...
    def mark_sending(
        self,
        session: Session,
        claim: Claim,
        watermark: int,
        sent_minor: int,
        now: datetime,
        *,
        writes_note: bool = False,
    ) -> Sent | None: ...
    def confirm(
        self, session: Session, claim: Claim, transaction_id: str, balance_after_minor: int, now: datetime
    ) -> None: ...
    def mark_not_applicable(self, session: Session, claim: Claim, now: datetime) -> None: ...
    def refuse(self, session: Session, claim: Claim, reason: str) -> None: ...
    def refuse_owner(self, session: Session, claim: Claim, reason: str, now: datetime) -> None: ...
    def renew(
        self, session: Session, claim: Claim, reason: str, now: datetime, wait_seconds: float | None = None
    ) -> None: ...
    def put_back(
        self, session: Session, claim: Claim, reason: str, now: datetime, wait_seconds: float | None = None
    ) -> None: ...
    def mark_unknown(self, session: Session, claim: Claim, sent_at: datetime, reason: str, now: datetime) -> None: ...
    def record_empty_read(self, session: Session, claim: Claim, read_at: datetime, quiet_seconds: float) -> bool: ...
    def postpone_read(self, session: Session, claim: Claim, reason: str, now: datetime) -> None: ...
    def ask_person(self, session: Session, claim: Claim, reason: str, doubt: Doubt | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What all batches of a run have in common."""

    shop_id: int
    books: TransferBooks
    hear_orders: HearOrders
    clock: Callable[[], datetime]
    #: What was made later than this after sending is not ours by its time alone.
    window: timedelta
    #: How long after sending "nothing arrived" may first be believed.
    quiet_seconds: int
    #: Whether Shopify writes to customers about credits.
    notify: bool
    sees_all_orders: bool
