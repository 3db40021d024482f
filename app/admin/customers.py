"""The list of customers: who they are, what they spent, have and owe; as a file, and a tier for many at once."""

from collections.abc import Iterator

from flask import g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import ngettext
from sqlalchemy.orm import Session

from app.admin import answers, bp
from app.admin.csv_export import Cell, export_csv
from app.admin.customer_forms import GivenTier, chosen_ids, sentences, tier_options, tier_schema
from app.admin.filters import asked_choice, asked_text, link
from app.admin.forms import FormError, load
from app.admin.people import needs
from app.admin.queries.customers import (
    CustomerRow,
    Show,
    Sort,
    Spot,
    Wanted,
    has_customers,
    list_customers,
    read_spot,
)
from app.admin.queries.search import clean_search
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import tiers
from app.engine.programme import Programme
from app.engine.rules.money import Money
from app.engine.rules.roles import Duty
from app.errors import NotAllowed, Refused
from app.languages import translate
from app.models import Shop

_PATH = "/customers"
_HEADER = (
    "customer", "name", "email", "tags", "tier", "spend", "balance_in_shopify", "available", "pending", "owed",
    "currency", "last_order_at", "first_seen_at", "deleted_at", "merged",
)  # fmt: skip
_BATCH = 500


@bp.get("/customers")
def customers() -> ResponseReturnValue:
    """Show a page of customers; a filter that is none counts as none."""
    return render()


@bp.post("/customers/export")
@needs(Duty.DECIDE)
def export_customers() -> ResponseReturnValue:
    """Return the customers that are asked for."""
    wanted, chosen = _asked()
    shop_id = g.shop.id
    return export_csv("customers", _HEADER, lambda session: _lines(session, shop_id, wanted), chosen)


@bp.post("/customers/tier")
@needs(Duty.MANAGE)
def assign_to_many() -> ResponseReturnValue:
    """Give the ticked customers a tier."""
    try:
        form: GivenTier = load(tier_schema, request.form)
        ids = chosen_ids(request.form.getlist("customer"))
        with transaction() as session:
            given = tiers.assign(
                session, g.shop.id, ids, form.tier, form.reason, g.actor, utcnow(),
                ends_at=form.ends_at, is_locked=form.is_locked,
            )  # fmt: skip
    except FormError as error:
        return _answer(422, sentences(error))
    except NotAllowed:
        raise
    except Refused as error:
        return _answer(409, {"form": translate(error)})
    done = ngettext("%(num)s customer has the tier now.", "%(num)s customers have the tier now.", given)
    if not answers.wants_html():
        return answers.as_json({"done": done})
    return answers.add_toast(make_response(render()), done)


def render(errors: dict[str, str] | None = None) -> str:
    """Return the page; with errors, as it was when the form was sent."""
    session = db.session()
    wanted, chosen = _asked()
    before, after = (read_spot(request.values.get(name, "")[:400], wanted.sort) for name in ("before", "after"))
    page = list_customers(session, g.shop, wanted, before=before, after=None if before else after)
    names = [tier.name for tier in Programme(session, g.shop).at(utcnow()).tiers]
    is_filtered = any(value for name, value in chosen.items() if name != "sort")
    return render_template(
        "admin/customers.html",
        page=page,
        chosen=chosen,
        sorts=list(Sort),
        shows=list(Show),
        tiers=names,
        tier_options=tier_options(names),
        is_filtered=is_filtered,
        is_new=not page.rows and not has_customers(session, g.shop.id),
        newer=page.previous and link(_PATH, chosen, before=str(page.previous)),
        older=page.following and link(_PATH, chosen, after=str(page.following)),
        errors=errors or {},
        typed=request.form if errors else {},
        ticked=set(request.form.getlist("customer")) if errors else set(),
    )


def _asked() -> tuple[Wanted, dict[str, str]]:
    """Return which customers are asked for, and the same as the address has it."""
    show, sort = asked_choice("show", Show), asked_choice("sort", Sort) or Sort.NEWEST
    wanted = Wanted(clean_search(asked_text("search")), asked_text("tag"), asked_text("of_tier"), show, sort)
    chosen = {
        "search": wanted.search,
        "tag": wanted.tag,
        "of_tier": wanted.tier,
        "show": show or "",
        "sort": "" if sort is Sort.NEWEST else sort,
    }
    return wanted, chosen


def _answer(status: int, errors: dict[str, str]) -> ResponseReturnValue:
    message = next(iter(errors.values()))
    if not answers.wants_html():
        return answers.as_json({"error": message}, status)
    return answers.add_toast(make_response(render(errors), status), message, is_error=True)


def _lines(session: Session, shop_id: int, wanted: Wanted) -> Iterator[list[Cell]]:
    shop = session.get_one(Shop, shop_id)
    after: Spot | None = None
    while True:
        page = list_customers(session, shop, wanted, after=after, size=_BATCH)
        for row in page.rows:
            yield _line(row, shop.currency)
            session.expunge(row.customer)
        if page.following is None:
            return
        after = page.following


def _line(row: CustomerRow, currency: str) -> list[Cell]:
    customer, figures = row.customer, row.figures

    def money(minor: int | None) -> Cell:
        return None if minor is None else Money(minor, currency)

    return [
        customer.shopify_id, customer.name, customer.email, ", ".join(customer.tags or ()), customer.tier_name,
        money(customer.tier_spend_minor), money(figures.shopify_minor), money(figures.available_minor),
        money(figures.pending_minor), money(figures.owed_minor), currency, figures.last_order_at,
        customer.created_at, customer.deleted_at, "yes" if customer.merged_into_id else "",
    ]  # fmt: skip
