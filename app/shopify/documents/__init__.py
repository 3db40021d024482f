"""Every GraphQL document we send. The tests check each against the official schema of the API version."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

_SPREAD = re.compile(r"\.\.\.([A-Z]\w+)")
#: A numbered operation: everything in it that is told apart by a number has 0.
_OPERATION = re.compile(
    r"^(?P<kind>query|mutation) (?P<name>\w+)\((?P<variables>[^)]*_0[^)]*)\) \{\n(?P<body>.*?)\n\}$",
    re.DOTALL | re.MULTILINE,
)
_ZERO = re.compile(r"_0\b")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Document:
    """A GraphQL operation: its file's name, its text, and the access scopes that sending it needs."""

    name: str
    text: str
    scopes: tuple[str, ...]


def _load(name: str, *scopes: str) -> Document:
    """Return a document; the tests compute its scopes from the schema and hold them to those named here."""
    return Document(name, _with_parts(_read(f"{name}.graphql")), scopes)


def _load_inline(name: str, *scopes: str) -> Document:
    """Return a document in which every fragment stands where it is spread."""

    def body(match: re.Match[str]) -> str:
        text = _read("parts", f"{_CAPITAL.sub('_', match[1]).lower()}.graphql")
        return text[text.index("{") + 1 : text.rindex("}")].strip()

    return Document(name, _SPREAD.sub(body, _read(f"{name}.graphql")), scopes)


def _with_parts(text: str) -> str:
    """Return a text with the fragments it spreads, and those they spread, each once: ``parts`` has one in each file."""
    parts: dict[str, str] = {}
    waiting = _SPREAD.findall(text)
    while waiting:
        name = waiting.pop(0)
        if name not in parts:
            parts[name] = _read("parts", f"{_CAPITAL.sub('_', name).lower()}.graphql")
            waiting += _SPREAD.findall(parts[name])
    return "\n".join([text, *parts.values()])


@cache
def compose(parts: tuple[tuple[Document, int], ...]) -> Document:
    """Return one operation that asks for several things at once, each under its number.

    Whatever a document's text numbers with 0, variables and names of its answer, gets the number given with it; the
    documents must be of one kind, queries or mutations.
    """
    found = [_OPERATION.search(document.text) for document, _ in parts]
    operations = [match for match in found if match is not None]
    kinds, names = {each["kind"] for each in operations}, dict.fromkeys(document.name for document, _ in parts)
    if len(operations) != len(parts) or len(kinds) != 1:
        raise ValueError("Only numbered operations of one kind go together.")
    numbered = [(match, number) for match, (_, number) in zip(operations, parts, strict=True)]
    variables = ", ".join(_ZERO.sub(f"_{number}", match["variables"]) for match, number in numbered)
    body = "\n".join(_ZERO.sub(f"_{number}", match["body"]) for match, number in numbered)
    fragments = dict.fromkeys(match.string[match.end() :].strip() for match in operations)
    counts = Counter(document.name for document, _ in parts)
    return Document(
        name="+".join(f"{counts[name]}*{name}" for name in names),
        text="\n".join(
            [f"{kinds.pop()} {operations[0]['name']}({variables}) {{\n{body}\n}}", *filter(None, fragments)]
        ),
        scopes=tuple(sorted({scope for document, _ in parts for scope in document.scopes})),
    )


def _read(*path: str) -> str:
    return files(__name__).joinpath(*path).read_text(encoding="utf-8")


APP_INSTALLATION = _load("app_installation")
BULK_CANCEL = _load("bulk_cancel")
BULK_LOOK = _load("bulk_look")
#: Sent as the text of a bulk operation, in which Shopify says nothing about fragments: so they are written out.
BULK_ORDERS = _load_inline("bulk_orders", "read_customers", "read_orders", "read_products")
BULK_RUN = _load("bulk_run")
CUSTOMER_TAGS = _load("customer_tags", "read_customers")
ORDER_CHECK = _load("order_check", "read_customers", "read_orders")
ORDER_LINES = _load("order_lines", "read_orders", "read_products")
ORDER_PAYMENTS = _load("order_payments", "read_orders")
ORDER_RISKS = _load("order_risks", "read_orders")
ORDERS = _load("orders", "read_customers", "read_orders", "read_products")
ORDERS_UPDATED = _load("orders_updated", "read_orders")
PRODUCTS = _load("products", "read_products")
PRODUCT_COLLECTIONS = _load("product_collections", "read_products")
PRODUCT_VARIANTS = _load("product_variants", "read_products")
REFUND_LINES = _load("refund_lines", "read_orders")
SHOP = _load("shop")
STORE_CREDIT_ACCOUNT = _load(
    "store_credit_account",
    "read_orders",
    "read_store_credit_accounts",
    "read_store_credit_account_transactions",
)
STORE_CREDIT_ACCOUNTS = _load("store_credit_accounts", "read_customers", "read_store_credit_accounts")
STORE_CREDIT_CONFIGURATION = _load("store_credit_configuration")
STORE_CREDIT_CREDIT = _load("store_credit_credit", "write_store_credit_account_transactions")
STORE_CREDIT_DEBIT = _load("store_credit_debit", "write_store_credit_account_transactions")
STORE_CREDIT_FIND = _load("store_credit_find", "read_customers", "read_store_credit_accounts")
STORE_CREDIT_STATEMENTS = _load(
    "store_credit_statements",
    "read_orders",
    "read_store_credit_accounts",
    "read_store_credit_account_transactions",
)
#: The first API version in which a transaction of an account carries a note.
NOTES_SINCE = "2027-01"
STORE_CREDIT_ACCOUNT_WITH_NOTES = replace(
    STORE_CREDIT_ACCOUNT, text=STORE_CREDIT_ACCOUNT.text.replace("  event\n", "  event\n  note\n")
)

DOCUMENTS = (
    APP_INSTALLATION,
    BULK_CANCEL,
    BULK_LOOK,
    BULK_ORDERS,
    BULK_RUN,
    CUSTOMER_TAGS,
    ORDER_CHECK,
    ORDER_LINES,
    ORDER_PAYMENTS,
    ORDER_RISKS,
    ORDERS,
    ORDERS_UPDATED,
    PRODUCTS,
    PRODUCT_COLLECTIONS,
    PRODUCT_VARIANTS,
    REFUND_LINES,
    SHOP,
    STORE_CREDIT_ACCOUNT,
    STORE_CREDIT_ACCOUNTS,
    STORE_CREDIT_CONFIGURATION,
    STORE_CREDIT_CREDIT,
    STORE_CREDIT_DEBIT,
    STORE_CREDIT_FIND,
    STORE_CREDIT_STATEMENTS,
)
