"""The programme's terms: publish a new version, find the one in force. A published version is never edited."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.rules.facts_json import terms_from_json, terms_to_json
from app.engine.rules.money import exponent
from app.engine.rules.problems import LATEST_YEAR, Problem
from app.engine.rules.roles import Duty
from app.engine.rules.terms import Terms, Tier
from app.engine.rules.terms_versions import VersionState, find_in_force, tell_states
from app.engine.rules.valid_terms import find_late_dates, find_problems
from app.engine.staffing import check_may
from app.engine.standings import check_tiers_in_use
from app.errors import NotFound, Refused
from app.models import Shop, TermsVersion
from app.sentences import marked, say

#: Name, threshold in whole units of the shop's currency, rate in basis points.
DEFAULT_TIERS = (("Bronze", 0, 200), ("Silver", 500, 400), ("Gold", 1_500, 600))
_LARGEST_VERSION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Version:
    """A published version, without what it says."""

    number: int
    effective_from: datetime
    published_at: datetime
    published_by: str
    state: VersionState


class BadTerms(Refused):
    """Terms that cannot be published; ``problems`` say what is wrong with them and where."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(problem.sentence for problem in problems))
        self.problems = tuple(problems)


class BadMoment(Refused):
    """Terms cannot begin at the moment that was asked for."""


class Overtaken(Refused):
    """Somebody else published a version since the newest one was looked at."""

    def __init__(self) -> None:
        super().__init__(marked("Somebody published new terms meanwhile. Load them again and make your changes there."))


def get_current(session: Session, shop_id: int, at: datetime) -> Terms:
    """Return the terms in force at a moment; raise NotFound for a shop that has none yet."""
    terms = _find_in_force(session, shop_id, at)
    if terms is None:
        raise NotFound("This shop has no terms yet; open the app once in the shop's admin to publish the first.")
    return terms


def get_version(session: Session, shop_id: int, number: int) -> Terms:
    """Return what one version says; raise NotFound where there is none of this number."""
    which = (TermsVersion.shop_id == shop_id, TermsVersion.version == number)
    # A number that no column can hold is not asked for.
    body = session.scalar(select(TermsVersion.body).where(*which)) if number <= _LARGEST_VERSION else None
    if body is None:
        raise NotFound(say("There is no version {number} of this shop's terms.", number=number))
    return terms_from_json(body)


def list_versions(session: Session, shop_id: int, now: datetime) -> list[Version]:
    """Return all versions of a shop's terms, newest first, and how each stands now."""
    columns = (
        TermsVersion.version,
        TermsVersion.effective_from,
        TermsVersion.published_at,
        TermsVersion.published_by,
    )
    query = select(*columns).where(TermsVersion.shop_id == shop_id).order_by(TermsVersion.version.desc())
    rows = session.execute(query).all()
    states = tell_states({row.version: row.effective_from for row in rows}, now)
    return [Version(*row, states[row.version]) for row in rows]


def find_newest(session: Session, shop_id: int) -> int:
    """Return the highest number of a version there is, 0 where there is none."""
    versions = select(TermsVersion.version).where(TermsVersion.shop_id == shop_id)
    return session.scalar(versions.order_by(TermsVersion.version.desc()).limit(1)) or 0


def check(session: Session, shop: Shop, terms: Terms, begins: datetime) -> None:
    """Raise BadTerms unless terms could be published to begin at a moment."""
    problems = find_problems(terms)
    if terms.currency != shop.currency:
        problems.append(
            Problem(("currency",), say("The terms must be in the shop's currency, {currency}.", currency=shop.currency))
        )
    if not problems:
        problems = find_late_dates(terms, begins, ZoneInfo(shop.timezone))
        problems += [Problem(("tiers",), said) for said in check_tiers_in_use(session, shop.id, terms, begins)]
    if problems:
        raise BadTerms(problems)


