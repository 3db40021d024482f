"""The row of a mail: locked, closed, and asked whether it may go to a customer at all."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.mail_stops import is_stopped
from app.engine.rules.mailing import Refusal
from app.engine.rules.messages import MailState, Saying
from app.models import Mail, Shop
from app.sentences import Sentence, say


def find_locked(session: Session, shop_id: int, mail_id: int) -> Mail | None:
    """Return a shop's mail, locked."""
    return session.scalars(
        select(Mail)
        .where(Mail.id == mail_id, Mail.shop_id == shop_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def move_to(mail: Mail, state: MailState, error: str | None, refusal: Refusal | None = None) -> None:
    """Bring a mail to a state in which nobody has it in hands."""
    mail.state, mail.error, mail.refusal = state, error, refusal
    mail.leased_until = mail.next_attempt_at = None


def why_not(session: Session, mail: Mail) -> Sentence | None:
    """Return why a customer's mail must not be sent, None if it may."""
    shop = session.get_one(Shop, mail.shop_id, populate_existing=True)
    if not shop.mails_customers or shop.uninstalled_at is not None:
        return say("This shop does not write to customers any more.")
    if mail.pruned_at is not None:
        return say("Its words and its address were removed.")
    if is_stopped(session, mail.shop_id, mail.address_key, [Saying(saying) for saying in mail.sayings]):
        return say("This address is to get no such mails.")
    return None
