"""An audit event's before and after as pairs that people read: words, money and instants instead of JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from markupsafe import Markup, escape

from app.admin.audit_words import NAME_WORDS, VALUE_WORDS
from app.admin.display import HOLD_WORDS, format_moment
from app.admin.mail_words import FRAME, name_template
from app.admin.people import name_actor
from app.engine.rules.holds import HoldReason
from app.engine.rules.messages import Saying
from app.engine.staffing import PREFIX
from app.languages import format_money, format_rate
from app.models import AuditEvent

#: Ours, and of no use to people.
_HIDDEN = {"customer_id", "move"}
#: The document a version of the terms is can be read where versions are; here, only which one it is.
_OF_TERMS = ("version", "effective_from")
#: Whose values are words of the code; any other text is somebody's own.
_WORDED = {"done", "state", "mode", "role", "kind", "reason_code", "customers", "window", "teller"}


@dataclass(frozen=True, slots=True)
class Change:
    """One value: what it is called, and what it was and is. ``before`` is None where nothing was before."""

    name: str
    before: str | Markup | None
    after: str | Markup


def tell_changes(event: AuditEvent, currency: str) -> list[Change]:
    """Return what an event changed or noted; what stayed as it was is left out."""
    before, after = event.before, event.after
    if event.action == "publish_terms":
        after = {name: after[name] for name in _OF_TERMS if name in after}
        if not before.get("version"):
            before = {}
    names = [*after, *(name for name in before if name not in after)]
    changes = []
    for name in names:
        was, now = before.get(name), after.get(name)
        if name in _HIDDEN or was == now or (_is_nothing(was) and _is_nothing(now)):
            continue
        changes.append(
            Change(
                str(NAME_WORDS.get(name, name)),
                tell_value(name, was, currency) if name in before else None,
                tell_value(name, now, currency),
            )
        )
    return changes


def tell_value(name: str, value: Any, currency: str) -> str | Markup:
    """Return a value of before or after as people read it."""
    if _is_nothing(value):
        return str(_("nothing"))
    if isinstance(value, list):
        return Markup(", ").join(escape(tell_value(name, one, currency)) for one in value)
    if isinstance(value, Mapping):
        told = (
            Markup("{}: {}").format(NAME_WORDS.get(key, key), tell_value(key, one, currency))
            for key, one in value.items()
            if not _is_nothing(one)
        )
        return Markup("; ").join(told)
    if isinstance(value, bool):
        return str(VALUE_WORDS[value])
    if isinstance(value, int):
        if name.endswith("_bps"):
            return format_rate(value)
        return format_money(value, currency) if name.endswith("_minor") else str(value)
    return _tell_text(name, str(value))


def _tell_text(name: str, text: str) -> str | Markup:
    if name == "hold_reason" and text in list(HoldReason):
        return str(HOLD_WORDS[HoldReason(text)][0])
    if name in ("switched_off", "name") and text in (*Saying, FRAME):
        return name_template(text)
    if text.startswith(PREFIX) or name.endswith("_by"):
        return name_actor(text)
    if name.endswith(("_at", "_until", "_from")) or name == "at":
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return text
        return format_moment(at) if at.tzinfo else text
    return str(VALUE_WORDS.get(text, text)) if name in _WORDED else text


def _is_nothing(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}
