"""The log of who moved from tier to tier: filtered, paged, and as a file."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode

from flask import g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.admin import bp
from app.admin.csv_export import Cell, export_csv
from app.admin.guard import FRAME_PARAMETERS
from app.admin.people import name_actor, needs
from app.admin.queries.tier_log import Wanted, all_moves, list_moves
from app.admin.queries.tiers import list_tier_names, name_customers
from app.clock import utcnow
from app.db import db
from app.engine.rules.money import Money
from app.engine.rules.problems import LARGEST_ID, LONGEST_NAME
from app.engine.rules.roles import Duty
from app.models import TierChangeKind

#: In a word, and the colour it is shown in.
KIND_WORDS = {
    TierChangeKind.UPGRADE: (_("Up"), "success"),
    TierChangeKind.DOWNGRADE: (_("Down"), "attention"),
    TierChangeKind.MANUAL: (_("By hand"), "info"),
    TierChangeKind.INITIAL: (_("First tier"), "neutral"),
}
_HEADER = (
    "Moved at", "Customer", "Email", "Shopify customer id", "From", "To", "Kind", "Spend", "Currency",
    "Terms version", "By",
)  # fmt: skip


@bp.get("/tiers/log")
def tier_log() -> ResponseReturnValue:
    """Show a page of moves; an unknown filter counts as none."""
    session, wanted = db.session(), _read_wanted(request.args)
    page = list_moves(session, g.shop.id, wanted, before=_number("before"), after=_number("after"))
    chosen = _told(wanted)
    names = list_tier_names(session, g.shop.id, utcnow())
    return render_template(
        "admin/tiers_log.html",
        page=page,
        chosen=chosen,
        customer=name_customers(session, g.shop.id, [wanted.customer_id]).get(wanted.customer_id),
        is_filtered=any(chosen.values()),
        kinds=KIND_WORDS,
        names=names if wanted.tier in ("", *names) else [*names, wanted.tier],
        newer=page.newer and _link(chosen, after=page.newer),
        older=page.older and _link(chosen, before=page.older),
    )


@bp.post("/tiers/log/export")
@needs(Duty.DECIDE)
def export_tier_log() -> ResponseReturnValue:
    """Give out the moves as a file."""
    wanted, shop_id, currency = _read_wanted(request.form), g.shop.id, g.shop.currency

    def rows(session: Session) -> Iterator[Sequence[Cell]]:
        for change, customer in all_moves(session, shop_id, wanted):
            yield (
                change.at,
                customer.name if customer else None,
                customer.email if customer else None,
                str(customer.shopify_id) if customer else None,
                change.before,
                change.after,
                change.kind.value,
                Money(change.spend_minor, currency),
                currency,
                change.terms_version,
                name_actor(change.actor),
            )

    return export_csv("tier_moves", _HEADER, rows, _told(wanted))


def _read_wanted(asked: Mapping[str, str]) -> Wanted:
    kind, customer = asked.get("kind", ""), asked.get("customer", "")
    number = int(customer) if customer.isascii() and customer.isdigit() and len(customer) < 20 else 0
    return Wanted(
        tier=asked.get("tier", "").replace("\0", "")[:LONGEST_NAME].strip(),
        kind=TierChangeKind(kind) if kind in list(TierChangeKind) else None,
        customer_id=number if number <= LARGEST_ID else 0,
    )


def _told(wanted: Wanted) -> dict[str, str]:
    return {
        "tier": wanted.tier,
        "kind": wanted.kind.value if wanted.kind else "",
        "customer": str(wanted.customer_id or ""),
    }


def _number(name: str) -> int:
    number = request.args.get(name, 0, type=int)
    return number if 0 < number <= LARGEST_ID else 0


def _link(chosen: dict[str, str], **cursor: int) -> str:
    kept = {name: request.args[name] for name in FRAME_PARAMETERS if name in request.args}
    return "/tiers/log?" + urlencode({**kept, **{name: value for name, value in chosen.items() if value}, **cursor})
