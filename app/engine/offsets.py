"""A credit that Shopify refused never reached the customer, so taking it back must touch no other money."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.engine.rules.states import TransferKind, TransferState
from app.models import Transfer

#: A reward and a customer: an order that changed hands has transfers of both its customers.
_Whose = tuple[int | None, int]
_NOT_NEEDED = "The order went back before this credit was made; credit and debit cancel each other."


def cancel_against_each_other(session: Session, shop_id: int, reward_ids: Collection[int]) -> None:
    """Cancel refused credits and debits not begun yet of the same reward and customer against each other.

    What is left of either stays: of a credit to be sent again by a person, of a debit to be taken. The caller
    holds the customers' locks, which also keeps a refused credit from being sent again meanwhile.
    """
    refused = and_(Transfer.kind == TransferKind.CREDIT, Transfer.state == TransferState.REFUSED)
    not_begun = and_(
        Transfer.kind == TransferKind.DEBIT,
        Transfer.state == TransferState.PLANNED,
        Transfer.leased_until.is_(None),
    )
    rows = session.scalars(
        select(Transfer)
        .where(Transfer.shop_id == shop_id, Transfer.reward_id.in_(reward_ids), or_(refused, not_begun))
        .order_by(Transfer.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    credits_of: dict[_Whose, list[Transfer]] = defaultdict(list)
    debits_of: dict[_Whose, list[Transfer]] = defaultdict(list)
    for row in rows:
        (credits_of if row.kind is TransferKind.CREDIT else debits_of)[row.reward_id, row.customer_id].append(row)
    for whose, refused_credits in credits_of.items():
        for credit in refused_credits:
            for debit in debits_of[whose]:
                _cancel(credit, debit)
    session.flush()


def _cancel(credit: Transfer, debit: Transfer) -> None:
    minor = min(credit.left_minor, debit.left_minor)
    for transfer in (credit, debit):
        transfer.cancelled_minor += minor
        if transfer.left_minor == 0 and transfer.state is not TransferState.NOT_APPLICABLE:
            transfer.state, transfer.sent_minor, transfer.next_attempt_at = TransferState.NOT_APPLICABLE, 0, None
            transfer.error = _NOT_NEEDED
