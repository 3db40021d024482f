"""The page around every mail: its language, its colours in light and dark, and its style written to each element.

Mail programs throw away style sheets, so each element carries what is meant for it. What remains of the sheet is what
no element can carry: dark colours and small screens, for those that know them.
"""

from functools import cache
from pathlib import Path

from css_inline import CSSInliner, InlineError
from jinja2 import Environment, Template
from markupsafe import Markup

from app.mail.templating import TemplateFault
from app.sentences import say

FOLDER = Path(__file__).parent / "templates"
#: So many characters a whole mail has at most: written to each element, a long rule becomes 500 times as long.
LONGEST_DOCUMENT = 1_000_000
#: Nothing is ever fetched, from nowhere and from no disk either.
_INLINER = CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, remove_inlined_selectors=True)


def make_document(subject: str, preview: str, body: str, language: str) -> str:
    """Return a whole mail in HTML: ``body`` is HTML, ``preview`` the text that lists of mails show beside the subject.

    Raises TemplateFault where the style in the body cannot be read, or makes too much of it.
    """
    page = _skeleton().render(subject=subject, preview=preview, body=Markup(body), language=language, style=_style())  # noqa: S704 - made of templates that escape
    try:
        document = _INLINER.inline(page)
    except InlineError as error:
        raise TemplateFault(say("Its style cannot be read: {problem}", problem=str(error))) from None
    if len(document) > LONGEST_DOCUMENT:
        raise TemplateFault(say("What comes out of it is too long: {most} characters at most.", most=LONGEST_DOCUMENT))
    return document


@cache
def _skeleton() -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string((FOLDER / "document.html").read_text(encoding="utf-8"))


@cache
def _style() -> Markup:
    return Markup((FOLDER / "mail.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of ours
