"""Who tells customers, when and of what; where the merchant is told: kept once, checked, in the trail, never both."""

from dataclasses import asdict, replace
from typing import Any

import pytest
from sqlalchemy import select

from app.engine.flows import mail_settings
from app.engine.rules.mail_choices import Alerting, Teller, Telling, is_quiet_at, read_times, split_words
from app.engine.rules.roles import Role
from app.engine.seen import ChangedMeanwhile, mark
from app.errors import NotAllowed, NotFound
from app.models import AuditEvent, MailSettings, Shop
from tests.flows.builders import STAFF, Till, all_rows, day, reading
from tests.people import hire

OURS = Telling(Teller.US)
ALERTS = Alerting(("olga@example.com", "ali@example.com"), "https://hooks.example.com/T0/secret", "08:00", {"told": 60})


def tell(shop: Till, wanted: Telling, actor: str = STAFF, seen: str | None = None) -> None:
    shop.twice(
        lambda session, row, now: mail_settings.set_telling(session, row.id, wanted, actor, now, seen=seen), day(1)
    )


def alert(shop: Till, wanted: Alerting, **more: Any) -> None:
    shop.twice(
        lambda session, row, now: mail_settings.set_alerting(session, row.id, wanted, STAFF, now, **more), day(1)
    )


def chosen(shop: Till) -> tuple[Telling, Alerting]:
    with reading() as session:
        row = session.get_one(Shop, shop.id)
        return mail_settings.get_telling(session, row), mail_settings.get_alerting(session, shop.id)


def flags(shop: Till) -> tuple[bool, bool]:
    with reading() as session:
        row = session.get_one(Shop, shop.id)
        return row.mails_customers, row.notify_customers


