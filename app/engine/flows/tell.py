"""Tell customers what waits: runs at the shop's digest times, batch after batch, each in one transaction.

A batch takes what waits for some customers, finds out what is true of it now, and is put into words by the caller
(``app/mail/digests.py``); then the mails and the end of the messages they are made of are written together. So nobody
is told twice, whatever is broken off: what was not committed still waits.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import BigInteger, DateTime, Text, cast, insert, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.engine import digest_runs
from app.engine.letter_facts import Waits
from app.engine.letter_reading import read_letter_facts
from app.engine.letter_writing import Customs, LetterDesk
from app.engine.rules.digests import Batch, LetterDraft, WrittenLetter
from app.engine.rules.mailing import address_key
from app.engine.rules.messages import DropReason, MailState, MessageState
from app.models import DigestRun, Mail, MailTemplate, Message, Shop
from app.models.columns import as_rows

#: So many customers are told in one transaction.
BATCH = 200


def list_due_shops(session: Session, now: datetime) -> list[int]:
    """Return the shops in which a digest is to begin, or to go on."""
    return digest_runs.list_due_shops(session, now)


def begin_run(session: Session, shop: Shop, now: datetime) -> DigestRun | None:
    """Return the run that a shop is in, or one that begins now, locked until the transaction ends.

    None while no digest is due, in quiet hours, while the programme is paused, and where another worker is at it.
    """
    return digest_runs.open_run(session, shop, now)


def gather(session: Session, shop: Shop, run: DigestRun, now: datetime, limit: int = BATCH) -> Batch:
    """Take what waits for the next customers of a run, and return the letters to them and what nobody is told.

    The last batch says that the run is finished. It makes no more letters than the shop's cap leaves.
    """
    choices = digest_runs.read_choices(session, shop.id)
    room = choices.cap_per_run - run.mails
    if room <= 0:
        return Batch((), {}, digest_runs.stop_at(digest_runs.reached_of(run), run.last_customer_id))
    waits, reached = digest_runs.take_turn(session, run, min(limit, room))
    if not shop.mails_customers:
        return Batch((), dict.fromkeys((row.id for row in waits), DropReason.SWITCHED_OFF), reached)
    if not waits:
        return Batch((), {}, reached)
    facts = read_letter_facts(session, shop, waits, now)
    desk = LetterDesk(shop, Customs(frozenset(choices.switched_off), choices.language), facts, now)
    drafts = _write_letters(desk, waits)
    if len(drafts) >= room:
        drafts = drafts[:room]
        reached = digest_runs.stop_at(reached, drafts[-1].letter.customer_id)
    return Batch(tuple(drafts), desk.dropped, reached)


def keep(
    session: Session,
    shop: Shop,
    run: DigestRun,
    batch: Batch,
    letters: Sequence[WrittenLetter],
    now: datetime,
    has_server: bool,
) -> None:
    """Write the mails of a batch's letters and end the messages they are made of, and those that nobody is told.

    A letter of the batch that is not among ``letters`` goes on waiting for the next run. Without a mail server the
    mails are kept to be read.
    """
    if letters:
        mail_ids = session.scalars(
            insert(Mail).returning(Mail.id, sort_by_parameter_order=True),
            [_mail_row(shop, each, now, has_server) for each in letters],
        ).all()
        _mark_mailed(session, shop, letters, mail_ids, now)
        _note_broken(session, shop, letters, now)
    if batch.dropped:
        _mark_dropped(session, shop, batch.dropped, now)
    run.mails += len(letters)
    run.messages += sum(len(each.draft.letter.message_ids) for each in letters)
    digest_runs.note(run, batch.reached, now)
    session.flush()


def _write_letters(desk: LetterDesk, waits: Sequence[Waits]) -> list[LetterDraft]:
    drafts: list[LetterDraft] = []
    of_guests = [row for row in waits if row.customer_id is None]
    for customer_id, rows in groupby(waits, key=lambda row: row.customer_id):
        if customer_id is not None:
            drafts += desk.write_to_customer(customer_id, list(rows))
    for reward_id, rows in groupby(sorted(of_guests, key=_by_reward), key=_by_reward):
        drafts += desk.write_to_guest(reward_id, list(rows))
    return drafts


def _by_reward(row: Waits) -> int:
    return row.subject_id


def _mail_row(shop: Shop, each: WrittenLetter, now: datetime, has_server: bool) -> dict[str, object]:
    letter, written = each.draft.letter, each.written
    return {
        "shop_id": shop.id,
        "kind": each.draft.kind,
        "customer_id": letter.customer_id,
        "address": letter.address,
        "address_key": address_key(letter.address),
        "language": letter.language,
        "sayings": list(dict.fromkeys(news.saying.value for news in letter.news)),
        "subject": written.subject,
        "html": written.html,
        "text": written.text,
        "template_error": written.error,
        "state": MailState.PLANNED if has_server else MailState.KEPT,
        "created_at": now,
    }


def _mark_mailed(
    session: Session, shop: Shop, letters: Sequence[WrittenLetter], mail_ids: Sequence[int], now: datetime
) -> None:
    rows = [
        (message_id, mail_id, json.dumps(said) if (said := each.draft.said.get(message_id)) else None)
        for each, mail_id in zip(letters, mail_ids, strict=True)
        for message_id in each.draft.letter.message_ids
    ]
    done = as_rows(rows, id=BigInteger, mail_id=BigInteger, said=Text)
    session.execute(
        update(Message)
        .where(Message.shop_id == shop.id, Message.id == done.c.id)
        .values(
            state=MessageState.MAILED,
            done_at=cast(now, DateTime(timezone=True)),
            mail_id=done.c.mail_id,
            said=cast(done.c.said, JSONB),
        )
        .execution_options(synchronize_session=False)
    )


def _mark_dropped(session: Session, shop: Shop, dropped: Mapping[int, DropReason], now: datetime) -> None:
    rows = [(message_id, reason.value) for message_id, reason in dropped.items()]
    done = as_rows(rows, id=BigInteger, reason=Text)
    session.execute(
        update(Message)
        .where(Message.shop_id == shop.id, Message.id == done.c.id)
        .values(
            state=MessageState.DROPPED,
            done_at=cast(now, DateTime(timezone=True)),
            drop_reason=done.c.reason,
        )
        .execution_options(synchronize_session=False)
    )


def _note_broken(session: Session, shop: Shop, letters: Sequence[WrittenLetter], now: datetime) -> None:
    """Say on the shop's own templates that could not be used that they could not, and why."""
    broken = {
        (name, each.draft.letter.language): each.written.error for each in letters for name in each.written.broken
    }
    for (name, language), reason in broken.items():
        session.execute(
            update(MailTemplate)
            .where(MailTemplate.shop_id == shop.id, MailTemplate.name == name, MailTemplate.language == language)
            .values(failed_at=now, failed_reason=reason)
        )
