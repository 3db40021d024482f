"""A shop's own words for its mails: kept, changed, given up; by nobody who saw others, and in the trail."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from app.engine.flows import mail_templates
from app.engine.rules.letters import OwnTemplate
from app.engine.rules.roles import Role
from app.engine.seen import ChangedMeanwhile, mark
from app.errors import NotAllowed, NotFound, Refused
from app.models import AuditEvent, MailTemplate
from tests.flows.builders import STAFF, Till, all_rows, day, reading
from tests.people import hire

OURS = OwnTemplate("earned", "de", "Neues Guthaben", "<p>{{ amount }}</p>", "{{ amount }}")


def save(shop: Till, wanted: OwnTemplate, on: int = 1) -> None:
    shop.twice(lambda session, row, now: mail_templates.save(session, row.id, wanted, STAFF, now), day(on))


def kept(shop: Till) -> list[tuple[str, str, str, str]]:
    with reading() as session:
        return [
            (row.name, row.language, row.subject, row.saved_by)
            for row in mail_templates.list_templates(session, shop.id)
        ]


def trail(shop: Till) -> list[tuple[str, dict[str, object]]]:
    with reading() as session:
        rows = select(AuditEvent).where(AuditEvent.shop_id == shop.id, AuditEvent.action.contains("mail"))
        return [(row.action, row.after) for row in session.scalars(rows.order_by(AuditEvent.id))]


def test_words_are_saved_changed_and_given_up_each_with_a_row_in_the_trail(shop: Till) -> None:
    save(shop, OURS)
    save(shop, replace(OURS, subject="Guthaben"), on=2)
    save(shop, replace(OURS, language="en", subject="Credit"))
    assert kept(shop) == [("earned", "de", "Guthaben", STAFF), ("earned", "en", "Credit", STAFF)]
    with reading() as session:
        row = mail_templates.find_template(session, shop.id, "earned", "de")
        assert row is not None
        assert (row.saved_at, mail_templates.show_words(row)["html"]) == (day(2), "<p>{{ amount }}</p>")
    shop.twice(lambda session, row, now: mail_templates.reset(session, row.id, "earned", "de", STAFF, now), day(3))
    assert kept(shop) == [("earned", "en", "Credit", STAFF)]
    of_german = {"name": "earned", "language": "de"}
    assert trail(shop) == [
        ("save_mail_template", of_german),
        ("save_mail_template", of_german),
        ("save_mail_template", {"name": "earned", "language": "en"}),
        ("reset_mail_template", of_german),
    ]


def test_saving_again_forgets_that_it_could_not_be_used(shop: Till) -> None:
    save(shop, OURS)
    with reading() as session:
        session.execute(update(MailTemplate).values(failed_at=day(2), failed_reason="There is no variable amuont."))
    save(shop, OURS, on=3)
    with reading() as session:
        row = mail_templates.find_template(session, shop.id, "earned", "de")
        assert row is not None
        assert (row.failed_at, row.failed_reason, row.saved_at) == (None, None, day(3))


def test_who_saw_other_words_changes_none(shop: Till) -> None:
    save(shop, OURS)
    before = all_rows()
    none = mark(mail_templates.show_words(None))
    with reading() as session, pytest.raises(ChangedMeanwhile):
        mail_templates.save(session, shop.id, replace(OURS, subject="x"), STAFF, day(2), seen=none)
    with reading() as session, pytest.raises(ChangedMeanwhile):
        mail_templates.reset(session, shop.id, "earned", "de", STAFF, day(2), seen=none)
    assert all_rows() == before


@pytest.mark.parametrize(
    "wanted",
    [replace(OURS, subject="x" * 301), replace(OURS, html="x" * 50_001), replace(OURS, text="x" * 50_001)],
)
def test_words_that_fit_into_no_mail_are_refused(shop: Till, wanted: OwnTemplate) -> None:
    with reading() as session, pytest.raises(Refused, match="too long"):
        mail_templates.save(session, shop.id, wanted, STAFF, day(1))
    assert kept(shop) == []


def test_there_are_only_so_many_templates_and_languages(shop: Till) -> None:
    for wanted in (replace(OURS, name="gossip"), replace(OURS, language="tlh")):
        with reading() as session, pytest.raises(NotFound):
            mail_templates.save(session, shop.id, wanted, STAFF, day(1))
    with reading() as session, pytest.raises(NotFound):
        mail_templates.reset(session, shop.id, "earned", "tlh", STAFF, day(1))
    with reading() as session, pytest.raises(NotFound):
        mail_templates.save(session, shop.id + 1, OURS, "cli", day(1))
    save(shop, replace(OURS, name=mail_templates.FRAME))


def test_only_who_manages_may_change_words_or_try_them(shop: Till) -> None:
    with reading() as session:
        hire(session, shop.id, "50", Role.APPROVER)
    before = all_rows()
    with reading() as session, pytest.raises(NotAllowed):
        mail_templates.save(session, shop.id, OURS, "staff:50", day(1))
    with reading() as session, pytest.raises(NotAllowed):
        mail_templates.reset(session, shop.id, "earned", "de", "staff:50", day(1))
    with reading() as session, pytest.raises(NotAllowed):
        mail_templates.note_test(session, shop.id, "earned", "de", "staff:50", day(1))
    assert all_rows() == before
    shop.run(lambda session, row: mail_templates.note_test(session, row.id, "earned", "de", STAFF, day(1)))
    assert trail(shop) == [("test_mail", {"name": "earned", "language": "de"})]
