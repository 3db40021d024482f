"""Session tokens, and the access tokens of one shop: exchange, expiry, refresh with rotation."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jwt

from sandbox.options import Options
from sandbox.staff import get_staff

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant type, no secret
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a token type, no secret
OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
ONLINE = "urn:shopify:params:oauth:token-type:online-access-token"
SESSION_TOKEN_SECONDS = 60
REFRESH_TOKEN_SECONDS = 90 * 24 * 3600
LEEWAY_SECONDS = 10
CODE_SECONDS = 600


class AuthRefused(Exception):
    """Shopify's 400 for a token request; `error` is its code."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


@dataclass
class RefreshToken:
    """A refresh token and those that replaced it; it dies when one of them is first used."""

    token: str
    expires_at: float
    replaces: "RefreshToken | None" = None
    dead: bool = False


def mint_session_token(
    options: Options, shop: str, staff_id: int, session_id: str, seconds: int = SESSION_TOKEN_SECONDS
) -> str:
    """Return a session token as App Bridge hands it out, signed with the client secret."""
    now = int(time.time())
    claims = {
        "iss": f"https://{shop}/admin",
        "dest": f"https://{shop}",
        "aud": options.client_id,
        "sub": str(staff_id),
        "exp": now + seconds,
        "nbf": now,
        "iat": now,
        "jti": secrets.token_hex(16),
        "sid": session_id,
        "sig": secrets.token_hex(32),
    }
    return jwt.encode(claims, options.client_secret, algorithm="HS256")


class TokenStore:
    """The access and refresh tokens one shop has given out."""

    def __init__(self, options: Options, scopes: Callable[[], str]) -> None:
        self._options = options
        self._scopes = scopes
        self._lock = threading.Lock()
        self._access: dict[str, float] = {}
        self._refresh: dict[str, RefreshToken] = {}
        self._codes: dict[str, float] = {}

    def is_valid(self, access_token: str | None) -> bool:
        """Say whether the access token opens the Admin API now."""
        with self._lock:
            return access_token is not None and self._access.get(access_token, 0) > time.time()

    def revoke_all(self) -> None:
        """Forget all tokens, as an uninstall does."""
        with self._lock:
            self._access.clear()
            self._refresh.clear()
            self._codes.clear()

    def make_code(self) -> str:
        """Return the code of an authorization, good for one exchange."""
        code = secrets.token_hex(16)
        with self._lock:
            self._codes[code] = time.time() + CODE_SECONDS
        return code

    def expire_access_tokens(self) -> None:
        """Let all access tokens run out now; refresh tokens stay."""
        with self._lock:
            self._access = dict.fromkeys(self._access, 0.0)

    def answer(self, shop: str, installed: bool, request: Mapping[str, object]) -> dict[str, object]:
        """Answer a request to the token endpoint, or raise Shopify's refusal."""
        known = (self._options.client_id, self._options.client_secret)
        if (request.get("client_id"), request.get("client_secret")) != known or not installed:
            raise AuthRefused("invalid_client", "The client is unknown, or the app is not installed here")
        grant_type = request.get("grant_type")
        if "code" in request and grant_type is None:
            return self._redeem(request)
        if grant_type == TOKEN_EXCHANGE:
            return self._exchange(shop, request)
        if grant_type == "refresh_token":
            return self._refresh_pair(str(request.get("refresh_token")))
        raise AuthRefused("unsupported_grant_type", "Send a token exchange or a refresh_token grant")

    def _redeem(self, request: Mapping[str, object]) -> dict[str, object]:
        with self._lock:
            if self._codes.pop(str(request["code"]), 0) <= time.time():
                raise AuthRefused("invalid_request", "The authorization code was not found or was already used")
            return self._new_offline(request)

    def _new_offline(self, request: Mapping[str, object]) -> dict[str, object]:
        if str(request.get("expiring", "0")) not in ("1", "true", "True"):
            token = "shpat_" + secrets.token_hex(16)
            self._access[token] = float("inf")
            return {"access_token": token, "scope": self._scopes()}
        return self._new_pair(None)

    def _exchange(self, shop: str, request: Mapping[str, object]) -> dict[str, object]:
        claims = self._read_subject(shop, request)
        wanted = request.get("requested_token_type")
        if wanted == ONLINE:
            return self._online(claims)
        if wanted != OFFLINE:
            raise AuthRefused("invalid_request", "requested_token_type must be the offline or online one")
        with self._lock:
            return self._new_offline(request)

    def _read_subject(self, shop: str, request: Mapping[str, object]) -> dict[str, object]:
        refused = AuthRefused("invalid_subject_token", "The subject token is invalid or has expired")
        if request.get("subject_token_type") != ID_TOKEN:
            raise refused
        try:
            claims: dict[str, object] = jwt.decode(
                str(request.get("subject_token")),
                self._options.client_secret,
                algorithms=["HS256"],
                audience=self._options.client_id,
                leeway=LEEWAY_SECONDS,
            )
        except jwt.InvalidTokenError:
            raise refused from None
        if claims.get("dest") != f"https://{shop}":
            raise refused
        return claims

    def _online(self, claims: dict[str, object]) -> dict[str, object]:
        token = "shpua_" + secrets.token_hex(16)
        with self._lock:
            self._access[token] = time.time() + 86_400
        scope = self._scopes()
        return {
            "access_token": token,
            "scope": scope,
            "expires_in": 86_399,
            "associated_user_scope": scope,
            "associated_user": get_staff(int(str(claims["sub"]))).show(),
        }

    def _refresh_pair(self, refresh_token: str) -> dict[str, object]:
        with self._lock:
            known = self._refresh.get(refresh_token)
            if known is None or known.dead or known.expires_at <= time.time():
                raise AuthRefused("invalid_grant", "The refresh token is unknown, used up or expired")
            if known.replaces is not None:
                known.replaces.dead = True
            return self._new_pair(known)

    def _new_pair(self, replaces: RefreshToken | None) -> dict[str, object]:
        access = "shpat_" + secrets.token_hex(16)
        refresh = RefreshToken("shprt_" + secrets.token_hex(16), time.time() + REFRESH_TOKEN_SECONDS, replaces)
        self._access[access] = time.time() + self._options.token_seconds
        self._refresh[refresh.token] = refresh
        return {
            "access_token": access,
            "scope": self._scopes(),
            "expires_in": self._options.token_seconds,
            "refresh_token": refresh.token,
            "refresh_token_expires_in": REFRESH_TOKEN_SECONDS,
        }
