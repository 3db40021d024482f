"""What a made-up line would earn under the rules as they are typed, before anything is published."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from babel.numbers import format_decimal
from flask import g, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from marshmallow import ValidationError

from app.admin import answers, bp
from app.admin.forms import FormError
from app.admin.people import needs
from app.admin.publication import read_moment, text_of_field, zone_of_form
from app.admin.queries.rules import find_product
from app.admin.terms_form import document_of, fields_from_request
from app.clock import utcnow
from app.db import db
from app.engine.flows import terms as flow
from app.engine.rules.explain import WHY_LINE
from app.engine.rules.facts import OrderLine, ProductFact
from app.engine.rules.rate_trial import Source, Trial, try_line
from app.engine.rules.roles import Duty
from app.engine.rules.terms import Terms
from app.fields import IdsField
from app.languages import current_locale, translate
from app.terms_document import BadDocument, flatten, load

#: Shopify's kinds of the ids in the form.
_IDS = {"try.product": "Product", "try.variant": "ProductVariant", "try.collection": "Collection"}
SOURCE_WORDS = {Source.TIER: _("Tier"), Source.RATE: _("Rate"), Source.CAMPAIGN: _("Campaign")}


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A made-up line, and what came of it: a trial, or sentences about what has to be mended first."""

    trial: Trial | None = None
    #: Nothing is known of the product that was named but what was typed of it.
    is_unknown: bool = False
    problems: list[str] = field(default_factory=list)


@bp.post("/rules/try")
@needs(Duty.LOOK)
def try_rules() -> ResponseReturnValue:
    """Answer what a line would earn under the rules as typed; where none are sent, under those in force."""
    try:
        made = _try(_read_terms())
    except (BadDocument, FormError) as error:
        found = ((where, translate(sentence)) for where, sentence in flatten(error.errors))
        said = [f"{where}: {sentence}" if where else sentence for where, sentence in found]
        return answers.show("admin/rules_tried.html", 422, tried=MadeUp(problems=said))
    return answers.show(
        "admin/rules_tried.html", tried=made, source_words=SOURCE_WORDS, why_line=WHY_LINE, tell_factor=_tell
    )


def _read_terms() -> Terms:
    currency = g.shop.currency
    if "tiers.name" not in request.form:
        return flow.get_current(db.session(), g.shop.id, utcnow())
    return load(document_of(fields_from_request(request.form, currency), currency, zone_of_form()), currency)


def _try(terms: Terms) -> MadeUp:
    at: datetime = read_moment("try.at") or utcnow()
    product_id, variant_id, collection_id = (_id(name) for name in _IDS)
    known = find_product(db.session(), g.shop.id, product_id) if product_id else None
    line = OrderLine(1, "", 1, 0, 0, 0, product_id, variant_id, _word("try.sku"), _word("try.vendor"))
    product = _described(product_id or 0, known, collection_id)
    name = text_of_field("try.tier")
    tier = next((one for one in terms.tiers if one.name == name), terms.tiers[0])
    trial = try_line(terms, line, product, tier, at)
    return MadeUp(trial, is_unknown=bool(product_id) and known is None)


def _described(product_id: int, known: ProductFact | None, collection_id: int | None) -> ProductFact:
    """Return what is known of the product, with what was typed in its place or added to it."""
    base = known or ProductFact(product_id)
    tags = [tag for tag in text_of_field("try.tags").split(",") if tag.strip()]
    return ProductFact(
        product_id,
        _word("try.vendor") or base.vendor,
        _word("try.type") or base.product_type,
        (*base.tags, *tags),
        (*base.collection_ids, *((collection_id,) if collection_id else ())),
        base.on_sale_variant_ids,
    )


def _word(name: str) -> str | None:
    return text_of_field(name).strip() or None


def _id(name: str) -> int | None:
    text = text_of_field(name).strip()
    if not text:
        return None
    try:
        ids: frozenset[int] = IdsField(_IDS[name]).deserialize([text])
    except ValidationError as error:
        raise FormError({"": error.messages}) from error
    return next(iter(ids))


def _tell(multiplier_bps: int) -> str:
    """Return a multiplier for people: 15,000 → "1.5"."""
    return format_decimal(Decimal(multiplier_bps).scaleb(-4), locale=current_locale())
