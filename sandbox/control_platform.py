"""The control API's other half: shops, tokens, faults, deliveries, customers' credit, traffic."""

import base64
import binascii

from flask import Response, current_app, request

from sandbox.clock import millisecond_text, utc_text
from sandbox.control import announcer, as_json, blueprint, chosen_shop, controlled, read_body, read_limit, world
from sandbox.credit import CreditAccount, CreditTransaction
from sandbox.errors import BadInput
from sandbox.models import Customer
from sandbox.money import Money, webhook_text
from sandbox.requests_in import Json, read_currency, read_id, read_quantity
from sandbox.state import Shop
from sandbox.tokens import SESSION_TOKEN_SECONDS, mint_session_token
from sandbox.traffic import Traffic
from sandbox.webhooks import Dispatcher

DEFAULT_STAFF = 902541635
LONGEST_TOKEN = 3600
MOST_ORDERS = 100_000


def dispatcher() -> Dispatcher:
    """Return what delivers the webhooks."""
    found: Dispatcher = current_app.extensions["dispatcher"]
    return found


def waiting() -> int:
    """Return how many deliveries are under way, with the orders a running history has still to make."""
    return dispatcher().waiting + traffic().orders_to_make


def traffic() -> Traffic:
    """Return what makes up orders."""
    found: Traffic = current_app.extensions["traffic"]
    return found


@blueprint.post("/sandbox/shops")
@controlled
def add_shop() -> Response:
    """Make another shop, served under /shops/<shop>."""
    body = read_body()
    shop = world().add_shop(str(body.get("shop")))
    if body.get("currency") is not None:
        currency = read_currency(body["currency"], shop.currency)
        with shop.lock:
            if shop.orders and currency != shop.currency:
                raise BadInput(f"{shop.domain} has orders in {shop.currency}; its currency stays.")
            shop.currency = currency
    return as_json({"shop": shop.domain, "currency": shop.currency, "admin_origin": admin_origin(shop)}, 201)


@blueprint.get("/sandbox/shops")
@controlled
def list_shops() -> Response:
    """All shops."""
    shops = [
        {"shop": shop.domain, "currency": shop.currency, "installed": shop.installed, "orders": len(shop.orders)}
        for shop in world().shops.values()
    ]
    return as_json({"shops": shops})


def admin_origin(shop: Shop) -> str:
    """Return the address under which the app reaches this shop's Admin API."""
    root = request.host_url.rstrip("/")
    return root if shop is world().main else f"{root}/shops/{shop.domain}"


