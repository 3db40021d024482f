"""Every GraphQL document we send. The tests check each against the official schema of the API version."""

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Document:
    """A GraphQL operation: its file's name, its text, and the access scopes that sending it needs."""

    name: str
    text: str
    scopes: tuple[str, ...]


def _load(name: str, *scopes: str) -> Document:
    """Return a document; the tests compute its scopes from the schema and hold them to those named here."""
    return Document(name, files(__name__).joinpath(f"{name}.graphql").read_text(encoding="utf-8"), scopes)


CUSTOMER_TAGS = _load("customer_tags", "read_customers")
ORDER_PAYMENTS = _load("order_payments", "read_orders")
ORDER_RISKS = _load("order_risks", "read_orders")
PRODUCTS = _load("products", "read_products")
PRODUCT_COLLECTIONS = _load("product_collections", "read_products")
PRODUCT_VARIANTS = _load("product_variants", "read_products")
SHOP = _load("shop")
STORE_CREDIT_ACCOUNT = _load(
    "store_credit_account",
    "read_customers",
    "read_orders",
    "read_store_credit_accounts",
    "read_store_credit_account_transactions",
)
STORE_CREDIT_CREDIT = _load("store_credit_credit", "write_store_credit_account_transactions")
STORE_CREDIT_DEBIT = _load("store_credit_debit", "write_store_credit_account_transactions")

DOCUMENTS = (
    CUSTOMER_TAGS,
    ORDER_PAYMENTS,
    ORDER_RISKS,
    PRODUCTS,
    PRODUCT_COLLECTIONS,
    PRODUCT_VARIANTS,
    SHOP,
    STORE_CREDIT_ACCOUNT,
    STORE_CREDIT_CREDIT,
    STORE_CREDIT_DEBIT,
)
