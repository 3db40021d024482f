"""The HTML that a shop writes itself, read strictly before anything else reads it.

Programs that read HTML forgive everything, and pay for it: some take minutes over a page of open brackets, and the one
that writes style to elements ends the whole process where elements lie too deep in each other. So a shop's own HTML is
read here first, from front to back, once: every element is one that mails may have, is closed, and closes in turn.
"""

import re
from collections.abc import Iterator

from app.mail.templating import TemplateFault
from app.sentences import marked, say

#: So many elements a shop's own HTML has at most, with all news in it, and so deep they lie in each other.
MOST_ELEMENTS = 3_000
DEEPEST = 60
#: So many characters of style the frame has at most.
LONGEST_STYLE = 4_000

_ELEMENTS = frozenset(
    {
        "a", "abbr", "address", "article", "aside", "b", "bdi", "blockquote", "br", "caption", "center",
        "cite", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em", "figcaption", "figure",
        "font", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins", "li",
        "main", "mark", "ol", "p", "pre", "q", "s", "section", "small", "span", "strong", "style", "sub",
        "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "u", "ul", "wbr",
    }
)  # fmt: skip
#: What has no end of its own.
_EMPTY = frozenset({"br", "col", "hr", "img", "wbr"})
#: A name ends where every reader of HTML ends it; nothing is tried twice, or a name of 50 000 letters takes a minute.
_TAG = re.compile(r"""<(/?)([A-Za-z][A-Za-z0-9:-]*+)(?=[ \t\n\f\r/>])((?:[^<>"']|"[^"]*"|'[^']*')*+)>""")
_STYLE_ENDS = re.compile(r"</style(?=[ \t\n\f\r/>])", re.IGNORECASE)
_BEGINS = re.compile(r"<[A-Za-z/!?]")
_ATTRIBUTE = re.compile(r"""([^\s=/>"']+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")
_REFUSED_SCHEMES = re.compile(r"^[\s\x00-\x20]*(javascript|vbscript|data)[\s\x00-\x20]*:", re.IGNORECASE)
_NAME = re.compile(r"<([A-Za-z][A-Za-z0-9:-]*)")
_FOREIGN = marked("Take out <{tag}>: mail programs remove it, or the whole mail.")
_UNREADABLE = marked("What follows {start} cannot be read: an angle bracket or a quotation mark is not closed.")


def look_for_foreign(source: str) -> None:
    """Raise TemplateFault where an element stands in a template that no mail may have, in whatever branch of it."""
    for tag in _NAME.findall(source):
        if tag.lower() not in _ELEMENTS:
            raise TemplateFault(say(_FOREIGN, tag=tag.lower()))


def read_strictly(html: str, *, has_style: bool) -> None:
    """Raise TemplateFault unless HTML is made of elements that mails may have, each closed in turn.

    ``has_style``: it is the frame, the one place for ``<style>``.
    """
    stack: list[str] = []
    for number, (is_end, tag, attributes) in enumerate(_tags(html)):
        if number > 2 * MOST_ELEMENTS:
            raise TemplateFault(say("There are too many elements: {most} at most.", most=MOST_ELEMENTS))
        if is_end:
            _close(stack, tag)
            continue
        if tag not in _ELEMENTS:
            raise TemplateFault(say(_FOREIGN, tag=tag))
        if tag == "style" and not has_style:
            raise TemplateFault(say("Write <style> into the frame, where it is for all mails."))
        _look_at(tag, attributes)
        if tag not in _EMPTY:
            stack.append(tag)
        if len(stack) > DEEPEST:
            raise TemplateFault(say("Elements lie too deep in each other: {most} at most.", most=DEEPEST))
    if stack:
        raise TemplateFault(say("Close <{tag}>: it is open at the end.", tag=stack[-1]))


def _tags(html: str) -> Iterator[tuple[bool, str, str]]:
    """Yield every tag: whether it ends an element, its name in small letters, and its attributes as they stand."""
    at, styled = 0, 0
    while found := _BEGINS.search(html, at):
        at = found.start()
        if html.startswith("<!--", at):
            at = _after_comment(html, at)
            continue
        tag = _TAG.match(html, at)
        if tag is None:
            raise TemplateFault(say(_UNREADABLE, start=_start(html, at)))
        name = tag[2].lower()
        yield bool(tag[1]), name, tag[3]
        at = tag.end()
        if name == "style" and not tag[1]:
            end = _STYLE_ENDS.search(html, at)
            if end is None:
                raise TemplateFault(say(_UNREADABLE, start=_start(html, at)))
            styled += end.start() - at
            if styled > LONGEST_STYLE:
                raise TemplateFault(say("There is too much style: {most} characters at most.", most=LONGEST_STYLE))
            at = end.start()


def _after_comment(html: str, at: int) -> int:
    """Return where a comment ends; what others take for its end stands nowhere in it, or they would read on before."""
    end = html.find("-->", at + 4)
    if end < 0 or html.startswith((">", "->"), at + 4) or html.find("--!>", at + 4, end) >= 0:
        raise TemplateFault(say(_UNREADABLE, start=_start(html, at)))
    return end + len("-->")


def _start(html: str, at: int) -> str:
    return repr(" ".join(html[at : at + 20].split()))


def _close(stack: list[str], tag: str) -> None:
    if tag in _EMPTY:
        raise TemplateFault(say("Take out </{tag}>: it ends nothing.", tag=tag))
    if not stack:
        raise TemplateFault(say("Take out </{tag}>: nothing is open there.", tag=tag))
    if stack.pop() != tag:
        raise TemplateFault(say("Close each element before the one around it: </{tag}> comes too early.", tag=tag))


def _look_at(tag: str, attributes: str) -> None:
    for name, value in _ATTRIBUTE.findall(attributes):
        name = name.lower()
        if name.startswith("on"):
            raise TemplateFault(say("Take out {name} of <{tag}>: nothing in a mail may run.", name=name, tag=tag))
        if name in ("href", "src", "background") and _REFUSED_SCHEMES.match(value.strip("\"'")):
            raise TemplateFault(say("The address in {name} of <{tag}> must begin with https://.", name=name, tag=tag))
