"""The business figures: what the programme costs and brings, and who moved between the tiers."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from marshmallow import Schema, ValidationError, fields, validate, validates

from app.admin import answers, bp
from app.admin.display import zone
from app.admin.forms import FormError, load
from app.admin.home import SPANS
from app.admin.people import needs
from app.admin.queries.business import average_order_minor, list_tier_moves
from app.admin.queries.home import read_days
from app.admin.settings_forms import SeenSchema
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import business as flow
from app.engine.programme import Programme
from app.engine.rules.business import WHOLE_BPS, Record, Trade, compute_outlook
from app.engine.rules.money import decimal_text, to_decimal_string
from app.engine.rules.periods import midnight
from app.engine.rules.roles import Duty
from app.engine.seen import ChangedMeanwhile, mark
from app.errors import NotAllowed, Refused
from app.fields import MoneyField, RateField, WholeField
from app.languages import translate

#: Which of the two shares the merchant knows.
MARGIN, GOODS = "margin", "goods"
_FIELDS = ("share_of", "share", "shipping", "order_value", "target_roi")
_TARGET = "The return aimed at is between 0 and 10,000 percent."


class BusinessSchema(SeenSchema):
    """The figures of the trade; shipping and order value come with the currency."""

    share_of = fields.String(load_default=MARGIN, validate=validate.OneOf((MARGIN, GOODS)))
    share = RateField(required=True)
    target_roi = WholeField(required=True, validate=validate.Range(0, 10_000, error=_TARGET))

    @validates("order_value")
    def _is_worth_something(self, value: int, data_key: str) -> None:
        if value <= 0:
            raise ValidationError("An average order must be worth something.")


@cache
def business_schema(currency: str) -> Schema:
    """Return the schema of the form in a shop with a currency."""
    money: dict[str, fields.Field[Any]] = {
        name: MoneyField(currency, required=True) for name in ("shipping", "order_value")
    }
    return BusinessSchema.from_dict(money)()


@bp.get("/settings/business")
def business() -> ResponseReturnValue:
    """Show the business figures of 30 or 90 days."""
    return _show()


@bp.post("/settings/business")
@needs(Duty.MANAGE)
def set_business() -> ResponseReturnValue:
    """State the figures of the shop's trade."""
    try:
        form = load(business_schema(g.shop.currency), request.form)
        margin = form["share"] if form["share_of"] == MARGIN else WHOLE_BPS - form["share"]
        trade = Trade(margin, form["shipping"], form["order_value"], form["target_roi"] * 100)
        with transaction() as session:
            flow.set_trade(session, g.shop.id, trade, g.actor, utcnow(), seen=form["seen"])
    except NotAllowed:
        raise
    except ChangedMeanwhile as error:
        return _show(409, error=translate(error))
    except FormError as error:
        return _show(422, error=translate(error), wrong=error.errors)
    except Refused as error:
        return _show(422, error=translate(error), wrong={})
    return _show(toast=_("Saved"))


def _show(
    status: int = 200, *, toast: str | None = None, error: str | None = None, wrong: dict[str, Any] | None = None
) -> ResponseReturnValue:
    """Show the page; ``wrong`` says by field what cannot be taken of what was typed, and that it is to be kept."""
    session, now = db.session(), utcnow()
    trade = flow.find_trade(session, g.shop.id)
    if not answers.wants_html():
        return answers.as_json({"errors": wrong or error} if error else flow.show_trade(trade), status)
    asked = request.args.get("days", "")
    span = int(asked) if asked in map(str, SPANS) else SPANS[0]
    first = now.astimezone(zone(g.shop.timezone)).date() - timedelta(days=span - 1)
    total = read_days(session, g.shop, first).total(first)
    record = Record(total.issued_minor, total.reversed_minor, total.redemptions)
    tiers = [tier.name for tier in Programme(session, g.shop).at(now).tiers]
    is_kept = wrong is not None
    response = answers.show(
        "admin/business.html",
        status,
        trade=trade,
        typed={name: request.form.get(name, "") for name in _FIELDS} if is_kept else _write(trade, now),
        errors={name: translate(sentences[0]) for name, sentences in (wrong or {}).items()},
        error=error,
        seen=mark(flow.show_trade(trade)),
        record=record,
        outlook=None if trade is None else compute_outlook(trade, record),
        moves=list_tier_moves(session, g.shop.id, midnight(first, zone(g.shop.timezone)), tiers),
        spans=SPANS,
        span=span,
    )
    message = toast or error
    return answers.add_toast(response, message, is_error=error is not None) if message else response


def _write(trade: Trade | None, now: datetime) -> dict[str, str]:
    """Return what stands in the fields: what was stated, else what can be said without the merchant."""
    currency = g.shop.currency
    if trade is None:
        average = average_order_minor(db.session(), g.shop.id, currency, now)
        value = "" if average is None else to_decimal_string(average, currency)
        return {**dict.fromkeys(_FIELDS, ""), "share_of": MARGIN, "order_value": value, "target_roi": "300"}
    return {
        "share_of": MARGIN,
        "share": decimal_text(trade.margin_bps, 2).rstrip("0").rstrip("."),
        "shipping": to_decimal_string(trade.shipping_minor, currency),
        "order_value": to_decimal_string(trade.order_value_minor, currency),
        "target_roi": str(trade.target_roi_bps // 100),
    }
