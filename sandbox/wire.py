"""The HTTP server: threads, kept connections, and a way to drop one without an answer."""

import socket
import threading

from flask import Flask, Response, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

HOST = "127.0.0.1"
BACKLOG = 128


class QuietHandler(WSGIRequestHandler):
    """Keeps connections open, sends small answers at once, and writes no access log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing; the sandbox's page shows what was delivered."""


def open_listener(port: int) -> socket.socket:
    """Return a socket bound to the port on loopback, a free one for 0; raise OSError when it is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def make_quick_server(app: Flask, listener: socket.socket) -> BaseWSGIServer:
    """Return a server on the listening socket, ready to be run; it is the server's from now on."""
    port = listener.getsockname()[1]
    server = make_server(HOST, port, app, threaded=True, request_handler=QuietHandler, fd=listener.fileno())
    listener.close()
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
