"""How long the stages take in a shop: measured every few minutes on the newest that went through each, and kept.

The newest so many entries of the books and mails are looked at, found by their indexes, so that a shop's past costs
nothing however long it is. What a stage is measured from is said in ``rules/journey.py``, and a test holds the two
together.
"""

from datetime import datetime, timedelta

from sqlalchemy import exists, select, text
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.journeys import DAY, ORDER_TOPICS, PAID_TOPIC, READ_TOPIC, WEEK, find_resumed
from app.engine.rules.stage_limits import Lag
from app.engine.staffing import PREFIX
from app.models import Shop, StageLag

MEASURED_EVERY = timedelta(minutes=5)
#: Of each kind no more than the newest so many are looked at.
NEWEST = 2_000

#: What was promised for the first time, with the word from Shopify that led to it (``rules.journey.find_arrival``).
#: Orders from before the app was there say nothing about how fast it is.
_ARRIVED = """
    WITH newest AS (
        SELECT reward_id, recorded_at FROM ledger_entries
        WHERE shop_id = :shop_id AND kind = 'accrual' AND recorded_at > :since
        ORDER BY recorded_at DESC, id DESC LIMIT :newest
    ), way AS (
        SELECT o.placed_at, LEAST(p.at, n.recorded_at) AS paid_at, w.triggered_at, w.received_at,
            n.recorded_at AS booked_at,
            r.decided_at IS NULL AND NOT r.hold_cleared
                AND r.state NOT IN ('in_review', 'held', 'awaiting_customer') AS by_itself
        FROM newest n
        JOIN rewards r ON r.shop_id = :shop_id AND r.id = n.reward_id
        JOIN orders o ON o.shop_id = :shop_id AND o.id = r.order_id AND NOT o.is_past
            AND o.placed_at >= :installed_at
        LEFT JOIN LATERAL (
            SELECT MIN(i.triggered_at) AS at FROM inbox i
            WHERE i.shop_id = :shop_id AND i.order_shopify_id = o.shopify_id AND i.state = 'handled'
                AND i.topic = :paid_topic
        ) p ON true
        LEFT JOIN LATERAL (
            SELECT CASE WHEN i.topic <> :read_topic THEN i.triggered_at END AS triggered_at, i.received_at
            FROM inbox i, (SELECT COALESCE(p.at, o.placed_at) AS at) paid
            WHERE i.shop_id = :shop_id AND i.order_shopify_id = o.shopify_id AND i.state = 'handled'
                AND i.topic = ANY(:topics) AND i.received_at <= n.recorded_at
            ORDER BY i.received_at < paid.at, GREATEST(i.received_at - paid.at, paid.at - i.received_at), i.id LIMIT 1
        ) w ON true
        WHERE NOT EXISTS (
            SELECT FROM ledger_entries e WHERE e.shop_id = :shop_id AND e.reward_id = n.reward_id
                AND e.kind = 'accrual' AND e.recorded_at < n.recorded_at
        )
    ), took AS (
        SELECT lag.* FROM way, LATERAL (VALUES
            ('paid', paid_at, paid_at - placed_at),
            ('triggered', triggered_at, triggered_at - COALESCE(paid_at, placed_at)),
            ('received', received_at, received_at - triggered_at),
            ('decided', booked_at, CASE WHEN by_itself THEN booked_at - received_at END)
        ) AS lag (what, at, span)
    )
"""
#: What became the customers' for the first time, with the first credit it was sent with.
_RELEASED = """
    WITH newest AS (
        SELECT reward_id, recorded_at FROM ledger_entries
        WHERE shop_id = :shop_id AND kind = 'settlement' AND recorded_at > :since
        ORDER BY recorded_at DESC, id DESC LIMIT :newest
    ), way AS (
        SELECT r.settled_at, d.at AS due_at, t.sent_at, t.confirmed_at,
            CAST(:resumed_at AS timestamptz) AS resumed_at
        FROM newest n
        JOIN rewards r ON r.shop_id = :shop_id AND r.id = n.reward_id AND r.settled_at = n.recorded_at
        LEFT JOIN LATERAL (
            SELECT MIN(e.recorded_at) AS at FROM ledger_entries e
            WHERE e.shop_id = :shop_id AND e.reward_id = r.id AND e.kind = 'accrual'
        ) b ON true
        LEFT JOIN LATERAL (
            SELECT GREATEST(r.release_at, COALESCE(r.decided_at, b.at)) AS at
            WHERE r.decided_at IS NOT NULL OR NOT r.hold_cleared
        ) d ON true
        LEFT JOIN LATERAL (
            SELECT sent_at, CASE WHEN state = 'confirmed' THEN confirmed_at END AS confirmed_at FROM transfers
            WHERE shop_id = :shop_id AND reward_id = r.id AND kind = 'credit' ORDER BY id LIMIT 1
        ) t ON true
    ), took AS (
        SELECT lag.what, lag.at, lag.at - CASE
            WHEN way.resumed_at <= lag.at AND lag.what <> 'confirmed' THEN GREATEST(lag.since, way.resumed_at)
            ELSE lag.since END AS span
        FROM way, LATERAL (VALUES
            ('released', settled_at, due_at),
            ('sent', sent_at, settled_at),
            ('confirmed', confirmed_at, sent_at),
            ('credit', confirmed_at, settled_at)
        ) AS lag (what, at, since)
    )
"""
#: What mails told of rewards, from when there was something to tell.
_TOLD = """
    WITH newest AS (
        SELECT id, sent_at FROM mails WHERE shop_id = :shop_id AND state = 'sent' ORDER BY id DESC LIMIT :newest
    ), took AS (
        SELECT 'told' AS what, n.sent_at AS at, n.sent_at - m.created_at AS span
        FROM newest n JOIN messages m ON m.shop_id = :shop_id AND m.mail_id = n.id AND m.topic = 'reward'
    )
"""
#: What people decided, from when it was there to be decided.
_DECIDED = """
    WITH took AS (
        SELECT 'decision' AS what, decided_at AS at, decided_at - created_at AS span FROM rewards
        WHERE shop_id = :shop_id AND decided_at > :since AND starts_with(decided_by, :people)
        ORDER BY decided_at DESC LIMIT :newest
    )
"""
_SHARES = """
    SELECT what, hours, count(*), percentile_disc(ARRAY[0.5, 0.9, 0.95]) WITHIN GROUP (
        ORDER BY CAST(GREATEST(EXTRACT(EPOCH FROM span) * 1000, 0) AS bigint)
    ) FROM took CROSS JOIN (VALUES (:day), (:week)) AS of_late (hours)
    WHERE span IS NOT NULL AND at > CAST(:now AS timestamptz) - make_interval(hours => hours)
    GROUP BY what, hours
"""
_QUESTIONS = tuple(text(took + _SHARES) for took in (_ARRIVED, _RELEASED, _TOLD, _DECIDED))


