"""A real HTTP server that a merchant could have: it notes what it is told, and answers as it is in the mood to."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass
class Receiver:
    """What a merchant's server was told."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    #: While set, nobody answers.
    silent: Event = field(default_factory=Event)
    #: Everything that was asked: path, headers, body; and of these what it took.
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}/boomerang?from=shop"


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Open a receiver; it ends with the block."""
    receiver, ended = Receiver(), Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.asked.append((self.path, dict(self.headers), body))
            if receiver.silent.is_set():
                ended.wait(30)
                return
            if receiver.status == 200:
                receiver.taken.append(json.loads(body))
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        ended.set()
        server.shutdown()
        thread.join(10)
        server.server_close()
