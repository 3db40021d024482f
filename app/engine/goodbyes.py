"""What was to be told to a merchant who took the app away: it leaves no more, also when they come back."""

from datetime import datetime

from sqlalchemy import delete, func, update
from sqlalchemy.orm import Session

from app.engine.locks import lock_mails
from app.engine.rules.mailing import TO_STAFF, Refusal
from app.engine.rules.messages import MailState
from app.models import AlertPost, Incident, Mail, MailOutage
from app.sentences import marked

GONE = marked("The app was taken away.")


def end_alerts(session: Session, shop_id: int, now: datetime) -> None:
    """End what is wrong with a shop that took the app away, untold, and give up what was to be told to its people."""
    lock_mails(session, shop_id)
    session.execute(
        update(Incident)
        .where(Incident.shop_id == shop_id, Incident.ended_at.is_(None))
        .values(gone_at=func.coalesce(Incident.gone_at, now), ended_at=func.coalesce(Incident.gone_at, now))
    )
    session.execute(
        update(AlertPost)
        .where(AlertPost.shop_id == shop_id, AlertPost.next_attempt_at.is_not(None))
        .values(next_attempt_at=None, error=GONE)
    )
    refused = {"state": MailState.REFUSED, "refusal": Refusal.STOPPED, "error": GONE}
    session.execute(
        update(Mail)
        .where(Mail.shop_id == shop_id, Mail.state == MailState.PLANNED, Mail.kind.in_(TO_STAFF))
        .values(**refused, next_attempt_at=None, leased_until=None)
    )
    session.execute(delete(MailOutage).where(MailOutage.shop_id == shop_id))
