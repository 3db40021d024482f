"""The customers' inbox: a mail server on loopback that takes whatever it is sent and keeps the newest mails."""

import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.wire import HOST, open_listener

MOST_KEPT = 500


@dataclass(frozen=True)
class Letter:
    """One mail as it arrived."""

    id: int
    at: datetime
    recipients: list[str]
    message: EmailMessage

    @property
    def html(self) -> str:
        """Return the part for people who see; empty where there is none."""
        return self._part("html")

    @property
    def unsubscribe_url(self) -> str | None:
        """Return where one click stops such mails, if a mail program would offer that."""
        if self.message.get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click":
            return None
        link = str(self.message.get("List-Unsubscribe", "")).strip()
        return link[1:-1] if link.startswith("<http") and link.endswith(">") else None

    def show(self) -> dict[str, object]:
        """Return it as JSON, without its HTML, which has an address of its own."""
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "from": str(self.message.get("From", "")),
            "to": ", ".join(self.recipients),
            "subject": str(self.message.get("Subject", "")),
            "language": str(self.message.get("Content-Language", "")),
            "headers": [[name, str(value)] for name, value in self.message.items()],
            "text": self._part("plain"),
            "has_html": bool(self.html),
            "unsubscribe_url": self.unsubscribe_url,
        }

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else cast(str, part.get_content())


class Inbox:
    """Keeps what arrives; with a port it listens there until it is closed."""

    def __init__(self, port: int | None) -> None:
        self.port: int | None = None
        self._kept: deque[Letter] = deque(maxlen=MOST_KEPT)
        self._last_id = 0
        self._lock = threading.Lock()
        self._controller: Controller | None = None
        if port is not None:
            probe = open_listener(port)
            self.port = int(probe.getsockname()[1])
            probe.close()
            self._controller = Controller(self, hostname=HOST, port=self.port, ident="Sandbox inbox")
            self._controller.start()

    def close(self) -> None:
        """Listen no more."""
        if self._controller is not None:
            self._controller.stop()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Keep a mail."""
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        message = message_from_bytes(raw, policy=policy.default)
        with self._lock:
            self._last_id += 1
            self._kept.append(Letter(self._last_id, datetime.now(UTC), list(envelope.rcpt_tos), message))
        return "250 Kept"

    def list(self, to: str | None = None) -> list[Letter]:
        """Return the mails, newest first; with ``to`` those to one address."""
        with self._lock:
            newest = list(self._kept)[::-1]
        return [letter for letter in newest if to is None or to.lower() in map(str.lower, letter.recipients)]

    def find(self, number: int) -> Letter | None:
        """Return a mail by its number."""
        return next((letter for letter in self.list() if letter.id == number), None)

    def clear(self) -> None:
        """Throw everything away."""
        with self._lock:
            self._kept.clear()
