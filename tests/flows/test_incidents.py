"""What is wrong becomes one incident per cause, is told once, and is over when it stays away."""

import threading
from datetime import UTC, date, datetime, time, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db, transaction
from app.engine.flows import incidents
from app.engine.flows.incidents import News
from app.engine.rules.alerts import Sighting
from app.engine.rules.roles import Role
from app.errors import NotAllowed
from app.models import AuditEvent, Incident, MailSettings, Shop
from tests.flows.builders import STAFF, Till, day, reading
from tests.people import hire

TOKEN = Sighting("token_refused", "Shopify refused our access token.", "Open the app again.")
LATE = Sighting("inbox_late", "A delivery has waited for 61 seconds.", "Check the worker.", "/deliveries")


def at(seconds: float) -> datetime:
    return day(0) + timedelta(seconds=seconds)


def look(shop: Till, seconds: float, *seen: Sighting, tell: bool = True) -> list[News]:
    """Look at a shop, twice, and tell what there is to be told."""
    found: list[News] = []
    for _ in range(2):
        with transaction() as session:
            news = incidents.note(session, session.get_one(Shop, shop.id), seen, at(seconds))
            if tell:
                incidents.mark_told(session, shop.id, news, at(seconds), by_mail=True)
            found = found or news
    return found


def rows(shop: Till) -> list[Incident]:
    with reading() as session:
        found = session.scalars(select(Incident).where(Incident.shop_id == shop.id).order_by(Incident.id)).all()
        session.expunge_all()
        return list(found)


def test_a_cause_is_told_once_after_a_minute_and_once_more_when_it_is_over(shop: Till) -> None:
    assert look(shop, 0, TOKEN) == []
    assert look(shop, 59, TOKEN) == []
    (told,) = look(shop, 60, TOKEN)
    assert (told.cause, told.began_at, told.ended_at, told.times, told.told_before) == (
        "token_refused", at(0), None, 1, None,
    )  # fmt: skip
    assert look(shop, 90, TOKEN) == []
    assert look(shop, 120) == []
    assert look(shop, 239) == []
    (over,) = look(shop, 240)
    assert (over.incident_id, over.began_at, over.ended_at) == (told.incident_id, at(0), at(120))
    assert look(shop, 300) == []
    (row,) = rows(shop)
    assert (row.seen_at, row.told_at, row.mailed_at, row.end_told_at) == (at(90), at(60), at(60), at(240))


def test_what_is_over_before_it_was_told_is_never_told(shop: Till) -> None:
    assert look(shop, 0, TOKEN) == []
    assert [look(shop, seconds) for seconds in (50, 110, 170, 230)] == [[]] * 4
    (row,) = rows(shop)
    assert (row.ended_at, row.told_at, row.end_told_at) == (at(50), None, None)


def test_what_comes_and_goes_within_two_minutes_is_one_incident(shop: Till) -> None:
    told = []
    for round_ in range(10):
        told += look(shop, 150 * round_, TOKEN) + look(shop, 150 * round_ + 31) + look(shop, 150 * round_ + 149)
    assert [news.ended_at for news in told] == [None]
    assert len(rows(shop)) == 1


def test_a_cause_that_comes_again_within_six_hours_is_counted_in_what_is_told_next(shop: Till) -> None:
    (first,) = [*look(shop, 0, TOKEN), *look(shop, 60, TOKEN)]
    look(shop, 120)
    assert [news.ended_at for news in look(shop, 240)] == [at(120)]
    for hour in (1, 2):
        begin = hour * 3600
        assert [look(shop, begin + seconds, TOKEN) for seconds in (0, 60, 900)] == [[], [], []]
        assert [look(shop, begin + seconds) for seconds in (1000, 1200)] == [[], []]
    # The fourth time it stays, and once six hours have passed since it was told, it is told again.
    begin = 5 * 3600
    assert look(shop, begin, TOKEN) == []
    assert look(shop, 6 * 3600 + 59, TOKEN) == []
    (again,) = look(shop, 6 * 3600 + 60, TOKEN)
    assert (again.times, again.told_before) == (3, at(60))
    assert again.incident_id > first.incident_id
    # Much later it is news of its own.
    assert [look(shop, 7 * 3600 + seconds) != [] for seconds in (0, 200)] == [False, True]
    look(shop, 90_000, TOKEN)
    (fresh,) = look(shop, 90_060, TOKEN)
    assert (fresh.times, fresh.told_before) == (1, None)


def test_each_cause_is_an_incident_of_its_own(shop: Till, manual_shop: Till) -> None:
    look(shop, 0, TOKEN)
    look(shop, 30, LATE, TOKEN)
    look(manual_shop, 30, LATE)
    assert [news.cause for news in look(shop, 60, TOKEN, LATE)] == ["token_refused"]
    assert [news.cause for news in look(shop, 90, TOKEN, LATE)] == ["inbox_late"]
    assert [row.cause for row in rows(manual_shop)] == ["inbox_late"]


