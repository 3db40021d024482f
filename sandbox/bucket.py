"""The leaky bucket that Shopify keeps per app and shop: twenty seconds' worth of points."""

import threading
import time

SECONDS_IN_BUCKET = 20


class Bucket:
    """Points for GraphQL calls; a call must fit before it runs, what it did not use is given back."""

    def __init__(self, restore_rate: int) -> None:
        self.restore_rate = restore_rate
        self.maximum = restore_rate * SECONDS_IN_BUCKET
        self._points = float(self.maximum)
        self._filled_at = time.monotonic()
        self._lock = threading.Lock()

    def take(self, points: int) -> bool:
        """Take the points if they are there."""
        with self._lock:
            self._fill()
            if points > self._points:
                return False
            self._points -= points
            return True

    def give_back(self, points: int) -> None:
        """Return what a call turned out not to need."""
        with self._lock:
            self._points = min(float(self.maximum), self._points + points)

    def status(self) -> dict[str, int]:
        """Return what `extensions.cost.throttleStatus` shows."""
        with self._lock:
            self._fill()
            return {
                "maximumAvailable": self.maximum,
                "currentlyAvailable": int(self._points),
                "restoreRate": self.restore_rate,
            }

    def _fill(self) -> None:
        now = time.monotonic()
        self._points = min(float(self.maximum), self._points + (now - self._filled_at) * self.restore_rate)
        self._filled_at = now
