"""How long cashback takes on its way, stage by stage, for the front page."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.admin.mail_words import STAGE_WORDS
from app.engine.journeys import DAY, WEEK
from app.engine.rules.stage_limits import TIMED, Lag
from app.engine.stage_lags import is_too_slow, read_all_lags, read_limits
from app.models import Shop


@dataclass(frozen=True, slots=True)
class StageRow:
    """A stage: within which time half and 95 in 100 went through it, of how many, and how long it may take."""

    words: str
    samples: int
    half: timedelta
    most: timedelta
    #: None: as long as it likes.
    limit: timedelta | None
    is_slow: bool


@dataclass(frozen=True, slots=True)
class Lags:
    """The stages through which something went in the last so many hours; none where nothing did."""

    hours: int
    rows: tuple[StageRow, ...]

    @property
    def is_of_a_day(self) -> bool:
        """True for the last 24 hours, False for seven days."""
        return self.hours == DAY


def read_stages(session: Session, shop: Shop, now: datetime) -> Lags:
    """Return how long the stages took in the last 24 hours; in the last seven days if nothing happened since."""
    limits, all_lags = read_limits(session, shop, now), read_all_lags(session, shop.id)
    for hours in (DAY, WEEK):
        found = all_lags.get(hours, {})
        rows = []
        for stage in TIMED:
            lag, limit = found.get(Lag(stage.value)), limits.get(stage)
            if lag is not None:
                slow = is_too_slow(lag, limit)
                rows.append(StageRow(str(STAGE_WORDS[stage]), lag.samples, lag.half, lag.most, limit, slow))
        if rows:
            break
    return Lags(hours, tuple(rows))
