"""Past orders by a bulk operation: begin it, look at it, cancel it, and put its lines together to orders.

A bulk query may not ask for connections inside lists, and the lines of a refund are one. So the file says only
*that* an order has refunds; such orders are read one by one afterwards (``app.shopify.orders``).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.errors import Broken, NotYet
from app.sentences import say
from app.shopify.documents import BULK_CANCEL, BULK_LOOK, BULK_ORDERS, BULK_RUN
from app.shopify.errors import ShopifyError
from app.shopify.gateway import Gateway
from app.shopify.nodes import Unreadable, unreadable
from app.shopify.result_file import FileGone, Line

Json = dict[str, Any]

_RUNNING = ("CREATED", "RUNNING", "CANCELING")
_BUSY = ("LIMIT_REACHED", "OPERATION_IN_PROGRESS")


class OperationBusy(ShopifyError, NotYet):
    """The shop runs as many bulk operations as Shopify allows."""


class OperationRefused(ShopifyError, Broken):
    """Shopify will not run the operation, or it failed for good; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Operation:
    """How a bulk operation stands."""

    is_running: bool
    #: Orders written so far.
    orders: int
    #: Where the file is: None while there is none, or none any more.
    url: str | None = None
    file_bytes: int | None = None
    #: It failed, and the file ends where it did.
    is_partial: bool = False
    #: Why it failed, in Shopify's word.
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """One order of the file with all its lines, and the place right behind them."""

    node: Json
    end: int

    @property
    def has_refunds(self) -> bool:
        """Say whether the order must be asked for: the file does not tell what was refunded."""
        return bool(self.node["refunds"])


def bulk_query(since: datetime | None) -> str:
    """Return the query for all orders placed from a moment on."""
    wanted = "" if since is None else f"processed_at:>='{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"
    return BULK_ORDERS.text.replace('"SINCE"', json.dumps(wanted))


def begin(gateway: Gateway, since: datetime | None) -> str:
    """Ask Shopify to write all orders from a moment on to a file; return the operation's id.

    Raises OperationBusy, OperationRefused, and the errors of ``app.shopify.errors``.
    """
    told = _payload(gateway.execute(BULK_RUN, {"query": bulk_query(since)}), "bulkOperationRunQuery")
    errors = told["userErrors"]
    if errors:
        sentence = "; ".join(str(error["message"]) for error in errors)
        if any(error.get("code") in _BUSY for error in errors):
            raise OperationBusy(
                say("Shopify runs too many bulk operations for this shop already: {sentence}", sentence=sentence)
            )
        raise OperationRefused(say("Shopify refused the bulk operation: {sentence}", sentence=sentence))
    try:
        return str(told["bulkOperation"]["id"])
    except (LookupError, TypeError) as error:
        raise unreadable(error) from error


def look(gateway: Gateway, operation_gid: str) -> Operation:
    """Return how an operation stands.

    Raises FileGone when it is forgotten or its file is, OperationRefused when it was cancelled or may not be run.
    """
    told = gateway.execute(BULK_LOOK, {"id": operation_gid}).get("bulkOperation")
    if told is None:
        raise FileGone(404)
    try:
        status, orders = str(told["status"]), int(told["rootObjectCount"])
        size = None if told["fileSize"] is None else int(told["fileSize"])
        code = told["errorCode"]
        url, partial = told["url"], told["partialDataUrl"]
    except (LookupError, TypeError, ValueError) as error:
        raise unreadable(error) from error
    if status in _RUNNING:
        return Operation(is_running=True, orders=orders)
    if status == "EXPIRED":
        raise FileGone(410)
    if status == "CANCELED":
        raise OperationRefused(say("Somebody cancelled the bulk operation in Shopify."))
    if status == "FAILED":
        if code == "ACCESS_DENIED":
            raise OperationRefused(say("Shopify refused what the bulk operation asks for; the app lacks a permission."))
        return Operation(False, orders, partial, None, is_partial=True, error=str(code))
    # Without orders there is no file at all.
    return Operation(False, orders, url, size)


def cancel(gateway: Gateway, operation_gid: str) -> None:
    """Ask Shopify to stop an operation; one that is over is left alone."""
    gateway.execute(BULK_CANCEL, {"id": operation_gid})


def assemble(lines: Iterable[Line], *, is_partial: bool = False) -> Iterator[Whole]:
    """Yield the orders of a file, each with its lines and shipping lines as plain lists. Raises Unreadable.

    The operation was asked to write what belongs to an order right behind it, so one order is held at a time. Of a
    file that ends early the last order is left out: nobody knows whether all of it was written.
    """
    node: Json | None = None
    end = 0
    for line in lines:
        if is_partial and not line.is_ended:
            break
        part = _read(line.text)
        if "__parentId" not in part:
            if node is not None:
                yield Whole(node, end)
            node = {**part, "lineItems": [], "shippingLines": []}
        elif node is None or part["__parentId"] != node["id"]:
            raise Unreadable(say("Shopify's file is not in order: a line does not follow the order it belongs to."))
        else:
            node["shippingLines" if "isRemoved" in part else "lineItems"].append(part)
        end = line.end
    if node is not None and not is_partial:
        yield Whole(node, end)


def _read(text: bytes) -> Json:
    try:
        part = json.loads(text)
    except ValueError as error:
        raise unreadable(error) from error
    if not isinstance(part, dict) or not ("__parentId" in part or {"id", "refunds"} <= part.keys()):
        raise Unreadable(say("Shopify's file holds a line that is no part of an order."))
    return part


def _payload(data: Json, name: str) -> Json:
    payload = data.get(name)
    if not isinstance(payload, dict) or not isinstance(payload.get("userErrors"), list):
        raise Unreadable(say("Shopify's answer does not say what became of the bulk operation."))
    return payload
