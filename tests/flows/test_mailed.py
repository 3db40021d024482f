"""What people were told: it is theirs to see, goes when they are forgotten, and nobody else's goes with it."""

from sqlalchemy import select, update

from app.db import transaction
from app.engine.flows import privacy
from app.engine.rules.mailing import Refusal
from app.engine.rules.messages import DropReason, MailKind, MailState, MessageState, StopReason, Topic
from app.models import Customer, Mail, MailSettings, MailStop, Message
from app.personal_data import gather
from tests.flows.builders import ADA, BEN, Till, day, order, reading
from tests.flows.person import uninstall_for_good
from tests.flows.test_messages import found, messages

FIRST, GUEST = order(1, locale="de"), order(2, customer=None, email="ada@example.com")


def add_mail(shop: Till, address: str, customer_id: int | None, **changes: object) -> int:
    """Write a mail; return its number."""
    values = {
        "kind": MailKind.DIGEST, "language": "en", "subject": "Your cashback", "html": "<p>2.00</p>", "text": "2.00",
        "state": MailState.PLANNED, "created_at": day(4), "next_attempt_at": day(5), **changes,
    }  # fmt: skip
    with transaction() as session:
        mail = Mail(shop_id=shop.id, customer_id=customer_id, address=address, address_key=address.lower(), **values)
        session.add(mail)
        session.flush()
        return mail.id


def id_of(shop: Till, whom: int = ADA.customer_id) -> int:
    with reading() as session:
        return session.scalars(select(Customer.id).where(Customer.shopify_id == whom)).one()


def mail(number: int) -> Mail:
    with reading() as session:
        row = session.get_one(Mail, number)
        session.expunge(row)
        return row


def stop(shop: Till, *keys: str) -> None:
    with transaction() as session:
        for key in keys:
            session.add(MailStop(shop_id=shop.id, address_key=key, reason=StopReason.UNSUBSCRIBED, at=day(4)))


def forget(shop: Till, *orders: int) -> None:
    shop.twice(lambda session, row, now: privacy.redact(session, row.id, ADA.customer_id, orders, now), day(10))


def test_a_mail_that_has_not_left_stays_and_says_nothing_any_more(shop: Till) -> None:
    shop.tell(FIRST)
    number = add_mail(shop, "ada@example.com", id_of(shop))
    forget(shop)
    row = mail(number)
    assert (row.address, row.address_key, row.subject, row.html, row.text, row.pruned_at) == (
        "",
        "",
        "",
        "",
        "",
        day(10),
    )
    assert (row.state, row.refusal, row.next_attempt_at) == (MailState.REFUSED, Refusal.STOPPED, None)


def test_what_became_of_a_mail_stays(shop: Till) -> None:
    shop.tell(FIRST)
    number = add_mail(shop, "ada@example.com", id_of(shop), state=MailState.SENT, sent_at=day(5), next_attempt_at=None)
    forget(shop)
    row = mail(number)
    assert (row.text, row.state, row.refusal, row.sent_at) == ("", MailState.SENT, None, day(5))


def test_what_waits_for_them_is_dropped_and_what_was_told_stays_noted(shop: Till) -> None:
    shop.tell(FIRST, order(3))
    number = add_mail(shop, "ada@example.com", id_of(shop))
    with transaction() as session:
        told = {"state": MessageState.MAILED, "done_at": day(4), "mail_id": number}
        session.execute(update(Message).where(Message.key.like(f"%{FIRST.order_id}:1")).values(told))
    forget(shop)
    assert [row.state for row in found(shop, Topic.REWARD)] == [MessageState.MAILED, MessageState.DROPPED]
    assert found(shop, Topic.REWARD)[1].drop_reason is DropReason.NO_ADDRESS


def test_a_guests_mails_and_messages_go_by_the_order(shop: Till) -> None:
    shop.tell(FIRST, GUEST)
    known, old = add_mail(shop, "ada@example.com", None), add_mail(shop, "other@example.com", None)
    with transaction() as session:
        told = {"state": MessageState.MAILED, "done_at": day(4), "mail_id": old}
        session.execute(update(Message).where(Message.customer_id.is_(None)).values(told))
    forget(shop, GUEST.order_id)
    assert (mail(known).text, mail(old).text) == ("", "")


