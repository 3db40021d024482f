"""Bulk operations in GraphQL: run a query, look at it, cancel it."""

from typing import Any

from flask import request

from sandbox.bulk import MOST_RUNNING, BulkOperation
from sandbox.bulk_query import BadBulkQuery, prepare_bulk
from sandbox.resolvers import Call, Info, Resolver, gid, number_of, plain

KIND = "BulkOperation"


def run_query(_root: None, info: Info, query: str, **_group: bool) -> dict[str, Any]:
    """Resolve `bulkOperationRunQuery`; what is written is always grouped, whatever `groupObjects` says."""
    call: Call = info.context
    try:
        prepared = prepare_bulk(info.schema, query)
    except BadBulkQuery as refusal:
        errors = [_error("INVALID", message) for message in refusal.messages]
        return {"bulkOperation": None, "userErrors": errors}
    book = call.shop.bulk
    if book.running >= MOST_RUNNING:
        return {"bulkOperation": None, "userErrors": [_error("LIMIT_REACHED", "Bulk operations limit reached.")]}
    host = request.host_url.rstrip("/")
    return {"bulkOperation": book.start(info.schema, call, prepared, query, host), "userErrors": []}


def cancel(_root: None, info: Info, id: str) -> dict[str, Any]:  # noqa: A002
    """Resolve `bulkOperationCancel`."""
    operation = find(None, info, id)
    if operation is None:
        error = {"field": ["id"], "message": "Bulk operation does not exist"}
        return {"bulkOperation": None, "userErrors": [error]}
    if operation.is_over:
        message = f"A bulk operation cannot be canceled when it is {operation.status.lower()}"
        return {"bulkOperation": operation, "userErrors": [{"field": None, "message": message}]}
    operation.status = "CANCELING"
    return {"bulkOperation": operation, "userErrors": []}


def find(_root: None, info: Info, id: str) -> BulkOperation | None:  # noqa: A002
    """Resolve `bulkOperation(id)`."""
    number = number_of(id, KIND)
    return None if number is None else info.context.shop.bulk.operations.get(number)


def current(_root: None, info: Info, type: str = "QUERY") -> BulkOperation | None:  # noqa: A002
    """Resolve `currentBulkOperation`: the newest."""
    operations = list(info.context.shop.bulk.operations.values())
    return operations[-1] if operations and type == "QUERY" else None


def _error(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "field": ["query"], "message": message}


BULK_QUERIES: dict[str, Resolver] = {"bulkOperation": find, "currentBulkOperation": current}
BULK_MUTATIONS: dict[str, Resolver] = {"bulkOperationRunQuery": run_query, "bulkOperationCancel": cancel}
BULK_OBJECTS: dict[str, dict[str, Resolver]] = {
    "BulkOperation": {
        "id": plain(lambda one: gid(KIND, one.id)),
        "completedAt": plain(lambda one: one.completed_at),
        "createdAt": plain(lambda one: one.created_at),
        "errorCode": plain(lambda one: one.error_code),
        "fileSize": plain(lambda one: one.file_size),
        "objectCount": plain(lambda one: one.object_count),
        "partialDataUrl": plain(lambda one: one.file_url("FAILED") if one.object_count else None),
        "rootObjectCount": plain(lambda one: one.root_object_count),
        "type": plain(lambda one: "QUERY"),
        "url": plain(lambda one: one.file_url("COMPLETED")),
    }
}
