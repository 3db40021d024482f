"""The frame of the pages that mails lead to: open to whoever has the token, never kept, framed, indexed or followed.

No login and no cookie: who opens such a page may be at any device. So a page shows no name and no address, and a wrong
token is known by its seal, before anything is asked of the database.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, auto
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date
from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.db import transaction
from app.languages import LANGUAGES, current_locale, find_language
from app.mail.links import shop_address
from app.models import Shop

bp = Blueprint("told", __name__, url_prefix="/told", template_folder="templates")

#: Our own style and nothing else: no script, no picture, no font, no frame; forms go back to where they came from.
POLICY = "; ".join(
    ("default-src 'none'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'")
)
_CSS = Path(__file__).parent / "static" / "pages.css"
_COMMENTS = re.compile(r"^[ \t]*/\*(?:[^*]|\*(?!/))*\*/[ \t]*\n", re.MULTILINE)
#: What the languages call themselves.
_OWN_NAMES = dict(zip(LANGUAGES, ("English", "Deutsch", "Français", "Español"), strict=True))


class Nothing(Enum):
    """Why there is nothing to see."""

    #: The token is none of ours.
    UNKNOWN = auto()
    #: It is too old to show money.
    OUTDATED = auto()
    #: Somebody or something is no more; the page does not say who or why.
    GONE = auto()


_NOTHING = {
    Nothing.UNKNOWN: (
        404,
        _("This link leads nowhere"),
        _("It may have been cut off on its way. Open it again from the mail, or copy the whole of it."),
    ),
    Nothing.OUTDATED: (
        410,
        _("This link is out of date"),
        _("For your safety it worked for 90 days only. The newest mail about your cashback has one that works."),
    ),
    Nothing.GONE: (
        410,
        _("There is nothing to show here any more"),
        _("If you wonder about your store credit, ask the shop."),
    ),
}


@dataclass(frozen=True, slots=True)
class Stylesheet:
    """The pages' style as it is served; ``version`` changes with its content."""

    text: str
    version: str


@bp.after_request
def close(response: Response) -> Response:
    """Set what keeps a page between us and whoever opened it."""
    response.headers.setdefault("Cache-Control", "private, no-store")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@bp.get("/pages.css")
def style() -> ResponseReturnValue:
    """Serve the pages' style: for good when the address holds its version."""
    sheet = get_stylesheet()
    response = Response(sheet.text, mimetype="text/css")
    response.set_etag(sheet.version)
    is_current = request.args.get("v") == sheet.version
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_current else "no-cache"
    return response.make_conditional(request)


@cache
def get_stylesheet() -> Stylesheet:
    """Return the pages' style, read once per process."""
    text = _COMMENTS.sub("", _CSS.read_text(encoding="utf-8"))
    return Stylesheet(text, hashlib.sha256(text.encode()).hexdigest()[:12])


@contextmanager
def opened(shop_id: int) -> Iterator[tuple[Session, Shop | None]]:
    """Yield a transaction bound to a token's shop, and the shop while the app is installed in it."""
    with transaction(shop_id) as session:
        shop = session.get(Shop, shop_id)
        yield session, shop if shop is not None and shop.uninstalled_at is None else None


def show(template: str, shop: Shop | None, locale: str | None, *, status: int = 200, **facts: object) -> Response:
    """Return a page in the reader's language: the one asked for, else Shopify's word on them, else the browser's."""
    language = choose_language(locale)
    with force_locale(language):
        page = render_template(
            f"told/{template}.html",
            shop=shop,
            shop_url=None if shop is None else shop_address(shop),
            css=url_for("told.style", v=get_stylesheet().version),
            languages=_OWN_NAMES,
            **facts,
        )
    response = make_response(page, status)
    response.headers["Content-Language"] = language
    return response


def choose_language(locale: str | None) -> str:
    """Return the language of a page; ``locale`` is Shopify's word on what the customer reads."""
    return find_language(request.args.get("locale"), locale, *request.accept_languages.values()) or LANGUAGES[0]


def show_nothing(why: Nothing) -> Response:
    """Return the page for a link behind which there is nothing to see."""
    status, title, sentence = _NOTHING[why]
    return show("nothing", None, None, status=status, title=title, sentence=sentence)


def day_in(shop: Shop, at: datetime) -> date:
    """Return the day of an instant in the shop's time zone; in UTC where this machine does not know that."""
    try:
        return at.astimezone(ZoneInfo(shop.timezone)).date()
    except (ZoneInfoNotFoundError, ValueError):
        return at.date()


@bp.app_template_filter("day_in_full")
def format_day(on: date) -> str:
    """Return a day in the reader's language: "March 8, 2026"."""
    return format_date(on, "long", locale=current_locale())
