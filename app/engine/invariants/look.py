"""Looks for what breaks an invariant; nothing is changed."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.engine.invariants import INVARIANTS

#: For this transaction only. A cursor is planned for all of its rows, not for the first few; sorts of millions of
#: postings stay in memory where they can, and spill to the disk where not.
_SETTINGS = text("SELECT set_config('cursor_tuple_fraction', '1', true), set_config('work_mem', '128MB', true)")
#: How many findings are fetched at a time, so that memory stays flat however broken the books are.
_AT_A_TIME = 1_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: which invariant, in which shop, and what exactly."""

    invariant: str
    shop_id: int
    detail: str


def check_invariant(session: Session, invariant: str, shop_id: int | None = None) -> Iterator[Finding]:
    """Yield what breaks one invariant, in any shop or in one."""
    session.execute(_SETTINGS)
    found = session.execute(INVARIANTS[invariant], {"shop_id": shop_id}, execution_options={"yield_per": _AT_A_TIME})
    for whose_id, detail in found:
        yield Finding(invariant, whose_id, detail)
