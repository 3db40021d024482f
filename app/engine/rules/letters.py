"""What a letter to a customer says, as data: the digest finds it out, templates put it into words."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.engine.rules.messages import Saying
from app.engine.rules.statements import Figures


class TakenBack(StrEnum):
    """Why cashback was taken back, in the customer's eyes; never why the shop looked twice."""

    REFUND = "refund"
    CANCELLED = "cancelled"
    #: A person said no, or the order earns nothing after all.
    NOT_GRANTED = "not_granted"
    BY_HAND = "by_hand"
    #: It settles what the customer owed from before.
    SET_OFF = "set_off"


@dataclass(frozen=True, slots=True)
class News:
    """One thing a letter tells; amounts in minor units of the letter's currency, days those of the shop's time zone.

    Which fields are set depends on ``saying``, and ``app/mail/variables.py`` names them for the templates.
    """

    saying: Saying
    #: What is earned, credited, taken back, refunded to credit, waiting for an account, or about to end.
    amount_minor: int = 0
    #: The order's name as customers know it (``#1001``); None where it is about no order.
    order_name: str | None = None
    #: Earned: when the credit is expected, None while nobody can say. Claimable, expiring: the last day.
    on_day: date | None = None
    #: Credited: when this credit ends, None where it does not.
    ends_on: date | None = None
    taken_back: TakenBack | None = None
    #: What a person wrote to go with credit given by hand.
    note: str | None = None
    tier_before: str | None = None
    tier_after: str | None = None
    #: The rate of the new tier, in basis points.
    rate_bps: int | None = None
    #: The statement's number, its first and last day, and its figures.
    statement_id: int | None = None
    from_day: date | None = None
    to_day: date | None = None
    figures: Figures | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything that one customer is told in one mail."""

    #: None: a guest.
    customer_id: int | None
    address: str
    #: What the customer is called; None where nobody knows.
    name: str | None
    #: One of ``app.languages.LANGUAGES``.
    language: str
    currency: str
    #: In the order in which it happened; never empty.
    news: tuple[News, ...]
    #: What the customer has now, by the books.
    available_minor: int
    #: The messages it is made of.
    message_ids: tuple[int, ...]
    #: Of a guest's letter the order it is about, by our number: the link to their cashback leads there.
    guest_order_id: int | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose name a letter is written in, and where its links lead; the addresses are whole (``https://…``)."""

    shop_name: str
    #: The shop's storefront.
    shop_url: str
    #: The customer's page about all their cashback, and the one on which they say what they want to hear.
    cashback_url: str
    stop_url: str
    #: The statement's page to read and print, for letters that tell of one.
    statement_url: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A letter in words. ``error`` says why a template of the shop's own was not used, None where all went well."""

    subject: str
    html: str
    text: str
    error: str | None = None
    #: Which of the shop's own templates could not be used, by name, in the letter's language.
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnTemplate:
    """A shop's own words for something that is said, as they were saved (a row of ``MailTemplate``)."""

    #: A ``Saying``, or ``frame``: what stands around all of them.
    name: str
    language: str
    subject: str
    html: str
    text: str
