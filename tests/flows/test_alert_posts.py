"""What the merchant's address is told waits until it is taken, in order, for a day, and never in two hands."""

from datetime import datetime, timedelta

from sqlalchemy import select

from app.db import transaction
from app.engine.flows import alert_posts, incidents
from app.engine.flows.alert_posts import PostClaim
from app.engine.rules.alerts import AlertEvent, Sighting
from app.models import AlertPost, Incident, Shop
from tests.flows.builders import Till, day, reading

OPENED, ENDED, SUMMARY = AlertEvent.OPENED, AlertEvent.ENDED, AlertEvent.SUMMARY


def at(seconds: float) -> datetime:
    return day(0) + timedelta(seconds=seconds)


def add(shop: Till, event: AlertEvent, seconds: float = 0, *, of: str | None = None) -> None:
    with transaction() as session:
        number = None
        if of is not None:
            incidents.note(session, session.get_one(Shop, shop.id), [Sighting(of, "What.", "Advice.")], at(seconds))
            number = session.scalars(select(Incident.id).where(Incident.cause == of)).one()
        alert_posts.add_post(session, shop.id, event, {"cause": of}, at(seconds), incident_id=number)


def claim(shop: Till, seconds: float) -> PostClaim | None:
    with transaction() as session:
        return alert_posts.claim_next(session, shop.id, at(seconds))


def claimed(shop: Till, seconds: float) -> PostClaim:
    found = claim(shop, seconds)
    assert found is not None
    return found


def posts(shop: Till) -> list[AlertPost]:
    with reading() as session:
        found = session.scalars(select(AlertPost).where(AlertPost.shop_id == shop.id).order_by(AlertPost.id)).all()
        session.expunge_all()
        return list(found)


def test_a_post_is_in_one_pair_of_hands_until_its_time_is_over(shop: Till) -> None:
    add(shop, SUMMARY)
    first = claimed(shop, 0)
    assert (first.event, first.attempt, first.body) == (SUMMARY, 1, {"cause": None})
    assert claim(shop, 59) is None
    assert claimed(shop, 60).attempt == 2


def test_what_was_taken_is_not_sent_again_whoever_says_so(shop: Till) -> None:
    add(shop, SUMMARY)
    first, second = claimed(shop, 0), claimed(shop, 60)
    with transaction() as session:
        alert_posts.mark_posted(session, first, at(61))
        alert_posts.put_back(session, second, "The address answered 500.", at(62))
    (row,) = posts(shop)
    assert (row.posted_at, row.next_attempt_at, row.error) == (at(61), None, None)
    assert claim(shop, 90_000) is None


def test_what_was_not_taken_comes_again_later_and_later_until_it_is_given_up(shop: Till) -> None:
    add(shop, SUMMARY)
    seconds, tries = 0.0, 0
    while (found := claim(shop, seconds)) is not None:
        tries += 1
        with transaction() as session:
            again = alert_posts.put_back(session, found, "No answer. " * 99, at(seconds))
        if again is None:
            break
        assert claim(shop, (again - at(1)).total_seconds()) is None
        seconds = (again - at(0)).total_seconds()
    (row,) = posts(shop)
    assert (row.attempts, row.next_attempt_at, row.posted_at) == (tries, None, None)
    assert tries == 30
    assert len(row.error or "") == alert_posts.LONGEST_ERROR
    assert 82_800 < seconds <= 86_400


def test_who_lost_it_to_another_worker_puts_nothing_back(shop: Till) -> None:
    add(shop, SUMMARY)
    first, second = claimed(shop, 0), claimed(shop, 60)
    with transaction() as session:
        alert_posts.put_back(session, first, "Too late.", at(61))
    assert [(row.attempts, row.next_attempt_at, row.error) for row in posts(shop)] == [(second.attempt, at(120), None)]


def test_the_end_of_an_incident_never_overtakes_its_beginning(shop: Till) -> None:
    add(shop, OPENED, of="drift")
    add(shop, ENDED, of="drift")
    add(shop, OPENED, of="no_token")
    first = claimed(shop, 0)
    other = claimed(shop, 0)
    assert (first.event, other.event, other.body["cause"]) == (OPENED, OPENED, "no_token")
    assert claim(shop, 0) is None
    with transaction() as session:
        alert_posts.mark_posted(session, first, at(1))
    assert claimed(shop, 1).event is ENDED


def test_a_beginning_that_is_given_up_holds_up_nothing(shop: Till) -> None:
    add(shop, OPENED, of="drift")
    add(shop, ENDED, of="drift")
    first = claimed(shop, 0)
    with transaction() as session:
        assert alert_posts.put_back(session, first, "No.", at(86_400)) is None
    assert claimed(shop, 86_401).event is ENDED


def test_posts_are_due_in_shops_that_have_the_app_and_each_shop_has_its_own(shop: Till, manual_shop: Till) -> None:
    add(shop, SUMMARY)
    with reading() as session:
        assert alert_posts.list_due_shops(session, at(-1)) == []
        assert alert_posts.list_due_shops(session, at(0)) == [shop.id]
        session.get_one(Shop, shop.id).uninstalled_at = at(0)
        session.flush()
        assert alert_posts.list_due_shops(session, at(0)) == []
    assert claim(manual_shop, 0) is None


def test_without_an_address_all_that_waits_is_given_up(shop: Till, manual_shop: Till) -> None:
    add(shop, SUMMARY)
    add(manual_shop, SUMMARY)
    with transaction() as session:
        alert_posts.give_up_all(session, shop.id, "There is no address any more.")
    assert [(row.next_attempt_at, row.error) for row in posts(shop)] == [(None, "There is no address any more.")]
    assert claim(shop, 0) is None
    assert claim(manual_shop, 0) is not None
