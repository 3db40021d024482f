"""The terms in a line for each section of the rules, so that one sees what is set without opening it."""

from collections.abc import Callable, Sized

from flask_babel import gettext
from flask_babel import ngettext as numbered

from app.admin.display import format_money
from app.engine.rules.terms import Cycle, Expiry, HoldRules, Limits, OwedPolicy, Release, ReleaseKind, Terms
from app.languages import format_rate

_Tell = Callable[..., str]
_: _Tell = gettext
ngettext: _Tell = numbered
#: Between things that are said side by side.
_DOT = " · "


def summarise(terms: Terms) -> dict[str, str]:
    """Return a line about each section of the rules."""
    return {
        "tiers": _tiers(terms),
        "order": _order(terms),
        "earning": _earning(terms),
        "exclusions": _exclusions(terms),
        "rates": _rates(terms),
        "limits": _limits(terms.limits, terms.currency),
        "holds": _holds(terms),
        "mixed": _mixed(terms),
        "release": _release(terms.release),
        "expiry": _expiry(terms.expiry),
        "owed": _owed(terms.owed),
        "hand": _hand(terms),
        "statements": _statements(terms),
    }


def _tiers(terms: Terms) -> str:
    rates = [tier.rate_bps for tier in terms.tiers]
    least, most = format_rate(min(rates)), format_rate(max(rates))
    tiers = ngettext("%(num)s tier", "%(num)s tiers", len(rates))
    return tiers + _DOT + (least if least == most else _("%(least)s to %(most)s", least=least, most=most))


def _order(terms: Terms) -> str:
    least, most = terms.minimum_order_minor, terms.cap_per_order_minor
    return _DOT.join(
        [
            _("From %(amount)s", amount=format_money(least, terms.currency)) if least else _("No minimum"),
            _("No cap") if most is None else _("At most %(amount)s", amount=format_money(most, terms.currency)),
        ]
    )


def _earning(terms: Terms) -> str:
    return _DOT.join(
        [
            _("Goods before discounts") if terms.before_discounts else _("Goods after discounts"),
            _("With tax") if terms.includes_tax else _("Without tax"),
            _("With shipping") if terms.includes_shipping else _("Without shipping"),
        ]
    )


def _exclusions(terms: Terms) -> str:
    lists: tuple[tuple[Sized, _Tell], ...] = (
        (terms.excluded_product_ids, lambda n: ngettext("%(num)s product", "%(num)s products", n)),
        (terms.excluded_variant_ids, lambda n: ngettext("%(num)s variant", "%(num)s variants", n)),
        (terms.excluded_collection_ids, lambda n: ngettext("%(num)s collection", "%(num)s collections", n)),
        (terms.excluded_vendors, lambda n: ngettext("%(num)s vendor", "%(num)s vendors", n)),
        (terms.excluded_product_types, lambda n: ngettext("%(num)s product type", "%(num)s product types", n)),
        (terms.excluded_product_tags, lambda n: ngettext("%(num)s product tag", "%(num)s product tags", n)),
        (terms.excluded_skus, lambda n: ngettext("%(num)s SKU", "%(num)s SKUs", n)),
        (terms.excluded_tags, lambda n: ngettext("%(num)s tag", "%(num)s tags", n)),
        (terms.excluded_channels, lambda n: ngettext("%(num)s channel", "%(num)s channels", n)),
        (terms.excluded_discount_codes, lambda n: ngettext("%(num)s discount code", "%(num)s discount codes", n)),
    )
    said = [_("Companies")] if terms.excludes_b2b else []
    said += [_("Goods on sale")] if terms.excludes_on_sale else []
    said += [_("What is paid with credit")] if terms.excludes_paid_with_credit else []
    said += [tell(len(listed)) for listed, tell in lists if listed]
    return _DOT.join(said) or _("Nothing but gift cards")


