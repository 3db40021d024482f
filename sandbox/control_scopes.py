"""Control calls about what a shop allows the app; each change is told to the app."""

from flask import Response

from sandbox.calls import as_json, chosen_shop, control_blueprint, controlled, post, read_body
from sandbox.clock import utc_text
from sandbox.errors import BadInput
from sandbox.resolvers import gid
from sandbox.state import Shop

TOPIC = "app/scopes_update"
blueprint = control_blueprint("control_scopes")


@blueprint.get("/sandbox/scopes")
@controlled
def show_scopes() -> Response:
    """What the app declares, and what the shop has granted."""
    return as_json(chosen_shop().grants.show())


@blueprint.post("/sandbox/scopes")
@controlled
def change_scopes() -> Response:
    """Grant and revoke scopes; required ones are revoked by force only."""
    body = read_body()
    shop = chosen_shop(body)
    grant, revoke = _scopes(body.get("grant", []), "grant"), _scopes(body.get("revoke", []), "revoke")
    with shop.lock:
        previous = sorted(shop.grants.granted)
        if shop.grants.change(grant, revoke, force=body.get("force") is True):
            _tell(shop, previous)
    return as_json(shop.grants.show())


def _tell(shop: Shop, previous: list[str]) -> None:
    now = shop.clock.now()
    body: dict[str, object] = {
        "id": shop.id,
        "previous": previous,
        "current": sorted(shop.grants.granted),
        "shop_id": gid("Shop", shop.id),
        "updated_at": utc_text(now),
    }
    post().send(shop, TOPIC, body, shop.id, now)


def _scopes(value: object, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(scope, str) and scope.isidentifier() for scope in value):
        raise BadInput(f'{name} must be a list of scopes such as ["read_returns"].')
    return value
