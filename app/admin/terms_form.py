"""The terms as a form: texts out of terms, and the document that those texts say.

The form has the fields of ``app/terms_document.py``, named by their path ("limits.day"); a list has a line or a comma
between its items, a row of tiers, rates or campaigns repeats its names, and moments are in the shop's time zone.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import zip_longest
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext, lazy_gettext
from marshmallow import Schema
from marshmallow import fields as shapes
from werkzeug.datastructures import MultiDict

from app.engine.rules.terms import ReleaseKind, Terms
from app.fields import FlagField, IdsField, InstantField, WordsField
from app.languages import translate
from app.terms_document import WHOLE, Document, Errors, dump, flatten, schema_of

#: Nested like the document; lists are one text, flags are booleans.
Fields = dict[str, Any]
#: Their items never hold a comma; other texts may.
_DIVIDED_BY_COMMAS = ("tags", "product_tags", "excluded_tags", "excluded_product_tags", "excluded_discount_codes")
#: The parts of a scope, as a row of rates or campaigns names them.
_GOODS = {
    "product_ids": lazy_gettext("Products"),
    "variant_ids": lazy_gettext("Variants"),
    "collection_ids": lazy_gettext("Collections"),
    "vendors": lazy_gettext("Vendors"),
    "product_types": lazy_gettext("Product types"),
    "product_tags": lazy_gettext("Product tags"),
    "skus": lazy_gettext("SKUs"),
}
_COUNTING = (ReleaseKind.DAYS_AFTER_PAID, ReleaseKind.DAYS_AFTER_FULFILLED, ReleaseKind.MONTH_END)


class TermsForm:
    """What the page shows of the terms, or of one row of them: texts, and what is wrong with them."""

    def __init__(self, fields: Fields, errors: Errors | None = None, prefix: str = "") -> None:
        self._fields, self._errors, self._prefix = fields, errors or {}, prefix

    def name(self, path: str) -> str:
        """Return the name of an input."""
        return self._prefix + path

    def value(self, path: str) -> Any:
        """Return what stands in an input."""
        return _dig(self._fields, path, "")

    def error(self, path: str) -> str:
        """Return all sentences about a field and its parts."""
        return " ".join(dict.fromkeys(translate(sentence) for _, sentence in flatten(_dig(self._errors, path, ()))))

    @property
    def goods(self) -> str:
        """Return which goods a row's scope names, as far as they are typed; everything where none are."""
        named = []
        for kind, words in _GOODS.items():
            lines = [line.strip() for line in self.value(f"scope.{kind}").split("\n") if line.strip()]
            named += [f"{words}: {', '.join(lines)}"] if lines else []
        return " · ".join(named) or gettext("everything")

    def rows(self, name: str) -> "list[TermsForm]":
        """Return the rows of tiers, rates or campaigns."""
        wrong = _dig(self._errors, name, {})
        return [
            TermsForm(row, wrong.get(number) if isinstance(wrong, dict) else None, f"{name}.")
            for number, row in enumerate(self.value(name) or ())
        ]

    def blank(self, name: str) -> "TermsForm":
        """Return an empty row, which new ones are made of."""
        return TermsForm({}, None, f"{name}.")

    def error_of_all(self, name: str) -> str:
        """Return the sentences about tiers, rates or campaigns together, without those about one row."""
        wrong = _dig(self._errors, name, ())
        return " ".join(map(translate, wrong.get(WHOLE, ()) if isinstance(wrong, dict) else wrong))

    def is_wrong(self, *names: str) -> bool:
        """Return whether something is wrong with one of the fields."""
        return any(self.error(name) for name in names)


def fields_of(terms: Terms, zone: ZoneInfo) -> Fields:
    """Return terms as the texts a person edits."""
    return _typed(schema_of(terms.currency), dump(terms), zone)


def fields_from_request(form: MultiDict[str, str], currency: str) -> Fields:
    """Return the texts a person sent; rows that were left empty are dropped.

    Columns of different lengths leave gaps, which the check of the fields refuses: no row gets lost in silence.
    """
    return _asked(schema_of(currency), form, "")


def document_of(fields: Fields, currency: str, zone: ZoneInfo | None) -> Document:
    """Return the document that texts say, ``zone`` being that of moments written without one."""
    document = _said(schema_of(currency), fields, zone)
    release = document["release"]
    # The page shows the number and the day of the release always; what the chosen kind has no use for is not said.
    if release.get("kind") not in _COUNTING:
        release.pop("number", None)
    if release.get("kind") != ReleaseKind.ON_DATE:
        release.pop("on", None)
    return document


