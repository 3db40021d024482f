"""Is a body what Shopify signed? HMAC-SHA256 over the raw bytes with the app's client secret."""

import base64
import hashlib
import hmac
from collections.abc import Iterable


def sign(raw: bytes, secret: str) -> str:
    """Return the signature of a body, in base64."""
    return base64.b64encode(hmac.digest(secret.encode(), raw, hashlib.sha256)).decode()


def is_signed(raw: bytes, signature: str, secrets: Iterable[str]) -> bool:
    """Return whether one of the secrets made the signature: the current one, or the old one while it is rotated.

    Every secret is tried and compared in constant time, so that the answer's delay says nothing.
    """
    given = signature.encode("utf-8", "surrogateescape")
    matches = [hmac.compare_digest(sign(raw, secret).encode(), given) for secret in secrets if secret]
    return any(matches)