def trail(shop: Till, action: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    with reading() as session:
        rows = select(AuditEvent).where(AuditEvent.shop_id == shop.id, AuditEvent.action == action)
        return [(row.before, row.after) for row in session.scalars(rows.order_by(AuditEvent.id))]


def test_a_shop_that_never_chose_has_the_defaults_of_the_table(shop: Till) -> None:
    assert chosen(shop) == (OURS, Alerting())
    tell(shop, replace(OURS, keep_days=30))
    with reading() as session:
        row = session.scalars(select(MailSettings).where(MailSettings.shop_id == shop.id)).one()
        kept = [row.digest_times, row.quiet_from, row.quiet_to, row.cap_per_run, row.per_minute, row.remind_days]
    assert kept == [["09:00", "13:00", "18:00"], "21:00", "08:00", 50_000, 600, [30, 7]]
    assert chosen(shop) == (replace(OURS, keep_days=30), Alerting())


@pytest.mark.parametrize(
    ("teller", "told_by"),
    [(Teller.US, (True, False)), (Teller.SHOPIFY, (False, True)), (Teller.NOBODY, (False, False))],
)
def test_one_tells_customers_or_nobody_does(shop: Till, teller: Teller, told_by: tuple[bool, bool]) -> None:
    for before in Teller:
        tell(shop, Telling(before))
        tell(shop, Telling(teller))
        assert flags(shop) == told_by
        assert chosen(shop)[0].teller is teller


def test_all_that_was_chosen_is_kept_and_noted_without_names_and_addresses(shop: Till) -> None:
    wanted = Telling(
        Teller.SHOPIFY, ("07:30",), "22:00", "07:00", ("tier_changed",), (14,), 10, 20, "Ada's Shop",
        "ada@example.com", "de", 365,
    )  # fmt: skip
    tell(shop, wanted)
    assert chosen(shop)[0] == wanted
    ((before, after),) = trail(shop, "set_mails")
    assert (before["teller"], after["teller"]) == ("us", "shopify")
    assert (before["digest_times"], after["digest_times"]) == (["09:00", "13:00", "18:00"], ["07:30"])
    assert (before["sender_name"], after["sender_name"]) == (False, True)
    assert (before["reply_to"], after["reply_to"]) == ("", "a…@example.com")


def test_the_merchants_part_is_kept_and_noted_without_what_may_be_a_key(shop: Till) -> None:
    alert(shop, ALERTS)
    alert(shop, replace(ALERTS, alert_url="", summary_time=""))
    assert chosen(shop)[1] == replace(ALERTS, alert_url="", summary_time="")
    first, second = trail(shop, "set_alerts")
    assert first[1] == {
        "alert_addresses": ["o…@example.com", "a…@example.com"],
        "alert_url": "hooks.example.com",
        "summary_time": "08:00",
        "stage_limits": {"told": 60},
    }
    assert second[1]["alert_url"] == ""
    tell(shop, replace(OURS, per_minute=1))
    assert chosen(shop) == (replace(OURS, per_minute=1), replace(ALERTS, alert_url="", summary_time=""))


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"digest_times": ("24:00",)}, "digest_times", "'24:00' is no time of day; write it like 09:00 or 18:30."),
        ({"digest_times": ("9:60",)}, "digest_times", "no time of day"),
        ({"digest_times": ("noon",)}, "digest_times", "no time of day"),
        ({"digest_times": ("07:59",)}, "digest_times", "07:59 lies in the quiet hours, from 21:00 to 08:00"),
        ({"digest_times": ("21:00",)}, "digest_times", "21:00 lies in the quiet hours"),
        ({"digest_times": (*(f"{n:02}:00" for n in range(24)), "00:30")}, "digest_times", "24 times at most"),
        ({"quiet_from": ""}, "quiet_from", "no time of day"),
        ({"quiet_to": "8"}, "quiet_to", "no time of day"),
        ({"quiet_from": "12:00", "quiet_to": "14:00"}, "digest_times", "13:00 lies in the quiet hours"),
        ({"switched_off": ("gossip",)}, "switched_off", "Choose something of the list."),
        ({"remind_days": (0,)}, "remind_days", "0 is outside of 1 to 365."),
        ({"remind_days": (366,)}, "remind_days", "366 is outside"),
        ({"remind_days": (1, 2, 3, 4, 5, 6)}, "remind_days", "5 days at most"),
        ({"cap_per_run": 0}, "cap_per_run", "outside of 1 to 1000000"),
        ({"per_minute": 60_001}, "per_minute", "outside of 1 to 60000"),
        ({"keep_days": 366}, "keep_days", "outside of 1 to 365"),
        ({"sender_name": "x" * 81}, "sender_name", "of 80 characters at most"),
        ({"sender_name": "Ada\nBcc: all@example.com"}, "sender_name", "one line"),
        ({"reply_to": "ada"}, "reply_to", "'ada' is no mail address; write it like name@example.com."),
        ({"reply_to": "a..b@example.com"}, "reply_to", "'a..b@example.com' is no mail address; write it like "),
        ({"reply_to": "ada.@example.com"}, "reply_to", "'ada.@example.com' is no mail address; write it like "),
        ({"reply_to": "a=?b@example.com"}, "reply_to", "'a=?b@example.com' is no mail address; write it like "),
        ({"reply_to": "ada@example.com\nBcc: b@example.com"}, "reply_to", "no mail address"),
        ({"reply_to": "a" * 64 + "@" + "b" * 190 + ".com"}, "reply_to", "no mail address"),
        ({"language": "tlh"}, "language", "Choose something of the list."),
    ],
)
def test_what_cannot_be_is_refused_at_its_field_and_nothing_is_kept(
    shop: Till, changes: dict[str, Any], field: str, said: str
) -> None:
    before = all_rows()
    with reading() as session, pytest.raises(mail_settings.BadChoices) as refused:
        mail_settings.set_telling(session, shop.id, replace(OURS, **changes), STAFF, day(1))
    assert list(refused.value.errors) == [field]
    assert said in refused.value.errors[field]
    assert all_rows() == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"alert_addresses": ("a@example.com", "b")}, "alert_addresses"),
        ({"alert_addresses": tuple(f"a{n}@example.com" for n in range(11))}, "alert_addresses"),
        ({"alert_url": "http://hooks.example.com"}, "alert_url"),
        ({"alert_url": "http://127.0.0.1:9"}, "alert_url"),
        ({"alert_url": "ftp://hooks.example.com"}, "alert_url"),
        ({"alert_url": "https://"}, "alert_url"),
        ({"alert_url": "https://me:secret@hooks.example.com"}, "alert_url"),
        ({"alert_url": "https://hooks.example.com:x"}, "alert_url"),
        ({"alert_url": "https://hooks.example.com/a b"}, "alert_url"),
        ({"alert_url": "https://hooks.example.com/" + "x" * 2_000}, "alert_url"),
        ({"summary_time": "8 am"}, "summary_time"),
        ({"stage_limits": {"told": -1}}, "stage_limits"),
        ({"stage_limits": {"dreamt": 5}}, "stage_limits"),
    ],
)
def test_where_the_merchant_cannot_be_told_is_refused_at_its_field(
    shop: Till, changes: dict[str, Any], field: str
) -> None:
    before = all_rows()
    with reading() as session, pytest.raises(mail_settings.BadChoices) as refused:
        mail_settings.set_alerting(session, shop.id, replace(ALERTS, **changes), STAFF, day(1))
    assert list(refused.value.errors) == [field]
    assert all_rows() == before