def moment_of(text: str, zone: ZoneInfo | None) -> str:
    """Return a moment with the zone it was meant in, where it was written without; other texts as they are."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if zone is None or at.tzinfo is not None else at.replace(tzinfo=zone).isoformat()


def text_of(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant as an input for local moments has it; with its zone where the clocks show it twice."""
    local = at.astimezone(zone)
    if local.fold:
        return local.isoformat()
    return local.replace(tzinfo=None).isoformat(timespec="auto" if local.second or local.microsecond else "minutes")


def _typed(schema: Schema, document: Document, zone: ZoneInfo) -> Fields:
    typed: Fields = {}
    for name, field in _parts(schema):
        value = document[name]
        if isinstance(field, shapes.Nested):
            typed[name] = _typed(field.schema, value, zone)
        elif isinstance(field, shapes.List):
            typed[name] = [_typed(_row_schema(field), row, zone) for row in value]
        elif isinstance(field, IdsField | WordsField):
            typed[name] = (", " if name in _DIVIDED_BY_COMMAS else "\n").join(value)
        elif isinstance(field, InstantField):
            typed[name] = text_of(datetime.fromisoformat(value), zone)
        elif isinstance(field, FlagField):
            typed[name] = value
        else:
            typed[name] = "" if value is None else str(value)
    return typed


def _asked(schema: Schema, form: MultiDict[str, str], prefix: str) -> Fields:
    asked: Fields = {}
    for name, field in _parts(schema):
        key = prefix + name
        if isinstance(field, shapes.Nested):
            asked[name] = _asked(field.schema, form, f"{key}.")
        elif isinstance(field, shapes.List):
            asked[name] = _asked_rows(_row_schema(field), form, f"{key}.")
        elif isinstance(field, FlagField):
            # A box that is not ticked sends nothing: a hidden "no" goes before each.
            asked[name] = form.getlist(key)[-1] == "yes" if key in form else None
        else:
            asked[name] = _clean(form.get(key, ""))
    return asked


def _asked_rows(schema: Schema, form: MultiDict[str, str], prefix: str) -> list[Fields]:
    leaves = list(_leaves(schema))
    columns = [[_clean(text) for text in form.getlist(prefix + leaf)] for leaf in leaves]
    return [
        _asked(schema, MultiDict(zip(leaves, row, strict=True)), "")
        for row in zip_longest(*columns, fillvalue="")
        if any(text.strip() for text in row)
    ]


def _said(schema: Schema, fields: Fields, zone: ZoneInfo | None) -> Document:
    document: Document = {}
    for name, field in _parts(schema):
        value = fields[name]
        if isinstance(field, shapes.Nested):
            document[name] = _said(field.schema, value, zone)
        elif isinstance(field, shapes.List):
            document[name] = [_said(_row_schema(field), row, zone) for row in value]
        elif isinstance(field, IdsField):
            document[name] = [word for word in re.split(r"[\s,;]+", value) if word]
        elif isinstance(field, WordsField):
            words = re.split(r"[,\n]" if name in _DIVIDED_BY_COMMAS else r"\n", value)
            document[name] = [word for word in words if word.strip()]
        elif isinstance(field, InstantField):
            document |= {name: moment_of(value.strip(), zone)} if value.strip() else {}
        elif isinstance(field, FlagField):
            document |= {} if value is None else {name: value}
        else:
            document |= {name: value} if value.strip() else {}
    return document


def _parts(schema: Schema) -> Iterator[tuple[str, Any]]:
    return ((str(field.data_key), field) for field in schema.fields.values())


def _row_schema(field: shapes.List[Any]) -> Any:
    inner: Any = field.inner
    return inner.schema


def _leaves(schema: Schema, prefix: str = "") -> Iterator[str]:
    for name, field in _parts(schema):
        if isinstance(field, shapes.Nested):
            yield from _leaves(field.schema, f"{prefix}{name}.")
        else:
            yield prefix + name


def _dig(tree: Any, path: str, otherwise: Any) -> Any:
    for name in path.split("."):
        if not isinstance(tree, dict) or name not in tree:
            return otherwise
        tree = tree[name]
    return tree


def _clean(text: str) -> str:
    return text.replace("\x00", "")  # the one character PostgreSQL's text cannot hold
