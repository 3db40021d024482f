"""The way of every webhook out of the sandbox: only what the app asked for, as compact JSON."""

import json
import uuid
from datetime import datetime

from sandbox.body_parts import Json
from sandbox.state import Shop
from sandbox.subscriptions import Subscriptions
from sandbox.webhooks import Dispatcher


class Post:
    """Hands bodies to the dispatcher; what the app did not subscribe to is not even written."""

    def __init__(self, dispatcher: Dispatcher, subscriptions: Subscriptions) -> None:
        self._dispatcher = dispatcher
        self._subscriptions = subscriptions

    def wants(self, topic: str) -> bool:
        """Say whether the app gets this topic."""
        return self._subscriptions.wants(topic)

    def send(self, shop: Shop, topic: str, body: Json | bytes, lane: int, at: datetime, event_id: str = "") -> None:
        """Send one webhook; those of one event share its id."""
        if not self.wants(topic) or not shop.grants.allows_topic(topic):
            return
        raw = body if isinstance(body, bytes) else as_bytes(body)
        self._dispatcher.send(shop.domain, topic, raw, lane, event_id or new_event(), at)


def new_event() -> str:
    """Return an id for something that happened."""
    return str(uuid.uuid4())


def as_bytes(body: Json) -> bytes:
    """Return the bytes that are signed and sent."""
    return json.dumps(body, separators=(",", ":")).encode()
