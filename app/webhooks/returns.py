"""returns/*: goods of an order are to come back, or do not any more, become a ReturnFact."""

from datetime import datetime

from app.engine.rules.facts import ReturnFact, ReturnStatus
from app.sentences import say
from app.webhooks.body import BodyError, Json, NothingToDo
from app.webhooks.reader import Reader


def parse_return(body: Json, at: datetime) -> ReturnFact:
    """Return what a return's body says. Raises NothingToDo for one that does not say how it stands, and BodyError.

    Bodies name the order in one of two ways. A return has no version and may be opened again after it was closed,
    so ``at``, when it was told, says which word is the newest.
    """
    told = Reader(body)
    return_id = told.gid("admin_graphql_api_id", "Return")
    status = told.text("status")
    if status is None:
        raise NothingToDo(say("The body does not say how the return stands."))
    try:
        return ReturnFact(return_id, _order_id(told), ReturnStatus(status.lower()), at)
    except ValueError as error:
        known = ", ".join(ReturnStatus)
        raise BodyError(
            say("status must be one of {known}; it is {status}.", known=known, status=ascii(status[:40]))
        ) from error


def _order_id(told: Reader) -> int:
    order = told.object("order")
    return told.shopify_id("order_id") if order is None else order.shopify_id()
