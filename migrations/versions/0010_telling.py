"""Telling customers and merchants: messages written with the books, the mails made of them, and what is wrong.

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
TEXTS = sa.ARRAY(sa.Text())


def upgrade() -> None:
    """Add the tables, and who tells customers."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    _add_mails()
    _add_messages()
    _add_digest_runs()
    _add_mail_outages()
    _add_mail_settings()
    _add_mail_templates()
    _add_mail_stops()
    _add_incidents()
    _add_alert_posts()
    _add_stage_lags()
    _add_sweep_failures()
    _add_book_checks()
    op.add_column("statements", sa.Column("noticed_at", INSTANT, nullable=True))
    is_open = sa.text("noticed_at IS NULL")
    op.create_index("ix_statements_unnoticed", "statements", ["shop_id", "ends_at", "id"], postgresql_where=is_open)
    op.add_column("staff_members", sa.Column("asked_at", INSTANT, nullable=True))
    op.add_column("customers", sa.Column("locale", sa.Text(), nullable=True))
    op.add_column("customers", sa.Column("tags_forgotten_at", INSTANT, nullable=True))
    # Shops that are there already have told nobody so far, and are asked before that changes.
    op.add_column("shops", sa.Column("mails_customers", sa.Boolean(), server_default="false", nullable=False))
    by_one = "NOT (notify_customers AND mails_customers)"
    op.create_check_constraint(op.f("ck_shops_told_by_one"), "shops", by_one)


def downgrade() -> None:
    """Take them away again."""
    op.drop_constraint(op.f("ck_shops_told_by_one"), "shops", type_="check")
    op.drop_column("shops", "mails_customers")
    op.drop_column("customers", "tags_forgotten_at")
    op.drop_column("customers", "locale")
    op.drop_column("staff_members", "asked_at")
    op.drop_index("ix_statements_unnoticed", table_name="statements")
    op.drop_column("statements", "noticed_at")
    for name in (
        "book_checks",
        "sweep_failures",
        "stage_lags",
        "alert_posts",
        "incidents",
        "mail_stops",
        "mail_templates",
        "mail_settings",
        "mail_outages",
        "digest_runs",
        "messages",
        "mails",
    ):
        op.drop_table(name)


def _add_mails() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", _one_of("kind", "digest", "statement", "alert", "summary", "test"), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(collation="C"), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("sayings", TEXTS, server_default="{}", nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("template_error", sa.Text(), nullable=True),
        sa.Column(
            "state", _one_of("state", "planned", "sending", "sent", "refused", "unknown", "kept"), nullable=False
        ),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=True),
        sa.Column("leased_until", INSTANT, nullable=True),
        sa.Column("wanted_at", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column(
            "refusal",
            _one_of("refusal", "recipient", "stopped", "address", "server", "gave_up", "outdated"),
            nullable=True,
        ),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("pruned_at", INSTANT, nullable=True),
        sa.CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name=op.f("ck_mails_refused_for_a_reason")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_mails_customer_id_customers")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_mails_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
    )
    op.create_index(op.f("ix_mails_shop_id_address_key_id"), "mails", ["shop_id", "address_key", "id"])
    op.create_index(op.f("ix_mails_shop_id_customer_id_id"), "mails", ["shop_id", "customer_id", "id"])
    op.create_index(op.f("ix_mails_shop_id_id"), "mails", ["shop_id", "id"])
    op.create_index(op.f("ix_mails_shop_id_kind_id"), "mails", ["shop_id", "kind", "id"])
    op.create_index(op.f("ix_mails_shop_id_state_id"), "mails", ["shop_id", "state", "id"])
    op.create_index(
        "ix_mails_to_prune", "mails", ["shop_id", "created_at"], postgresql_where=sa.text("pruned_at IS NULL")
    )
    # Not COALESCE: row-level security looks no index up by that.
    due_at = sa.text("GREATEST(next_attempt_at, created_at)")
    planned_at = sa.text("GREATEST(wanted_at, created_at)")
    due = ["shop_id", due_at, "id"]
    to_staff = sa.text("state = 'planned' AND kind IN ('alert', 'summary', 'test')")
    op.create_index("ix_mails_due", "mails", due, postgresql_where=sa.text("state = 'planned'"))
    op.create_index("ix_mails_due_to_staff", "mails", due, postgresql_where=to_staff)
    to_customers = sa.text("state = 'planned' AND kind IN ('digest', 'statement')")
    op.create_index("ix_mails_waiting_for_customers", "mails", ["shop_id", planned_at], postgresql_where=to_customers)
    in_hands = sa.text("leased_until IS NOT NULL")
    op.create_index("ix_mails_in_hands", "mails", ["shop_id", "leased_until"], postgresql_where=in_hands)
    op.create_index(
        "ix_mails_troubled", "mails", ["shop_id", "id"], postgresql_where=sa.text("state IN ('refused', 'unknown')")
    )
    op.create_index("ix_mails_sent", "mails", ["shop_id", "sent_at"], postgresql_where=sa.text("state = 'sent'"))
    op.execute("SELECT keep_to_shop('mails')")


