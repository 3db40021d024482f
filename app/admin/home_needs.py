"""What needs somebody now, each as a sentence with the room in which it is done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import ngettext

from app.admin.display import format_age, format_moment, format_money
from app.admin.queries.accounts import AccountFindings
from app.admin.queries.home import Open, Waiting
from app.engine.rules.states import RewardState


@dataclass(frozen=True, slots=True)
class Need:
    """Something to do: a sentence, more about it, where, and the tone it is said in (see the badges)."""

    what: str
    more: str
    path: str
    tone: str = "attention"


def list_needs(
    waiting: Mapping[RewardState, Waiting],
    open_: Open,
    accounts: AccountFindings,
    currency: str,
    paths: Collection[str],
) -> list[Need]:
    """Return what needs somebody, the troubles first. ``paths`` are the rooms there are."""
    return [
        *_failed(open_),
        *_drift(accounts, paths),
        *_privacy(open_),
        *_waiting(waiting, currency),
        *_proposals(open_, paths),
    ]


def _failed(open_: Open) -> list[Need]:
    needs = []
    if count := open_.refused_transfers:
        what = ngettext("%(num)s transfer was refused by Shopify", "%(num)s transfers were refused by Shopify", count)
        needs.append(Need(what, _("Read the reason, mend it, and try again."), "/orders?badge=failed", "critical"))
    if count := open_.unknown_transfers:
        what = ngettext("%(num)s transfer has no known outcome", "%(num)s transfers have no known outcome", count)
        more = _("Boomerang reads the account again; some of these only a person can decide about.")
        needs.append(Need(what, more, "/orders?badge=failed", "critical"))
    if count := open_.failed_deliveries:
        what = ngettext(
            "%(num)s delivery from Shopify could not be handled",
            "%(num)s deliveries from Shopify could not be handled",
            count,
        )
        more = _("Look at the reasons and handle them again.")
        needs.append(Need(what, more, "/deliveries?state=failed", "critical"))
    return needs


def _drift(accounts: AccountFindings, paths: Collection[str]) -> list[Need]:
    if not accounts.drift_customers:
        return []
    what = ngettext(
        "The books and Shopify differ for %(num)s customer",
        "The books and Shopify differ for %(num)s customers",
        accounts.drift_customers,
    )
    more = _("Compare the account with the books and put right whichever is wrong.")
    return [Need(what, more, "/accounts" if "/accounts" in paths else "/settings", "critical")]


def _privacy(open_: Open) -> list[Need]:
    if not open_.privacy_requests or open_.privacy_due_at is None:
        return []
    what = ngettext("%(num)s privacy request is open", "%(num)s privacy requests are open", open_.privacy_requests)
    return [Need(what, _("The first is due on %(at)s.", at=format_moment(open_.privacy_due_at)), "/privacy")]


def _waiting(waiting: Mapping[RewardState, Waiting], currency: str) -> list[Need]:
    needs = []
    for state, path, tone in (
        (RewardState.IN_REVIEW, "/reviews", "attention"),
        (RewardState.HELD, "/reviews", "warning"),
    ):
        found = waiting[state]
        if found.oldest_at is not None:
            if state is RewardState.IN_REVIEW:
                what = ngettext("%(num)s order waits for approval", "%(num)s orders wait for approval", found.count)
            else:
                what = ngettext("%(num)s order is held", "%(num)s orders are held", found.count)
            amount, age = format_money(found.total_minor, currency), format_age(found.oldest_at)
            more = _("%(amount)s of cashback; the oldest has waited for %(age)s.", amount=amount, age=age)
            needs.append(Need(what, more, path, tone))
    return needs


def _proposals(open_: Open, paths: Collection[str]) -> list[Need]:
    if not open_.proposals:
        return []
    what = ngettext(
        "%(num)s credit by hand waits for a second person",
        "%(num)s credits by hand wait for a second person",
        open_.proposals,
    )
    more = _("Somebody else than who proposed it must agree.")
    return [Need(what, more, "/adjustments" if "/adjustments" in paths else "/reviews")]
