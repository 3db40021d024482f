"""What becomes of a delivery whose handling raised: tried again with growing intervals, or failed with a sentence."""

from datetime import datetime, timedelta

import structlog
from psycopg.errors import Error as PostgresError
from sqlalchemy.exc import DBAPIError

from app.errors import BoomerangError, NotYet
from app.models import Delivery, DeliveryState
from app.sentences import say, sentence_of
from app.texts import clean_sentence

log = structlog.get_logger()

LONGEST_WAIT_SECONDS = 3600
#: For a database in trouble: about an hour.
MOST_ATTEMPTS = 12
#: For what waits for a word from outside, which may be silent for long: about two weeks.
MOST_PATIENT_ATTEMPTS = 350
REASON_LIMIT = 500
#: What another transaction running at the same time may cause, and what passes by itself: rollbacks such as
#: deadlocks (40), a row someone else has just inserted, lack of resources (53), a server that is ending (57),
#: a lock not to be had (55), trouble of the connection (08) or of the system (58).
_PASSING_CLASSES = ("40", "53", "55", "57", "08", "58")
_UNIQUE_VIOLATION = "23505"


def mark_unhandled(delivery: Delivery, error: Exception, now: datetime) -> DeliveryState:
    """Write down what an error means for a delivery, and return the state it is in now.

    What may work later stays received, with the reason why it waits, until it has been tried often enough; all
    else has failed.
    """
    reason = clean_sentence(_sentence(error), REASON_LIMIT)
    if _is_passing(error):
        delivery.attempts += 1
        if delivery.attempts < (MOST_PATIENT_ATTEMPTS if isinstance(error, NotYet) else MOST_ATTEMPTS):
            wait = min(2**delivery.attempts, LONGEST_WAIT_SECONDS)
            delivery.reason = reason
            delivery.next_attempt_at = now + timedelta(seconds=wait)
            log.info("delivery_waits", delivery=delivery.id, topic=delivery.topic, seconds=wait, reason=reason)
            return delivery.state
        reason = say("Given up after {count} attempts. {reason}", count=delivery.attempts, reason=reason)
    delivery.state = DeliveryState.FAILED
    delivery.next_attempt_at = None
    delivery.reason = clean_sentence(reason, REASON_LIMIT)
    expected = isinstance(error, BoomerangError)
    log.warning(
        "delivery_failed",
        delivery=delivery.id,
        topic=delivery.topic,
        reason=delivery.reason,
        exc_info=None if expected else error,
    )
    return delivery.state


def _is_passing(error: Exception) -> bool:
    if isinstance(error, NotYet):
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = error.orig.sqlstate if isinstance(error.orig, PostgresError) else None
    return code is None or code == _UNIQUE_VIOLATION or code.startswith(_PASSING_CLASSES)


def _sentence(error: Exception) -> str:
    if isinstance(error, BoomerangError):
        return sentence_of(error)
    if isinstance(error, DBAPIError) and isinstance(error.orig, PostgresError):
        # Only the primary message: the rest of it, and SQLAlchemy's own text, carry the values.
        words = error.orig.diag.message_primary or say("no message")
        return say("Unexpected: {kind}: {words}", kind=type(error.orig).__name__, words=words)
    kind, words = type(error).__name__, "" if isinstance(error, DBAPIError) else str(error)
    if not words:
        return say("Unexpected: {kind}.", kind=kind)
    return say("Unexpected: {kind}: {words}", kind=kind, words=words)
