"""The engine's status: Active, Paused or Error, with its causes and what to do about each."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from flask_babel import gettext as _
from flask_babel import ngettext
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from app.engine.flows.journey import find_slow_stages
from app.engine.flows.sweep_failures import list_failing
from app.languages import translate
from app.models import Shop
from app.queue import connection
from app.shopify.scopes import find_missing
from app.status.account_causes import tell_accounts
from app.status.accounts import find_accounts
from app.status.books import find_mistakes, tell_books
from app.status.cause import Cause, lasted
from app.status.findings import Findings, find_out
from app.status.mails import find_mails, tell_mails
from app.status.stages import tell_slow_stages
from app.status.sweeps import tell_sweeps

LAG = timedelta(seconds=60)
UNKNOWN_FOR = timedelta(minutes=10)
#: So many times the shop's minutes between two looks for missed webhooks.
RECONCILED_IN_TURNS = 3
#: More than one in twenty deliveries of the last hour failed.
FAILED_SHARE = (1, 20)
FAILED_ORDERS = "/orders?badge=failed"
FAILED_DELIVERIES = "/deliveries?state=failed"


class Level(StrEnum):
    """How the engine is."""

    ACTIVE = "Active"
    PAUSED = "Paused"
    ERROR = "Error"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The status with all its causes: one that is paused may be in error besides, an active one have small troubles."""

    level: Level
    causes: tuple[Cause, ...]


def find_status(session: Session, shop: Shop, now: datetime) -> EngineStatus:
    """Return the engine's status for a shop, derived from the tables and the queue."""
    causes = find_causes(session, shop, now)
    if any(cause.is_grave for cause in causes):
        return EngineStatus(Level.ERROR, causes)
    return EngineStatus(Level.ACTIVE if shop.paused_at is None else Level.PAUSED, causes)


def find_causes(session: Session, shop: Shop, now: datetime) -> tuple[Cause, ...]:
    """Return what is wrong with a shop's engine, in the language that is spoken just now."""
    causes = _causes(find_out(session, shop.id, now), now, shop)
    causes += tell_accounts(find_accounts(session, shop), shop.currency, now)
    causes += tell_books(find_mistakes(session, shop.id), now)
    causes += tell_mails(find_mails(session, shop, now), now)
    causes += tell_sweeps(list_failing(session, shop.id, now), now)
    causes += tell_slow_stages(find_slow_stages(session, shop, now), causes, now)
    if not is_queue_reachable():
        causes.append(
            Cause(
                "queue_unreachable",
                _("The queue cannot be reached, so work waits for the clock's next sweep."),
                _("Start Redis (or Valkey) again, or check REDIS_URL. Nothing is lost meanwhile."),
            )
        )
    return tuple(causes)


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
    reopen = _("Close the app and open it again in Shopify's admin; that gives Boomerang a new token.")
    if not found.has_token:
        what = _("Boomerang has no access token for this shop, so no credit can be sent.")
        return [Cause("no_token", what, reopen)]
    if found.token_refused_at is None:
        return []
    if not found.token_refused_reason:
        return [Cause("token_refused", _("Shopify refused our access token, so no credit can be sent."), reopen)]
    what = _(
        "Shopify refused our access token (%(reason)s), so no credit can be sent.",
        reason=translate(found.token_refused_reason),
    )
    return [Cause("token_refused", what, reopen)]


def _permissions(found: Findings, shop: Shop) -> list[Cause]:
    if not found.has_token:
        return []
    return [
        Cause(
            f"scope_missing:{lacking.scope}",
            _(
                "Shopify does not let Boomerang %(deed)s (%(scope)s).",
                deed=translate(lacking.allows),
                scope=lacking.scope,
            ),
            _("Agree to it on Shopify's page; Boomerang goes on by itself."),
            page=f"/auth/begin?shop={shop.domain}",
        )
        for lacking in find_missing(found.scope)
    ]


def _currency(shop: Shop) -> list[Cause]:
    if shop.other_currency is None:
        return []
    return [
        Cause(
            "currency_changed",
            _(
                "Shopify says that the shop's currency is %(other)s now; its books are kept in %(own)s.",
                other=shop.other_currency,
                own=shop.currency,
            ),
            _(
                "Orders in %(other)s earn nothing here. Change the currency back in Shopify, or ask for help:"
                " books cannot change their currency.",
                other=shop.other_currency,
            ),
        )
    ]


def _inbox(found: Findings, now: datetime) -> list[Cause]:
    causes = []
    if found.oldest_waiting_at is not None and now - found.oldest_waiting_at > LAG:
        what = _("A delivery from Shopify has been waiting for %(age)s.", age=lasted(found.oldest_waiting_at, now))
        advice = _("Check that a worker and the clock are running.")
        causes.append(Cause("inbox_late", what, advice, "/deliveries?state=received"))
    numerator, denominator = FAILED_SHARE
    total = found.handled + found.failed
    if found.failed * denominator > total * numerator:
        counts = {"failed": found.failed, "total": total}
        what = unquoted = _("%(failed)s of %(total)s deliveries of the last hour failed.", **counts)
        if found.last_failure:
            what = _(
                "%(failed)s of %(total)s deliveries of the last hour failed. The last one: %(reason)s",
                **counts,
                reason=translate(found.last_failure),
            )
        advice = _("Look at the reasons under Deliveries; once they are mended, handle the failed ones again.")
        causes.append(Cause("deliveries_failing", what, advice, FAILED_DELIVERIES, unquoted=unquoted))
    return causes


def _reconciliation(found: Findings, shop: Shop, now: datetime) -> list[Cause]:
    late = RECONCILED_IN_TURNS * timedelta(minutes=shop.reconcile_minutes)
    if not found.has_token or found.token_refused_at is not None or now - found.reconciled_at <= late:
        return []
    age = lasted(found.reconciled_at, now)
    what = _("For %(age)s nobody has looked for orders whose webhooks never came.", age=age)
    if found.reconciliation_trouble:
        what = _(
            "For %(age)s nobody has looked for orders whose webhooks never came. The last try: %(reason)s",
            age=age,
            reason=translate(found.reconciliation_trouble),
        )
    advice = _("Check that a worker and the clock are running and that Shopify answers; it goes on by itself.")
    return [Cause("reconciliation_late", what, advice)]


def _transfers(found: Findings, now: datetime) -> list[Cause]:
    causes = []
    if count := found.transfers_for_a_person:
        what = ngettext(
            "There is %(num)s transfer with an outcome only a person can decide about.",
            "There are %(num)s transfers with an outcome only a person can decide about.",
            count,
        )
        advice = _("Open the order, compare with the customer's store credit in Shopify, and say whether it arrived.")
        causes.append(Cause("transfers_unclear", what, advice, FAILED_ORDERS))
    if count := found.refused_transfers:
        what = ngettext(
            "There is %(num)s transfer refused by Shopify.", "There are %(num)s transfers refused by Shopify.", count
        )
        advice = _("Open the order, read Shopify's reason, and retry once it is mended.")
        causes.append(Cause("transfers_refused", what, advice, FAILED_ORDERS))
    if found.oldest_unknown_at is not None and now - found.oldest_unknown_at > UNKNOWN_FOR:
        what = _("A transfer's outcome has been unknown for %(age)s.", age=lasted(found.oldest_unknown_at, now))
        advice = _("Boomerang keeps reading the account until it knows; check that a worker runs and Shopify answers.")
        causes.append(Cause("transfers_unknown", what, advice, FAILED_ORDERS))
    return causes
