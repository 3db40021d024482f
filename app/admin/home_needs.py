"""What needs somebody now, each as a sentence with the room in which it is done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import ngettext

from app.admin.display import format_age, format_money, zone
from app.admin.home_charts import format_day
from app.admin.queries.home import Open, Waiting
from app.engine.rules.states import RewardState
from app.models import Shop
from app.status.cause import Cause
from app.status.causes import FAILED_DELIVERIES, EngineStatus


@dataclass(frozen=True, slots=True)
class Need:
    """Something to do: a sentence, more about it, where, and the tone it is said in (see the badges)."""

    what: str
    more: str
    path: str
    tone: str = "attention"


def list_needs(engine: EngineStatus, waiting: Mapping[RewardState, Waiting], open_: Open, shop: Shop) -> list[Need]:
    """Return what needs somebody, the troubles first."""
    causes = [cause for cause in engine.causes if cause.room]
    return [
        *(Need(cause.what, cause.advice, cause.room or "", _tone(cause)) for cause in causes),
        *_failed(open_, {cause.room for cause in causes}),
        *_privacy(open_, shop.timezone),
        *_waiting(waiting, shop.currency),
        *_proposals(open_),
    ]


def _tone(cause: Cause) -> str:
    return "critical" if cause.is_grave else "attention"


def _failed(open_: Open, told: Collection[str | None]) -> list[Need]:
    """Return the deliveries that failed, unless the engine is in error because of them."""
    if not open_.failed_deliveries or FAILED_DELIVERIES in told:
        return []
    what = ngettext(
        "%(num)s delivery from Shopify could not be handled.",
        "%(num)s deliveries from Shopify could not be handled.",
        open_.failed_deliveries,
    )
    return [Need(what, _("Look at the reasons and handle them again."), FAILED_DELIVERIES, "critical")]


def _privacy(open_: Open, timezone: str) -> list[Need]:
    if not open_.privacy_requests or open_.privacy_due_at is None:
        return []
    what = ngettext("%(num)s privacy request is open.", "%(num)s privacy requests are open.", open_.privacy_requests)
    due = format_day(open_.privacy_due_at.astimezone(zone(timezone)).date())
    return [Need(what, _("The first is due on %(day)s.", day=due), "/privacy")]


def _waiting(waiting: Mapping[RewardState, Waiting], currency: str) -> list[Need]:
    needs = []
    for state, path, tone in (
        (RewardState.IN_REVIEW, "/reviews", "attention"),
        (RewardState.HELD, "/reviews", "warning"),
    ):
        found = waiting[state]
        if found.oldest_at is not None:
            if state is RewardState.IN_REVIEW:
                what = ngettext("%(num)s order waits for approval.", "%(num)s orders wait for approval.", found.count)
            else:
                what = ngettext("%(num)s order is held.", "%(num)s orders are held.", found.count)
            amount, age = format_money(found.total_minor, currency), format_age(found.oldest_at)
            more = _("%(amount)s of cashback; the oldest has waited for %(age)s.", amount=amount, age=age)
            needs.append(Need(what, more, path, tone))
    return needs


def _proposals(open_: Open) -> list[Need]:
    if not open_.proposals:
        return []
    what = ngettext(
        "%(num)s credit by hand waits for a second person.",
        "%(num)s credits by hand wait for a second person.",
        open_.proposals,
    )
    more = _("Somebody else than who proposed it must agree, on the customer's page.")
    return [Need(what, more, f"/customers/{open_.proposed_customer_id}")]
