"""What is wrong with a shop's engine, from when it is first seen until it is over, and what of it is to be told.

One row is open per cause. Several workers may look at once: they take turns at the rows, and what one of them has
told, no other tells again. The merchant hears of an incident once it has lasted a minute, and of its end if they
heard of it; of the same cause again within six hours only how often it came.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.engine.audit import record
from app.engine.rules.alerts import GONE_FOR, SAME_WITHIN, Sighting, day_to_sum_up, is_worth_telling, patience_ends
from app.engine.rules.roles import Duty
from app.engine.staffing import check_may
from app.models import Incident, MailSettings, Shop


@dataclass(frozen=True, slots=True)
class Ways:
    """How a shop's merchant is told: by mail, by a post to an address of theirs, both, or not at all."""

    addresses: tuple[str, ...] = ()
    url: str = ""
    #: Sealed; what goes to ``url`` is signed with it. None: not signed.
    secret: str | None = None
    language: str = "en"

    @property
    def is_any(self) -> bool:
        """True where there is somebody to tell."""
        return bool(self.addresses or self.url)


@dataclass(frozen=True, slots=True)
class News:
    """An incident to be told of, or with ``ended_at`` its end."""

    incident_id: int
    cause: str
    what: str
    advice: str
    room: str | None
    began_at: datetime
    ended_at: datetime | None
    #: How often it came since it was last told, this time included, and when that was; 1 and None the first time.
    times: int = 1
    told_before: datetime | None = None


def list_watched(session: Session, after_id: int, limit: int) -> list[int]:
    """Return the next shops after one, by their numbers, in which the app is installed."""
    query = select(Shop.id).where(Shop.uninstalled_at.is_(None), Shop.id > after_id)
    return list(session.scalars(query.order_by(Shop.id).limit(limit)))


