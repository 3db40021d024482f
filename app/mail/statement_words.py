"""What the lines of a statement are called to the customer whose statement it is."""

from app.engine.rules.postings import Line
from app.languages import read_catalogue
from app.sentences import marked

_WORDS = {
    Line.EARNED: marked("Cashback earned"),
    Line.VOIDED: marked("Cashback taken back before it was added"),
    Line.SETTLED: marked("Added to your store credit"),
    Line.SET_OFF: marked("Set off against what you owed"),
    Line.FALLEN_SHORT: marked("Could not be taken back"),
    Line.REVERSED: marked("Store credit taken back"),
    Line.REDEEMED: marked("Spent on orders"),
    Line.RETURNED: marked("Given back after an order"),
    Line.EXPIRED: marked("Store credit that ended"),
    Line.ADJUSTED: marked("Given or taken by the shop"),
    Line.EXTERNAL: marked("Other changes by the shop"),
    Line.FORGIVEN: marked("Not asked for any more"),
}


def word_of(line: Line, language: str) -> str:
    """Return what a line is called in one of our languages."""
    return str(read_catalogue(language).gettext(_WORDS[line]))
