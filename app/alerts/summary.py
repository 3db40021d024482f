"""The day's summary: what yesterday was like and what is open now, once a day when the shop's clock says so."""

from datetime import date, datetime
from functools import partial
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.admin.queries.home import read_days, read_open, read_waiting
from app.alerts.watch import room_url
from app.config import current_settings
from app.db import transaction
from app.engine.day_sums import DaySum, add_to
from app.engine.flows import alert_posts, incidents, mails
from app.engine.flows.incidents import Ways
from app.engine.rules.alerts import AlertEvent
from app.engine.rules.messages import MailKind
from app.mail.merchant import DaySummary, write_summary
from app.models import Shop
from app.status.causes import find_causes


def sum_up(shop_id: int, now: datetime) -> Ways | None:
    """Write the summary of a shop's last day if it is time, and return by which ways it is told; None where not."""
    settings = current_settings()
    with transaction(shop_id) as session:
        shop = incidents.find_watched(session, shop_id)
        ways = incidents.find_ways(session, shop_id)
        if shop is None or not ways.is_any:
            return None
        on_day = incidents.take_day(session, shop, now, partial(_is_counted, session, shop))
        if on_day is None:
            return None
        with force_locale(ways.language):
            day = read_summary(session, shop, on_day, now)
            written = write_summary(day, shop_name=shop.name, home_url=room_url(settings, shop, None), now=now)
        has_server = bool(settings.mail_url)
        for address in ways.addresses:
            mails.add_mail(session, shop, MailKind.SUMMARY, address, written, ways.language, now, has_server)
        if ways.url:
            alert_posts.add_post(session, shop.id, AlertEvent.SUMMARY, _body(shop, day), now)
    return ways


def read_summary(session: Session, shop: Shop, on_day: date, now: datetime) -> DaySummary:
    """Return what a day was like, with the figures of the front page, and what is open now."""
    days = read_days(session, shop, on_day)
    figures = days.by_day.get(on_day, DaySum())
    outstanding = days.total(date.min)
    add_to(outstanding, days.before)
    troubles = tuple(cause.told for cause in find_causes(session, shop, now))
    if days.is_behind:
        partly = _("The figures of this day are still being counted: there may be more than is said here.")
        troubles = (partly, *troubles)
    waiting, open_ = read_waiting(session, shop.id).values(), read_open(session, shop.id)
    return DaySummary(
        on_day=on_day,
        currency=shop.currency,
        orders=figures.settlements,
        issued_minor=figures.issued_minor,
        reversed_minor=figures.reversed_minor,
        waiting=sum(one.count for one in waiting),
        waiting_minor=sum(one.total_minor for one in waiting),
        oldest_at=min((one.oldest_at for one in waiting if one.oldest_at is not None), default=None),
        failed=open_.refused_transfers + open_.unknown_transfers + open_.failed_deliveries,
        available_minor=outstanding.available_minor,
        owed_minor=-outstanding.owed_minor,
        troubles=troubles,
    )


def _is_counted(session: Session, shop: Shop, on_day: date) -> bool:
    return not read_days(session, shop, on_day).is_behind


def _body(shop: Shop, day: DaySummary) -> dict[str, Any]:
    return {
        "shop": shop.domain,
        "day": day.on_day.isoformat(),
        "currency": day.currency,
        "orders": day.orders,
        "issued_minor": day.issued_minor,
        "reversed_minor": day.reversed_minor,
        "waiting": day.waiting,
        "waiting_minor": day.waiting_minor,
        "oldest_waiting_since": None if day.oldest_at is None else day.oldest_at.isoformat(timespec="seconds"),
        "failed": day.failed,
        "available_minor": day.available_minor,
        "owed_minor": day.owed_minor,
        "troubles": list(day.troubles),
    }
