"""A delivery's body as it may be shown: whoever it names stays unnamed."""

import json
from decimal import Decimal
from typing import Any

#: What stands in the place of a value that is not shown.
MASK = "•••"
#: Longer bodies are cut: the page is for a look.
MOST_CHARACTERS = 100_000

#: Values that name or place a person, wherever they stand; objects and lists among them are hidden as a whole.
PERSONAL = frozenset(
    {
        "address1", "address2", "addresses", "billing_address", "browser_ip", "city", "client_details",
        "contact_email", "customer_email", "customer_locale", "default_address", "email", "emails", "first_name",
        "guest_email", "landing_site", "last_name", "latitude", "longitude", "note", "note_attributes",
        "order_status_url", "payment_details", "phone", "receipt", "referring_site", "shipping_address",
        "shop_owner", "source_url", "staff_note", "zip",
    }
)  # fmt: skip
#: Credentials of a cart or checkout.
SECRET_ENDING = "token"  # noqa: S105 - the end of a field's name
#: Inside these a name and tags are a person's.
PEOPLE = frozenset({"customer", "company", "user", "staff_member"})


def show_body(raw: bytes) -> str | None:
    """Return a body as indented JSON without what is personal; None for one that cannot be read, and so not masked."""
    try:
        found = json.loads(raw.decode(), parse_float=Decimal)
        text = json.dumps(mask(found), indent=2, ensure_ascii=False, default=str)
    except (ValueError, RecursionError, ArithmeticError):
        return None
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}\n… (cut here)"


def mask(value: Any, *, is_person: bool = False) -> Any:
    """Return a JSON value with everything personal hidden; ``is_person`` says that its name is somebody's."""
    if isinstance(value, list):
        return [mask(item, is_person=is_person) for item in value]
    if not isinstance(value, dict):
        return value
    is_person = is_person or "first_name" in value
    return {name: _mask_field(name, inner, is_person=is_person) for name, inner in value.items()}


def _mask_field(name: str, value: Any, *, is_person: bool) -> Any:
    if value in (None, "", [], {}):
        return value
    if name in PERSONAL or name.endswith(SECRET_ENDING) or (is_person and name in ("name", "tags")):
        return MASK
    return mask(value, is_person=name in PEOPLE)