@blueprint.post("/sandbox/session-token")
@controlled
def session_token() -> Response:
    """A fresh session token, as App Bridge would fetch it."""
    body = read_body()
    shop = chosen_shop(body)
    if not shop.installed:
        raise BadInput(f"The app is not installed on {shop.domain}; POST /sandbox/install first.")
    staff_id = read_id(body.get("staff_id", DEFAULT_STAFF), "staff_id")
    seconds = body.get("expires_in", SESSION_TOKEN_SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or abs(seconds) > LONGEST_TOKEN:
        raise BadInput(f"expires_in must be whole seconds, at most {LONGEST_TOKEN}; below zero is expired.")
    session_id = f"{shop.id:016x}{staff_id:016x}"
    token = mint_session_token(shop.options, shop.domain, staff_id, session_id, seconds)
    return as_json({"token": token, "shop": shop.domain, "expires_in": seconds})


@blueprint.post("/sandbox/uninstall")
@controlled
def uninstall() -> Response:
    """Remove the app: its tokens end, and app/uninstalled is sent."""
    shop = chosen_shop(read_body())
    with shop.lock:
        shop.installed = False
        shop.tokens.revoke_all()
        announcer().uninstalled(shop)
    return as_json({"shop": shop.domain, "installed": False})


@blueprint.post("/sandbox/install")
@controlled
def install() -> Response:
    """Install the app again."""
    shop = chosen_shop(read_body())
    shop.installed = True
    return as_json({"shop": shop.domain, "installed": True})


@blueprint.post("/sandbox/expire-tokens")
@controlled
def expire_tokens() -> Response:
    """Let all access tokens of the shop run out now; they can be refreshed."""
    shop = chosen_shop(read_body())
    shop.tokens.expire_access_tokens()
    return as_json({"shop": shop.domain})


@blueprint.post("/sandbox/reset")
@controlled
def reset() -> Response:
    """Empty all shops and switch all faults and traffic off; access tokens stay good."""
    body = read_body()
    seed = body.get("seed", world().options.seed)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise BadInput(f"seed must be a whole number, not {seed!r}.")
    traffic().stop()
    world().faults.reset(seed)
    dispatcher().forget()
    for shop in world().shops.values():
        with shop.lock:
            shop.clear(seed)
    return as_json({"seed": seed})


@blueprint.post("/sandbox/clock")
@controlled
def move_clock() -> Response:
    """Move the sandbox's time forward, so that credit expires."""
    body = read_body()
    seconds = read_quantity(body.get("advance_seconds", 0), "advance_seconds", 0)
    days = read_quantity(body.get("advance_days", 0), "advance_days", 0)
    world().clock.advance(seconds + days * 86_400)
    return as_json({"now": utc_text(world().clock.now())})


@blueprint.get("/sandbox/faults")
@controlled
def show_faults() -> Response:
    """The faults that are switched on."""
    return as_json(world().faults.show())


@blueprint.post("/sandbox/faults")
@controlled
def set_faults() -> Response:
    """Switch faults; an empty object switches all off."""
    world().faults.change(dict(read_body()))
    return as_json(world().faults.show())


@blueprint.get("/sandbox/deliveries")
@controlled
def list_deliveries() -> Response:
    """The latest deliveries, and how many are still under way."""
    since = request.args.get("since", "0")
    if not since.isdecimal():
        raise BadInput(f'since must be the "seq" of a delivery, not {since!r}.')
    found = dispatcher().list(int(since), request.args.get("topic"), request.args.get("status"), read_limit(100))
    return as_json(
        {
            "waiting": waiting(),
            "last_seq": dispatcher().last_seq,
            "deliveries": [delivery.show() for delivery in found],
        }
    )


@blueprint.post("/sandbox/deliver")
@controlled
def deliver() -> Response:
    """Sign exactly the bytes given, send them once, and return what the app said."""
    body = read_body()
    shop = body.get("shop") or world().main.domain
    topic, headers = body.get("topic"), body.get("headers", {})
    if not isinstance(topic, str) or not topic:
        raise BadInput('topic must be a name such as "orders/paid".')
    if not isinstance(headers, dict):
        raise BadInput("headers must be an object of names and values.")
    webhook_id = body.get("webhook_id")
    answer = dispatcher().deliver_now(
        str(shop),
        topic,
        _raw_bytes(body),
        str(webhook_id) if webhook_id is not None else None,
        {str(name): str(value) for name, value in headers.items()},
        _secret(body.get("secret")),
    )
    return as_json(
        {
            "status": answer.status,
            "response": answer.body.decode("utf-8", "replace"),
            "ms": answer.duration_ms,
            "error": answer.error,
        }
    )


def _raw_bytes(body: Json) -> bytes:
    if isinstance(body.get("body_base64"), str):
        try:
            return base64.b64decode(str(body["body_base64"]), validate=True)
        except binascii.Error:
            raise BadInput("body_base64 must be base64.") from None
    if not isinstance(body.get("body"), str):
        raise BadInput('body must be a string, the raw bytes to send (or give "body_base64").')
    return str(body["body"]).encode()


def _secret(wanted: object) -> str:
    options = world().options
    secrets = {None: options.client_secret, "old": options.old_client_secret, "wrong": "not-the-secret"}
    if wanted not in secrets:
        raise BadInput('secret must be "old" or "wrong", or be left out.')
    return secrets[wanted]


@blueprint.get("/sandbox/customers")
@controlled
def list_customers() -> Response:
    """The shop's customers with their credit, newest first."""
    shop = chosen_shop()
    with shop.lock:
        newest = list(shop.customers.values())[-read_limit(100) :][::-1]
        return as_json({"customers": [_show_customer(shop, one) for one in newest], "count": len(shop.customers)})


@blueprint.get("/sandbox/customers/<int:customer_id>/store-credit")
@controlled
def store_credit(customer_id: int) -> Response:
    """A customer's accounts with all their transactions."""
    shop = chosen_shop()
    with shop.lock:
        customer = shop.get_customer(customer_id)
        accounts = shop.credit.accounts_of(customer, shop.clock.now())
        return as_json({"customer_id": customer_id, "accounts": [_show_account(one) for one in accounts]})


@blueprint.post("/sandbox/history")
@controlled
def make_history() -> Response:
    """Make up orders of the past days and deliver their webhooks in order."""
    body = read_body()
    shop = chosen_shop(body)
    count = read_quantity(body.get("orders"), "orders")
    days = read_quantity(body.get("days", 365), "days")
    if count > MOST_ORDERS:
        raise BadInput(f"orders must be at most {MOST_ORDERS}.")
    traffic().start_history(shop, count, days)
    return as_json({"orders": count, "days": days}, 202)


@blueprint.get("/sandbox/history")
@controlled
def history_progress() -> Response:
    """How far the history has come."""
    return as_json(traffic().progress())


@blueprint.post("/sandbox/traffic")
@controlled
def set_traffic() -> Response:
    """Place an order every so many seconds; 0 stops."""
    seconds = read_body().get("every_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 86_400:
        raise BadInput(f"every_seconds must be a number of seconds, 0 to stop, not {seconds!r}.")
    traffic().every(seconds)
    return as_json({"every_seconds": seconds})


def _show_customer(shop: Shop, customer: Customer) -> dict[str, object]:
    accounts = shop.credit.accounts_of(customer, shop.clock.now())
    return {
        "id": customer.id,
        "email": customer.email,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "display_name": customer.display_name,
        "tags": customer.tags,
        "number_of_orders": customer.number_of_orders,
        "store_credit": [
            {"currency": one.currency, "balance": webhook_text(Money(one.balance_minor, one.currency))}
            for one in accounts
        ],
    }


def _show_account(account: CreditAccount) -> dict[str, object]:
    return {
        "id": account.id,
        "currency": account.currency,
        "balance": webhook_text(Money(account.balance_minor, account.currency)),
        "transactions": [_show_entry(entry) for entry in account.transactions],
    }


def _show_entry(entry: CreditTransaction) -> dict[str, object]:
    currency = entry.account.currency
    order = entry.origin.order if entry.origin else None
    return {
        "id": entry.id,
        "type": entry.type,
        "amount": webhook_text(Money(entry.amount_minor, currency)),
        "balance_after": webhook_text(Money(entry.balance_after_minor, currency)),
        "event": entry.event,
        "created_at": utc_text(entry.created_at),
        "created_at_ms": millisecond_text(entry.landed_at),
        "expires_at": utc_text(entry.expires_at),
        "remaining": webhook_text(Money(entry.remaining_minor, currency)),
        "order_id": order.id if order else None,
    }
