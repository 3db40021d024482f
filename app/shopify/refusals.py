"""What becomes of a credit or debit that Shopify refused: each of its codes has a fate, and advice for people."""

from dataclasses import dataclass
from enum import StrEnum

from app.sentences import marked


class Fate(StrEnum):
    """What is done about a refusal."""

    #: It waits for a person, who may send it again.
    REFUSED = "refused"
    #: Its customer is gone; who goes on for that customer gets it.
    OWNER_GONE = "owner_gone"
    #: There is nothing to take (any more); the whole of it is owed.
    NOTHING_THERE = "nothing_there"
    #: The balance is less than it was a moment ago: it is read again, and what is there is taken.
    READ_AGAIN = "read_again"
    #: The credit's expiry is over: it gets a new one and is sent again.
    NEW_EXPIRY = "new_expiry"


@dataclass(frozen=True, slots=True)
class Advice:
    """A fate, and the sentence that says what a person should know or do."""

    fate: Fate
    sentence: str


_OURS = marked("That is a mistake of Boomerang's: report it, with the words above.")

REFUSALS = {
    "OWNER_NOT_FOUND": Advice(
        Fate.OWNER_GONE, marked("Shopify no longer knows this customer; nothing can be credited.")
    ),
    "ACCOUNT_NOT_FOUND": Advice(Fate.NOTHING_THERE, marked("The customer has no store credit account (any more).")),
    "CREDIT_LIMIT_EXCEEDED": Advice(
        Fate.REFUSED,
        marked(
            "Shopify lets no customer have more store credit than a limit of about 15,000 US dollars. Send it again "
            "when the customer has spent some."
        ),
    ),
    "INSUFFICIENT_FUNDS": Advice(Fate.READ_AGAIN, marked("The customer spent credit meanwhile.")),
    "EXPIRES_AT_IN_PAST": Advice(
        Fate.NEW_EXPIRY,
        marked(
            "The moment at which it should expire is over. If that is not so, the clock of this machine is wrong: "
            "set it, then send it again."
        ),
    ),
    "MISMATCHING_CURRENCY": Advice(
        Fate.REFUSED,
        marked("The customer's account is in another currency than this. See which currency the shop has now."),
    ),
    "UNSUPPORTED_CURRENCY": Advice(
        Fate.REFUSED,
        marked("Shopify keeps no store credit in this currency. Give it in another way, and reject it here."),
    ),
    "ACCESS_DENIED": Advice(
        Fate.REFUSED, marked("The app lacks a permission. Open it in Shopify, accept the update, then send it again.")
    ),
    "NEGATIVE_OR_ZERO_AMOUNT": Advice(Fate.REFUSED, _OURS),
    "NOTE_TOO_LONG": Advice(Fate.REFUSED, _OURS),
}
# Currencies that Shopify tells of but does not take get an error of their own.
REFUSALS["CURRENCY_CODE_INVALID"] = REFUSALS["UNSUPPORTED_CURRENCY"]
#: For a code that is not known yet.
OTHERWISE = Advice(Fate.REFUSED, marked("Look it up at Shopify's; then send it again, or give the credit by hand."))


def advice_for(code: str) -> Advice:
    """Return what to do about a refusal."""
    return REFUSALS.get(code, OTHERWISE)
