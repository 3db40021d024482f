"""Control calls about what is sent to the app, and about what goes wrong on the way."""

import base64
import binascii

from flask import Response, request

from sandbox.calls import as_json, control_blueprint, controlled, dispatcher, read_body, read_limit, waiting, world
from sandbox.errors import BadInput
from sandbox.requests_in import Json
from sandbox.subscriptions import read_topics

blueprint = control_blueprint("control_webhooks")


@blueprint.get("/sandbox/deliveries")
@controlled
def list_deliveries() -> Response:
    """The latest deliveries, and how many are still under way."""
    since = request.args.get("since", "0")
    if not since.isdecimal():
        raise BadInput(f'since must be the "seq" of a delivery, not {since!r}.')
    found = dispatcher().list(int(since), request.args.get("topic"), request.args.get("status"), read_limit(100))
    return as_json(
        {
            "waiting": waiting(),
            "last_seq": dispatcher().last_seq,
            "deliveries": [delivery.show() for delivery in found],
        }
    )


@blueprint.post("/sandbox/deliver")
@controlled
def deliver() -> Response:
    """Sign exactly the bytes given, send them once, and return what the app said."""
    body = read_body()
    shop = body.get("shop") or world().main.domain
    topic, headers = body.get("topic"), body.get("headers", {})
    if not isinstance(topic, str) or not topic:
        raise BadInput('topic must be a name such as "orders/paid".')
    if not isinstance(headers, dict):
        raise BadInput("headers must be an object of names and values.")
    webhook_id = body.get("webhook_id")
    answer = dispatcher().deliver_now(
        str(shop),
        topic,
        _raw_bytes(body),
        str(webhook_id) if webhook_id is not None else None,
        {str(name): str(value) for name, value in headers.items()},
        _secret(body.get("secret")),
    )
    return as_json(
        {
            "status": answer.status,
            "response": answer.body.decode("utf-8", "replace"),
            "ms": answer.duration_ms,
            "error": answer.error,
        }
    )


def _raw_bytes(body: Json) -> bytes:
    if isinstance(body.get("body_base64"), str):
        try:
            return base64.b64decode(str(body["body_base64"]), validate=True)
        except binascii.Error:
            raise BadInput("body_base64 must be base64.") from None
    if not isinstance(body.get("body"), str):
        raise BadInput('body must be a string, the raw bytes to send (or give "body_base64").')
    return str(body["body"]).encode()


def _secret(wanted: object) -> str:
    options = world().options
    secrets = {None: options.client_secret, "old": options.old_client_secret, "wrong": "not-the-secret"}
    if wanted not in secrets:
        raise BadInput('secret must be "old" or "wrong", or be left out.')
    return secrets[wanted]


@blueprint.get("/sandbox/subscriptions")
@controlled
def show_subscriptions() -> Response:
    """The topics the app gets, and all that the sandbox knows."""
    return as_json(world().subscriptions.show())


@blueprint.post("/sandbox/subscriptions")
@controlled
def subscribe() -> Response:
    """Replace the topics the app has asked for."""
    world().subscriptions.change(read_topics(read_body().get("topics")))
    return as_json(world().subscriptions.show())


@blueprint.get("/sandbox/faults")
@controlled
def show_faults() -> Response:
    """The faults that are switched on."""
    return as_json(world().faults.show())


@blueprint.post("/sandbox/faults")
@controlled
def set_faults() -> Response:
    """Switch faults; an empty object switches all off."""
    world().faults.change(dict(read_body()))
    return as_json(world().faults.show())
