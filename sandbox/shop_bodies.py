"""The shop as `app/uninstalled` and `shop/update` carry it, in the shape of API version 2026-10."""

from datetime import datetime

from sandbox.body_parts import Json
from sandbox.clock import local_text
from sandbox.state import Shop


def shop_body(shop: Shop, updated_at: datetime | None = None) -> Json:
    """Return what a shop says of itself; where it lies and who owns it is made up."""
    made_at = local_text(shop.created_at, shop.timezone)
    pattern, with_currency = "${{amount}}", "${{amount}} " + shop.currency
    return {
        "id": shop.id,
        "name": shop.name,
        "email": shop.email,
        "domain": shop.domain,
        "province": "Exampleshire",
        "country": "US",
        "address1": "1 Example Street",
        "zip": "00000",
        "city": "Exampleton",
        "source": None,
        "phone": "",
        "latitude": None,
        "longitude": None,
        "primary_locale": "en",
        "address2": None,
        "created_at": made_at,
        "updated_at": local_text(updated_at, shop.timezone) if updated_at else made_at,
        "country_code": "US",
        "country_name": "United States",
        "currency": shop.currency,
        "customer_email": shop.email,
        "timezone": f"(GMT) {shop.timezone}",
        "iana_timezone": shop.timezone,
        "shop_owner": "Sam Staff",
        "money_format": pattern,
        "money_with_currency_format": with_currency,
        "money_in_emails_format": pattern,
        "money_with_currency_in_emails_format": with_currency,
        "weight_unit": "kg",
        "province_code": None,
        "taxes_included": None,
        "auto_configure_tax_inclusivity": None,
        "tax_shipping": None,
        "county_taxes": None,
        "plan_display_name": "Basic",
        "plan_name": "basic",
        "has_discounts": True,
        "has_gift_cards": True,
        "myshopify_domain": shop.domain,
        "google_apps_domain": None,
        "google_apps_login_enabled": None,
        "eligible_for_payments": True,
        "requires_extra_payments_agreement": False,
        "password_enabled": False,
        "has_storefront": True,
        "finances": True,
        "primary_location_id": shop.id,
        "checkout_api_supported": True,
        "multi_location_enabled": True,
        "setup_required": False,
        "pre_launch_enabled": False,
        "enabled_presentment_currencies": [shop.currency],
        "marketing_sms_consent_enabled_at_checkout": False,
        "transactional_sms_disabled": False,
    }
