"""The page of one customer: what they have and why, and what is proposed for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from flask import g, render_template, request
from flask.typing import ResponseReturnValue

from app.admin import bp
from app.admin.customer_forms import tier_options
from app.admin.queries.customer import MOST, CustomerFile, find_customer, is_customer, read_lifetime
from app.admin.queries.keyset import LARGEST_ID
from app.admin.queries.mails import read_customers_mails
from app.clock import utcnow
from app.db import db
from app.engine.programme import Programme
from app.engine.rules.money import MoneyError, parse
from app.engine.rules.postings import Line
from app.engine.rules.states import TransferKind
from app.errors import NotFound

#: What the page sums up of a life with the shop.
_LIFETIME = (
    Line.SETTLED, Line.REVERSED, Line.REDEEMED, Line.RETURNED, Line.EXPIRED, Line.ADJUSTED, Line.EXTERNAL,
    Line.FORGIVEN,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What a form is answered with: which one it was, what was typed, and what is wrong with it."""

    form: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


@bp.get("/customers/<int:customer_id>")
def customer(customer_id: int) -> ResponseReturnValue:
    """Show everything about one customer."""
    return render_customer(customer_id)


@bp.get("/customers/<int:customer_id>/preview")
def preview_adjustment(customer_id: int) -> ResponseReturnValue:
    """Say what credit by hand, as it is being typed, would leave."""
    check_known(customer_id)
    session, shop = db.session(), g.shop
    available_minor = read_lifetime(session, shop, customer_id).closing.available_minor
    terms = Programme(session, shop).at(utcnow())
    try:
        minor = parse(request.args.get("amount", "").strip(), shop.currency).minor
    except MoneyError:
        minor = 0
    is_debit = request.args.get("kind") == TransferKind.DEBIT
    limit_minor = terms.second_person_above_minor
    return render_template(
        "admin/customer_preview.html",
        minor=max(minor, 0),
        after_minor=available_minor - minor if is_debit else available_minor + minor,
        available_minor=available_minor,
        may_owe=terms.debit_may_owe,
        limit_minor=limit_minor if limit_minor is not None and minor > limit_minor else None,
    )


def render_customer(customer_id: int, said: Said | None = None) -> str:
    """Return the page of a customer; raise NotFound when this shop has none of this number."""
    now = utcnow()
    file = find_customer(db.session(), g.shop, customer_id, now) if customer_id <= LARGEST_ID else None
    if file is None:
        raise NotFound("There is no such customer in this shop.")
    given = file.given(now)
    return render_template(
        "admin/customer.html",
        file=file,
        lifetime=_lifetime(file),
        given=given,
        seen=",".join(str(row.id) for row in given),
        tier_options=tier_options(tier.name for tier in file.terms.tiers),
        key=uuid4().hex,
        most=MOST,
        now=now,
        mails=read_customers_mails(db.session(), g.shop.id, customer_id, file.customer.email),
        said=said or Said(),
    )


def check_known(customer_id: int) -> None:
    """Raise NotFound unless the shop has a customer of this number."""
    if customer_id > LARGEST_ID or not is_customer(db.session(), g.shop.id, customer_id):
        raise NotFound("There is no such customer in this shop.")


def _lifetime(file: CustomerFile) -> list[tuple[Line, int]]:
    """Return what changed the available credit, or what is owed, from the first day on, in minor units."""
    lines = file.figures.lines
    return [(line, lines[line].available_minor + lines[line].owed_minor) for line in _LIFETIME if line in lines]
