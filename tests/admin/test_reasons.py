"""What we keep of why something went wrong is said in each reader's language; what others said stays theirs."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import Text, literal, select, update

from app.db import transaction
from app.engine.flows import import_steps, imports, program, review
from app.engine.flows import transfer as books
from app.engine.redaction import REMOVED
from app.engine.rules.kept_words import MARK
from app.engine.rules.messages import MailState, StopReason
from app.engine.rules.states import TransferState
from app.errors import NotYet
from app.mail.server import Away
from app.models import Delivery, DeliveryState, MailOutage, MailStop, ReconcileRun, Shop, ShopToken, Transfer
from app.models import Window as Span
from app.sentences import Sentence, say, sentence_of
from app.shopify.credit_moves import MoveRefused
from app.shopify.errors import DocumentRefused, TokenRefused
from app.shopify.refusals import advice_for
from app.shopify.tokens import NO_TOKEN
from app.status.causes import find_causes
from app.webhooks.fates import MOST_PATIENT_ATTEMPTS, mark_unhandled
from app.webhooks.inbox import Arrival, drain, store_delivery
from tests.admin.factories import DOMAIN, NOON, Page, Visitor, order, reading, reward_of, tell
from tests.admin.mail_rows import add_mail

HOSTILE = "<script>alert(1)</script> {x.__class__} %(x)s"


def read(visitor: Visitor, path: str, language: str) -> str:
    answer = visitor.load(path, locale=language)
    assert answer.status_code == 200
    assert "<script>alert(1)" not in answer.text
    return Page(answer.text).text


def arrive(body: bytes, topic: str = "orders/paid") -> None:
    with transaction() as session:
        store_delivery(session, Arrival(DOMAIN, f"made-up-{topic}-{len(body)}", topic, body, NOON))


def write(kept: str) -> None:
    """Write into the column itself, as others did before sentences were kept, or may."""
    with transaction() as session:
        session.execute(update(Delivery).values(reason=literal(kept, Text())))


def delivery() -> Delivery:
    with reading() as session:
        found = session.scalars(select(Delivery)).one()
        session.expunge(found)
        return found


@pytest.fixture
def planned(shop_id: int) -> Transfer:
    """Return the credit of an approved order, about to be sent."""
    fact = order(1)
    tell(shop_id, fact)
    reward = reward_of(fact)
    with transaction() as session:
        review.approve(session, shop_id, reward.id, reward.version, "staff:8", NOON)
        found = session.scalars(select(Transfer)).one()
        session.expunge(found)
        return found


def refuse(planned: Transfer, reason: str) -> None:
    with transaction() as session:
        (claim,) = books.claim_some(session, planned.shop_id, NOON + timedelta(days=1), 60, 1)
        books.refuse(session, claim, reason)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "The body is not JSON."),
        ("de", "Der Inhalt ist kein JSON."),
        ("fr", "Le contenu n\N{RIGHT SINGLE QUOTATION MARK}est pas du JSON."),
        ("es", "El contenido no es JSON."),
    ],
)
def test_each_reader_gets_the_reason_of_a_delivery_in_their_language(
    visitor: Visitor, shop_id: int, language: str, words: str
) -> None:
    arrive(b"nonsense")
    assert words in read(visitor, "/deliveries", language)
    assert words in read(visitor, f"/deliveries/{delivery().id}", language)


def test_a_body_that_is_not_as_promised_is_explained_and_quoted(visitor: Visitor, shop_id: int) -> None:
    arrive(json.dumps({"id": HOSTILE}).encode())
    drain(lambda: NOON)
    found = delivery()
    assert found.state is DeliveryState.FAILED
    assert found.reason == f"id must be an id; it is text {HOSTILE[:40]!a}."
    assert f"id muss eine ID sein; gefunden: Text {HOSTILE[:40]!a}." in read(visitor, f"/deliveries/{found.id}", "de")


def test_a_topic_nobody_needs_says_so(visitor: Visitor, shop_id: int) -> None:
    arrive(b"{}", "themes/publish")
    assert "Boomerang macht mit dem Thema themes/publish nichts" in read(visitor, "/deliveries", "de")


def test_what_was_given_up_says_why_in_one_language(visitor: Visitor, shop_id: int) -> None:
    arrive(b"{}")
    with transaction() as session:
        row = session.scalars(select(Delivery)).one()
        row.attempts = MOST_PATIENT_ATTEMPTS - 1
        waits = NotYet(say("{name} waits for what Shopify says about its payments.", name=f"#1\x00{'x' * 900}"))
        assert mark_unhandled(row, waits, NOON) is DeliveryState.FAILED
    reason = delivery().reason
    assert isinstance(reason, Sentence)
    assert len(reason) == 500
    assert "Nach 350 Versuchen aufgegeben. #1xxx" in read(visitor, "/deliveries", "de")


def test_an_old_reason_is_shown_as_it_was_written(visitor: Visitor, shop_id: int) -> None:
    arrive(b"nonsense")
    write("Given up after 12 attempts. {x} %(y)s")
    assert "Given up after 12 attempts. {x} %(y)s" in read(visitor, "/deliveries", "de")


def test_whoever_wrote_a_template_into_an_old_row_gets_nothing_filled_in(visitor: Visitor, shop_id: int) -> None:
    arrive(b"nonsense")
    made_of = json.dumps({"say": "{x.__class__.__mro__}", "with": {"x": "y"}})
    write(f"Seen.{MARK}{made_of}")
    page = read(visitor, "/deliveries", "de")
    assert "Seen." in page
    assert "class" not in page


def test_what_was_removed_with_a_person_says_so(visitor: Visitor, shop_id: int) -> None:
    arrive(b"nonsense")
    write(REMOVED)
    assert "Entfernt mit den personenbezogenen Daten" in read(visitor, "/deliveries", "de")


def test_a_refused_transfer_says_what_shopify_said_and_what_to_do(visitor: Visitor, planned: Transfer) -> None:
    refusal = MoveRefused("CREDIT_LIMIT_EXCEEDED", HOSTILE)
    advice = advice_for(refusal.code).sentence
    refuse(planned, say("{refusal} {advice}", refusal=sentence_of(refusal), advice=say(advice)))
    page = read(visitor, f"/orders/{order(1).order_id}", "de")
    assert f"Shopify hat es abgelehnt: {HOSTILE} (CREDIT_LIMIT_EXCEEDED). Shopify lässt keinem Kunden" in page


def test_a_call_that_shopify_found_wrong_is_quoted(visitor: Visitor, planned: Transfer) -> None:
    refuse(planned, sentence_of(DocumentRefused("undefinedField", HOSTILE)))
    page = read(visitor, f"/orders/{order(1).order_id}", "de")
    assert f"Shopify hat den Aufruf abgelehnt (undefinedField): {HOSTILE}" in page
    with reading() as session:
        assert session.scalars(select(Transfer.state)).one() is TransferState.REFUSED


def test_a_mail_says_what_the_server_said(visitor: Visitor, shop_id: int) -> None:
    number = add_mail(shop_id, MailState.REFUSED, error=say("The mail server says: {words}", words=f"550 {HOSTILE}"))
    for path in ("/mails", f"/mails/{number}"):
        assert f"Der Mailserver sagt: 550 {HOSTILE}" in read(visitor, path, "de")


def test_an_outage_of_the_mail_server_is_explained(visitor: Visitor, shop_id: int) -> None:
    add_mail(shop_id)
    away = Away(say("The mail server {where} does not answer in {count} seconds.", where="mx.example.com:25", count=15))
    with transaction() as session:
        session.add(MailOutage(shop_id=shop_id, began_at=NOON, tries=1, next_try_at=NOON, reason=sentence_of(away)))
    page = read(visitor, "/mails", "de")
    assert "Der Mailserver mx.example.com:25 antwortet nicht innerhalb von 15 Sekunden." in page


def test_a_refused_token_is_explained_among_the_causes_of_trouble(app: Flask, shop_id: int) -> None:
    with transaction() as session:
        token = session.get_one(ShopToken, shop_id)
        token.refused_at, token.refused_reason = NOON, sentence_of(TokenRefused(NO_TOKEN))
    with reading() as session, app.test_request_context(), force_locale("de"):
        told = {cause.key: cause.what for cause in find_causes(session, session.get_one(Shop, shop_id), NOON)}
    assert "Für diesen Shop gibt es kein Zugriffstoken; jemand vom Team muss Boomerang" in told["token_refused"]


def test_an_import_says_in_the_readers_language_what_was_left_out_and_why_it_ended(
    visitor: Visitor, shop_id: int
) -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    with transaction() as session:
        program.set_began(session, shop_id, now - timedelta(days=150), "system", now)
        imports.ask(session, shop_id, Span.DAYS_60, "staff:42", now, sees_all=True)
        claim = import_steps.claim(session, shop_id, now)
        assert claim is not None
        import_steps.begin_collecting(session, claim, "gid://shopify/BulkOperation/1", now)
        import_steps.begin_importing(session, claim, 2, 700, now, is_partial=True)
        row = import_steps.hold(session, claim, 0)
        assert row is not None
        bad = {"#1001": say("Shopify does not know it any more."), "#1002": HOSTILE}
        import_steps.advance(row, 700, seen=2, new=0, bad=bad, took_ms=1, now=now)
        import_steps.finish(session, claim, now)
    page = read(visitor, "/imports", "de")
    assert "#1001: Shopify kennt sie nicht mehr." in page
    assert f"#1002: {HOSTILE}" in page
    assert "Shopifys Datei endet zu früh" in page


def test_sentences_of_every_column_come_back_as_sentences(shop_id: int) -> None:
    said = say("Order {order}: {reason}", order=7, reason=say("Shopify's answer holds no data."))
    with transaction() as session:
        session.add(ReconcileRun(shop_id=shop_id, started_at=NOON, from_at=NOON, reached_at=NOON, trouble=said))
        stop = MailStop(shop_id=shop_id, address_key="ada@example.com", reason=StopReason.BOUNCED, detail=said, at=NOON)
        session.add(stop)
    with reading() as session:
        kept = [*session.scalars(select(ReconcileRun.trouble)), *session.scalars(select(MailStop.detail))]
    sentences = [each for each in kept if isinstance(each, Sentence)]
    assert sentences == ["Order 7: Shopify's answer holds no data."] * 2