def test_an_installation_for_trying_out_may_tell_its_own_machine(shop: Till) -> None:
    alert(shop, Alerting(alert_url="http://127.0.0.1:8099/hook"), is_local=True)
    assert chosen(shop)[1].alert_url == "http://127.0.0.1:8099/hook"
    wanted = Alerting(alert_url="http://hooks.example.com")
    with reading() as session, pytest.raises(mail_settings.BadChoices):
        mail_settings.set_alerting(session, shop.id, wanted, STAFF, day(1), is_local=True)


def test_who_saw_other_choices_changes_none(shop: Till) -> None:
    tell(shop, replace(OURS, keep_days=30))
    alert(shop, ALERTS)
    before = all_rows()
    with reading() as session, pytest.raises(ChangedMeanwhile):
        mail_settings.set_telling(session, shop.id, OURS, STAFF, day(2), seen=mark(asdict(OURS)))
    with reading() as session, pytest.raises(ChangedMeanwhile):
        mail_settings.set_alerting(session, shop.id, Alerting(), STAFF, day(2), seen=mark(asdict(Alerting())))
    assert all_rows() == before
    with reading() as session:
        mail_settings.set_alerting(session, shop.id, Alerting(), STAFF, day(2), seen=mark(asdict(ALERTS)))


def test_only_who_manages_may_choose_and_only_in_a_shop_that_is_there(shop: Till) -> None:
    with reading() as session:
        hire(session, shop.id, "50", Role.APPROVER)
    with reading() as session, pytest.raises(NotAllowed):
        mail_settings.set_telling(session, shop.id, OURS, "staff:50", day(1))
    with reading() as session, pytest.raises(NotAllowed):
        mail_settings.set_alerting(session, shop.id, ALERTS, "staff:50", day(1))
    with reading() as session, pytest.raises(NotFound):
        mail_settings.set_alerting(session, shop.id + 1, ALERTS, "cli", day(1))


def test_fields_with_several_words_are_read_as_people_write_them() -> None:
    assert read_times("18:00, 9:00;09:00\n 13:30 ") == ("09:00", "13:30", "18:00")
    assert read_times(" ") == ()
    assert read_times("soon") == ("soon",)
    assert split_words("a@example.com; b@example.com,\na@example.com") == ("a@example.com", "b@example.com")


@pytest.mark.parametrize(
    ("quiet_from", "quiet_to", "time", "is_quiet"),
    [
        ("21:00", "08:00", "20:59", False),
        ("21:00", "08:00", "21:00", True),
        ("21:00", "08:00", "00:00", True),
        ("21:00", "08:00", "07:59", True),
        ("21:00", "08:00", "08:00", False),
        ("12:00", "14:00", "13:00", True),
        ("12:00", "14:00", "14:00", False),
        ("00:00", "00:00", "00:00", False),
    ],
)
def test_quiet_hours_go_over_midnight_and_end_before_their_end(
    quiet_from: str, quiet_to: str, time: str, is_quiet: bool
) -> None:
    assert is_quiet_at(time, quiet_from, quiet_to) is is_quiet
