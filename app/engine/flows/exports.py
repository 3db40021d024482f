"""Notes what people carry out of the house as files: which list, how filtered, how many rows."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from app.engine.audit import record

#: Stands for words that may be somebody's name or email: the trail keeps neither, for it is never redacted whole.
SOME_WORDS = "…"
_PERSONAL = frozenset({"search"})


def note_export(
    session: Session, shop_id: int, what: str, filters: Mapping[str, str], rows: int, actor: str, now: datetime
) -> None:
    """Note that somebody was given ``rows`` rows of a list, in the order of ``filters``.

    It asks for no role: the door did, before the first row left, and what has left is noted whatever became of the
    role since.
    """
    told = {name: SOME_WORDS if name in _PERSONAL else value for name, value in filters.items() if value}
    after = {"rows": rows, "filters": told}
    record(session, shop_id, actor, f"export_{what}", subject=("shop", shop_id), before={}, after=after, now=now)
    session.flush()
