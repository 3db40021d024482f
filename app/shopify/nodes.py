"""Asking for many things by their ids, in batches that a shop's allowance of query points can bear."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from app.sentences import say, sentence_of
from app.shopify.documents import Document
from app.shopify.errors import NoAnswer
from app.shopify.gateway import Gateway

Json = dict[str, Any]


class Unreadable(NoAnswer):
    """An answer came, and is not what was asked for."""


def read_nodes(
    gateway: Gateway,
    document: Document,
    kind: str,
    ids: Collection[int],
    *,
    batch: int,
    max_wait_seconds: float,
    variables: Mapping[str, Any] | None = None,
) -> Iterator[tuple[int, Json | None]]:
    """Yield each id with what ``nodes(ids:)`` says about it; None for what Shopify does not know (any more)."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), batch):
        some = ordered[start : start + batch]
        data = gateway.execute(
            document,
            {"ids": [gid(kind, number) for number in some], **(variables or {})},
            max_wait_seconds=max_wait_seconds,
        )
        nodes = data.get("nodes")
        if not isinstance(nodes, list) or len(nodes) != len(some):
            raise Unreadable(say("Shopify's answer does not hold what was asked for."))
        # A node of another kind comes as an object without the fields asked for.
        yield from ((number, node or None) for number, node in zip(some, nodes, strict=True))


def gid(kind: str, number: int) -> str:
    """Return the global id of a thing."""
    return f"gid://shopify/{kind}/{number}"


def number_of(text: str) -> int:
    """Return the number at the end of a global id; raise ValueError where there is none."""
    return int(text.rpartition("/")[2])


def unreadable(error: Exception) -> Unreadable:
    """Return what to raise when an answer cannot be read."""
    return Unreadable(
        say(
            "Shopify's answer is not shaped as its schema says ({kind}: {error}).",
            kind=type(error).__name__,
            error=sentence_of(error),
        )
    )
