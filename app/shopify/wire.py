"""One POST to Shopify: kept-alive connections, timeouts, a limit on what is read, and typed failures.

Nothing is retried here. What matters most is to tell "never sent" from "sent, outcome unknown".
"""

import os
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from app.sentences import say
from app.shopify.errors import NoAnswer, NotSent

LARGEST_ANSWER = 10_000_000
CONNECT_SECONDS = 5.0
_CHUNK = 65_536
_POOL_SIZE = 16
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

_sessions: dict[tuple[int, str], requests.Session] = {}
_sessions_lock = threading.Lock()


class Answer:
    """What came back: the HTTP status, the seconds a Retry-After names, and the body."""

    __slots__ = ("body", "retry_after", "status")

    def __init__(self, status: int, retry_after: str | None, body: bytes) -> None:
        self.status = status
        self.retry_after = retry_after
        self.body = body


def session_for(origin: str) -> requests.Session:
    """Return this process's pool of connections to an origin.

    Keyed by process too: a connection shared with a forked child would mix two conversations.
    """
    key = (os.getpid(), origin)
    with _sessions_lock:
        if key not in _sessions:
            _sessions[key] = new_session(origin)
        return _sessions[key]


def new_session(origin: str) -> requests.Session:
    """Return a session that threads may share: it keeps no cookies, and a proxy is not asked for loopback."""
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.trust_env = urlsplit(origin).hostname not in _LOOPBACK
    adapter = HTTPAdapter(pool_maxsize=_POOL_SIZE, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def post(
    session: requests.Session,
    url: str,
    payload: object,
    *,
    headers: Mapping[str, str],
    timeout_seconds: float,
) -> Answer:
    """Send JSON and return the answer, whatever its status; raise NotSent or NoAnswer if there is none.

    Redirects are not followed: a token must not travel to another host. The whole answer must have been
    read within twice the timeout, so that a trickle cannot hold a worker.
    """
    deadline = time.monotonic() + 2 * timeout_seconds
    try:
        response = session.post(
            url,
            json=payload,
            headers=headers,
            timeout=(min(CONNECT_SECONDS, timeout_seconds), timeout_seconds),
            allow_redirects=False,
            stream=True,
        )
    except requests.RequestException as error:
        if _was_never_sent(error):
            raise NotSent(say("Shopify could not be reached: {kind}.", kind=_kind(error))) from error
        raise NoAnswer(say("Shopify gave no answer: {kind}.", kind=_kind(error))) from error
    try:
        body = _read(response, deadline)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise NoAnswer(say("Shopify's answer broke off: {kind}.", kind=_kind(error))) from error
    finally:
        response.close()
    return Answer(response.status_code, response.headers.get("Retry-After"), body)


def _read(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise NoAnswer(
                say("Shopify's answer is larger than {largest_answer} bytes.", largest_answer=LARGEST_ANSWER)
            )
        if time.monotonic() > deadline:
            raise NoAnswer(say("Shopify's answer took too long to read."))
    return bytes(body)


def _was_never_sent(error: requests.RequestException) -> bool:
    """Say whether the request cannot have left: no address, no connection, or a certificate we do not trust.

    A proxy's error alone says nothing: urllib3 calls it one also when the connection broke after the request had
    left. Only what it says inside about the connection counts.
    """
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.InvalidURL):
        return True
    unsent = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        ssl.SSLCertVerificationError,
    )
    return any(isinstance(cause, unsent) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]


def _kind(error: BaseException) -> str:
    # The class only: the text of these errors quotes addresses and sometimes headers.
    return type(list(_causes(error))[-1]).__name__ if error.args else type(error).__name__
