"""What is wrong with a template that somebody is about to save, in sentences for them; and how it will look."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from app.engine.rules.letters import OwnTemplate, Written
from app.mail.document import make_document
from app.mail.examples import SENDER, example_letter
from app.mail.markup import look_for_foreign, read_strictly
from app.mail.ready import Templates
from app.mail.render import NO_TEMPLATES, write
from app.mail.templating import TemplateFault, Value, compile_template, fill_in
from app.mail.variables import FRAME, common_values, frame_values, names_of, news_values
from app.sentences import Sentence, marked, say

PARTS = ("subject", "html", "text")
_BARE_VALUE = re.compile(r"=\s*(\{\{[^}]*\}\})")
#: What of the frame nobody may leave out, and why.
_NEEDED = {
    "sections": marked("Leave {variable} in: without it nobody reads the news."),
    "stop_url": marked("Leave {variable} in, for everybody: people must be able to say that they want no mails."),
}
_SECTIONS = Markup("What is said stands here.")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a part of a template: ``subject``, ``html`` or ``text``."""

    part: str
    sentence: str


def check(name: str, language: str, subject: str, html: str, text: str) -> list[Fault]:
    """Return what is wrong with a template, part by part; nothing where it can be used.

    ``name`` is one of ``variables.TEMPLATES``. Sentences are of the engine's kind: ``|said`` translates them.
    """
    sources = {"subject": subject, "html": html, "text": text}
    return [
        Fault(part, wrong)
        for part in PARTS
        if (wrong := next(_wrong(name, language, part, sources[part]), None)) is not None
    ]


def preview(draft: OwnTemplate, templates: Templates = NO_TEMPLATES) -> Written:
    """Return a made-up letter as it would be written with a draft among the shop's own templates.

    ``error`` says why the draft cannot be used, and then the letter shows our words in its place.
    """
    letter = example_letter(draft.name, draft.language)
    return write(letter, SENDER, {**templates, (draft.name, draft.language): draft})


def _wrong(name: str, language: str, part: str, source: str) -> Iterator[str]:
    """Yield what is wrong with one part, the first of it first."""
    try:
        if part == "html":
            yield from _wrong_source(source)
        template = compile_template(source, names_of(name, part), is_html=part == "html")
        for bare in (False, True):
            filled = fill_in(template, _values(name, language, part, bare=bare))
            yield from _wrong_result(name, part, filled, language)
    except TemplateFault as fault:
        yield fault.args[0]


def _wrong_source(html: str) -> Iterator[Sentence]:
    """Yield what is wrong with HTML before it is filled in, for not every branch of it is taken."""
    look_for_foreign(html)
    if bare := _BARE_VALUE.search(html):
        yield say("Put quotes around {value}.", value=bare[1])


def _wrong_result(name: str, part: str, filled: str, language: str) -> Iterator[Sentence]:
    if not filled.strip():
        yield say("Nothing comes out of it.")
    if name == FRAME and part != "subject":
        needed = {"sections": _SECTIONS, "stop_url": SENDER.stop_url}
        yield from (
            say(_NEEDED[name], variable=f"{{{{ {name} }}}}") for name, text in needed.items() if text not in filled
        )
    if part == "html":
        read_strictly(filled, has_style=name == FRAME)
        make_document("", "", filled, language)


def _values(name: str, language: str, part: str, *, bare: bool) -> dict[str, Value]:
    letter = example_letter(name, language, bare=bare)
    values = common_values(letter, SENDER)
    if name != FRAME:
        return values | news_values(letter.news[0], letter, SENDER)
    return {**values, **frame_values(letter, more=bare), "sections": _SECTIONS}
