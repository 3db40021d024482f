"""bulk_operations/finish: Shopify has written a file, or has given up writing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.flows.import_steps import wake
from app.models import Shop
from app.sentences import say
from app.webhooks.body import BodyError, Json
from app.webhooks.reader import Reader


@dataclass(frozen=True, slots=True)
class BulkFinished:
    """This bulk operation is over, whatever became of it."""

    operation_gid: str


def parse_bulk_finish(body: Json) -> BulkFinished:
    """Return which operation is over. Raises BodyError. What became of it is asked for: the headers are not signed."""
    gid = Reader(body).text("admin_graphql_api_id")
    if gid is None or not gid.startswith("gid://shopify/BulkOperation/"):
        raise BodyError(say("admin_graphql_api_id must name a bulk operation."))
    return BulkFinished(gid)


def record_bulk_finish(session: Session, shop: Shop, facts: Sequence[BulkFinished], now: datetime) -> None:
    """Have the import looked at that waits for one of the operations; of others nothing is known here."""
    wake(session, shop, {fact.operation_gid for fact in facts}, now)
