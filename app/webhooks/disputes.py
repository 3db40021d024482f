"""A dispute's body, from disputes/create and disputes/update, becomes a DisputeFact."""

from datetime import UTC, date, datetime

from app.engine.rules.facts import DisputeFact, DisputeStatus
from app.sentences import say
from app.webhooks.body import BodyError, Json, NothingToDo
from app.webhooks.reader import Reader

#: It never became a contest: where the money went back, that is told as a refund.
PREVENTED = "prevented"


def parse_dispute(body: Json) -> DisputeFact:
    """Return what a dispute's body says. Raises NothingToDo when it is about no order, and BodyError."""
    dispute = Reader(body)
    dispute_id, status = dispute.shopify_id(), _status(dispute)
    if not dispute.has("order_id"):
        raise NothingToDo(say("The dispute is about no order of the shop."))
    return DisputeFact(
        dispute_id=dispute_id,
        order_id=dispute.shopify_id("order_id"),
        status=status,
        initiated_at=dispute.instant("initiated_at"),
        finalized_at=_finalized_at(dispute),
    )


def _status(dispute: Reader) -> DisputeStatus:
    value = dispute.text("status") or ""
    if value.lower() == PREVENTED:
        return DisputeStatus.CHARGE_REFUNDED
    try:
        return DisputeStatus(value.lower())
    except ValueError as error:
        known = ", ".join(DisputeStatus)
        raise BodyError(
            say("status must be one of {known}; it is {status}.", known=known, status=ascii(value[:40]))
        ) from error


def _finalized_at(dispute: Reader) -> datetime | None:
    """Return when the bank decided. Shopify calls it ``finalized_on``, and may say no more than the day."""
    text = dispute.text("finalized_on")
    if text is not None and len(text) == len("2026-03-02"):
        try:
            return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        except ValueError as error:
            raise BodyError(
                say("finalized_on must be a day or a time with its offset; it is {text}.", text=ascii(text))
            ) from error
    return dispute.optional_instant("finalized_on")
