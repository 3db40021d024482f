"""Mails to the merchant, in the dress of those to customers: paragraphs, lists, tables, and a button that leads on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, FileSystemLoader, Template

from app.engine.rules.letters import Written
from app.languages import read_catalogue
from app.mail.document import FOLDER, make_document
from app.mail.plain_text import table, wrap
from app.mail.variables import one_line
from app.sentences import marked

_LONGEST_SUBJECT = 200
_LONGEST_PREVIEW = 140
_WHY = marked("You get this mail because your address stands in Boomerang under Settings, Mails.")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; with ``title`` it begins a part of its own with that heading."""

    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list, one line for each."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Figures: the first column names the row, the others stand to the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Button:
    """Where to go on: a whole address (``https://…``) and what stands on it."""

    label: str
    url: str


Part = Paragraph | Bullets | Table | Button


def write_to_merchant(subject: str, parts: Sequence[Part], *, shop_name: str, language: str) -> Written:
    """Return a mail to the merchant; everything in it is plain text already in ``language``, and is escaped here.

    The subject is one line whatever stands in it. The mail ends by saying why one gets it.
    """
    subject = one_line(subject, _LONGEST_SUBJECT)
    shown = [(type(part).__name__, part) for part in parts]
    why = str(read_catalogue(language).gettext(_WHY))
    body = _template().render(subject=subject, parts=shown, shop=one_line(shop_name), why=why)
    words = "\n\n".join(filter(None, map(_as_text, parts)))
    preview = next((part.text for part in parts if isinstance(part, Paragraph)), "")
    html = make_document(subject, one_line(preview, _LONGEST_PREVIEW), body, language)
    return Written(subject, html, wrap(f"{subject}\n\n{words}\n\n--\n{one_line(shop_name)}\n{why}"))


def _as_text(part: Part) -> str:
    match part:
        case Paragraph(text, title):
            return f"{title}\n{text}" if title else text
        case Bullets(items):
            return "\n".join(f"- {item}" for item in items)
        case Table(head, rows):
            return table([head, *rows]) if rows else ""
        case Button(label, url):
            return f"{label}: {url}"


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True, auto_reload=False
    )
    return environment.get_template("merchant.html")
