"""Mails as rows: planned, kept, stopped, sent again, emptied; each step twice, late or in the wrong hands."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.db import transaction
from app.engine.flows import mail_states, mails
from app.engine.rules.letters import Written
from app.engine.rules.mailing import Bounce, MailClaim, Refusal, Report
from app.engine.rules.messages import MailKind, MailState, Saying, StopReason
from app.engine.rules.roles import Role
from app.errors import NotAllowed, NotFound, Refused
from app.models import AuditEvent, Mail, MailOutage, MailSettings, MailStop, Shop
from tests.flows.builders import STAFF, Till, all_rows, day, reading
from tests.people import hire

S = MailState
WRITTEN = Written("Hello", "<p>Hello</p>", "Hello", "Line 3: there is no variable nam.")


def write(till: Till, now: datetime | None = None, *, has_server: bool = True, **values: Any) -> int:
    """Add a mail as it is added, and then bring it to what ``values`` say."""

    def flow(session: Session, shop: Shop) -> int:
        mail = mails.add_mail(
            session, shop, values.pop("kind", MailKind.DIGEST), values.pop("address", "Ada@Example.com"), WRITTEN,
            "de", now or day(0), has_server, sayings=[Saying.EARNED],
        )  # fmt: skip
        for name, value in values.items():
            setattr(mail, name, value)
        session.flush()
        return mail.id

    return till.run(flow)


def look(number: int) -> dict[str, Any]:
    with reading() as session:
        row = session.get_one(Mail, number)
        return {column.name: getattr(row, column.name) for column in Mail.__table__.columns}


def claim(till: Till, now: datetime, most: int = 10) -> list[MailClaim]:
    return till.run(lambda session, shop: mail_states.claim_some(session, shop.id, now, 300, most))


def begin(till: Till, one: MailClaim, now: datetime) -> MailClaim:
    going = till.run(lambda session, _: mail_states.mark_sending(session, one, now, 300))
    assert going is not None
    return going


def stops() -> list[tuple[str, str | None, str]]:
    with reading() as session:
        rows = session.scalars(select(MailStop).order_by(MailStop.address_key, MailStop.saying, MailStop.reason))
        return [(row.address_key, row.saying and row.saying.value, row.reason.value) for row in rows]


def audit() -> list[tuple[str, str, dict[str, Any]]]:
    with reading() as session:
        rows = session.scalars(select(AuditEvent).where(AuditEvent.action.like("%mail%")).order_by(AuditEvent.id))
        return [(row.actor, row.action, row.after) for row in rows]


def test_a_mail_is_planned_where_there_is_a_server_and_kept_where_there_is_none(shop: Till) -> None:
    planned, kept = look(write(shop)), look(write(shop, has_server=False))
    assert (planned["state"], kept["state"]) == (S.PLANNED, S.KEPT)
    assert (planned["address"], planned["address_key"]) == ("Ada@Example.com", "ada@example.com")
    assert (planned["subject"], planned["html"], planned["text"]) == ("Hello", "<p>Hello</p>", "Hello")
    assert (planned["template_error"], planned["language"]) == (WRITTEN.error, "de")
    assert planned["sayings"] == ["earned"]


def test_when_the_server_is_taken_away_what_is_planned_is_kept(shop: Till) -> None:
    planned, sent = write(shop, next_attempt_at=day(1)), write(shop, state=S.SENT, sent_at=day(0))
    counts = [shop.run(lambda session, row: mail_states.keep_planned(session, row.id, day(0))) for _ in range(2)]
    assert counts == [1, 0]
    assert (look(planned)["state"], look(planned)["next_attempt_at"], look(sent)["state"]) == (S.KEPT, None, S.SENT)


# Claimed by one, and lost.


def test_each_step_in_hands_that_lost_the_mail_changes_nothing(shop: Till) -> None:
    number = write(shop)
    (lost,) = claim(shop, day(0))
    (ours,) = claim(shop, day(0, seconds=300))
    rows = all_rows()
    steps: list[Callable[[Session, Shop], object]] = [
        lambda session, _: mail_states.mark_sending(session, lost, day(1), 300),
        lambda session, _: mail_states.mark_sent(session, lost, day(1)),
        lambda session, _: mail_states.refuse(session, lost, Refusal.SERVER, "no", day(1)),
        lambda session, _: mail_states.put_back(session, lost, "no", day(1)),
        lambda session, _: mail_states.mark_unknown(session, lost, "no"),
        lambda session, _: mail_states.release(session, [lost]),
        lambda session, _: mail_states.mark_sent(session, ours, day(1)),  # it is not even sending
    ]
    for step in steps:
        shop.run(step)
        assert all_rows() == rows
    assert look(number)["attempts"] == 2


def test_each_step_twice_changes_nothing_the_second_time(shop: Till) -> None:
    endings: dict[MailState, Callable[[Session, MailClaim], None]] = {
        S.SENT: lambda session, one: mail_states.mark_sent(session, one, day(1)),
        S.REFUSED: lambda session, one: mail_states.refuse(session, one, Refusal.RECIPIENT, "no", day(1)),
        S.PLANNED: lambda session, one: mail_states.put_back(session, one, "later", day(1)),
        S.UNKNOWN: lambda session, one: mail_states.mark_unknown(session, one, "who knows"),
    }
    for state, ending in endings.items():
        number = write(shop, address=f"{state}@example.com", address_key=f"{state}@example.com")
        (one,) = claim(shop, day(0))
        going = begin(shop, one, day(0))
        assert shop.run(lambda session, _, one=one: mail_states.mark_sending(session, one, day(0), 300)) is None
        shop.run(lambda session, _, go=going, end=ending: end(session, go))
        rows = all_rows()
        shop.run(lambda session, _, go=going, end=ending: end(session, go))
        assert all_rows() == rows
        assert (look(number)["state"], look(number)["leased_until"]) == (state, None)


def test_an_old_answer_does_not_count_for_a_new_attempt(shop: Till) -> None:
    number = write(shop)
    old = begin(shop, claim(shop, day(0))[0], day(0))
    shop.run(lambda session, _: mail_states.mark_unknown(session, old, "who knows"))
    shop.run(lambda session, row: mails.send_again(session, row.id, number, STAFF, day(1)))
    new = begin(shop, claim(shop, day(1))[0], day(1))
    shop.run(lambda session, _: mail_states.mark_sent(session, old, day(1)))
    assert look(number)["state"] is S.SENDING
    shop.run(lambda session, _: mail_states.mark_sent(session, new, day(1)))
    assert (look(number)["state"], look(number)["sent_at"]) == (S.SENT, day(1))


def test_what_was_claimed_and_not_tried_counts_as_never_tried(shop: Till) -> None:
    number = write(shop)
    claims = claim(shop, day(0))
    shop.run(lambda session, _: mail_states.release(session, claims))
    assert (look(number)["attempts"], look(number)["leased_until"]) == (0, None)
    assert [one.mail_id for one in claim(shop, day(0))] == [number]


def test_an_outage_is_one_row_until_it_ends(shop: Till) -> None:
    notes = [
        shop.run(lambda session, row, n=n: mail_states.note_outage(session, row.id, f"away {n}", day(0, n)))
        for n in range(3)
    ]
    assert notes == [True, False, False]
    with reading() as session:
        row = session.scalars(select(MailOutage)).one()
        assert (row.began_at, row.tries, row.reason) == (day(0), 3, "away 2")
        assert row.next_try_at == day(0, 2 + 20)
    ends = [shop.run(lambda session, row: mail_states.end_outage(session, row.id)) for _ in range(2)]
    assert ends == [day(0), None]


def test_while_the_server_is_away_one_mail_at_a_time_tries_it(shop: Till) -> None:
    for _ in range(3):
        write(shop)
    shop.run(lambda session, row: mail_states.note_outage(session, row.id, "away", day(0)))
    assert claim(shop, day(0, 4)) == []
    assert len(claim(shop, day(0, 5))) == 1


# Sent once more.


@pytest.mark.parametrize("state", [S.REFUSED, S.UNKNOWN, S.KEPT])
def test_a_person_sends_a_mail_again(shop: Till, state: MailState) -> None:
    refusal = Refusal.SERVER if state is S.REFUSED else None
    number = write(shop, state=state, refusal=refusal, error="no", attempts=3)
    shop.run(lambda session, row: mails.send_again(session, row.id, number, STAFF, day(1)))
    seen = look(number)
    assert (seen["state"], seen["refusal"], seen["error"], seen["attempts"]) == (S.PLANNED, None, None, 3)
    assert audit() == [(STAFF, "send_mail_again", {})]
    rows = all_rows()
    with pytest.raises(Refused, match="there is nothing to send again"):
        shop.run(lambda session, row: mails.send_again(session, row.id, number, STAFF, day(1)))
    assert all_rows() == rows


def test_what_stands_against_sending_again_is_said(shop: Till) -> None:
    def again(number: int, actor: str = STAFF) -> None:
        shop.run(lambda session, row: mails.send_again(session, row.id, number, actor, day(1)))

    pruned = write(shop, state=S.KEPT, pruned_at=day(1))
    stopped = write(shop, has_server=False)
    to_staff = write(shop, has_server=False, kind=MailKind.TEST)
    shop.run(lambda session, row: mails.stop_address(session, row.id, "ada@EXAMPLE.com", STAFF, day(0)))
    with pytest.raises(NotFound, match="has no mail 99"):
        again(99)
    with pytest.raises(Refused, match="are kept no longer"):
        again(pruned)
    with pytest.raises(Refused, match="is to get no such mails"):
        again(stopped)
    again(to_staff)
    with transaction() as session:
        session.get_one(Shop, shop.id).mails_customers = False
        hire(session, shop.id, "90", Role.APPROVER)
    with pytest.raises(Refused, match="does not write to customers any more"):
        again(stopped)
    with pytest.raises(NotAllowed):
        again(stopped, "staff:90")


# Addresses that get none.


def test_staff_stop_an_address_and_let_it_in_again(shop: Till) -> None:
    def stop(saying: Saying | None = None) -> None:
        at = (" Ada@x.example", STAFF, day(1))
        shop.run(lambda session, row: mails.stop_address(session, row.id, *at, saying=saying))

    def allow(saying: Saying | None = None) -> None:
        at = ("ada@X.example", STAFF, day(2))
        shop.run(lambda session, row: mails.allow_address(session, row.id, *at, saying=saying))

    for _ in range(2):
        stop()
        stop(Saying.EARNED)
    assert stops() == [("ada@x.example", "earned", "staff"), ("ada@x.example", None, "staff")]
    allow(Saying.EARNED)
    assert stops() == [("ada@x.example", None, "staff")]
    stop(Saying.REVERSED)
    allow()
    allow()
    assert stops() == []
    notes = audit()
    assert [action for _, action, _ in notes] == ["stop_mails"] * 4 + ["allow_mails", "stop_mails"] + [
        "allow_mails"
    ] * 2
    assert {actor for actor, _, _ in notes} == {STAFF}
    assert "ada" not in str(notes)


def test_who_may_not_manage_stops_nothing(shop: Till) -> None:
    with transaction() as session:
        hire(session, shop.id, "90", Role.APPROVER)
    rows = all_rows()
    for flow in (mails.stop_address, mails.allow_address):
        with pytest.raises(NotAllowed):
            shop.run(lambda session, row, do=flow: do(session, row.id, "ada@x.example", "staff:90", day(1)))
    assert all_rows() == rows


def test_a_choice_of_the_customer_takes_the_place_of_their_last_one_and_opens_no_dead_mailbox(shop: Till) -> None:
    def choose(unwanted: frozenset[Saying] | None) -> None:
        shop.run(lambda session, row: mails.choose_mails(session, row.id, "Ada@x.example", unwanted, day(1)))

    def stop(reason: StopReason) -> None:
        at = ("ada@x.example", "customer", day(1))
        shop.run(lambda session, row: mails.stop_address(session, row.id, *at, reason=reason))

    stop(StopReason.BOUNCED)
    choose(frozenset({Saying.EARNED, Saying.EXPIRING}))
    assert stops() == [
        ("ada@x.example", "earned", "unsubscribed"),
        ("ada@x.example", "expiring", "unsubscribed"),
        ("ada@x.example", None, "bounced"),
    ]
    choose(None)
    stop(StopReason.BOUNCED)
    both = [("ada@x.example", None, "bounced"), ("ada@x.example", None, "unsubscribed")]
    assert stops() == both
    stop(StopReason.UNSUBSCRIBED)
    assert stops() == both
    choose(frozenset())
    assert stops() == [("ada@x.example", None, "bounced")]
    assert audit() == []


@pytest.mark.parametrize("first", [StopReason.BOUNCED, StopReason.UNSUBSCRIBED])
def test_who_unsubscribes_a_dead_mailbox_does_not_open_it_by_wanting_mails_again(shop: Till, first: StopReason) -> None:
    second = StopReason.UNSUBSCRIBED if first is StopReason.BOUNCED else StopReason.BOUNCED
    number = write(shop)
    for reason in (first, second):
        at = ("ada@example.com", "customer", day(0))
        shop.run(lambda session, row, at=at, why=reason: mails.stop_address(session, row.id, *at, reason=why))
    shop.run(lambda session, row: mails.choose_mails(session, row.id, "ada@example.com", frozenset(), day(0)))
    assert stops() == [("ada@example.com", None, "bounced")]
    (one,) = claim(shop, day(0))
    assert shop.run(lambda session, _: mail_states.mark_sending(session, one, day(0), 300)) is None
    assert look(number)["refusal"] is Refusal.STOPPED


def test_stops_are_of_one_shop(shop: Till, manual_shop: Till) -> None:
    shop.run(lambda session, row: mails.stop_address(session, row.id, "ada@example.com", STAFF, day(1)))
    number = write(manual_shop)
    going = begin(manual_shop, claim(manual_shop, day(0))[0], day(0))
    assert going.mail_id == number
    with reading() as session:
        assert len(mails.read_stops(session, shop.id, "ADA@example.com")) == 1
        assert mails.read_stops(session, manual_shop.id, "ADA@example.com") == []


def test_a_mail_whose_words_were_removed_meanwhile_is_not_sent(shop: Till) -> None:
    number = write(shop)
    (one,) = claim(shop, day(0))
    with transaction() as session:
        session.get_one(Mail, number).pruned_at = day(0)
    assert shop.run(lambda session, _: mail_states.mark_sending(session, one, day(0), 300)) is None
    assert (look(number)["refusal"], look(number)["state"]) == (Refusal.STOPPED, S.REFUSED)


def test_nobody_who_was_forgotten_is_written_down_again_by_an_answer_that_comes_late(shop: Till) -> None:
    write(shop)
    refused = begin(shop, claim(shop, day(0))[0], day(0))
    back = write(shop, state=S.SENT, sent_at=day(0))
    with transaction() as session:
        for mail in session.scalars(select(Mail)):
            mail.address, mail.address_key, mail.pruned_at = "", "", day(1)
    shop.run(lambda session, _: mail_states.refuse(session, refused, Refusal.RECIPIENT, "no such user", day(2)))
    report = Report(is_final=True, is_dead=True, reason="It came back: 5.1.1")
    assert shop.run(lambda session, row: mails.take_back(session, row.id, back, report, day(2))) is Bounce.REFUSED
    assert (look(refused.mail_id)["state"], look(back)["state"], stops()) == (S.REFUSED, S.REFUSED, [])


# Kept for a time only.


def test_words_and_addresses_go_after_the_days_the_shop_keeps_them(shop: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mails, "BATCH", 2)
    done = [
        write(shop, state=S.SENT, sent_at=day(0), error="late"),
        write(shop, state=S.REFUSED, refusal=Refusal.SERVER),
        write(shop, state=S.KEPT),
    ]
    waits, young = write(shop), write(shop, day(1), state=S.SENT)
    late = day(90, seconds=1)

    def to_prune(now: datetime) -> list[int]:
        with reading() as session:
            return mails.list_shops_to_prune(session, now)

    assert (to_prune(day(90)), to_prune(late)) == ([], [shop.id])

    def prune_row_by_row(session: Session, row: Shop) -> int:
        for way in ("hashjoin", "mergejoin", "hashagg", "material", "sort"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
        return mails.prune(session, row, late)

    assert [shop.run(prune_row_by_row) for _ in range(3)] == [2, 1, 0]
    for number in done:
        seen = look(number)
        assert [seen[name] for name in ("address", "address_key", "subject", "html", "text", "error")] == [""] * 5 + [
            None
        ]
        assert seen["pruned_at"] == late
    assert {look(number)["pruned_at"] for number in (waits, young)} == {None}
    assert to_prune(late) == []


def test_each_shop_keeps_its_mails_as_long_as_it_wants(shop: Till) -> None:
    number = write(shop, state=S.SENT, sent_at=day(0))
    with transaction() as session:
        session.add(MailSettings(shop_id=shop.id, keep_days=1))
    now = day(1) + timedelta(seconds=1)
    with reading() as session:
        assert mails.list_shops_to_prune(session, now) == [shop.id]
    assert shop.run(lambda session, row: mails.prune(session, row, now)) == 1
    assert look(number)["address"] == ""


# Found by an index.


def test_what_is_due_is_found_without_reading_what_is_not(shop: Till) -> None:
    with transaction() as session:
        session.execute(
            text(
                "INSERT INTO mails (shop_id, kind, address, address_key, language, subject, html, text, state,"
                " created_at, next_attempt_at, sent_at) SELECT :shop, 'digest', 'a', 'a', 'en', '', '', '',"
                " CASE WHEN n % 2 = 0 THEN 'planned' ELSE 'sent' END, :now, CASE WHEN n % 2 = 0 THEN :later END,"
                " CASE WHEN n % 2 = 1 THEN CAST(:now AS timestamptz) - n * interval '1 minute' END"
                " FROM generate_series(1, 20000) n"
            ),
            {"shop": shop.id, "now": day(0), "later": day(1)},
        )
    with transaction() as session:
        session.execute(text("ANALYZE mails"))
    number = write(shop)
    with transaction() as session:
        before = _rows_read(session)
        assert mail_states.list_due_shops(session, day(0)) == [shop.id]
        (one,) = mail_states.claim_some(session, shop.id, day(0), 300, 20)
        session.flush()
        assert (one.mail_id, _rows_read(session) - before < 100) == (number, True)


def _rows_read(session: Session) -> int:
    """Return how many rows of mails this transaction has read, by whatever way."""
    ways = ("returned", "fetched")
    counts = (session.scalar(text(f"SELECT pg_stat_get_xact_tuples_{way}('mails'::regclass)")) for way in ways)
    return sum(count or 0 for count in counts)
