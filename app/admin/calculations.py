"""The report of calculations: every order with what it was calculated, granted, cut and kept, and why nothing."""

from collections.abc import Iterator

from flask import g, render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.admin import bp
from app.admin.book_words import CAP_WORDS
from app.admin.csv_export import Cell, export_csv
from app.admin.filters import asked_choice, asked_days, asked_text, asked_window, links
from app.admin.people import needs
from app.admin.queries.calculations import Calculation, Outcome, Wanted, list_calculations, list_tiers
from app.admin.queries.keyset import walk
from app.db import db
from app.engine.rules.eligibility import IneligibleReason
from app.engine.rules.explain import WHY_INELIGIBLE
from app.engine.rules.money import Money, decimal_text
from app.engine.rules.roles import Duty

_PATH = "/calculations"
OUTCOME_WORDS = {
    Outcome.CUT: _("Cut by a limit"),
    Outcome.NOTHING: _("Earned nothing"),
    Outcome.BY_HAND: _("Set by hand"),
}
_HEADER = (
    "reward", "order", "placed_at", "customer", "calculated_at", "tier", "rate_percent", "eligible", "calculated",
    "granted", "reversed", "kept", "currency", "state", "cut_by", "why_nothing", "set_by", "terms_version",
)  # fmt: skip


@bp.get("/calculations")
def calculations() -> ResponseReturnValue:
    """Show a page of calculations; a filter that is none counts as none."""
    session = db.session()
    wanted, chosen = _asked()
    page = list_calculations(session, g.shop.id, wanted, asked_window())
    is_filtered = any(chosen.values())
    return render_template(
        "admin/calculations.html",
        page=page,
        chosen=chosen,
        is_filtered=is_filtered,
        outcomes=OUTCOME_WORDS,
        reasons=WHY_INELIGIBLE,
        cap_words=CAP_WORDS,
        tiers=list_tiers(session, g.shop.id),
        **links(_PATH, chosen, page),
    )


@bp.post("/calculations/export")
@needs(Duty.DECIDE)
def export_calculations() -> ResponseReturnValue:
    """Return the calculations that are asked for."""
    wanted, chosen = _asked()
    shop_id = g.shop.id
    return export_csv("calculations", _HEADER, lambda session: _lines(session, shop_id, wanted), chosen)


def _asked() -> tuple[Wanted, dict[str, str]]:
    reason = asked_choice("reason", IneligibleReason)
    # Whoever names a reason asks for what earned nothing.
    outcome = Outcome.NOTHING if reason else asked_choice("outcome", Outcome)
    wanted = Wanted(outcome, reason, asked_text("tier"), *asked_days())
    chosen = {
        "outcome": outcome or "",
        "reason": reason or "",
        "tier": wanted.tier,
        "from": asked_text("from") if wanted.since else "",
        "to": asked_text("to") if wanted.until else "",
    }
    return wanted, chosen


def _lines(session: Session, shop_id: int, wanted: Wanted) -> Iterator[list[Cell]]:
    for row in walk(session, lambda window: list_calculations(session, shop_id, wanted, window)):
        yield _line(row)


def _line(row: Calculation) -> list[Cell]:
    reward, order = row.reward, row.order
    amounts = (
        reward.eligible_minor, reward.calculated_minor, reward.granted_minor, reward.reversed_minor, row.kept_minor,
    )  # fmt: skip
    cuts = [*(["cap"] if row.is_capped else []), *(kind.value for kind in row.cut_by)]
    return [
        reward.id, order.name, order.placed_at, row.customer.shopify_id if row.customer else None, reward.created_at,
        reward.tier_name, decimal_text(reward.rate_bps, 2), *(Money(minor, reward.currency) for minor in amounts),
        reward.currency, reward.state.value, " ".join(cuts),
        reward.ineligible_reason.value if reward.ineligible_reason else "", reward.adjusted_by, reward.terms_version,
    ]  # fmt: skip
