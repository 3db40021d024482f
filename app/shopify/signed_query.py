"""Queries that Shopify signs: when it opens the app, ends an authorization, or hands on a visitor of the storefront.

All are HMAC-SHA256 in hex, keyed with the client secret, over the sorted parameters; they differ in the name of the
signature and in what stands between the parameters. A signature counts for a minute and a half.
"""

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from app.errors import Refused

#: As long as Shopify's own libraries let a signature count, before and after its time.
LONGEST_AGE = timedelta(seconds=90)
SHOP_DOMAIN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com")
_SECONDS = re.compile(r"[0-9]{1,12}")

Pairs = Sequence[tuple[str, str]]


class BadQuery(Refused):
    """A query that proves nothing; the sentence says why."""


def check_query(pairs: Pairs, secrets: Iterable[str], now: datetime) -> str:
    """Return the shop that a query of Shopify's admin is about; raise BadQuery. No parameter may occur twice."""
    given = _once(pairs, [name for name, _ in pairs])
    parts = sorted((_escape(name, "%&="), _escape(value, "%&")) for name, value in pairs if name != "hmac")
    signed = "&".join(f"{name}={value}" for name, value in parts)
    return _check(given, given.get("hmac", ""), signed, secrets, now)


def check_proxied(pairs: Pairs, secrets: Iterable[str], now: datetime) -> tuple[str, str]:
    """Return shop and customer's id (or nothing) of a query that came through the app proxy; raise BadQuery.

    A visitor may add parameters of their own, also twice; none of those that Shopify adds may occur twice.
    """
    given = _once(pairs, ("shop", "timestamp", "signature", "logged_in_customer_id", "path_prefix"))
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        if name != "signature":
            values.setdefault(name, []).append(value)
    signed = "".join(sorted(f"{name}={','.join(each)}" for name, each in values.items()))
    shop = _check(given, given.get("signature", ""), signed, secrets, now)
    return shop, given.get("logged_in_customer_id", "")


def read_shop(text: str) -> str:
    """Return a shop's domain in small letters; raise BadQuery for whatever is none."""
    if not SHOP_DOMAIN.fullmatch(text):
        raise BadQuery("The address names no shop; it must be like some-name.myshopify.com.")
    return text.lower()


def _once(pairs: Pairs, names: Iterable[str]) -> dict[str, str]:
    counted = Counter(name for name, _ in pairs)
    twice = [name for name in names if counted[name] > 1]
    if twice:
        raise BadQuery(f"The address holds {twice[0]!a} twice, so one of them is not Shopify's.")
    return dict(pairs)


def _check(given: dict[str, str], signature: str, signed: str, secrets: Iterable[str], now: datetime) -> str:
    shop = read_shop(given.get("shop", ""))
    if not _is_signed(signature, signed, secrets):
        raise BadQuery("The address was not signed by Shopify; open the app from Shopify's admin again.")
    told = given.get("timestamp", "")
    # Compared as numbers: no text of digits may be too large for a date.
    if not _SECONDS.fullmatch(told) or abs(int(told) - int(now.timestamp())) > LONGEST_AGE.total_seconds():
        raise BadQuery(
            "The address was signed too long ago; open the app from Shopify's admin again, and check this clock."
        )
    return shop


def _is_signed(signature: str, signed: str, secrets: Iterable[str]) -> bool:
    given = signature.encode("utf-8", "surrogateescape")
    message = signed.encode("utf-8", "surrogatepass")
    made = [hmac.new(secret.encode(), message, hashlib.sha256).hexdigest() for secret in secrets if secret]
    matches = [hmac.compare_digest(each.encode(), given) for each in made]
    # All are compared, so that the answer's delay says nothing.
    return any(matches)


def _escape(text: str, special: str) -> str:
    """Escape what would let one parameter pass for two; the percent sign comes first."""
    for character in special:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
