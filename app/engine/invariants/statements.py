"""Statements follow each other without a gap, so that each entry is on exactly one and the last one closes all."""

from app.engine.invariants.query import breaches

QUERIES = {
    "A customer's statements follow each other without a gap and without an overlap": breaches(
        """
        SELECT shop_id, format('statement %s of customer %s begins at %s, but the one before it ends at %s',
                               id, customer_id, starts_at, ended_at)
        FROM (
            SELECT s.shop_id, s.customer_id, s.id, s.starts_at, lag(s.ends_at) OVER (
                PARTITION BY s.shop_id, s.customer_id ORDER BY s.starts_at
            ) AS ended_at
            FROM statements s WHERE OF_SHOP(s)
        ) in_order
        WHERE starts_at <> ended_at
        """
    ),
    "Every entry of a chain is on a statement, so that the last one closes with the balance": breaches(
        # They follow each other, so an entry between the first one's beginning and the last one's end is on one.
        """
        WITH written AS (
            SELECT e.shop_id, e.customer_id, MIN(e.recorded_at) AS first_at, MAX(e.recorded_at) AS last_at
            FROM ledger_entries e WHERE OF_SHOP(e) AND e.position IS NOT NULL GROUP BY e.shop_id, e.customer_id
        ), spanned AS (
            SELECT s.shop_id, s.customer_id, MIN(s.starts_at) AS starts_at, MAX(s.ends_at) AS ends_at
            FROM statements s WHERE OF_SHOP(s) GROUP BY s.shop_id, s.customer_id
        )
        SELECT shop_id, format('entries of customer %s were written from %s to %s, but statements go from %s to %s',
                               customer_id, w.first_at, w.last_at, s.starts_at, s.ends_at)
        FROM written w LEFT JOIN spanned s USING (shop_id, customer_id)
        WHERE s.starts_at IS NULL OR w.first_at < s.starts_at OR w.last_at >= s.ends_at
        """
    ),
    "Every reward in the books is on the statement of the period in which it was booked": breaches(
        # Whose reward became another customer's by a merge keeps the statement. A reward that has become another
        # customer's and is not worth anything any more is on none.
        """
        WITH accruals AS (
            SELECT e.shop_id, e.reward_id AS id, e.customer_id, e.recorded_at FROM ledger_entries e
            WHERE OF_SHOP(e) AND e.kind = 'accrual' AND e.position IS NOT NULL
        ), filed AS (
            SELECT r.shop_id, r.id, r.statement_id, bool_or(a.customer_id = r.customer_id) AS is_own, bool_or(
                a.customer_id = s.customer_id AND a.recorded_at >= s.starts_at AND a.recorded_at < s.ends_at
            ) AS is_within
            FROM rewards r JOIN accruals a USING (shop_id, id) LEFT JOIN statements s ON s.id = r.statement_id
            WHERE r.statement_id IS NOT NULL OR r.state IN ('in_review', 'held', 'pending', 'settled')
            GROUP BY r.shop_id, r.id
        )
        SELECT shop_id, format('reward %s is on statement %s, which is none of a period in which it was booked',
                               id, COALESCE(statement_id::text, '(none)'))
        FROM filed WHERE CASE WHEN statement_id IS NULL THEN is_own ELSE is_within IS NOT TRUE END
        """
    ),
}
