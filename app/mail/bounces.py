"""Reports of non-delivery (RFC 3464): what came back after a mail server had taken it, found out and noted.

Anybody can write to the address that reports come to. A mail is found by the mark that only we can make, in what the
report returns of it; where a server returns nothing, by the address, in the shop that is named.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from typing import Protocol

from sqlalchemy.orm import Session

from app.db import transaction
from app.engine.rules.mailing import Bounce, Report, is_dead_mailbox
from app.errors import BoomerangError
from app.mail.envelope import read_mark
from app.sentences import say
from app.texts import clean_sentence

#: A report with the whole of a mail of ours in it is far smaller.
MOST_BYTES = 2_000_000
#: Headers in which the number of a mail of ours comes back, in the report itself or in what it returns.
_MARKED = ("X-Boomerang-Mail", "Message-ID", "In-Reply-To", "References")
_LATE, _FAILED = "delayed", "failed"


class NoReport(BoomerangError):
    """It is no report of non-delivery, or one of which nothing can be made; the sentence says what it is."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What a report says: of which mail (shop and number), to whom, and what became of it."""

    mail: tuple[int, int] | None
    address: str | None
    report: Report


class BounceBooks(Protocol):
    """The steps of ``engine.flows.mails``, handed in by the caller: this room knows no flow."""

    def find_bounced(self, session: Session, shop_id: int, address: str, now: datetime) -> int | None: ...

    def take_back(self, session: Session, shop_id: int, mail_id: int, report: Report, now: datetime) -> Bounce: ...


def take_report(raw: bytes, books: BounceBooks, shop_id: int | None, now: datetime) -> tuple[int, Bounce]:
    """Note what a report says; return the number of the mail and what came of it. Raises NoReport.

    ``shop_id``: of that shop's mails only; without, the mark has to say whose it is. It opens its own transaction.
    """
    returned = parse_report(raw)
    whose = shop_id
    if returned.mail is not None:
        whose = returned.mail[0]
        if shop_id not in (None, whose):
            raise NoReport("This report is about a mail of another shop.")
    if whose is None:
        raise NoReport("The report does not return our mail; say with --shop whose mails it may be about.")
    with transaction(whose) as session:
        mail_id = None if returned.mail is None else returned.mail[1]
        if mail_id is None and returned.address is not None:
            mail_id = books.find_bounced(session, whose, returned.address, now)
        if mail_id is None:
            raise NoReport("The report is about no mail that this shop has sent of late.")
        return mail_id, books.take_back(session, whose, mail_id, returned.report, now)


def parse_report(raw: bytes) -> Returned:
    """Return what a report of non-delivery says; raise NoReport for anything else."""
    if len(raw) > MOST_BYTES:
        raise NoReport("This is too large for a report of non-delivery.")
    try:
        # The old policy takes whatever stands in a header; the new one may fail from it.
        message = message_from_bytes(raw)
        parts = list(message.walk())
    except RecursionError as error:
        raise NoReport("This is no report of non-delivery: it has parts in parts in parts.") from error
    block = _worst(parts)
    action, code = _field(block, "Action").lower(), _field(block, "Status")
    diagnosis = _field(block, "Diagnostic-Code").partition(";")[2].strip()
    address = _field(block, "Final-Recipient") or _field(block, "Original-Recipient")
    address = address.partition(";")[2].strip()
    is_final = action == _FAILED
    # An address stands in its own column, from which it can be removed.
    words = _hide(f"{code} {diagnosis}".strip(), address)
    told = say("It came back: {words}", words=words) if is_final else say("It is late: {words}", words=words)
    return Returned(
        mail=_find_mark(parts),
        address=address or None,
        report=Report(
            is_final=is_final,
            is_dead=is_final and is_dead_mailbox(code, diagnosis),
            reason=clean_sentence(told, 500),
        ),
    )


def _worst(parts: list[Message]) -> Message:
    """Return what is said of a recipient for whom it failed, or else of one for whom it takes long."""
    status = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    if status is None:
        raise NoReport("This is no report of non-delivery: it has no part message/delivery-status.")
    for action in (_FAILED, _LATE):
        for block in status.get_payload():
            if isinstance(block, Message) and _field(block, "Action").lower() == action:
                return block
    raise NoReport("The report says of nobody that the mail failed or is late.")


def _find_mark(parts: list[Message]) -> tuple[int, int] | None:
    """Look for our mark in the headers of the report and of what it returns, be that a mail or only its headers."""
    for part in parts:
        for name in _MARKED:
            if (mail := read_mark(_field(part, name))) is not None:
                return mail
        if part.get_content_type() == "text/rfc822-headers":
            text = part.get_payload(decode=True)
            if isinstance(text, bytes) and (mail := read_mark(text.decode("utf-8", "replace"))) is not None:
                return mail
    return None


def _field(part: Message, name: str) -> str:
    text = str(part.get(name, ""))
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _hide(text: str, address: str) -> str:
    return re.sub(re.escape(address), "…", text, flags=re.IGNORECASE) if address else text