def _rates(terms: Terms) -> str:
    rates, campaigns = len(terms.rates), len(terms.campaigns)
    return _DOT.join(
        [
            ngettext("%(num)s rate", "%(num)s rates", rates) if rates else _("No rates of goods"),
            ngettext("%(num)s campaign", "%(num)s campaigns", campaigns) if campaigns else _("No campaigns"),
        ]
    )


def _limits(limits: Limits, currency: str) -> str:
    amounts: tuple[tuple[int | None, _Tell], ...] = (
        (limits.day_minor, lambda amount: _("%(amount)s per day", amount=amount)),
        (limits.cycle_minor, lambda amount: _("%(amount)s per statement period", amount=amount)),
        (limits.month_minor, lambda amount: _("%(amount)s per month", amount=amount)),
        (limits.lifetime_minor, lambda amount: _("%(amount)s per customer", amount=amount)),
        (limits.balance_minor, lambda amount: _("%(amount)s of balance", amount=amount)),
        (limits.budget_minor, lambda amount: _("%(amount)s for all per month", amount=amount)),
    )
    said = [tell(format_money(minor, currency)) for minor, tell in amounts if minor is not None]
    return _DOT.join(said) or _("None")


def _holds(terms: Terms) -> str:
    rules = sum(
        getattr(terms.holds, name) != getattr(HoldRules(), name)
        for name in HoldRules.__slots__
        if name != "release_after_days"
    ) + (terms.hold_above_minor is not None)
    if not rules:
        return _("No rules")
    after = terms.holds.release_after_days
    days = [] if after is None else [ngettext("For %(num)s day", "For %(num)s days", after)]
    return _DOT.join([ngettext("%(num)s rule", "%(num)s rules", rules), *days])


def _mixed(terms: Terms) -> str:
    up_to = terms.automatic_up_to_minor
    parts = [] if up_to is None else [_("Up to %(amount)s", amount=format_money(up_to, terms.currency))]
    return _DOT.join([*parts, *sorted(terms.automatic_tiers)]) or _("Not set up")


def _release(release: Release) -> str:
    match release.kind:
        case ReleaseKind.ON_DATE:
            return _("On %(day)s", day=release.on)
        case ReleaseKind.DAYS_AFTER_PAID:
            return ngettext("%(num)s day after the order", "%(num)s days after the order", release.number)
        case ReleaseKind.DAYS_AFTER_FULFILLED:
            return ngettext("%(num)s day after it was fulfilled", "%(num)s days after it was fulfilled", release.number)
        case ReleaseKind.MONTH_END:
            return ngettext(
                "%(num)s month after the end of the month", "%(num)s months after the end of the month", release.number
            )
        case _:
            return _("At once")


def _expiry(expiry: Expiry) -> str:
    if expiry.days is not None:
        return ngettext("Credit expires after %(num)s day", "Credit expires after %(num)s days", expiry.days)
    return _("Credit never expires") if expiry.on is None else _("Credit expires on %(day)s", day=expiry.on)


def _owed(policy: OwedPolicy) -> str:
    match policy:
        case OwedPolicy.FORGIVE:
            return _("Forgiven, and noted")
        case OwedPolicy.BLOCK:
            return _("Kept as owed; nothing is earned until it is settled")
        case _:
            return _("Set off against later cashback")


def _hand(terms: Terms) -> str:
    above = terms.second_person_above_minor
    second = (
        _("One person is enough")
        if above is None
        else _("A second person above %(amount)s", amount=format_money(above, terms.currency))
    )
    return _DOT.join([second, _("Debits may leave credit owed")] if terms.debit_may_owe else [second])


def _statements(terms: Terms) -> str:
    return _DOT.join([_cycle(terms.cycle), _claims(terms.claim_days)])


def _cycle(cycle: Cycle) -> str:
    if cycle.days is None:
        return _("By calendar month")
    return ngettext("Every %(num)s day", "Every %(num)s days", cycle.days)


def _claims(days: int) -> str:
    return ngettext("Guests have %(num)s day", "Guests have %(num)s days", days) if days else _("Guests cannot claim")
