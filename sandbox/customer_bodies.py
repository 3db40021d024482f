"""The JSON bodies of webhooks about customers, in the shape of API version 2026-10."""

from datetime import datetime

from sandbox.body_parts import Json
from sandbox.clock import local_text, millisecond_text
from sandbox.models import Customer


def embedded_customer(customer: Customer, currency: str, timezone: str) -> Json:
    """Return the customer as orders embed it; tags are not part of webhooks since 2025-01."""
    return {
        "id": customer.id,
        "admin_graphql_api_id": customer_gid(customer),
        "created_at": local_text(customer.created_at, timezone),
        "updated_at": local_text(customer.updated_at, timezone),
        "first_name": customer.first_name or None,
        "last_name": customer.last_name or None,
        "state": "disabled",
        "note": customer.note,
        "verified_email": customer.verified_email,
        "multipass_identifier": None,
        "tax_exempt": False,
        "email": customer.email,
        "phone": None,
        "currency": currency,
        "tax_exemptions": [],
        "default_address": None,
    }


def customer_body(customer: Customer, currency: str, timezone: str) -> Json:
    """Return the customer as `customers/create` and `customers/update` carry it."""
    return {**embedded_customer(customer, currency, timezone), "addresses": []}


def deleted_body(customer: Customer) -> Json:
    """Return what `customers/delete` tells: who it was."""
    return {"id": customer.id, "tax_exemptions": [], "admin_graphql_api_id": customer_gid(customer)}


def tags_body(customer: Customer, tags: list[str], at: datetime) -> Json:
    """Return what `customer.tags_added` and `customer.tags_removed` carry: only the tags that changed."""
    return {"customerId": customer_gid(customer), "tags": tags, "occurredAt": millisecond_text(at)}


def merge_body(kept: Customer, gone: Customer, job_id: int) -> Json:
    """Return what `customers/merge` carries when it succeeded."""
    return {
        "admin_graphql_api_customer_kept_id": customer_gid(kept),
        "admin_graphql_api_customer_deleted_id": customer_gid(gone),
        "admin_graphql_api_job_id": f"gid://shopify/Job/{job_id}",
        "status": "completed",
        "errors": [],
    }


def customer_gid(customer: Customer) -> str:
    """Return the customer's global id."""
    return f"gid://shopify/Customer/{customer.id}"
