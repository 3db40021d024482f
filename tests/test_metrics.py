"""What a scraper reads: the figures of every shop, for whoever brings the token and for nobody else."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, update

from app import create_app
from app.clock import utcnow
from app.config import Settings
from app.db import db, transaction
from app.engine.rules.mailing import Refusal
from app.engine.rules.messages import MailKind, MailState
from app.engine.rules.stage_limits import Lag
from app.engine.rules.states import TransferState
from app.engine.rules.terms import Mode
from app.metrics import SMALL_TROUBLES
from app.models import (
    CreditAccount,
    Customer,
    Delivery,
    DeliveryState,
    Incident,
    Mail,
    Shop,
    StageLag,
    SweepFailure,
    Transfer,
)
from tests.admin.factories import DOMAIN, OTHER, Visitor, make_shop, order, tell
from tests.flows.builders import all_rows
from tests.house.sources import python_files, read

TOKEN = "a-made-up-token-for-the-scraper"
Figures = dict[tuple[str, ...], float]


@pytest.fixture
def scraped(settings: Settings) -> Iterator[Flask]:
    """Return an app with a token for scrapers."""
    app = create_app(replace(settings, metrics_token=TOKEN))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def scrape(app: Flask) -> Figures:
    """Return all figures by their name without our prefix, the shop, and what the other labels say in their order."""
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    return {
        (
            sample.name.removeprefix("boomerang_"),
            sample.labels.pop("shop", ""),
            *(value for _, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def add(*rows: Any) -> None:
    with transaction() as session:
        session.add_all(rows)


def delivery(shop_id: int, number: int, state: DeliveryState, minutes: int) -> Delivery:
    """Return a delivery that was received so many minutes ago."""
    at = utcnow() - timedelta(minutes=minutes)
    return Delivery(
        shop_id=shop_id, webhook_id=f"w{number}", topic="orders/paid", body=b"{}", state=state, received_at=at
    )


def test_without_a_token_set_there_is_no_such_page(app: Flask) -> None:
    answer = app.test_client().get("/metrics", headers={"Authorization": "Bearer "})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "brought",
    [None, "", "Bearer", "Bearer ", f"Bearer {TOKEN}x", TOKEN, f"bearer {TOKEN}", f"Basic {TOKEN}", "Bearer \xe9"],
)
def test_who_brings_no_token_or_another_one_learns_nothing(scraped: Flask, brought: str | None) -> None:
    make_shop()
    headers = {} if brought is None else {"Authorization": brought}
    answer = scraped.test_client().get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert DOMAIN not in answer.text


def test_a_shop_in_which_nothing_happened_is_active_and_empty(scraped: Flask) -> None:
    make_shop()
    found = scrape(scraped)
    assert found["engine_status", DOMAIN, "active"] == 1
    assert found["engine_status", DOMAIN, "error"] == found["engine_status", DOMAIN, "paused"] == 0
    assert found["inbox_waiting", DOMAIN] == found["messages_waiting", DOMAIN] == found["drift_accounts", DOMAIN] == 0
    assert {value for name, value in found.items() if name[0] in ("transfers", "mails", "rewards")} == {0}
    assert not any(name[0].startswith(("stage_", "incidents")) for name in found)
    (build,) = (name for name in found if name[0] == "build_info")
    assert re.fullmatch(r"\d{4}", build[3])


def test_every_shop_has_its_own_figures(scraped: Flask) -> None:
    mine, other = make_shop(mode=Mode.AUTOMATIC), make_shop(OTHER)
    tell(mine, order(1), order(2))
    tell(other, order(3))
    found = scrape(scraped)
    assert (found["rewards", DOMAIN, "in_review"], found["rewards", OTHER, "in_review"]) == (0, 1)
    assert (found["transfers", DOMAIN, "planned"], found["transfers", OTHER, "planned"]) == (2, 0)
    assert (found["messages_waiting", DOMAIN], found["messages_waiting", OTHER]) == (2, 1)
    assert found["messages_oldest_seconds", DOMAIN] > 0


def test_transfers_that_are_in_trouble_are_counted_by_what_it_is(scraped: Flask) -> None:
    shop_id = make_shop(mode=Mode.AUTOMATIC)
    tell(shop_id, order(1))
    for state, needs_person in (
        (TransferState.REFUSED, False),
        (TransferState.SENDING, False),
        (TransferState.UNKNOWN, True),
    ):
        with transaction() as session:
            session.execute(update(Transfer).values(state=state, needs_person=needs_person, sent_at=utcnow()))
        found = scrape(scraped)
        assert [name[2] for name, value in found.items() if name[0] == "transfers" and value] == [state.value]
        assert found["transfers_for_a_person", DOMAIN] == needs_person


def test_what_waits_in_the_inbox_and_what_failed_of_late_is_counted(scraped: Flask) -> None:
    shop_id = make_shop()
    add(
        delivery(shop_id, 1, DeliveryState.RECEIVED, 10),
        delivery(shop_id, 2, DeliveryState.RECEIVED, 1),
        delivery(shop_id, 3, DeliveryState.FAILED, 59),
        delivery(shop_id, 4, DeliveryState.FAILED, 61),
        delivery(shop_id, 5, DeliveryState.HANDLED, 1),
    )
    found = scrape(scraped)
    assert found["inbox_waiting", DOMAIN] == 2
    assert 600 <= found["inbox_oldest_seconds", DOMAIN] < 660
    assert found["deliveries_failed_last_hour", DOMAIN] == 1


def test_mails_that_did_not_leave_are_counted(scraped: Flask) -> None:
    shop_id = make_shop()
    for number, state in enumerate(MailState):
        values = {"kind": MailKind.TEST, "address": "a@example.com", "address_key": "a@example.com", "language": "en"}
        words = {"subject": "", "html": "", "text": "", "created_at": utcnow() - timedelta(minutes=number)}
        refusal = Refusal.SERVER if state is MailState.REFUSED else None
        add(Mail(shop_id=shop_id, state=state, refusal=refusal, **values, **words))
    found = scrape(scraped)
    counted = {name[2] for name, value in found.items() if name[0] == "mails" and value == 1}
    assert counted == {"planned", "sending", "refused", "unknown"}


def test_the_pace_of_the_last_day_is_told_in_seconds(scraped: Flask) -> None:
    shop_id = make_shop()
    for hours, took in ((24, 1_500), (168, 9_000)):
        more = {"samples": 7, "p50_ms": took, "p90_ms": took, "p95_ms": 2 * took, "measured_at": utcnow()}
        add(StageLag(shop_id=shop_id, what=Lag.SENT, hours=hours, **more))
    found = scrape(scraped)
    assert found["stage_seconds", DOMAIN, "0.5", "sent"] == 1.5
    assert found["stage_seconds", DOMAIN, "0.95", "sent"] == 3
    assert found["stage_samples", DOMAIN, "sent"] == 7


def test_an_engine_is_in_error_while_a_grave_trouble_is_seen_and_else_paused_where_somebody_did_that(
    scraped: Flask,
) -> None:
    shop_id = make_shop(paused_at=utcnow(), paused_by="system")

    def status() -> str:
        (found,) = (name[2] for name, value in scrape(scraped).items() if name[0] == "engine_status" and value)
        return found

    def incident(cause: str) -> Incident:
        return Incident(shop_id=shop_id, cause=cause, what="", advice="", began_at=utcnow(), seen_at=utcnow())

    assert status() == "paused"
    add(incident("stage_slow:sent"))
    assert status() == "paused"
    assert scrape(scraped)["incidents_open", DOMAIN, "stage_slow:sent"] == 1
    add(incident("drift"))
    assert status() == "error"
    with transaction() as session:
        session.execute(update(Incident).values(gone_at=utcnow(), ended_at=utcnow()))
    assert status() == "paused"


def test_small_troubles_are_those_of_the_engines_status() -> None:
    said = "\n".join(read(path) for path in python_files("app/status"))
    causes = re.findall(r'Cause\(f?"(\w+)[^)]*?is_grave=False', said)
    assert set(causes) | {"stage_slow"} == SMALL_TROUBLES


def test_what_the_clock_fails_at_is_told_while_it_lasts(scraped: Flask) -> None:
    shop_id = make_shop()
    now = utcnow()
    for sweep, ends_in in (("sweep_digests", 60), ("sweep_tiers", -60)):
        until = now + timedelta(seconds=ends_in)
        values = {"began_at": now - timedelta(minutes=5), "until": until}
        add(SweepFailure(shop_id=shop_id, sweep=sweep, error="ValueError", **values))
    failing = {name[2]: value for name, value in scrape(scraped).items() if name[0] == "sweep_failing"}
    assert failing == {"sweep_digests": 1}


def test_accounts_that_differ_are_counted(scraped: Flask) -> None:
    shop_id = make_shop()
    with transaction() as session:
        customer = Customer(shop_id=shop_id, shopify_id=1, created_at=utcnow())
        session.add(customer)
        session.flush()
        whose = {"shop_id": shop_id, "customer_id": customer.id}
        session.add(CreditAccount(**whose, currency="USD", balance_minor=5, drift_minor=5, drift_since=utcnow()))
        session.add(CreditAccount(**whose, currency="EUR", balance_minor=5, drift_minor=0))
    assert scrape(scraped)["drift_accounts", DOMAIN] == 1


def test_a_shop_that_took_the_app_away_is_not_told_of(scraped: Flask) -> None:
    shop_id = make_shop(mode=Mode.AUTOMATIC)
    tell(shop_id, order(1))
    add(
        delivery(shop_id, 1, DeliveryState.RECEIVED, 10),
        StageLag(
            shop_id=shop_id, what=Lag.SENT, hours=24, samples=1, p50_ms=1, p90_ms=1, p95_ms=1, measured_at=utcnow()
        ),
        Incident(shop_id=shop_id, cause="drift", what="", advice="", began_at=utcnow(), seen_at=utcnow()),
    )
    with transaction() as session:
        session.execute(update(Shop).values(uninstalled_at=utcnow()))
    assert not any(DOMAIN in name for name in scrape(scraped))


def test_reading_the_figures_writes_nothing_and_asks_no_more_for_more_shops(scraped: Flask) -> None:
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    counts = []
    for number in range(3):
        make_shop(f"shop-{number}.myshopify.com")
        before = all_rows()
        asked.clear()
        scrape(scraped)
        counts.append(len(asked))
        assert all_rows() == before
    assert counts == [counts[0]] * 3
    assert counts[0] < 20


def test_who_was_in_the_admin_before_sees_all_shops_figures_all_the_same(scraped: Flask) -> None:
    make_shop()
    make_shop(OTHER)
    Visitor(scraped).load("/")
    assert {name[1] for name in scrape(scraped) if name[0] == "engine_status"} == {DOMAIN, OTHER}
