"""What customers and merchants are told: messages written with the books, mails made of them, and what rules both."""

from datetime import date
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model
from app.engine.rules.alerts import AlertEvent
from app.engine.rules.mailing import Refusal
from app.engine.rules.messages import DropReason, MailKind, MailState, MessageState, Saying, StopReason, Topic
from app.models.columns import Big, Id, Instant, ShopId, Words, enum_column

#: From when on a mail may go, and since when it is planned. Not COALESCE: row-level security looks no index up by that.
_DUE_AT = text("GREATEST(next_attempt_at, created_at)")
_PLANNED_AT = text("GREATEST(wanted_at, created_at)")
_WAITS = text("state = 'waiting'")


class Message(Model):
    """Something happened that a customer may want to know. Written in the transaction that books it, once per key.

    It holds no words: what is told is found out when a mail is made of it, so that nobody reads what has changed
    since. ``said`` is what was then told, and the newest of a reward is what the next one starts from.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("shop_id", "key"),
        Index("ix_messages_waiting", "shop_id", "customer_id", "id", postgresql_where=_WAITS),
        Index("ix_messages_since", "shop_id", "created_at", postgresql_where=_WAITS),
        Index("ix_messages_over", "shop_id", "done_at", postgresql_where=text("done_at IS NOT NULL AND NOT is_kept")),
        Index(None, "shop_id", "reward_id", "id"),
        Index(None, "shop_id", "customer_id", "id"),
        Index(None, "shop_id", "mail_id"),
        CheckConstraint("(state = 'waiting') = (done_at IS NULL)", name="done_when_done"),
        CheckConstraint("(state = 'dropped') = (drop_reason IS NOT NULL)", name="dropped_for_a_reason"),
        CheckConstraint("(state = 'mailed') = (mail_id IS NOT NULL)", name="mailed_with_a_mail"),
        CheckConstraint("customer_id IS NOT NULL OR topic = 'reward'", name="guests_have_rewards_only"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    #: Made of business facts, such as ``entry:<key of the ledger entry>``.
    key: Mapped[str] = mapped_column(Text)
    topic: Mapped[Topic] = mapped_column(enum_column(Topic, "topic"))
    #: None for a guest, who is told at their order's address.
    customer_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("customers.id"))
    reward_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("rewards.id"))
    #: The row of the topic's table: adjustment, tier change, statement or credit move; of an expiry the transfer.
    subject_id: Mapped[Big]
    created_at: Mapped[Instant]
    state: Mapped[MessageState] = mapped_column(
        enum_column(MessageState, "state"), default=MessageState.WAITING, server_default="waiting"
    )
    done_at: Mapped[Instant | None]
    drop_reason: Mapped[DropReason | None] = mapped_column(enum_column(DropReason, "drop_reason"))
    mail_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("mails.id"))
    #: ``rules.tellings.Told`` as JSON: what was said, and what the customer knows since.
    said: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    #: Done for so long that it would be removed, were it not needed still; it is not looked at again.
    is_kept: Mapped[bool] = mapped_column(server_default="false")


class Mail(Model):
    """One mail, as it is sent. ``planned → sending → sent | refused | unknown``, or kept where there is no server."""

    __tablename__ = "mails"
    __table_args__ = (
        Index("ix_mails_due", "shop_id", _DUE_AT, "id", postgresql_where=text("state = 'planned'")),
        Index(
            "ix_mails_due_to_staff",
            "shop_id",
            _DUE_AT,
            "id",
            postgresql_where=text("state = 'planned' AND kind IN ('alert', 'summary', 'test')"),
        ),
        Index(
            "ix_mails_waiting_for_customers",
            "shop_id",
            _PLANNED_AT,
            postgresql_where=text("state = 'planned' AND kind IN ('digest', 'statement')"),
        ),
        Index("ix_mails_in_hands", "shop_id", "leased_until", postgresql_where=text("leased_until IS NOT NULL")),
        Index("ix_mails_troubled", "shop_id", "id", postgresql_where=text("state IN ('refused', 'unknown')")),
        Index(None, "shop_id", "id"),
        Index(None, "shop_id", "kind", "id"),
        Index(None, "shop_id", "state", "id"),
        Index(None, "shop_id", "customer_id", "id"),
        Index(None, "shop_id", "address_key", "id"),
        Index("ix_mails_to_prune", "shop_id", "created_at", postgresql_where=text("pruned_at IS NULL")),
        Index("ix_mails_sent", "shop_id", "sent_at", postgresql_where=text("state = 'sent'")),
        CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name="refused_for_a_reason"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    kind: Mapped[MailKind] = mapped_column(enum_column(MailKind, "kind"))
    customer_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("customers.id"))
    #: As it was given, and in small letters in the order of bytes: what it is looked up and stopped by.
    address: Mapped[str] = mapped_column(Text)
    address_key: Mapped[str] = mapped_column(Text(collation="C"))
    language: Mapped[str] = mapped_column(Text)
    #: What it says, for the unsubscribe link and the list: values of ``Saying``.
    sayings: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    subject: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    #: Why the shop's own template was not used; None where all went well.
    template_error: Mapped[str | None] = mapped_column(Words)
    state: Mapped[MailState] = mapped_column(enum_column(MailState, "state"))
    created_at: Mapped[Instant]
    #: Not to be sent before: quiet hours, or the wait after a failure.
    next_attempt_at: Mapped[Instant | None]
    leased_until: Mapped[Instant | None]
    #: When a person last wanted it sent once more.
    wanted_at: Mapped[Instant | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    #: When a server took it; None again once it came back.
    sent_at: Mapped[Instant | None]
    refusal: Mapped[Refusal | None] = mapped_column(enum_column(Refusal, "refusal"))
    #: What the mail server said, or what went wrong, for people to read.
    error: Mapped[str | None] = mapped_column(Words)
    #: When words and address were removed: mails are kept for a time only.
    pruned_at: Mapped[Instant | None]


class MailOutage(Model):
    """The mail server takes nothing from a shop: there is a row from the first failure until a mail leaves again."""

    __tablename__ = "mail_outages"
    __table_args__ = (UniqueConstraint("shop_id"),)

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    began_at: Mapped[Instant]
    tries: Mapped[int]
    next_try_at: Mapped[Instant]
    reason: Mapped[str] = mapped_column(Words)


class MailSettings(Model):
    """How a shop tells customers and merchant. A shop without a row has the defaults, which are those of the columns.

    Whether customers are told by us, by Shopify or by nobody stands with the shop (``mails_customers``,
    ``notify_customers``), where the books see it.
    """

    __tablename__ = "mail_settings"
    __table_args__ = (
        UniqueConstraint("shop_id"),
        CheckConstraint("cap_per_run BETWEEN 1 AND 1000000", name="cap_per_run"),
        CheckConstraint("per_minute BETWEEN 1 AND 60000", name="per_minute"),
        CheckConstraint("keep_days BETWEEN 1 AND 365", name="keep_days"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    #: Moments of the shop's day, ``HH:MM``, at which what waits is told; none: at once.
    digest_times: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default=lambda: ["09:00", "13:00", "18:00"], server_default="{09:00,13:00,18:00}"
    )
    #: Between these moments of the shop's day (the end exclusive) no customer gets a mail; equal: no quiet hours.
    quiet_from: Mapped[str] = mapped_column(Text, default="21:00", server_default="21:00")
    quiet_to: Mapped[str] = mapped_column(Text, default="08:00", server_default="08:00")
    #: So many mails are made at a digest time at most; the rest waits for the next.
    cap_per_run: Mapped[int] = mapped_column(default=50_000, server_default="50000")
    #: So many mails leave a minute at most.
    per_minute: Mapped[int] = mapped_column(default=600, server_default="600")
    #: What customers of this shop are not told: values of ``Saying``.
    switched_off: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    #: So many days before credit ends its owner is reminded, once for each.
    remind_days: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=lambda: [30, 7], server_default="{30,7}")
    #: The name mails come from (empty: the shop's), and where answers go (empty: nowhere).
    sender_name: Mapped[str] = mapped_column(Text, default="", server_default="")
    reply_to: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: Whom we write to who reads none of our languages.
    language: Mapped[str] = mapped_column(Text, default="en", server_default="en")
    #: Mails' words and addresses are kept for so many days.
    keep_days: Mapped[int] = mapped_column(default=90, server_default="90")
    #: Where the merchant is told what went wrong; neither: nowhere but in the admin.
    alert_addresses: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    alert_url: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: Signs what goes to ``alert_url``; sealed.
    alert_secret: Mapped[str | None] = mapped_column(Text)
    #: When the day's summary goes to the merchant, ``HH:MM``; empty: never.
    summary_time: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: The last day that was summed up.
    summed_up: Mapped[date | None]
    #: The longest a stage may take before the merchant is told, in seconds, by ``Stage``.
    stage_limits: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict, server_default="{}")


class DigestRun(Model):
    """One round of telling what waits: it takes customers in the order of their ids and goes on where it stopped."""

    __tablename__ = "digest_runs"
    __table_args__ = (
        UniqueConstraint("shop_id", "due_at"),
        # One at a time: what somebody is told rests on what they were told before.
        Index("uq_digest_runs_unfinished", "shop_id", unique=True, postgresql_where=text("finished_at IS NULL")),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    #: The moment of the schedule that it is for; what was written until then is told.
    due_at: Mapped[Instant]
    started_at: Mapped[Instant]
    finished_at: Mapped[Instant | None]
    #: How far it is (``rules.digests.Reached``).
    begins_after_id: Mapped[Big] = mapped_column(default=0, server_default="0")
    last_customer_id: Mapped[Big] = mapped_column(default=0, server_default="0")
    has_come_round: Mapped[bool] = mapped_column(default=False, server_default="false")
    last_guest_message_id: Mapped[int | None] = mapped_column(BigInteger)
    mails: Mapped[int] = mapped_column(default=0, server_default="0")
    messages: Mapped[int] = mapped_column(default=0, server_default="0")


class MailTemplate(Model):
    """A shop's own words for what is said, in one language; where there is none, ours are used."""

    __tablename__ = "mail_templates"
    __table_args__ = (UniqueConstraint("shop_id", "name", "language"),)

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    #: A ``Saying``, or ``frame``: what stands around all of them.
    name: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    saved_at: Mapped[Instant]
    saved_by: Mapped[str] = mapped_column(Text)
    #: When it last could not be used, and why; cleared by the next saving.
    failed_at: Mapped[Instant | None]
    failed_reason: Mapped[str | None] = mapped_column(Words)


