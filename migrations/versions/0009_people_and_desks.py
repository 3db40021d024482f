"""What working in the admin takes: the people and their roles, approvals by two, and undoing one.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
ROLES = ("viewer", "approver", "manager", "owner")


def upgrade() -> None:
    """Add the columns and tables."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    _add_staff()
    _add_settings()


def downgrade() -> None:
    """Take them away again."""
    for name in ("newcomers_role", "undo_seconds"):
        op.drop_constraint(op.f(f"ck_shops_{name}"), "shops", type_="check")
    for name in ("undo_seconds", "newcomers_role", "first_run_done", "first_run_closed_at"):
        op.drop_column("shops", name)
    op.drop_table("staff_members")


def _add_staff() -> None:
    op.create_table(
        "staff_members",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("shopify_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("role", _role("role"), nullable=False),
        sa.Column("approve_up_to_minor", sa.BigInteger(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("first_seen_at", INSTANT, nullable=False),
        sa.CheckConstraint("approve_up_to_minor >= 0", name=op.f("ck_staff_members_limit_not_negative")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_staff_members_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_members")),
        sa.UniqueConstraint("shop_id", "shopify_id", name=op.f("uq_staff_members_shop_id_shopify_id")),
    )
    op.execute("SELECT keep_to_shop('staff_members')")


def _add_settings() -> None:
    op.add_column("shops", sa.Column("undo_seconds", sa.Integer(), server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_shops_undo_seconds"), "shops", "undo_seconds BETWEEN 0 AND 300")
    role = sa.Column("newcomers_role", sa.String(32), server_default="viewer", nullable=False)
    op.add_column("shops", role)
    op.create_check_constraint(op.f("ck_shops_newcomers_role"), "shops", f"newcomers_role IN {ROLES}")
    op.add_column("shops", sa.Column("first_run_done", postgresql.JSONB(), server_default="[]", nullable=False))
    op.add_column("shops", sa.Column("first_run_closed_at", INSTANT, nullable=True))


def _role(name: str) -> sa.Enum:
    return sa.Enum(*ROLES, native_enum=False, create_constraint=True, name=name, length=32)
