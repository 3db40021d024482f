"""What is wrong with terms that somebody wants to publish, in sentences."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.engine.rules.money import is_currency
from app.engine.rules.periods import midnight
from app.engine.rules.problems import Problem, find_amount, find_ids, find_number, find_words, find_year
from app.engine.rules.terms import Cycle, Expiry, HoldRules, Limits, Release, ReleaseKind, Terms
from app.engine.rules.valid_offers import WHOLE_BPS, find_campaigns, find_rates, find_tiers
from app.sentences import marked, say

#: Ten years.
_LONGEST_DAYS = 3_650
#: How one of a list is called in a sentence, by the name of the list.
_EXCLUDED_IDS = {
    "excluded_product_ids": marked("An excluded product"),
    "excluded_variant_ids": marked("An excluded variant"),
    "excluded_collection_ids": marked("An excluded collection"),
}
_EXCLUDED_WORDS = {
    "excluded_vendors": marked("An excluded vendor"),
    "excluded_product_types": marked("An excluded product type"),
    "excluded_product_tags": marked("An excluded product's tag"),
    "excluded_skus": marked("An excluded SKU"),
    "excluded_tags": marked("An excluded tag"),
    "excluded_channels": marked("An excluded sales channel"),
    "excluded_discount_codes": marked("An excluded discount code"),
}


def validate_terms(terms: Terms) -> list[str]:
    """Return what is wrong with terms, one sentence each; an empty list means they may be published."""
    return [problem.sentence for problem in find_problems(terms)]


def find_problems(terms: Terms) -> list[Problem]:
    """Return what is wrong with terms, and where; names are those of the document (``app/terms_document.py``)."""
    return [
        *find_tiers(terms.tiers),
        *_find_frame(terms),
        *_find_amounts(terms),
        *_find_exclusions(terms),
        *find_rates(terms.rates),
        *find_campaigns(terms.campaigns),
        *find_number(
            ("tier_grace_days",), terms.tier_grace_days, marked("The days of grace"), least=0, most=_LONGEST_DAYS
        ),
        *_find_limits(terms.limits),
        *_find_holds(terms.holds),
        *_find_automatic_tiers(terms),
        *_find_release(terms.release),
        *_find_expiry(terms.expiry),
        *_find_cycle(terms.cycle),
        *find_number(("claim_days",), terms.claim_days, marked("The days to claim"), least=0, most=_LONGEST_DAYS),
    ]


def find_late_dates(terms: Terms, effective_from: datetime, zone: ZoneInfo) -> list[Problem]:
    """Return what is wrong with the dates of terms that hold from a moment on."""
    on = terms.expiry.on
    if on is None or midnight(on + timedelta(days=1), zone) > effective_from:
        return []
    late = say(
        "Credit would expire on {day}, which is over when these terms begin; choose a later day, or none.", day=on
    )
    return [Problem(("expiry", "on"), late)]


def _find_frame(terms: Terms) -> list[Problem]:
    problems = []
    if not is_currency(terms.currency):
        unknown = say(
            "{code} is not a currency; write its three letters of ISO 4217, like USD.", code=repr(terms.currency)
        )
        problems.append(Problem(("currency",), unknown))
    if terms.version < 1:
        problems.append(Problem((), marked("Versions of the terms are counted from 1.")))
    return problems


def _find_amounts(terms: Terms) -> list[Problem]:
    amounts = [
        ("minimum_order", terms.minimum_order_minor, marked("The minimum order"), marked("0 means no minimum"), 0),
        (
            "cap_per_order", terms.cap_per_order_minor, marked("The cap per order"),
            marked("leave it empty for no cap"), 1,
        ),
        (
            "hold_above", terms.hold_above_minor, marked("The amount above which orders are held"),
            marked("leave it empty to hold none"), 0,
        ),
        (
            "automatic_up_to", terms.automatic_up_to_minor, marked("What is granted without a person"),
            marked("leave it empty for none"), 0,
        ),
        (
            "second_person_above", terms.second_person_above_minor,
            marked("The amount above which a second person agrees"),
            marked("leave it empty for none"), 0,
        ),
    ]  # fmt: skip
    return [
        problem
        for name, minor, what, empty, least in amounts
        for problem in find_amount((name,), minor, what, empty, least=least)
    ]


def _find_exclusions(terms: Terms) -> list[Problem]:
    ids = [problem for name, what in _EXCLUDED_IDS.items() for problem in find_ids((name,), getattr(terms, name), what)]
    words = (find_words((name,), getattr(terms, name), what) for name, what in _EXCLUDED_WORDS.items())
    return ids + [problem for found in words for problem in found]


def _find_limits(limits: Limits) -> list[Problem]:
    amounts = {
        "day": (limits.day_minor, marked("The limit per day")),
        "cycle": (limits.cycle_minor, marked("The limit per statement period")),
        "month": (limits.month_minor, marked("The limit per month")),
        "lifetime": (limits.lifetime_minor, marked("The limit per customer")),
        "balance": (limits.balance_minor, marked("The largest balance")),
        "budget": (limits.budget_minor, marked("The programme's budget per month")),
    }
    return [
        problem
        for name, (minor, what) in amounts.items()
        for problem in find_amount(("limits", name), minor, what, marked("leave it empty for no limit"), least=1)
    ]


def _find_holds(holds: HoldRules) -> list[Problem]:
    numbers = [
        ("account_younger_than_days", holds.account_younger_than_days, marked("The age of an account in days"), 0),
        ("release_after_days", holds.release_after_days, marked("The days after which a hold ends by itself"), 0),
        ("orders_per_day_above", holds.orders_per_day_above, marked("The number of orders within 24 hours"), 1),
    ]
    share = holds.refund_share_above_bps
    problems = [
        problem
        for name, number, what, least in numbers
        for problem in find_number(("holds", name), number, what, least=least, most=_LONGEST_DAYS)
    ]
    if share is not None and not 0 <= share <= WHOLE_BPS:
        problems.append(
            Problem(("holds", "refund_share_above"), marked("The refunded share must be between 0 % and 100 %."))
        )
    problems += find_words(("holds", "tags"), holds.tags, marked("A tag that holds"))
    return problems + find_ids(("holds", "product_ids"), holds.product_ids, marked("A product that holds"))


def _find_automatic_tiers(terms: Terms) -> list[Problem]:
    unknown = sorted(terms.automatic_tiers - {tier.name for tier in terms.tiers})
    return [
        Problem(("automatic_tiers",), say("There is no tier {name} to be automatic; name one.", name=repr(name)))
        for name in unknown
    ]


def _find_release(release: Release) -> list[Problem]:
    """Return what is wrong with the release; a day that is past releases at once."""
    counts = release.kind not in (ReleaseKind.AT_ONCE, ReleaseKind.ON_DATE)
    where = ("release", "number")
    problems = find_number(
        where, release.number, marked("The days or months until release"), least=0, most=_LONGEST_DAYS
    )
    if release.number and not counts:
        problems.append(Problem(where, marked("A release at once or on a date counts no days; write 0.")))
    if release.kind is ReleaseKind.ON_DATE and release.on is None:
        problems.append(Problem(("release", "on"), marked("Say on which day rewards are released.")))
    if release.kind is not ReleaseKind.ON_DATE and release.on is not None:
        problems.append(Problem(("release", "on"), marked("Only a release on a date has a day; leave it empty.")))
    return problems + find_year(("release", "on"), release.on, marked("The day of the release"))


def _find_expiry(expiry: Expiry) -> list[Problem]:
    if expiry.days is not None and expiry.on is not None:
        return [Problem(("expiry", "on"), marked("Credit expires after some days or on a day; write one of the two."))]
    what = marked("The days after which credit expires")
    problems = find_number(("expiry", "days"), expiry.days, what, least=1, most=_LONGEST_DAYS)
    return problems + find_year(("expiry", "on"), expiry.on, marked("The day on which credit expires"))


def _find_cycle(cycle: Cycle) -> list[Problem]:
    problems = find_number(("cycle", "days"), cycle.days, marked("The days of a statement period"), least=1, most=366)
    if (cycle.days is None) != (cycle.starts_on is None):
        both = marked(
            "A statement period of some days needs its number of days and its first day; a month needs neither."
        )
        problems.append(Problem(("cycle", "days" if cycle.days is None else "starts_on"), both))
    return problems + find_year(("cycle", "starts_on"), cycle.starts_on, marked("The first day of a statement period"))
