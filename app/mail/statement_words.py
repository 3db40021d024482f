"""What the lines of a statement are called to the customer whose statement it is, in mails as on the page."""

from app.engine.rules.postings import Line
from app.languages import read_catalogue
from app.sentences import marked

_WORDS = {
    Line.EARNED: marked("Earned with orders"),
    Line.VOIDED: marked("Not granted after all"),
    Line.SETTLED: marked("Added to your store credit"),
    Line.SET_OFF: marked("Set off against what you owed"),
    Line.FALLEN_SHORT: marked("Missing from your store credit"),
    Line.REVERSED: marked("Taken back, as after returns"),
    Line.REDEEMED: marked("Spent"),
    Line.RETURNED: marked("Given back after you had spent it"),
    Line.EXPIRED: marked("Ended unspent"),
    Line.ADJUSTED: marked("Given or taken by the shop"),
    Line.EXTERNAL: marked("Changed by the shop"),
    Line.FORGIVEN: marked("No longer owed"),
}


def word_of(line: Line, language: str) -> str:
    """Return what a line is called in one of our languages."""
    return str(read_catalogue(language).gettext(_WORDS[line]))
