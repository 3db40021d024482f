"""What is wrong with the tiers, rates and campaigns of terms, in sentences."""

import re
from collections.abc import Sequence
from itertools import combinations, pairwise

from app.engine.rules.problems import (
    Problem,
    Where,
    find_amount,
    find_ids,
    find_names,
    find_text,
    find_words,
    find_year,
)
from app.engine.rules.scopes import plain_set
from app.engine.rules.terms import Campaign, RateRule, Scope, Tier
from app.sentences import marked, say

WHOLE_BPS = 10_000
MOST_TIERS, MOST_RULES = 50, 100
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_LONGEST_ICON = 16
#: A hundred times.
_LARGEST_MULTIPLIER_BPS = 100 * WHOLE_BPS
#: Of these each line has one at most, so that scopes which name different ones cannot meet in a line.
_SINGLE = ("product_ids", "variant_ids", "vendors", "product_types", "skus")
#: How one of a list is called in a sentence, by the name of the list.
_KINDS_OF_IDS = {
    "product_ids": marked("A product"),
    "variant_ids": marked("A variant"),
    "collection_ids": marked("A collection"),
}
_KINDS_OF_WORDS = {
    "vendors": marked("A vendor"),
    "product_types": marked("A product type"),
    "product_tags": marked("A product's tag"),
    "skus": marked("A SKU"),
}


def find_tiers(tiers: Sequence[Tier]) -> list[Problem]:
    """Return what is wrong with the tier table."""
    if not tiers:
        return [Problem(("tiers",), marked("There must be at least one tier."))]
    problems = find_names("tiers", [tier.name for tier in tiers], marked("tier"), marked("tiers"))
    if len(tiers) > MOST_TIERS:
        problems.append(Problem(("tiers",), say("There may be at most {most} tiers.", most=MOST_TIERS)))
    if tiers[0].threshold_minor != 0:
        first = marked("The first tier must start at 0, so that every customer has one.")
        problems.append(Problem(("tiers", 0, "threshold"), first))
    for row, (below, tier) in enumerate(pairwise(tiers), start=1):
        if tier.threshold_minor <= below.threshold_minor:
            rise = say(
                "The thresholds must rise from one tier to the next; that of {name} does not.", name=repr(tier.name)
            )
            problems.append(Problem(("tiers", row, "threshold"), rise))
    for row, tier in enumerate(tiers):
        what = say("The threshold of the tier {name}", name=repr(tier.name))
        problems += find_amount(("tiers", row, "threshold"), max(tier.threshold_minor, 0), what, "", least=0)
        problems += _find_rate(("tiers", row, "rate"), tier.rate_bps, say("the tier {name}", name=repr(tier.name)))
        problems += find_text(("tiers", row, "icon"), tier.icon, marked("A tier's icon"), _LONGEST_ICON)
        if tier.color and not _COLOR.fullmatch(tier.color):
            color = say("The colour of the tier {name} must be written like #c0c0c0.", name=repr(tier.name))
            problems.append(Problem(("tiers", row, "color"), color))
    return problems


def find_rates(rates: Sequence[RateRule]) -> list[Problem]:
    """Return what is wrong with the rates of some goods' own."""
    problems = find_names("rates", [rule.name for rule in rates], marked("rate"), marked("rates"))
    if len(rates) > MOST_RULES:
        problems.append(Problem(("rates",), say("There may be at most {most} rates.", most=MOST_RULES)))
    for row, rule in enumerate(rates):
        problems += _find_rate(("rates", row, "rate"), rule.rate_bps, say("the rate {name}", name=repr(rule.name)))
        problems += _find_scope(("rates", row, "scope"), rule.scope)
        if rule.scope.is_everything:
            words = marked("Say which goods the rate {name} is for; the rate of everything is the tier's.")
            nothing = say(words, name=repr(rule.name))
            problems.append(Problem(("rates", row, "scope"), nothing))
    return problems


