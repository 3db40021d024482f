"""The list of incidents: what was wrong, since when, until when, and how it was told."""

from datetime import timedelta

import pytest
from flask import Flask

from app.admin.queries.incidents import list_incidents
from app.admin.queries.keyset import Window
from app.db import transaction
from app.engine.rules.alerts import AlertEvent
from app.models import AlertPost, Incident
from tests.admin.factories import NOON, OTHER, Page, Visitor, make_shop, reading


def add(shop_id: int, cause: str, minutes: int = 0, **values: object) -> int:
    at = NOON + timedelta(minutes=minutes)
    with transaction() as session:
        row = Incident(
            shop_id=shop_id, cause=cause, what=f"What of {cause}.", advice="Advice.", began_at=at, seen_at=at, **values
        )
        session.add(row)
        session.flush()
        return row.id


def add_post(shop_id: int, incident_id: int, **values: object) -> None:
    with transaction() as session:
        session.add(
            AlertPost(
                shop_id=shop_id, incident_id=incident_id, event=AlertEvent.OPENED, body={}, created_at=NOON, **values
            )
        )


def test_where_nothing_was_wrong_that_is_said_and_where_to_be_told(visitor: Visitor, shop_id: int) -> None:
    page = Page(visitor.load("/incidents").text)
    assert "Nothing was ever wrong" in page.text
    assert page.of("a", href="/settings/mails")


def test_an_open_incident_leads_to_its_room_and_one_that_is_over_says_how_long_it_was(
    visitor: Visitor, shop_id: int
) -> None:
    add(shop_id, "inbox_late", room="/deliveries?state=received")
    end = NOON + timedelta(minutes=90)
    told = NOON + timedelta(minutes=1)
    add(
        shop_id, "token_refused", room="/settings", ended_at=end, gone_at=end, told_at=told, mailed_at=told,
        end_told_at=end,
    )  # fmt: skip
    page = Page(visitor.load("/incidents").text)
    for words in (
        "Deliveries wait What of inbox_late. Open", "Not yet",
        "Shopify refuses our access What of token_refused. Ended",
        "after 2 hours", "By mail on Mar 1, 2026 at 12:01\u202fPM", "it is over on Mar 1, 2026 at 1:30\u202fPM",
    ):  # fmt: skip
        assert " ".join(words.split()) in page.text, words
    assert page.of("a", href="/deliveries?state=received")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"posted_at": NOON}, "Your address took it on Mar 1, 2026"),
        ({"next_attempt_at": NOON}, "It is on its way to your address."),
        (
            {"next_attempt_at": NOON, "error": "The address answered 503."},
            "Your address has not taken it yet: The address answered 503. It is asked again.",
        ),
        ({"error": "The address answered 500."}, "Your address did not take it: The address answered 500."),
    ],
)
def test_what_became_of_a_post_is_told(
    visitor: Visitor, shop_id: int, values: dict[str, object], sentence: str
) -> None:
    add_post(shop_id, add(shop_id, "drift", told_at=NOON), **values)
    assert sentence in Page(visitor.load("/incidents").text).text


def test_pages_hold_every_incident_once(shop_id: int) -> None:
    ids = [add(shop_id, f"cause_{number}", number // 3) for number in range(10)]
    with reading() as session:
        page = list_incidents(session, shop_id, Window(size=4))
        found = [row.incident.id for row in page.rows]
        while page.older:
            page = list_incidents(session, shop_id, Window(before=page.older, size=4))
            found += [row.incident.id for row in page.rows]
    assert found == ids[::-1]


def test_another_shops_incidents_are_closed(app: Flask, visitor: Visitor, shop_id: int) -> None:
    other = make_shop(OTHER)
    add_post(other, add(other, "drift", told_at=NOON), posted_at=NOON)
    assert "What of drift." not in visitor.load("/incidents").text
    assert "What of drift." in Visitor(app, OTHER).load("/incidents").text
