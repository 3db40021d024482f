"""One GraphQL call to one shop: typed errors, its cost, and THROTTLED waited out. Nothing else is ever retried."""

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import requests
import shopify

from app.sentences import say
from app.shopify import wire
from app.shopify.allowance import Allowance, Cost, Reservation
from app.shopify.documents import Document
from app.shopify.errors import (
    AccessDenied,
    DocumentRefused,
    NoAnswer,
    ServerTrouble,
    ShopUnavailable,
    Throttled,
    Unauthorized,
)

SHORTEST_WAIT_SECONDS = 0.1
#: No word of Shopify's makes anybody wait longer; its whole allowance is there again within twenty seconds.
LONGEST_WAIT_SECONDS = 60.0
#: Waited after a 429 that does not say for how long.
USUAL_WAIT_SECONDS = 1.0
#: Statuses that concern the shop, not the call: payment due, frozen, gone, moved, locked, rejected.
_SHOP_STATUSES = frozenset({301, 302, 303, 307, 308, 402, 403, 404, 410, 423, 430})
_SERVER_CODES = frozenset({"INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE", "GATEWAY_TIMEOUT"})

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """An answer to several things asked at once: what there is of it, and the errors about the rest."""

    data: Json
    errors: tuple[Json, ...] = ()

    def errors_of(self, name: str) -> list[Json]:
        """Return the errors about one of them, and those that do not say about which they are."""
        return [error for error in self.errors if not error.get("path") or error["path"][0] == name]


class _Call(shopify.GraphQL):  # type: ignore[misc]  # ShopifyAPI carries no types
    """ShopifyAPI's GraphQL client over ``requests``.

    Its own sends through urllib without a timeout and takes address and token from state that all
    threads share; of it we keep the shape of a call and leave the network and that state alone.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str], timeout_seconds: float, session: Any) -> None:
        # The parent's constructor is left out on purpose: it reads the library's active session.
        self.endpoint = endpoint
        self.headers = dict(headers)
        self._timeout_seconds = timeout_seconds
        self._session = session

    def execute(
        self, query: str, variables: Mapping[str, Any] | None = None, operation_name: str | None = None
    ) -> wire.Answer:
        """Send one operation and return the raw answer."""
        usual = {"Accept": "application/json", "Content-Type": "application/json"}
        return wire.post(
            self._session,
            self.endpoint,
            {"query": query, "variables": variables, "operationName": operation_name},
            headers=self.merge_headers(usual, self.headers),
            timeout_seconds=self._timeout_seconds,
        )


class Gateway:
    """The GraphQL Admin API of one shop, for as long as one access token is good. Threads may share it."""

    def __init__(
        self,
        origin: str,
        api_version: str,
        access_token: str,
        timeout_seconds: float,
        session: requests.Session | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        self.api_version = api_version
        self._allowance = allowance
        self._call = _Call(
            f"{origin}/admin/api/{api_version}/graphql.json",
            {"X-Shopify-Access-Token": access_token},
            timeout_seconds,
            session or wire.session_for(origin),
        )
        #: What the last call said about its cost; None before the first.
        self.last_cost: Cost | None = None

    def execute(
        self,
        document: Document,
        variables: Mapping[str, Any] | None = None,
        *,
        max_wait_seconds: float = 10.0,
        before_send: Callable[[], None] | None = None,
    ) -> Json:
        """Send a document and return its ``data``. Raises the errors of ``app.shopify.errors``.

        THROTTLED was not executed, so it is waited out and sent again for as long as the waits sum up to
        at most ``max_wait_seconds``; then Throttled is raised. ``before_send`` is called right before each
        sending; what it raises ends the call unsent.
        """
        parts = self._execute(document, variables, max_wait_seconds, before_send)
        if parts.errors:
            raise ServerTrouble(say("Shopify reported errors while executing: {detail}", detail=_detail(parts.errors)))
        return parts.data

    def execute_parts(
        self,
        document: Document,
        variables: Mapping[str, Any] | None = None,
        *,
        max_wait_seconds: float = 10.0,
        before_send: Callable[[], None] | None = None,
    ) -> Parts:
        """Send a document that asks for several things, each with a fate of its own; otherwise like ``execute``.

        Raises only what concerns all of them: nothing was executed, or nobody knows.
        """
        return self._execute(document, variables, max_wait_seconds, before_send)

    def _execute(
        self,
        document: Document,
        variables: Mapping[str, Any] | None,
        max_wait_seconds: float,
        before_send: Callable[[], None] | None,
    ) -> Parts:
        left = max_wait_seconds
        while True:
            reserved, waited = self._reserve(document, left)
            left -= waited
            if before_send is not None:
                before_send()
            try:
                return self._execute_once(document, variables, reserved)
            except Throttled as throttled:
                if throttled.wait_seconds > left:
                    raise
                left -= throttled.wait_seconds
                time.sleep(throttled.wait_seconds)

    def _reserve(self, document: Document, most_seconds: float) -> tuple[Reservation | None, float]:
        """Wait until the shop's allowance has room for a call; return how long that took. Raises Throttled."""
        if self._allowance is None:
            return None, 0.0
        waited = 0.0
        while wait := (reserved := self._allowance.reserve(document.name)).wait_seconds:
            if waited + wait > most_seconds:
                raise Throttled(wait)
            time.sleep(wait)
            waited += wait
        return reserved, waited

    def _execute_once(
        self, document: Document, variables: Mapping[str, Any] | None, reserved: Reservation | None
    ) -> Parts:
        answer = self._call.execute(document.text, variables)
        _check_status(answer)
        body = _read_json(answer.body)
        cost = _read_cost(body)
        self.last_cost = cost or self.last_cost
        if cost is not None and self._allowance is not None and reserved is not None:
            self._allowance.learn(document.name, cost, reserved)
        errors = body.get("errors")
        if errors:
            _raise_errors(body, cost)
        data = body.get("data")
        if not isinstance(data, dict):
            raise NoAnswer(say("Shopify's answer holds no data."))
        return Parts(data, tuple(errors or ()))


