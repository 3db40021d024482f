"""What a shop allows the app changed: keep the newest word on it, with a line in the audit trail."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.audit import SYSTEM, record
from app.models import Shop, ShopToken


def change_scopes(session: Session, shop: Shop, scopes: str, told_at: datetime, now: datetime) -> bool:
    """Keep the scopes (with commas between them) that a shop allows since an instant; return whether that is news.

    What was told before the word that is known already is late and changes nothing, and neither does anything told
    of a shop without a token: the next installation brings its own.
    """
    token = session.get(ShopToken, shop.id, with_for_update=True, populate_existing=True)
    if token is None or (token.scope_at is not None and told_at < token.scope_at):
        return False
    before, after = _sorted(token.scope), _sorted(scopes)
    token.scope_at = told_at
    if before == after:
        return False
    token.scope = ",".join(after)
    record(
        session,
        shop.id,
        SYSTEM,
        "change_scopes",
        subject=("shop", shop.id),
        before={"scopes": before},
        after={"scopes": after},
        now=now,
    )
    session.flush()
    return True


def _sorted(scopes: str) -> list[str]:
    return sorted(filter(None, (scope.strip() for scope in scopes.split(","))))
