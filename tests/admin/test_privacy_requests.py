"""The page of privacy requests: what is open, until when, the file to hand over, and that it was."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zipfile import ZipFile

from app.db import transaction
from app.engine.flows.privacy_requests import FILE_KEPT, list_shops_with_expired, open_request, remove_expired_files
from app.models import AuditEvent, PrivacyKind, PrivacyRequest, Shop
from app.personal_data import make_file
from tests.admin.factories import ADA, NOON, Page, Visitor, order, reading, tell


def ask(shop_id: int, at: datetime | None = None, number: int = 1) -> int:
    """Let Shopify ask for Ada's data, and return the request's number."""
    at = at or datetime.now(UTC)
    with transaction() as session:
        shop = session.get_one(Shop, shop_id)
        file = make_file(session, shop, ADA.customer_id, [], at)
        key, kind = f"data_request:{number}", PrivacyKind.DATA_REQUEST
        open_request(session, shop, kind, key, at, customer_shopify_id=ADA.customer_id, file=file)
        return session.query(PrivacyRequest.id).where(PrivacyRequest.key == key).one()[0]


def test_without_requests_the_page_says_so(visitor: Visitor) -> None:
    assert "Nobody has asked" in visitor.load("/privacy").text


def test_a_request_is_listed_with_its_day_and_turns_overdue(visitor: Visitor, shop_id: int) -> None:
    ask(shop_id)
    assert "Open" in visitor.load("/privacy").text
    ask(shop_id, NOON - timedelta(days=31), number=2)
    page = Page(visitor.load("/privacy").text)
    assert "Overdue" in page.text
    assert str(ADA.customer_id) in page.text
    assert ADA.email not in page.text


def test_the_file_comes_with_everything_and_who_fetched_it_is_noted(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1))
    number = ask(shop_id)
    answer = visitor.post(f"/privacy/{number}/file")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert answer.headers["Cache-Control"] == "no-store"
    with ZipFile(BytesIO(answer.data)) as packed:
        data = json.loads(packed.read("data.json"))
        page = packed.read("data.html").decode()
    assert data["customer"]["email"] == ADA.email
    assert data["orders"][0]["name"] == "#1001"
    assert "Ada Example" in page
    with reading() as session:
        (event,) = session.query(AuditEvent).where(AuditEvent.action == "fetch_data").all()
        assert (event.actor, event.subject_id) == ("staff:42", number)


def test_handing_over_is_noted_once(visitor: Visitor, shop_id: int) -> None:
    number = ask(shop_id)
    assert "Done" in visitor.post(f"/privacy/{number}/done").text
    again = visitor.post(f"/privacy/{number}/done", htmx=False)
    assert (again.status_code, again.json) == (409, {"error": "This request is done already."})
    with reading() as session:
        assert session.get_one(PrivacyRequest, number).done_by == "staff:42"


def test_what_boomerang_does_itself_is_not_marked_by_hand(visitor: Visitor, shop_id: int) -> None:
    with transaction() as session:
        open_request(session, session.get_one(Shop, shop_id), PrivacyKind.SHOP_REDACT, "shop:1", NOON)
    with reading() as session:
        number = session.query(PrivacyRequest.id).one()[0]
    answer = visitor.post(f"/privacy/{number}/done", htmx=False)
    assert answer.status_code == 409
    assert "everybody" in visitor.load("/privacy").text


def test_an_expired_file_is_removed_and_not_there_any_more(visitor: Visitor, shop_id: int) -> None:
    number = ask(shop_id, NOON)
    late = NOON + FILE_KEPT
    with transaction() as session:
        shop = session.get_one(Shop, shop_id)
        assert list_shops_with_expired(session, late - timedelta(seconds=1)) == []
        assert list_shops_with_expired(session, late) == [shop_id]
        assert remove_expired_files(session, shop, late - timedelta(seconds=1)) == 0
        assert remove_expired_files(session, shop, late) == 1
        assert remove_expired_files(session, shop, late) == 0
    assert visitor.post(f"/privacy/{number}/file").status_code == 404
    assert "The file has expired" in visitor.load("/privacy").text


def test_another_shops_requests_are_not_there(visitor: Visitor, stranger: Visitor, shop_id: int) -> None:
    number = ask(shop_id)
    assert "Nobody has asked" in stranger.load("/privacy").text
    for verb in ("file", "done"):
        assert stranger.post(f"/privacy/{number}/{verb}").status_code == 404
        assert visitor.post(f"/privacy/{2**70}/{verb}").status_code == 404
