"""Addresses that Shopify signs with the client secret: queries of the admin, and those of the app proxy."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import urlencode


def signed_query(secret: str, given: Mapping[str, str]) -> str:
    """Return a query of the admin with its `hmac`."""
    text = "&".join(f"{name}={value}" for name, value in sorted(given.items()))
    return urlencode({**given, "hmac": _digest(secret, text)})


def signed_proxy_query(secret: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return a query of the app proxy with its `signature`; a name may occur more than once."""
    sent = list(pairs)
    joined: dict[str, list[str]] = {}
    for name, value in sent:
        joined.setdefault(name, []).append(value)
    text = "".join(sorted(f"{name}={','.join(values)}" for name, values in joined.items()))
    return urlencode([*sent, ("signature", _digest(secret, text))])


def _digest(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