def find_watched(session: Session, shop_id: int) -> Shop | None:
    """Return a shop that has the app, which stays so until the transaction ends; None where it took it away."""
    query = select(Shop).where(Shop.id == shop_id, Shop.uninstalled_at.is_(None)).with_for_update(read=True)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def find_ways(session: Session, shop_id: int) -> Ways:
    """Return how a shop's merchant is told."""
    row = session.scalars(
        select(MailSettings).where(MailSettings.shop_id == shop_id).execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return Ways()
    return Ways(tuple(row.alert_addresses), row.alert_url, row.alert_secret, row.language)


def note(session: Session, shop: Shop, seen: Sequence[Sighting], now: datetime) -> list[News]:
    """Note what is wrong now, end what is over, and return what is to be told, the oldest first.

    Whoever tells it says so by ``mark_told`` in the same transaction.
    """
    by_cause = {each.cause: each for each in seen}
    _open(session, shop.id, by_cause.values(), now)
    rows = _lock_open(session, shop.id)
    for row in rows:
        _look_at(row, by_cause.get(row.cause), now)
    session.flush()
    told_before = _list_told(session, shop, {row.cause for row in rows}, now)
    return [
        _news(session, shop, row)
        for row in rows
        if (row.told_at is None and is_worth_telling(row.began_at, row.gone_at, told_before.get(row.cause), now))
        or (row.told_at is not None and row.ended_at is not None)
    ]


def mark_told(session: Session, shop_id: int, news: Sequence[News], now: datetime, *, by_mail: bool) -> None:
    """Note that the merchant is told, in the transaction that wrote the mails and posts."""
    rows = session.scalars(
        select(Incident).where(Incident.shop_id == shop_id, Incident.id.in_([each.incident_id for each in news]))
    )
    for row in rows:
        if row.ended_at is not None:
            row.end_told_at = now
        else:
            row.told_at = now
            row.mailed_at = now if by_mail else None
    session.flush()


def take_day(session: Session, shop: Shop, now: datetime, is_counted: Callable[[date], bool]) -> date | None:
    """Return the day that is to be summed up now, which then counts as summed up; None where it is not time.

    While it is not counted to its end there is some patience.
    """
    row = session.scalars(
        select(MailSettings)
        .where(MailSettings.shop_id == shop.id, MailSettings.summary_time != "")
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return None
    zone = ZoneInfo(shop.timezone)
    on_day = day_to_sum_up(row.summary_time, zone, row.summed_up, now)
    if on_day is None or (now < patience_ends(row.summary_time, zone, on_day) and not is_counted(on_day)):
        return None
    row.summed_up = on_day
    session.flush()
    return on_day


def new_secret(session: Session, shop_id: int, actor: str, now: datetime, seal: Callable[[str], str]) -> str:
    """Make the secret that signs what the merchant's address is told, keep it sealed, and return it to be shown once.

    The one before signs nothing from now on.
    """
    check_may(session, shop_id, actor, Duty.MANAGE)
    secret = secrets.token_urlsafe(32)
    put = upsert(MailSettings).values(shop_id=shop_id, alert_secret=seal(secret))
    session.execute(
        put.on_conflict_do_update(index_elements=["shop_id"], set_={"alert_secret": put.excluded.alert_secret})
    )
    record(session, shop_id, actor, "new_alert_secret", subject=("shop", shop_id), before={}, after={}, now=now)
    session.flush()
    return secret


def _open(session: Session, shop_id: int, seen: Iterable[Sighting], now: datetime) -> None:
    """Have a row open for each cause; two workers who find the same one at once open one."""
    values = [
        {
            "shop_id": shop_id,
            "cause": each.cause,
            "what": each.what,
            "advice": each.advice,
            "room": each.room,
            "began_at": now,
            "seen_at": now,
        }
        for each in sorted(seen, key=lambda each: each.cause)
    ]
    if values:
        is_open = Incident.ended_at.is_(None)
        put = upsert(Incident).values(values)
        session.execute(put.on_conflict_do_nothing(index_elements=["shop_id", "cause"], index_where=is_open))


def _lock_open(session: Session, shop_id: int) -> Sequence[Incident]:
    query = select(Incident).where(Incident.shop_id == shop_id, Incident.ended_at.is_(None))
    return session.scalars(
        query.order_by(Incident.id).with_for_update().execution_options(populate_existing=True)
    ).all()


def _look_at(row: Incident, sighting: Sighting | None, now: datetime) -> None:
    """Note whether an incident is seen; one that has not been for a while has ended when it was first missed."""
    if sighting is not None:
        row.what, row.advice, row.room = sighting.what, sighting.advice, sighting.room
        row.seen_at, row.gone_at = max(row.seen_at, now), None
    elif row.gone_at is None:
        row.gone_at = now
    elif now - row.gone_at >= GONE_FOR:
        row.ended_at = row.gone_at


def _list_told(session: Session, shop: Shop, causes: Collection[str], now: datetime) -> dict[str, datetime]:
    """Return, by cause, when it was told, where that is so short a time ago that it is not told again.

    What was told before the app was installed (again) is forgotten.
    """
    since = max(now - SAME_WITHIN, shop.installed_at)
    query = select(Incident.cause, func.max(Incident.told_at)).where(
        Incident.shop_id == shop.id, Incident.told_at > since, Incident.cause.in_(causes)
    )
    return {cause: told_at for cause, told_at in session.execute(query.group_by(Incident.cause)) if told_at}


def _news(session: Session, shop: Shop, row: Incident) -> News:
    times, told_before = (1, None) if row.ended_at is not None else _count_times(session, shop, row)
    return News(
        incident_id=row.id,
        cause=row.cause,
        what=row.what,
        advice=row.advice,
        room=row.room,
        began_at=row.began_at,
        ended_at=row.ended_at,
        times=times,
        told_before=told_before,
    )


def _count_times(session: Session, shop: Shop, row: Incident) -> tuple[int, datetime | None]:
    """Return how often the cause came since it was told, and when that was; 1 and None where nothing lies between."""
    same = (Incident.shop_id == row.shop_id, Incident.cause == row.cause)
    last = select(Incident.id, Incident.told_at).where(*same, Incident.told_at > shop.installed_at)
    told = session.execute(last.order_by(Incident.id.desc()).limit(1)).one_or_none()
    if told is None:
        return 1, None
    times = session.scalars(select(func.count()).where(*same, Incident.id > told.id)).one()
    return times, told.told_at if times > 1 else None
