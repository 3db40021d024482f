"""A session token proves who looks at which shop, or nothing at all."""

import base64
import json
import time
from dataclasses import replace
from typing import Any

import jwt
import pytest

from app.config import Settings
from app.shopify.session_tokens import BadSessionToken, SessionToken, verify_session_token

SHOP = "made-up-shop.myshopify.com"
SECRET = "the-current-client-secret-of-the-app"
LONG_SECRET = "a-secret-long-enough-for-every-algorithm-there-is-in-this-family-of-them"
OLD_SECRET = "the-old-client-secret-of-the-app-xx"
SETTINGS = Settings(
    database_url="",
    redis_url="",
    shopify_client_id="the-client-id",
    shopify_client_secret=SECRET,
)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    all_claims = {
        "iss": f"https://{SHOP}/admin",
        "dest": f"https://{SHOP}",
        "aud": "the-client-id",
        "sub": "42",
        "exp": now + 3600,
        "nbf": now,
        "iat": now,
        "jti": "one",
        "sid": "a-session",
        **changes,
    }
    return {name: value for name, value in all_claims.items() if value is not None}


def token(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), secret, algorithm=algorithm)


def verify(text: str, settings: Settings = SETTINGS) -> SessionToken:
    return verify_session_token(text, settings)


def unsigned(header: dict[str, str], **changes: Any) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part(header)}.{part(claims(**changes))}."


def test_a_good_token_names_shop_staff_and_session() -> None:
    found = verify(token(exp=int(time.time()) + 30))

    assert (found.shop_domain, found.staff_id, found.session_id) == (SHOP, "42", "a-session")
    assert 25 < found.expires_at.timestamp() - time.time() < 31


def test_the_shops_name_is_told_in_small_letters() -> None:
    loud = SHOP.upper().replace(".MYSHOPIFY.COM", ".myshopify.com")

    assert verify(token(dest=f"https://{loud}", iss=f"https://{loud}/admin")).shop_domain == SHOP


def test_a_token_without_a_session_id_is_good() -> None:
    assert verify(token(sid=None)).session_id is None


@pytest.mark.parametrize("late", [0, -5])
def test_a_token_that_ended_or_begins_within_ten_seconds_is_still_good(late: int) -> None:
    now = int(time.time())

    assert verify(token(exp=now + late)).shop_domain == SHOP
    assert verify(token(nbf=now - late)).shop_domain == SHOP


def test_the_old_secret_is_good_while_it_is_configured() -> None:
    rotating = replace(SETTINGS, shopify_old_client_secret=OLD_SECRET)

    assert verify(token(OLD_SECRET), rotating).shop_domain == SHOP
    assert verify(token(SECRET), rotating).shop_domain == SHOP
    with pytest.raises(BadSessionToken):
        verify(token(OLD_SECRET))


@pytest.mark.parametrize("name", ["exp", "nbf", "aud", "iss", "dest", "sub"])
@pytest.mark.parametrize("value", [None, ""])
def test_every_claim_that_matters_must_be_there(name: str, value: str | None) -> None:
    with pytest.raises(BadSessionToken):
        verify(token(**{name: value}))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 86_400},
        {"nbf": int(time.time()) + 86_400},
        {"aud": "another-client-id"},
        {"aud": ["the-client-id"]},
        {"iss": "https://other-shop.myshopify.com/admin"},
        {"iss": f"https://{SHOP}.example.com/admin"},
        {"iss": f"https://example.com/{SHOP}"},
        {"dest": "https://other-shop.myshopify.com"},
        {"dest": 7},
        {"sub": None},
        {"exp": "soon"},
    ],
)
def test_a_token_that_is_over_or_for_somebody_else_is_bad(changes: dict[str, Any]) -> None:
    with pytest.raises(BadSessionToken):
        verify(token(**changes))


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "myshopify.com",
        ".myshopify.com",
        "-shop.myshopify.com",
        "a.b.myshopify.com",
        "made_up.myshopify.com",
        "shop.myshopify.com.example.com",
        "shop.myshopify.com\n",
        "shop.myshopify.com:8443",
        "user@shop.myshopify.com",
        "shop.myshopify.com/evil",
        "evil.com#.myshopify.com",
        "evil.com?.myshopify.com",
        "[::1",
    ],
)
def test_only_the_plain_address_of_a_shop_is_taken_for_one(host: str) -> None:
    address = f"https://{host}"
    if "/" in host:
        # A path behind the host is ignored: the shop is the host.
        assert verify(token(dest=address, iss=address)).shop_domain == "shop.myshopify.com"
        return
    with pytest.raises(BadSessionToken):
        verify(token(dest=address, iss=address))


@pytest.mark.parametrize("scheme", ["http", "ftp", ""])
def test_only_https_is_taken(scheme: str) -> None:
    address = f"{scheme}://{SHOP}" if scheme else SHOP

    with pytest.raises(BadSessionToken):
        verify(token(dest=address, iss=address))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "a.b.c",
        "é.é.é",
        token("another-secret-that-is-long-enough-for-sha"),
        token(LONG_SECRET, algorithm="HS512"),
        token(LONG_SECRET, algorithm="HS384"),
        token()[:-4] + "AAAA",
        unsigned({"alg": "none", "typ": "JWT"}),
        unsigned({"alg": "HS256", "typ": "JWT"}),
        f"{token()} {token()}",
        token(filler="x" * 5000),
    ],
)
def test_a_token_that_shopify_did_not_sign_this_way_is_bad(text: str) -> None:
    for secret in (SECRET, LONG_SECRET):
        with pytest.raises(BadSessionToken):
            verify(text, replace(SETTINGS, shopify_client_secret=secret))


def test_an_empty_old_secret_opens_nothing() -> None:
    with pytest.raises(BadSessionToken):
        verify(unsigned({"alg": "HS256", "typ": "JWT"}), replace(SETTINGS, shopify_old_client_secret=""))


def test_the_reason_is_told_without_the_token() -> None:
    bad = token(exp=int(time.time()) - 60)

    with pytest.raises(BadSessionToken) as raised:
        verify(bad)
    assert raised.value.reason == "expired"
    assert bad not in str(raised.value)
    assert "reload the page" in str(raised.value)
