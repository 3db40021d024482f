"""When a shop tells its customers, by what it chose."""

from zoneinfo import ZoneInfo

from app.engine.rules.digest_times import Schedule
from app.engine.rules.mail_choices import Teller, Telling
from app.models import MailSettings, Shop


def schedule_of(shop: Shop, choices: MailSettings | Telling | None) -> Schedule:
    """Return when a shop tells; one that never chose has the defaults."""
    chosen = choices or Telling(Teller.US)
    return Schedule(tuple(chosen.digest_times), chosen.quiet_from, chosen.quiet_to, ZoneInfo(shop.timezone))
