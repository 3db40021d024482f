"""What living with the platform takes: settings of the shop.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

#: Table and column → the values its check allows, before and after.
WORDS_BEFORE = {
    ("rewards", "hold_reason"): (
        "order_value", "first_order", "new_account", "risk", "refund_share", "many_orders", "tag", "product",
        "country_mismatch", "dispute", "by_staff",
    ),
    ("order_details", "kind"): ("payment", "dispute", "risk"),
}  # fmt: skip
WORDS = {
    # In the order of the enum, as the models draw it.
    ("rewards", "hold_reason"): (*WORDS_BEFORE["rewards", "hold_reason"][:-1], "open_return", "by_staff"),
    ("order_details", "kind"): (*WORDS_BEFORE["order_details", "kind"], "return", "deletion"),
}


def upgrade() -> None:
    """Add the columns and tables."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    _add_settings()
    _add_scopes()
    _add_accounts()
    _add_what_transfers_tell()
    _add_past_orders()
    _add_words(WORDS)
    _add_deliveries()
    _add_privacy()
    _add_reconciliation()


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("reconcile_runs")
    op.drop_column("shop_tokens", "scope_at")
    _drop_accounts()
    for name in ("note", "doubt"):
        op.drop_column("transfers", name)
    _drop_past_orders()
    _drop_privacy()
    _drop_deliveries()
    _add_words(WORDS_BEFORE)
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
    op.create_check_constraint(op.f("ck_shops_keep_deliveries_days"), "shops", "keep_deliveries_days BETWEEN 1 AND 365")


def _add_scopes() -> None:
    op.add_column("shop_tokens", sa.Column("scope_at", INSTANT, nullable=True))


def _add_words(words: dict[tuple[str, str], tuple[str, ...]]) -> None:
    for (table, column), values in words.items():
        name = op.f(f"ck_{table}_{column}")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, sa.column(column, sa.String()).in_(values))


def _add_deliveries() -> None:
    op.add_column("inbox", sa.Column("pruned_at", INSTANT, nullable=True))
    op.add_column("inbox", sa.Column("customer_shopify_id", sa.BigInteger(), nullable=True))
    op.create_index(
        op.f("ix_inbox_shop_id_customer_shopify_id"),
        "inbox",
        ["shop_id", "customer_shopify_id"],
        postgresql_where=sa.text("customer_shopify_id IS NOT NULL"),
    )
    op.create_index("ix_inbox_failed", "inbox", ["shop_id", "id"], postgresql_where=sa.text("state = 'failed'"))
    op.create_index(
        "ix_inbox_to_prune",
        "inbox",
        ["shop_id", "received_at"],
        postgresql_where=sa.text("pruned_at IS NULL AND state IN ('handled', 'ignored')"),
    )


def _drop_deliveries() -> None:
    for name in ("ix_inbox_to_prune", "ix_inbox_failed", op.f("ix_inbox_shop_id_customer_shopify_id")):
        op.drop_index(name, "inbox")
    op.drop_column("inbox", "customer_shopify_id")
    op.drop_column("inbox", "pruned_at")


