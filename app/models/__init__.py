"""The tables, one file per subject. No logic beyond a property."""

from app.models.customers import Customer
from app.models.inbox import Delivery, DeliveryState
from app.models.ledger import LedgerEntry, LedgerPosting
from app.models.orders import Order, Refund, SpendRow
from app.models.program import TermsVersion
from app.models.rewards import Reward
from app.models.shops import Shop, ShopToken
from app.models.staff import AuditEvent
from app.models.transfers import Transfer

__all__ = [
    "AuditEvent",
    "Customer",
    "Delivery",
    "DeliveryState",
    "LedgerEntry",
    "LedgerPosting",
    "Order",
    "Refund",
    "Reward",
    "Shop",
    "ShopToken",
    "SpendRow",
    "TermsVersion",
    "Transfer",
]
