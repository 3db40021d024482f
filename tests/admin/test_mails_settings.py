"""Settings → Mails: who tells customers, when and of what, and where the merchant hears of trouble."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.engine.flows import mail_settings
from app.engine.rules.mail_choices import Alerting, Teller, Telling
from app.engine.rules.roles import Role
from app.models import AuditEvent, MailSettings, Shop
from tests.admin.factories import Page, Visitor, reading
from tests.admin.form_reader import FormReader
from tests.flows.builders import all_rows
from tests.people import hire

PATH = "/settings/mails"
ALERTS = "/settings/mails/alerts"


def chosen(shop_id: int) -> tuple[Telling, Alerting]:
    with reading() as session:
        shop = session.get_one(Shop, shop_id)
        return mail_settings.get_telling(session, shop), mail_settings.get_alerting(session, shop_id)


def form_of(visitor: Visitor, action: str = PATH) -> dict[str, Any]:
    """Return what a browser would send of a form as it is shown."""
    fields = FormReader(visitor.load(PATH).text, action).fields
    return {name: values if name == "hears" else values[0] for name, values in fields.items()}


def test_the_form_as_it_is_shown_changes_nothing(visitor: Visitor, shop_id: int) -> None:
    for action in (PATH, ALERTS):
        before = all_rows()
        assert visitor.post(action, form_of(visitor, action)).status_code == 200
        assert all_rows() == before
    assert chosen(shop_id) == (Telling(Teller.US), Alerting())


def test_how_customers_are_told_is_one_form(visitor: Visitor, shop_id: int) -> None:
    form = form_of(visitor)
    assert (form["teller"], form["digest_times"], form["remind_days"]) == ("us", "09:00, 13:00, 18:00", "30, 7")
    form |= {
        "digest_times": "18:30, 9:15", "quiet_from": "22:00", "quiet_to": "07:00", "remind_days": "3 14",
        "hears": ["earned", "credited"], "sender_name": " Ada & Co ", "reply_to": "help@example.com",
        "language": "fr", "cap_per_run": "10", "per_minute": "20", "keep_days": "30",
    }  # fmt: skip
    assert visitor.post(PATH, form).status_code == 200
    off = ("reversed", "tier_changed", "expiring", "statement_ready", "refunded", "claimable")
    assert chosen(shop_id)[0] == Telling(
        Teller.US, ("09:15", "18:30"), "22:00", "07:00", off, (14, 3), 10, 20, "Ada & Co", "help@example.com",
        "fr", 30,
    )  # fmt: skip
    page = Page(visitor.load(PATH).text)
    assert [one["value"] for one in page.of("input", name="hears") if "checked" in one] == ["earned", "credited"]
    assert page.of("input", name="digest_times")[0]["value"] == "09:15, 18:30"


def test_only_one_of_three_tells_and_the_choice_is_in_the_trail(visitor: Visitor, shop_id: int) -> None:
    visitor.post(PATH, {**form_of(visitor), "teller": "shopify"})
    with reading() as session:
        shop = session.get_one(Shop, shop_id)
        assert (shop.notify_customers, shop.mails_customers) == (True, False)
    assert "Customers are told by" in Page(visitor.load("/activity").text).text
    visitor.post(PATH, {**form_of(visitor), "teller": "nobody"})
    assert chosen(shop_id)[0].teller is Teller.NOBODY


def test_no_quiet_hours_and_no_times_are_choices_too(visitor: Visitor, shop_id: int) -> None:
    empty = {"digest_times": "", "quiet_from": "", "quiet_to": "", "remind_days": ""}
    assert visitor.post(PATH, {**form_of(visitor), **empty}).status_code == 200
    telling = chosen(shop_id)[0]
    assert (telling.digest_times, telling.quiet_from, telling.quiet_to) == ((), "00:00", "00:00")
    assert telling.remind_days == ()


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("digest_times", "9 am", "no time of day"),
        ("digest_times", "09:00, 07:30", "07:30 lies in the quiet hours, from 21:00 to 08:00; choose another time."),
        ("quiet_from", "late", "no time of day"),
        ("remind_days", "soon", "Write whole numbers of days, like 30, 7."),
        ("remind_days", "400", "400 is outside of 1 to 365."),
        ("reply_to", "me", "no mail address"),
        ("sender_name", "x" * 81, "of 80 characters at most"),
        ("language", "tlh", "Choose something of the list."),
        ("cap_per_run", "many", "Write a whole number, like 14."),
        ("per_minute", "0", "0 is outside of 1 to 60000."),
        ("keep_days", "9" * 30, "is outside of 1 to 365."),
        ("teller", "everybody", "Choose who tells."),
        ("hears", ["gossip"], None),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_all_that_was_typed_stays(
    visitor: Visitor, shop_id: int, name: str, typed: Any, said: str | None
) -> None:
    form = {**form_of(visitor), "sender_name": "Typed before", name: typed}
    if said is None:
        # A word that is no saying says nothing about those that are: none of them is ticked.
        assert visitor.post(PATH, form).status_code == 200
        assert len(chosen(shop_id)[0].switched_off) == 8
        return
    before = all_rows()
    answer = visitor.post(PATH, form)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert said in page.text
    if name not in ("teller", "language"):
        (field,) = page.of("input", name=name)
        assert (field["aria-invalid"], field["value"]) == ("true", typed)
    if name != "sender_name":
        assert page.of("input", name="sender_name")[0]["value"] == "Typed before"
    assert visitor.post(PATH, form, htmx=False).status_code == 422
    assert all_rows() == before


def test_where_the_merchant_is_told_is_a_form_of_its_own(visitor: Visitor, shop_id: int) -> None:
    form = form_of(visitor, ALERTS)
    assert (form["limit_received"], form["limit_paid"], form["limit_told"]) == ("5", "0", "")
    form |= {
        "alert_addresses": "olga@example.com, ali@example.com", "alert_url": "https://hooks.example.com/x",
        "summary_time": "8:00", "limit_received": "10", "limit_told": "0",
    }  # fmt: skip
    assert visitor.post(ALERTS, form).status_code == 200
    wanted = Alerting(
        ("olga@example.com", "ali@example.com"), "https://hooks.example.com/x", "08:00", {"received": 600, "told": 0}
    )
    assert chosen(shop_id)[1] == wanted
    assert form_of(visitor, ALERTS)["limit_told"] == "0"


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("alert_addresses", "olga"),
        ("alert_url", "http://hooks.example.com"),
        ("summary_time", "later"),
        ("limit_told", "-1"),
        ("limit_told", "long"),
        ("limit_told", "999999"),
    ],
)
def test_what_cannot_be_of_the_merchants_part_is_said_and_changes_nothing(
    visitor: Visitor, name: str, typed: str
) -> None:
    before = all_rows()
    answer = visitor.post(ALERTS, {**form_of(visitor, ALERTS), name: typed})
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.of("p", id="problem")
    if name.startswith("limit_"):
        assert page.of("p", id="limits-error")
        assert page.of("input", name=name)[0]["value"] == typed
    assert all_rows() == before


def test_a_new_key_is_shown_once(visitor: Visitor, shop_id: int) -> None:
    assert "posts are not signed" in visitor.load(PATH).text
    shown = visitor.post("/settings/mails/secret")
    assert "Copy it now; it is not shown again" in shown.text
    secret = visitor.post("/settings/mails/secret", htmx=False).json
    assert secret is not None
    assert secret["secret"] not in visitor.load(PATH).text
    assert "There is one. With a new one" in visitor.load(PATH).text
    with reading() as session:
        sealed = session.scalars(select(MailSettings.alert_secret).where(MailSettings.shop_id == shop_id)).one()
        trail = session.scalars(select(AuditEvent.action).where(AuditEvent.shop_id == shop_id)).all()
    assert sealed is not None
    assert secret["secret"] not in sealed
    assert trail.count("new_alert_secret") == 2
    assert visitor.post(PATH, {**form_of(visitor), "keep_days": "5"}).status_code == 200


def test_what_a_colleague_changed_meanwhile_is_shown_and_not_overwritten(visitor: Visitor, shop_id: int) -> None:
    for action, name, values in ((PATH, "keep_days", ("5", "6")), (ALERTS, "summary_time", ("08:00", "09:00"))):
        form = form_of(visitor, action)
        assert visitor.post(action, {**form, name: values[0]}).status_code == 200
        before = all_rows()
        answer = visitor.post(action, {**form, name: values[1]})
        assert (answer.status_code, "Somebody changed this meanwhile" in Page(answer.text).text) == (409, True)
        assert Page(answer.text).of("input", name=name)[0]["value"] == values[0]
        assert all_rows() == before


def test_whether_mails_leave_and_as_whom_is_said(
    visitor: Visitor, shop_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "There is no mail server" in visitor.load(PATH).text
    config = visitor.client.application.config
    server = {"mail_url": "smtp://127.0.0.1:25", "mail_from": "cashback@example.com"}
    monkeypatch.setitem(config, "SETTINGS", replace(config["SETTINGS"], **server))
    page = visitor.load(PATH).text
    assert "There is no mail server" not in page
    assert "Mails come from cashback@example.com." in page


def test_a_viewer_sees_everything_and_changes_nothing(app: Flask, shop_id: int) -> None:
    with reading() as session:
        hire(session, shop_id, "50", Role.VIEWER)
    viewer = Visitor(app, staff="50")
    page = Page(viewer.load(PATH).text)
    assert "A manager or an owner can change them." in page.text
    assert page.of("form", method="post") == []
    assert page.of("input", name="digest_times")[0]["value"] == "09:00, 13:00, 18:00"
    before = all_rows()
    for path in (PATH, ALERTS, f"{PATH}/secret"):
        assert viewer.post(path, {"teller": "nobody"}).status_code == 403
    assert all_rows() == before


@pytest.mark.parametrize(
    ("role", "is_shown"),
    [(Role.VIEWER, False), (Role.APPROVER, False), (Role.MANAGER, True), (Role.OWNER, True)],
)
def test_the_key_in_an_address_is_for_those_who_may_change_it(
    app: Flask, shop_id: int, role: Role, is_shown: bool
) -> None:
    with reading() as session:
        hire(session, shop_id, "50", role)
        session.add(MailSettings(shop_id=shop_id, alert_url="https://hooks.example.com:8443/T0K3N?key=T0K3N#T0K3N"))
    visitor = Visitor(app, staff="50")
    page = visitor.load(PATH).text
    script = {"Authorization": f"Bearer {visitor.token()}", "Sec-Fetch-Dest": "empty", "Accept": "application/json"}
    told = visitor.client.get(PATH, headers=script).json
    assert told is not None
    shown = Page(page).of("input", name="alert_url")[0]["value"]
    assert shown == told["alert_url"]
    assert (shown == "https://hooks.example.com:8443/…") is not is_shown
    assert ("T0K3N" in page) is is_shown
    assert ("T0K3N" in str(told)) is is_shown
    assert "T0K3N" not in visitor.load("/activity").text
