"""The days' figures: they are derived from the books, and must be what the books say."""

from app.engine.invariants.query import breaches

QUERIES = {
    "A day's figures are what the entries counted into it come to": breaches(
        """
        WITH counted AS (
            SELECT e.shop_id, e.id, CAST(e.occurred_at AT TIME ZONE c.timezone AS date) AS on_day, s.currency
            FROM figure_counts c JOIN shops s ON s.id = c.shop_id AND s.timezone = c.timezone
            JOIN ledger_entries e ON e.shop_id = c.shop_id AND e.id <= c.counted_to
            WHERE OF_SHOP(c)
        ), booked AS (
            SELECT e.shop_id, e.on_day,
                SUM(CASE WHEN p.source = 'customer:pending' AND p.destination = 'customer:available'
                    THEN p.amount_minor ELSE 0 END) AS issued,
                SUM(CASE WHEN p.source <> 'customer:pending' AND p.destination = 'program:promised'
                    THEN p.amount_minor ELSE 0 END) AS reversed,
                SUM(CASE 'customer:available' WHEN p.destination THEN p.amount_minor
                    WHEN p.source THEN -p.amount_minor ELSE 0 END) AS available,
                SUM(CASE 'customer:owed' WHEN p.destination THEN p.amount_minor
                    WHEN p.source THEN -p.amount_minor ELSE 0 END) AS owed
            FROM counted e JOIN postings p ON p.shop_id = e.shop_id AND p.entry_id = e.id AND p.currency = e.currency
            GROUP BY e.shop_id, e.on_day
        ), noted AS (
            SELECT d.* FROM daily_figures d JOIN figure_counts c ON c.shop_id = d.shop_id
            JOIN shops s ON s.id = c.shop_id AND s.timezone = c.timezone
            WHERE OF_SHOP(d)
        )
        SELECT shop_id, format('on %s %s is noted as issued, %s as reversed, %s as available and %s as owed, '
                               'but the entries come to %s, %s, %s and %s', on_day,
                               COALESCE(d.issued_minor, 0), COALESCE(d.reversed_minor, 0),
                               COALESCE(d.available_minor, 0), COALESCE(d.owed_minor, 0), COALESCE(b.issued, 0),
                               COALESCE(b.reversed, 0), COALESCE(b.available, 0), COALESCE(b.owed, 0))
        FROM noted d FULL JOIN booked b USING (shop_id, on_day)
        WHERE (COALESCE(d.issued_minor, 0), COALESCE(d.reversed_minor, 0), COALESCE(d.available_minor, 0),
               COALESCE(d.owed_minor, 0))
            <> (COALESCE(b.issued, 0), COALESCE(b.reversed, 0), COALESCE(b.available, 0), COALESCE(b.owed, 0))
        """
    ),
}