def publish(
    session: Session,
    shop_id: int,
    terms: Terms,
    actor: str,
    now: datetime,
    effective_from: datetime | None = None,
    *,
    seen_version: int | None = None,
) -> Terms:
    """Publish terms as the next version, in force from a moment on (``now`` unless told otherwise), and return them.

    The version number given is replaced. Rewards that exist keep the version they were frozen with. Terms that
    say what will be in force at that moment anyway are not published again: that version is returned. Raises
    BadTerms, BadMoment, or Overtaken where ``seen_version``, the newest somebody looked at, is not the newest.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    return _publish(session, shop_id, terms, actor, now, effective_from, seen_version)


def call_off(session: Session, shop_id: int, number: int, actor: str, now: datetime, *, seen_version: int) -> Terms:
    """Publish, for the moment at which a scheduled version would begin, what holds until then; and return that.

    The scheduled version never holds then: a newer one begins with it. Raises Refused where it is not scheduled
    any more, or Overtaken where ``seen_version``, the newest somebody looked at, is not the newest.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    versions = {one.number: one for one in list_versions(session, shop_id, now)}
    version = versions.get(number)
    if version is None or version.state is not VersionState.SCHEDULED:
        raise Refused(say("Version {number} is not scheduled any more; there is nothing to call off.", number=number))
    until_then = find_in_force(
        {one.number: one.effective_from for one in versions.values() if one.effective_from < version.effective_from},
        version.effective_from,
    )
    if until_then is None:
        raise Refused("Nothing holds before this version; publish other terms for its moment instead.")
    kept = get_version(session, shop_id, until_then)
    return _publish(session, shop_id, kept, actor, now, version.effective_from, seen_version)


def publish_default(session: Session, shop: Shop, actor: str, now: datetime) -> None:
    """Publish the first version of a shop's terms, unless it has one already: whoever installs the app does."""
    if find_newest(session, shop.id):
        return
    unit = 10 ** exponent(shop.currency)
    tiers = tuple(Tier(name, threshold * unit, rate_bps) for name, threshold, rate_bps in DEFAULT_TIERS)
    _publish(session, shop.id, Terms(version=1, currency=shop.currency, tiers=tiers), actor, now, None, None)


def _publish(
    session: Session,
    shop_id: int,
    terms: Terms,
    actor: str,
    now: datetime,
    effective_from: datetime | None,
    seen_version: int | None,
) -> Terms:
    shop = session.scalar(select(Shop).where(Shop.id == shop_id).with_for_update(key_share=True))
    if shop is None:
        raise NotFound("There is no such shop in this installation.")
    begins = _check_moment(effective_from, now)
    there = _find_in_force(session, shop_id, begins)
    if there is not None and replace(terms, version=there.version) == there:
        return there
    newest = find_newest(session, shop_id)
    if seen_version not in (None, newest):
        raise Overtaken
    terms = replace(terms, version=newest + 1)
    check(session, shop, terms, begins)
    session.add(
        TermsVersion(
            shop_id=shop_id,
            version=terms.version,
            effective_from=begins,
            body=terms_to_json(terms),
            published_at=now,
            published_by=actor,
        )
    )
    record(
        session,
        shop_id,
        actor,
        "publish_terms",
        subject=("terms", terms.version),
        before={"version": newest},
        after={**terms_to_json(terms), "effective_from": begins.astimezone(UTC).isoformat()},
        now=now,
    )
    session.flush()
    return terms


def _find_in_force(session: Session, shop_id: int, at: datetime) -> Terms | None:
    body = session.scalar(
        select(TermsVersion.body)
        .where(TermsVersion.shop_id == shop_id, TermsVersion.effective_from <= at)
        .order_by(TermsVersion.effective_from.desc(), TermsVersion.version.desc())
        .limit(1)
    )
    return None if body is None else terms_from_json(body)


def _check_moment(effective_from: datetime | None, now: datetime) -> datetime:
    if effective_from is None:
        return now
    if effective_from.tzinfo is None:
        raise BadMoment("Say the moment with its time zone, like 2027-01-01T00:00+01:00.")
    if effective_from < now:
        raise BadMoment("Terms cannot begin in the past; choose a later moment, or none to begin at once.")
    if effective_from.year > LATEST_YEAR:
        raise BadMoment(say("Terms must begin before the year {year}.", year=LATEST_YEAR + 1))
    return effective_from
