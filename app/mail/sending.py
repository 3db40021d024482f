"""Sends planned mails: each is noted as *sending* just before it goes over the wire, and after it what became of it.

No call to the mail server is made inside a transaction. What was broken off at the very end is *unknown*: a mail server
cannot be asked afterwards, so it goes out again only when a person wants it.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utcnow
from app.config import Settings, current_settings
from app.db import bound_to, transaction
from app.engine.rules.mailing import Fate, MailClaim, Refusal, Step, judge_answer
from app.mail.envelope import BadAddress, From, compose
from app.mail.server import Away, BrokenOff, Connection, NoInternationalAddresses, NotTaken, Unanswered
from app.mail_url import parse_mail_url
from app.models import MailSettings, Shop
from app.sentences import say, sentence_of

log = structlog.get_logger()

#: So many mails are claimed at once; those not come to go back.
BATCH = 20
#: Longer than the slowest mail takes, and than a batch of usual ones.
LEASE_SECONDS = 300
#: A run ends after this long, so that a shop with thousands of mails keeps no worker from the inbox.
RUN_FOR = timedelta(seconds=2)
#: A connection that ends again and again is as good as none.
MOST_LOST = 3
#: "Service not available, closing": for once, or for whoever the mail is to.
CLOSING = 421

Clock = Callable[[], datetime]


class MailBooks(Protocol):
    """The steps of ``engine.flows.mail_states``, handed in by the caller: this room knows no flow."""

    def claim_some(
        self, session: Session, shop_id: int, now: datetime, lease_seconds: float, most: int
    ) -> list[MailClaim]: ...

    def keep_planned(self, session: Session, shop_id: int, now: datetime) -> int: ...

    def mark_sending(
        self, session: Session, claim: MailClaim, now: datetime, lease_seconds: float
    ) -> MailClaim | None: ...

    def mark_sent(self, session: Session, claim: MailClaim, now: datetime) -> None: ...

    def refuse(self, session: Session, claim: MailClaim, refusal: Refusal, reason: str, now: datetime) -> None: ...

    def put_back(self, session: Session, claim: MailClaim, reason: str, now: datetime) -> None: ...

    def mark_unknown(self, session: Session, claim: MailClaim, reason: str) -> None: ...

    def release(self, session: Session, claims: Sequence[MailClaim]) -> None: ...

    def note_outage(self, session: Session, shop_id: int, reason: str, now: datetime) -> bool: ...

    def end_outage(self, session: Session, shop_id: int) -> datetime | None: ...


@dataclass(slots=True)
class SendReport:
    """What one run did: how many mails met which outcome, why it stopped early, and whether more may be due."""

    outcomes: Counter[str] = field(default_factory=Counter)
    stopped_by: str | None = None
    is_more: bool = False


def send_due(shop_id: int, books: MailBooks, *, clock: Clock = utcnow) -> SendReport:
    """Send a shop's due mails for some seconds; without a mail server, keep them to be read.

    Call it outside any transaction; it opens its own. ``clock`` is for tests.
    """
    with bound_to(shop_id):
        settings = current_settings()
        if settings.mail_url:
            return _Run(shop_id, books, settings, clock).work()
        with transaction() as session:
            books.end_outage(session, shop_id)  # of a server that nobody asks any more
            kept = books.keep_planned(session, shop_id, clock())
        return SendReport(Counter({"kept": kept} if kept else {}), is_more=kept > 0)


class _Run:
    """One run over a shop's due mails, on one connection while that holds."""

    def __init__(self, shop_id: int, books: MailBooks, settings: Settings, clock: Clock) -> None:
        self._shop_id, self._books, self._clock = shop_id, books, clock
        self._server = parse_mail_url(settings.mail_url)
        self._own_name = _own_name(settings.app_url)
        self._sender = _read_sender(shop_id, settings.mail_from)
        self._ends_at = clock() + RUN_FOR
        self._report = SendReport()
        self._connection: Connection | None = None
        self._lost = 0
        self._knows_server = False

    def work(self) -> SendReport:
        """Send batch after batch until nothing is due, the time is over or the server is away."""
        try:
            while self._report.stopped_by is None:
                if self._clock() >= self._ends_at:
                    self._report.is_more = True
                    break
                with transaction() as session:
                    claims = self._books.claim_some(session, self._shop_id, self._clock(), LEASE_SECONDS, BATCH)
                if not claims:
                    break
                self._send(claims)
        finally:
            self._hang_up()
        return self._report

    def _send(self, claims: Sequence[MailClaim]) -> None:
        left = deque(claims)
        try:
            while left:
                outcome = self._send_one(left[0])
                claim = left.popleft()
                self._report.outcomes[outcome] += 1
                log.info("mail", shop_id=self._shop_id, mail_id=claim.mail_id, outcome=outcome)
                if self._lost >= MOST_LOST:
                    raise Away(say("The mail server ends the connection again and again."))
                if left and self._clock() >= self._ends_at:
                    # A server that takes its time with each would keep the worker beyond the end of its job.
                    with transaction() as session:
                        self._books.release(session, list(left))
                    left.clear()
                    self._report.is_more = True
        except Away as trouble:
            with transaction() as session:
                # The lock on a shop's mails before their rows, as whoever claims some takes them.
                is_new = self._books.note_outage(session, self._shop_id, sentence_of(trouble), self._clock())
                self._books.release(session, list(left))
            self._report.stopped_by = str(trouble)
            if is_new:  # said once, however often it is tried
                log.warning("mail_server_away", shop_id=self._shop_id, reason=str(trouble))

    def _send_one(self, claim: MailClaim) -> str:
        try:
            envelope = compose(claim, self._sender, self._clock())
        except BadAddress as error:
            return self._refuse(claim, Refusal.ADDRESS, sentence_of(error))
        if self._connection is None:
            self._connection = Connection(self._server, self._own_name)
        going: MailClaim | None = None
        try:
            self._connection.announce(self._sender.address, envelope.recipient)
            with transaction() as session:
                going = self._books.mark_sending(session, claim, self._clock(), LEASE_SECONDS)
            if going is None:
                self._start_anew()
                return "not_sent"
            self._connection.deliver(envelope.content)
        except NotTaken as answer:
            return self._judge(claim, going, answer)
        except NoInternationalAddresses as error:
            return self._refuse(claim, Refusal.ADDRESS, sentence_of(error))
        except BrokenOff as error:
            self._lost += 1
            self._connection = None
            return self._put_back(
                going or claim, say("The connection to the mail server broke off: {words}", words=sentence_of(error))
            )
        except Unanswered as error:
            self._connection = None
            with transaction() as session:
                why = say("The mail server gave no answer: {words}", words=sentence_of(error))
                self._books.mark_unknown(session, going or claim, why)
            return "unknown"
        with transaction() as session:
            self._books.mark_sent(session, going, self._clock())
        self._note_server()
        return "sent"

    def _judge(self, claim: MailClaim, going: MailClaim | None, answer: NotTaken) -> str:
        """Do what a "no" of the server asks for; raise Away where it is about all mails."""
        fate = judge_answer(answer.step, answer.code, answer.said)
        # An address stands in its own column, from which it can be removed.
        reason = say("The mail server says: {words}", words=str(answer).replace(claim.address, "…"))
        if fate is Fate.OUTAGE:
            # It may be about this one after all: tried first again and again, it would hold up all others.
            if going is not None or (answer.step is Step.RECIPIENT and answer.code == CLOSING):
                self._put_back(going or claim, reason)
            raise Away(reason)
        self._note_server()
        self._start_anew()
        if fate is Fate.LATER:
            return self._put_back(going or claim, reason)
        return self._refuse(claim, Refusal.RECIPIENT if fate is Fate.DEAD_ADDRESS else Refusal.SERVER, reason)

    def _refuse(self, claim: MailClaim, refusal: Refusal, reason: str) -> str:
        with transaction() as session:
            self._books.refuse(session, claim, refusal, reason, self._clock())
        return "refused"

    def _put_back(self, claim: MailClaim, reason: str) -> str:
        with transaction() as session:
            self._books.put_back(session, claim, reason, self._clock())
        return "later"

    def _note_server(self) -> None:
        """Note, once a run, that the server talks about mails."""
        self._lost = 0
        if self._knows_server:
            return
        self._knows_server = True
        with transaction() as session:
            away_since = self._books.end_outage(session, self._shop_id)
        if away_since is not None:
            log.info("mail_server_back", shop_id=self._shop_id, away_since=away_since.isoformat())

    def _start_anew(self) -> None:
        """Forget what was announced; where that fails, the next mail gets a new connection."""
        try:
            if self._connection is not None:
                self._connection.reset()
        except BrokenOff:
            self._connection = None

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _own_name(app_url: str) -> str:
    """Return what we call ourselves to the server: the app's name, or its address in brackets."""
    host = urlsplit(app_url).hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return f"[IPv6:{host}]" if address.version == 6 else f"[{host}]"


def _read_sender(shop_id: int, address: str) -> From:
    with transaction() as session:
        shop_name = session.scalars(select(Shop.name).where(Shop.id == shop_id)).one()
        chosen = session.execute(
            select(MailSettings.sender_name, MailSettings.reply_to).where(MailSettings.shop_id == shop_id)
        ).one_or_none()
    sender_name, reply_to = ("", "") if chosen is None else chosen
    return From(sender_name or shop_name, address, reply_to)
