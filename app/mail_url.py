"""What ``MAIL_URL`` says: which mail server, how it is spoken to, and who we are there."""

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlsplit


class Security(StrEnum):
    """How the way to the mail server is kept from others' eyes."""

    #: A plain connection is turned into TLS before anything is said, or given up.
    STARTTLS = "starttls"
    TLS = "tls"
    #: For a server on the same machine or a network of one's own.
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails leave."""

    host: str
    port: int
    security: Security
    #: Empty: it asks for none.
    user: str = ""
    password: str = field(repr=False, default="")


def parse_mail_url(url: str) -> MailServer:
    """Return what ``smtp://user:password@host:587`` or ``smtps://…`` means; raise ValueError with a sentence.

    With ``smtp`` TLS is begun by STARTTLS, unless ``?starttls=no`` is at its end; a password is never sent without TLS.
    Letters such as ``@``, ``:`` and ``/`` in user and password are written ``%40``, ``%3A`` and ``%2F``.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("MAIL_URL has a port that is no number, or an address in brackets that is none.") from error
    if parts.scheme not in ("smtp", "smtps"):
        raise ValueError("MAIL_URL must begin with smtp:// or smtps://, such as smtp://user:password@host:587.")
    if not parts.hostname:
        raise ValueError("MAIL_URL names no host; write it as smtp://user:password@host:587.")
    if parts.path not in ("", "/") or parts.fragment:
        raise ValueError("MAIL_URL goes on after the host; write / as %2F, # as %23 and ? as %3F in user and password.")
    security = _security(parts.scheme, parts.query)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise ValueError(
            "MAIL_URL names a user or a password and not both; some servers ask for neither, none for one."
        )
    if not (user + password).isascii():
        raise ValueError("MAIL_URL has a user or password with letters that mail servers do not know; use others.")
    if user and security is Security.NONE:
        raise ValueError("MAIL_URL would send the password without TLS; leave ?starttls=no out, or the user.")
    return MailServer(parts.hostname, port or (465 if security is Security.TLS else 587), security, user, password)


def _security(scheme: str, query: str) -> Security:
    options = parse_qsl(query, keep_blank_values=True)
    if not options:
        return Security.TLS if scheme == "smtps" else Security.STARTTLS
    if scheme == "smtp" and options == [("starttls", "no")]:
        return Security.NONE
    raise ValueError("MAIL_URL knows one option, ?starttls=no at the end of an smtp:// address.")
