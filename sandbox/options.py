"""How one sandbox is set up."""

from dataclasses import dataclass

DEFAULT_SCOPES = (
    "read_all_orders,read_customer_merge,read_customers,read_orders,read_products,read_returns,"
    "read_shopify_payments_disputes,read_store_credit_accounts,write_app_proxy,write_store_credit_account_transactions"
)
OPTIONAL_SCOPES = "read_all_orders,read_customer_merge,read_returns,read_shopify_payments_disputes"


@dataclass(frozen=True)
class Options:
    """Everything that can be chosen when a sandbox starts; `app_url` is the app under test."""

    app_url: str
    seed: int = 1
    shop: str = "boomerang-demo.myshopify.com"
    client_id: str = "sandbox-client-id"
    client_secret: str = "sandbox-client-secret-not-for-production"  # noqa: S105 - a made-up one on purpose
    old_client_secret: str = "sandbox-old-client-secret-not-for-production"  # noqa: S105 - made up as well
    restore_rate: int = 100
    currency: str = "USD"
    timezone: str = "America/New_York"
    token_seconds: int = 3600
    retry_seconds: float = 1.0
    delivery_threads: int = 8
    scopes: str = DEFAULT_SCOPES
    """What shops have granted at the start."""
    optional_scopes: str = OPTIONAL_SCOPES
    """What shops may refuse and revoke."""
    first_id: int | None = None
    """Where ids start; by default at the present millisecond, so that a restart never reuses an id."""
    mail_port: int | None = None
    """Where mails to customers are taken in; 0: on a free port; None: nowhere."""
    topics: tuple[str, ...] = ()
    """What the app is told of beyond orders, refunds and its own removal."""
