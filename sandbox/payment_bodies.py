"""The JSON body of an order's transactions, in the shape of API version 2026-10."""

from sandbox.body_parts import Json, text
from sandbox.clock import local_text
from sandbox.models import Order, Payment

CARD_GATEWAYS = ("bogus", "shopify_payments")


def transaction_body(payment: Payment, order: Order) -> Json:
    """Return a transaction as `order_transactions/create` carries it; a card's tells of the card."""
    if payment.gateway not in CARD_GATEWAYS:
        return embedded_transaction(payment, order)
    details = {
        "credit_card_bin": None,
        "avs_result_code": None,
        "cvv_result_code": None,
        "credit_card_number": "•••• •••• •••• 4242",
        "credit_card_company": "Visa",
        "buyer_action_info": None,
        "credit_card_name": None,
        "credit_card_wallet": None,
        "credit_card_expiration_month": None,
        "credit_card_expiration_year": None,
        "payment_method_name": "visa",
    }
    return {**embedded_transaction(payment, order), "payment_details": details}


def embedded_transaction(payment: Payment, order: Order) -> Json:
    """Return a transaction as refunds embed it."""
    moment = local_text(payment.created_at, order.timezone)
    failed = payment.status == "failure"
    return {
        "id": payment.id,
        "admin_graphql_api_id": f"gid://shopify/OrderTransaction/{payment.id}",
        "order_id": order.id,
        "kind": payment.kind,
        "gateway": payment.gateway,
        "status": payment.status,
        "message": "The payment was declined" if failed else None,
        "created_at": moment,
        "processed_at": moment,
        "test": order.test,
        "authorization": None,
        "location_id": None,
        "user_id": None,
        "parent_id": payment.parent.id if payment.parent else None,
        "device_id": None,
        "error_code": "card_declined" if failed else None,
        "source_name": order.source_name,
        "receipt": {},
        "amount": text(payment.amount_minor, order),
        "currency": order.currency,
        "payment_id": f"#{order.number}.{payment.id}",
        "total_unsettled_set": _unsettled(payment, order),
        "manual_payment_gateway": payment.gateway == "manual",
        "amount_rounding": None,
    }


def _unsettled(payment: Payment, order: Order) -> Json:
    """Return what an authorization still holds; here the key is `currency`, unlike in every other `*_set`."""
    open_minor = payment.amount_minor if payment.kind == "authorization" else 0
    money = {"amount": text(open_minor, order), "currency": order.currency}
    return {"presentment_money": money, "shop_money": money}
