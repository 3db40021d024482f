"""Nobody was granted more than the limits left: of a customer per period, of the programme per month, per reward."""

from app.engine.invariants.query import breaches

QUERIES = {
    "No customer was granted more in a period than the reward's own terms allow": breaches(
        # Running totals in the order in which orders take their room, as rules.limits.compute_ceilings looks at it:
        # what went back later makes room for later orders only, and newer terms judge nothing that came before.
        """
        WITH terms AS (
            SELECT v.shop_id, v.version, (v.body->'cycle'->>'days')::int AS days, l.*,
                COALESCE(v.body->'cycle'->>'starts_on', '2026-01-01')::date AS first_on
            FROM terms_versions v CROSS JOIN LATERAL jsonb_to_record(v.body->'limits') l (
                day_minor bigint, cycle_minor bigint, month_minor bigint, lifetime_minor bigint)
            WHERE OF_SHOP(v) AND num_nonnulls(l.day_minor, l.cycle_minor, l.month_minor, l.lifetime_minor) > 0
        ), events AS (
            SELECT g.shop_id, g.customer_id, g.order_id, g.order_shopify_id AS number, g.at, g.amount_minor,
                (g.placed_at AT TIME ZONE s.timezone)::date AS placed_on
            FROM grant_events g JOIN shops s ON s.id = g.shop_id WHERE g.shop_id IN (SELECT shop_id FROM terms)
        ), totals AS (
            SELECT e.*,
                SUM(amount_minor) OVER (PARTITION BY customer_id, placed_on ORDER BY at, number) AS day,
                SUM(amount_minor) OVER (PARTITION BY customer_id, date_trunc('month', placed_on::timestamp)
                    ORDER BY at, number) AS month,
                SUM(amount_minor) OVER (PARTITION BY customer_id ORDER BY at, number) AS lifetime
            FROM events e
        ), cycles AS (
            SELECT e.*, c.days, c.first_on, SUM(amount_minor) OVER (
                PARTITION BY customer_id, days, first_on, floor((placed_on - first_on)::numeric / days)
                ORDER BY at, number
            ) AS cycle
            FROM events e JOIN (
                SELECT DISTINCT shop_id, days, first_on FROM terms WHERE cycle_minor IS NOT NULL AND days IS NOT NULL
            ) c USING (shop_id)
        ), granted AS (
            SELECT r.order_id, v.* FROM rewards r JOIN terms v USING (shop_id)
            WHERE v.version = r.terms_version
        )
        SELECT t.shop_id, format('with order %s customer %s was granted %s', t.number, t.customer_id, concat_ws(' and ',
            CASE WHEN t.day > v.day_minor THEN format('%s in a day, with a limit of %s', t.day, v.day_minor) END,
            CASE WHEN t.month > v.month_minor
                THEN format('%s in a month, with a limit of %s', t.month, v.month_minor) END,
            CASE WHEN t.month > v.cycle_minor AND v.days IS NULL
                THEN format('%s in a cycle, with a limit of %s', t.month, v.cycle_minor) END,
            CASE WHEN t.lifetime > v.lifetime_minor
                THEN format('%s in a lifetime, with a limit of %s', t.lifetime, v.lifetime_minor) END))
        FROM totals t JOIN granted v USING (shop_id, order_id)
        WHERE t.amount_minor > 0 AND (t.day > v.day_minor OR t.month > v.month_minor OR t.lifetime > v.lifetime_minor
            OR (t.month > v.cycle_minor AND v.days IS NULL))
        UNION ALL
        SELECT c.shop_id, format('with order %s customer %s was granted %s in a cycle, with a limit of %s',
                                 c.number, c.customer_id, c.cycle, v.cycle_minor)
        FROM cycles c JOIN granted v USING (shop_id, order_id, days, first_on)
        WHERE c.amount_minor > 0 AND c.cycle > v.cycle_minor
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
