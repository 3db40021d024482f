"""The invariants of the books: each a sentence, and a query for what breaks it."""

from sqlalchemy import TextClause

from app.engine.invariants import chain, customers, entries, figures, hands, limits, rewards, shops, statements

#: Invariant as a sentence → a query that returns (shop_id, detail) for each breach.
INVARIANTS: dict[str, TextClause] = {
    **entries.QUERIES,
    **chain.QUERIES,
    **rewards.QUERIES,
    **limits.QUERIES,
    **customers.QUERIES,
    **hands.QUERIES,
    **statements.QUERIES,
    **figures.QUERIES,
    **shops.QUERIES,
}
