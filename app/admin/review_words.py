"""What is said about rewards at the review desk: what became of them, why they wait, and whether that is long."""

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _
from flask_babel import ngettext

from app.admin.display import format_money
from app.clock import utcnow
from app.engine.rules.money import Money
from app.engine.rules.states import RewardState

#: From which age on a reward waits too long, worst first: the tone, and the words that say it without the colour.
LATENESS = (
    (timedelta(hours=72), "critical", _("Over 3 days")),
    (timedelta(hours=24), "attention", _("Over 1 day")),
)
#: What a reward that was decided about is, and the colour of its badge.
STATE_WORDS = {
    RewardState.AWAITING_CUSTOMER: (_("Awaiting account"), "attention"),
    RewardState.IN_REVIEW: (_("Pending"), "attention"),
    RewardState.HELD: (_("Held"), "warning"),
    RewardState.PENDING: (_("Approved"), "info"),
    RewardState.SETTLED: (_("Settled"), "success"),
    RewardState.REVERSED: (_("Reversed"), "neutral"),
    RewardState.VOIDED: (_("Void"), "neutral"),
    RewardState.REJECTED: (_("Rejected"), "neutral"),
    RewardState.INELIGIBLE: (_("Not eligible"), "neutral"),
}
#: What was done, for a toast: with the amount and the order's name.
DONE = {
    "approve": _("Approved: %(amount)s for %(order)s"),
    "approve_first": _("Noted: %(amount)s for %(order)s waits for a second person"),
    "reject": _("Rejected: %(amount)s for %(order)s"),
    "hold": _("Held: %(amount)s for %(order)s"),
    "release": _("Released: %(amount)s for %(order)s"),
    "reopen": _("Reopened: %(amount)s for %(order)s"),
    "adjust": _("Set to %(amount)s for %(order)s"),
    "undo": _("Undone: %(amount)s for %(order)s"),
}


def late(since: datetime) -> tuple[str, str] | None:
    """Return tone and words for what has waited too long, or None."""
    age = utcnow() - since
    return next(((tone, str(words)) for limit, tone, words in LATENESS if age > limit), None)


def plain_amount(minor: int, currency: str) -> str:
    """Return an amount as it is typed into a field: 1234 USD → "12.34"."""
    return str(Money(minor, currency)).partition(" ")[0]


def say_done(deed: str, amount_minor: int, currency: str, order_name: str) -> str:
    """Return the sentence for what was done about one reward."""
    return str(DONE[deed]) % {"amount": format_money(amount_minor, currency), "order": order_name}


def say_done_to_many(deed: str, count: int, amount_minor: int, currency: str) -> str:
    """Return the sentence for what was done about many rewards."""
    amount = format_money(amount_minor, currency)
    match deed:
        case "approve":
            said = ngettext(
                "%(num)s order approved: %(amount)s", "%(num)s orders approved: %(amount)s", count, amount=amount
            )
        case "reject":
            said = ngettext(
                "%(num)s order rejected: %(amount)s", "%(num)s orders rejected: %(amount)s", count, amount=amount
            )
        case "hold":
            said = ngettext("%(num)s order held: %(amount)s", "%(num)s orders held: %(amount)s", count, amount=amount)
        case _:
            said = ngettext(
                "%(num)s decision undone: %(amount)s", "%(num)s decisions undone: %(amount)s", count, amount=amount
            )
    return str(said)
