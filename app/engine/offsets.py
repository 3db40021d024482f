"""A credit that never reached the customer, refused or not sent yet: taking it back must touch no other money."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.engine.rules.states import TransferKind, TransferState
from app.models import Transfer
from app.sentences import marked

#: A reward and a customer: an order that changed hands has transfers of both its customers.
_Whose = tuple[int | None, int]
_NOT_NEEDED = marked("The order went back before this credit was made; credit and debit cancel each other.")


def cancel_against_each_other(
    session: Session, shop_id: int, reward_ids: Collection[int], about_to_be_sent: Transfer | None = None
) -> None:
    """Cancel credits that were refused or never sent and debits not begun yet against each other.

    Only those of the same reward and customer. What is left of either stays: of a credit to be sent, by a person
    if it was refused, of a debit to be taken. What a worker has in hands is left alone, but for what that worker
    itself is about to send. The caller holds the customers' locks, which also keeps such a credit from being sent
    meanwhile.
    """
    in_hands = None if about_to_be_sent is None else about_to_be_sent.id
    refused = and_(Transfer.kind == TransferKind.CREDIT, Transfer.state == TransferState.REFUSED)
    not_begun = and_(
        Transfer.state == TransferState.PLANNED,
        or_(Transfer.leased_until.is_(None), Transfer.id == in_hands),
        # A credit that was sent once and did not arrive may still do so; it is looked for before it is cut.
        or_(Transfer.kind == TransferKind.DEBIT, Transfer.sent_at.is_(None)),
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
    for whose, unsent in credits_of.items():
        for credit in unsent:
            for debit in debits_of[whose]:
                _cancel(credit, debit)
    session.flush()


def _cancel(credit: Transfer, debit: Transfer) -> None:
    minor = min(credit.left_minor, debit.left_minor)
    for transfer in (credit, debit):
        transfer.cancelled_minor += minor
        if transfer.left_minor == 0 and transfer.state is not TransferState.NOT_APPLICABLE:
            transfer.state, transfer.sent_minor, transfer.error = TransferState.NOT_APPLICABLE, 0, _NOT_NEEDED
            transfer.next_attempt_at = transfer.leased_until = None
