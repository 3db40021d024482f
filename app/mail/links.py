"""Where mails lead: addresses of pages that need no login, because what stands in them cannot be guessed.

The last part of such an address is a *token*: what it is about, sealed so that nobody can read, change or make one
(AES-SIV, RFC 5297: short, and the same for the same content). It is sealed with the first of ENCRYPTION_KEYS and opened
with any of them, so that links in old mails go on working while the keys are changed. A token of one purpose opens for
no other, and a bad one is known by its seal: it costs no question to the database.

Links to what shows money end 90 days after they were made; the wish to hear nothing has no end.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from app.config import Settings, current_settings
from app.engine.rules.letters import Letter, Sender
from app.engine.rules.messages import Saying
from app.models import Shop

#: So many days a link shows somebody's money.
SHOWN_FOR = timedelta(days=90)
#: Longer ones are none of ours; the longest address has 254 characters.
_LONGEST = 600


class Purpose(StrEnum):
    """What a token is for; no other place opens it."""

    STOP = "stop"
    CASHBACK = "cashback"
    GUEST = "guest"
    STATEMENT = "statement"


@dataclass(frozen=True, slots=True)
class StopToken:
    """An address that gets mails of a shop, in small letters, and what one click stops: one kind, or all (None)."""

    shop_id: int
    address_key: str
    saying: Saying | None


@dataclass(frozen=True, slots=True)
class PageToken:
    """Something of a shop that shows money: the number of a customer, of a guest's order or of a statement."""

    shop_id: int
    number: int
    #: The last day on which it is shown, in UTC.
    last_day: date

    def is_over(self, now: datetime) -> bool:
        """Return whether the link is out of date."""
        return now.date() > self.last_day


def sender_for(shop: Shop, letter: Letter, sender_name: str, now: datetime) -> Sender:
    """Return whose name a letter is written in and where its links lead; ``sender_name`` empty: the shop's own."""
    statement_id = next((news.statement_id for news in letter.news if news.statement_id is not None), None)
    return Sender(
        shop_name=sender_name or shop.name,
        shop_url=shop_address(shop),
        cashback_url=_cashback_of(shop, letter, now),
        stop_url=stop_link(shop.id, letter.address, None, letter.language),
        statement_url=None if statement_id is None else statement_link(shop.id, statement_id, letter.language, now),
    )


def shop_address(shop: Shop) -> str:
    """Return where the shop's storefront is."""
    return f"https://{shop.domain}"


def stop_link(shop_id: int, address: str, saying: Saying | None, language: str) -> str:
    """Return where whoever reads at an address says what they want to hear.

    Opening it shows a page and changes nothing. ``List-Unsubscribe=One-Click`` posted to it stops mails that say
    ``saying``, or with None all of them.
    """
    return _link(Purpose.STOP, f"{shop_id}:{saying.value if saying else ''}:{address.strip().lower()}", language)


def cashback_link(shop_id: int, customer_id: int, language: str, now: datetime) -> str:
    """Return where a customer sees all their cashback."""
    return _page(Purpose.CASHBACK, shop_id, customer_id, language, now)


def guest_link(shop_id: int, order_id: int, language: str, now: datetime) -> str:
    """Return where a guest sees the cashback of their order; ``order_id`` is ours, not Shopify's."""
    return _page(Purpose.GUEST, shop_id, order_id, language, now)


def statement_link(shop_id: int, statement_id: int, language: str, now: datetime) -> str:
    """Return where a customer reads and prints a statement."""
    return _page(Purpose.STATEMENT, shop_id, statement_id, language, now)


def read_stop(token: str) -> StopToken | None:
    """Return what a token of ``stop_link`` is about, None if it is none."""
    text = _open(Purpose.STOP, token)
    if text is None:
        return None
    shop_id, saying, address_key = text.split(":", 2)
    return StopToken(int(shop_id), address_key, Saying(saying) if saying else None)


def read_page(purpose: Purpose, token: str) -> PageToken | None:
    """Return what a token of one of the pages is about, None if it is none; it may be out of date."""
    text = _open(purpose, token)
    if text is None:
        return None
    shop_id, number, last_day = map(int, text.split(":"))
    return PageToken(shop_id, number, date.fromordinal(last_day))


def _cashback_of(shop: Shop, letter: Letter, now: datetime) -> str:
    if letter.customer_id is not None:
        return cashback_link(shop.id, letter.customer_id, letter.language, now)
    if letter.guest_order_id is not None:
        return guest_link(shop.id, letter.guest_order_id, letter.language, now)
    return shop_address(shop)


def _page(purpose: Purpose, shop_id: int, number: int, language: str, now: datetime) -> str:
    last_day = (now + SHOWN_FOR).date().toordinal()
    return _link(purpose, f"{shop_id}:{number}:{last_day}", language)


def _link(purpose: Purpose, text: str, language: str) -> str:
    settings = current_settings()
    sealed = _seals(settings)[0].encrypt(text.encode(), [purpose.value.encode()])
    token = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
    # A guest's page is the one of a customer with one order.
    place = Purpose.CASHBACK if purpose is Purpose.GUEST else purpose
    return f"{settings.app_url.rstrip('/')}/told/{place}/{token}?{urlencode({'locale': language})}"


def _open(purpose: Purpose, token: str) -> str | None:
    if len(token) > _LONGEST:
        return None
    try:
        sealed = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    for seal in _seals(current_settings()):
        try:
            return seal.decrypt(sealed, [purpose.value.encode()]).decode()
        except (InvalidTag, ValueError):
            continue
    return None


def _seals(settings: Settings) -> list[AESSIV]:
    """Return a cipher for each of the installation's keys: one of their own, for no key serves two ends."""
    return [AESSIV(hashlib.sha512(b"boomerang links:" + key.encode()).digest()) for key in settings.encryption_keys]
