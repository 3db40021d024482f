"""What the gateway makes of every answer, and of none: was it executed, was it not, or does nobody know?"""

import gzip
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask

from app.shopify import wire
from app.shopify.allowance import Cost
from app.shopify.connect import gateway_to, open_gateway
from app.shopify.documents import SHOP, STORE_CREDIT_CREDIT, Document
from app.shopify.errors import (
    AccessDenied,
    DocumentRefused,
    NoAnswer,
    NotExecuted,
    NotSent,
    OutcomeUnknown,
    ServerTrouble,
    ShopifyError,
    ShopUnavailable,
    Throttled,
    Unauthorized,
)
from app.shopify.gateway import Gateway
from sandbox.server import Sandbox
from sandbox.tokens import ID_TOKEN, OFFLINE, TOKEN_EXCHANGE
from tests.shopify.desk import Desk, session_token

ORIGIN = "https://made-up.myshopify.com"
ENDPOINT = f"{ORIGIN}/admin/api/2026-10/graphql.json"
COST = {
    "requestedQueryCost": 42,
    "actualQueryCost": 2,
    "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 1958, "restoreRate": 100.0},
}


@pytest.fixture
def shopify() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def gateway(origin: str = ORIGIN, timeout_seconds: float = 0.3) -> Gateway:
    return Gateway(origin, "2026-10", "a-token", timeout_seconds, wire.new_session(origin))


def errors(*codes: str | None, **more: Any) -> dict[str, Any]:
    listed = [
        {"message": f"Message of {code}", "path": ["shop"], **({"extensions": {"code": code}} if code else {})}
        for code in codes
    ]
    return {"errors": listed, **more}


def test_data_comes_back_with_the_cost_beside_it(shopify: responses.RequestsMock) -> None:
    shopify.post(ENDPOINT, json={"data": {"shop": {"name": "Shop"}}, "extensions": {"cost": COST}})
    door = gateway()

    assert door.last_cost is None
    assert door.execute(SHOP) == {"shop": {"name": "Shop"}}
    assert door.last_cost == Cost(requested=42, actual=2, available=1958, restore_rate=100, maximum=2000)


def test_a_call_carries_token_document_and_variables(shopify: responses.RequestsMock) -> None:
    shopify.post(ENDPOINT, json={"data": {}})

    gateway().execute(Document("any", "query Any($id: ID!) { node(id: $id) { id } }", ()), {"id": "gid://x/1"})

    request = shopify.calls[0].request
    assert request.headers["X-Shopify-Access-Token"] == "a-token"
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body or "")["variables"] == {"id": "gid://x/1"}