def find_campaigns(campaigns: Sequence[Campaign]) -> list[Problem]:
    """Return what is wrong with the campaigns, alone and together."""
    problems = find_names(
        "campaigns", [campaign.name for campaign in campaigns], marked("campaign"), marked("campaigns")
    )
    if len(campaigns) > MOST_RULES:
        problems.append(Problem(("campaigns",), say("There may be at most {most} campaigns.", most=MOST_RULES)))
    for row, campaign in enumerate(campaigns):
        problems += [Problem(("campaigns", row, *where), said) for where, said in _find_campaign(campaign)]
    # Instants without a zone cannot be compared with others.
    if not any(where[-1] in ("starts_at", "ends_at") for where, _ in problems):
        problems += _find_overlaps(campaigns)
    return problems


def _find_campaign(campaign: Campaign) -> list[Problem]:
    name = repr(campaign.name)
    problems: list[Problem] = []
    for where, at in (("starts_at", campaign.starts_at), ("ends_at", campaign.ends_at)):
        if at.tzinfo is None:
            lacks = say("The campaign {name} needs its time zone, like 2026-11-27T00:00+01:00.", name=name)
            problems.append(Problem((where,), lacks))
        problems += find_year((where,), at, say("The campaign {name}", name=name))
    if not problems and campaign.ends_at <= campaign.starts_at:
        problems.append(Problem(("ends_at",), say("The campaign {name} must end after it begins.", name=name)))
    if (campaign.rate_bps is None) == (campaign.multiplier_bps is None):
        either = say("The campaign {name} needs either a rate or a multiplier, and not both.", name=name)
        problems.append(Problem(("rate",), either))
    if campaign.rate_bps is not None:
        problems += _find_rate(("rate",), campaign.rate_bps, say("the campaign {campaign}", campaign=name))
    if campaign.multiplier_bps is not None and not 0 < campaign.multiplier_bps <= _LARGEST_MULTIPLIER_BPS:
        times = say("The multiplier of the campaign {name} must be above 0 and at most 100.", name=name)
        problems.append(Problem(("multiplier",), times))
    return problems + _find_scope(("scope",), campaign.scope)


def _find_overlaps(campaigns: Sequence[Campaign]) -> list[Problem]:
    return [
        Problem(
            ("campaigns", row, "starts_at"),
            say(
                "The campaigns {first} and {second} overlap in time and may meet in the same goods;"
                " end one before the other begins, or name different products, variants, vendors, types or SKUs.",
                first=repr(first.name),
                second=repr(second.name),
            ),
        )
        for (_, first), (row, second) in combinations(enumerate(campaigns), 2)
        if first.starts_at < second.ends_at
        and second.starts_at < first.ends_at
        and _may_meet(first.scope, second.scope)
    ]


def _may_meet(first: Scope, second: Scope) -> bool:
    """Return whether one line could be in both; only scopes that each name one same kind can be told apart."""
    kinds = {kind for scope in (first, second) for kind in Scope.__slots__ if getattr(scope, kind)}
    if first.is_everything or second.is_everything or len(kinds) != 1:
        return True
    kind = kinds.pop()
    if kind not in _SINGLE:
        return True
    if kind in _KINDS_OF_IDS:
        return not getattr(first, kind).isdisjoint(getattr(second, kind))
    return not plain_set(getattr(first, kind)).isdisjoint(plain_set(getattr(second, kind)))


def _find_scope(where: Where, scope: Scope) -> list[Problem]:
    problems = []
    for kind, what in _KINDS_OF_IDS.items():
        problems += find_ids((*where, kind), getattr(scope, kind), what)
    for kind, what in _KINDS_OF_WORDS.items():
        problems += find_words((*where, kind), getattr(scope, kind), what)
    return problems


def _find_rate(where: Where, rate_bps: int, whose: str) -> list[Problem]:
    if 0 <= rate_bps <= WHOLE_BPS:
        return []
    return [Problem(where, say("The rate of {whose} must be between 0 % and 100 %.", whose=whose))]
