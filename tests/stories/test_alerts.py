"""A merchant hears what went wrong: once, by mail and at an address of theirs, and that it is over; and of each day."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, current_app
from sqlalchemy import select, update

from app.alerts.posts import NO_ADDRESS, post_due
from app.alerts.summary import read_summary, sum_up
from app.alerts.watch import watch
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import incidents, lifecycle, settle
from app.engine.rules.mailing import Refusal
from app.engine.rules.messages import MailKind, MailState
from app.engine.rules.terms import Mode
from app.models import (
    AlertPost,
    Delivery,
    DeliveryState,
    Incident,
    Mail,
    MailOutage,
    MailSettings,
    ReconcileRun,
    Shop,
    ShopToken,
)
from app.shopify.scopes import REQUIRED
from tests.admin.factories import DOMAIN, OTHER, Visitor, line, make_shop, order, publish, tell
from tests.mail.receiver import Receiver, receiving

BERLIN = ZoneInfo("Europe/Berlin")


class Merchant:
    """A merchant with a mailbox and a server; time is moved by hand."""

    def __init__(self, receiver: Receiver, domain: str = DOMAIN, begin: datetime | None = None) -> None:
        self.shop_id = make_shop(domain, Mode.AUTOMATIC)
        self.receiver = receiver
        self.begin = begin or utcnow()
        with transaction() as session:
            session.add(MailSettings(shop_id=self.shop_id, alert_addresses=["ops@example.com"], alert_url=receiver.url))

    def at(self, seconds: float) -> datetime:
        return self.begin + timedelta(seconds=seconds)

    def set(self, **values: object) -> None:
        """Change how the merchant is told."""
        with transaction() as session:
            row = session.scalars(select(MailSettings).where(MailSettings.shop_id == self.shop_id)).one()
            for name, value in values.items():
                setattr(row, name, value)

    def refuse_token(self, *, is_refused: bool = True) -> None:
        """Let Shopify refuse our token, or take it again."""
        with transaction() as session:
            token = session.get_one(ShopToken, self.shop_id)
            token.refused_at = self.begin if is_refused else None
            token.refused_reason = "invalid_grant" if is_refused else None

    def come_back(self, seconds: float) -> None:
        """Let the shop install the app again."""
        with transaction() as session:
            shop = session.get_one(Shop, self.shop_id)
            shop.uninstalled_at, shop.installed_at = None, self.at(seconds)
            values = {"access_token": "sealed", "refresh_token": "sealed", "scope": ",".join(sorted(REQUIRED))}
            ends = {name: self.at(1e8) for name in ("expires_at", "refresh_expires_at")}
            session.add(ShopToken(shop_id=self.shop_id, **values, **ends, updated_at=self.at(seconds)))

    def look(self, *seconds: float) -> None:
        """Let a worker look, and post what is due, at some moments; it looks for lost webhooks as well."""
        for each in seconds:
            now = self.at(each)
            with transaction() as session:
                session.query(ReconcileRun).filter_by(shop_id=self.shop_id).update({"finished_at": now})
            watch(self.shop_id, now)
            post_due(self.shop_id, clock=lambda now=now: now)  # type: ignore[misc]  # its default is the time

    def mails(self, kind: MailKind = MailKind.ALERT) -> list[Mail]:
        """Return what was written to the merchant, in its order."""
        db.session.remove()
        with transaction() as session:
            query = select(Mail).where(Mail.shop_id == self.shop_id, Mail.kind == kind).order_by(Mail.id)
            found = session.scalars(query).all()
            session.expunge_all()
        return list(found)

    def incidents(self) -> list[Incident]:
        """Return what is kept of what was wrong."""
        with transaction() as session:
            found = session.scalars(select(Incident).where(Incident.shop_id == self.shop_id)).all()
            session.expunge_all()
        return list(found)

    def subjects(self) -> list[str]:
        return [mail.subject for mail in self.mails()]

    def events(self) -> list[tuple[str, str]]:
        """Return what the server took."""
        return [(one["event"], one["cause"]) for one in self.receiver.taken]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a server that takes everything."""
    with receiving() as found:
        yield found


@pytest.fixture(autouse=True)
def _in_the_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield
        db.session.remove()


