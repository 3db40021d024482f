"""How an invariant is written down: one query for the rows that break it, over every shop or over one."""

import re

from sqlalchemy import TextClause, text

#: In a query ``OF_SHOP(e)`` keeps the rows of ``e`` that belong to the shop asked for; without one it keeps all.
_OF_SHOP = re.compile(r"OF_SHOP\((\w+)\)")


def breaches(query: str) -> TextClause:
    """Return a query for (shop_id, what is wrong); ``shop_id`` is its one parameter and may be None."""
    return text(_OF_SHOP.sub(r"(CAST(:shop_id AS bigint) IS NULL OR \1.shop_id = CAST(:shop_id AS bigint))", query))
