"""The rooms of the admin, as the navigation names them, and which of them share a row of tabs."""

from dataclasses import dataclass

from flask import Flask
from flask_babel import lazy_gettext as _

from app.admin.people import may_do
from app.engine.rules.roles import Duty


@dataclass(frozen=True, slots=True)
class Room:
    """A room: where it is, what it is called, and what somebody must be allowed to find it useful."""

    path: str
    name: str
    duty: Duty = Duty.LOOK


#: In Shopify's own navigation, below the app's name.
NAVIGATION = (
    Room("/reviews", _("Review")),
    Room("/orders", _("Orders")),
    Room("/customers", _("Customers")),
    Room("/tiers", _("Programme")),
    Room("/ledger", _("Books")),
    Room("/activity", _("Activity")),
    Room("/settings", _("Settings")),
)
#: Rooms that stand side by side under one heading of the navigation.
TABS = {
    "programme": (
        Room("/tiers", _("Tiers")),
        Room("/rules", _("Rules")),
        Room("/terms", _("Versions")),
    ),
    "books": (
        Room("/ledger", _("Ledger")),
        Room("/calculations", _("Calculations")),
        Room("/statements", _("Statements")),
        Room("/accounts", _("Accounts")),
    ),
    "activity": (
        Room("/activity", _("Activity")),
        Room("/deliveries", _("Deliveries")),
        Room("/mails", _("Mails")),
        Room("/incidents", _("Incidents")),
        Room("/imports", _("Imports")),
        Room("/privacy", _("Privacy")),
    ),
    "settings": (
        Room("/settings", _("General")),
        Room("/settings/mails", _("Mails")),
        Room("/settings/staff", _("Staff")),
        Room("/settings/business", _("Business figures")),
    ),
}


def init_rooms(app: Flask) -> None:
    """Give the templates ``navigation()`` and ``tabs_of(group)``, without what nobody has built a page for."""
    app.jinja_env.globals.update(
        navigation=lambda: _built(app, NAVIGATION), tabs_of=lambda group: _built(app, TABS[group])
    )


def _built(app: Flask, rooms: tuple[Room, ...]) -> list[Room]:
    paths = {rule.rule for rule in app.url_map.iter_rules()}
    return [room for room in rooms if room.path in paths and may_do(room.duty)]