def test_the_mails_of_others_stay_even_to_the_same_address(shop: Till) -> None:
    shop.tell(FIRST, order(3, customer=BEN))
    ben, alert = (
        add_mail(shop, "ada@example.com", id_of(shop, BEN.customer_id)),
        add_mail(shop, "ada@example.com", None, kind=MailKind.ALERT),
    )
    stop(shop, "ada@example.com", "ben@example.com")
    forget(shop)
    assert (mail(ben).text, mail(alert).text) == ("2.00", "2.00")
    assert [state for _, whose, state in messages(shop) if whose == BEN.customer_id] == ["waiting"]
    with reading() as session:
        assert session.scalars(select(MailStop.address_key)).all() == ["ben@example.com"]


def test_an_address_they_had_before_is_forgotten_too(shop: Till) -> None:
    shop.tell(FIRST)
    add_mail(shop, "ada@old.example.com", id_of(shop))
    stop(shop, "ada@old.example.com")
    forget(shop)
    with reading() as session:
        assert session.scalars(select(MailStop)).all() == []


def test_a_shop_that_is_gone_keeps_no_mail_of_anybody(shop: Till) -> None:
    shop.tell(FIRST, GUEST)
    numbers = [
        add_mail(shop, "ada@example.com", id_of(shop)),
        add_mail(shop, "x@example.com", None, kind=MailKind.TEST),
    ]
    stop(shop, "ada@example.com")
    with transaction() as session:
        whose = {"alert_addresses": ["owner@example.com"], "alert_secret": "sealed", "reply_to": "owner@example.com"}
        session.add(MailSettings(shop_id=shop.id, alert_url="https://alerts.example.com/key", **whose))
    uninstall_for_good(shop)
    while shop.run(lambda session, row: privacy.redact_shop(session, row, day(31))):
        pass
    assert [mail(number).address for number in numbers] == ["", ""]
    assert {state for _, _, state in messages(shop)} == {"dropped"}
    with reading() as session:
        assert session.scalars(select(MailStop)).all() == []
        assert session.scalars(select(Customer.locale)).all() == [None]
        kept = session.scalars(select(MailSettings)).one()
        assert (kept.alert_addresses, kept.alert_url, kept.alert_secret, kept.reply_to) == ([], "", None, "")


def test_their_file_holds_what_they_were_told_and_do_not_want_to_hear(shop: Till) -> None:
    shop.tell(FIRST, GUEST, order(3, customer=BEN))
    add_mail(shop, "ada@example.com", id_of(shop), state=MailState.SENT, sent_at=day(5), next_attempt_at=None)
    add_mail(shop, "ben@example.com", id_of(shop, BEN.customer_id))
    stop(shop, "ada@example.com")
    data = shop.run(lambda session, row: gather(session, row, ADA.customer_id, [GUEST.order_id]))
    assert (data["customer"]["language"], data["orders"][0]["language"]) == ("de", "de")
    assert [(each["about"], each["state"], each["done"]) for each in data["messages"]] == [
        ("reward", "waiting", None), ("reward", "waiting", None)
    ]  # fmt: skip
    assert data["mails"] == [
        {
            "at": day(4).isoformat(),
            "to": "ada@example.com",
            "subject": "Your cashback",
            "text": "2.00",
            "state": "sent",
            "sent": day(5).isoformat(),
        }
    ]
    assert data["mail_stops"] == [
        {"at": day(4).isoformat(), "address": "ada@example.com", "about": "anything", "reason": "unsubscribed"}
    ]


def test_a_guest_whom_nobody_knows_sees_what_belongs_to_the_order(shop: Till) -> None:
    shop.tell(GUEST)
    data = shop.run(lambda session, row: gather(session, row, ADA.customer_id, [GUEST.order_id]))
    assert (len(data["messages"]), data["mails"], data["mail_stops"]) == (1, [], [])
