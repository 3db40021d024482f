"""Letters put into words: each piece of news by its template, all of them in the frame, the style written in."""

from dataclasses import dataclass, replace
from functools import reduce
from types import MappingProxyType

from markupsafe import Markup

from app.engine.rules.letters import Letter, OwnTemplate, Sender, Written
from app.mail.document import make_document
from app.mail.markup import read_strictly
from app.mail.plain_text import wrap
from app.mail.ready import Templates, default_template, make_ready
from app.mail.templating import TemplateFault, Value, fill_in
from app.mail.variables import FRAME, common_values, frame_values, news_values, one_line
from app.sentences import Sentence, say, sentence_of

#: So much news stands in one mail; the rest is on the customer's page, to which each mail leads.
MOST_NEWS = 30
LONGEST_SUBJECT = 200
_LONGEST_PREVIEW = 140
NO_TEMPLATES: Templates = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Section:
    subject: str
    html: str
    text: str


def write(letter: Letter, sender: Sender, templates: Templates = NO_TEMPLATES) -> Written:
    """Return a letter in words: by the shop's own ``templates`` (of ``own_templates``) where there are any.

    A template of theirs that cannot be used does not stop a letter: ours is taken in its place, ``error`` says why
    and ``broken`` which. Raises TemplateFault where even ours cannot be used, which no letter should bring about.
    """
    try:
        return _write(letter, sender, templates)
    except TemplateFault as fault:
        if not templates:
            raise
        # Each by itself can be used, but not together.
        used = {FRAME, *(news.saying.value for news in letter.news)}
        broken = tuple(name for name, language in templates if language == letter.language and name in used)
        ours = _write(letter, sender, NO_TEMPLATES)
        return replace(ours, error=_tell({", ".join(broken): sentence_of(fault)}), broken=broken)


def _write(letter: Letter, sender: Sender, templates: Templates) -> Written:
    faults: dict[str, str] = {}
    common = common_values(letter, sender)
    sections = [
        _fill(news.saying, letter, {**common, **news_values(news, letter, sender)}, templates, faults)
        for news in letter.news[:MOST_NEWS]
    ]
    values = {**common, **frame_values(letter, more=len(letter.news) > MOST_NEWS)}
    frame = _fill_frame(letter, sections, values, templates, faults)
    return Written(frame.subject, frame.html, frame.text, _tell(faults), tuple(faults))


def _tell(faults: dict[str, str]) -> Sentence | None:
    """Return which templates could not be used and why; None where all could."""
    told = [say("{name}: {fault}", name=name, fault=fault) for name, fault in faults.items()]
    return reduce(lambda most, following: say("{most}; {next}", most=most, next=following), told) if told else None


def _fill(
    name: str, letter: Letter, values: dict[str, Value], templates: Templates, faults: dict[str, str]
) -> _Section:
    """Fill in the template of a piece of news, ours if the shop's own cannot be used."""
    own = templates.get((name, letter.language))
    if own is not None:
        try:
            return _fill_one(own, values, values)
        except TemplateFault as fault:
            faults[name] = sentence_of(fault)
    return _fill_one(default_template(name, letter.language), values, values)


def _fill_frame(
    letter: Letter,
    sections: list[_Section],
    values: dict[str, Value],
    templates: Templates,
    faults: dict[str, str],
) -> _Section:
    own = templates.get((FRAME, letter.language))
    if own is not None:
        try:
            return _frame_of(own, letter, sections, values)
        except TemplateFault as fault:
            faults[FRAME] = sentence_of(fault)
    return _frame_of(default_template(FRAME, letter.language), letter, sections, values)


def _frame_of(template: OwnTemplate, letter: Letter, sections: list[_Section], values: dict[str, Value]) -> _Section:
    html = Markup("\n".join(section.html for section in sections))  # noqa: S704 - made of templates that escape
    text = "\n\n".join(section.text for section in sections)
    framed = _fill_one(template, {**values, "sections": html}, {**values, "sections": text})
    if len(sections) == 1:
        subject, preview = sections[0].subject, text.partition("\n")[2]
    else:
        subject, preview = framed.subject, " · ".join(section.subject for section in sections)
    document = make_document(subject, one_line(preview, _LONGEST_PREVIEW), framed.html, letter.language)
    return _Section(subject, document, wrap(framed.text))


def _fill_one(template: OwnTemplate, html_values: dict[str, Value], text_values: dict[str, Value]) -> _Section:
    ready = make_ready(template)
    # One line whatever stands in it: a name of an order must not become a header of the mail.
    subject = one_line(fill_in(ready.subject, text_values), LONGEST_SUBJECT)
    if not subject:
        raise TemplateFault(say("The subject is empty."))
    html = fill_in(ready.html, html_values).strip()
    # Ours are read in the tests; what people wrote is escaped in them as in all others.
    if template is not default_template(template.name, template.language):
        read_strictly(html, has_style=template.name == FRAME)
    return _Section(subject, html, fill_in(ready.text, text_values).strip())