def _add_privacy() -> None:
    op.add_column("shops", sa.Column("told_at", INSTANT, nullable=True))
    op.add_column("shops", sa.Column("other_currency", sa.String(3), nullable=True))
    kinds = ("data_request", "customer_redact", "shop_redact")
    op.create_table(
        "privacy_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("customer_shopify_id", sa.BigInteger(), nullable=True),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("done_at", INSTANT, nullable=True),
        sa.Column("done_by", sa.Text(), nullable=True),
        sa.Column("file", sa.LargeBinary(), nullable=True),
        sa.Column("file_until", INSTANT, nullable=True),
        sa.Column("last_order_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(sa.column("kind", sa.String()).in_(kinds), name=op.f("ck_privacy_requests_kind")),
        sa.CheckConstraint("(file IS NULL) = (file_until IS NULL)", name=op.f("ck_privacy_requests_file_ends")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_privacy_requests_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_requests")),
        sa.UniqueConstraint("shop_id", "key", name=op.f("uq_privacy_requests_shop_id_key")),
    )
    op.create_index(op.f("ix_privacy_requests_shop_id_id"), "privacy_requests", ["shop_id", "id"])
    op.create_index(
        "ix_privacy_requests_open",
        "privacy_requests",
        ["shop_id", "kind"],
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index(
        "ix_privacy_requests_files",
        "privacy_requests",
        ["shop_id", "file_until"],
        postgresql_where=sa.text("file IS NOT NULL"),
    )


def _drop_privacy() -> None:
    op.drop_table("privacy_requests")
    op.drop_column("shops", "other_currency")
    op.drop_column("shops", "told_at")


#: Why an order earns nothing, before past orders were told apart.
INELIGIBLE_BEFORE = (
    "test_order", "voided", "unpaid", "other_currency", "excluded_order_tag", "excluded_customer_tag",
    "excluded_channel", "excluded_discount_code", "b2b", "paid_with_credit", "no_eligible_lines", "below_minimum",
    "no_rate", "rounds_to_zero", "limit_reached", "customer_owes",
)  # fmt: skip


def _add_past_orders() -> None:
    op.add_column("shops", sa.Column("began_at", INSTANT, nullable=True))
    # Where a shop has terms already, the programme began with the first of them.
    op.execute(
        "UPDATE shops SET began_at = first.at FROM"
        " (SELECT shop_id, min(effective_from) AS at FROM terms_versions GROUP BY shop_id) first"
        " WHERE first.shop_id = shops.id"
    )
    op.add_column("orders", sa.Column("is_past", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("orders", sa.Column("reward_asked_at", INSTANT, nullable=True))
    op.create_check_constraint(op.f("ck_orders_asked_of_past_only"), "orders", "is_past OR reward_asked_at IS NULL")
    _let_ineligible_reason_be(("before_programme", *INELIGIBLE_BEFORE))
    _add_imports()


def _drop_past_orders() -> None:
    op.drop_table("history_imports")
    op.execute("UPDATE rewards SET ineligible_reason = 'test_order' WHERE ineligible_reason = 'before_programme'")
    _let_ineligible_reason_be(INELIGIBLE_BEFORE)
    op.drop_constraint(op.f("ck_orders_asked_of_past_only"), "orders", type_="check")
    for name in ("is_past", "reward_asked_at"):
        op.drop_column("orders", name)
    op.drop_column("shops", "began_at")


def _let_ineligible_reason_be(words: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_rewards_ineligible_reason"), "rewards", type_="check")
    listed = ", ".join(f"'{word}'" for word in words)
    op.create_check_constraint(op.f("ck_rewards_ineligible_reason"), "rewards", f"ineligible_reason IN ({listed})")


def _add_imports() -> None:
    op.create_table(
        "history_imports",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("window", sa.String(32), nullable=False),
        sa.Column("since_at", INSTANT, nullable=True),
        sa.Column("is_dry_run", sa.Boolean(), nullable=False),
        sa.Column("rewards_past", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("paused_at", INSTANT, nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("next_step_at", INSTANT, nullable=True),
        sa.Column("operation_gid", sa.Text(), nullable=True),
        sa.Column("operations", sa.Integer(), server_default="0", nullable=False),
        sa.Column("collected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=True),
        sa.Column("is_partial", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("done_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seen_orders", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("new_orders", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unreadable_orders", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("importing_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("summary", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("notes", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.CheckConstraint("\"window\" IN ('30d', '60d', '90d', '1y', 'all')", name=op.f("ck_history_imports_window")),
        sa.CheckConstraint(
            "state IN ('asked', 'collecting', 'importing', 'finished', 'failed', 'cancelled')",
            name=op.f("ck_history_imports_state"),
        ),
        sa.CheckConstraint("NOT (is_dry_run AND rewards_past)", name=op.f("ck_history_imports_dry_runs_give_nothing")),
        sa.CheckConstraint(
            "(state IN ('finished', 'failed', 'cancelled')) = (finished_at IS NOT NULL)",
            name=op.f("ck_history_imports_finished"),
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_history_imports_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_imports")),
    )
    op.create_index(op.f("ix_history_imports_shop_id_id"), "history_imports", ["shop_id", "id"])
    op.create_index(
        "uq_history_imports_running",
        "history_imports",
        ["shop_id"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )


def _add_what_transfers_tell() -> None:
    op.add_column("transfers", sa.Column("note", sa.Text(), nullable=True))
    op.add_column("transfers", sa.Column("doubt", postgresql.JSONB(none_as_null=True), nullable=True))


def _add_accounts() -> None:
    minor, instant = sa.BigInteger(), INSTANT
    op.create_table(
        "credit_accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("shopify_id", sa.BigInteger(), nullable=True),
        sa.Column("balance_minor", minor, nullable=True),
        sa.Column("read_at", instant, nullable=True),
        sa.Column("whole_read_at", instant, nullable=True),
        sa.Column("read_through", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("changed_at", instant, nullable=True),
        sa.Column("next_read_at", instant, nullable=True),
        sa.Column("drift_minor", minor, nullable=True),
        sa.Column("drift_since", instant, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_accounts")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_credit_accounts_shop_id_shops")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_credit_accounts_customer_id_customers")
        ),
        sa.UniqueConstraint(
            "shop_id", "customer_id", "currency", name=op.f("uq_credit_accounts_shop_id_customer_id_currency")
        ),
    )
    op.create_index(
        "ix_credit_accounts_due",
        "credit_accounts",
        ["shop_id", "next_read_at"],
        postgresql_where=sa.text("next_read_at IS NOT NULL"),
    )
    op.create_index(
        "ix_credit_accounts_drift", "credit_accounts", ["shop_id", "id"], postgresql_where=sa.text("drift_minor <> 0")
    )
    op.create_table(
        "statement_imports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("listed_to", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("listed_at", instant, nullable=True),
        sa.Column("configured_at", instant, nullable=True),
        sa.Column("wait_until", instant, nullable=True),
        sa.Column("stopped_since", instant, nullable=True),
        sa.Column("stopped_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_imports")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_statement_imports_shop_id_shops")),
        sa.UniqueConstraint("shop_id", name=op.f("uq_statement_imports_shop_id")),
    )
    op.add_column("credit_moves", sa.Column("repeats_transfer_id", sa.BigInteger(), nullable=True))
    op.add_column("credit_moves", sa.Column("repeat_seen_at", instant, nullable=True))
    op.create_foreign_key(
        op.f("fk_credit_moves_repeats_transfer_id_transfers"),
        "credit_moves",
        "transfers",
        ["repeats_transfer_id"],
        ["id"],
    )
    op.create_index(
        "ix_credit_moves_repeats",
        "credit_moves",
        ["shop_id", "id"],
        postgresql_where=sa.text("repeats_transfer_id IS NOT NULL AND repeat_seen_at IS NULL"),
    )


def _drop_accounts() -> None:
    op.drop_index("ix_credit_moves_repeats", table_name="credit_moves")
    op.drop_constraint(op.f("fk_credit_moves_repeats_transfer_id_transfers"), "credit_moves", type_="foreignkey")
    for name in ("repeats_transfer_id", "repeat_seen_at"):
        op.drop_column("credit_moves", name)
    op.drop_table("statement_imports")
    op.drop_table("credit_accounts")


def _add_reconciliation() -> None:
    counts = ("attempts", "orders_seen", "orders_missed", "refunds_missed", "orders_unreadable")
    op.create_table(
        "reconcile_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("from_at", INSTANT, nullable=False),
        sa.Column("reached_at", INSTANT, nullable=False),
        sa.Column("next_turn_at", INSTANT, nullable=True),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in counts),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_reconcile_runs_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconcile_runs")),
    )
    op.create_index(op.f("ix_reconcile_runs_shop_id_id"), "reconcile_runs", ["shop_id", "id"])
    op.create_index(
        "uq_reconcile_runs_open",
        "reconcile_runs",
        ["shop_id"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
