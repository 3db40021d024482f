"""The first tables: shops, terms, customers, orders, rewards, books, transfers, inbox, audit.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""

    op.create_table(
        "shops",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column(
            "mode",
            sa.Enum("automatic", "manual", name="mode", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("far_expiry_agreed", sa.Boolean(), nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uninstalled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_shops_currency_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shops")),
        sa.UniqueConstraint("domain", name=op.f("uq_shops_domain")),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_audit_events_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index(op.f("ix_audit_events_shop_id_id"), "audit_events", ["shop_id", "id"], unique=False)
    op.create_index(
        op.f("ix_audit_events_shop_id_subject_subject_id"),
        "audit_events",
        ["shop_id", "subject", "subject_id"],
        unique=False,
    )
    op.create_table(
        "customers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("shopify_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_customers_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("shop_id", "shopify_id", name=op.f("uq_customers_shop_id_shopify_id")),
    )
    op.create_table(
        "inbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("api_version", sa.Text(), nullable=True),
        sa.Column("triggered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "received",
                "handled",
                "failed",
                "ignored",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("order_shopify_id", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_inbox_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("shop_id", "webhook_id", name=op.f("uq_inbox_shop_id_webhook_id")),
    )
    op.create_index(op.f("ix_inbox_shop_id_id"), "inbox", ["shop_id", "id"], unique=False)
    op.create_index(
        op.f("ix_inbox_shop_id_order_shopify_id"),
        "inbox",
        ["shop_id", "order_shopify_id"],
        unique=False,
        postgresql_where=sa.text("order_shopify_id IS NOT NULL"),
    )
    op.create_index("ix_inbox_waiting", "inbox", ["id"], unique=False, postgresql_where=sa.text("state = 'received'"))
    op.create_table(
        "refunds",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("shopify_id", sa.BigInteger(), nullable=False),
        sa.Column("order_shopify_id", sa.BigInteger(), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fact", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_refunds_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("shop_id", "shopify_id", name=op.f("uq_refunds_shop_id_shopify_id")),
    )
    op.create_index(
        op.f("ix_refunds_shop_id_order_shopify_id"), "refunds", ["shop_id", "order_shopify_id"], unique=False
    )
    op.create_table(
        "shop_tokens",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("access_token", sa.Text(), nullable=False),
        sa.Column("refresh_token", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refresh_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_shop_tokens_shop_id_shops")),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_shop_tokens")),
    )
    op.create_table(
        "terms_versions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_terms_versions_version_positive")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_terms_versions_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms_versions")),
        sa.UniqueConstraint("shop_id", "version", name=op.f("uq_terms_versions_shop_id_version")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("shopify_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_version_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "financial_status",
            sa.Enum(
                "pending",
                "authorized",
                "partially_paid",
                "paid",
                "partially_refunded",
                "refunded",
                "voided",
                "expired",
                name="financial_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fact", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("paid_fact", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_orders_customer_id_customers")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_orders_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("shop_id", "shopify_id", name=op.f("uq_orders_shop_id_shopify_id")),
    )
    op.create_index(
        op.f("ix_orders_shop_id_customer_id_placed_at"), "orders", ["shop_id", "customer_id", "placed_at"], unique=False
    )
    op.create_index(op.f("ix_orders_shop_id_name"), "orders", ["shop_id", "name"], unique=False)
    op.create_index(op.f("ix_orders_shop_id_placed_at_id"), "orders", ["shop_id", "placed_at", "id"], unique=False)
    op.create_table(
        "rewards",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "awaiting_customer",
                "in_review",
                "held",
                "pending",
                "settled",
                "reversed",
                "voided",
                "rejected",
                "ineligible",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "hold_reason",
            sa.Enum(
                "order_value", "by_staff", name="hold_reason", native_enum=False, create_constraint=True, length=32
            ),
            nullable=True,
        ),
        sa.Column(
            "ineligible_reason",
            sa.Enum(
                "test_order",
                "voided",
                "unpaid",
                "other_currency",
                "excluded_order_tag",
                "excluded_customer_tag",
                "no_eligible_lines",
                "below_minimum",
                "no_rate",
                "rounds_to_zero",
                name="ineligible_reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("terms_version", sa.Integer(), nullable=False),
        sa.Column("tier_name", sa.Text(), nullable=False),
        sa.Column("rate_bps", sa.Integer(), nullable=False),
        sa.Column("spend_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("eligible_minor", sa.BigInteger(), nullable=False),
        sa.Column("calculated_minor", sa.BigInteger(), nullable=False),
        sa.Column("granted_minor", sa.BigInteger(), nullable=False),
        sa.Column("reversed_minor", sa.BigInteger(), nullable=False),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "granted_minor >= 0 AND granted_minor <= calculated_minor",
            name=op.f("ck_rewards_granted_within_calculated"),
        ),
        sa.CheckConstraint("rate_bps BETWEEN 0 AND 10000", name=op.f("ck_rewards_rate_is_a_share")),
        sa.CheckConstraint(
            "reversed_minor >= 0 AND reversed_minor <= granted_minor", name=op.f("ck_rewards_reversed_within_granted")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_rewards_customer_id_customers")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_rewards_order_id_orders")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_rewards_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rewards")),
        sa.UniqueConstraint("shop_id", "order_id", name=op.f("uq_rewards_shop_id_order_id")),
    )
    op.create_index(op.f("ix_rewards_shop_id_customer_id"), "rewards", ["shop_id", "customer_id"], unique=False)
    op.create_index(op.f("ix_rewards_shop_id_state_id"), "rewards", ["shop_id", "state", "id"], unique=False)
    op.create_table(
        "spend_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_spend_events_customer_id_customers")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_spend_events_order_id_orders")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_spend_events_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spend_events")),
    )
    op.create_index(
        op.f("ix_spend_events_shop_id_customer_id_at"), "spend_events", ["shop_id", "customer_id", "at"], unique=False
    )
    op.create_index(op.f("ix_spend_events_shop_id_order_id"), "spend_events", ["shop_id", "order_id"], unique=False)
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "accrual",
                "void",
                "settlement",
                "clawback",
                "set_off",
                "shortfall",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("reward_id", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_ledger_entries_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(["reward_id"], ["rewards.id"], name=op.f("fk_ledger_entries_reward_id_rewards")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_ledger_entries_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("shop_id", "key", name=op.f("uq_ledger_entries_shop_id_key")),
    )
    op.create_index(
        op.f("ix_ledger_entries_shop_id_customer_id_id"),
        "ledger_entries",
        ["shop_id", "customer_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ledger_entries_shop_id_reward_id"), "ledger_entries", ["shop_id", "reward_id"], unique=False
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("reward_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum("credit", "debit", name="kind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "planned",
                "sending",
                "confirmed",
                "refused",
                "unknown",
                "not_applicable",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_minor", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("watermark", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("empty_reads", sa.Integer(), nullable=False),
        sa.Column("needs_person", sa.Boolean(), nullable=False),
        sa.Column("shopify_transaction_id", sa.Text(), nullable=True),
        sa.Column("balance_after_minor", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_transfers_amount_positive")),
        sa.CheckConstraint(
            "cancelled_minor BETWEEN 0 AND amount_minor", name=op.f("ck_transfers_cancelled_within_amount")
        ),
        sa.CheckConstraint(
            "sent_minor IS NULL OR sent_minor BETWEEN 0 AND amount_minor", name=op.f("ck_transfers_sent_within_amount")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_transfers_customer_id_customers")),
        sa.ForeignKeyConstraint(["reward_id"], ["rewards.id"], name=op.f("fk_transfers_reward_id_rewards")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_transfers_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sa.UniqueConstraint("shop_id", "key", name=op.f("uq_transfers_shop_id_key")),
    )
    op.create_index(
        "ix_transfers_planned",
        "transfers",
        ["shop_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'planned'"),
    )
    op.create_index(op.f("ix_transfers_shop_id_reward_id"), "transfers", ["shop_id", "reward_id"], unique=False)
    op.create_index(
        "ix_transfers_to_send",
        "transfers",
        ["shop_id", "customer_id", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('planned', 'sending', 'unknown')"),
    )
    op.create_index(
        "uq_transfers_claimed_transaction",
        "transfers",
        ["shop_id", "shopify_transaction_id"],
        unique=True,
        postgresql_where=sa.text("shopify_transaction_id IS NOT NULL"),
    )
    op.create_index(
        "uq_transfers_in_flight",
        "transfers",
        ["shop_id", "customer_id", "currency"],
        unique=True,
        postgresql_where=sa.text("state IN ('sending', 'unknown')"),
    )
    op.create_table(
        "postings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "customer:pending",
                "customer:available",
                "customer:owed",
                "program:promised",
                "program:redeemed",
                "program:expired",
                "program:adjusted",
                "program:external",
                "program:forgiven",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "destination",
            sa.Enum(
                "customer:pending",
                "customer:available",
                "customer:owed",
                "program:promised",
                "program:redeemed",
                "program:expired",
                "program:adjusted",
                "program:external",
                "program:forgiven",
                name="destination",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_postings_amount_positive")),
        sa.CheckConstraint("source <> destination", name=op.f("ck_postings_two_accounts")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_postings_customer_id_customers")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entries.id"], name=op.f("fk_postings_entry_id_ledger_entries")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_postings_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postings")),
    )
    op.create_index(
        op.f("ix_postings_shop_id_customer_id_currency"),
        "postings",
        ["shop_id", "customer_id", "currency"],
        unique=False,
    )
    op.create_index(op.f("ix_postings_shop_id_entry_id"), "postings", ["shop_id", "entry_id"], unique=False)


def downgrade() -> None:
    """Remove them, with everything in them."""

    op.drop_index(op.f("ix_postings_shop_id_entry_id"), table_name="postings")
    op.drop_index(op.f("ix_postings_shop_id_customer_id_currency"), table_name="postings")
    op.drop_table("postings")
    op.drop_index(
        "uq_transfers_in_flight", table_name="transfers", postgresql_where=sa.text("state IN ('sending', 'unknown')")
    )
    op.drop_index(
        "uq_transfers_claimed_transaction",
        table_name="transfers",
        postgresql_where=sa.text("shopify_transaction_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_transfers_to_send",
        table_name="transfers",
        postgresql_where=sa.text("state IN ('planned', 'sending', 'unknown')"),
    )
    op.drop_index(op.f("ix_transfers_shop_id_reward_id"), table_name="transfers")
    op.drop_index("ix_transfers_planned", table_name="transfers", postgresql_where=sa.text("state = 'planned'"))
    op.drop_table("transfers")
    op.drop_index(op.f("ix_ledger_entries_shop_id_reward_id"), table_name="ledger_entries")
    op.drop_index(op.f("ix_ledger_entries_shop_id_customer_id_id"), table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_index(op.f("ix_spend_events_shop_id_order_id"), table_name="spend_events")
    op.drop_index(op.f("ix_spend_events_shop_id_customer_id_at"), table_name="spend_events")
    op.drop_table("spend_events")
    op.drop_index(op.f("ix_rewards_shop_id_state_id"), table_name="rewards")
    op.drop_index(op.f("ix_rewards_shop_id_customer_id"), table_name="rewards")
    op.drop_table("rewards")
    op.drop_index(op.f("ix_orders_shop_id_placed_at_id"), table_name="orders")
    op.drop_index(op.f("ix_orders_shop_id_name"), table_name="orders")
    op.drop_index(op.f("ix_orders_shop_id_customer_id_placed_at"), table_name="orders")
    op.drop_table("orders")
    op.drop_table("terms_versions")
    op.drop_table("shop_tokens")
    op.drop_index(op.f("ix_refunds_shop_id_order_shopify_id"), table_name="refunds")
    op.drop_table("refunds")
    op.drop_index("ix_inbox_waiting", table_name="inbox", postgresql_where=sa.text("state = 'received'"))
    op.drop_index(
        op.f("ix_inbox_shop_id_order_shopify_id"),
        table_name="inbox",
        postgresql_where=sa.text("order_shopify_id IS NOT NULL"),
    )
    op.drop_index(op.f("ix_inbox_shop_id_id"), table_name="inbox")
    op.drop_table("inbox")
    op.drop_table("customers")
    op.drop_index(op.f("ix_audit_events_shop_id_subject_subject_id"), table_name="audit_events")
    op.drop_index(op.f("ix_audit_events_shop_id_id"), table_name="audit_events")
    op.drop_table("audit_events")
    op.drop_table("shops")
