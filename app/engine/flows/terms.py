"""The programme's terms: publish a new version, find the one in force. A published version is never edited."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.rules.facts_json import terms_from_json, terms_to_json
from app.engine.rules.money import exponent
from app.engine.rules.terms import Terms, Tier
from app.engine.rules.valid_terms import validate_terms
from app.errors import NotFound, Refused
from app.models import Shop, TermsVersion

#: Name, threshold in whole units of the shop's currency, rate in basis points.
DEFAULT_TIERS = (("Bronze", 0, 200), ("Silver", 500, 400), ("Gold", 1_500, 600))


def get_current(session: Session, shop_id: int, at: datetime) -> Terms:
    """Return the terms in force at a moment; raise NotFound for a shop that has none yet."""
    row = session.scalar(
        select(TermsVersion)
        .where(TermsVersion.shop_id == shop_id, TermsVersion.effective_from <= at)
        .order_by(TermsVersion.version.desc())
        .limit(1)
    )
    if row is None:
        raise NotFound("This shop has no terms yet; open the app once in the shop's admin to publish the first.")
    return terms_from_json(row.body)


def publish(session: Session, shop_id: int, terms: Terms, actor: str, now: datetime) -> Terms:
    """Publish terms as the next version, in force from ``now``; raise Refused with what is wrong with them.

    The version number given is replaced. Rewards that exist keep the version they were frozen with.
    """
    shop = session.scalar(select(Shop).where(Shop.id == shop_id).with_for_update(key_share=True))
    if shop is None:
        raise NotFound("There is no such shop in this installation.")
    newest = session.scalar(select(func.max(TermsVersion.version)).where(TermsVersion.shop_id == shop_id)) or 0
    terms = replace(terms, version=newest + 1)
    problems = validate_terms(terms)
    if terms.currency != shop.currency:
        problems.append(f"The terms must be in the shop's currency, {shop.currency}.")
    if problems:
        raise Refused(" ".join(problems))
    session.add(
        TermsVersion(
            shop_id=shop_id,
            version=terms.version,
            effective_from=now,
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
        after=terms_to_json(terms),
        now=now,
    )
    session.flush()
    return terms


def publish_default(session: Session, shop: Shop, actor: str, now: datetime) -> None:
    """Publish the first version of a shop's terms, unless it has one already."""
    if session.scalar(select(TermsVersion.id).where(TermsVersion.shop_id == shop.id).limit(1)) is not None:
        return
    unit = 10 ** exponent(shop.currency)
    tiers = tuple(Tier(name, threshold * unit, rate_bps) for name, threshold, rate_bps in DEFAULT_TIERS)
    publish(session, shop.id, Terms(version=1, currency=shop.currency, tiers=tiers), actor, now)
