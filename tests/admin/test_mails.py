"""The mails of a shop: found, shown as they were sent, sent once more, and stopped for an address."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.admin.queries import mails as queries
from app.clock import utcnow
from app.engine.rules.messages import MailKind, MailState, MessageState, Topic
from app.engine.rules.roles import Role
from app.models import Customer, DigestRun, Mail, MailOutage, MailSettings, Message, Reward, Shop
from tests.admin.factories import Page, Visitor, order, reading, tell
from tests.admin.mail_rows import HTML, add_mail, fill_mailbox, mail_of
from tests.flows.builders import all_rows
from tests.people import hire


def subjects(page: Page) -> list[str]:
    return [str(one["id"]) for one in page.of("tr") if "data-row" in one]


def frame_of(page: Page) -> dict[str, str]:
    """Return what a page sends to have its mail shown."""
    return {name: str(page.of("input", name=name)[0]["value"]) for name in ("mail", "proof")}


def test_mails_are_listed_newest_first_and_found_by_state_kind_and_address(visitor: Visitor, shop_id: int) -> None:
    assert "No mails yet" in visitor.load("/mails").text
    sent = add_mail(shop_id)
    refused = add_mail(
        shop_id, MailState.REFUSED, address="Ben@example.com", error="550 No such mailbox", kind=MailKind.STATEMENT
    )
    page = Page(visitor.load("/mails").text)
    assert subjects(page) == [f"mail-{refused}", f"mail-{sent}"]
    assert "550 No such mailbox" in page.text
    for query, expected in (
        ({"state": "sent"}, [sent]),
        ({"kind": "statement"}, [refused]),
        ({"kind": "statement", "state": "sent"}, []),
        ({"search": "BEN@"}, [refused]),
        ({"search": "b", "state": "refused"}, [refused]),
        ({"search": "example"}, []),
        ({"state": "sideways"}, [refused, sent]),
    ):
        found = Page(visitor.load("/mails", **query).text)
        assert subjects(found) == [f"mail-{number}" for number in expected], query


def test_a_long_list_is_read_page_by_page_both_ways(visitor: Visitor, shop_id: int) -> None:
    numbers = [add_mail(shop_id) for _ in range(queries.PAGE_SIZE + 2)][::-1]
    first = Page(visitor.load("/mails").text)
    assert subjects(first) == [f"mail-{number}" for number in numbers[: queries.PAGE_SIZE]]
    older = str(next(one["href"] for one in first.of("a", rel="next")))
    second = Page(visitor.fetch(older).text)
    assert subjects(second) == [f"mail-{number}" for number in numbers[queries.PAGE_SIZE :]]
    newer = str(next(one["href"] for one in second.of("a", rel="prev")))
    assert subjects(Page(visitor.fetch(newer).text)) == subjects(first)


def test_a_beginning_that_many_addresses_have_is_said(visitor: Visitor, shop_id: int) -> None:
    for number in range(queries.MOST_ADDRESSES + 1):
        add_mail(shop_id, address=f"ada{number}@example.com")
    assert "Many addresses begin so" in visitor.load("/mails", search="ada").text
    assert "Many addresses begin so" not in visitor.load("/mails", search="ada1").text


def test_a_mail_is_shown_as_it_was_sent_in_a_frame_in_which_nothing_runs(visitor: Visitor, shop_id: int) -> None:
    evil = HTML.replace("</p>", '</p><script>alert(1)</script><img src="https://elsewhere.example.com/x.png">')
    number = add_mail(shop_id, html=evil)
    page = Page(visitor.load(f"/mails/{number}").text)
    assert "alert(1)" not in page.text
    assert [frame["sandbox"] for frame in page.of("iframe")] == [None]
    shown = visitor.client.post("/mail-frame", data=frame_of(page))
    assert (shown.status_code, shown.text) == (200, evil)
    policy = shown.headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "sandbox", "form-action 'none'"):
        assert part in policy.split("; ")
    assert "script" not in policy
    assert f"frame-ancestors 'self' https://{visitor.domain}" in policy


@pytest.mark.parametrize(("scheme", "media", "content"), [("dark", "all", "dark"), ("light", "not all", "light")])
def test_a_mail_is_shown_as_light_and_as_dark_mail_programs_do(
    visitor: Visitor, shop_id: int, scheme: str, media: str, content: str
) -> None:
    html = '<meta name="color-scheme" content="light dark"><style>@media (prefers-color-scheme: dark) {p {color: red}}'
    sealed = frame_of(Page(visitor.load(f"/mails/{add_mail(shop_id, html=html)}").text))
    shown = visitor.client.post("/mail-frame", data={**sealed, "scheme": scheme}).text
    assert shown == f'<meta name="color-scheme" content="{content}"><style>@media {media} {{p {{color: red}}}}'


@pytest.mark.parametrize("changes", [{"mail": "<p>Give me your password.</p>"}, {"proof": "x"}, {"proof": ""}])
def test_the_frame_shows_nothing_that_no_page_has_sealed(
    visitor: Visitor, shop_id: int, changes: dict[str, str]
) -> None:
    sealed = frame_of(Page(visitor.load(f"/mails/{add_mail(shop_id)}").text))
    answer = visitor.client.post("/mail-frame", data={**sealed, **changes})
    assert answer.status_code == 403
    assert "password" not in answer.text
    assert visitor.client.post("/mail-frame").status_code == 403


def test_a_mail_says_what_it_told_of_and_whom(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1))
    with reading() as session:
        customer_id = session.scalars(select(Customer.id)).first()
        reward_id = session.scalars(select(Reward.id)).one()
    number = add_mail(shop_id, customer_id=customer_id)
    with reading() as session:
        done = {"state": MessageState.MAILED, "done_at": utcnow(), "mail_id": number, "customer_id": customer_id}
        row = {"topic": Topic.REWARD, "reward_id": reward_id, "subject_id": reward_id, "created_at": utcnow()}
        session.add(Message(shop_id=shop_id, key="made-up", **row, **done))
    page = Page(visitor.load(f"/mails/{number}").text)
    assert page.of("a", href=f"/customers/{customer_id}")
    assert page.of("a", href=f"/orders/{order(1).order_id}")
    of_customer = Page(visitor.load(f"/customers/{customer_id}").text)
    assert of_customer.of("a", href=f"/mails/{number}")


def test_a_refused_mail_is_sent_again_by_a_click(visitor: Visitor, shop_id: int, redis_client: Any) -> None:
    number = add_mail(shop_id, MailState.REFUSED, error="550 No such mailbox")
    answer = visitor.post(f"/mails/{number}/again")
    assert answer.status_code == 200
    assert mail_of(number).state is MailState.PLANNED
    assert redis_client.llen("rq:queue:mails") == 1
    assert visitor.post(f"/mails/{number}/again").status_code == 409
    assert visitor.post(f"/mails/{number}/again", htmx=False).status_code == 409


def test_before_a_mail_in_doubt_is_sent_again_it_is_asked(visitor: Visitor, shop_id: int) -> None:
    number = add_mail(shop_id, MailState.UNKNOWN)
    page = Page(visitor.load(f"/mails/{number}").text)
    assert page.of("dialog", id="again")
    assert "It may have arrived already" in page.text
    assert Page(visitor.load(f"/mails/{add_mail(shop_id)}").text).of("dialog", id="again") == []


def test_an_address_is_stopped_and_allowed_again(visitor: Visitor, shop_id: int) -> None:
    number = add_mail(shop_id, MailState.REFUSED)
    assert "Gets no mails to customers" in Page(visitor.post(f"/mails/{number}/stop").text).text
    refused = visitor.post(f"/mails/{number}/again")
    assert (refused.status_code, mail_of(number).state) == (409, MailState.REFUSED)
    assert "This address is to get no such mails." in Page(refused.text).text
    assert "Gets mails." in Page(visitor.post(f"/mails/{number}/allow").text).text
    assert visitor.post(f"/mails/{number}/again").status_code == 200


def test_mails_to_a_customer_are_stopped_on_their_page(visitor: Visitor, shop_id: int) -> None:
    tell(shop_id, order(1))
    with reading() as session:
        customer_id = session.scalars(select(Customer.id)).first()
    page = visitor.post(f"/customers/{customer_id}/mails", {"wanted": "stop"})
    assert "Gets no mails to customers" in Page(page.text).text
    page = visitor.post(f"/customers/{customer_id}/mails", {"wanted": "allow"})
    assert "Gets no mails to customers" not in Page(page.text).text
    with reading() as session:
        session.execute(update(Customer).values(email=None))
    assert visitor.post(f"/customers/{customer_id}/mails", {"wanted": "stop"}).status_code == 404
    assert visitor.post("/customers/999/mails", {"wanted": "stop"}).status_code == 404


def test_a_mail_whose_words_were_removed_says_so(visitor: Visitor, shop_id: int) -> None:
    emptied = {"address": "", "subject": "", "html": "", "text": "", "pruned_at": utcnow()}
    number = add_mail(shop_id, MailState.REFUSED, **emptied)
    page = Page(visitor.load(f"/mails/{number}").text)
    assert "Words and address were removed" in page.text
    assert page.of("iframe") == []
    assert page.of("form", action=f"/mails/{number}/again") == []
    for verb in ("stop", "allow"):
        assert visitor.post(f"/mails/{number}/{verb}").status_code == 404
    assert "Words removed" in visitor.load("/mails").text


def test_why_nothing_leaves_is_said(visitor: Visitor, shop_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = add_mail(shop_id, MailState.KEPT)
    assert "There is no mail server" in visitor.load("/mails").text
    assert Page(visitor.load(f"/mails/{kept}").text).of("form", action=f"/mails/{kept}/again") == []
    config = visitor.client.application.config
    server = {"mail_url": "smtp://127.0.0.1:25", "mail_from": "cashback@example.com"}
    monkeypatch.setitem(config, "SETTINGS", replace(config["SETTINGS"], **server))
    assert "There is no mail server" not in visitor.load("/mails").text
    assert Page(visitor.load(f"/mails/{kept}").text).of("form", action=f"/mails/{kept}/again")
    with reading() as session:
        at = utcnow()
        session.add(MailOutage(shop_id=shop_id, began_at=at, tries=2, next_try_at=at, reason="Connection refused."))
    assert "Connection refused." in visitor.load("/mails").text


def test_what_waits_is_counted_and_told_by_a_click(visitor: Visitor, shop_id: int, redis_client: Any) -> None:
    with reading() as session:
        session.add(MailSettings(shop_id=shop_id, quiet_from="00:00", quiet_to="00:00"))
    assert "Nothing; customers know everything." in visitor.load("/mails").text
    refused = visitor.post("/mails/tell")
    assert (refused.status_code, "Nothing waits to be told." in refused.text) == (409, True)
    tell(shop_id, order(1))
    with reading() as session:
        customer_id = session.scalars(select(Customer.id)).first()
        about = {"topic": Topic.TIER, "customer_id": customer_id, "subject_id": 1}
        session.add(Message(shop_id=shop_id, key="made-up", created_at=utcnow() - timedelta(minutes=1), **about))
        count = session.scalar(select(func.count()).where(Message.state == MessageState.WAITING))
    page = Page(visitor.load("/mails").text)
    assert f"{count} message" in page.text
    assert page.of("form", action="/mails/tell")
    assert visitor.post("/mails/tell", htmx=False).json == {"done": "Mails are being made of it."}
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(DigestRun)) == 1
    assert redis_client.llen("rq:queue:mails") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mails_customers": False}, "Boomerang does not tell customers of this shop."),
        ({"paused_at": utcnow(), "paused_by": "staff:42"}, "Boomerang is paused; customers are told once it goes on."),
    ],
)
def test_where_nobody_is_told_nobody_can_tell_now(
    visitor: Visitor, shop_id: int, change: dict[str, Any], said: str
) -> None:
    tell(shop_id, order(1))
    with reading() as session:
        customer_id = session.scalars(select(Customer.id)).first()
        about = {"topic": Topic.TIER, "customer_id": customer_id, "subject_id": 1}
        session.add(Message(shop_id=shop_id, key="made-up", created_at=utcnow(), **about))
        session.execute(update(Shop).values(**change))
    page = Page(visitor.load("/mails").text)
    assert said in page.text
    assert page.of("form", action="/mails/tell") == []
    assert visitor.post("/mails/tell").status_code == 409


def test_another_shops_mails_are_not_there(stranger: Visitor, shop_id: int) -> None:
    number = fill_mailbox(shop_id, utcnow())
    before = all_rows()
    assert "ada@example.com" not in stranger.load("/mails", search="ada").text
    assert stranger.load(f"/mails/{number}").status_code == 404
    for verb in ("again", "stop", "allow"):
        assert stranger.post(f"/mails/{number}/{verb}").status_code == 404
    assert stranger.load(f"/mails/{2**70}").status_code == 404
    assert {row for row in all_rows() if "mails" in str(row)[:12]} == {
        row for row in before if "mails" in str(row)[:12]
    }


def test_a_viewer_reads_mails_and_changes_nothing(app: Flask, shop_id: int) -> None:
    number = fill_mailbox(shop_id, utcnow())
    with reading() as session:
        hire(session, shop_id, "50", Role.VIEWER)
    viewer = Visitor(app, staff="50")
    page = Page(viewer.load(f"/mails/{number}").text)
    # What shows the mail is sent to no room, and changes nothing.
    assert [one["action"] for one in page.of("form", method="post")] == ["/mail-frame"]
    assert Page(viewer.load("/mails").text).of("form", method="post") == []
    with reading() as session:
        states = session.scalars(select(Mail.state).order_by(Mail.id)).all()
    assert states == list(MailState)
