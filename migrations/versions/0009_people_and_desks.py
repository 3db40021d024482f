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
    _add_approvals()
    _add_figures()
    _add_search()
    _add_tier_log()
    _add_books()
    _add_customers()
    _add_finds()


def downgrade() -> None:
    """Take them away again."""
    _drop_approvals()
    _drop_figures()
    _drop_search()
    for name in ("after", "before", "kind"):
        op.drop_index(op.f(f"ix_tier_changes_shop_id_{name}_id"), table_name="tier_changes")
    _drop_books()
    _drop_customers()
    _drop_finds()
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
    op.create_index("ix_credit_moves_shop_id_kind_at_id", "credit_moves", ["shop_id", "kind", "at", "id"])


def _drop_books() -> None:
    op.drop_index("ix_credit_moves_shop_id_kind_at_id", "credit_moves")
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


def _add_figures() -> None:
    """Let the front page read what it shows of each day, what waits and what failed without walking the books."""
    _create_of_shop(
        "daily_figures",
        sa.Column("on_day", sa.Date(), nullable=False),
        *(_count(name) for name in ("issued_minor", "reversed_minor", "available_minor", "owed_minor")),
        _count("settlements"),
        _count("redemptions"),
        sa.Column("granted_by_tier", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("waiting", sa.BigInteger(), nullable=True),
        unique=("shop_id", "on_day"),
    )
    _create_of_shop(
        "figure_counts",
        _count("counted_to"),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("counted_at", INSTANT, nullable=True),
        unique=("shop_id",),
    )
    _create_of_shop(
        "business_figures",
        sa.Column("margin_bps", sa.Integer(), nullable=False),
        sa.Column("shipping_minor", sa.BigInteger(), nullable=False),
        sa.Column("order_value_minor", sa.BigInteger(), nullable=False),
        sa.Column("target_roi_bps", sa.Integer(), nullable=False),
        _check("business_figures", "margin_is_a_share", "margin_bps BETWEEN 0 AND 10000"),
        _check("business_figures", "shipping_not_negative", "shipping_minor >= 0"),
        _check("business_figures", "order_value_positive", "order_value_minor > 0"),
        _check("business_figures", "target_roi", "target_roi_bps BETWEEN 0 AND 1000000"),
        unique=("shop_id",),
    )
    op.create_index("ix_ledger_entries_shop_id_id", "ledger_entries", ["shop_id", "id"])
    decided = sa.text("decided_at IS NOT NULL")
    op.create_index("ix_rewards_shop_id_decided_at", "rewards", ["shop_id", "decided_at"], postgresql_where=decided)
    troubled = sa.text("state IN ('refused', 'unknown')")
    op.create_index("ix_transfers_troubled", "transfers", ["shop_id", "id"], postgresql_where=troubled)
    moved = sa.text("kind <> 'initial'")
    op.create_index("ix_tier_changes_moves", "tier_changes", ["shop_id", "at"], postgresql_where=moved)


def _drop_figures() -> None:
    op.drop_index("ix_tier_changes_moves", "tier_changes")
    op.drop_index("ix_transfers_troubled", "transfers")
    op.drop_index("ix_rewards_shop_id_decided_at", "rewards")
    op.drop_index("ix_ledger_entries_shop_id_id", "ledger_entries")
    for name in ("business_figures", "figure_counts", "daily_figures"):
        op.drop_table(name)


def _create_of_shop(name: str, *rest: sa.schema.SchemaItem, unique: tuple[str, ...]) -> None:
    """Create a table led by its shop, and let each shop see its own rows only."""
    op.create_table(
        name,
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        *rest,
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f(f"fk_{name}_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint(*unique, name=op.f(f"uq_{name}_{'_'.join(unique)}")),
    )
    op.execute(f"SELECT keep_to_shop('{name}')")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _check(table: str, name: str, holds: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(holds, name=op.f(f"ck_{table}_{name}"))


def _add_approvals() -> None:
    op.add_column("rewards", sa.Column("first_approved_by", sa.Text(), nullable=True))
    op.add_column("rewards", sa.Column("first_approved_at", INSTANT, nullable=True))
    op.add_column("rewards", sa.Column("first_approved_minor", sa.BigInteger(), nullable=True))
    op.add_column("rewards", sa.Column("undo_until", INSTANT, nullable=True))
    op.add_column("rewards", sa.Column("undo_to", postgresql.JSONB(), nullable=True))
    whole = "(first_approved_by IS NULL) = (first_approved_minor IS NULL)"
    op.create_check_constraint(op.f("ck_rewards_first_approval_whole"), "rewards", whole)
    while_pending = "undo_until IS NULL OR state = 'pending'"
    op.create_check_constraint(op.f("ck_rewards_undo_while_pending"), "rewards", while_pending)
    waits = sa.text("state IN ('in_review', 'held')")
    kept = sa.text("(granted_minor - reversed_minor)")
    sums = ["created_at", "granted_minor", "reversed_minor", "state"]
    op.create_index("ix_rewards_waiting", "rewards", ["shop_id", "id"], postgresql_include=sums, postgresql_where=waits)
    op.create_index("ix_rewards_largest", "rewards", ["shop_id", kept, "id"], postgresql_where=waits)


def _drop_approvals() -> None:
    for name in ("largest", "waiting"):
        op.drop_index(f"ix_rewards_{name}", table_name="rewards")
    for name in ("undo_while_pending", "first_approval_whole"):
        op.drop_constraint(op.f(f"ck_rewards_{name}"), "rewards", type_="check")
    for name in ("undo_to", "undo_until", "first_approved_minor", "first_approved_at", "first_approved_by"):
        op.drop_column("rewards", name)


def _role(name: str) -> sa.Enum:
    return sa.Enum(*ROLES, native_enum=False, create_constraint=True, name=name, length=32)


def _add_search() -> None:
    """Let orders and customers be found by words: ranges of text are what row-level security leaves to an index."""
    for table, column, made_by in SEARCHED:
        op.add_column(table, sa.Column(column, sa.Text(collation="C"), sa.Computed(made_by, persisted=True)))
        op.create_index(op.f(f"ix_{table}_shop_id_{column}"), table, ["shop_id", column])


def _drop_search() -> None:
    for table, column, _ in SEARCHED:
        op.drop_column(table, column)


def _add_customers() -> None:
    """Let customers be listed by what they spent, have and owe, and their statements by when they began."""
    op.create_index("ix_customers_shop_id_id", "customers", ["shop_id", "id"])
    op.create_index("ix_customers_shop_id_tier_spend_minor_id", "customers", ["shop_id", "tier_spend_minor", "id"])
    gone = sa.text("deleted_at IS NOT NULL OR merged_into_id IS NOT NULL")
    op.create_index("ix_customers_gone", "customers", ["shop_id", "id"], postgresql_where=gone)
    balance = ["shop_id", "currency", "balance_minor", "customer_id"]
    op.create_index("ix_credit_accounts_balance", "credit_accounts", balance)
    owed = sa.text("source = 'customer:owed' OR destination = 'customer:owed'")
    op.create_index("ix_postings_owed", "postings", ["shop_id", "customer_id"], postgresql_where=owed)
    op.create_index("ix_statements_shop_id_starts_at_id", "statements", ["shop_id", "starts_at", "id"])


def _drop_customers() -> None:
    op.drop_index("ix_statements_shop_id_starts_at_id", "statements")
    op.drop_index("ix_postings_owed", "postings")
    op.drop_index("ix_credit_accounts_balance", "credit_accounts")
    for name in ("gone", "shop_id_tier_spend_minor_id", "shop_id_id"):
        op.drop_index(f"ix_customers_{name}", "customers")


def _add_finds() -> None:
    """Let lists find what is rare in a shop with a million of it."""
    op.create_index(op.f("ix_orders_shop_id_total_minor"), "orders", ["shop_id", "total_minor"])
    op.create_index(op.f("ix_inbox_shop_id_topic_id"), "inbox", ["shop_id", "topic", "id"])
    op.create_index("ix_inbox_ignored", "inbox", ["shop_id", "id"], postgresql_where=sa.text("state = 'ignored'"))


def _drop_finds() -> None:
    op.drop_index("ix_inbox_ignored", table_name="inbox")
    op.drop_index(op.f("ix_inbox_shop_id_topic_id"), table_name="inbox")
    op.drop_index(op.f("ix_orders_shop_id_total_minor"), table_name="orders")
