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
SEARCHED = (
    ("customers", "name_key", "lower(name)"),
    ("customers", "surname_key", r"lower(substring(name, '\S+\s*$'))"),
    ("customers", "email_key", "lower(email)"),
    ("orders", "number_key", r"lower(substring(name, '\d.*'))"),
)


def upgrade() -> None:
    """Add the columns and tables."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    _add_staff()
    _add_settings()
    _add_search()
    _add_tier_log()
    _add_books()


def downgrade() -> None:
    """Take them away again."""
    _drop_search()
    for name in ("after", "before", "kind"):
        op.drop_index(op.f(f"ix_tier_changes_shop_id_{name}_id"), table_name="tier_changes")
    _drop_books()
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


def _add_books() -> None:
    """Let the books and the trail be read by whatever they are asked for, newest first."""
    op.create_index(
        "ix_ledger_entries_shop_id_kind_recorded_at_id", "ledger_entries", ["shop_id", "kind", "recorded_at", "id"]
    )
    op.create_index(
        "ix_ledger_entries_by_people",
        "ledger_entries",
        ["shop_id", "actor", "recorded_at", "id"],
        postgresql_where=sa.text("actor <> 'system'"),
    )
    op.create_index("ix_postings_shop_id_amount_minor_entry_id", "postings", ["shop_id", "amount_minor", "entry_id"])
    newest = ["created_at", "id"]
    op.create_index("ix_rewards_shop_id_tier_name_created_at_id", "rewards", ["shop_id", "tier_name", *newest])
    cut = "granted_minor < calculated_minor AND adjusted_minor IS NULL"
    op.create_index("ix_rewards_cut", "rewards", ["shop_id", *newest], postgresql_where=sa.text(cut))
    op.create_index(
        "ix_rewards_without",
        "rewards",
        ["shop_id", "ineligible_reason", *newest],
        postgresql_where=sa.text("ineligible_reason IS NOT NULL"),
    )
    by_hand = sa.text("adjusted_minor IS NOT NULL")
    op.create_index("ix_rewards_adjusted", "rewards", ["shop_id", *newest], postgresql_where=by_hand)
    for columns in (["at", "id"], ["actor", "at", "id"], ["action", "at", "id"]):
        op.create_index(f"ix_audit_events_shop_id_{'_'.join(columns)}", "audit_events", ["shop_id", *columns])
    op.drop_index("ix_audit_events_shop_id_id", "audit_events")


def _drop_books() -> None:
    op.create_index("ix_audit_events_shop_id_id", "audit_events", ["shop_id", "id"])
    for name in ("at_id", "actor_at_id", "action_at_id"):
        op.drop_index(f"ix_audit_events_shop_id_{name}", "audit_events")
    for name in ("adjusted", "without", "cut", "shop_id_tier_name_created_at_id"):
        op.drop_index(f"ix_rewards_{name}", "rewards")
    op.drop_index("ix_postings_shop_id_amount_minor_entry_id", "postings")
    op.drop_index("ix_ledger_entries_by_people", "ledger_entries")
    op.drop_index("ix_ledger_entries_shop_id_kind_recorded_at_id", "ledger_entries")


def _add_tier_log() -> None:
    for name in ("after", "before", "kind"):
        op.create_index(op.f(f"ix_tier_changes_shop_id_{name}_id"), "tier_changes", ["shop_id", name, "id"])


def _role(name: str) -> sa.Enum:
    return sa.Enum(*ROLES, native_enum=False, create_constraint=True, name=name, length=32)


def _add_search() -> None:
    """Let orders and customers be found by words: ranges of text are what row-level security leaves to an index."""
    for table, column, made_by in SEARCHED:
        op.add_column(table, sa.Column(column, sa.Text(collation="C"), sa.Computed(made_by, persisted=True)))
        op.create_index(op.f(f"ix_{table}_shop_id_{column}"), table, ["shop_id", column])
    troubled = "state IN ('refused', 'unknown')"
    op.create_index("ix_transfers_troubled", "transfers", ["shop_id", "reward_id"], postgresql_where=troubled)


def _drop_search() -> None:
    op.drop_index("ix_transfers_troubled", table_name="transfers")
    for table, column, _ in SEARCHED:
        op.drop_column(table, column)
