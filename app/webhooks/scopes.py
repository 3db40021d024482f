"""app/scopes_update: a shop allows the app more, or less, than before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.flows.permissions import change_scopes
from app.models import Shop
from app.sentences import say
from app.webhooks.body import BodyError, Json
from app.webhooks.reader import Reader


@dataclass(frozen=True, slots=True)
class ScopesTold:
    """What a shop allows the app from an instant on."""

    scopes: tuple[str, ...]
    at: datetime


def parse_scopes(body: Json) -> ScopesTold:
    """Return the scopes that a shop allows now. Raises BodyError when the body does not say so."""
    current = body.get("current")
    if not isinstance(current, list) or not all(isinstance(scope, str) and scope.isidentifier() for scope in current):
        raise BodyError(say("current must be a list of scopes."))
    return ScopesTold(tuple(current), Reader(body).instant("updated_at"))


def record_scopes(session: Session, shop: Shop, facts: Sequence[ScopesTold], now: datetime) -> None:
    """Remember the newest word on what the shop allows; what comes late is left aside."""
    for fact in facts:
        change_scopes(session, shop, ",".join(fact.scopes), fact.at, now)
