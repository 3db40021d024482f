"""What is said of mails: what they are about, where they stand, and how long the way to a customer may take."""

from flask import Flask
from flask_babel import lazy_gettext as _

from app.engine.rules.mail_choices import Teller
from app.engine.rules.mailing import Refusal
from app.engine.rules.messages import MailKind, MailState, Saying, Stage, StopReason, Topic

#: What a mail tells its customer, as the settings and the templates name it.
SAYING_WORDS = {
    Saying.EARNED: _("Cashback was earned"),
    Saying.CREDITED: _("Credit was given"),
    Saying.REVERSED: _("Cashback was taken back"),
    Saying.TIER_CHANGED: _("Another tier was reached"),
    Saying.EXPIRING: _("Credit ends soon"),
    Saying.STATEMENT_READY: _("A statement can be read"),
    Saying.REFUNDED: _("An order was refunded to store credit"),
    Saying.CLAIMABLE: _("A guest's cashback waits for an account"),
}
KIND_WORDS = {
    MailKind.DIGEST: _("News"),
    MailKind.STATEMENT: _("Statement"),
    MailKind.ALERT: _("Alert"),
    MailKind.SUMMARY: _("Day's summary"),
    MailKind.TEST: _("Test"),
}
#: Where a mail stands, in a word, and the colour it is shown in.
MAIL_STATE_WORDS = {
    MailState.PLANNED: (_("Waiting"), "info"),
    MailState.SENDING: (_("Sending"), "info"),
    MailState.SENT: (_("Sent"), "success"),
    MailState.REFUSED: (_("Refused"), "critical"),
    MailState.UNKNOWN: (_("Unclear"), "warning"),
    MailState.KEPT: (_("Kept, not sent"), "neutral"),
}
#: What a state means, as a sentence.
MAIL_STATE_LINES = {
    MailState.PLANNED: _("It leaves as soon as it may."),
    MailState.SENDING: _("It is being handed to the mail server."),
    MailState.SENT: _("The mail server took it."),
    MailState.REFUSED: _("It was not delivered."),
    MailState.UNKNOWN: _(
        "The connection broke at the very end: it may have arrived or not, and a mail server cannot be asked."
    ),
    MailState.KEPT: _("There was no mail server, so it is here to be read and nowhere else."),
}
REFUSAL_WORDS = {
    Refusal.RECIPIENT: _("There is no such mailbox; the address gets no mails any more."),
    Refusal.STOPPED: _("Nobody is to be told any more."),
    Refusal.ADDRESS: _("What stands there is no address that the mail server takes."),
    Refusal.SERVER: _("The mail server does not take this mail."),
    Refusal.GAVE_UP: _("It was tried for more than a day."),
    Refusal.OUTDATED: _("It waited for more than three days; what it says is told anew, as things are now."),
}
STOP_WORDS = {
    StopReason.UNSUBSCRIBED: _("The customer wants it so."),
    StopReason.BOUNCED: _("There is no such mailbox."),
    StopReason.STAFF: _("Somebody of the shop wants it so."),
}
TOPIC_WORDS = {
    Topic.REWARD: _("Cashback"),
    Topic.ADJUSTMENT: _("Credit by hand"),
    Topic.TIER: _("Tier"),
    Topic.EXPIRY: _("Credit that ends"),
    Topic.STATEMENT: _("Statement"),
    Topic.REFUND: _("Refund to store credit"),
}
TELLER_WORDS = {
    Teller.US: (_("Boomerang"), _("One mail for all that happened, in your words, at the times you choose.")),
    Teller.SHOPIFY: (_("Shopify"), _("Shopify's own mail about each credit, and about nothing else.")),
    Teller.NOBODY: (_("Nobody"), _("Customers see their credit in their account and at the checkout.")),
}
STAGE_WORDS = {
    Stage.PAID: _("Until it is paid"),
    Stage.TRIGGERED: _("Until Shopify tells it"),
    Stage.RECEIVED: _("Until it arrives here"),
    Stage.DECIDED: _("Until it is decided"),
    Stage.RELEASED: _("Until it is released"),
    Stage.SENT: _("Until the credit is sent"),
    Stage.CONFIRMED: _("Until Shopify confirms it"),
    Stage.TOLD: _("Until the customer is told"),
}
#: The frame has no saying of its own.
FRAME = "frame"
FRAME_WORDS = _("What stands around all of them")


def init_mail_words(app: Flask) -> None:
    """Give the templates these words."""
    app.jinja_env.globals.update(
        saying_words=SAYING_WORDS,
        mail_kind_words=KIND_WORDS,
        mail_state_words=MAIL_STATE_WORDS,
        mail_state_lines=MAIL_STATE_LINES,
        refusal_words=REFUSAL_WORDS,
        stop_words=STOP_WORDS,
        topic_words=TOPIC_WORDS,
    )


def name_template(name: str) -> str:
    """Return what a template is called: that of a saying, or the frame."""
    return str(SAYING_WORDS[Saying(name)] if name in list(Saying) else FRAME_WORDS)
