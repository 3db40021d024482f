"""Do the books add up? Every invariant as one query that returns what breaks it; nothing is changed."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: which invariant, in which shop, and what exactly."""

    invariant: str
    shop_id: int
    detail: str


#: Invariant as a sentence → a query that returns (shop_id, detail) for each breach.
INVARIANTS: dict[str, TextClause] = {
    "Every entry moves something": text(
        """
        SELECT e.shop_id, format('entry %s (%s) has no posting', e.id, e.key)
        FROM ledger_entries e
        WHERE NOT EXISTS (SELECT 1 FROM postings p WHERE p.shop_id = e.shop_id AND p.entry_id = e.id)
        """
    ),
    "A posting is of its entry's customer and currency": text(
        """
        SELECT p.shop_id, format('posting %s differs from its entry %s', p.id, e.key)
        FROM postings p JOIN ledger_entries e ON e.id = p.entry_id
        WHERE (p.shop_id, p.customer_id, p.currency) IS DISTINCT FROM (e.shop_id, e.customer_id, e.currency)
        """
    ),
    "The books hold for each reward exactly what it is granted and kept, in the account of its state": text(
        """
        WITH booked AS (
            SELECT e.shop_id, e.reward_id,
                COALESCE(SUM(CASE WHEN p.destination = 'customer:pending' THEN p.amount_minor
                                  WHEN p.source = 'customer:pending' THEN -p.amount_minor END), 0) AS pending,
                COALESCE(SUM(CASE WHEN p.destination = 'program:promised' THEN -p.amount_minor
                                  WHEN p.source = 'program:promised' THEN p.amount_minor END), 0) AS promised
            FROM ledger_entries e JOIN postings p ON p.shop_id = e.shop_id AND p.entry_id = e.id
            WHERE e.reward_id IS NOT NULL AND e.kind <> 'shortfall'
            GROUP BY e.shop_id, e.reward_id
        ), due AS (
            SELECT shop_id, id, state, granted_minor - reversed_minor AS kept FROM rewards
        )
        SELECT d.shop_id, format('reward %s is %s and keeps %s, but %s is booked, %s of it pending',
                                 d.id, d.state, d.kept, COALESCE(b.promised, 0), COALESCE(b.pending, 0))
        FROM due d LEFT JOIN booked b ON b.shop_id = d.shop_id AND b.reward_id = d.id
        WHERE COALESCE(b.promised, 0)
              <> CASE WHEN d.state IN ('rejected', 'awaiting_customer', 'ineligible') THEN 0 ELSE d.kept END
           OR COALESCE(b.pending, 0)
              <> CASE WHEN d.state IN ('in_review', 'held', 'pending') THEN d.kept ELSE 0 END
        """
    ),
    "No account of a customer but owed is below zero, and owed is never above": text(
        """
        SELECT shop_id, format('customer %s has %s %s on %s', customer_id, SUM(minor), currency, account)
        FROM (
            SELECT shop_id, customer_id, currency, destination AS account, amount_minor AS minor FROM postings
            UNION ALL
            SELECT shop_id, customer_id, currency, source, -amount_minor FROM postings
        ) moved
        WHERE account LIKE 'customer:%'
        GROUP BY shop_id, customer_id, currency, account
        HAVING (account <> 'customer:owed' AND SUM(minor) < 0) OR (account = 'customer:owed' AND SUM(minor) > 0)
        """
    ),
    "What is available is what was credited minus what was debited": text(
        """
        WITH available AS (
            SELECT shop_id, customer_id, currency,
                SUM(CASE WHEN destination = 'customer:available' THEN amount_minor
                         WHEN source = 'customer:available' THEN -amount_minor ELSE 0 END) AS minor
            FROM postings GROUP BY shop_id, customer_id, currency
        ), sent AS (
            SELECT shop_id, customer_id, currency,
                SUM(CASE WHEN kind = 'credit' THEN amount_minor - cancelled_minor
                         WHEN state IN ('confirmed', 'not_applicable') THEN -sent_minor
                         ELSE cancelled_minor - amount_minor END) AS minor
            FROM transfers GROUP BY shop_id, customer_id, currency
        )
        SELECT shop_id, format('customer %s has %s %s available, but transfers sum to %s',
                               customer_id, COALESCE(a.minor, 0), currency, COALESCE(s.minor, 0))
        FROM available a FULL JOIN sent s USING (shop_id, customer_id, currency)
        WHERE COALESCE(a.minor, 0) <> COALESCE(s.minor, 0)
        """
    ),
    "A transfer that is done says what was sent": text(
        """
        SELECT shop_id, format('transfer %s is %s without an amount or a transaction of Shopify''s', id, state)
        FROM transfers
        WHERE (state = 'confirmed' AND (sent_minor IS NULL OR shopify_transaction_id IS NULL))
           OR (state = 'not_applicable' AND sent_minor IS DISTINCT FROM 0)
        """
    ),
    "A reward that earns nothing says why": text(
        """
        SELECT shop_id, format('reward %s is %s with %s granted', id, state, granted_minor)
        FROM rewards
        WHERE (granted_minor = 0) <> (ineligible_reason IS NOT NULL)
           OR (state = 'ineligible' AND granted_minor <> 0)
        """
    ),
    "What an order added to its customer's spend is that customer's": text(
        """
        SELECT s.shop_id, format('spend of order %s is booked for another customer', o.shopify_id)
        FROM spend_events s JOIN orders o ON o.id = s.order_id
        WHERE (s.shop_id, s.customer_id) IS DISTINCT FROM (o.shop_id, o.customer_id)
        """
    ),
    "A reward is its order's customer's, and another customer was left with nothing of it": text(
        """
        SELECT r.shop_id, format('reward %s, its order or what is booked for it is another customer''s', r.id)
        FROM rewards r JOIN orders o ON o.id = r.order_id
        WHERE (r.shop_id, r.customer_id) IS DISTINCT FROM (o.shop_id, o.customer_id)
           OR EXISTS (
               SELECT 1 FROM ledger_entries e JOIN postings p ON p.shop_id = e.shop_id AND p.entry_id = e.id
               WHERE e.shop_id = r.shop_id AND e.reward_id = r.id AND e.customer_id IS DISTINCT FROM r.customer_id
                   AND e.kind <> 'shortfall'
               GROUP BY e.customer_id
               HAVING SUM(CASE WHEN p.source = 'program:promised' THEN p.amount_minor
                               WHEN p.destination = 'program:promised' THEN -p.amount_minor ELSE 0 END) <> 0
           )
        """
    ),
}


def check_books(session: Session) -> Iterator[Finding]:
    """Yield everything that is wrong in any shop's books; nothing at all when they add up."""
    for invariant, query in INVARIANTS.items():
        for shop_id, detail in session.execute(query):
            yield Finding(invariant, shop_id, detail)
