"""What each cause of trouble is called: a few words for lists and subjects, whatever its figures are."""

from flask_babel import gettext as _

from app.sentences import marked

CAUSE_WORDS = {
    "no_token": marked("No access to the shop"),
    "token_refused": marked("Shopify refuses our access"),
    "scope_missing": marked("A permission is missing"),
    "currency_changed": marked("The shop's currency changed"),
    "inbox_late": marked("Deliveries wait"),
    "deliveries_failing": marked("Deliveries fail"),
    "reconciliation_late": marked("Nobody looks for missed orders"),
    "transfers_unclear": marked("Transfers wait for a decision"),
    "transfers_refused": marked("Shopify refused transfers"),
    "transfers_unknown": marked("A transfer's outcome is unknown"),
    "transfers_repeated": marked("A transfer looks carried out twice"),
    "books_wrong": marked("The books hold a mistake"),
    "drift": marked("Books and Shopify differ"),
    "accounts_unreadable": marked("Accounts cannot be read"),
    "spending_off": marked("Customers cannot spend their credit"),
    "sweep_failing": marked("The clock fails at something"),
    "queue_unreachable": marked("The queue cannot be reached"),
    "mail_server_away": marked("The mail server takes no mail"),
    "mails_failing": marked("Mails fail"),
    "template_broken": marked("A template cannot be used"),
    "stage_slow": marked("Cashback is slow"),
}


def name_cause(key: str) -> str:
    """Return what a cause is called in the language that is spoken just now; its key where nobody knows it any more."""
    words = CAUSE_WORDS.get(key.partition(":")[0])
    return key if words is None else str(_(words))
