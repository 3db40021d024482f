"""Reads a form off a page and says what a browser would send of it."""

from html.parser import HTMLParser


class FormReader(HTMLParser):
    """The fields of one form, by its action; what lies in a template is not part of it."""

    def __init__(self, html: str, action: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._action = action
        self._inside = False
        self._templates = 0
        self._textarea: str | None = None
        self._text = ""
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "template":
            self._templates += 1
        elif tag == "form":
            self._inside = found.get("action") == self._action
        elif self._inside and not self._templates:
            self._field(tag, found, {name for name, _ in attrs})

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self._templates -= 1
        elif tag == "form":
            self._inside = False
        elif tag == "textarea" and self._textarea is not None:
            self._add(self._textarea, _as_sent(self._text))
            self._textarea = None
        elif tag == "select" and self._select is not None:
            chosen = [value for value, selected in self._options if selected] or [self._options[0][0]]
            self._add(self._select, chosen[0])
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self._text += data

    def _field(self, tag: str, found: dict[str, str], flags: set[str]) -> None:
        kind = found.get("type", "text")
        if tag == "input" and (kind not in ("checkbox", "radio") or "checked" in flags):
            self._add(found["name"], found.get("value", ""))
        elif tag == "textarea":
            self._textarea, self._text = found["name"], ""
        elif tag == "select":
            self._select, self._options = found["name"], []
        elif tag == "option":
            self._options.append((found["value"], "selected" in flags))

    def _add(self, name: str, value: str) -> None:
        self.fields.setdefault(name, []).append(value)


def _as_sent(text: str) -> str:
    # A browser leaves out the line end that follows the tag, and sends line ends as two characters.
    return text.replace("\r\n", "\n").removeprefix("\n").replace("\n", "\r\n")