def test_numbers_with_a_point_never_become_floats(shopify: responses.RequestsMock) -> None:
    shopify.post(ENDPOINT, body='{"data": {"amount": 0.1, "big": 12345678901234567.89, "whole": 9007199254740993}}')

    assert gateway().execute(SHOP) == {
        "amount": Decimal("0.1"),
        "big": Decimal("12345678901234567.89"),
        "whole": 9007199254740993,
    }


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"errors": "[API] Invalid API key or access token"}, Unauthorized),
        (402, {"errors": "Unavailable Shop"}, ShopUnavailable),
        (403, {"errors": "Forbidden"}, ShopUnavailable),
        (404, {"errors": "Not Found"}, ShopUnavailable),
        (423, {"errors": "Locked"}, ShopUnavailable),
        (430, {"errors": "Rejected"}, ShopUnavailable),
        (301, {}, ShopUnavailable),
        (400, {"errors": {"query": "Required parameter missing"}}, DocumentRefused),
        (413, {}, DocumentRefused),
        (408, {}, ServerTrouble),
        (500, {"errors": "Internal Server Error"}, ServerTrouble),
        (502, {}, ServerTrouble),
        (503, {}, ServerTrouble),
        (504, {}, ServerTrouble),
        (204, {}, NoAnswer),
        (200, [], NoAnswer),
        (200, {}, NoAnswer),
        (200, {"data": None}, NoAnswer),
        (200, {"errors": "a sentence"}, NoAnswer),
        (200, {"errors": ["a sentence"]}, NoAnswer),
        (200, errors("INVALID_VARIABLE"), DocumentRefused),
        (200, errors("undefinedField", "argumentNotAccepted"), DocumentRefused),
        (200, errors("MAX_COST_EXCEEDED", data=None), DocumentRefused),
        (200, errors("INTERNAL_SERVER_ERROR"), ServerTrouble),
        (200, errors("undefinedField", "INTERNAL_SERVER_ERROR"), ServerTrouble),
        (200, errors(None), ServerTrouble),
        (200, errors("INTERNAL_SERVER_ERROR", data={"shop": None}), ServerTrouble),
        (200, errors("THROTTLED", "INTERNAL_SERVER_ERROR", data={"shop": None}), ServerTrouble),
        (200, errors("ACCESS_DENIED", data={"shop": None}), AccessDenied),
        (200, errors("ACCESS_DENIED", data={"shop": {"name": "x"}}), ServerTrouble),
        (200, errors("undefinedField", data={"shop": {"name": "x"}}), ServerTrouble),
    ],
)
def test_every_answer_has_its_error(
    shopify: responses.RequestsMock, status: int, body: object, error: type[ShopifyError]
) -> None:
    headers = {"Location": "https://elsewhere.example.com/"} if status == 301 else {}
    shopify.post(ENDPOINT, status=status, json=body, headers=headers)

    with pytest.raises(error) as raised:
        gateway().execute(SHOP)
    assert type(raised.value) is error
    assert len(shopify.calls) == 1


def test_a_denied_field_below_a_mutation_does_not_say_that_the_mutation_was_not_executed(
    shopify: responses.RequestsMock,
) -> None:
    body = errors("ACCESS_DENIED", data={"storeCreditAccountCredit": None})
    body["errors"][0]["path"] = ["storeCreditAccountCredit", "storeCreditAccountTransaction"]
    shopify.post(ENDPOINT, json=body)

    with pytest.raises(OutcomeUnknown):
        gateway().execute(STORE_CREDIT_CREDIT)


@pytest.mark.parametrize("body", ["", "<html>", '{"data": ', '{"data": {"n": NaN}}', "[" * 5000, b"\xff\xfe{"])
def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(
    shopify: responses.RequestsMock, body: str | bytes
) -> None:
    shopify.post(ENDPOINT, body=body)

    with pytest.raises(NoAnswer):
        gateway().execute(SHOP)


def test_an_answer_without_end_is_cut_off(shopify: responses.RequestsMock) -> None:
    shopify.post(ENDPOINT, body=b" " * (wire.LARGEST_ANSWER + 1))

    with pytest.raises(NoAnswer, match="larger than"):
        gateway().execute(SHOP)


def test_a_compressed_answer_is_measured_unpacked(shopify: responses.RequestsMock) -> None:
    bomb = gzip.compress(b" " * (wire.LARGEST_ANSWER + 1))
    shopify.post(ENDPOINT, body=bomb, headers={"Content-Encoding": "gzip"})
    assert len(bomb) < 100_000

    with pytest.raises(NoAnswer, match="larger than"):
        gateway().execute(SHOP)


def test_throttled_is_waited_out_for_as_long_as_the_points_take_to_come_back(shopify: responses.RequestsMock) -> None:
    short = {**COST, "throttleStatus": {"maximumAvailable": 2000, "currentlyAvailable": 22, "restoreRate": 100}}
    shopify.post(ENDPOINT, json=errors("THROTTLED", extensions={"cost": short}))
    shopify.post(ENDPOINT, status=429, headers={"Retry-After": "0.1"})
    shopify.post(ENDPOINT, json={"data": {"shop": {}}})
    sendings: list[int] = []

    assert gateway().execute(SHOP, before_send=lambda: sendings.append(1)) == {"shop": {}}
    assert len(shopify.calls) == len(sendings) == 3