def list_due_shops(session: Session, now: datetime) -> list[int]:
    """Return the shops whose stages were not measured for some minutes."""
    fresh = exists().where(StageLag.shop_id == Shop.id, StageLag.measured_at > now - MEASURED_EVERY)
    return list(session.scalars(select(Shop.id).where(Shop.uninstalled_at.is_(None), ~fresh).order_by(Shop.id)))


def measure_stages(session: Session, shop: Shop, now: datetime, newest: int = NEWEST) -> None:
    """Measure how long the stages took in a shop of late, over the last day and the last week, and keep that."""
    values = {
        "shop_id": shop.id,
        "now": now,
        "since": now - timedelta(hours=WEEK),
        "newest": newest,
        "installed_at": shop.installed_at,
        "day": DAY,
        "week": WEEK,
        "resumed_at": find_resumed(session, shop.id),
        "paid_topic": PAID_TOPIC,
        "read_topic": READ_TOPIC,
        "topics": list(ORDER_TOPICS),
        "people": PREFIX,
    }
    found: dict[tuple[Lag, int], tuple[int, list[int]]] = {}
    for question in _QUESTIONS:
        named = question.compile().params
        rows = session.execute(question, {name: value for name, value in values.items() if name in named})
        found |= {(Lag(what), hours): (count, shares) for what, hours, count, shares in rows}
    session.execute(_keep(shop.id, found, now))


def _keep(shop_id: int, found: dict[tuple[Lag, int], tuple[int, list[int]]], now: datetime) -> Insert:
    rows = []
    for what in Lag:
        for hours in (DAY, WEEK):
            count, (half, nine, most) = found.get((what, hours), (0, (None, None, None)))
            rows.append(
                {
                    "shop_id": shop_id,
                    "what": what,
                    "hours": hours,
                    "samples": count,
                    "p50_ms": half,
                    "p90_ms": nine,
                    "p95_ms": most,
                    "measured_at": now,
                }
            )
    fresh = upsert(StageLag).values(rows)
    return fresh.on_conflict_do_update(
        index_elements=["shop_id", "what", "hours"],
        set_={name: fresh.excluded[name] for name in ("samples", "p50_ms", "p90_ms", "p95_ms", "measured_at")},
    )