def _check_status(answer: wire.Answer) -> None:
    status = answer.status
    if status == 200:
        return
    if status == 401:
        raise Unauthorized
    if status == 429:
        raise Throttled(_read_seconds(answer.retry_after))
    if status in _SHOP_STATUSES:
        raise ShopUnavailable(status)
    if status >= 500 or status == 408:
        raise ServerTrouble(say("Shopify failed inside (HTTP {status}).", status=status))
    if 400 <= status < 500:
        raise DocumentRefused(f"HTTP {status}", answer.body[:200].decode("utf-8", "replace"))
    raise NoAnswer(say("Shopify answered with HTTP {status}, which says nothing about the call.", status=status))


def _read_seconds(text: str | None) -> float:
    try:
        seconds = float(text or "")
    except ValueError:
        return USUAL_WAIT_SECONDS
    if not math.isfinite(seconds):
        return USUAL_WAIT_SECONDS
    return min(max(seconds, SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)


def _read_json(body: bytes) -> Json:
    """Return the body's object; numbers with a point become Decimal, for money must not pass through a float."""
    try:
        parsed = json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, InvalidOperation, RecursionError) as error:
        raise NoAnswer(say("Shopify's answer is not JSON.")) from error
    if not isinstance(parsed, dict):
        raise NoAnswer(say("Shopify's answer is not a JSON object."))
    return parsed


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _read_cost(body: Json) -> Cost | None:
    try:
        cost = body["extensions"]["cost"]
        status = cost["throttleStatus"]
        actual = cost.get("actualQueryCost")
        return Cost(
            int(cost["requestedQueryCost"]),
            None if actual is None else int(actual),
            int(status["currentlyAvailable"]),
            int(status["restoreRate"]),
            int(status["maximumAvailable"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _raise_errors(body: Json, cost: Cost | None) -> None:
    """Raise what the errors of an answer mean for all of it; return when some of it may have been executed."""
    errors = body["errors"]
    if not isinstance(errors, list) or not all(isinstance(error, dict) for error in errors):
        raise NoAnswer(say("Shopify's answer holds errors that cannot be read."))
    codes = [code_of(error) for error in errors]
    data = body.get("data")
    # Beside another error it says nothing about what that one is about, which may have been executed.
    if set(codes) == {"THROTTLED"} and not (isinstance(data, dict) and any(data.values())):
        raise Throttled(_wait_seconds(cost))
    if _is_certainly_unexecuted(body, errors, codes):
        if "ACCESS_DENIED" in codes:
            raise AccessDenied(_detail(errors))
        raise DocumentRefused(next(filter(None, codes), "refused"), _detail(errors))
    if not isinstance(data, dict):
        raise ServerTrouble(say("Shopify reported errors while executing: {detail}", detail=_detail(errors)))


def _detail(errors: Iterable[Json]) -> str:
    return "; ".join(str(error.get("message", "")) for error in errors)[:500]


def _is_certainly_unexecuted(body: Json, errors: list[Json], codes: list[str]) -> bool:
    """Say whether the errors came before execution.

    Without ``data`` a request was refused as a whole, provided that each error says so by its code. With
    ``data`` some of it ran: only a field at the root that was denied did not, and a denied field below a
    mutation says nothing about the mutation.
    """
    if any(not code or code in _SERVER_CODES for code in codes):
        return False
    data = body.get("data")
    if data is None:
        return True
    at_root = all(len(error.get("path") or ()) == 1 for error in errors)
    nothing_ran = isinstance(data, dict) and not any(data.values())
    return at_root and nothing_ran and set(codes) == {"ACCESS_DENIED"}


def code_of(error: Json) -> str:
    """Return the code of an error of GraphQL's, empty where it has none."""
    extensions = error.get("extensions")
    return str(extensions.get("code") or "") if isinstance(extensions, dict) else ""


def _wait_seconds(cost: Cost | None) -> float:
    if cost is None or cost.restore_rate <= 0:
        return USUAL_WAIT_SECONDS
    wait = (cost.requested - cost.available) / cost.restore_rate
    return min(max(wait, SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