def _add_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "topic", _one_of("topic", "reward", "adjustment", "tier", "expiry", "statement", "refund"), nullable=False
        ),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("reward_id", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("state", _one_of("state", "waiting", "mailed", "dropped"), server_default="waiting", nullable=False),
        sa.Column("done_at", INSTANT, nullable=True),
        sa.Column(
            "drop_reason",
            _one_of("drop_reason", "nothing_new", "switched_off", "stopped", "no_address", "past", "too_old"),
            nullable=True,
        ),
        sa.Column("mail_id", sa.BigInteger(), nullable=True),
        sa.Column("said", postgresql.JSONB(), nullable=True),
        sa.Column("is_kept", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint(
            "(state = 'dropped') = (drop_reason IS NOT NULL)", name=op.f("ck_messages_dropped_for_a_reason")
        ),
        sa.CheckConstraint("(state = 'mailed') = (mail_id IS NOT NULL)", name=op.f("ck_messages_mailed_with_a_mail")),
        sa.CheckConstraint("(state = 'waiting') = (done_at IS NULL)", name=op.f("ck_messages_done_when_done")),
        sa.CheckConstraint(
            "customer_id IS NOT NULL OR topic = 'reward'", name=op.f("ck_messages_guests_have_rewards_only")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_messages_customer_id_customers")),
        sa.ForeignKeyConstraint(["mail_id"], ["mails.id"], name=op.f("fk_messages_mail_id_mails")),
        sa.ForeignKeyConstraint(["reward_id"], ["rewards.id"], name=op.f("fk_messages_reward_id_rewards")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_messages_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("shop_id", "key", name=op.f("uq_messages_shop_id_key")),
    )
    op.create_index(op.f("ix_messages_shop_id_customer_id_id"), "messages", ["shop_id", "customer_id", "id"])
    op.create_index(op.f("ix_messages_shop_id_mail_id"), "messages", ["shop_id", "mail_id"])
    op.create_index(op.f("ix_messages_shop_id_reward_id_id"), "messages", ["shop_id", "reward_id", "id"])
    op.create_index(
        "ix_messages_over",
        "messages",
        ["shop_id", "done_at"],
        postgresql_where=sa.text("done_at IS NOT NULL AND NOT is_kept"),
    )
    op.create_index(
        "ix_messages_since", "messages", ["shop_id", "created_at"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_index(
        "ix_messages_waiting",
        "messages",
        ["shop_id", "customer_id", "id"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.execute("SELECT keep_to_shop('messages')")


def _add_digest_runs() -> None:
    op.create_table(
        "digest_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("begins_after_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_customer_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("has_come_round", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("last_guest_message_id", sa.BigInteger(), nullable=True),
        sa.Column("mails", sa.Integer(), server_default="0", nullable=False),
        sa.Column("messages", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_digest_runs_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest_runs")),
        sa.UniqueConstraint("shop_id", "due_at", name=op.f("uq_digest_runs_shop_id_due_at")),
    )
    op.create_index(
        "uq_digest_runs_unfinished",
        "digest_runs",
        ["shop_id"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.execute("SELECT keep_to_shop('digest_runs')")


def _add_mail_outages() -> None:
    op.create_table(
        "mail_outages",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", INSTANT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_mail_outages_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_outages")),
        sa.UniqueConstraint("shop_id", name=op.f("uq_mail_outages_shop_id")),
    )
    op.execute("SELECT keep_to_shop('mail_outages')")


def _add_mail_settings() -> None:
    op.create_table(
        "mail_settings",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("digest_times", TEXTS, server_default="{09:00,13:00,18:00}", nullable=False),
        sa.Column("quiet_from", sa.Text(), server_default="21:00", nullable=False),
        sa.Column("quiet_to", sa.Text(), server_default="08:00", nullable=False),
        sa.Column("cap_per_run", sa.Integer(), server_default="50000", nullable=False),
        sa.Column("per_minute", sa.Integer(), server_default="600", nullable=False),
        sa.Column("switched_off", TEXTS, server_default="{}", nullable=False),
        sa.Column("remind_days", sa.ARRAY(sa.BigInteger()), server_default="{30,7}", nullable=False),
        sa.Column("sender_name", sa.Text(), server_default="", nullable=False),
        sa.Column("reply_to", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="en", nullable=False),
        sa.Column("keep_days", sa.Integer(), server_default="90", nullable=False),
        sa.Column("alert_addresses", TEXTS, server_default="{}", nullable=False),
        sa.Column("alert_url", sa.Text(), server_default="", nullable=False),
        sa.Column("alert_secret", sa.Text(), nullable=True),
        sa.Column("summary_time", sa.Text(), server_default="", nullable=False),
        sa.Column("summed_up", sa.Date(), nullable=True),
        sa.Column("stage_limits", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.CheckConstraint("cap_per_run BETWEEN 1 AND 1000000", name=op.f("ck_mail_settings_cap_per_run")),
        sa.CheckConstraint("keep_days BETWEEN 1 AND 365", name=op.f("ck_mail_settings_keep_days")),
        sa.CheckConstraint("per_minute BETWEEN 1 AND 60000", name=op.f("ck_mail_settings_per_minute")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_mail_settings_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_settings")),
        sa.UniqueConstraint("shop_id", name=op.f("uq_mail_settings_shop_id")),
    )
    op.execute("SELECT keep_to_shop('mail_settings')")


def _add_mail_templates() -> None:
    op.create_table(
        "mail_templates",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("saved_at", INSTANT, nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.Column("failed_at", INSTANT, nullable=True),
        sa.Column("failed_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_mail_templates_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_templates")),
        sa.UniqueConstraint("shop_id", "name", "language", name=op.f("uq_mail_templates_shop_id_name_language")),
    )
    op.execute("SELECT keep_to_shop('mail_templates')")


def _add_mail_stops() -> None:
    op.create_table(
        "mail_stops",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("address_key", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "saying",
            _one_of(
                "saying",
                "earned",
                "credited",
                "reversed",
                "tier_changed",
                "expiring",
                "statement_ready",
                "refunded",
                "claimable",
            ),
            nullable=True,
        ),
        sa.Column("reason", _one_of("reason", "unsubscribed", "bounced", "staff"), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_mail_stops_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_stops")),
        sa.UniqueConstraint(
            "shop_id",
            "address_key",
            "saying",
            "reason",
            name=op.f("uq_mail_stops_shop_id_address_key_saying_reason"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(op.f("ix_mail_stops_shop_id_id"), "mail_stops", ["shop_id", "id"])
    op.execute("SELECT keep_to_shop('mail_stops')")


def _add_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("advice", sa.Text(), nullable=False),
        sa.Column("room", sa.Text(), nullable=True),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("gone_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("told_at", INSTANT, nullable=True),
        sa.Column("mailed_at", INSTANT, nullable=True),
        sa.Column("end_told_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "end_told_at IS NULL OR (told_at IS NOT NULL AND ended_at IS NOT NULL)",
            name=op.f("ck_incidents_end_told_last"),
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_incidents_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(op.f("ix_incidents_shop_id_began_at_id"), "incidents", ["shop_id", "began_at", "id"])
    op.create_index(
        "ix_incidents_told", "incidents", ["shop_id", "told_at"], postgresql_where=sa.text("told_at IS NOT NULL")
    )
    op.create_index(
        "uq_incidents_open",
        "incidents",
        ["shop_id", "cause"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.execute("SELECT keep_to_shop('incidents')")


def _add_alert_posts() -> None:
    op.create_table(
        "alert_posts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=True),
        sa.Column("event", _one_of("event", "incident.opened", "incident.ended", "summary"), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("posted_at", INSTANT, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("posted_at IS NULL OR next_attempt_at IS NULL", name=op.f("ck_alert_posts_posted_once")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_alert_posts_incident_id_incidents")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_alert_posts_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_posts")),
    )
    op.create_index(op.f("ix_alert_posts_shop_id_created_at"), "alert_posts", ["shop_id", "created_at"])
    op.create_index(op.f("ix_alert_posts_shop_id_incident_id"), "alert_posts", ["shop_id", "incident_id"])
    op.create_index(
        "ix_alert_posts_waiting",
        "alert_posts",
        ["shop_id", "id"],
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.execute("SELECT keep_to_shop('alert_posts')")


def _add_stage_lags() -> None:
    stages = ("paid", "triggered", "received", "decided", "released", "sent", "confirmed", "told")
    op.create_table(
        "stage_lags",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("what", _one_of("what", *stages, "credit", "decision"), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("p50_ms", sa.BigInteger(), nullable=True),
        sa.Column("p90_ms", sa.BigInteger(), nullable=True),
        sa.Column("p95_ms", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", INSTANT, nullable=False),
        sa.CheckConstraint("(samples = 0) = (p95_ms IS NULL)", name=op.f("ck_stage_lags_measured_on_something")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_stage_lags_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_lags")),
        sa.UniqueConstraint("shop_id", "what", "hours", name=op.f("uq_stage_lags_shop_id_what_hours")),
    )
    op.execute("SELECT keep_to_shop('stage_lags')")


def _add_sweep_failures() -> None:
    op.create_table(
        "sweep_failures",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("sweep", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_sweep_failures_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_failures")),
        sa.UniqueConstraint("shop_id", "sweep", name=op.f("uq_sweep_failures_shop_id_sweep")),
    )
    op.execute("SELECT keep_to_shop('sweep_failures')")


def _add_book_checks() -> None:
    op.create_table(
        "book_checks",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("began_at", INSTANT, nullable=True),
        sa.Column("stepped_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("looked_at", sa.Integer(), server_default="0", nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=True),
        sa.Column("findings", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("notes", TEXTS, server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_book_checks_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_book_checks")),
    )
    op.create_index(op.f("ix_book_checks_shop_id_id"), "book_checks", ["shop_id", "id"])
    is_running = sa.text("finished_at IS NULL")
    op.create_index("uq_book_checks_running", "book_checks", ["shop_id"], unique=True, postgresql_where=is_running)
    op.execute("SELECT keep_to_shop('book_checks')")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, native_enum=False, create_constraint=True, name=name, length=32)
