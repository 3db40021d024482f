"""The stage of the browser tests: a sandbox whose admin frames the app, and the app on a port of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from flask import Flask
from werkzeug.serving import make_server

from app import create_app
from app.config import Settings
from sandbox.server import Sandbox

SHOP = "boomerang-demo.myshopify.com"


@dataclass(frozen=True, slots=True)
class Stage:
    """A running sandbox and the app that it frames."""

    app: Flask
    sandbox: Sandbox

    def address(self, path: str = "/") -> str:
        """Return the address of the admin with the app's page in its frame."""
        return f"{self.sandbox.url}/store/boomerang-demo/apps/boomerang{path.rstrip('/')}"


@contextmanager
def set_stage(settings: Settings) -> Iterator[Stage]:
    """Run both for a while."""
    server = make_server("127.0.0.1", 0, Flask("not ready"), threaded=True)
    app_url = f"http://127.0.0.1:{server.server_port}"
    with Sandbox(app_url=app_url, seed=1, shop=SHOP) as sandbox:
        app = create_app(
            replace(
                settings,
                app_url=app_url,
                shopify_admin_origin=sandbox.url,
                app_bridge_url=f"{sandbox.url}/app-bridge.js",
            )
        )
        server.app = app
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Stage(app, sandbox)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
