"""How a tier looks: a small set of icons, a palette that can be seen light and dark, and a check of other colours."""

import re
from collections.abc import Sequence

from flask_babel import lazy_gettext as _

from app.admin import bp
from app.engine.rules.terms import Tier

#: Drawn by the macro ``icon``; the name of the tier always stands beside it.
ICONS = {
    "star": _("Star"),
    "medal": _("Medal"),
    "crown": _("Crown"),
    "gem": _("Gem"),
    "heart": _("Heart"),
    "leaf": _("Leaf"),
    "bolt": _("Bolt"),
    "shield": _("Shield"),
}
#: Each stands out from light and from dark pages by more than 3 to 1.
PALETTE = {
    "#a86432": _("Bronze"),
    "#78828c": _("Silver"),
    "#a87d00": _("Gold"),
    "#2f8f4e": _("Green"),
    "#12888c": _("Teal"),
    "#3d7fd6": _("Blue"),
    "#8f68d1": _("Violet"),
    "#d04f7c": _("Rose"),
}
#: What the form sends instead of a colour of the palette.
OWN = "own"
#: What parts of a page need to be told from it (WCAG 2.2, 1.4.11).
LEAST_CONTRAST = 3
#: The surfaces of the tokens, light and dark.
_SURFACES = ("#ffffff", "#1e1e1e")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


@bp.app_template_filter("ink")
def ink(color: str) -> str:
    """Return black or white, whichever is read better on a colour."""
    return max(("#ffffff", "#000000"), key=lambda one: contrast(one, color))


def is_color(text: str) -> bool:
    """Return whether a text is a colour as tiers have them."""
    return _COLOR.fullmatch(text) is not None


def hard_to_see(tiers: Sequence[Tier]) -> list[Tier]:
    """Return the tiers whose colour hardly stands out from a light or a dark page."""
    colored = [tier for tier in tiers if is_color(tier.color)]
    return [tier for tier in colored if min(contrast(tier.color, page) for page in _SURFACES) < LEAST_CONTRAST]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG defines it, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
