"""Relay connections: one page of a list with cursors, as Shopify pages."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

MOST_PER_PAGE = 250


@dataclass(frozen=True)
class Page:
    """One page of a list; the cursor of an item is made from its id."""

    nodes: Sequence[Any]
    identify: Callable[[Any], int]
    has_next: bool
    has_previous: bool


def paginate(
    items: Sequence[Any],
    identify: Callable[[Any], int],
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Page:
    """Cut one page out of the sorted items; `first` or `last` is required, at most 250."""
    if first is None and last is None:
        raise GraphQLError("you must provide one of first or last", extensions={"code": "BAD_REQUEST"})
    for wanted in (first, last):
        if wanted is not None and not 0 <= wanted <= MOST_PER_PAGE:
            raise GraphQLError(
                f"first or last must be between 0 and {MOST_PER_PAGE}", extensions={"code": "BAD_REQUEST"}
            )
    start = _position(items, identify, after) + 1 if after else 0
    end = _position(items, identify, before) if before else len(items)
    if first is not None:
        end = min(end, start + first)
    elif last is not None:
        start = max(start, end - last)
    return Page(items[start:end], identify, end < len(items), start > 0)


def cursor(item_id: int) -> str:
    """Return the opaque cursor of an item."""
    return base64.b64encode(json.dumps({"last_id": item_id}).encode()).decode()


def _position(items: Sequence[Any], identify: Callable[[Any], int], text: str) -> int:
    try:
        wanted = json.loads(base64.b64decode(text))["last_id"]
    except (ValueError, KeyError, TypeError):
        wanted = None
    for index, item in enumerate(items):
        if identify(item) == wanted:
            return index
    raise GraphQLError(f"Invalid cursor for current pagination sort: {text}", extensions={"code": "BAD_REQUEST"})


def connection(page: Page) -> dict[str, Any]:
    """Return the page as a connection with nodes, edges and pageInfo."""
    edges = [{"cursor": cursor(page.identify(node)), "node": node} for node in page.nodes]
    return {
        "nodes": page.nodes,
        "edges": edges,
        "pageInfo": {
            "hasNextPage": page.has_next,
            "hasPreviousPage": page.has_previous,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
    }
