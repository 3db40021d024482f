"""Nobody was granted more than the limits left: of a customer per period, of the programme per month, per reward."""

from app.engine.invariants.query import breaches

QUERIES = {
    "No customer was granted more in a period than the reward's own terms allow": breaches(
        # A running total in the order in which orders take their room, as rules.limits.compute_ceilings looks at it:
        # what went back later makes room for later orders only, and newer terms judge nothing that came before.
        """
        WITH limits AS (
            SELECT v.shop_id, v.version, l.kind, (v.body->'limits'->>(l.kind || '_minor'))::bigint AS limit_minor,
                CASE l.kind WHEN 'cycle' THEN (v.body->'cycle'->>'days')::int END AS days,
                CASE l.kind WHEN 'cycle' THEN COALESCE(v.body->'cycle'->>'starts_on', '2026-01-01')::date END AS first
            FROM terms_versions v CROSS JOIN (VALUES ('day'), ('cycle'), ('month'), ('lifetime')) l (kind)
            WHERE OF_SHOP(v) AND v.body->'limits'->>(l.kind || '_minor') IS NOT NULL
        ), events AS (
            SELECT g.*, (g.placed_at AT TIME ZONE s.timezone)::date AS placed_on
            FROM grant_events g JOIN shops s ON s.id = g.shop_id
            WHERE g.shop_id IN (SELECT shop_id FROM limits)
        ), totals AS (
            SELECT e.*, k.kind, k.days, k.first, SUM(e.amount_minor) OVER (
                PARTITION BY e.shop_id, e.customer_id, k.kind, k.days, k.first, CASE
                    WHEN k.kind = 'lifetime' THEN 0
                    WHEN k.kind = 'day' THEN e.placed_on - DATE '2000-01-01'
                    WHEN k.days IS NULL THEN extract(year FROM e.placed_on) * 12 + extract(month FROM e.placed_on)
                    ELSE floor((e.placed_on - k.first)::numeric / k.days) END
                ORDER BY e.at, e.order_shopify_id
            ) AS total
            FROM events e JOIN (SELECT DISTINCT shop_id, kind, days, first FROM limits) k USING (shop_id)
        )
        SELECT t.shop_id, format('with order %s customer %s was granted %s, but the limit per %s is %s',
                                 t.order_shopify_id, t.customer_id, t.total, t.kind, l.limit_minor)
        FROM totals t JOIN rewards r ON r.shop_id = t.shop_id AND r.order_id = t.order_id
        JOIN limits l ON (l.shop_id, l.version, l.kind) = (r.shop_id, r.terms_version, t.kind)
            AND (l.days, l.first) IS NOT DISTINCT FROM (t.days, t.first)
        WHERE t.amount_minor > 0 AND t.total > l.limit_minor
        """
    ),
    "No month's rewards took more than the programme's budget": breaches(
        """
        SELECT r.shop_id, format('%s was granted of the budget of %s, which is %s',
            SUM(r.counted_minor), to_char(r.budget_month, 'YYYY-MM'),
            MAX((v.body->'limits'->>'budget_minor')::bigint))
        FROM rewards r JOIN terms_versions v ON v.shop_id = r.shop_id AND v.version = r.terms_version
        WHERE OF_SHOP(r) AND r.budget_month IS NOT NULL AND r.counted_minor > 0
        GROUP BY r.shop_id, r.budget_month
        HAVING SUM(r.counted_minor) > COALESCE(MAX((v.body->'limits'->>'budget_minor')::bigint), 0)
        """
    ),
    "No reward keeps more than each of its limits left for it": breaches(
        """
        SELECT r.shop_id, format('reward %s keeps %s, but its limit per %s left %s',
                                 r.id, r.granted_minor - r.reversed_minor, c->>'kind', c->>'ceiling_minor')
        FROM rewards r CROSS JOIN LATERAL jsonb_array_elements(r.ceilings) c
        WHERE OF_SHOP(r) AND r.ceilings <> '[]'
            AND r.granted_minor - r.reversed_minor > (c->>'ceiling_minor')::bigint
        """
    ),
    "A reward counts in the limits as what it takes of them, and as its customer's": breaches(
        # Where no terms had periodic limits there are no grant events, and nothing to compare with.
        """
        WITH taken AS (
            SELECT g.shop_id, g.order_id, SUM(g.amount_minor) AS minor, MIN(g.customer_id) AS customer_id,
                MAX(g.customer_id) AS another_id
            FROM grant_events g WHERE OF_SHOP(g) GROUP BY g.shop_id, g.order_id
        ), limited AS (
            SELECT v.shop_id, v.version FROM terms_versions v
            WHERE num_nonnulls(v.body->'limits'->>'day_minor', v.body->'limits'->>'cycle_minor',
                               v.body->'limits'->>'month_minor', v.body->'limits'->>'lifetime_minor') > 0
        )
        SELECT shop_id, format('reward %s of customer %s counts as %s, but its grant events give customer %s %s',
                               r.id, r.customer_id, r.counted_minor, t.customer_id, COALESCE(t.minor, 0))
        FROM (SELECT * FROM rewards r WHERE OF_SHOP(r)) r LEFT JOIN taken t USING (shop_id, order_id)
        WHERE (t.order_id IS NOT NULL OR (shop_id, r.terms_version) IN (SELECT shop_id, version FROM limited))
            AND (COALESCE(t.minor, 0) <> r.counted_minor OR t.customer_id <> r.customer_id
                OR t.another_id <> r.customer_id)
        """
    ),
}
