"""What a shop allows the app at this moment, asked of Shopify."""

from app.sentences import say
from app.shopify.documents import APP_INSTALLATION
from app.shopify.errors import NoAnswer
from app.shopify.gateway import Gateway


def read_granted(gateway: Gateway) -> str:
    """Return the scopes that the shop allows, with commas between them."""
    answer = gateway.execute(APP_INSTALLATION).get("currentAppInstallation")
    scopes = answer.get("accessScopes") if isinstance(answer, dict) else None
    if not isinstance(scopes, list) or not all(isinstance(scope, dict) for scope in scopes):
        raise NoAnswer(say("Shopify's answer does not say what the shop allows."))
    return ",".join(sorted(str(scope["handle"]) for scope in scopes))
