"""What was to be told goes once nothing needs it: incidents, posts, and messages that no other one starts from."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.orm import Session

from app.db import db, transaction
from app.engine.flows import pruning
from app.engine.journeys import read_journeys
from app.engine.rules.alerts import AlertEvent
from app.engine.rules.messages import DropReason, MailState, MessageState, Stage, Topic
from app.models import AlertPost, Incident, Mail, Message, Reward, Shop
from tests.flows.builders import Till, day, line, order, reading, refund_of
from tests.flows.post import Post, noon, post, short
from tests.flows.shopify_account import Shopify

__all__ = ["post"]

FIRST = order(1)
TWO = order(1, line(quantity=2))
BIG = ("messages", "alert_posts", "incidents")


def prune(till: Till, now: datetime, limit: int = pruning.BATCH) -> int:
    """Remove what is kept no longer, batch after batch, however the database plans it; return how many rows it took."""

    def batch(session: Session, shop: Shop) -> int:
        for way in ("hashjoin", "mergejoin", "hashagg", "material", "sort"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
        return pruning.prune(session, shop, now, limit)

    looked_at = 0
    while due(till, now):
        found = till.run(batch)
        assert 0 < found <= 3 * limit
        looked_at += found
    assert till.run(batch) == 0
    return looked_at


def due(till: Till, now: datetime) -> bool:
    with reading() as session:
        return till.id in pruning.list_shops_to_prune(session, now)


def empty_mails() -> None:
    """Have the words of all mails removed, after the days they are kept."""
    with transaction() as session:
        session.execute(update(Mail).values(pruned_at=day(90), state=MailState.SENT, sent_at=Mail.created_at))


def keys(till: Till) -> list[str]:
    with reading() as session:
        return list(session.scalars(select(Message.key).where(Message.shop_id == till.id).order_by(Message.id)))


# Incidents and posts.


def happen(till: Till, cause: str, began: int, ended: int | None = None, *, posted: int | None = None) -> None:
    """Have an incident of some days, and a post about it."""
    with transaction() as session:
        over = None if ended is None else day(ended)
        row = Incident(
            shop_id=till.id, cause=cause, what="", advice="", began_at=day(began), seen_at=day(began),
            gone_at=over, ended_at=over,
        )  # fmt: skip
        session.add(row)
        session.flush()
        if posted is not None:
            add_post(session, till, posted, row.id)


def add_post(session: Session, till: Till, on: int, incident_id: int | None = None, *, waits: bool = False) -> None:
    values: dict[str, Any] = {"event": AlertEvent.SUMMARY, "body": {}, "next_attempt_at": day(on) if waits else None}
    session.add(AlertPost(shop_id=till.id, incident_id=incident_id, created_at=day(on), **values))


def left(till: Till) -> tuple[list[str], int]:
    with reading() as session:
        causes = session.scalars(select(Incident.cause).where(Incident.shop_id == till.id).order_by(Incident.id)).all()
        return list(causes), len(session.scalars(select(AlertPost).where(AlertPost.shop_id == till.id)).all())


def test_incidents_are_kept_for_a_year_after_their_end_and_posts_for_90_days(shop: Till, manual_shop: Till) -> None:
    for till in (shop, manual_shop):
        happen(till, "drift", 0, 1, posted=1)
        happen(till, "no_token", 0, 5, posted=5)
        happen(till, "inbox_late", 0)
        with transaction() as session:
            add_post(session, till, 5, waits=True)
    everything = ["drift", "no_token", "inbox_late"]
    assert prune(shop, day(91)) == 0
    assert left(shop) == (everything, 3)
    assert prune(shop, day(92)) == 1
    assert left(shop) == (everything, 2)
    assert prune(shop, day(366)) == 1
    assert prune(shop, day(367)) == 1
    assert left(shop) == (["no_token", "inbox_late"], 1), "What waits and what is not over stays."
    assert prune(shop, day(1_000)) == 1
    assert left(shop) == (["inbox_late"], 1)
    assert left(manual_shop) == (everything, 3)


def test_much_is_removed_in_batches(shop: Till) -> None:
    for number in range(5):
        happen(shop, f"drift{number}", 0, 1, posted=1)
    assert prune(shop, day(1_000), limit=2) == 10
    assert left(shop) == ([], 0)


# Messages.


def test_what_is_told_next_starts_from_what_was_said_years_ago(post: Post) -> None:
    post.till.tell(TWO)
    assert short(post.news(noon(10))) == [("earned", 200)]
    Shopify(post.till).carry_out(day(11))
    assert short(post.news(noon(11))) == [("credited", 200)]
    post.till.pay_back(refund_of(TWO, 1, units=1, on=12), on=12)
    assert short(post.news(noon(12))) == [("reversed", 100)]
    assert len(keys(post.till)) == 3
    assert prune(post.till, day(1_000)) == 0, "The mails can still be read."
    empty_mails()
    assert prune(post.till, day(100)) == 0
    assert prune(post.till, day(103)) == 3
    first, last = keys(post.till)
    assert first.startswith("entry:")
    assert prune(post.till, day(1_000)) == 0, "What is needed is looked at once."
    with reading() as session:
        shop = session.get_one(Shop, post.till.id)
        reward = session.scalars(select(Reward)).one()
        assert read_journeys(session, shop, [reward], day(103))[reward.id].at(Stage.TOLD) == noon(10)
    post.till.pay_back(refund_of(TWO, 2, units=1, on=1_000), on=1_000)
    assert short(post.news(noon(1_000))) == [("reversed", 100)]
    assert keys(post.till)[:2] == [first, last]


def test_what_nobody_was_told_goes_and_what_waits_stays(post: Post) -> None:
    post.till.tell(FIRST, order(2))
    with transaction() as session:
        one = session.scalars(select(Message).order_by(Message.id).limit(1)).one()
        one.state, one.done_at, one.drop_reason = MessageState.DROPPED, day(10), DropReason.NOTHING_NEW
    assert prune(post.till, day(100)) == 0
    assert prune(post.till, day(101)) == 1
    assert len(keys(post.till)) == 1


@pytest.mark.parametrize(("keep_days", "until"), [(1, 90), (90, 90), (365, 365)])
def test_messages_are_kept_as_long_as_the_words_of_mails_and_90_days_at_least(
    post: Post, keep_days: int, until: int
) -> None:
    post.choose(keep_days=keep_days)
    post.till.tell(FIRST)
    post.round(noon(10))
    empty_mails()
    with transaction() as session:
        session.execute(update(Message).values(topic=Topic.TIER, reward_id=None))
    assert prune(post.till, noon(10 + until)) == 0
    assert prune(post.till, noon(10 + until) + timedelta(seconds=1)) == 1
    assert keys(post.till) == []


def test_what_was_said_of_credit_given_by_hand_stays(post: Post) -> None:
    post.till.tell(FIRST)
    post.round(noon(10))
    empty_mails()
    with transaction() as session:
        session.execute(update(Message).values(topic=Topic.ADJUSTMENT, reward_id=None, said=None))
    assert prune(post.till, day(1_000)) == 1
    assert len(keys(post.till)) == 1
    assert prune(post.till, day(1_000)) == 0


def test_what_a_guest_and_what_the_customer_was_told_are_both_started_from(post: Post) -> None:
    post.till.tell(FIRST)
    post.round(noon(10))
    empty_mails()
    with transaction() as session:
        row = session.scalars(select(Message)).one()
        session.expunge(row)
        for number, customer_id in enumerate((None, None, row.customer_id)):
            values = {name: getattr(row, name) for name in ("shop_id", "topic", "reward_id", "subject_id", "state")}
            done = {"done_at": noon(11 + number), "created_at": noon(11), "mail_id": row.mail_id, "said": row.said}
            session.add(Message(key=f"more:{number}", customer_id=customer_id, **values, **done))
    assert prune(post.till, day(1_000), limit=1) == 4
    first, *others = keys(post.till)
    assert first.startswith("entry:")
    assert others == ["more:1", "more:2"]


def test_what_is_over_is_found_without_reading_what_is_needed(shop: Till) -> None:
    shop.tell(FIRST)
    with transaction() as session:
        session.execute(
            text(
                "INSERT INTO messages (shop_id, key, topic, subject_id, customer_id, created_at, state, done_at,"
                " drop_reason, is_kept) SELECT shop_id, 'k' || n, topic, subject_id, customer_id, created_at,"
                " 'dropped', created_at, 'nothing_new', n > 5 FROM messages, generate_series(1, 20000) n"
            )
        )
        session.execute(
            text(
                "INSERT INTO alert_posts (shop_id, event, body, created_at) SELECT :shop, 'summary', '{}',"
                " CAST(:now AS timestamptz) + make_interval(mins => n) FROM generate_series(1, 20000) n"
            ),
            {"shop": shop.id, "now": day(900)},
        )
        session.execute(
            text(
                "INSERT INTO incidents (shop_id, cause, what, advice, began_at, seen_at, ended_at)"
                " SELECT :shop, 'c', '', '', at, at, at FROM (SELECT CAST(:now AS timestamptz)"
                " + make_interval(mins => n) AS at FROM generate_series(1, 20000) n) found"
            ),
            {"shop": shop.id, "now": day(600)},
        )
        for table in BIG:
            session.execute(text(f"ANALYZE {table}"))
    plans: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if any(table in statement for table in BIG):
            with cursor.connection.cursor() as other:
                other.execute(f"EXPLAIN {statement}", parameters)
                plans.append("\n".join(str(row[0]) for row in other.fetchall()))

    event.listen(db.engine, "before_cursor_execute", explain)
    try:
        with transaction() as session:
            assert pruning.list_shops_to_prune(session, day(901)) == [shop.id]
            assert pruning.prune(session, session.get_one(Shop, shop.id), day(901)) == 5
            assert pruning.list_shops_to_prune(session, day(901)) == []
    finally:
        event.remove(db.engine, "before_cursor_execute", explain)
    assert len(plans) >= 6
    assert [plan for plan in plans if re.search(f"Seq Scan on ({'|'.join(BIG)})", plan)] == []
