"""What all control calls share: what they act on, how they read a body, how they answer and refuse."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, current_app, request

from sandbox.errors import BadInput
from sandbox.events import Announcer
from sandbox.other_events import CatalogueAnnouncer, CustomerAnnouncer
from sandbox.post import Post
from sandbox.requests_in import Json, read_quantity
from sandbox.state import Shop, World
from sandbox.traffic import Traffic
from sandbox.webhooks import Dispatcher

LATEST = 50
MOST_LISTED = 1_000


def control_blueprint(name: str) -> Blueprint:
    """Return a blueprint for control calls, closed to pages of other sites."""
    blueprint = Blueprint(name, __name__)
    blueprint.before_request(refuse_other_sites)
    return blueprint


def refuse_other_sites() -> Response | None:
    """Keep pages of other sites, open in the same browser, from giving orders."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != request.host_url.rstrip("/"):
        return as_json({"error": f"The control API is not for pages of {origin}."}, 403)
    return None


def world() -> World:
    """Return the world this application serves."""
    found: World = current_app.extensions["world"]
    return found


def announcer() -> Announcer:
    """Return what fires the webhooks."""
    found: Announcer = current_app.extensions["announcer"]
    return found


def customer_announcer() -> CustomerAnnouncer:
    """Return what fires the webhooks about customers."""
    found: CustomerAnnouncer = current_app.extensions["customer_announcer"]
    return found


def catalogue_announcer() -> CatalogueAnnouncer:
    """Return what fires the webhooks about products and collections."""
    found: CatalogueAnnouncer = current_app.extensions["catalogue_announcer"]
    return found


def post() -> Post:
    """Return what all webhooks leave by."""
    found: Post = current_app.extensions["post"]
    return found


def as_json(body: object, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(json.dumps(body), status, content_type="application/json")


def controlled(view: Callable[..., Response]) -> Callable[..., Response]:
    """Answer every refusal of a control call with 400 and its sentence."""

    @wraps(view)
    def call(**arguments: Any) -> Response:
        try:
            return view(**arguments)
        except BadInput as refusal:
            return as_json({"error": str(refusal)}, 400)

    return call


def read_body() -> Json:
    """Return the request's JSON object; an empty body is an empty object."""
    if not request.get_data():
        return {}
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise BadInput("The body must be a JSON object.")
    return body


def chosen_shop(body: Json | None = None) -> Shop:
    """Return the shop named in the body or the query, the main one by default."""
    domain = (body or {}).get("shop") or request.args.get("shop")
    if domain is not None and not isinstance(domain, str):
        raise BadInput("shop must be the shop's domain, a string.")
    return world().get_shop(domain)


def read_limit(default: int) -> int:
    """Return the `limit` of a list."""
    return min(MOST_LISTED, read_quantity(request.args.get("limit", default, type=int), "limit"))


def dispatcher() -> Dispatcher:
    """Return what delivers the webhooks."""
    found: Dispatcher = current_app.extensions["dispatcher"]
    return found


def waiting() -> int:
    """Return how many deliveries are under way, with the orders a running history has still to make."""
    return dispatcher().waiting + traffic().orders_to_make


def traffic() -> Traffic:
    """Return what makes up orders."""
    found: Traffic = current_app.extensions["traffic"]
    return found
