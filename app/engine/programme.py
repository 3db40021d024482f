"""A shop's terms, by version and by moment."""

from bisect import bisect_right
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.rules.facts_json import terms_from_json
from app.engine.rules.limits import limits_periodically
from app.engine.rules.terms import Terms
from app.errors import Broken
from app.models import Shop, TermsVersion
from app.sentences import say


class Programme:
    """The shop's terms, by version and by moment."""

    def __init__(self, session: Session, shop: Shop) -> None:
        rows = session.scalars(
            select(TermsVersion)
            .where(TermsVersion.shop_id == shop.id)
            .order_by(TermsVersion.effective_from, TermsVersion.version)
        ).all()
        if not rows:
            raise Broken(say("This shop has no terms yet; open the app once in the shop's admin to publish the first."))
        self._versions = {row.version: terms_from_json(row.body) for row in rows}
        self._begins = [row.effective_from for row in rows]
        self._in_order = [row.version for row in rows]

    @property
    def limits_periodically(self) -> bool:
        """Say whether any version has a limit per customer and period, so that grants must be counted."""
        return any(limits_periodically(terms) for terms in self._versions.values())

    def version(self, version: int) -> Terms:
        """Return the terms a reward was frozen with."""
        return self._versions[version]

    def at(self, moment: datetime) -> Terms:
        """Return the terms in force at a moment; for orders older than the programme its first.

        As in ``rules.terms_versions``: the version that began last, the newest of those that begin together.
        """
        begun = bisect_right(self._begins, max(moment, self._begins[0]))
        return self._versions[self._in_order[begun - 1]]
