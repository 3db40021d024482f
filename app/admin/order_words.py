"""What happens to an order, and how it stands with Shopify, in the words of the pages."""

from flask import Flask
from flask_babel import lazy_gettext as _

from app.engine.rules.facts import FinancialStatus
from app.engine.rules.journey import WaitsFor
from app.engine.rules.messages import Stage
from app.engine.rules.states import TransferKind, TransferState, VoidReason

#: What somebody did about an order's cashback, by the action in the audit trail.
EVENT_WORDS = {
    "approve": _("Approved by %(name)s"),
    "approve_first": _("Approved by %(name)s, and a second person must agree"),
    "adjust": _("Amount set by %(name)s"),
    "reject": _("Rejected by %(name)s"),
    "hold": _("Held by %(name)s"),
    "release_hold": _("Released by %(name)s"),
    "reopen": _("Reopened by %(name)s"),
    "undo": _("Decision undone by %(name)s"),
    "expire_claim": _("No account claimed it in time"),
    "process": _("Cashback asked for by %(name)s"),
    "retry_transfer": _("Retry asked for by %(name)s"),
    "decide_transfer": _("Transfer decided by %(name)s"),
}
#: For an action that has no words of its own.
ANY_EVENT = _("Changed by %(name)s")
SENT = {TransferKind.CREDIT: _("Credit sent to Shopify"), TransferKind.DEBIT: _("Debit sent to Shopify")}
CONFIRMED = {TransferKind.CREDIT: _("Credit confirmed by Shopify"), TransferKind.DEBIT: _("Debit confirmed by Shopify")}
REFUSED = {TransferKind.CREDIT: _("Credit refused by Shopify"), TransferKind.DEBIT: _("Debit refused by Shopify")}

#: What the cashback waits for, where no day can be said.
WAIT_WORDS = {
    WaitsFor.PAYMENT: _("Waits for the payment"),
    WaitsFor.PERSON: _("Waits for a person's decision"),
    WaitsFor.HOLD: _("Held until somebody releases it or the reason is gone"),
    WaitsFor.ACCOUNT: _("Waits for an account with the order's address"),
    WaitsFor.FULFILMENT: _("Waits until the order has been sent"),
    WaitsFor.PAUSE: _("Waits for the end of the pause"),
    WaitsFor.REPAIR: _("Waits for somebody to look after the transfer"),
    WaitsFor.MAIL: _("Waits for the next mail to the customer"),
}
#: What Boomerang or Shopify does next.
WORK_WORDS = {
    Stage.RELEASED: _("Is about to be settled"),
    Stage.SENT: _("Waits to be sent to Shopify"),
    Stage.CONFIRMED: _("Waits for Shopify's answer"),
}

#: How a transfer stands, and what that asks of whoever reads it.
SYNC_WORDS = {
    TransferState.PLANNED: _("It is sent to Shopify by itself; nothing is to be done."),
    TransferState.SENDING: _("It was sent, and Shopify's answer is awaited."),
    TransferState.CONFIRMED: _("Shopify has carried it out."),
    TransferState.REFUSED: _("Shopify did not carry it out. Mend the cause, then send it again."),
    TransferState.UNKNOWN: _("No answer came. Boomerang reads the account until it is clear what happened."),
    TransferState.NOT_APPLICABLE: _("There was nothing to take in Shopify: the customer had spent it, and owes it."),
}
FINANCIAL_WORDS = {
    FinancialStatus.PENDING: _("Payment pending"),
    FinancialStatus.AUTHORIZED: _("Authorized"),
    FinancialStatus.PARTIALLY_PAID: _("Partially paid"),
    FinancialStatus.PAID: _("Paid"),
    FinancialStatus.PARTIALLY_REFUNDED: _("Partially refunded"),
    FinancialStatus.REFUNDED: _("Refunded"),
    FinancialStatus.VOIDED: _("Voided"),
    FinancialStatus.EXPIRED: _("Payment expired"),
}
VOID_WORDS = {
    VoidReason.UNCLAIMED: _("No account claimed it in time."),
    VoidReason.CUSTOMER_DELETED: _("The customer was deleted before the credit was made."),
}


def init_order_words(app: Flask) -> None:
    """Give the templates these words."""
    app.jinja_env.globals.update(financial_words=FINANCIAL_WORDS, sync_words=SYNC_WORDS, void_words=VOID_WORDS)
