"""The page that loads only App Bridge, which fetches a session token and goes on to where the person wanted to be."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.admin import guard, headers

bp = Blueprint("bounce", __name__, template_folder="templates")

RELOAD = "shopify-reload"


@bp.get("/bounce")
def show() -> ResponseReturnValue:
    """Show the empty page. App Bridge reads ``shopify-reload`` itself; only paths of this app get that far."""
    headers.allow_frames_of(guard.asked_shop())
    if not is_own_path(request.args.get(RELOAD, "")) or len(request.args.getlist(RELOAD)) > 1:
        return redirect(f"{url_for('bounce.show')}?{RELOAD}=/", 302)
    return render_template("admin/bounce.html")


def is_own_path(path: str) -> bool:
    """Return whether a text is a path on this host, and nothing a browser could read as another host."""
    return (
        path.startswith("/")
        and not path.startswith(("//", "/\\"))
        and "\\" not in path
        and all(32 < ord(character) < 127 for character in path)
    )
