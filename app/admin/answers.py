"""How a screen answers: a page, a fragment for htmx, or JSON for any other script; with a toast if there is news."""

import json
from typing import Any

from flask import Response, make_response, render_template, request


def wants_html() -> bool:
    """Return whether the answer is to be shown; a caller that does not care gets pages to read, JSON for deeds."""
    if "HX-Request" in request.headers:
        return True
    kinds = ["text/html", "application/json"]
    if request.method not in ("GET", "HEAD"):
        kinds.reverse()
    return request.accept_mimetypes.best_match(kinds, default=kinds[0]) == "text/html"


def as_json(data: dict[str, Any], status: int = 200) -> Response:
    """Return data as JSON, never to be cached."""
    response = Response(json.dumps(data) + "\n", status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def show(
    template: str, status: int = 200, *, toast: str | None = None, is_error: bool = False, **values: Any
) -> Response:
    """Return a rendered template; the toast is shown by Shopify's admin once the answer is on the page."""
    response = make_response(render_template(template, **values), status)
    if toast is not None:
        add_toast(response, toast, is_error=is_error)
    return response


def add_toast(response: Response, message: str, *, is_error: bool = False) -> Response:
    """Let the page show a short message. The header is ASCII by JSON's own escapes."""
    response.headers["HX-Trigger"] = json.dumps({"boomerang:toast": {"message": message, "isError": is_error}})
    return response
