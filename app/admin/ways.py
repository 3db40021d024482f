"""How an order can be processed that has no cashback, or whose credit failed."""

from enum import StrEnum

from app.admin.queries.order import OrderFile
from app.engine.flows.process import can_be_processed
from app.engine.rules.states import TransferState


class Way(StrEnum):
    """How an order is processed."""

    #: Its cashback is calculated, as nobody had asked for it.
    ASK = "ask"
    #: Shopify refused the credit or debit: it is sent again.
    RETRY = "retry"
    #: What Shopify told of it could not be handled: it is handled again.
    REPLAY = "replay"


def find_way(file: OrderFile) -> Way | None:
    """Return how an order can be processed; None where nothing is to be done about it."""
    if can_be_processed(file.order, file.reward):
        return Way.ASK
    if any(row.state is TransferState.REFUSED for row in file.transfers):
        return Way.RETRY
    return Way.REPLAY if any(note.can_be_replayed for note in file.deliveries) else None
