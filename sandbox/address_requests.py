"""Addresses and companies, read from the JSON of control calls."""

from babel.core import Locale

from sandbox.errors import BadInput
from sandbox.order_parts import Address, Company
from sandbox.requests_in import read_id, read_text

NO_COUNTRIES = (
    *("AQ", "AS", "CP", "CQ", "DG", "EA", "EU", "EZ", "FM", "GU"),
    *("IC", "MH", "MP", "PR", "PW", "QO", "UN", "VI", "XA", "XB"),
)
"""Codes of territories that are no countries to Shopify."""
COUNTRIES = {
    code: name
    for code, name in Locale("en").territories.items()
    if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES
}
"""Names of countries by their codes."""
MADE_UP_COMPANY = 700_001


def read_address(value: object, name: str) -> Address | None:
    """Check an address, still without an id: a country code alone, or an object with one; the rest may be made up."""
    if value is None:
        return None
    given = {"country_code": value} if isinstance(value, str) else value
    if not isinstance(given, dict):
        raise BadInput(f'{name} must be a country code such as "DE", or {{"country_code": "DE", "city": "Kiel"}}.')
    code = given.get("country_code")
    if not isinstance(code, str) or code not in COUNTRIES:
        raise BadInput(f'{name}.country_code must be a country code such as "DE" or "US", not {code!r}.')
    return Address(
        id=0,
        first_name=read_text(given, "first_name") or "Ada",
        last_name=read_text(given, "last_name") or "Example",
        address1=read_text(given, "address1") or "1 Example Street",
        city=read_text(given, "city") or "Exampleton",
        zip=read_text(given, "zip") or "10000",
        country=COUNTRIES[code],
        country_code=code,
    )


def read_company(value: object) -> Company | None:
    """Check the company that buys: true for a made-up one, or an object with its name and ids."""
    if value is None or value is False:
        return None
    given = {} if value is True else value
    if not isinstance(given, dict):
        raise BadInput('company must be true or {"name": "Example Ltd", "id": 5, "location_id": 6}.')
    own = read_id(given.get("id", MADE_UP_COMPANY), "company.id")
    location = read_id(given.get("location_id", own + 1), "company.location_id")
    return Company(own, read_text(given, "name") or "Example Ltd", location)
