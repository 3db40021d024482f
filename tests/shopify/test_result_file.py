"""The file of a bulk operation: read from any byte, refused where it is not itself, put together to orders."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.shopify.errors import NoAnswer, NotSent, ServerTrouble
from app.shopify.history import Whole, assemble, bulk_query
from app.shopify.nodes import Unreadable
from app.shopify.result_file import FileGone, Line, read_lines
from tests.flows.builders import day

TEXT = b'{"a":1}\n{"b":"\xc3\xa9"}\n\n{"c":3}\n'
#: Status, headers and body of the answer; the headers may claim more than there is.
Answer = tuple[int, dict[str, str], bytes]
Serve = Callable[[Callable[[str | None], Answer]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return what serves an answer on loopback, made from the Range that is asked for, and returns its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[str | None], Answer]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = answer(self.headers.get("Range"))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Write nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/file"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def with_ranges(text: bytes) -> Callable[[str | None], Answer]:
    def answer(asked: str | None) -> Answer:
        if asked is None:
            return 200, {}, text
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(text):
            return 416, {}, b""
        return 206, {"Content-Range": f"bytes {start}-{len(text) - 1}/{len(text)}"}, text[start:]

    return answer


def places(text: bytes = TEXT) -> list[int]:
    return [0, *(place + 1 for place, byte in enumerate(text) if byte == 10)]


@pytest.mark.parametrize("understands_ranges", [True, False])
def test_every_line_is_read_from_wherever_one_begins(serve: Serve, understands_ranges: bool) -> None:
    url = serve(with_ranges(TEXT) if understands_ranges else lambda _: (200, {}, TEXT))
    whole = list(read_lines(url))
    assert [line.text for line in whole] == TEXT.split(b"\n")[:-1]
    assert [line.end for line in whole] == places()[1:]
    for number, place in enumerate(places()):
        assert list(read_lines(url, start=place)) == whole[number:]


def test_a_last_line_without_a_break_is_read_and_marked(serve: Serve) -> None:
    lines = list(read_lines(serve(lambda _: (200, {}, b"one\ntwo"))))
    assert lines == [Line(b"one", 4), Line(b"two", 7, is_ended=False)]


def test_lines_larger_than_a_piece_are_put_together(serve: Serve) -> None:
    long = b"x" * 700_000
    lines = list(read_lines(serve(with_ranges(long + b"\n" + long + b"\n"))))
    assert [(line.text, line.end) for line in lines] == [(long, 700_001), (long, 1_400_002)]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((403, {}, b"<Error/>"), FileGone),
        ((404, {}, b""), FileGone),
        ((410, {}, b""), FileGone),
        ((500, {}, b""), ServerTrouble),
        ((302, {"Location": "http://127.0.0.1:9/"}, b""), ServerTrouble),
        ((206, {"Content-Range": "bytes 0-9/10"}, b"0123456789"), NoAnswer),
        ((206, {}, b"0123456789"), NoAnswer),
        ((200, {"Content-Length": "1000"}, b"cut short\nhere"), NoAnswer),
    ],
)
def test_what_is_not_the_file_is_refused(serve: Serve, answer: Answer, error: type[Exception]) -> None:
    with pytest.raises(error):
        list(read_lines(serve(lambda _: answer), start=5, timeout_seconds=2))


def test_a_file_that_nobody_serves_or_that_is_not_safe_is_not_read() -> None:
    with pytest.raises(NotSent):
        list(read_lines("http://127.0.0.1:9/file", timeout_seconds=2))
    for url in ("http://example.com/file", "file:///etc/hostname", "ftp://127.0.0.1/file"):
        with pytest.raises(NoAnswer, match="not safe"):
            list(read_lines(url))


def lines_of(*parts: object, last_is_ended: bool = True) -> list[Line]:
    end, lines = 0, []
    for number, part in enumerate(parts):
        text = part if isinstance(part, bytes) else json.dumps(part).encode()
        end += len(text) + 1
        lines.append(Line(text, end, is_ended=last_is_ended or number < len(parts) - 1))
    return lines


ONE = {"id": "gid://shopify/Order/1", "refunds": []}
TWO = {"id": "gid://shopify/Order/2", "refunds": [{"id": "gid://shopify/Refund/9"}]}
MUG = {"id": "gid://shopify/LineItem/5", "quantity": 1, "__parentId": ONE["id"]}
PARCEL = {"isRemoved": False, "__parentId": ONE["id"]}


def test_lines_become_orders_with_the_place_behind_each() -> None:
    lines = lines_of(ONE, MUG, PARCEL, TWO)
    first, second = assemble(lines)
    assert first == Whole({**ONE, "lineItems": [MUG], "shippingLines": [PARCEL]}, lines[2].end)
    assert (second.node["lineItems"], second.end, second.has_refunds) == ([], lines[3].end, True)
    assert not first.has_refunds
    assert list(assemble([])) == []


def test_of_a_file_that_ends_early_the_last_order_and_a_torn_line_are_left_out() -> None:
    assert [whole.node["id"] for whole in assemble(lines_of(ONE, MUG, TWO), is_partial=True)] == [ONE["id"]]
    torn = lines_of(ONE, MUG, TWO, b'{"id": "gid://sh', last_is_ended=False)
    assert [whole.node["id"] for whole in assemble(torn, is_partial=True)] == [ONE["id"]]


@pytest.mark.parametrize(
    "parts",
    [
        (MUG,),
        (ONE, {**MUG, "__parentId": TWO["id"]}),
        (ONE, TWO, MUG),
        (b"no json",),
        (b"\xff\xfe",),
        ([1],),
        ({"id": ONE["id"]},),
    ],
)  # fmt: skip
def test_a_file_that_is_not_in_order_is_refused(parts: tuple[object, ...]) -> None:
    with pytest.raises(Unreadable):
        list(assemble(lines_of(*parts)))


def test_the_query_asks_for_orders_from_a_moment_on_or_for_all() -> None:
    assert "orders(query: \"processed_at:>='2026-03-01T09:00:00Z'\")" in bulk_query(day(0))
    assert 'orders(query: "")' in bulk_query(None)
    assert "..." not in bulk_query(None)
