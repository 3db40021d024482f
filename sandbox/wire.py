"""The HTTP server: threads, kept connections, and a way to drop one without an answer."""

import socket
import threading

from flask import Flask, Response, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server


class QuietHandler(WSGIRequestHandler):
    """Keeps connections open, sends small answers at once, and writes no access log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing; the sandbox's page shows what was delivered."""


def make_quick_server(app: Flask, port: int) -> BaseWSGIServer:
    """Return a server on loopback that is bound and ready to be run."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=QuietHandler)
    server.daemon_threads = True  # type: ignore[attr-defined]
    return server


def run_in_thread(server: BaseWSGIServer) -> threading.Thread:
    """Serve in a thread of this process."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    return thread


def drop_connection() -> Response:
    """Close the caller's connection without a byte of answer."""
    connection: socket.socket | None = request.environ.get("werkzeug.socket")
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    return Response(status=504, headers={"Connection": "close"})
