"""A mail as it goes over the wire: its headers, both parts, and a mark by which it is known when it comes back."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from app.config import current_settings
from app.engine.rules.mailing import MailClaim
from app.errors import BoomerangError
from app.mail.links import stop_link
from app.sentences import say

LONGEST_ADDRESS = 254
LONGEST_SUBJECT = 250
#: What no address has that a mail server takes without quotes, what would name two of them, and what begins a word in
#: code (RFC 2047), which would be read as what it stands for, such as the end of a line.
_NO_PART_OF_ONE = re.compile(r"[\s<>()\[\]\",;:\\]|=\?")
_MARK = re.compile(r"(\d{1,18})-(\d{1,18})\.([0-9a-f]{20})")


class _Wire(policy.EmailPolicy):
    """How a mail is written out: as the library does it, but for a link.

    Too long for one line, it would become words in code (RFC 2047), in which no mail program looks for a link.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return a header as it goes over the wire."""
        if name == _LINK:
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


_LINK = "List-Unsubscribe"
_ASCII = _Wire(linesep="\r\n")
_UTF8 = _ASCII.clone(utf8=True)


class BadAddress(BoomerangError):
    """What stands there is not the address of one mailbox."""


@dataclass(frozen=True, slots=True)
class From:
    """Whom mails come from; ``reply_to`` empty: answers go nowhere."""

    name: str
    address: str
    reply_to: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """A mail ready to go."""

    recipient: str
    content: bytes


def compose(claim: MailClaim, sender: From, now: datetime) -> Envelope:
    """Return the mail as bytes; raise BadAddress. Whatever stands in it, no header can be added by it."""
    local, domain = _split(claim.address)
    mail = EmailMessage(_ASCII if local.isascii() else _UTF8)
    mark = _make_mark(claim.shop_id, claim.mail_id)
    mail["From"] = Address(_line(sender.name), addr_spec=sender.address)
    mail["To"] = Address(username=local, domain=domain)
    if sender.reply_to:
        mail["Reply-To"] = Address(addr_spec=sender.reply_to)
    mail["Subject"] = _line(claim.subject)[:LONGEST_SUBJECT]
    mail["Date"] = format_datetime(now)
    # The same with each attempt, so that a mail that comes twice is known for one.
    mail["Message-ID"] = f"<mail-{mark}@{sender.address.rpartition('@')[2]}>"
    mail["X-Boomerang-Mail"] = mark
    mail["Auto-Submitted"] = "auto-generated"
    if claim.is_to_customer:
        only = claim.sayings[0] if len(claim.sayings) == 1 else None
        mail[_LINK] = f"<{stop_link(claim.shop_id, claim.address, only, claim.language)}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(claim.text, cte="quoted-printable")
    mail.add_alternative(claim.html, subtype="html", cte="quoted-printable")
    # Set before, it would go to the first part.
    mail["Content-Language"] = claim.language
    content = mail.as_bytes()
    return Envelope(f"{local}@{domain}", content if content.endswith(b"\r\n") else content + b"\r\n")


def read_mark(text: str) -> tuple[int, int] | None:
    """Return shop and number of the first mail whose mark stands in a text; None where there is none of ours."""
    for found in _MARK.finditer(text):
        shop_id, mail_id = int(found[1]), int(found[2])
        signs = (_sign(key, shop_id, mail_id) for key in current_settings().encryption_keys)
        if any(hmac.compare_digest(sign, found[3]) for sign in signs):
            return shop_id, mail_id
    return None


def _split(address: str) -> tuple[str, str]:
    local, _, domain = address.strip().rpartition("@")
    if not local or "@" in local or _NO_PART_OF_ONE.search(local + domain) or not (local + domain).isprintable():
        raise BadAddress(say("This is not the address of one mailbox."))
    try:
        host = domain.encode("idna").decode()
    except UnicodeError as error:
        raise BadAddress(say("The part after the @ is no name of a mail server.")) from error
    if len(local.encode()) + 1 + len(host) > LONGEST_ADDRESS or not host:
        raise BadAddress(say("This is too long for an address."))
    return local, host


def _line(text: str) -> str:
    """Return a text as a header takes it: on one line, without what is not printed, and meaning what stands there."""
    # What begins a word in code (RFC 2047) would be read as what it stands for, such as the end of a line.
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()).replace("=?", "= ?")


def _make_mark(shop_id: int, mail_id: int) -> str:
    return f"{shop_id}-{mail_id}.{_sign(current_settings().encryption_keys[0], shop_id, mail_id)}"


def _sign(key: str, shop_id: int, mail_id: int) -> str:
    """Return what only we can make: a report of non-delivery that somebody made up stops no address."""
    made_of = f"{shop_id}-{mail_id}".encode()
    return hmac.new(b"boomerang mails:" + key.encode(), made_of, hashlib.sha256).hexdigest()[:20]
