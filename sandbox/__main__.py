"""Starts a sandbox: `python -m sandbox --port 9001 --app-url http://127.0.0.1:8000 --seed 1`."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from sandbox.errors import BadInput
from sandbox.options import DEFAULT_SCOPES, Options
from sandbox.server import Sandbox
from sandbox.subscriptions import topics_of_toml
from sandbox.wire import HOST

APP_TOML = "shopify.app.toml"
DEFAULTS = Options(app_url="")


def main() -> int:
    """Serve until interrupted or terminated."""
    chosen = read_arguments()
    chosen["topics"] = _topics(chosen.pop("app_toml"), chosen.pop("topics"))
    port, traffic, history = chosen.pop("port"), chosen.pop("traffic"), chosen.pop("history")
    stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())
    try:
        box = Sandbox(port=port, **chosen)
    except OSError as problem:
        print(f"Port {port} cannot be used ({problem.strerror}); choose another with --port.", file=sys.stderr)
        return 2
    except BadInput as refusal:
        print(refusal, file=sys.stderr)
        return 2
    with box:
        print(f"sandbox ready on {box.url}", flush=True)
        if box.inbox.port is not None:
            print(f"mails are taken on smtp://{HOST}:{box.inbox.port}?starttls=no", flush=True)
        if history:
            box.traffic.start_history(box.world.main, history, 365)
        if traffic:
            box.traffic.every(traffic)
        stop.wait()
    return 0


def read_arguments() -> dict[str, Any]:
    """Return the options given on the command line, with the environment's client id and secret."""
    env = os.environ.get
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A small Shopify on your machine.")
    parser.add_argument("--port", type=int, default=9001, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--app-url", required=True, help="the app under test, e.g. http://127.0.0.1:8000")
    parser.add_argument("--seed", type=int, default=1, help="start of the random numbers")
    parser.add_argument("--shop", default=DEFAULTS.shop)
    parser.add_argument("--client-id", default=env("SHOPIFY_CLIENT_ID") or DEFAULTS.client_id)
    parser.add_argument("--client-secret", default=env("SHOPIFY_CLIENT_SECRET") or DEFAULTS.client_secret)
    parser.add_argument("--old-client-secret", default=env("SHOPIFY_OLD_CLIENT_SECRET") or DEFAULTS.old_client_secret)
    parser.add_argument("--restore-rate", type=int, default=100, help="GraphQL points per second")
    parser.add_argument("--currency", default="USD", help="the shop's currency")
    parser.add_argument("--timezone", default=DEFAULTS.timezone, help="the shop's time zone")
    parser.add_argument("--token-seconds", type=int, default=3600, help="lifetime of access tokens")
    parser.add_argument("--retry-seconds", type=float, default=1.0, help="wait before the first retry")
    parser.add_argument("--delivery-threads", type=int, default=DEFAULTS.delivery_threads)
    parser.add_argument("--scopes", default=DEFAULT_SCOPES, help="access scopes granted, with commas")
    parser.add_argument(
        "--app-toml", help=f"take the topics to deliver from this file; by default {APP_TOML}, if it is here"
    )
    parser.add_argument("--topics", default="", help="more topics to deliver, with commas")
    parser.add_argument("--mail-port", type=int, help="take customers' mails on this port; 0 takes a free one")
    parser.add_argument("--traffic", type=float, default=0, help="seconds between orders; 0 is off")
    parser.add_argument("--history", type=int, default=0, help="orders of the past year to make at the start")
    return vars(parser.parse_args())


def _topics(app_toml: str | None, more: str) -> tuple[str, ...]:
    """Return what to deliver besides orders and refunds; without a name, the file is looked for where one stands."""
    path = Path(app_toml or APP_TOML)
    asked = topics_of_toml(path) if app_toml or path.exists() else ()
    return (*asked, *filter(None, more.split(",")))


if __name__ == "__main__":
    sys.exit(main())
