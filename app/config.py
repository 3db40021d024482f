"""One frozen Settings, read from the environment once. The only place that looks at the environment."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from environs import Env, EnvError
from flask import current_app

from app.engine.rules.mail_choices import LOOPBACK_HOSTS, is_address
from app.mail_url import parse_mail_url

MINIMUM_SECRET_LENGTH = 16


class SettingsError(Exception):
    """The environment lacks a setting or holds a bad one; the message says which and what to set."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the environment decides. Business terms are data, not settings."""

    #: SQLAlchemy address of PostgreSQL; empty means the embedded server of ``local/``.
    database_url: str
    #: Address of a server that speaks Redis' protocol; empty means the embedded one.
    redis_url: str
    shopify_client_id: str
    shopify_client_secret: str = field(repr=False)
    shopify_old_client_secret: str = field(repr=False, default="")
    shopify_api_version: str = "2026-10"
    #: ``{shop}`` is replaced by the shop's domain; the sandbox's address for demo and tests.
    shopify_admin_origin: str = "https://{shop}"
    #: Empty means App Bridge from Shopify's CDN.
    app_bridge_url: str = ""
    app_url: str = "http://127.0.0.1:5000"
    secret_key: str = field(repr=False, default="")
    #: Fernet keys; the first encrypts, all decrypt.
    encryption_keys: tuple[str, ...] = field(repr=False, default=())
    log_format: str = "text"
    #: Where mails leave, ``smtp://user:password@host:587`` or ``smtps://…:465``; empty: they are kept and shown.
    mail_url: str = field(repr=False, default="")
    #: What mails come from, such as ``cashback@example.com``; the name before it is the shop's.
    mail_from: str = ""
    #: What a scraper of ``/metrics`` has to bring; empty: there is no such page.
    metrics_token: str = field(repr=False, default="")
    #: How long a call to Shopify may take before its outcome counts as unknown.
    shopify_timeout_seconds: int = 10
    #: How long after sending a transfer "nothing arrived" may first be believed.
    transfer_quiet_seconds: int = 90

    @property
    def client_secrets(self) -> tuple[str, ...]:
        """Return the secrets a signature may be made with: the current one and, while rotating, the old one."""
        return tuple(s for s in (self.shopify_client_secret, self.shopify_old_client_secret) if s)

    @property
    def is_local(self) -> bool:
        """True where the app runs for its own machine only, as in the demo."""
        return urlsplit(self.app_url).hostname in LOOPBACK_HOSTS

    def admin_origin(self, shop_domain: str) -> str:
        """Return where the shop's admin and its API are, without a slash at the end."""
        return self.shopify_admin_origin.replace("{shop}", shop_domain).rstrip("/")


def read_settings() -> Settings:
    """Return the settings of this process's environment; raise SettingsError that says what to set."""
    env = Env()
    try:
        settings = Settings(
            database_url=env.str("DATABASE_URL", ""),
            redis_url=env.str("REDIS_URL", ""),
            shopify_client_id=env.str("SHOPIFY_CLIENT_ID", ""),
            shopify_client_secret=env.str("SHOPIFY_CLIENT_SECRET", ""),
            shopify_old_client_secret=env.str("SHOPIFY_OLD_CLIENT_SECRET", ""),
            shopify_api_version=env.str("SHOPIFY_API_VERSION", "2026-10"),
            shopify_admin_origin=env.str("SHOPIFY_ADMIN_ORIGIN", "") or "https://{shop}",
            app_bridge_url=env.str("APP_BRIDGE_URL", ""),
            app_url=env.str("APP_URL", "") or "http://127.0.0.1:5000",
            secret_key=env.str("SECRET_KEY", ""),
            encryption_keys=tuple(k.strip() for k in env.str("ENCRYPTION_KEYS", "").split(",") if k.strip()),
            log_format=env.str("LOG_FORMAT", "") or "text",
            mail_url=env.str("MAIL_URL", ""),
            mail_from=env.str("MAIL_FROM", ""),
            metrics_token=env.str("METRICS_TOKEN", ""),
            shopify_timeout_seconds=env.int("SHOPIFY_TIMEOUT_SECONDS", 10),
            transfer_quiet_seconds=env.int("TRANSFER_QUIET_SECONDS", 90),
        )
    except EnvError as error:
        raise SettingsError(f"A setting is not of its kind: {str(error).rstrip('.')}.") from error
    _refuse_weak(settings)
    return settings


def _refuse_weak(settings: Settings) -> None:
    for name, value in (
        ("SHOPIFY_CLIENT_ID", settings.shopify_client_id),
        ("SHOPIFY_CLIENT_SECRET", settings.shopify_client_secret),
    ):
        if not value:
            raise SettingsError(f"{name} is not set; take it from the app's page in the Partner dashboard.")
    if len(settings.secret_key) < MINIMUM_SECRET_LENGTH:
        raise SettingsError(
            f"SECRET_KEY must have at least {MINIMUM_SECRET_LENGTH} characters; set it to a long random text."
        )
    if settings.secret_key in settings.client_secrets:
        raise SettingsError("SECRET_KEY must differ from the Shopify client secret; set a random text of its own.")
    if not settings.encryption_keys:
        raise SettingsError(
            "ENCRYPTION_KEYS is not set; make one with "
            "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'."
        )
    for key in settings.encryption_keys:
        try:
            Fernet(key)
        except ValueError as error:
            raise SettingsError("ENCRYPTION_KEYS must hold Fernet keys, separated by commas.") from error
    address = urlsplit(settings.app_url)
    if address.scheme not in ("http", "https") or not address.netloc:
        raise SettingsError(
            "APP_URL must be the address at which Shopify reaches this app, such as https://app.example.com."
        )
    if settings.log_format not in ("text", "json"):
        raise SettingsError("LOG_FORMAT must be text or json.")
    _refuse_bad_mail(settings)
    if settings.shopify_timeout_seconds < 1:
        raise SettingsError("SHOPIFY_TIMEOUT_SECONDS must be at least 1.")
    if settings.transfer_quiet_seconds <= settings.shopify_timeout_seconds:
        # A call that was given up can still land; whoever stops waiting before that pays twice.
        raise SettingsError("TRANSFER_QUIET_SECONDS must be longer than SHOPIFY_TIMEOUT_SECONDS; 90 is a good value.")


def _refuse_bad_mail(settings: Settings) -> None:
    if settings.mail_from and not is_address(settings.mail_from):
        raise SettingsError("MAIL_FROM must be an address and nothing else, such as cashback@example.com.")
    if not settings.mail_url:
        return
    if not settings.mail_from:
        raise SettingsError("MAIL_FROM is not set; mails that leave by MAIL_URL need an address they come from.")
    try:
        parse_mail_url(settings.mail_url)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def current_settings() -> Settings:
    """Return the settings of the running app."""
    settings: Settings = current_app.config["SETTINGS"]
    return settings
