"""The sandbox as a whole: world, webhooks, and the web application that serves it."""

from flask import Flask

from sandbox import (
    authorize,
    control_aftermath,
    control_bulk,
    control_catalogue,
    control_customers,
    control_inbox,
    control_lifecycle,
    control_orders,
    control_people,
    control_platform,
    control_scopes,
    control_webhooks,
    frame,
    platform,
    storefront,
)
from sandbox.events import Announcer
from sandbox.inbox import Inbox
from sandbox.options import Options
from sandbox.other_events import CatalogueAnnouncer, CustomerAnnouncer, announce_bulk
from sandbox.post import Post
from sandbox.state import World
from sandbox.traffic import Traffic
from sandbox.webhooks import Dispatcher
from sandbox.wire import HOST, make_quick_server, open_listener, run_in_thread


class Sandbox:
    """A sandbox that serves from a thread of this process: `with Sandbox(app_url=...) as box: box.url`."""

    def __init__(self, *, port: int = 0, **chosen: object) -> None:
        self.options = Options(**chosen)  # type: ignore[arg-type]
        self.world = World(self.options)
        listener = open_listener(port)
        self.port = int(listener.getsockname()[1])
        self.url = f"http://{HOST}:{self.port}"
        self.dispatcher = Dispatcher(self.options, self.world.faults)
        self.post = Post(self.dispatcher, self.world.subscriptions)
        self.announcer = Announcer(self.post)
        self.inbox = Inbox(self.options.mail_port)
        self.traffic = Traffic(self.world, self.announcer, self.dispatcher)
        self.world.on_bulk_finish = lambda shop, operation: announce_bulk(self.post, shop, operation)
        self._server = make_quick_server(self._make_app(), listener)
        self._thread = run_in_thread(self._server)

    def close(self) -> None:
        """Stop traffic, deliveries and server."""
        self.traffic.stop()
        self.world.faults.reset()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.inbox.close()
        for shop in self.world.shops.values():
            shop.bulk.close()
        self.dispatcher.stop()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make_app(self) -> Flask:
        app = Flask("sandbox", static_folder=None)
        app.extensions.update(
            world=self.world,
            dispatcher=self.dispatcher,
            announcer=self.announcer,
            customer_announcer=CustomerAnnouncer(self.post),
            catalogue_announcer=CatalogueAnnouncer(self.post),
            traffic=self.traffic,
            post=self.post,
            inbox=self.inbox,
        )
        app.register_blueprint(platform.blueprint)
        controls = (
            control_orders,
            control_aftermath,
            control_customers,
            control_lifecycle,
            control_people,
            control_catalogue,
        )
        for part in (
            *controls,
            control_bulk,
            control_inbox,
            control_webhooks,
            control_platform,
            control_scopes,
            authorize,
            storefront,
        ):
            app.register_blueprint(part.blueprint)
        app.register_blueprint(authorize.control)
        app.register_blueprint(frame.blueprint)
        return app