@pytest.mark.parametrize(
    ("reply", "wait"),
    [
        ({"json": errors("THROTTLED", extensions={"cost": {**COST, "requestedQueryCost": 2958}})}, 10.0),
        ({"json": errors("THROTTLED", extensions={"cost": COST})}, 0.1),
        ({"json": errors("THROTTLED")}, 1.0),
        ({"status": 429}, 1.0),
        ({"status": 429, "headers": {"Retry-After": "2.5"}}, 2.5),
        ({"status": 429, "headers": {"Retry-After": "soon"}}, 1.0),
        ({"status": 429, "headers": {"Retry-After": "nan"}}, 1.0),
        ({"status": 429, "headers": {"Retry-After": "-1"}}, 0.1),
        ({"status": 429, "headers": {"Retry-After": "86400"}}, 60.0),
        ({"status": 429, "headers": {"Retry-After": "1e300"}}, 60.0),
    ],
)
def test_throttled_says_how_long_to_wait(shopify: responses.RequestsMock, reply: dict[str, Any], wait: float) -> None:
    shopify.post(ENDPOINT, **reply)

    with pytest.raises(Throttled) as raised:
        gateway().execute(SHOP, max_wait_seconds=0)
    assert raised.value.wait_seconds == pytest.approx(wait)


def test_what_before_send_raises_ends_the_call_unsent(shopify: responses.RequestsMock) -> None:
    class TooLate(Exception):
        pass

    def refuse() -> None:
        raise TooLate

    with pytest.raises(TooLate):
        gateway().execute(SHOP, before_send=refuse)
    assert len(shopify.calls) == 0


@pytest.mark.parametrize("error", [Throttled, Unauthorized, AccessDenied, ShopUnavailable, DocumentRefused, NotSent])
def test_these_errors_say_that_nothing_was_executed(error: type[ShopifyError]) -> None:
    assert issubclass(error, NotExecuted)
    assert not issubclass(error, OutcomeUnknown)


@pytest.mark.parametrize("error", [ServerTrouble, NoAnswer])
def test_these_errors_say_that_nobody_knows(error: type[ShopifyError]) -> None:
    assert issubclass(error, OutcomeUnknown)
    assert not issubclass(error, NotExecuted)


# The wire itself, against sockets that misbehave.


@contextmanager
def server(behave: Callable[[socket.socket], None], connections: int = 1) -> Iterator[str]:
    """Serve ``behave`` for a number of connections on a free port; yield the origin."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(connections):
                try:
                    connection, _ = listener.accept()
                except OSError:  # the test is over, and wanted fewer of them
                    return
                with connection:
                    behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(
        next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split(b":")[1]
    )
    while len(body) < length:
        body += connection.recv(65_536)
    return body


def test_a_refused_connection_was_never_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(NotSent):
        gateway(f"http://127.0.0.1:{port}").execute(SHOP)


def test_an_unknown_host_was_never_reached() -> None:
    with pytest.raises(NotSent):
        gateway("http://no-such-host.invalid").execute(SHOP)


def test_a_connection_that_is_never_accepted_was_never_sent(shopify: responses.RequestsMock) -> None:
    shopify.post(ENDPOINT, body=requests.ConnectTimeout("timed out"))

    with pytest.raises(NotSent):
        gateway().execute(SHOP)


def test_a_certificate_we_do_not_trust_ends_it_before_anything_is_sent(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    received: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
            received.append(secure.recv(1))

    with server(behave) as origin, pytest.raises(NotSent):
        gateway(origin.replace("http://", "https://")).execute(SHOP)
    assert received in ([], [b""])


def self_signed(folder: Path) -> Path:
    """Write a key and a certificate for 127.0.0.1 that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = folder / "self-signed.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    return path


def test_silence_after_the_request_leaves_the_outcome_unknown() -> None:
    done = threading.Event()

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        done.wait(5)

    with server(behave) as origin:
        with pytest.raises(NoAnswer):
            gateway(origin).execute(SHOP)
        done.set()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
    ids=["nothing", "half a head", "half a body", "half a chunk", "no HTTP", "not gzip"],
)
def test_a_connection_that_breaks_after_the_request_leaves_the_outcome_unknown(said: bytes) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(said)

    with server(behave) as origin, pytest.raises(NoAnswer):
        gateway(origin).execute(SHOP)


