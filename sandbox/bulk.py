"""Bulk operations of one shop: each runs in a thread of its own and writes a file of JSON lines."""

import json
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import GraphQLSchema, execute_sync

from sandbox.bulk_query import BulkQuery, flatten

if TYPE_CHECKING:
    from sandbox.resolvers import Call
    from sandbox.state import Shop

AT_ONCE = 25
MOST_RUNNING = 5
OVER = ("CANCELED", "COMPLETED", "EXPIRED", "FAILED")


@dataclass
class BulkOperation:
    """One bulk query."""

    id: int
    query: str
    created_at: datetime
    path: Path
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    status: str = "CREATED"
    completed_at: datetime | None = None
    error_code: str | None = None
    object_count: int = 0
    root_object_count: int = 0
    host: str = ""
    fails: str | None = None
    """The error it is to fail with, after `fails_after` orders."""
    fails_after: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be written."""
        return self.status in OVER

    @property
    def file_size(self) -> int | None:
        """The size of the file once it is whole."""
        return self.path.stat().st_size if self.status == "COMPLETED" else None

    def file_url(self, *statuses: str) -> str | None:
        """Return the address of the file while the operation is in one of these states."""
        return f"{self.host}/bulk-files/{self.id}.jsonl?signature={self.secret}" if self.status in statuses else None


class BulkBook:
    """The bulk operations of a shop."""

    def __init__(self, shop: "Shop", on_finish: Callable[["Shop", BulkOperation], None]) -> None:
        self._shop = shop
        self._on_finish = on_finish
        self._folder: Path | None = None
        self._go = threading.Event()
        self._go.set()
        self._closed = False
        self._changed = threading.Condition()
        self.operations: dict[int, BulkOperation] = {}
        self.next_fault: tuple[str, int] | None = None

    @property
    def running(self) -> int:
        """How many operations are not over."""
        return sum(not one.is_over for one in self.operations.values())

    def start(self, schema: GraphQLSchema, call: "Call", query: BulkQuery, text: str, host: str) -> BulkOperation:
        """Begin an operation."""
        self._folder = self._folder or Path(tempfile.mkdtemp(prefix="sandbox-bulk-"))
        number = next(self._shop.ids)
        operation = BulkOperation(number, text, call.now, self._folder / f"{number}.jsonl", host=host)
        if self.next_fault is not None:
            (operation.fails, operation.fails_after), self.next_fault = self.next_fault, None
        self.operations[number] = operation
        threading.Thread(target=self._run, args=(schema, call, query, operation), daemon=True).start()
        return operation

    def wait_idle(self, seconds: float) -> bool:
        """Wait until nothing runs, unless operations are held; say whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: self.running == 0 or not self._go.is_set(), seconds)

    def hold(self, held: bool) -> None:
        """Let operations wait before they write on, or go on."""
        (self._go.clear if held else self._go.set)()

    def close(self) -> None:
        """Give up what runs, and remove the files."""
        self._closed = True
        for operation in self.operations.values():
            if not operation.is_over:
                operation.status = "CANCELING"
        self._go.set()
        # Nobody waits for the threads here: whoever empties the shop holds the lock that they need.
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, schema: GraphQLSchema, call: "Call", query: BulkQuery, operation: BulkOperation) -> None:
        with self._shop.lock:
            ids = [f"gid://shopify/Order/{order.id}" for order in _find(call, query.arguments)]
            if operation.status == "CREATED":
                operation.status = "RUNNING"
        error: str | None = None
        with suppress(FileNotFoundError), operation.path.open("wb") as file:
            error = self._write(schema, call, query, operation, ids, file)
        operation.completed_at = self._shop.clock.now()
        if operation.status == "CANCELING":
            operation.status = "CANCELED"
        elif error is not None:
            operation.status, operation.error_code = "FAILED", error
        else:
            operation.status = "COMPLETED"
        if not self._closed:
            self._on_finish(self._shop, operation)
        with self._changed:
            self._changed.notify_all()

    def _write(
        self,
        schema: GraphQLSchema,
        call: "Call",
        query: BulkQuery,
        operation: BulkOperation,
        ids: list[str],
        file: Any,
    ) -> str | None:
        """Write the orders' lines; return the code of the error that ended it early."""
        for start in range(0, len(ids) + 1, AT_ONCE):
            self._go.wait()
            some = ids[start : start + AT_ONCE]
            if operation.fails is not None and start + len(some) > operation.fails_after:
                some = some[: max(operation.fails_after - start, 0)]
            if operation.status == "CANCELING":
                return None
            with self._shop.lock:
                result = execute_sync(schema, query.document, context_value=call, variable_values={"ids": some})
            if result.errors:
                code = (result.errors[0].extensions or {}).get("code")
                return "ACCESS_DENIED" if code == "ACCESS_DENIED" else "INTERNAL_SERVER_ERROR"
            for node in (result.data or {})["nodes"]:
                lines = [] if node is None else flatten(node, query.nested)
                operation.object_count += len(lines)
                operation.root_object_count += bool(lines)
                file.writelines(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
            file.flush()
            if operation.fails is not None and start + AT_ONCE > operation.fails_after:
                return operation.fails
        return None


def _find(call: "Call", arguments: Any) -> list[Any]:
    from sandbox.queries import ORDER_SEARCH, ORDER_SORT
    from sandbox.search import select

    found = select(filter(call.sees, call.shop.orders.values()), arguments.get("query"), ORDER_SEARCH)
    key = ORDER_SORT[arguments.get("sortKey", "PROCESSED_AT")]
    found.sort(key=lambda item: (key(item), item.id), reverse=bool(arguments.get("reverse", False)))
    return found
