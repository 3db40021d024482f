"""The plain text of mails: lines that are short enough to be read anywhere, and tables without lines."""

import re
import textwrap
from collections.abc import Sequence

#: So many characters a line has at most, where words allow it; addresses are never broken.
WIDTH = 72
_GAPS = re.compile(r"\n{3,}")


def wrap(text: str) -> str:
    """Return a text in lines of at most ``WIDTH`` characters, with one empty line at most between them."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    wrapped = [line if len(line) <= WIDTH else _wrap_line(line) for line in lines]
    return _GAPS.sub("\n\n", "\n".join(wrapped)) + "\n"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns, the first to the left, the others to the right; as a list where that is too wide."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > WIDTH:
        head, *others = rows
        return "\n".join(_listed(head, row) for row in others)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _wrap_line(line: str) -> str:
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _listed(head: Sequence[str], row: Sequence[str]) -> str:
    named = [f"  {name}: {cell}" for name, cell in zip(head[1:], row[1:], strict=True)]
    return "\n".join([row[0], *named])
