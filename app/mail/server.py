"""Talks to the mail server: one connection for many mails, and for each the exact word on how far it came.

What counts is where a sending breaks off. Before the last line, the single dot, the server has no whole mail and must
not take it (RFC 5321, 4.2.5): the mail may go again. After it, nobody knows.
"""

import re
import smtplib
import socket
import ssl

from app.engine.rules.mailing import Step
from app.errors import BoomerangError
from app.mail_url import MailServer, Security
from app.sentences import Sentence, say

#: For the connection, TLS and the server's greeting.
CONNECT_SECONDS = 15
ANSWER_SECONDS = 30
#: For the answer to a whole mail; what comes later than this leaves the mail unknown.
FINAL_SECONDS = 60
_DOT = re.compile(rb"^\.", re.MULTILINE)


class Away(BoomerangError):
    """The server takes no mails from us at present: it is not there, or it does not know us."""


class NotTaken(BoomerangError):
    """The server said no to one mail."""

    def __init__(self, step: Step, code: int, said: str) -> None:
        self.step, self.code, self.said = step, code, said
        super().__init__(f"{code} {said}")


class NoInternationalAddresses(BoomerangError):
    """The server cannot take an address whose first part has letters beyond ASCII."""


class BrokenOff(BoomerangError):
    """The connection ended before the mail was whole: it was certainly not taken."""


class Unanswered(BoomerangError):
    """The whole mail was sent and no answer came: it may have been taken."""


class Connection:
    """A connection to the server; raises Away where there is none to be had.

    After BrokenOff or Unanswered it is of no use any more. ``own_name`` is what we call ourselves there.
    """

    def __init__(self, server: MailServer, own_name: str) -> None:
        self._smtp = _connect(server, own_name)

    def close(self) -> None:
        """Say goodbye, if the server still listens."""
        try:
            self._smtp.quit()
        except (smtplib.SMTPException, OSError):
            self._smtp.close()

    def announce(self, sender: str, recipient: str) -> None:
        """Say whom the next mail is from and to. Raises NotTaken, NoInternationalAddresses or BrokenOff."""
        options = []
        if not recipient.isascii():
            if not self._smtp.has_extn("smtputf8"):
                raise NoInternationalAddresses(say("The mail server knows no addresses with letters beyond ASCII."))
            options = ["BODY=8BITMIME", "SMTPUTF8"]
            self._smtp.command_encoding = "utf-8"
        try:
            _expect(self._smtp.mail(sender, options), Step.SENDER)
            _expect(self._smtp.rcpt(recipient), Step.RECIPIENT)
        except (smtplib.SMTPException, OSError) as error:
            raise self._broken_off(error) from error
        finally:
            self._smtp.command_encoding = "ascii"

    def deliver(self, content: bytes) -> None:
        """Send the mail that was announced. Raises NotTaken, BrokenOff or Unanswered."""
        try:
            code, said = self._smtp.docmd("DATA")
            if code != 354:
                raise NotTaken(Step.CONTENT, code, _text(said))
            self._smtp.send(_DOT.sub(b"..", content))
            assert self._smtp.sock is not None
            self._smtp.sock.settimeout(FINAL_SECONDS)
        except (smtplib.SMTPException, OSError) as error:
            raise self._broken_off(error) from error
        try:
            self._smtp.send(b".\r\n")
            code, said = self._smtp.getreply()
            self._smtp.sock.settimeout(ANSWER_SECONDS)
        except (smtplib.SMTPException, OSError) as error:
            self._smtp.close()
            raise Unanswered(_words(error)) from error
        if not 200 <= code < 600:
            self._smtp.close()
            raise Unanswered(say("The mail server answered with {text}.", text=repr(_text(said)[:100])))
        _expect((code, said), Step.CONTENT)

    def reset(self) -> None:
        """Forget what was announced. Raises BrokenOff."""
        try:
            self._smtp.rset()
        except (smtplib.SMTPException, OSError) as error:
            raise self._broken_off(error) from error

    def _broken_off(self, error: Exception) -> BrokenOff:
        self._smtp.close()
        return BrokenOff(_words(error))


def _connect(server: MailServer, own_name: str) -> smtplib.SMTP:
    smtp: smtplib.SMTP | None = None
    where = f"{server.host}:{server.port}"
    context = ssl.create_default_context()
    try:
        if server.security is Security.TLS:
            smtp = smtplib.SMTP_SSL(server.host, server.port, own_name, timeout=CONNECT_SECONDS, context=context)
        else:
            smtp = smtplib.SMTP(server.host, server.port, own_name, timeout=CONNECT_SECONDS)
        if server.security is Security.STARTTLS:
            smtp.starttls(context=context)
        smtp.ehlo_or_helo_if_needed()
        if server.user:
            smtp.login(server.user, server.password)
        assert smtp.sock is not None
        smtp.sock.settimeout(ANSWER_SECONDS)
        # The last line leaves by itself: held back until the lines before it are acknowledged, each mail takes 40 ms.
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (smtplib.SMTPException, OSError) as error:
        if smtp is not None:
            smtp.close()
        raise Away(_why_away(where, error)) from error
    return smtp


def _why_away(where: str, error: Exception) -> Sentence:
    match error:
        case smtplib.SMTPAuthenticationError():
            return say(
                "The mail server {where} does not know the user or the password of MAIL_URL ({words}).",
                where=where,
                words=_words(error),
            )
        case smtplib.SMTPNotSupportedError():
            return say(
                "The mail server {where} does not offer what MAIL_URL asks for: {words}",
                where=where,
                words=_words(error),
            )
        case ssl.SSLCertVerificationError():
            return say(
                "The certificate of the mail server {where} is not to be trusted: {words}.",
                where=where,
                words=error.verify_message,
            )
        case ssl.SSLError():
            return say(
                "There is no TLS with the mail server {where}; does MAIL_URL begin rightly, smtp or smtps?", where=where
            )
        case _ if "timed out" in str(error):  # smtplib packs it into an error of its own
            return say(
                "The mail server {where} does not answer in {count} seconds.", where=where, count=CONNECT_SECONDS
            )
        case _:
            return say("The mail server {where} cannot be reached: {words}", where=where, words=_words(error))


def _expect(answer: tuple[int, bytes], step: Step) -> None:
    code, said = answer
    if not 200 <= code < 300:
        raise NotTaken(step, code, _text(said))


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return str(error) or type(error).__name__


def _text(said: bytes | str) -> str:
    """Return what a server said on one line, cut to what people read."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:500]