@pytest.fixture
def merchant(receiver: Receiver) -> Merchant:
    """Return a merchant in whose shop all is well."""
    return Merchant(receiver)


def test_a_refused_token_is_one_mail_and_one_post_and_so_is_its_end(merchant: Merchant) -> None:
    with transaction() as session:
        vault = current_app.extensions["vault"]
        secret = incidents.new_secret(session, merchant.shop_id, "cli", merchant.begin, vault.encrypt)
    merchant.look(-30)
    merchant.refuse_token()
    merchant.look(0, 30, 59)
    assert merchant.mails() == []
    merchant.look(60, 90, 120, 3_600)
    (mail,) = merchant.mails()
    assert (mail.address, mail.language, mail.subject) == (
        "ops@example.com", "en", f"{DOMAIN}: Shopify refuses our access",
    )  # fmt: skip
    for words in (
        "Shopify refused our access token (invalid_grant)",
        "Close the app and open it again",
        "/admin/apps/",
    ):
        assert words in " ".join(mail.text.split())
    merchant.refuse_token(is_refused=False)
    merchant.look(3_630, 3_690)
    assert len(merchant.mails()) == 1
    merchant.look(3_750, 3_780, 9_000)
    assert merchant.subjects()[1:] == [f"{DOMAIN}: over: Shopify refuses our access"]
    assert "it lasted for 1 hour" in merchant.mails()[1].text
    assert merchant.events() == [("incident.opened", "token_refused"), ("incident.ended", "token_refused")]
    began, over = merchant.receiver.taken
    assert (began["shop"], began["incident"], began["ended_at"]) == (DOMAIN, over["incident"], None)
    assert began["id"] != over["id"]
    assert over["ended_at"] == merchant.at(3_630).isoformat(timespec="seconds")
    for path, headers, body in merchant.receiver.asked:
        assert path == "/boomerang?from=shop"
        assert (
            headers["X-Boomerang-Signature"] == "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        )
        assert headers["X-Boomerang-Timestamp"] == json.loads(body)["sent_at"]


def test_what_flaps_is_told_once_and_counted_in_what_is_told_next(merchant: Merchant) -> None:
    for minute in range(0, 300, 10):
        for is_refused, seconds in ((True, (0, 70)), (False, (120, 250))):
            merchant.refuse_token(is_refused=is_refused)
            merchant.look(*(60 * minute + each for each in seconds))
    assert merchant.subjects() == [
        f"{DOMAIN}: Shopify refuses our access", f"{DOMAIN}: over: Shopify refuses our access",
    ]  # fmt: skip
    merchant.refuse_token()
    merchant.look(6 * 3_600, 6 * 3_600 + 70)
    assert "It has come 30 times since we wrote about it on" in " ".join(merchant.mails()[2].text.split())
    assert len(merchant.events()) == 3
    assert merchant.receiver.taken[2]["times"] == 30


def test_what_comes_together_is_one_mail_and_a_post_for_each(merchant: Merchant) -> None:
    merchant.refuse_token()
    with transaction() as session:
        session.get_one(Shop, merchant.shop_id).other_currency = "EUR"
        session.get_one(Shop, merchant.shop_id).store_credit_enabled = False
    merchant.look(0, 60)
    assert merchant.subjects() == [f"{DOMAIN}: 3 troubles need you"]
    assert sorted(cause for _, cause in merchant.events()) == ["currency_changed", "spending_off", "token_refused"]


def test_two_workers_at_once_tell_it_once(app: Flask, merchant: Merchant) -> None:
    merchant.refuse_token()
    merchant.look(0)
    barrier = threading.Barrier(3)

    def work() -> None:
        with app.app_context():
            barrier.wait(20)
            for seconds in (60, 61, 62):
                watch(merchant.shop_id, merchant.at(seconds))
                post_due(merchant.shop_id, clock=lambda: merchant.at(63))
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(merchant.mails()) == 1
    assert merchant.events() == [("incident.opened", "token_refused")]


def test_a_server_that_is_down_for_an_hour_hears_of_all_in_its_order_and_once(merchant: Merchant) -> None:
    merchant.receiver.status = 503
    merchant.refuse_token()
    merchant.look(0, 60)
    merchant.refuse_token(is_refused=False)
    merchant.look(*range(90, 3_600, 30))
    asked = len(merchant.receiver.asked)
    assert 5 <= asked <= 8
    assert {json.loads(body)["event"] for _, _, body in merchant.receiver.asked} == {"incident.opened"}
    with transaction() as session:
        rows = session.scalars(select(AlertPost).order_by(AlertPost.id)).all()
        assert [(row.attempts > 1, row.error, row.posted_at) for row in rows] == [
            (True, "The address answered 503.", None), (False, None, None),
        ]  # fmt: skip
    merchant.receiver.status = 200
    merchant.look(*range(3_600, 2 * 3_600, 30))
    assert merchant.events() == [("incident.opened", "token_refused"), ("incident.ended", "token_refused")]
    assert len(merchant.receiver.asked) == asked + 2
    assert len(merchant.mails()) == 2


def test_a_server_that_never_comes_back_is_given_up_after_a_day(merchant: Merchant) -> None:
    merchant.receiver.status = 500
    merchant.refuse_token()
    merchant.look(0, *range(60, 100_000, 600))
    with transaction() as session:
        row = session.scalars(select(AlertPost)).one()
        assert (row.next_attempt_at, row.posted_at, row.error) == (None, None, "The address answered 500.")
    assert len(merchant.receiver.asked) == row.attempts
    merchant.receiver.status = 200
    merchant.look(200_000)
    assert merchant.events() == []


def test_whoever_takes_the_address_away_is_not_asked_any_more(merchant: Merchant) -> None:
    merchant.receiver.status = 500
    merchant.refuse_token()
    merchant.look(0, 60)
    merchant.set(alert_url="")
    merchant.look(3_600)
    with transaction() as session:
        row = session.scalars(select(AlertPost)).one()
        assert (row.next_attempt_at, row.error) == (None, NO_ADDRESS)
    assert len(merchant.receiver.asked) == 1


def test_a_secret_of_another_installation_holds_a_post_back_and_says_so(merchant: Merchant) -> None:
    merchant.set(alert_secret="sealed with a key that nobody has")
    merchant.refuse_token()
    merchant.look(0, 60)
    with transaction() as session:
        row = session.scalars(select(AlertPost)).one()
        assert "ENCRYPTION_KEYS" in (row.error or "")
        assert row.next_attempt_at is not None
    assert merchant.receiver.asked == []


def test_a_pause_is_no_trouble_and_neither_is_having_gone(merchant: Merchant) -> None:
    with transaction() as session:
        session.get_one(Shop, merchant.shop_id).paused_at = merchant.begin
    merchant.look(0, 60, 3_600)
    assert (merchant.mails(), merchant.events()) == ([], [])
    merchant.refuse_token()
    with transaction() as session:
        session.get_one(Shop, merchant.shop_id).uninstalled_at = merchant.begin
    merchant.look(4_000, 4_100)
    with transaction() as session:
        assert session.scalars(select(Incident)).all() == []
    assert sum_up(merchant.shop_id, merchant.at(0)) is None


def test_who_takes_the_app_away_hears_no_more_and_who_comes_back_begins_anew(merchant: Merchant) -> None:
    merchant.look(-30)
    merchant.receiver.status = 503
    merchant.refuse_token()
    merchant.look(0, 60)
    with transaction() as session:
        outage = MailOutage(shop_id=merchant.shop_id, began_at=merchant.at(60), tries=1, reason="Nobody listens.")
        outage.next_try_at = merchant.at(90)
        session.add(outage)
        session.execute(update(Mail).values(state=MailState.PLANNED))  # as with a mail server
    for seconds in (100, 110):
        with transaction() as session:
            lifecycle.uninstall(session, session.get_one(Shop, merchant.shop_id), merchant.at(seconds))
    with transaction() as session:
        row = session.scalars(select(Incident)).one()
        assert (row.cause, row.ended_at, row.end_told_at) == ("token_refused", merchant.at(100), None)
        assert session.scalars(select(AlertPost.next_attempt_at)).all() == [None]
        assert session.scalars(select(MailOutage)).all() == []
    (mail,) = merchant.mails()
    assert (mail.state, mail.refusal, mail.error) == (MailState.REFUSED, Refusal.STOPPED, "The app was taken away.")
    merchant.receiver.status = 200
    merchant.come_back(3_600)
    merchant.look(3_600, 3_660, 4_000)
    assert (len(merchant.mails()), merchant.events()) == (1, [])
    merchant.refuse_token()
    merchant.look(5_000, 5_060)
    assert [told["times"] for told in merchant.receiver.taken] == [1]
    assert merchant.events() == [("incident.opened", "token_refused")]


def test_without_a_way_it_stands_in_the_admin_and_is_told_once_there_is_one(merchant: Merchant) -> None:
    merchant.set(alert_addresses=[], alert_url="")
    merchant.refuse_token()
    merchant.look(0, 60, 3_600)
    with transaction() as session:
        row = session.scalars(select(Incident)).one()
        assert (row.cause, row.told_at) == ("token_refused", None)
    merchant.set(alert_addresses=["ops@example.com", "boss@example.com"])
    merchant.look(3_630, 3_660)
    assert [mail.address for mail in merchant.mails()] == ["ops@example.com", "boss@example.com"]
    merchant.refuse_token(is_refused=False)
    merchant.set(alert_addresses=[])
    merchant.look(4_000, 4_200)
    assert len(merchant.mails()) == 2


def test_trouble_with_mails_is_posted_as_well(merchant: Merchant) -> None:
    with transaction() as session:
        shop = session.get_one(Shop, merchant.shop_id)
        for state, refusal in ((MailState.REFUSED, Refusal.SERVER), (MailState.REFUSED, Refusal.RECIPIENT)):
            session.add(
                Mail(
                    shop_id=shop.id, kind=MailKind.DIGEST, address="a@example.com", address_key="a@example.com",
                    language="en", subject="s", html="h", text="t", state=state, refusal=refusal,
                    created_at=merchant.begin,
                )
            )  # fmt: skip
    merchant.look(0, 60)
    assert merchant.subjects() == [f"{DOMAIN}: Mails fail"]
    assert "1 of 1 mails of the last day could not be delivered." in merchant.mails()[0].text
    assert merchant.events() == [("incident.opened", "mails_failing")]


def test_what_a_delivery_said_of_a_person_leaves_the_admin_nowhere(merchant: Merchant) -> None:
    with transaction() as session:
        session.add(
            Delivery(
                shop_id=merchant.shop_id, webhook_id="odd", topic="orders/paid", body=b"{}",
                state=DeliveryState.FAILED, received_at=merchant.begin,
                reason="id must be a whole number; it is text ('ada@example.com').",
            )
        )  # fmt: skip
    merchant.set(summary_time="00:00")
    merchant.look(0, 60)
    assert sum_up(merchant.shop_id, merchant.at(60)) is not None
    post_due(merchant.shop_id, clock=lambda: merchant.at(61))
    told = "1 of 1 deliveries of the last hour failed."
    (incident,) = merchant.incidents()
    assert (incident.cause, incident.what) == ("deliveries_failing", told)
    assert [one.get("what") or one["troubles"] for one in merchant.receiver.taken] == [told, [told]]
    written = [*merchant.mails(), *merchant.mails(MailKind.SUMMARY)]
    assert [(told in mail.text, "ada@" in mail.text + mail.html) for mail in written] == [(True, False)] * 2


def test_one_shops_trouble_is_no_others(merchant: Merchant, receiver: Receiver) -> None:
    other = Merchant(receiver, OTHER, merchant.begin)
    merchant.refuse_token()
    for seconds in (0, 60):
        merchant.look(seconds)
        other.look(seconds)
    assert len(merchant.mails()) == 1
    assert other.mails() == []
    assert [one["shop"] for one in receiver.taken] == [DOMAIN]


@pytest.mark.parametrize(
    ("language", "subject", "words"),
    [
        ("en", "Shopify refuses our access", ("What to do", "it lasted for 10 minutes")),
        ("de", "Shopify weist unseren Zugang ab", ("Was zu tun ist", "10 Minuten")),
        ("fr", "Shopify refuse notre accès", ("Que faire", "10 minutes")),
        ("es", "Shopify rechaza nuestro acceso", ("Qué hacer", "10 minutos")),
    ],
)
def test_the_merchant_is_told_in_their_language(
    merchant: Merchant, language: str, subject: str, words: tuple[str, str]
) -> None:
    merchant.set(language=language)
    merchant.refuse_token()
    merchant.look(0, 60)
    merchant.refuse_token(is_refused=False)
    merchant.look(600, 720)
    began, over = merchant.mails()
    assert began.subject == f"{DOMAIN}: {subject}"
    assert words[0] in began.text
    assert words[1] in over.text
    assert {mail.language for mail in (began, over)} == {language}
    assert f'lang="{language}"' in began.html


def test_a_summary_comes_at_eight_of_the_shops_clock_on_days_of_23_hours_too(receiver: Receiver) -> None:
    merchant = Merchant(receiver, begin=datetime(2026, 3, 27, tzinfo=UTC))
    merchant.set(summary_time="08:00")
    with transaction() as session:
        session.get_one(Shop, merchant.shop_id).timezone = "Europe/Berlin"
    written = []
    for half_hour in range(2 * 24 * 5):
        now = merchant.begin + timedelta(minutes=30 * half_hour)
        if sum_up(merchant.shop_id, now) is not None:
            written.append(now.astimezone(BERLIN))
        assert sum_up(merchant.shop_id, now) is None
    assert [(moment.day, moment.hour, moment.minute) for moment in written] == [
        (27, 8, 0), (28, 8, 0), (29, 8, 0), (30, 8, 0), (31, 8, 0),
    ]  # fmt: skip
    assert [moment.astimezone(UTC).hour for moment in written] == [7, 7, 6, 6, 6]
    assert [mail.subject.partition(" on ")[2] for mail in merchant.mails(MailKind.SUMMARY)] == [
        "Thursday, March 26, 2026", "Friday, March 27, 2026", "Saturday, March 28, 2026", "Sunday, March 29, 2026",
        "Monday, March 30, 2026",
    ]  # fmt: skip
    # Three days without a worker: one summary, late, of the last day.
    late = merchant.begin + timedelta(days=7, hours=15)
    assert sum_up(merchant.shop_id, late) is not None
    assert sum_up(merchant.shop_id, late + timedelta(seconds=30)) is None
    assert merchant.mails(MailKind.SUMMARY)[-1].subject.endswith("Thursday, April 2, 2026")
    post_due(merchant.shop_id, clock=lambda: late)
    assert [one["day"] for one in receiver.taken] == [
        "2026-03-26", "2026-03-27", "2026-03-28", "2026-03-29", "2026-03-30", "2026-04-02",
    ]  # fmt: skip


def test_a_summary_has_the_figures_of_the_front_page(app: Flask, merchant: Merchant) -> None:
    merchant.set(summary_time="00:00")
    publish(merchant.shop_id, hold_above_minor=50_000)
    now = utcnow()
    first, big = order(1, placed_at=now, updated_at=now), order(2, line(2, 90_000), placed_at=now, updated_at=now)
    tell(merchant.shop_id, first, big)
    with transaction() as session:
        shop = session.get_one(Shop, merchant.shop_id)
        while settle.settle_due(session, shop, utcnow()):
            pass
        day = read_summary(session, shop, utcnow().date(), utcnow())
    page = Visitor(app).load("/").text
    assert (day.orders, day.waiting) == (1, 1)
    assert f"<dt>Orders processed today</dt><dd>{day.orders}</dd>" in page
    for minor in (day.issued_minor, day.available_minor, day.waiting_minor):
        assert minor > 0
        assert f"${minor // 100}.{minor % 100:02}" in page
    assert sum_up(merchant.shop_id, utcnow() + timedelta(days=1)) is not None
    (mail,) = merchant.mails(MailKind.SUMMARY)
    lines = [" ".join(line.split()) for line in mail.text.splitlines()]
    assert "Orders processed 1" in lines
    assert f"Cashback issued ${day.issued_minor // 100}.{day.issued_minor % 100:02}" in lines


def test_nobody_who_wants_no_summary_gets_one(merchant: Merchant) -> None:
    assert sum_up(merchant.shop_id, merchant.at(90_000)) is None
    merchant.set(summary_time="00:00", alert_addresses=[], alert_url="")
    assert sum_up(merchant.shop_id, merchant.at(90_000)) is None
    assert merchant.mails(MailKind.SUMMARY) == []
