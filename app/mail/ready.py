"""Templates made ready to be filled in: ours out of their files, a shop's own as it saved them; each once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from jinja2 import Template

from app.engine.rules.letters import OwnTemplate
from app.mail.document import FOLDER
from app.mail.templating import TemplateFault, compile_template
from app.mail.variables import names_of

#: A shop's own templates, by name and language.
Templates = Mapping[tuple[str, str], OwnTemplate]
_SUBJECT = "Subject: "


@dataclass(frozen=True, slots=True)
class Ready:
    """The three parts of a template."""

    subject: Template
    html: Template
    text: Template


def own_templates(templates: Iterable[OwnTemplate]) -> Templates:
    """Return a shop's own templates as ``write`` takes them."""
    return {(template.name, template.language): template for template in templates}


@cache
def default_template(name: str, language: str) -> OwnTemplate:
    """Return our own words for something, in one of our languages: what an editor begins with."""
    path = FOLDER / language / name
    subject, _, text = path.with_suffix(".txt").read_text(encoding="utf-8").partition("\n")
    html = path.with_suffix(".html").read_text(encoding="utf-8")
    return OwnTemplate(name, language, subject.removeprefix(_SUBJECT), html, text.lstrip("\n"))


def make_ready(template: OwnTemplate) -> Ready:
    """Return a template ready to be filled in; the second time it costs nothing. Raises TemplateFault."""
    found = _made_ready(template)
    if isinstance(found, TemplateFault):
        raise TemplateFault(*found.args)
    return found


@lru_cache(maxsize=512)
def _made_ready(template: OwnTemplate) -> Ready | TemplateFault:
    # Kept by its content: a template that was saved anew is another one, and a broken one stays broken.
    def part(name: str, source: str) -> Template:
        return compile_template(source, names_of(template.name, name), is_html=name == "html")

    try:
        return Ready(part("subject", template.subject), part("html", template.html), part("text", template.text))
    except TemplateFault as fault:
        return fault
