"""Every GraphQL document we send. The tests check each against the official schema of the API version."""

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Document:
    """A GraphQL operation: its file's name and its text."""

    name: str
    text: str


def _load(name: str) -> Document:
    return Document(name, files(__name__).joinpath(f"{name}.graphql").read_text(encoding="utf-8"))


CUSTOMER_TAGS = _load("customer_tags")
ORDER_PAYMENTS = _load("order_payments")
ORDER_RISKS = _load("order_risks")
PRODUCTS = _load("products")
PRODUCT_COLLECTIONS = _load("product_collections")
PRODUCT_VARIANTS = _load("product_variants")
SHOP = _load("shop")
STORE_CREDIT_ACCOUNT = _load("store_credit_account")
STORE_CREDIT_CREDIT = _load("store_credit_credit")
STORE_CREDIT_DEBIT = _load("store_credit_debit")

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