def test_an_incident_says_what_was_last_seen(shop: Till) -> None:
    look(shop, 0, LATE)
    (told,) = look(shop, 60, Sighting("inbox_late", "A delivery has waited for 2 minutes.", "Check it.", "/elsewhere"))
    assert (told.what, told.advice, told.room) == ("A delivery has waited for 2 minutes.", "Check it.", "/elsewhere")


def test_what_nobody_was_told_for_want_of_a_way_is_told_once_there_is_one(shop: Till) -> None:
    look(shop, 0, TOKEN)
    assert len(look(shop, 60, TOKEN, tell=False)) == 1
    assert len(look(shop, 90, TOKEN)) == 1
    assert look(shop, 120, TOKEN) == []


def test_a_look_that_comes_late_takes_nothing_back(shop: Till) -> None:
    look(shop, 100, TOKEN)
    look(shop, 40, TOKEN)
    (row,) = rows(shop)
    assert (row.began_at, row.seen_at) == (at(100), at(100))


def test_two_workers_at_once_open_one_incident_and_tell_it_once(app: Flask, shop: Till) -> None:
    told: list[News] = []
    barrier = threading.Barrier(2)

    def work() -> None:
        with app.app_context():
            for seconds in (0, 60):
                barrier.wait(20)
                with transaction() as session:
                    news = incidents.note(session, session.get_one(Shop, shop.id), [LATE, TOKEN], at(seconds))
                    incidents.mark_told(session, shop.id, news, at(seconds), by_mail=False)
                    told.extend(news)
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(news.cause for news in told) == ["inbox_late", "token_refused"]
    assert [(row.cause, row.mailed_at) for row in rows(shop)] == [("inbox_late", None), ("token_refused", None)]


def test_watched_are_the_shops_that_have_the_app_one_after_another(shop: Till, manual_shop: Till) -> None:
    with reading() as session:
        assert incidents.list_watched(session, 0, 9) == [shop.id, manual_shop.id]
        assert incidents.list_watched(session, 0, 1) == [shop.id]
        assert incidents.list_watched(session, shop.id, 9) == [manual_shop.id]
        session.get_one(Shop, shop.id).uninstalled_at = day(1)
        session.flush()
        assert incidents.list_watched(session, 0, 9) == [manual_shop.id]


def test_a_merchant_is_told_by_the_ways_they_chose(shop: Till) -> None:
    with reading() as session:
        assert incidents.find_ways(session, shop.id).is_any is False
    with transaction() as session:
        session.add(
            MailSettings(shop_id=shop.id, alert_addresses=["ops@example.com"], alert_url="https://x", language="de")
        )
    with reading() as session:
        ways = incidents.find_ways(session, shop.id)
    assert (ways.addresses, ways.url, ways.secret, ways.language) == (("ops@example.com",), "https://x", None, "de")
    assert ways.is_any


def test_a_secret_is_kept_sealed_shown_once_and_replaced_by_the_next(shop: Till) -> None:
    found = []
    for _ in range(2):
        with transaction() as session:
            secret = incidents.new_secret(session, shop.id, STAFF, day(1), lambda text: f"sealed {text}")
            assert incidents.find_ways(session, shop.id).secret == f"sealed {secret}"
            found.append(secret)
    assert found[0] != found[1]
    assert min(map(len, found)) > 40
    with reading() as session:
        trail = session.scalars(select(AuditEvent).where(AuditEvent.action == "new_alert_secret")).all()
        assert len(trail) == 2
        assert not any(secret in f"{row.before}{row.after}" for row in trail for secret in found)


def test_a_secret_is_for_who_may_change_the_settings(shop: Till) -> None:
    with transaction() as session:
        hire(session, shop.id, "50", Role.APPROVER)
    with reading() as session, pytest.raises(NotAllowed):
        incidents.new_secret(session, shop.id, "staff:50", day(1), str)


def test_a_day_is_taken_once_by_whoever_comes_first(shop: Till) -> None:
    with transaction() as session:
        assert incidents.take_day(session, session.get_one(Shop, shop.id), day(1), lambda _: True) is None
        session.add(MailSettings(shop_id=shop.id, summary_time="09:00"))
    found = []
    for _ in range(2):
        with transaction() as session:
            found.append(incidents.take_day(session, session.get_one(Shop, shop.id), day(1), lambda _: True))
    assert found == [day(0).date(), None]


def test_a_day_that_is_not_counted_yet_is_taken_later_and_after_two_hours_as_it_is(shop: Till) -> None:
    with transaction() as session:
        session.add(MailSettings(shop_id=shop.id, summary_time="09:00"))
    asked: list[date] = []

    def take(minutes: int, *, is_counted: bool) -> date | None:
        def answer(on_day: date) -> bool:
            asked.append(on_day)
            return is_counted

        now = datetime.combine(day(1).date(), time(9), UTC) + timedelta(minutes=minutes)
        with transaction() as session:
            return incidents.take_day(session, session.get_one(Shop, shop.id), now, answer)

    yesterday = day(0).date()
    assert [take(minutes, is_counted=False) for minutes in (-1, 0, 119)] == [None] * 3
    assert asked == [yesterday] * 2
    assert take(120, is_counted=False) == yesterday
    assert take(121, is_counted=True) is None
