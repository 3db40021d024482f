"""Static files: our own style and script, each joined of its parts, and htmx out of the wheel that carries it.

They are sent compressed to whoever takes that, once and for all per process. Pages are not: they hold the token of
their forms beside words of the address, and how well those compress together would tell what the token is (BREACH).
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from flask import Blueprint, Response, abort, request, url_for
from flask.typing import ResponseReturnValue

bp = Blueprint("assets", __name__)

_OWN = Path(__file__).parent / "static"
#: The wheel is never imported: it is there for this file only.
_HTMX = ("django-htmx", "django_htmx/static/django_htmx/htmx-4.min.js")
_FILES = {
    "app.css": "text/css",
    "app.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
#: Assets made of all files in a folder.
_JOINED = {"app.css": "css", "app.js": "js"}
#: Comments on lines of their own, which stay at home: they are a sixth of what is ours.
_COMMENTS = re.compile(rb"^[ \t]*(?://[^\n]*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served; ``version`` changes with its content."""

    body: bytes
    #: The same, compressed.
    packed: bytes
    mimetype: str
    version: str


@bp.get("/static/<name>")
def serve(name: str) -> ResponseReturnValue:
    """Serve a static file; for good when the address holds its version, else until it is asked for again."""
    if name not in _FILES:
        abort(404)
    asset = get_asset(name)
    is_packed = request.accept_encodings["gzip"] > 0
    response = Response(asset.packed if is_packed else asset.body, mimetype=asset.mimetype)
    # Each form of a file has a name of its own, for caches on the way.
    response.set_etag(f"{asset.version}-gzip" if is_packed else asset.version)
    response.vary.add("Accept-Encoding")
    if is_packed:
        response.headers["Content-Encoding"] = "gzip"
    if request.args.get("v") == asset.version:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        response.headers["Cache-Control"] = "no-cache"
    return response.make_conditional(request)


@bp.app_template_global("asset")
def asset_url(name: str) -> str:
    """Return the address of a static file with its version in it."""
    return url_for("assets.serve", name=name, v=get_asset(name).version)


@cache
def get_asset(name: str) -> Asset:
    """Return a static file, read once per process."""
    body = b"\n".join(place.read_bytes() for place in _places(name))
    if name in _JOINED:
        body = _COMMENTS.sub(b"", body)
    # Without the time of day, so that every process packs alike.
    return Asset(body, gzip.compress(body, mtime=0), _FILES[name], hashlib.sha256(body).hexdigest()[:12])


def _places(name: str) -> list[Path]:
    """Return the files an asset is made of, in their order: ``static/css/10-base.css`` before those of the rooms."""
    if name == "htmx.min.js":
        package, path = _HTMX
        return [Path(str(distribution(package).locate_file(path)))]
    if name in _JOINED:
        return sorted((_OWN / _JOINED[name]).iterdir())
    return [_OWN / name]
