"""The tables, one file per subject. No logic beyond a property."""

from app.models.accounts import CreditAccount, StatementImport
from app.models.adjustments import Adjustment, AdjustmentState, ReasonCode
from app.models.book_checks import BookCheck
from app.models.customers import Customer, CustomerTag
from app.models.figures import BusinessFigures, DailyFigures, FigureCount, StageLag
from app.models.imports import HistoryImport, ImportState, Window
from app.models.inbox import Delivery, DeliveryState
from app.models.ledger import LedgerEntry, LedgerPosting
from app.models.mails import (
    AlertPost,
    DigestRun,
    Incident,
    Mail,
    MailOutage,
    MailSettings,
    MailStop,
    MailTemplate,
    Message,
)
from app.models.orders import DetailKind, GrantRow, Order, OrderDetail, Product, Refund, SpendRow
from app.models.privacy import PrivacyKind, PrivacyRequest
from app.models.program import TermsVersion
from app.models.reconciliation import ReconcileRun
from app.models.rewards import Reward
from app.models.shops import Shop, ShopToken
from app.models.staff import AuditEvent, StaffMember
from app.models.statements import CreditMoveRow, Statement
from app.models.sweeps import SweepFailure
from app.models.tiers import TierAssignmentRow, TierChange, TierChangeKind, TierRun
from app.models.transfers import Transfer

__all__ = [
    "Adjustment",
    "AdjustmentState",
    "AlertPost",
    "AuditEvent",
    "BookCheck",
    "BusinessFigures",
    "CreditAccount",
    "CreditMoveRow",
    "Customer",
    "CustomerTag",
    "DailyFigures",
    "Delivery",
    "DeliveryState",
    "DetailKind",
    "DigestRun",
    "FigureCount",
    "GrantRow",
    "HistoryImport",
    "ImportState",
    "Incident",
    "LedgerEntry",
    "LedgerPosting",
    "Mail",
    "MailOutage",
    "MailSettings",
    "MailStop",
    "MailTemplate",
    "Message",
    "Order",
    "OrderDetail",
    "PrivacyKind",
    "PrivacyRequest",
    "Product",
    "ReasonCode",
    "ReconcileRun",
    "Refund",
    "Reward",
    "Shop",
    "ShopToken",
    "SpendRow",
    "StaffMember",
    "StageLag",
    "Statement",
    "StatementImport",
    "SweepFailure",
    "TermsVersion",
    "TierAssignmentRow",
    "TierChange",
    "TierChangeKind",
    "TierRun",
    "Transfer",
    "Window",
]
