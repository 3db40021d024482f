"""An order transaction's body becomes a PaymentFact, if it is a payment that succeeded."""

from app.engine.rules.facts import PaymentFact
from app.sentences import say
from app.webhooks.body import BodyError, Json, NothingToDo
from app.webhooks.reader import Reader

#: What brings money in; authorizations, voids and refunds do not.
PAYING_KINDS = ("sale", "capture")


def parse_payment(body: Json, shop_currency: str) -> PaymentFact:
    """Return what an order_transactions/create body says, in minor units of the shop's money.

    Raises NothingToDo for what is no successful payment, and for a payment in another currency that does not say
    what it was worth in the shop's: where an order's decision needs that, Shopify is asked. Raises BodyError.
    """
    payment = Reader(body)
    kind, status = payment.text("kind"), payment.text("status")
    if kind is None or status is None:
        raise BodyError(say("The body is no order transaction: it lacks kind or status."))
    if kind.lower() not in PAYING_KINDS:
        raise NothingToDo(say("A transaction of the kind {kind} is no payment.", kind=ascii(kind)))
    if status.lower() != "success":
        raise NothingToDo(say("The payment has the status {status}; only successful ones count.", status=ascii(status)))
    if not payment.has("order_id"):
        raise NothingToDo(say("The payment belongs to no order."))
    paid_in = payment.currency("currency") if payment.has("currency") else shop_currency
    if paid_in != shop_currency and payment.money_of("amount", "shop_money") is None:
        raise NothingToDo(
            say(
                "The payment is in {paid_in}; what it is worth in {shop_currency} is asked where needed.",
                paid_in=paid_in,
                shop_currency=shop_currency,
            )
        )
    return PaymentFact(
        payment_id=payment.shopify_id(),
        order_id=payment.shopify_id("order_id"),
        gateway=payment.text("gateway") or "",
        amount_minor=max(0, payment.minor("amount", shop_currency)),
    )
