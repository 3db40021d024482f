"""What was to be told is over: incidents, posts about them, and messages go once nothing needs them any more.

Mails are emptied (``mails.prune``), and so are the bodies of deliveries; what became of them stays. Of these three
whole rows go, but of messages those that something still starts from: the first and the newest word about a reward,
which its journey shows and what is told of it next is reckoned from, and what was said of credit given by hand.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, delete, exists, func, literal, not_, or_, select, update
from sqlalchemy.orm import Session, aliased

from app.engine.rules.mail_choices import Teller, Telling
from app.engine.rules.messages import MessageState, Topic
from app.models import AlertPost, Incident, Mail, MailSettings, Message, Shop

#: So many of each are removed in one transaction.
BATCH = 500
#: An incident is kept for so long after its end.
INCIDENTS_KEPT = timedelta(days=365)
#: What the merchant's address was told, and messages; these as long as the words of their mails, if that is longer.
#: No key of a message comes again so late: a reminder is not made up for after three days.
KEPT = timedelta(days=90)
#: What a shop that never chose has.
_KEEP_DAYS = Telling(Teller.NOBODY).keep_days


def list_shops_to_prune(session: Session, now: datetime) -> list[int]:
    """Return the shops that have something that is kept no longer, also those that have removed the app."""
    chosen = session.scalars(select(MailSettings.keep_days).distinct())
    days = func.coalesce(MailSettings.keep_days, _KEEP_DAYS)
    # A question for each number of days: only an instant that is known beforehand is looked up in the index.
    told = [
        and_(days == number, _is_any(select(Message.id).where(*_old_messages(Shop.id, _kept_from(number, now)))))
        for number in sorted({_KEEP_DAYS, *chosen})
    ]
    posts, ended = select(AlertPost.id).where(*_old_posts(Shop.id, now)), select(Incident.id)
    found = or_(_is_any(posts), _is_any(ended.where(*_old_incidents(Shop.id, now))), *told)
    shops = select(Shop.id).outerjoin(MailSettings, MailSettings.shop_id == Shop.id)
    return list(session.scalars(shops.where(found).order_by(Shop.id)))


def prune(session: Session, shop: Shop, now: datetime, limit: int = BATCH) -> int:
    """Remove some of what is kept no longer; return how many rows were looked at, 0 when none is left."""
    days = session.scalar(select(MailSettings.keep_days).where(MailSettings.shop_id == shop.id)) or _KEEP_DAYS
    posts = _take(select(AlertPost.id).where(*_old_posts(shop.id, now)).order_by(AlertPost.created_at), limit)
    incidents = _take(select(Incident.id).where(*_old_incidents(shop.id, now)).order_by(Incident.began_at), limit)
    gone = [
        delete(AlertPost).where(AlertPost.shop_id == shop.id, AlertPost.id.in_(select(posts.c.id))),
        delete(Incident).where(Incident.shop_id == shop.id, Incident.id.in_(select(incidents.c.id))),
    ]
    count = sum(len(session.scalars(each.returning(literal(1))).all()) for each in gone)
    return count + _prune_messages(session, shop.id, _kept_from(days, now), limit)


def _prune_messages(session: Session, shop_id: int, before: datetime, limit: int) -> int:
    """Remove messages that are done, and mark those that are needed, so that they are not looked at again."""
    rows = session.execute(
        select(Message.id, _is_needed(shop_id).label("is_needed"))
        .where(*_old_messages(shop_id, before))
        .order_by(Message.done_at)
        .limit(limit)
        .with_for_update(of=Message, skip_locked=True)
    ).all()
    found: Mapping[bool, list[int]] = {
        needed: [row.id for row in rows if row.is_needed is needed] for needed in (True, False)
    }
    session.execute(update(Message).where(Message.shop_id == shop_id, Message.id.in_(found[True])).values(is_kept=True))
    session.execute(delete(Message).where(Message.shop_id == shop_id, Message.id.in_(found[False])))
    return len(rows)


def _is_needed(shop_id: int) -> ColumnElement[bool]:
    """Return whether a message is the first of a reward that was mailed, or its newest that says what it knows."""
    other = aliased(Message)
    mailed = (
        other.shop_id == shop_id,
        other.reward_id == Message.reward_id,
        other.topic == Topic.REWARD,
        other.state == MessageState.MAILED,
    )
    is_first = ~exists().where(*mailed, other.id < Message.id)
    newer = or_(
        other.done_at > Message.done_at,
        and_(other.done_at == Message.done_at, other.id > Message.id),
    )
    whose = other.customer_id.is_not_distinct_from(Message.customer_id)
    is_newest = and_(Message.said.is_not(None), ~exists().where(*mailed, whose, other.said.is_not(None), newer))
    of_reward = and_(Message.topic == Topic.REWARD, or_(is_first, is_newest))
    return and_(Message.state == MessageState.MAILED, or_(of_reward, Message.topic == Topic.ADJUSTMENT))


def _kept_from(keep_days: int, now: datetime) -> datetime:
    """Return since when the messages of a shop are kept that keeps the words of its mails for so many days."""
    return now - max(KEPT, timedelta(days=keep_days))


def _is_any(rows: Select[int]) -> ColumnElement[bool]:
    """Return whether a shop has such a row: looked up in each, where EXISTS may gather those of all shops first."""
    return rows.limit(1).correlate(Shop).scalar_subquery().is_not(None)


def _old_posts(shop_id: Any, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return AlertPost.shop_id == shop_id, AlertPost.created_at < now - KEPT, AlertPost.next_attempt_at.is_(None)


def _old_incidents(shop_id: Any, now: datetime) -> tuple[ColumnElement[bool], ...]:
    before = now - INCIDENTS_KEPT
    told = exists().where(AlertPost.shop_id == Incident.shop_id, AlertPost.incident_id == Incident.id)
    # By its beginning, too, which the index has.
    return Incident.shop_id == shop_id, Incident.began_at < before, Incident.ended_at < before, ~told


def _old_messages(shop_id: Any, before: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the condition for messages that are done long ago, and whose mail nobody can read any more."""
    mail = select(Mail.id).where(Mail.shop_id == Message.shop_id, Mail.id == Message.mail_id, Mail.pruned_at.is_(None))
    return (
        Message.shop_id == shop_id,
        Message.done_at.is_not(None),
        not_(Message.is_kept),
        Message.done_at < before,
        mail.limit(1).correlate(Message).scalar_subquery().is_(None),
    )


def _take(rows: Select[int], limit: int) -> CTE:
    locked = rows.limit(limit).with_for_update(skip_locked=True)
    # Read once: as a plain subquery it may be read again for every row, each time passing over what it locked.
    return locked.cte("old").prefix_with("MATERIALIZED")
