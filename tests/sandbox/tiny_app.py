"""A tiny embedded app, so that the sandbox can be tried without Boomerang: takes webhooks, shows two pages."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from flask import Flask, Response, redirect, request
from werkzeug.serving import BaseWSGIServer, make_server

from sandbox.options import Options
from sandbox.wire import QuietHandler

SECRET = Options(app_url="").client_secret
CLIENT_ID = Options(app_url="").client_id
HEADERS = ("Topic", "Hmac-Sha256", "Shop-Domain", "Api-Version", "Webhook-Id", "Event-Id", "Triggered-At")
RETRY_HEADER = "X-Shopify-Retry-Invalid-Session-Request"


@dataclass(frozen=True)
class Arrival:
    """A webhook as it came in."""

    headers: dict[str, str]
    body: bytes

    @property
    def topic(self) -> str:
        return self.headers["X-Shopify-Topic"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_signed(self) -> bool:
        """Whether headers and signature are as Shopify sends them."""
        signature = base64.b64encode(hmac.digest(SECRET.encode(), self.body, hashlib.sha256)).decode()
        complete = all(self.headers[f"X-Shopify-{name}"] for name in HEADERS)
        return complete and self.headers["X-Shopify-Hmac-Sha256"] == signature


class TinyApp:
    """Serves on a free port; `answers` may hold statuses for the next webhooks, else they get 200."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.answers: list[int] = []
        self.tokens_seen: list[str] = []
        self.before_answer: Callable[[], object] = lambda: None
        self.reject_next_fetch = False
        self.bridge_url = ""
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", 0, self._make(), threaded=True, request_handler=QuietHandler
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def topics(self) -> list[str]:
        return [arrival.topic for arrival in self.arrivals]

    def bodies(self, topic: str) -> list[Any]:
        """Return the bodies that came with a topic; each must be signed."""
        found = [arrival for arrival in self.arrivals if arrival.topic == topic]
        assert all(arrival.is_signed for arrival in found)
        return [arrival.json for arrival in found]

    def _make(self) -> Flask:
        app = Flask("tiny")
        app.add_url_rule("/webhooks/shopify", view_func=self._webhook, methods=["POST"])
        app.add_url_rule("/bounce", view_func=self._bounce)
        app.add_url_rule("/data", view_func=self._data, methods=["GET", "POST"])
        app.add_url_rule("/", view_func=self._page)
        app.add_url_rule("/orders", view_func=self._page)
        app.add_url_rule("/script.js", view_func=self._script)
        return app

    def _webhook(self) -> Response:
        self.before_answer()
        self.arrivals.append(Arrival(dict(request.headers), request.get_data()))
        return Response(status=self.answers.pop(0) if self.answers else 200)

    def _page(self) -> Response:
        if not self._admits(request.args.get("id_token", "")):
            kept = f"{request.path}?shop={request.args.get('shop', '')}"
            return redirect(f"/bounce?shop={request.args.get('shop', '')}&shopify-reload={kept}")  # type: ignore[return-value]
        text = f"""<h1>Tiny {request.path}</h1><p id="data">…</p><a href="/orders">Plain link</a>
            <button id="ask">Ask</button><script src="/script.js"></script>
            <s-app-nav><s-link href="/" rel="home">Home</s-link><s-link href="/orders">Orders</s-link></s-app-nav>"""
        return Response(self._document(f"Tiny {request.path}", text), mimetype="text/html")

    def _bounce(self) -> Response:
        return Response(self._document("", ""), mimetype="text/html")

    def _data(self) -> Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        refused, self.reject_next_fetch = self.reject_next_fetch or not self._admits(token), False
        self.tokens_seen.append(token)
        if refused:
            return Response(status=401, headers={RETRY_HEADER: "1"})
        return Response(f"data {request.get_data(as_text=True)}")

    def _script(self) -> Response:
        text = """document.getElementById("ask").onclick = async () => {
            const answer = await fetch("/data", {method: "POST", body: "sent"});
            document.getElementById("data").textContent = await answer.text();
            shopify.toast.show("Asked and answered"); };"""
        return Response(text, mimetype="text/javascript")

    def _document(self, title: str, body: str) -> str:
        return f"""<!doctype html><html lang="en"><head><title>{title}</title>
            <meta name="shopify-api-key" content="{CLIENT_ID}"><script src="{self.bridge_url}"></script>
            </head><body>{body}</body></html>"""

    def _admits(self, token: str) -> bool:
        try:
            jwt.decode(token, SECRET, algorithms=["HS256"], audience=CLIENT_ID)
        except jwt.InvalidTokenError:
            return False
        return True
