"""Asks several shops' Shopify side by side: one that is slow to answer holds up nobody but its own shop."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from time import monotonic

from flask import Flask, current_app

from app.db import bound_to, db

#: How long everybody waits for a shop's answer; after that, only the shop itself does.
PATIENCE_SECONDS = 0.5
#: A shop that gave no answer is not asked again for so long.
SILENCE_SECONDS = 30.0
_MOST_AT_ONCE = 16


class Aside:
    """The questions of one process, at most one for each shop at a time, each in a thread and a session of its own."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience_seconds = patience_seconds
        self._pool = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="aside")
        self._asked: dict[int, Future[bool]] = {}
        self._silent_until: dict[int, float] = {}

    def busy(self) -> set[int]:
        """Return the shops that are being asked at this moment."""
        return set(self._asked)

    def silent(self) -> set[int]:
        """Return the shops that gave no answer a short while ago."""
        now = monotonic()
        self._silent_until = {shop_id: until for shop_id, until in self._silent_until.items() if until > now}
        return set(self._silent_until)

    def ask(self, shop_id: int, question: Callable[[], bool]) -> None:
        """Begin to ask; ``question`` returns whether there was an answer. It must not raise what may happen."""
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # what the proxy stands for
        self._asked[shop_id] = self._pool.submit(_run, app, shop_id, question)

    def wait(self) -> None:
        """Wait a little for the answers; raise what a question raised."""
        wait(self._asked.values(), timeout=self._patience_seconds)
        done = [shop_id for shop_id, asked in self._asked.items() if asked.done()]
        for shop_id, asked in [(shop_id, self._asked.pop(shop_id)) for shop_id in done]:
            if not asked.result():
                self._silent_until[shop_id] = monotonic() + SILENCE_SECONDS


def _run(app: Flask, shop_id: int, question: Callable[[], bool]) -> bool:
    with app.app_context():
        try:
            with bound_to(shop_id):
                return question()
        finally:
            db.session.remove()
