"""One look at a shop's engine: what is wrong is noted, and what is news goes to the merchant by mail and by post.

Finding, noting and writing are one transaction, so that nothing is told twice and nothing noted is left untold.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask_babel import force_locale
from sqlalchemy.orm import Session

from app.admin.display import zone
from app.config import Settings, current_settings
from app.db import transaction
from app.engine.flows import alert_posts, incidents, mails
from app.engine.flows.incidents import News, Ways
from app.engine.rules.alerts import AlertEvent, Sighting
from app.engine.rules.messages import MailKind
from app.mail.merchant import Trouble, write_alert
from app.models import Shop
from app.status.cause import Cause
from app.status.causes import find_causes
from app.status.words import name_cause


def watch(shop_id: int, now: datetime) -> Ways | None:
    """Look at a shop, and return by which ways something new is to be told; None where there is nothing."""
    settings = current_settings()
    with transaction(shop_id) as session:
        shop = incidents.find_watched(session, shop_id)
        if shop is None:
            return None
        ways = incidents.find_ways(session, shop_id)
        with force_locale(ways.language):
            seen = [_sighting(cause) for cause in find_causes(session, shop, now)]
            news = incidents.note(session, shop, seen, now)
            if not news or not ways.is_any:
                return None
            _tell(session, shop, ways, news, settings, now)
    return ways


def room_url(settings: Settings, shop: Shop, room: str | None) -> str:
    """Return where a room is opened in Shopify's admin; what is no room of the admin is at the app's own address."""
    path = room or "/"
    if path.startswith("/auth/"):
        return settings.app_url.rstrip("/") + path
    return f"{settings.admin_origin(shop.domain)}/admin/apps/{settings.shopify_client_id}{path.rstrip('/')}"


def _sighting(cause: Cause) -> Sighting:
    return Sighting(cause.key, cause.told, cause.advice, cause.room or cause.page)


def _tell(session: Session, shop: Shop, ways: Ways, news: Sequence[News], settings: Settings, now: datetime) -> None:
    if ways.addresses:
        troubles = [_trouble(one, room_url(settings, shop, one.room)) for one in news]
        written = write_alert(troubles, shop_name=shop.name, zone=zone(shop.timezone))
        for address in ways.addresses:
            mails.add_mail(session, shop, MailKind.ALERT, address, written, ways.language, now, bool(settings.mail_url))
    if ways.url:
        for one in news:
            event = AlertEvent.OPENED if one.ended_at is None else AlertEvent.ENDED
            body = _body(shop, one, room_url(settings, shop, one.room))
            alert_posts.add_post(session, shop.id, event, body, now, incident_id=one.incident_id)
    incidents.mark_told(session, shop.id, news, now, by_mail=bool(ways.addresses))


def _trouble(news: News, url: str) -> Trouble:
    return Trouble(
        name=name_cause(news.cause),
        what=news.what,
        advice=news.advice,
        url=url,
        began_at=news.began_at,
        ended_at=news.ended_at,
        times=news.times,
        told_before=news.told_before,
    )


def _body(shop: Shop, news: News, url: str) -> dict[str, Any]:
    return {
        "shop": shop.domain,
        "incident": news.incident_id,
        "cause": news.cause,
        "what": news.what,
        "advice": news.advice,
        "url": url,
        "began_at": news.began_at.isoformat(timespec="seconds"),
        "ended_at": None if news.ended_at is None else news.ended_at.isoformat(timespec="seconds"),
        "times": news.times,
    }
