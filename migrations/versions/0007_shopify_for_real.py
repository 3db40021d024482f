"""What living with the platform takes: settings of the shop.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns and tables."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    _add_settings()


def downgrade() -> None:
    """Take them away again."""
    for name in ("reconcile_minutes", "keep_deliveries_days"):
        op.drop_constraint(op.f(f"ck_shops_{name}"), "shops", type_="check")
    for name in (
        "notify_customers",
        "reconcile_minutes",
        "keep_deliveries_days",
        "store_credit_enabled",
        "redacted_at",
    ):
        op.drop_column("shops", name)


def _add_settings() -> None:
    op.add_column("shops", sa.Column("notify_customers", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("shops", sa.Column("reconcile_minutes", sa.Integer(), server_default="15", nullable=False))
    op.add_column("shops", sa.Column("keep_deliveries_days", sa.Integer(), server_default="30", nullable=False))
    op.add_column("shops", sa.Column("store_credit_enabled", sa.Boolean(), nullable=True))
    op.add_column("shops", sa.Column("redacted_at", INSTANT, nullable=True))
    op.create_check_constraint(op.f("ck_shops_reconcile_minutes"), "shops", "reconcile_minutes BETWEEN 5 AND 1440")
    op.create_check_constraint(
        op.f("ck_shops_keep_deliveries_days"), "shops", "keep_deliveries_days BETWEEN 1 AND 365"
    )
