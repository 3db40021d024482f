"""Control calls about bulk operations, and the files that they write."""

from flask import Response, request, send_file

from sandbox.bulk import BulkOperation
from sandbox.calls import as_json, chosen_shop, control_blueprint, controlled, read_body, world
from sandbox.errors import BadInput, NotThere
from sandbox.requests_in import read_quantity

CODES = ("ACCESS_DENIED", "INTERNAL_SERVER_ERROR", "TIMEOUT")

blueprint = control_blueprint("control_bulk")


@blueprint.get("/sandbox/bulk")
@controlled
def list_operations() -> Response:
    """All bulk operations of a shop, oldest first."""
    return as_json({"operations": [_show(one) for one in chosen_shop().bulk.operations.values()]})


@blueprint.post("/sandbox/bulk")
@controlled
def change() -> Response:
    """Hold operations where they are or let them go on; let the next one fail."""
    body = read_body()
    book = chosen_shop(body).bulk
    if "hold" in body:
        book.hold(bool(body["hold"]))
    if body.get("fails") is not None:
        if body["fails"] not in CODES:
            raise BadInput(f"fails must be one of {', '.join(CODES)}, not {body['fails']!r}.")
        book.next_fault = (str(body["fails"]), read_quantity(body.get("after", 0), "after", 0))
    return as_json({"running": book.running})


@blueprint.post("/sandbox/bulk/<int:number>/expire")
@controlled
def expire(number: int) -> Response:
    """Let the result be a week old."""
    operation = chosen_shop(read_body()).bulk.operations.get(number)
    if operation is None:
        raise NotThere(f"There is no bulk operation {number}; GET /sandbox/bulk lists them.")
    operation.status = "EXPIRED"
    return as_json(_show(operation))


@blueprint.get("/bulk-files/<int:number>.jsonl")
def download(number: int) -> Response:
    """The file of an operation, also from a byte of it on; only who knows the signature gets it."""
    for shop in world().shops.values():
        operation = shop.bulk.operations.get(number)
        if operation is not None and operation.secret == request.args.get("signature"):
            if operation.status in ("COMPLETED", "FAILED"):
                return send_file(operation.path, mimetype="application/jsonl", conditional=True, etag=False)
            break
    return Response("<Error><Code>AccessDenied</Code></Error>", 403, content_type="application/xml")


def _show(operation: BulkOperation) -> dict[str, object]:
    return {
        "id": operation.id,
        "status": operation.status,
        "error_code": operation.error_code,
        "objects": operation.object_count,
        "orders": operation.root_object_count,
    }
