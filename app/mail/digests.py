"""Makes mails of what waits to be told: letters put into words, batch after batch in a transaction of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utcnow
from app.config import current_settings
from app.db import bound_to, transaction
from app.engine.rules.digests import Batch, LetterDraft, WrittenLetter
from app.engine.rules.letters import OwnTemplate
from app.mail.links import sender_for
from app.mail.ready import Templates, own_templates
from app.mail.render import write
from app.models import DigestRun, MailSettings, MailTemplate, Shop

log = structlog.get_logger()

#: A turn ends after this long, so that a shop with a million customers keeps no worker from the others.
TURN = timedelta(seconds=2)


class DigestBooks(Protocol):
    """What the books do for a digest: the flow ``tell``."""

    def begin_run(self, session: Session, shop: Shop, now: datetime) -> DigestRun | None:
        """Return the run that is on, locked."""

    def gather(self, session: Session, shop: Shop, run: DigestRun, now: datetime) -> Batch:
        """Return the letters to the next customers."""

    def keep(
        self,
        session: Session,
        shop: Shop,
        run: DigestRun,
        batch: Batch,
        letters: Sequence[WrittenLetter],
        now: datetime,
        has_server: bool,
    ) -> None:
        """Write the mails, and end what they told."""


@dataclass(frozen=True, slots=True)
class DigestReport:
    """What one turn did: how many mails it made, and whether the run goes on."""

    mails: int
    is_more: bool


def build_due(
    shop_id: int,
    books: DigestBooks,
    *,
    catch: type[Exception],
    clock: Callable[[], datetime] = utcnow,
    lasts: timedelta = TURN,
) -> DigestReport:
    """Make the mails of a shop that are due, for as long as ``lasts``. Call it outside any transaction.

    A letter that raises ``catch`` goes on waiting and stops no other one.
    """
    ends_at = clock() + lasts
    made = 0
    with bound_to(shop_id):
        while (told := _build_batch(shop_id, books, catch, clock())) is not None:
            made += told
            if clock() >= ends_at:
                return DigestReport(made, is_more=True)
    return DigestReport(made, is_more=False)


def _build_batch(shop_id: int, books: DigestBooks, catch: type[Exception], now: datetime) -> int | None:
    """Make the mails of one batch, in one transaction; return how many, None where nothing is due."""
    with transaction() as session:
        shop = session.get_one(Shop, shop_id, populate_existing=True)
        run = books.begin_run(session, shop, now)
        if run is None:
            return None
        batch = books.gather(session, shop, run, now)
        letters: list[WrittenLetter] = []
        if batch.drafts:
            words = _Words(shop, _sender_name(session, shop_id), _read_templates(session, shop_id), now)
            letters = [letter for draft in batch.drafts if (letter := words.find(draft, catch)) is not None]
        books.keep(session, shop, run, batch, letters, now, bool(current_settings().mail_url))
        return len(letters)


@dataclass(frozen=True, slots=True)
class _Words:
    """What turns letters of a shop into words."""

    shop: Shop
    sender_name: str
    templates: Templates
    now: datetime

    def find(self, draft: LetterDraft, catch: type[Exception]) -> WrittenLetter | None:
        """Return a letter in words; None where that fails, and the log says why."""
        letter = draft.letter
        try:
            sender = sender_for(self.shop, letter, self.sender_name, self.now)
            return WrittenLetter(draft, write(letter, sender, self.templates))
        except catch as error:
            log.exception("letter_failed", shop_id=self.shop.id, messages=letter.message_ids, error=str(error))
            return None


def _sender_name(session: Session, shop_id: int) -> str:
    return session.scalar(select(MailSettings.sender_name).where(MailSettings.shop_id == shop_id)) or ""


def _read_templates(session: Session, shop_id: int) -> Templates:
    rows = session.scalars(select(MailTemplate).where(MailTemplate.shop_id == shop_id))
    return own_templates(OwnTemplate(row.name, row.language, row.subject, row.html, row.text) for row in rows)
