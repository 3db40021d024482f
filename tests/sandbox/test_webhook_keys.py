"""The bodies of the sandbox have the keys that Shopify's have, when the schemas of those are at hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import Shopper
from tests.sandbox.tiny_app import TinyApp

FOLDER = Path(__file__).parents[2].parent / "shared/shopify/webhook-schemas/2026-07"

#: Bodies that are compared to their last key; of the large ones only what stands at the top.
WHOLE = (
    "app/scopes_update",
    "app/uninstalled",
    "customers/data_request",
    "customers/delete",
    "customers/redact",
    "orders/delete",
    "orders/edited",
    "returns/close",
    "shop/redact",
    "shop/update",
)
TOP = (
    "customers/create",
    "customers/merge",
    "customers/update",
    "order_transactions/create",
    "orders/cancelled",
    "orders/create",
    "orders/paid",
    "orders/updated",
    "refunds/create",
)
NOT_SENT = {"tender_transactions/create": "no feature needs it; payments are told by order_transactions/create"}
#: Since the samples that the schemas were made of.
ADDED = {"refunds/create": {"additional_fees", "total_additional_fees_set"}}


def keys_of(node: Any, path: str = "") -> Iterator[str]:
    """Yield every key of a body, or of the schema of one, with the keys above it."""
    if isinstance(node, list):
        for item in node:
            yield from keys_of(item, path)
    elif isinstance(node, dict):
        for name, below in node.items():
            yield path + name
            yield from keys_of(below, f"{path}{name}.")


def plain(schema: Any) -> Any:
    """Return a thing with the keys that a schema knows."""
    if not isinstance(schema, dict):
        return None
    if "properties" in schema:
        return {name: plain(below) for name, below in schema["properties"].items()}
    return [plain(schema["items"])] if isinstance(schema.get("items"), dict) else None


@pytest.fixture
def told(all_topics: Shopper, app: TinyApp) -> TinyApp:
    """An app that heard every topic that is compared."""
    shopper = all_topics
    order = shopper.order(
        "20.00", 3, company=True, shipping="5.00", tax={"rate": "0.1", "shipping": True}, gateway="shopify_payments"
    )
    number, customer = order["id"], order["customer"]["id"]
    line = {"lines": [{"title": "More", "price": "1.00"}]}
    shopper.post(f"orders/{number}/edit", set_quantity=[{"index": 0, "quantity": 2}], add=line["lines"])
    made = shopper.post(f"orders/{number}/return")["return"]
    shopper.post(f"returns/{made['id']}", step="close")
    shopper.post(f"orders/{number}/refund", lines=[{"index": 0, "quantity": 1}], shipping=True)
    shopper.post(f"orders/{number}/cancel")
    for topic in ("customers/data_request", "customers/redact"):
        shopper.post("privacy", topic=topic, customer_id=customer)
    shopper.post(f"orders/{number}/delete")
    kept, away = (shopper.post("customers", email=f"{name}@example.com")["customer"]["id"] for name in ("bea", "cy"))
    shopper.post(f"customers/{kept}", note="kind")
    shopper.post("customers/merge", keep=kept, away=away)
    shopper.post(f"customers/{kept}/delete")
    shopper.post("shop", name="Harbour")
    shopper.post("scopes", revoke=["read_returns"])
    shopper.post("uninstall")
    shopper.post("privacy", topic="shop/redact")
    shopper.settle()
    return app


@pytest.mark.skipif(not FOLDER.exists(), reason="the schemas are kept outside of this repository")
def test_every_body_has_shopifys_keys_and_no_others(told: TinyApp) -> None:
    schemas = {path.stem.replace("__", "/"): json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
    assert set(schemas) == {*WHOLE, *TOP, *NOT_SENT}, "a new schema: compare its topic, or say why not"
    wrong = {}
    for topic in (*WHOLE, *TOP):
        bodies = told.bodies(topic)
        assert bodies, topic
        ours, theirs = set(keys_of(bodies)), set(keys_of(plain(schemas[topic])))
        if topic in TOP:
            ours, theirs = ({key for key in keys if "." not in key} for keys in (ours, theirs))
        theirs |= ADDED.get(topic, set())
        if ours != theirs:
            wrong[topic] = {"lacks": theirs - ours, "has besides": ours - theirs}
    assert wrong == {}


def test_the_shop_is_told_whole_by_both_topics_that_tell_it(told: TinyApp) -> None:
    (changed,), (gone,) = told.bodies("shop/update"), told.bodies("app/uninstalled")
    assert changed.keys() == gone.keys()
    assert len(gone) == 54
    assert (gone["name"], gone["customer_email"], gone["enabled_presentment_currencies"]) == (
        "Harbour",
        gone["email"],
        ["USD"],
    )
