"""A whole house in one process: a sandbox shop, the app behind HTTP, workers, on real servers.

Its app waits for an answer for as long as any machine may take, unless a story is about answers that do not come.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread
from typing import Any

import requests
from flask import Flask
from sqlalchemy import func, select
from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app, jobs
from app.clock import utcnow
from app.config import Settings
from app.db import db, transaction
from app.engine.flows import program, transfer
from app.engine.rules.terms import Mode
from app.models import Delivery, DeliveryState, Shop, Transfer
from sandbox.server import Sandbox

Json = dict[str, Any]
PATIENCE_SECONDS = 300
#: How long an answer hangs that is to come too late for an impatient app.
HANG_SECONDS = 1.2
UNFINISHED = ("planned", "sending", "unknown")


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


class Town:
    """What a test does in the shop, and what it then looks at."""

    def __init__(self, app: Flask, box: Sandbox) -> None:
        self.app = app
        self.box = box
        self._http = requests.Session()
        self._http.trust_env = False

    def post(self, path: str, **body: Any) -> Json:
        """Call the sandbox's control API; it must agree."""
        answer = self._http.post(f"{self.box.url}/sandbox/{path}", json=body, timeout=30)
        assert answer.ok, f"{path} {body}: {answer.text}"
        return dict(answer.json())

    def try_post(self, path: str, **body: Any) -> bool:
        """Call the sandbox's control API; return whether it agreed."""
        answer = self._http.post(f"{self.box.url}/sandbox/{path}", json=body, timeout=30)
        assert answer.status_code < 500, answer.text
        return answer.ok

    def get(self, path: str) -> Json:
        """Read from the sandbox's control API."""
        return dict(self._http.get(f"{self.box.url}/sandbox/{path}", timeout=30).json())

    def install(self, mode: Mode = Mode.AUTOMATIC) -> None:
        """Open the app in the shop's admin for the first time."""
        token = self.post("session-token")["token"]
        opened = self.app.test_client().get("/", query_string={"id_token": token, "embedded": "1"})
        assert opened.status_code in (200, 302), opened.text
        with transaction() as session:
            shop = session.scalars(select(Shop)).one()
            program.set_mode(session, shop.id, mode, program.Waiting.KEEP, "test", utcnow())
            # Nobody here has second thoughts, and everything is waited for.
            program.set_undo(session, shop.id, 0, "test", utcnow())

    def be_impatient(self) -> None:
        """Wait for Shopify's answers for a second, and let a lost one be for a few.

        What lands only after this quiet period is made twice, so no busy machine may ever take so long for a call.
        """
        self.app.config["SETTINGS"] = replace(
            self.app.config["SETTINGS"], shopify_timeout_seconds=1, transfer_quiet_seconds=6
        )

    def wait_until_quiet(self) -> None:
        """Wait until nothing is on its way: no webhook, no delivery to handle, no transfer to send."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._is_quiet():
            assert time.monotonic() < deadline, f"still busy: {self._busy()}"
            time.sleep(0.05)

    def _is_quiet(self) -> bool:
        return self._busy() == (0, 0, 0)

    def _busy(self) -> tuple[int, int, int]:
        # First what is still to come: asked last, it may have come in after the tables were looked at.
        to_come = self.get("deliveries?limit=1")["waiting"]
        with transaction() as session:
            waiting = session.scalar(select(func.count()).where(Delivery.state == DeliveryState.RECEIVED))
            unfinished = session.scalar(select(func.count()).where(Transfer.state.in_(UNFINISHED)))
        return to_come, waiting or 0, unfinished or 0


@contextmanager
def open_town(settings: Settings, seed: int, *, workers: int = 2) -> Iterator[Town]:
    """Open a house of its own on the given database; everything ends with the block."""
    app = create_app(settings)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True
    with Sandbox(app_url=f"http://127.0.0.1:{server.server_port}", seed=seed, restore_rate=100_000) as box:
        # The app learns the sandbox's address only now; settings are read at each use.
        app.config["SETTINGS"] = replace(settings, shopify_admin_origin=box.url, shopify_timeout_seconds=30)
        stop = Event()
        threads = [Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)]
        threads += [Thread(target=_work, args=(app, stop), daemon=True) for _ in range(workers)]
        for thread in threads:
            thread.start()
        try:
            with app.app_context():
                yield Town(app, box)
                db.session.remove()
        finally:
            stop.set()
            server.shutdown()
            for thread in threads:
                thread.join(30)
            server.server_close()


def _work(app: Flask, stop: Event) -> None:
    """Do what a worker with a clock does, without waiting for the queue to ring."""
    while not stop.wait(0.02):
        with app.app_context():
            jobs.drain_inbox()
            with transaction() as session:
                shop_ids = transfer.list_due_shops(session, utcnow())
            for shop_id in shop_ids:
                jobs.send_transfers(shop_id)
