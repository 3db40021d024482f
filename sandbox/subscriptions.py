"""Which webhooks the app gets: the seven it always got, and those it has asked for."""

import tomllib
from collections.abc import Iterable
from pathlib import Path

from sandbox.errors import BadInput

ALWAYS = (
    "app/uninstalled",
    "orders/cancelled",
    "orders/create",
    "orders/edited",
    "orders/paid",
    "orders/updated",
    "refunds/create",
)
ON_REQUEST = (
    "app/scopes_update",
    "bulk_operations/finish",
    "collections/create",
    "collections/delete",
    "collections/update",
    "customer.tags_added",
    "customer.tags_removed",
    "customers/create",
    "customers/delete",
    "customers/merge",
    "customers/update",
    "disputes/create",
    "disputes/update",
    "fulfillments/create",
    "order_transactions/create",
    "orders/delete",
    "orders/fulfilled",
    "orders/partially_fulfilled",
    "orders/risk_assessment_changed",
    "products/create",
    "products/delete",
    "products/update",
    "returns/approve",
    "returns/cancel",
    "returns/close",
    "returns/decline",
    "returns/process",
    "returns/reopen",
    "returns/request",
    "shop/update",
)
#: Sent to every app, whether it has asked for them or not.
COMPLIANCE = ("customers/data_request", "customers/redact", "shop/redact")


class Subscriptions:
    """The topics that are delivered; one app, so the same for all shops."""

    def __init__(self, topics: Iterable[str]) -> None:
        self._at_first = frozenset(topics)
        self._wanted = self._at_first

    def wants(self, topic: str) -> bool:
        """Say whether the app gets this topic."""
        return topic in ALWAYS or topic in COMPLIANCE or topic in self._wanted

    def change(self, topics: Iterable[str]) -> None:
        """Replace what the app has asked for beyond what it always gets."""
        self._wanted = frozenset(topics)

    def reset(self) -> None:
        """Go back to what the app had asked for at the start."""
        self._wanted = self._at_first

    def show(self) -> dict[str, list[str]]:
        """Return the topics as the control API shows them."""
        wanted = [topic for topic in ON_REQUEST if topic in self._wanted]
        return {"always": list(ALWAYS), "topics": wanted, "known": list(ON_REQUEST)}


def read_topics(value: object) -> frozenset[str]:
    """Check topics to subscribe to: a list of known ones, or "all"."""
    if value == "all":
        return frozenset(ON_REQUEST)
    if not isinstance(value, list) or not all(isinstance(topic, str) for topic in value):
        raise BadInput('topics must be a list such as ["products/update"], or "all".')
    unknown = [topic for topic in value if topic not in (*ALWAYS, *ON_REQUEST)]
    if unknown:
        raise BadInput(f"The sandbox sends no {unknown[0]}; GET /sandbox/subscriptions lists what it knows.")
    return frozenset(value)


def topics_of_toml(path: Path) -> tuple[str, ...]:
    """Return the topics an app asks for in its `shopify.app.toml`; those the sandbox does not know do no harm."""
    webhooks = tomllib.loads(path.read_text(encoding="utf-8")).get("webhooks", {})
    subscriptions = webhooks.get("subscriptions", [])
    return tuple(sorted({topic for one in subscriptions for topic in one.get("topics", [])}))
