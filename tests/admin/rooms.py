"""Every room of the admin with the address it is looked at by; whoever builds a room adds a line."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select

from app.engine.rules.messages import MailState
from app.models import HistoryImport, Mail, StaffMember
from tests.admin.factories import reading
from tests.admin.full_shop import FullShop


@dataclass(frozen=True, slots=True)
class Look:
    """A room, or a state of one: ``name`` names its pictures."""

    name: str
    #: The path in a shop where everything has happened.
    path: Callable[[FullShop], str]
    #: Whether ``make screenshots`` keeps its pictures; what differs little from another look is walked through only.
    is_kept: bool = True


def _at(path: str) -> Callable[[FullShop], str]:
    return lambda shop: path


def _first(table: type[StaffMember] | type[HistoryImport], shop: FullShop) -> int:
    with reading() as session:
        return session.scalars(select(table.id).where(table.shop_id == shop.id).order_by(table.id).limit(1)).one()


def _mail(state: MailState, shop: FullShop) -> int:
    with reading() as session:
        return session.scalars(select(Mail.id).where(Mail.shop_id == shop.id, Mail.state == state)).one()


LOOKS = (
    Look("home", _at("/")),
    Look("home-90-days", _at("/?days=90"), is_kept=False),
    Look("review", _at("/reviews")),
    Look("orders", _at("/orders")),
    Look("orders-none-match", _at("/orders?search=nobody"), is_kept=False),
    Look("order", lambda shop: f"/orders/{shop.order_id}"),
    Look("order-held", lambda shop: f"/orders/{shop.held_order_id}"),
    Look("order-refused", lambda shop: f"/orders/{shop.refused_order_id}"),
    Look("order-doubtful", lambda shop: f"/orders/{shop.doubtful_order_id}"),
    Look("order-past", lambda shop: f"/orders/{shop.past_order_id}", is_kept=False),
    Look("order-past-process", lambda shop: f"/orders/{shop.past_order_id}/process"),
    Look("order-refused-process", lambda shop: f"/orders/{shop.refused_order_id}/process", is_kept=False),
    Look("order-not-taken-in", lambda shop: f"/orders/{shop.lost_order_id}", is_kept=False),
    Look("orders-failed", _at("/orders?badge=failed&to=2030-01-01"), is_kept=False),
    Look("order-of-a-guest", lambda shop: f"/orders/{shop.guest_order_id}", is_kept=False),
    Look("tiers", _at("/tiers?figures=1")),
    Look("tiers-edit", _at("/tiers/edit")),
    Look("tiers-log", _at("/tiers/log")),
    Look("customers", _at("/customers")),
    Look("customers-by-balance", _at("/customers?sort=balance"), is_kept=False),
    Look("customers-none-match", _at("/customers?search=zzz"), is_kept=False),
    Look("customer", lambda shop: f"/customers/{shop.customer_id}"),
    Look("customer-proposal", lambda shop: f"/customers/{shop.proposal_customer_id}", is_kept=False),
    Look("statements", _at("/statements")),
    Look("statement", lambda shop: f"/statements/{shop.statement_id}"),
    Look("ledger", _at("/ledger")),
    Look("ledger-of-one", lambda shop: f"/ledger?customer={shop.customer_id}", is_kept=False),
    Look("ledger-none-match", _at("/ledger?search=nobody"), is_kept=False),
    Look("calculations", _at("/calculations")),
    Look("calculations-nothing", _at("/calculations?outcome=nothing"), is_kept=False),
    Look("accounts", _at("/accounts")),
    Look("accounts-all", _at("/accounts?show=all"), is_kept=False),
    Look("account-changes", _at("/accounts/changes")),
    Look("activity", _at("/activity")),
    Look("deliveries", _at("/deliveries")),
    Look("deliveries-failed", _at("/deliveries?state=failed"), is_kept=False),
    Look("incidents", _at("/incidents")),
    Look("mails", _at("/mails")),
    Look("mails-refused", _at("/mails?state=refused"), is_kept=False),
    Look("mail", lambda shop: f"/mails/{_mail(MailState.UNKNOWN, shop)}"),
    Look("mail-kept", lambda shop: f"/mails/{_mail(MailState.KEPT, shop)}", is_kept=False),
    Look("mail-settings", _at("/settings/mails")),
    Look("mail-templates", _at("/settings/mails/templates")),
    Look("mail-template", _at("/settings/mails/templates/statement_ready/en")),
    Look("mail-template-broken", _at("/settings/mails/templates/reversed/de"), is_kept=False),
    Look("privacy", _at("/privacy")),
    Look("rules", _at("/rules")),
    Look("rules-start", _at("/rules?start=1"), is_kept=False),
    Look("terms", _at("/terms")),
    Look("terms-version", _at("/terms/2")),
    Look("terms-text", _at("/terms/text")),
    Look("settings", _at("/settings")),
    Look("business", _at("/settings/business?days=90")),
    Look("staff", _at("/settings/staff")),
    Look("staff-member", lambda shop: f"/settings/staff/{_first(StaffMember, shop)}"),
    Look("imports", _at("/imports")),
    Look("import", lambda shop: f"/imports/{_first(HistoryImport, shop)}"),
    Look("first-run", _at("/first-run")),
    Look("nothing-here", _at("/orders/5")),
)
