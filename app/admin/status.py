"""The engine's status: Active, Paused or Error, with its causes and what to do about each."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from app.admin.account_causes import tell_accounts
from app.admin.display import format_age
from app.admin.queries.accounts import find_accounts
from app.admin.queries.status import Findings, find_out
from app.models import Shop
from app.queue import connection
from app.shopify.scopes import find_missing

LAG = timedelta(seconds=60)
UNKNOWN_FOR = timedelta(minutes=10)
#: So many times the shop's minutes between two looks for missed webhooks.
RECONCILED_IN_TURNS = 3
#: More than one in twenty deliveries of the last hour failed.
FAILED_SHARE = (1, 20)


class Level(StrEnum):
    """How the engine is."""

    ACTIVE = "Active"
    PAUSED = "Paused"
    ERROR = "Error"


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong, and what to do about it."""

    what: str
    advice: str
    #: The badge under which the orders concerned are listed.
    badge: str | None = None
    #: Shopify's page on which the shop mends it.
    page: str | None = None


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The status with all its causes; an engine that is paused may be in error besides."""

    level: Level
    causes: tuple[Cause, ...]


def find_status(session: Session, shop: Shop, now: datetime) -> EngineStatus:
    """Return the engine's status for a shop, derived from the tables and the queue."""
    causes = _causes(find_out(session, shop.id, now), now, shop)
    causes += [Cause(what, advice) for what, advice in tell_accounts(find_accounts(session, shop), shop.currency, now)]
    if not is_queue_reachable():
        causes.append(
            Cause(
                "The queue cannot be reached, so work waits for the clock's next sweep.",
                "Start Redis (or Valkey) again, or check REDIS_URL. Nothing is lost meanwhile.",
            )
        )
    if causes:
        return EngineStatus(Level.ERROR, tuple(causes))
    if shop.paused_at is not None:
        return EngineStatus(Level.PAUSED, ())
    return EngineStatus(Level.ACTIVE, ())


def is_queue_reachable() -> bool:
    """Return whether the queue's server answers."""
    try:
        return bool(connection().ping())
    except RedisError:
        return False


def _causes(found: Findings, now: datetime, shop: Shop) -> list[Cause]:
    return [
        *_access(found),
        *_permissions(found, shop),
        *_currency(shop),
        *_inbox(found, now),
        *_reconciliation(found, shop, now),
        *_transfers(found, now),
    ]


def _access(found: Findings) -> list[Cause]:
    reopen = "Close the app and open it again in Shopify's admin; that gives Boomerang a new token."
    if not found.has_token:
        return [Cause("Boomerang has no access token for this shop, so no credit can be sent.", reopen)]
    if found.token_refused_at is not None:
        why = f" ({found.token_refused_reason})" if found.token_refused_reason else ""
        return [Cause(f"Shopify refused our access token{why}, so no credit can be sent.", reopen)]
    return []


def _permissions(found: Findings, shop: Shop) -> list[Cause]:
    if not found.has_token:
        return []
    return [
        Cause(
            f"Shopify does not let Boomerang {lacking.allows} ({lacking.scope}).",
            "Agree to it on Shopify's page; Boomerang goes on by itself.",
            page=f"/auth/begin?shop={shop.domain}",
        )
        for lacking in find_missing(found.scope)
    ]


def _currency(shop: Shop) -> list[Cause]:
    if shop.other_currency is None:
        return []
    other = shop.other_currency
    return [
        Cause(
            f"Shopify says that the shop's currency is {other} now; its books are kept in {shop.currency}.",
            f"Orders in {other} earn nothing here. Change the currency back in Shopify, or ask for help:"
            " books cannot change their currency.",
        )
    ]


def _inbox(found: Findings, now: datetime) -> list[Cause]:
    causes = []
    if found.oldest_waiting_at is not None and now - found.oldest_waiting_at > LAG:
        causes.append(
            Cause(
                f"A delivery from Shopify has been waiting for {format_age(found.oldest_waiting_at)}.",
                "Check that a worker and the clock are running.",
            )
        )
    numerator, denominator = FAILED_SHARE
    total = found.handled + found.failed
    if found.failed * denominator > total * numerator:
        why = f" The last one: {found.last_failure}" if found.last_failure else ""
        causes.append(
            Cause(
                f"{found.failed} of {total} deliveries of the last hour failed.{why}",
                "Look at the reasons under Deliveries; once they are mended, handle the failed ones again.",
            )
        )
    return causes


def _reconciliation(found: Findings, shop: Shop, now: datetime) -> list[Cause]:
    late = RECONCILED_IN_TURNS * timedelta(minutes=shop.reconcile_minutes)
    if not found.has_token or found.token_refused_at is not None or now - found.reconciled_at <= late:
        return []
    why = f" The last try: {found.reconciliation_trouble}" if found.reconciliation_trouble else ""
    return [
        Cause(
            f"For {format_age(found.reconciled_at)} nobody has looked for orders whose webhooks never came.{why}",
            "Check that a worker and the clock are running and that Shopify answers; it goes on by itself.",
        )
    ]


def _transfers(found: Findings, now: datetime) -> list[Cause]:
    causes = []
    if found.transfers_for_a_person:
        causes.append(
            Cause(
                f"{_count(found.transfers_for_a_person)} with an outcome only a person can decide about.",
                "Open the order, compare with the customer's store credit in Shopify, and say whether it arrived.",
                badge="failed",
            )
        )
    if found.refused_transfers:
        causes.append(
            Cause(
                f"{_count(found.refused_transfers)} refused by Shopify.",
                "Open the order, read Shopify's reason, and retry once it is mended.",
                badge="failed",
            )
        )
    if found.oldest_unknown_at is not None and now - found.oldest_unknown_at > UNKNOWN_FOR:
        causes.append(
            Cause(
                f"A transfer's outcome has been unknown for {format_age(found.oldest_unknown_at)}.",
                "Boomerang keeps reading the account until it knows; check that a worker runs and Shopify answers.",
                badge="failed",
            )
        )
    return causes


def _count(transfers: int) -> str:
    return "There is 1 transfer" if transfers == 1 else f"There are {transfers} transfers"
