"""Parts of an order's webhook body: addresses, company, fulfilments, discounts; and bodies of risk and disputes."""

from sandbox.body_parts import Json, line_body, text
from sandbox.clock import local_text
from sandbox.models import Discount, Dispute, Fulfillment, Line, Order
from sandbox.order_parts import Address, RiskAssessment


def address_body(address: Address | None) -> Json | None:
    """Return an address as orders carry it."""
    if address is None:
        return None
    return {
        "first_name": address.first_name,
        "address1": address.address1,
        "phone": None,
        "city": address.city,
        "zip": address.zip,
        "province": None,
        "country": address.country,
        "last_name": address.last_name,
        "address2": None,
        "company": None,
        "latitude": None,
        "longitude": None,
        "name": f"{address.first_name} {address.last_name}",
        "country_code": address.country_code,
        "province_code": None,
    }


def company_part(order: Order) -> Json:
    """Return the company that buys; orders of people have no such key."""
    company = order.company
    return {} if company is None else {"company": {"id": company.id, "location_id": company.location_id}}


def embedded_fulfillment(sent: Fulfillment) -> Json:
    """Return a fulfilment as orders embed it; `quantity` of a line is what was sent with it."""
    moment = local_text(sent.created_at, sent.order.timezone)
    return {
        "id": sent.id,
        "admin_graphql_api_id": f"gid://shopify/Fulfillment/{sent.id}",
        "created_at": moment,
        "location_id": None,
        "name": f"#{sent.order.number}.{sent.number}",
        "order_id": sent.order.id,
        "origin_address": {},
        "receipt": {},
        "service": "manual",
        "shipment_status": None,
        "status": "success",
        "tracking_company": None,
        "tracking_number": None,
        "tracking_numbers": [],
        "tracking_url": None,
        "tracking_urls": [],
        "updated_at": moment,
        "line_items": [_sent_line(line, quantity, sent.order) for line, quantity in sent.lines],
    }


def fulfillment_body(sent: Fulfillment) -> Json:
    """Return a fulfilment as `fulfillments/create` carries it."""
    order = sent.order
    return {**embedded_fulfillment(sent), "email": order.email, "destination": address_body(order.shipping_address)}


def discount_codes(order: Order) -> list[Json]:
    """Return the codes that were used, with what they took off."""
    lines_minor = sum(line.discount_minor - line.by_hand_minor for line in order.lines)
    found = [(order.discount, lines_minor, None), (order.shipping_discount, order.shipping_discount_minor, "shipping")]
    return [
        {"code": discount.code, "amount": text(minor, order), "type": kind or _value_type(discount)}
        for discount, minor, kind in found
        if discount is not None and discount.code is not None
    ]


def discount_applications(order: Order) -> list[Json]:
    """Return the discounts, in the order in which allocations count them; those without a code have a title."""
    found = [(order.discount, "line_item", "across"), (order.shipping_discount, "shipping_line", "each")]
    given: list[Json] = [
        {
            "target_type": target,
            "type": "automatic" if discount.code is None else "discount_code",
            "value": discount.value,
            "value_type": _value_type(discount),
            "allocation_method": method,
            "target_selection": "all",
            **({"title": "Automatic discount"} if discount.code is None else {"code": discount.code}),
        }
        for discount, target, method in found
        if discount is not None
    ]
    return [*given, *(_by_hand(line, order) for line in order.lines if line.by_hand_minor)]


def _by_hand(line: Line, order: Order) -> Json:
    return {
        "target_type": "line_item",
        "type": "manual",
        "value": text(line.by_hand_minor, order),
        "value_type": "fixed_amount",
        "allocation_method": "across",
        "target_selection": "explicit",
        "title": "Discount by hand",
        "description": "Discount by hand",
    }


def risk_body(order: Order, assessment: RiskAssessment) -> Json:
    """Return what `orders/risk_assessment_changed` carries; no provider means Shopify's own assessment."""
    return {
        "provider_id": assessment.provider_id,
        "provider_title": assessment.provider,
        "risk_level": assessment.level,
        "created_at": local_text(assessment.created_at, order.timezone),
        "order_id": order.id,
        "admin_graphql_api_order_id": f"gid://shopify/Order/{order.id}",
    }


def dispute_body(dispute: Dispute) -> Json:
    """Return a dispute as `disputes/create` and `disputes/update` carry it."""
    order = dispute.order
    return {
        "id": dispute.id,
        "order_id": order.id,
        "type": dispute.type,
        "amount": text(dispute.amount_minor, order),
        "currency": order.currency,
        "reason": dispute.reason,
        "network_reason_code": dispute.network_reason_code,
        "status": dispute.status,
        "evidence_due_by": local_text(dispute.evidence_due_by, order.timezone),
        "evidence_sent_on": local_text(dispute.evidence_sent_on, order.timezone),
        "finalized_on": local_text(dispute.finalized_on, order.timezone),
        "initiated_at": local_text(dispute.initiated_at, order.timezone),
    }


def _sent_line(line: Line, quantity: int, order: Order) -> Json:
    return {**line_body(line, order), "quantity": quantity}


def _value_type(discount: Discount) -> str:
    return "percentage" if discount.type == "percentage" else "fixed_amount"
