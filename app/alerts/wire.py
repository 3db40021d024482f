"""One POST to an address that a merchant chose: over TLS, to the open internet only, within ten seconds in all.

Whoever may change a shop's settings says where it goes, so it must not reach what only this machine can: the name is
looked up once, and the connection goes to an address that was checked. No redirect is followed, no proxy asked, and no
more is read of the answer than its first line.
"""

import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from urllib.parse import SplitResult, quote, urlsplit

from app.errors import BoomerangError
from app.sentences import marked, say

TIMEOUT_SECONDS = 10
#: Of which one of several addresses of a name may take so many before the next is tried.
CONNECT_SECONDS = 4
_LONGEST_LINE = 1_000
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
#: Addresses of the old internet inside those of the new one, for networks that translate between them.
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
#: All of the new internet that anybody was ever given; what lies outside may be known inside a network.
_GIVEN_OUT = ipaddress.IPv6Network("2000::/3")


class NotTaken(BoomerangError):
    """The address did not take it; the sentence says why."""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    is_local: bool,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> None:
    """Send a body and return once the address answers that it took it; raise NotTaken if it does not.

    ``is_local``: this is an installation for trying out, which may post to its own machine and without TLS.
    """
    deadline = time.monotonic() + timeout_seconds
    parts, host, port = _read_url(url, is_local)
    try:
        with closing(_connect(host, port, deadline, is_local)) as plain:
            plain.settimeout(_left(deadline))
            with closing(_secure(plain, host) if parts.scheme == "https" else plain) as line:
                line.settimeout(_left(deadline))
                line.sendall(_request(parts, host, body, headers))
                status = _read_status(line, deadline)
    except OSError as error:
        raise NotTaken(_explain(error)) from None
    if not 200 <= status < 300:
        raise NotTaken(say("The address answered {status}.", status=status))


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the open internet."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.sixtofour or found.teredo:
            return False
        inner = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF) if found in _TRANSLATED else found.ipv4_mapped
        if inner is None and found not in _GIVEN_OUT:
            return False
        found = inner or found
    return found.is_global and not found.is_multicast


def _explain(error: OSError) -> str:
    """Return why a conversation failed; never what the error says itself, which may quote addresses."""
    match error:
        case TimeoutError():
            return marked("The address gave no answer in time.")
        case socket.gaierror():
            return marked("Nobody knows a server of that name.")
        case ssl.SSLCertVerificationError():
            return marked("The address has no certificate that we trust.")
        case ssl.SSLError():
            return marked("The address speaks no TLS that we understand.")
        case _:
            return marked("The address could not be reached.")


def _read_url(url: str, is_local: bool) -> tuple[SplitResult, str, int]:
    """Return a URL in parts, its host as names are looked up, and its port."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:
        raise NotTaken(marked("This is no address that can be posted to.")) from None
    if not host:
        raise NotTaken(marked("This is no address that can be posted to."))
    if parts.scheme != "https" and not (is_local and parts.scheme == "http"):
        raise NotTaken(marked("Only addresses that begin with https:// are posted to."))
    return parts, host, port or (443 if parts.scheme == "https" else 80)


def _connect(host: str, port: int, deadline: float, is_local: bool) -> socket.socket:
    """Return a connection to the first address of a host that takes one; none but checked addresses are tried."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    places = [(family, place) for family, _, _, _, place in found if is_local or is_public(str(place[0]))]
    if not places:
        raise NotTaken(
            marked("The address lies in a private network; only addresses of the open internet are posted to.")
        )
    for family, place in places:
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.settimeout(min(_left(deadline), CONNECT_SECONDS))
            line.connect(place)
        except OSError:
            line.close()
            if (family, place) == places[-1]:
                raise
        else:
            return line
    raise NotTaken(marked("The address could not be reached."))


def _secure(line: socket.socket, host: str) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(line, server_hostname=host)


def _request(parts: SplitResult, host: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    if parts.query:
        target += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    name = f"[{host}]" if ":" in host else host
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: {name}" if parts.port is None else f"Host: {name}:{parts.port}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{header}: {value}" for header, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _read_status(line: socket.socket, deadline: float) -> int:
    answer = b""
    while b"\n" not in answer and len(answer) < _LONGEST_LINE:
        line.settimeout(_left(deadline))
        piece = line.recv(_LONGEST_LINE)
        if not piece:
            break
        answer += piece
    if (found := _STATUS.match(answer)) is None:
        raise NotTaken(marked("The address gave no answer that HTTP knows."))
    return int(found[1])


def _left(deadline: float) -> float:
    """Return how many seconds are left; at none the next step would wait for ever."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
