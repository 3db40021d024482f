"""A mail server of our own, real to the last byte, that can fail at every step; and one that only listens."""

import asyncio
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
USER, PASSWORD = "made-up-user", "s3cret/with:odd@letters"
#: In the place of an answer: end the connection there and then, or say nothing any more.
ABORT = "abort"
SILENCE = "silence"
#: How long a busy machine may take to begin.
PATIENCE = 60


class Postbox:
    """Takes mails; what it answers at a step can be set beforehand, one answer for each time it is asked."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.connections = 0
        self.answers: dict[str, deque[str]] = {step: deque() for step in ("MAIL", "RCPT", "DATA", "END")}
        #: Answers for some recipients, whenever they are named.
        self.refused: dict[str, str] = {}
        self._released = asyncio.Event()
        self._lock = threading.Lock()

    def will_say(self, step: str, *answers: str) -> None:
        """Set the next answers of a step: MAIL, RCPT, DATA (the command), END (the whole mail)."""
        self.answers[step].extend(answers)

    @property
    def subjects(self) -> list[str]:
        """Return the subjects of what was taken, in that order."""
        return [mail["Subject"] for mail in self.taken]

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's names, here and below
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Count those who come."""
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the sender."""
        said = await self._say(server, "MAIL", "250 OK")
        if said.startswith("250"):
            envelope.mail_from = address
        return said

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the recipient."""
        said = await self._say(server, "RCPT", self.refused.get(address, "250 OK"))
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the whole mail, or only seem to."""
        said = await self._say(server, "END", "250 OK")
        if said.startswith(("250", ABORT)):
            self.keep(envelope)
        return said

    def keep(self, envelope: Envelope) -> None:
        """Remember what has come."""
        assert isinstance(envelope.content, bytes)
        with self._lock:
            self.taken.append(message_from_bytes(envelope.content, policy=policy.SMTP))  # type: ignore[arg-type]
            self.recipients += envelope.rcpt_tos

    async def _say(self, server: SMTP, step: str, otherwise: str) -> str:
        said = self.answers[step].popleft() if self.answers[step] else otherwise
        if said == ABORT:
            assert server.transport is not None
            server.transport.abort()
        if said == SILENCE:
            await self._released.wait()
        return said


class _Server(SMTP):
    """aiosmtpd's, which can also refuse the command DATA, or end there."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        box: Postbox = self.event_handler
        said = await box._say(self, "DATA", "")
        if said:
            await self.push(said)
        else:
            await super().smtp_DATA(arg)  # type: ignore[no-untyped-call]


class _Controller(Controller):
    """aiosmtpd's, on a port that is its own from the beginning: one that was only free a moment ago may be taken."""

    def __init__(self, box: Postbox, listener: socket.socket, **how: Any) -> None:
        host, port = listener.getsockname()
        super().__init__(box, hostname=host, port=port, ready_timeout=PATIENCE, **how)
        self._listener = listener

    def factory(self) -> SMTP:
        return _Server(self.handler, **self.SMTP_kwargs)

    def _create_server(self) -> Coroutine[Any, Any, asyncio.Server]:
        return self.loop.create_server(self._factory_invoker, sock=self._listener, ssl=self.ssl_context)


@contextmanager
def serving(box: Postbox, **how: Any) -> Iterator[int]:
    """Serve from a thread of this process; yield the port."""
    controller = _Controller(box, socket.create_server((HOST, 0)), **how)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.loop.call_soon_threadsafe(box._released.set)
        controller.stop()


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
    """Know one user."""
    known = isinstance(given, LoginPassword) and given == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=known, handled=False)


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve connections, one after the other, by a function that gets the socket; yield the port."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    visitor, _ = listener.accept()
                except OSError:
                    return
                with visitor:
                    talk(visitor)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


def make_certificate(folder: Path, name: str = HOST) -> tuple[ssl.SSLContext, Path]:
    """Return what a server on the address needs for TLS, and the file of its certificate, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(certificate.public_bytes(pem) + plain)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context, path
