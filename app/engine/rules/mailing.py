"""A mail on its way: what is known of it, what a mail server's answer means, and how long it waits after a failure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.engine.rules.messages import MailKind, Saying

#: Mails that customers get: quiet hours and stops are about them.
TO_CUSTOMERS = (MailKind.DIGEST, MailKind.STATEMENT)
#: All others: somebody waits for them, and they go first.
TO_STAFF = (MailKind.ALERT, MailKind.SUMMARY, MailKind.TEST)
#: After its first failure a mail waits for the first of these, and so on; after the last it is given up. 32 hours.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240, 480, 960))
SHORTEST_OUTAGE_WAIT = timedelta(seconds=5)
LONGEST_OUTAGE_WAIT = timedelta(minutes=5)
#: RFC 3463: class, subject and detail, such as ``5.1.1``. It begins the text of an answer.
_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})\b")
_CODE = re.compile(r"\s*([45]\d\d)[\s-]")
#: What says "there is no such mailbox" where no enhanced code says more.
_NO_MAILBOX = (550, 551, 553)


class Refusal(StrEnum):
    """Why a mail will not be sent."""

    #: There is no such mailbox: the address gets no mails any more.
    RECIPIENT = "recipient"
    #: Nobody is to be told: the customer, the shop or staff said so after the mail was made.
    STOPPED = "stopped"
    #: What stands there is no address.
    ADDRESS = "address"
    #: The mail server does not take this mail.
    SERVER = "server"
    #: It was tried for more than a day.
    GAVE_UP = "gave_up"
    #: It waited too long; what it told is told anew.
    OUTDATED = "outdated"


class Step(StrEnum):
    """Where in the conversation about one mail the server said something."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    CONTENT = "content"


class Fate(StrEnum):
    """What an answer means for the mail."""

    #: It is the server's or our settings' trouble, and so that of every mail.
    OUTAGE = "outage"
    #: This one may go later.
    LATER = "later"
    #: This one never goes, for there is no such mailbox.
    DEAD_ADDRESS = "dead_address"
    #: This one never goes.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Report:
    """What a report of non-delivery says of a mail that a server had taken."""

    #: It will not arrive any more; else it is only late.
    is_final: bool
    #: There is no such mailbox.
    is_dead: bool
    reason: str


class Bounce(StrEnum):
    """What came of such a report."""

    #: The mail is refused and its address gets none any more.
    STOPPED = "stopped"
    REFUSED = "refused"
    DELAYED = "delayed"
    #: The mail is no longer one that is thought to have arrived.
    OLD_NEWS = "old_news"


@dataclass(frozen=True, slots=True)
class MailClaim:
    """A mail that one worker has in its hands until ``leased_until``."""

    mail_id: int
    shop_id: int
    kind: MailKind
    address: str
    language: str
    sayings: tuple[Saying, ...]
    subject: str
    html: str
    text: str
    #: The number of this attempt, from 1.
    attempt: int
    leased_until: datetime

    @property
    def is_to_customer(self) -> bool:
        """True for what stops and quiet hours are about."""
        return self.kind in TO_CUSTOMERS


def address_key(address: str) -> str:
    """Return what an address is looked up and stopped by."""
    return address.strip().lower()


def wait_after(attempt: int) -> timedelta | None:
    """Return how long a mail waits after its ``attempt``-th failure; None after the tenth: it is given up.

    Attempts go on counting when a person wants it sent again, and then there are ten more.
    """
    number = attempt % (len(WAITS) + 1)
    return WAITS[number - 1] if number else None


def outage_wait(tries: int) -> timedelta:
    """Return how long nobody asks a server that was not there ``tries`` times: 5 s, 10 s … up to 5 minutes."""
    doubled: int = 2 ** min(tries - 1, 10)
    return min(SHORTEST_OUTAGE_WAIT * doubled, LONGEST_OUTAGE_WAIT)


def judge_answer(step: Step, code: int, said: str) -> Fate:
    """Return what an answer that is no "yes" means; ``said`` is its text, with an enhanced code in front or without."""
    if step is Step.SENDER or code in (421, 530):
        return Fate.OUTAGE
    if code < 500:
        return Fate.LATER
    return Fate.DEAD_ADDRESS if _is_dead(step, code, said) else Fate.REFUSED


def is_dead_mailbox(status: str, diagnosis: str) -> bool:
    """Return whether a report of non-delivery (RFC 3464) says that there is no such mailbox.

    ``status`` is its enhanced code, ``diagnosis`` what the last server said. Mails that are too large, look like spam
    or come to a full mailbox say nothing about the address.
    """
    if (found := _ENHANCED.match(status)) is None or found[1] != "5":
        return False
    if (found[2], found[3]) != ("0", "0"):
        return _names_no_mailbox(int(found[2]), int(found[3]))
    code = _CODE.match(diagnosis)
    return code is not None and _is_dead(Step.RECIPIENT, int(code[1]), diagnosis[code.end() :])


def _is_dead(step: Step, code: int, said: str) -> bool:
    if found := _ENHANCED.match(said):
        return found[1] == "5" and _names_no_mailbox(int(found[2]), int(found[3]))
    # "550 relaying denied" is about us, whoever the mail is to.
    return step is Step.RECIPIENT and code in _NO_MAILBOX and "relay" not in said.lower()


def _names_no_mailbox(subject: int, detail: int) -> bool:
    # 5.1.7 and 5.1.8 are about the sender; 5.2.1 is a mailbox switched off, 5.4.4 a domain that does not exist.
    return (subject == 1 and detail not in (7, 8)) or (subject, detail) in ((2, 1), (4, 4))