class MailStop(Model):
    """An address that gets no mails, or none that say a certain thing: a row for each reason there is."""

    __tablename__ = "mail_stops"
    __table_args__ = (
        UniqueConstraint("shop_id", "address_key", "saying", "reason", postgresql_nulls_not_distinct=True),
        Index(None, "shop_id", "id"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    address_key: Mapped[str] = mapped_column(Text(collation="C"))
    #: None: nothing at all.
    saying: Mapped[Saying | None] = mapped_column(enum_column(Saying, "saying"))
    reason: Mapped[StopReason] = mapped_column(enum_column(StopReason, "reason"))
    detail: Mapped[str | None] = mapped_column(Words)
    at: Mapped[Instant]


class Incident(Model):
    """Something that is wrong with a shop's engine, from when it was first seen until it is over. Told once."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index("uq_incidents_open", "shop_id", "cause", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_incidents_told", "shop_id", "told_at", postgresql_where=text("told_at IS NOT NULL")),
        Index(None, "shop_id", "began_at", "id"),
        CheckConstraint("end_told_at IS NULL OR (told_at IS NOT NULL AND ended_at IS NOT NULL)", name="end_told_last"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    #: Which cause it is, in a word that stays: ``token_refused``.
    cause: Mapped[str] = mapped_column(Text)
    #: What is wrong and what to do, as it was last seen, in the language of the merchant's mails.
    what: Mapped[str] = mapped_column(Text)
    advice: Mapped[str] = mapped_column(Text)
    room: Mapped[str | None] = mapped_column(Text)
    began_at: Mapped[Instant]
    seen_at: Mapped[Instant]
    #: Since when it is not seen any more; it has ended once that has lasted, and then this is when.
    gone_at: Mapped[Instant | None]
    ended_at: Mapped[Instant | None]
    #: When the merchant was told of it, by whatever way; when mails were written; when its end was told.
    told_at: Mapped[Instant | None]
    mailed_at: Mapped[Instant | None]
    end_told_at: Mapped[Instant | None]


class AlertPost(Model):
    """Something the merchant's own address is told: an incident, its end, or a day's summary. Sent until it is taken.

    ``next_attempt_at`` is set while it waits; afterwards it was taken (``posted_at``), or given up.
    """

    __tablename__ = "alert_posts"
    __table_args__ = (
        Index("ix_alert_posts_waiting", "shop_id", "id", postgresql_where=text("next_attempt_at IS NOT NULL")),
        Index(None, "shop_id", "created_at"),
        Index(None, "shop_id", "incident_id"),
        CheckConstraint("posted_at IS NULL OR next_attempt_at IS NULL", name="posted_once"),
    )

    id: Mapped[Id]
    shop_id: Mapped[ShopId]
    #: None: the summary of a day.
    incident_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("incidents.id"))
    event: Mapped[AlertEvent] = mapped_column(enum_column(AlertEvent, "event"))
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[Instant]
    next_attempt_at: Mapped[Instant | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    posted_at: Mapped[Instant | None]
    error: Mapped[str | None] = mapped_column(Words)
