"""The words of the mails: shown, tried, saved if they can be used, and given up again."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.clock import utcnow
from app.engine.flows import mail_templates
from app.engine.rules.messages import MailKind, MailState
from app.engine.rules.roles import Role
from app.mail.ready import default_template
from app.models import Mail, MailTemplate
from tests.admin.factories import Page, Visitor, reading
from tests.admin.form_reader import FormReader
from tests.flows.builders import all_rows
from tests.people import hire

LIST = "/settings/mails/templates"
EARNED = f"{LIST}/earned/de"
OWN = {"subject": "Schön: {{ amount }}", "html": "<p>Hallo {{ name }}, {{ amount }}!</p>", "text": "Hallo {{ name }}!"}


def form_of(visitor: Visitor, path: str = EARNED) -> dict[str, Any]:
    """Return what a browser would send of the editor as it is shown."""
    return {name: values[0] for name, values in FormReader(visitor.load(path).text, path).fields.items()}


def own(shop_id: int) -> list[tuple[str, str, str]]:
    with reading() as session:
        return [(row.name, row.language, row.subject) for row in mail_templates.list_templates(session, shop_id)]


def preview_of(page: Page) -> str:
    return str(page.of("input", name="mail")[0]["value"])


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_every_template_can_be_looked_at_in_every_language_and_saved_as_it_is(
    visitor: Visitor, shop_id: int, language: str
) -> None:
    listed = Page(visitor.load(LIST).text)
    for name in mail_templates.NAMES:
        path = f"{LIST}/{name}/{language}"
        assert listed.of("a", href=path)
        assert visitor.post(path, form_of(visitor, path)).status_code == 200, path
    assert len(own(shop_id)) == len(mail_templates.NAMES)
    for row in own(shop_id):
        assert row[2] == default_template(row[0], language).subject


def test_own_words_are_saved_shown_and_given_up(visitor: Visitor, shop_id: int) -> None:
    before = form_of(visitor)
    assert before["subject"] == default_template("earned", "de").subject
    answer = visitor.post(EARNED, {**before, **OWN})
    assert answer.status_code == 200
    assert own(shop_id) == [("earned", "de", "Schön: {{ amount }}")]
    assert "Hallo Maria Muster" in preview_of(Page(answer.text))
    assert Page(visitor.load(LIST).text).text.count("Yours") == 1
    answer = visitor.post(f"{EARNED}/reset", {"seen": form_of(visitor)["seen"]})
    assert (answer.status_code, own(shop_id)) == (200, [])
    assert form_of(visitor) == before


@pytest.mark.parametrize(
    ("changes", "part", "said"),
    [
        ({"subject": "{{ amuont }}"}, "subject", "amuont"),
        ({"subject": " "}, "subject", "Nothing comes out of it."),
        ({"html": "<p>{{ amount }}</p><script>alert(1)</script>"}, "html", "Take out &lt;script&gt;"),
        ({"html": '<p onclick="x()">{{ amount }}</p>'}, "html", "nothing in a mail may run"),
        ({"text": "{% for x in range(10**9) %}x{% endfor %}"}, "text", ""),
        ({"text": "{{ amount"}, "text", ""),
    ],
)
def test_words_that_cannot_be_used_are_not_kept_and_the_field_says_why(
    visitor: Visitor, shop_id: int, changes: dict[str, str], part: str, said: str
) -> None:
    form = {**form_of(visitor), **OWN, **changes}
    before = all_rows()
    answer = visitor.post(EARNED, form)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.of("p", id=f"f-{part}-error")
    assert said in answer.text
    shown = FormReader(answer.text, EARNED).fields
    assert shown["html"][0].replace("\r\n", "\n") == form["html"].strip()
    assert visitor.post(EARNED, form, htmx=False).status_code == 422
    assert visitor.post(f"{EARNED}/test", {**form, "address": "me@example.com"}).status_code == 422
    assert all_rows() == before


def test_the_preview_shows_what_is_typed_and_keeps_nothing(visitor: Visitor) -> None:
    before = all_rows()
    answer = visitor.post(f"{EARNED}/preview", OWN)
    page = Page(answer.text)
    assert (answer.status_code, "Hallo Maria Muster" in preview_of(page)) == (200, True)
    assert "Schön: 3,00\N{NO-BREAK SPACE}€" in answer.text
    answer = visitor.post(f"{EARNED}/preview", {**OWN, "html": "{{ nope }}"})
    assert "nope" in Page(answer.text).text
    assert "Boomerang's words stand here" in Page(answer.text).text
    assert visitor.post(f"{EARNED}/preview", {}).status_code == 200
    assert all_rows() == before


def test_the_frame_that_is_shop_wide_is_part_of_each_preview(visitor: Visitor) -> None:
    path = f"{LIST}/frame/de"
    form = form_of(visitor, path)
    form["html"] = form["html"] + '<p class="ours">Gruß vom Laden</p>'
    assert visitor.post(path, form).status_code == 200
    assert "Gruß vom Laden" in preview_of(Page(visitor.load(EARNED).text))
    assert "Gruß vom Laden" not in preview_of(Page(visitor.load(f"{LIST}/earned/fr").text))


def test_what_a_colleague_saved_meanwhile_is_shown_and_not_overwritten(visitor: Visitor, shop_id: int) -> None:
    form = form_of(visitor)
    visitor.post(EARNED, {**form, **OWN})
    for path in (EARNED, f"{EARNED}/reset"):
        answer = visitor.post(path, {**form, **OWN, "subject": "Mine"})
        assert (answer.status_code, "Somebody changed this meanwhile" in Page(answer.text).text) == (409, True)
    assert own(shop_id) == [("earned", "de", "Schön: {{ amount }}")]


def test_a_test_mail_holds_what_is_typed_and_is_kept_without_a_server(visitor: Visitor, shop_id: int) -> None:
    answer = visitor.post(f"{EARNED}/test", {**form_of(visitor), **OWN, "address": "me@example.com"})
    assert (answer.status_code, own(shop_id)) == (200, [])
    assert FormReader(answer.text, EARNED).fields["subject"] == ["Schön: {{ amount }}"]
    with reading() as session:
        mail = session.scalars(select(Mail)).one()
        assert (mail.kind, mail.state, mail.address, mail.language) == (
            MailKind.TEST, MailState.KEPT, "me@example.com", "de",
        )  # fmt: skip
        assert (mail.subject, mail.customer_id) == ("Schön: 3,00\N{NO-BREAK SPACE}€", None)
        assert Page(answer.text).of("a", href=f"/mails/{mail.id}")
    assert "Sent a test mail" in Page(visitor.load("/activity").text).text


@pytest.mark.parametrize("address", ["", "me", "me@example.com\nBcc: all@example.com", "a@example.com, b@example.com"])
def test_a_test_mail_goes_to_one_address_only(visitor: Visitor, address: str) -> None:
    form = {**form_of(visitor), "address": address}
    before = all_rows()
    answer = visitor.post(f"{EARNED}/test", form)
    assert (answer.status_code, bool(Page(answer.text).of("p", id="f-address-error"))) == (422, True)
    assert all_rows() == before


def test_a_template_that_failed_says_since_when_and_why(visitor: Visitor, shop_id: int) -> None:
    visitor.post(EARNED, {**form_of(visitor), **OWN})
    with reading() as session:
        session.execute(update(MailTemplate).values(failed_at=utcnow(), failed_reason="There is no variable nam."))
    for path in (LIST, EARNED):
        page = Page(visitor.load(path).text)
        assert "There is no variable nam." in page.text
        assert "Boomerang's went out instead" in page.text
    visitor.post(EARNED, form_of(visitor))
    assert "There is no variable nam." not in visitor.load(LIST).text


def test_what_is_no_template_is_not_there(visitor: Visitor) -> None:
    for path in (f"{LIST}/gossip/de", f"{LIST}/earned/tlh"):
        assert visitor.load(path).status_code == 404
        for verb in ("", "/reset", "/preview", "/test"):
            assert visitor.post(f"{path}{verb}", OWN).status_code == 404


def test_a_viewer_reads_the_words_and_changes_nothing(app: Flask, shop_id: int) -> None:
    with reading() as session:
        hire(session, shop_id, "50", Role.VIEWER)
    viewer = Visitor(app, staff="50")
    page = Page(viewer.load(EARNED).text)
    assert [one["action"] for one in page.of("form", method="post")] == ["/mail-frame"]
    assert "Maria Muster" in preview_of(page)
    before = all_rows()
    for verb in ("", "/reset", "/test"):
        assert viewer.post(f"{EARNED}{verb}", {**OWN, "address": "me@example.com"}).status_code == 403
    assert all_rows() == before
