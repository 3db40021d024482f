"""Reads the file that a bulk operation has written, line by line and from any byte on, in little memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3

from app.errors import NotYet
from app.sentences import say
from app.shopify import wire
from app.shopify.errors import NoAnswer, NotSent, ServerTrouble, ShopifyError

#: No order is longer than this in lines, by far.
LONGEST_LINE = 20_000_000
_CHUNK = 262_144
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
#: What stores of files answer when an address is not good any more.
_GONE = (400, 401, 403, 404, 410)


class FileGone(ShopifyError, NotYet):
    """The address of the file is not good any more; ask for a new one, or run the operation again."""

    def __init__(self, status: int) -> None:
        super().__init__(f"Shopify's file is not there any more (HTTP {status}); it is kept for a week.")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file, and the place right behind it."""

    text: bytes
    end: int
    #: A line break follows; without one the file ended within it, or right behind it.
    is_ended: bool = True


def read_lines(url: str, *, start: int = 0, timeout_seconds: float = 30.0) -> Iterator[Line]:
    """Yield the lines of a file from a byte on, which must begin a line. Raises FileGone, NoAnswer, ServerTrouble.

    The address carries its own permission, so no token is sent with it.
    """
    _check_address(url)
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
    try:
        with (
            wire.new_session(url) as session,
            session.get(
                url,
                headers=headers,
                timeout=(min(wire.CONNECT_SECONDS, timeout_seconds), timeout_seconds),
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            skip = _check_status(response, start)
            if skip is not None:
                yield from _split(response.raw, start, skip)
    except requests.ConnectionError as error:
        raise NotSent(say("Shopify's file could not be reached: {kind}.", kind=type(error).__name__)) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise NoAnswer(say("Shopify's file broke off: {kind}.", kind=type(error).__name__)) from error


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise NoAnswer(say("Shopify's file has an address that is not safe to read from."))


def _check_status(response: requests.Response, start: int) -> int | None:
    """Return how many bytes come before those wanted; None when the file ends where they would begin."""
    status = response.status_code
    if status == 206:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise NoAnswer(say("Shopify's file did not begin where it was asked to."))
        return 0
    if status == 200:
        return start
    if status == 416:
        return None
    if status in _GONE:
        raise FileGone(status)
    raise ServerTrouble(say("Shopify's file could not be read (HTTP {status}).", status=status))


def _split(raw: urllib3.response.BaseHTTPResponse, start: int, skip: int) -> Iterator[Line]:
    buffer, place = b"", start
    while chunk := raw.read(_CHUNK):
        if skip:
            skip, chunk = max(0, skip - len(chunk)), chunk[skip:]
        buffer += chunk
        *whole, buffer = buffer.split(b"\n")
        for text in whole:
            place += len(text) + 1
            yield Line(text, place)
        if len(buffer) > LONGEST_LINE:
            raise NoAnswer(say("Shopify's file has a line that is too long to be an order."))
    if buffer:
        yield Line(buffer, place + len(buffer), is_ended=False)
