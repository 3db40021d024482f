"""How the parts of an order are read by GraphQL: fulfilments, risk, disputes, addresses, who buys."""

from typing import Any

from sandbox.aftermath import fulfillment_status
from sandbox.models import Customer, Order
from sandbox.order_parts import Company, recommend
from sandbox.resolvers import Info, Resolver, bag, first_of, gid, listed, money, plain

DISPLAYED = {None: "UNFULFILLED", "partial": "PARTIALLY_FULFILLED", "fulfilled": "FULFILLED"}


def _buyer(order: Order) -> Company | Customer | None:
    return order.company or order.customer


def _risk(order: Order) -> dict[str, Any]:
    return {"assessments": order.assessments, "recommendation": recommend(order.assessments)}


def _facts(assessment: Any, info: Info) -> list[dict[str, str]]:
    return [{"description": text, "sentiment": sentiment.upper()} for text, sentiment in assessment.facts]


def _provider(assessment: Any, info: Info) -> dict[str, Any] | None:
    if assessment.provider is None:
        return None
    handle = assessment.provider.lower().replace(" ", "-")
    return {"id": gid("App", assessment.provider_id), "title": assessment.provider, "handle": handle}


def _summaries(order: Order) -> list[dict[str, str]]:
    return [
        {
            "id": gid("OrderDisputeSummary", dispute.id),
            "initiatedAs": dispute.type.upper(),
            "status": dispute.status.upper(),
        }
        for dispute in order.disputes
    ]


def _sent_lines(sent: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": gid("FulfillmentLineItem", line.id),
            "lineItem": line,
            "quantity": quantity,
            "originalTotalSet": bag(line.price_minor * quantity, line.currency),
        }
        for line, quantity in sent.lines
    ]


ORDER_PARTS: dict[str, Resolver] = {
    "billingAddressMatchesShippingAddress": plain(lambda o: o.billing_address == o.shipping_address),
    "billingAddress": plain(lambda o: o.billing_address),
    "shippingAddress": plain(lambda o: o.shipping_address),
    "displayFulfillmentStatus": plain(lambda o: DISPLAYED[fulfillment_status(o)]),
    "disputes": plain(_summaries),
    "fulfillments": first_of(lambda o: o.fulfillments),
    "phone": plain(lambda o: None),
    "purchasingEntity": plain(_buyer),
    "risk": plain(_risk),
}
PART_OBJECTS: dict[str, dict[str, Resolver]] = {
    "Fulfillment": {
        "id": plain(lambda f: gid("Fulfillment", f.id)),
        "legacyResourceId": plain(lambda f: f.id),
        "createdAt": plain(lambda f: f.created_at),
        "updatedAt": plain(lambda f: f.created_at),
        "name": plain(lambda f: f"#{f.order.number}.{f.number}"),
        "status": plain(lambda f: "SUCCESS"),
        "totalQuantity": plain(lambda f: sum(quantity for _, quantity in f.lines)),
        "fulfillmentLineItems": listed(_sent_lines, lambda item: item["lineItem"].id),
    },
    "MailingAddress": {
        "id": plain(lambda a: gid("MailingAddress", a.id)),
        "countryCodeV2": plain(lambda a: a.country_code),
        "firstName": plain(lambda a: a.first_name),
        "lastName": plain(lambda a: a.last_name),
        "name": plain(lambda a: f"{a.first_name} {a.last_name}"),
    },
    "OrderRiskAssessment": {
        "facts": _facts,
        "provider": _provider,
        "riskLevel": plain(lambda a: a.level.upper()),
    },
    "PurchasingCompany": {
        "company": plain(lambda c: {"id": gid("Company", c.id), "name": c.name}),
        "location": plain(lambda c: {"id": gid("CompanyLocation", c.location_id), "name": c.name}),
    },
    "ShopifyPaymentsDispute": {
        "id": plain(lambda d: gid("ShopifyPaymentsDispute", d.id)),
        "legacyResourceId": plain(lambda d: d.id),
        "amount": plain(lambda d: money(d.amount_minor, d.order.currency)),
        "evidenceDueBy": plain(lambda d: d.evidence_due_by),
        "evidenceSentOn": plain(lambda d: d.evidence_sent_on),
        "finalizedOn": plain(lambda d: d.finalized_on),
        "initiatedAt": plain(lambda d: d.initiated_at),
        "reasonDetails": plain(lambda d: {"networkReasonCode": d.network_reason_code, "reason": d.reason.upper()}),
        "status": plain(lambda d: d.status.upper()),
        "type": plain(lambda d: d.type.upper()),
    },
}
