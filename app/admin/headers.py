"""Security headers of every answer; who may frame a page is decided per shop."""

from urllib.parse import urlsplit

from flask import Flask, Response, g

from app.config import Settings, current_settings

ADMIN = "https://admin.shopify.com"
DEFAULT_ORIGIN = "https://{shop}"
APP_BRIDGE = "https://cdn.shopify.com/shopifycloud/app-bridge.js"


def init_headers(app: Flask) -> None:
    """Set the headers on every answer of the app."""
    app.after_request(set_headers)
    app.jinja_env.globals["app_bridge"] = lambda: app_bridge_url(current_settings())


def app_bridge_url(settings: Settings) -> str:
    """Return where App Bridge is loaded from."""
    return settings.app_bridge_url or APP_BRIDGE


def set_headers(response: Response) -> Response:
    """Set what every answer needs, and on HTML the content security policy."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    if response.mimetype == "text/html":
        settings = current_settings()
        # A room with a stricter policy of its own has set it by now.
        response.headers.setdefault("Content-Security-Policy", _policy(settings, g.get("framed_by")))
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def allow_frames_of(shop_domain: str | None) -> None:
    """Let this request's answer be framed by a shop's admin; by the common admin only when the shop is unknown."""
    origin = current_settings().shopify_admin_origin
    ancestors = [f"https://{shop_domain}"] if shop_domain else []
    ancestors.append(ADMIN)
    # With the sandbox the admin is served from another origin, which may be given per shop.
    if origin != DEFAULT_ORIGIN and (shop_domain or "{shop}" not in _origin(origin)):
        ancestors.append(_origin(origin.replace("{shop}", shop_domain or "")))
    g.framed_by = " ".join(ancestors)


def _policy(settings: Settings, framed_by: str | None) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            # The whole address: the same host serves files that any merchant may upload.
            f"script-src 'self' {app_bridge_url(settings)}",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            # A mail is shown in a frame of its own (mail_frames.py).
            "frame-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors " + (framed_by or "'none'"),
        )
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
