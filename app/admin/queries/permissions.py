"""What a shop allows the app, beside what the app can make use of."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.models import ShopToken
from app.shopify.scopes import OPTIONAL, REQUIRED, Permission, describe, is_granted


@dataclass(frozen=True, slots=True)
class Allowed:
    """A permission, and whether the shop gave it."""

    permission: Permission
    is_granted: bool
    is_optional: bool


def list_permissions(session: Session, shop_id: int) -> list[Allowed]:
    """Return the required permissions and then the optional ones."""
    token = session.get(ShopToken, shop_id)
    granted = "" if token is None else token.scope
    required = [Allowed(describe(scope), is_granted(scope, granted), False) for scope in sorted(REQUIRED)]
    return required + [Allowed(each, is_granted(each.scope, granted), True) for each in OPTIONAL]
