"""The chain of each customer's entries is unbroken; ``rules/chain.py`` says what it covers."""

from app.engine.invariants.query import breaches

QUERIES = {
    "Each entry's digest covers the entry, its postings and its customer's entry before it": breaches(
        # The text is rules.chain.canonical_text, letter by letter.
        """
        WITH moves AS (
            SELECT p.shop_id, p.entry_id,
                string_agg(p.source || '>' || p.destination || ':' || p.amount_minor, ',' ORDER BY p.id) AS told
            FROM postings p WHERE OF_SHOP(p) GROUP BY p.shop_id, p.entry_id
        ), chained AS (
            SELECT e.*, lag(e.digest) OVER chain AS digest_before, lag(e.id) OVER chain AS id_before,
                COALESCE(lag(e.position) OVER chain, 0) AS position_before
            FROM ledger_entries e WHERE e.position IS NOT NULL AND OF_SHOP(e)
            WINDOW chain AS (PARTITION BY e.shop_id, e.customer_id ORDER BY e.position)
        )
        SELECT e.shop_id, CASE
            WHEN e.position <> e.position_before + 1
                THEN format('customer %s has no entry between positions %s and %s (entry %s, %s)',
                            e.customer_id, e.position_before, e.position, e.id, e.key)
            WHEN e.id < e.id_before
                THEN format('entry %s (%s) of customer %s comes after entry %s, which was written later',
                            e.id, e.key, e.customer_id, e.id_before)
            ELSE format('entry %s (%s) at position %s of customer %s is not what was digested: it, a posting of it '
                        'or the digest before it was changed', e.id, e.key, e.position, e.customer_id) END
        FROM chained e LEFT JOIN moves m ON m.shop_id = e.shop_id AND m.entry_id = e.id
        WHERE e.position <> e.position_before + 1 OR e.id < e.id_before
            OR e.digest <> sha256(COALESCE(e.digest_before, '') || convert_to(concat_ws('|',
                '1', e.shop_id, e.customer_id, e.position, char_length(e.key) || ':' || e.key, e.kind, e.currency,
                trunc(extract(epoch FROM e.occurred_at) * 1000000), trunc(extract(epoch FROM e.recorded_at) * 1000000),
                char_length(e.actor) || ':' || e.actor, COALESCE(e.reward_id::text, ''),
                COALESCE(e.adjustment_id::text, ''), COALESCE(e.move_id::text, ''), COALESCE(m.told, '')
            ), 'UTF8'))
        """
    ),
    "Only entries from before a customer's chain have no digest": breaches(
        """
        WITH begun AS (
            SELECT e.shop_id, e.customer_id, MIN(e.id) AS id FROM ledger_entries e
            WHERE e.position = 1 AND OF_SHOP(e) GROUP BY e.shop_id, e.customer_id
        )
        SELECT e.shop_id, format('entry %s (%s) of customer %s has no digest, but entry %s before it has one',
                                 e.id, e.key, e.customer_id, b.id)
        FROM ledger_entries e JOIN begun b USING (shop_id, customer_id)
        WHERE e.position IS NULL AND e.id > b.id
        """
    ),
}
