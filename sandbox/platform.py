"""What the app under test calls: the token endpoint and the Admin GraphQL API."""

import json
import re

from flask import Blueprint, Response, current_app, request

from sandbox.graphql_api import answer
from sandbox.state import Shop, World
from sandbox.tokens import AuthRefused
from sandbox.wire import drop_connection

blueprint = Blueprint("platform", __name__)
VERSION = re.compile(r"\d{4}-(01|04|07|10)|unstable")
BAD_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"  # noqa: S105


@blueprint.post("/admin/oauth/access_token")
@blueprint.post("/shops/<domain>/admin/oauth/access_token")
def access_token(domain: str | None = None) -> Response:
    """Token exchange and refresh."""
    shop = _shop(domain)
    body = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    if shop is None or not isinstance(body, dict):
        return _json({"error": "invalid_request", "error_description": "Send a JSON object"}, 400)
    try:
        return _json(shop.tokens.answer(shop.domain, shop.installed, body), 200)
    except AuthRefused as refusal:
        return _json({"error": refusal.error, "error_description": refusal.description}, 400)


@blueprint.post("/admin/api/<version>/graphql.json")
@blueprint.post("/shops/<domain>/admin/api/<version>/graphql.json")
def graphql(version: str, domain: str | None = None) -> Response:
    """The Admin GraphQL API of one shop."""
    shop = _shop(domain)
    if shop is None or not VERSION.fullmatch(version):
        return _json({"errors": "Not Found"}, 404)
    if not shop.installed or not shop.tokens.is_valid(request.headers.get("X-Shopify-Access-Token")):
        return _json({"errors": BAD_TOKEN}, 401)
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        return _json({"errors": {"query": "Required parameter missing or invalid"}}, 400)
    reply = answer(shop, _world().faults, body, shop.grants.granted, version)
    if reply.drop:
        return drop_connection()
    response = _json(reply.body, reply.status)
    response.headers["X-Shopify-API-Version"] = version
    return response


def _world() -> World:
    world: World = current_app.extensions["world"]
    return world


def _shop(domain: str | None) -> Shop | None:
    world = _world()
    return world.shops.get(domain or world.options.shop)


def _json(body: object, status: int) -> Response:
    return Response(json.dumps(body), status, content_type="application/json; charset=utf-8")
