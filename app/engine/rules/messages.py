"""What customers are told about: the topics of messages, what is said of them, how they end, and the mails made."""

from enum import StrEnum


class Topic(StrEnum):
    """What something happened to that a customer may want to know: the row that a message points at."""

    #: An order's cashback was earned, credited, changed or taken back: what of it, the digest finds out.
    REWARD = "reward"
    #: Credit was given or taken by a person.
    ADJUSTMENT = "adjustment"
    #: The customer came to another tier.
    TIER = "tier"
    #: Credit ends soon.
    EXPIRY = "expiry"
    #: A statement's period is over.
    STATEMENT = "statement"
    #: The shop refunded an order to store credit in Shopify.
    REFUND = "refund"


class Saying(StrEnum):
    """What a mail says, and so what a template is of and what a customer may not want to hear."""

    EARNED = "earned"
    CREDITED = "credited"
    REVERSED = "reversed"
    TIER_CHANGED = "tier_changed"
    EXPIRING = "expiring"
    STATEMENT_READY = "statement_ready"
    REFUNDED = "refunded"
    #: A guest's cashback waits for an account.
    CLAIMABLE = "claimable"


class MessageState(StrEnum):
    """How far a message has come."""

    WAITING = "waiting"
    MAILED = "mailed"
    DROPPED = "dropped"


class DropReason(StrEnum):
    """Why nobody is told."""

    #: It was earned and taken back before anybody was told, or all of it was told already.
    NOTHING_NEW = "nothing_new"
    #: The shop switched mails, or this kind of them, off.
    SWITCHED_OFF = "switched_off"
    #: The customer does not want this kind, or their address does not take mails.
    STOPPED = "stopped"
    NO_ADDRESS = "no_address"
    #: It is about an order from before the programme began, which no person processed by itself.
    PAST = "past"
    #: It is about something of so long ago that telling it now would only puzzle.
    TOO_OLD = "too_old"


class MailKind(StrEnum):
    """What sort of mail it is, and so to whom it goes."""

    DIGEST = "digest"
    STATEMENT = "statement"
    #: To the merchant: something is wrong, or was; and what the day was like.
    ALERT = "alert"
    SUMMARY = "summary"
    #: To staff who try a template.
    TEST = "test"


class MailState(StrEnum):
    """How far a mail has come.

    ``planned → sending → sent | refused | unknown``. There is no asking a mail server afterwards: a mail whose
    sending was broken off at the very end is *unknown* and goes out again only if a person wants that. *kept*: there
    is no mail server, so it is there to be read and nothing else.
    """

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    KEPT = "kept"


class StopReason(StrEnum):
    """Why an address gets no mails, or none of a kind."""

    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    STAFF = "staff"


class Stage(StrEnum):
    """A station on the way from a purchase to the customer's knowing of the cashback, in their order."""

    PURCHASED = "purchased"
    PAID = "paid"
    TRIGGERED = "triggered"
    RECEIVED = "received"
    DECIDED = "decided"
    RELEASED = "released"
    SENT = "sent"
    CONFIRMED = "confirmed"
    TOLD = "told"
