"""What the whole engine remembers: details, products, limits, tiers, hands, statements, lots, the chain of entries.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: Table, column, nullable → the values its check allows, before and after.
WORDS_BEFORE = {
    ("shops", "mode"): ("automatic", "manual"),
    ("rewards", "hold_reason"): ("order_value", "by_staff"),
    ("rewards", "ineligible_reason"): (
        "test_order", "voided", "unpaid", "other_currency", "excluded_order_tag", "excluded_customer_tag",
        "no_eligible_lines", "below_minimum", "no_rate", "rounds_to_zero",
    ),
    ("ledger_entries", "kind"): ("accrual", "void", "settlement", "clawback", "set_off", "shortfall"),
}  # fmt: skip
WORDS = {
    ("shops", "mode"): ("automatic", "manual", "mixed"),
    ("rewards", "hold_reason"): (
        "order_value", "first_order", "new_account", "risk", "refund_share", "many_orders", "tag", "product",
        "country_mismatch", "dispute", "by_staff",
    ),
    ("rewards", "ineligible_reason"): (
        "test_order", "voided", "unpaid", "other_currency", "excluded_order_tag", "excluded_customer_tag",
        "excluded_channel", "excluded_discount_code", "b2b", "paid_with_credit", "no_eligible_lines",
        "below_minimum", "no_rate", "rounds_to_zero", "limit_reached", "customer_owes",
    ),
    ("ledger_entries", "kind"): (
        "accrual", "void", "settlement", "clawback", "set_off", "shortfall", "redemption", "return", "expiry",
        "adjustment", "external", "forgiveness", "merge",
    ),
}  # fmt: skip


def _check(words: dict[tuple[str, str], tuple[str, ...]]) -> None:
    for (table, column), values in words.items():
        name = op.f(f"ck_{table}_{column}")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, sa.column(column, sa.String()).in_(values))


def _check_granted(most: str) -> None:
    name = op.f("ck_rewards_granted_within_calculated")
    op.drop_constraint(name, "rewards", type_="check")
    op.create_check_constraint(name, "rewards", f"granted_minor >= 0 AND granted_minor <= {most}")


def upgrade() -> None:
    """Add the tables and columns, and let the checks know the new words."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "order_details",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("order_shopify_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("payment", "dispute", "risk", name="kind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("shopify_id", sa.BigInteger(), nullable=False),
        sa.Column("fact", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_order_details_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_details")),
        sa.UniqueConstraint("shop_id", "kind", "shopify_id", name=op.f("uq_order_details_shop_id_kind_shopify_id")),
    )
    op.create_index(
        op.f("ix_order_details_shop_id_order_shopify_id"),
        "order_details",
        ["shop_id", "order_shopify_id"],
        unique=False,
    )
    op.create_table(
        "products",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("shopify_id", sa.BigInteger(), nullable=False),
        sa.Column("fact", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_stale", sa.Boolean(), server_default="false", nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_products_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("shop_id", "shopify_id", name=op.f("uq_products_shop_id_shopify_id")),
    )
    op.create_table(
        "tier_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_customer_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("customers", sa.Integer(), server_default="0", nullable=False),
        sa.Column("moved", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_tier_runs_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tier_runs")),
    )
    op.create_index(op.f("ix_tier_runs_shop_id_at"), "tier_runs", ["shop_id", "at"], unique=False)
    op.create_table(
        "adjustments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("credit", "debit", name="kind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "reason_code",
            sa.Enum(
                "goodwill",
                "promotional",
                "referral",
                "adjustment",
                "refund",
                "other",
                name="reason_code",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "proposed", "booked", "declined", name="state", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_adjustments_amount_positive")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_adjustments_customer_id_customers")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_adjustments_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustments")),
        sa.UniqueConstraint("shop_id", "key", name=op.f("uq_adjustments_shop_id_key")),
    )
    op.create_index(
        op.f("ix_adjustments_shop_id_customer_id_id"), "adjustments", ["shop_id", "customer_id", "id"], unique=False
    )
    op.create_index(op.f("ix_adjustments_shop_id_state_id"), "adjustments", ["shop_id", "state", "id"], unique=False)
    op.create_table(
        "credit_moves",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "redemption",
                "return",
                "expiry",
                "external_credit",
                "external_debit",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_shopify_id", sa.BigInteger(), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_credit_moves_amount_positive")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_credit_moves_customer_id_customers")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_credit_moves_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_moves")),
        sa.UniqueConstraint("shop_id", "key", name=op.f("uq_credit_moves_shop_id_key")),
    )
    op.create_index(
        op.f("ix_credit_moves_shop_id_customer_id_at"), "credit_moves", ["shop_id", "customer_id", "at"], unique=False
    )
    op.create_table(
        "statements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_statements_in_order")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_statements_customer_id_customers")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_statements_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statements")),
        sa.UniqueConstraint(
            "shop_id", "customer_id", "starts_at", name=op.f("uq_statements_shop_id_customer_id_starts_at")
        ),
    )
    op.create_table(
        "tier_assignments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("tier_name", sa.Text(), nullable=False),
        sa.Column(
            "source",
            sa.Enum("spend", "paid", "manual", name="source", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("is_locked", sa.Boolean(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("ends_at IS NULL OR ends_at >= starts_at", name=op.f("ck_tier_assignments_in_order")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_tier_assignments_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_tier_assignments_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tier_assignments")),
    )
    op.create_index(
        op.f("ix_tier_assignments_shop_id_customer_id_starts_at"),
        "tier_assignments",
        ["shop_id", "customer_id", "starts_at"],
        unique=False,
    )
    op.create_table(
        "tier_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "initial",
                "upgrade",
                "downgrade",
                "manual",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("spend_minor", sa.BigInteger(), nullable=False),
        sa.Column("terms_version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_tier_changes_customer_id_customers")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_tier_changes_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tier_changes")),
    )
    op.create_index(
        op.f("ix_tier_changes_shop_id_customer_id_id"), "tier_changes", ["shop_id", "customer_id", "id"], unique=False
    )
    op.create_index(op.f("ix_tier_changes_shop_id_id"), "tier_changes", ["shop_id", "id"], unique=False)
    op.create_table(
        "grant_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("order_shopify_id", sa.BigInteger(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_grant_events_customer_id_customers")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_grant_events_order_id_orders")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_grant_events_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_events")),
    )
    op.create_index(
        op.f("ix_grant_events_shop_id_customer_id_placed_at"),
        "grant_events",
        ["shop_id", "customer_id", "placed_at"],
        unique=False,
    )
    op.create_index(op.f("ix_grant_events_shop_id_order_id"), "grant_events", ["shop_id", "order_id"], unique=False)
    op.add_column("customers", sa.Column("verified_email", sa.Text(), nullable=True))
    op.add_column("customers", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("customers", sa.Column("merged_into_id", sa.BigInteger(), nullable=True))
    op.add_column("customers", sa.Column("redacted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("customers", sa.Column("tier_name", sa.Text(), nullable=True))
    op.add_column("customers", sa.Column("tier_spend_minor", sa.BigInteger(), nullable=True))
    op.add_column("customers", sa.Column("tier_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("customers", sa.Column("tier_checked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        op.f("ix_customers_shop_id_tier_name_id"), "customers", ["shop_id", "tier_name", "id"], unique=False
    )
    op.create_index(
        op.f("ix_customers_shop_id_verified_email"), "customers", ["shop_id", "verified_email"], unique=False
    )
    op.create_foreign_key(
        op.f("fk_customers_merged_into_id_customers"), "customers", "customers", ["merged_into_id"], ["id"]
    )
    op.add_column("ledger_entries", sa.Column("adjustment_id", sa.BigInteger(), nullable=True))
    op.add_column("ledger_entries", sa.Column("move_id", sa.BigInteger(), nullable=True))
    op.add_column("ledger_entries", sa.Column("position", sa.BigInteger(), nullable=True))
    op.add_column("ledger_entries", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.create_index(
        op.f("ix_ledger_entries_shop_id_customer_id_recorded_at"),
        "ledger_entries",
        ["shop_id", "customer_id", "recorded_at"],
        unique=False,
    )
    op.create_unique_constraint(
        op.f("uq_ledger_entries_shop_id_customer_id_position"), "ledger_entries", ["shop_id", "customer_id", "position"]
    )
    op.create_foreign_key(
        op.f("fk_ledger_entries_move_id_credit_moves"), "ledger_entries", "credit_moves", ["move_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_ledger_entries_adjustment_id_adjustments"), "ledger_entries", "adjustments", ["adjustment_id"], ["id"]
    )
    op.add_column("orders", sa.Column("guest_email", sa.Text(), nullable=True))
    op.add_column(
        "orders", sa.Column("products", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True)
    )
    op.create_index(
        "ix_orders_guests",
        "orders",
        ["shop_id", "guest_email"],
        unique=False,
        postgresql_where=sa.text("customer_id IS NULL AND guest_email IS NOT NULL"),
    )
    op.add_column("rewards", sa.Column("adjusted_minor", sa.BigInteger(), nullable=True))
    op.add_column("rewards", sa.Column("adjusted_by", sa.Text(), nullable=True))
    op.add_column("rewards", sa.Column("adjusted_reason", sa.Text(), nullable=True))
    op.add_column(
        "rewards", sa.Column("ceilings", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False)
    )
    op.add_column("rewards", sa.Column("takes_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("rewards", sa.Column("counted_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("rewards", sa.Column("budget_month", sa.Date(), nullable=True))
    op.add_column("rewards", sa.Column("release_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("rewards", sa.Column("claim_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("rewards", sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("rewards", sa.Column("hold_cleared", sa.Boolean(), server_default="false", nullable=False))
    op.add_column(
        "rewards",
        sa.Column(
            "void_reason",
            sa.Enum(
                "unclaimed",
                "customer_deleted",
                name="void_reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
    )
    op.add_column("rewards", sa.Column("statement_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_rewards_due",
        "rewards",
        ["shop_id", "release_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_rewards_held",
        "rewards",
        ["shop_id", "held_until"],
        unique=False,
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_index(
        op.f("ix_rewards_shop_id_budget_month"),
        "rewards",
        ["shop_id", "budget_month"],
        unique=False,
        postgresql_where=sa.text("budget_month IS NOT NULL"),
    )
    op.create_index(op.f("ix_rewards_shop_id_statement_id"), "rewards", ["shop_id", "statement_id"], unique=False)
    op.create_index(
        "ix_rewards_unclaimed",
        "rewards",
        ["shop_id", "claim_until"],
        unique=False,
        postgresql_where=sa.text("state = 'awaiting_customer'"),
    )
    op.create_foreign_key(op.f("fk_rewards_statement_id_statements"), "rewards", "statements", ["statement_id"], ["id"])
    op.add_column("spend_events", sa.Column("placed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE spend_events s SET placed_at = o.placed_at FROM orders o WHERE o.id = s.order_id")
    op.alter_column("spend_events", "placed_at", nullable=False)
    op.execute("UPDATE rewards SET release_at = state_at WHERE state IN ('pending', 'in_review', 'held')")
    op.execute("UPDATE rewards SET claim_until = state_at + interval '90 days' WHERE state = 'awaiting_customer'")
    op.execute(
        "UPDATE rewards SET counted_minor = granted_minor - reversed_minor "
        "WHERE state IN ('in_review', 'held', 'pending', 'settled', 'reversed')"
    )
    op.execute(
        "INSERT INTO grant_events (shop_id, customer_id, order_id, order_shopify_id, placed_at, at, amount_minor) "
        "SELECT r.shop_id, r.customer_id, r.order_id, o.shopify_id, o.placed_at, o.placed_at, r.counted_minor "
        "FROM rewards r JOIN orders o ON o.id = r.order_id WHERE r.counted_minor > 0 AND r.customer_id IS NOT NULL"
    )
    op.add_column("transfers", sa.Column("adjustment_id", sa.BigInteger(), nullable=True))
    op.add_column("transfers", sa.Column("credit_expires_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_transfers_adjustment_id_adjustments"), "transfers", "adjustments", ["adjustment_id"], ["id"]
    )
    op.create_check_constraint(op.f("ck_rewards_adjusted_positive"), "rewards", "adjusted_minor > 0")
    op.create_check_constraint(
        op.f("ck_ledger_entries_chained_whole"), "ledger_entries", "(position IS NULL) = (digest IS NULL)"
    )
    _check(WORDS)
    _check_granted("GREATEST(calculated_minor, adjusted_minor)")


#: What goes away again, the newest first; a column takes its indexes and foreign keys along.
COLUMNS = {
    "transfers": ("credit_expires_at", "adjustment_id"),
    "spend_events": ("placed_at",),
    "rewards": (
        "statement_id", "void_reason", "hold_cleared", "held_until", "claim_until", "release_at", "budget_month",
        "counted_minor", "takes_at", "ceilings", "adjusted_reason", "adjusted_by", "adjusted_minor",
    ),
    "orders": ("products", "guest_email"),
    "ledger_entries": ("digest", "position", "move_id", "adjustment_id"),
    "customers": (
        "tier_checked_at", "tier_since", "tier_spend_minor", "tier_name", "redacted_at", "merged_into_id",
        "deleted_at", "verified_email",
    ),
}  # fmt: skip
TABLES = (
    "grant_events", "tier_changes", "tier_assignments", "statements", "credit_moves", "adjustments", "tier_runs",
    "products", "order_details",
)  # fmt: skip


def downgrade() -> None:
    """Take it all away again; refused by the checks while rows use the new words."""
    _check(WORDS_BEFORE)
    _check_granted("calculated_minor")
    for table, columns in COLUMNS.items():
        for column in columns:
            op.drop_column(table, column)
    op.drop_index(op.f("ix_ledger_entries_shop_id_customer_id_recorded_at"), table_name="ledger_entries")
    for table in TABLES:
        op.drop_table(table)