def test_an_answer_that_trickles_is_given_up() -> None:
    stop = threading.Event()

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not stop.wait(0.05):
            connection.sendall(b" ")

    with server(behave) as origin:
        with pytest.raises(NoAnswer, match="took too long"):
            gateway(origin, timeout_seconds=0.3).execute(SHOP)
        stop.set()


def test_connections_are_kept_and_used_again() -> None:
    answer = b'{"data": {}}'
    opened: list[int] = []

    def behave(connection: socket.socket) -> None:
        opened.append(1)
        for _ in range(5):
            read_request(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))

    with server(behave, connections=5) as origin:
        door = gateway(origin)
        for _ in range(5):
            door.execute(SHOP)

    assert len(opened) == 1


def test_a_redirect_does_not_carry_the_token_elsewhere(shopify: responses.RequestsMock) -> None:
    shopify.post(ENDPOINT, status=307, headers={"Location": "https://elsewhere.example.com/"})

    with pytest.raises(ShopUnavailable):
        gateway().execute(SHOP)
    assert [call.request.url for call in shopify.calls] == [ENDPOINT]


def test_cookies_of_one_call_do_not_come_back_with_the_next(shopify: responses.RequestsMock) -> None:
    shopify.post(ENDPOINT, json={"data": {}}, headers={"Set-Cookie": "a=b; Path=/"})
    door = gateway()

    door.execute(SHOP)
    door.execute(SHOP)

    assert "Cookie" not in shopify.calls[1].request.headers


def test_a_session_is_shared_by_those_who_talk_to_one_origin_and_by_nobody_else() -> None:
    assert wire.session_for(ORIGIN) is wire.session_for(ORIGIN)
    assert wire.session_for(ORIGIN) is not wire.session_for("https://other.myshopify.com")


# Against the sandbox.


def test_a_token_the_sandbox_does_not_know_is_unauthorized(app_context: Flask, box: Sandbox) -> None:
    with pytest.raises(Unauthorized):
        gateway_to(box.options.shop, "shpat_unknown").execute(SHOP)


@pytest.mark.parametrize(
    ("fault", "error"), [("http_5xx", ServerTrouble), ("timeout", NoAnswer), ("throttled", Throttled)]
)
def test_the_sandboxs_faults_are_told_apart(desk: Desk, fault: str, error: type[ShopifyError]) -> None:
    with desk.impatient():
        door, _ = open_gateway(desk.shop_id)
    desk.faults(**{fault: 1.0}, seconds=30)

    with pytest.raises(error):
        door.execute(SHOP, max_wait_seconds=0.25)


def test_a_missing_scope_is_access_denied() -> None:
    with Sandbox(app_url="http://127.0.0.1:9", scopes="read_orders") as box:
        tokens = box.world.main.tokens
        pair = tokens.answer(
            box.options.shop,
            True,
            {
                "client_id": box.options.client_id,
                "client_secret": box.options.client_secret,
                "grant_type": TOKEN_EXCHANGE,
                "subject_token": session_token(box),
                "subject_token_type": ID_TOKEN,
                "requested_token_type": OFFLINE,
                "expiring": "1",
            },
        )
        door = Gateway(box.url, "2026-10", str(pair["access_token"]), 2)
        credit = {"creditAmount": {"amount": "1.00", "currencyCode": "USD"}}

        with pytest.raises(AccessDenied) as raised:
            door.execute(STORE_CREDIT_CREDIT, {"id_0": "gid://shopify/Customer/1", "input_0": credit})
        assert "write_store_credit_account_transactions" in raised.value.detail


def test_a_variable_the_schema_does_not_know_is_refused(desk: Desk) -> None:
    door, _ = open_gateway(desk.shop_id)

    with pytest.raises(DocumentRefused) as raised:
        door.execute(STORE_CREDIT_CREDIT, {"id_0": "gid://shopify/Customer/1", "input_0": {"note": "no such field"}})
    assert raised.value.code == "INVALID_VARIABLE"
