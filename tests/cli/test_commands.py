"""``check-books``, ``program set`` and ``work``."""

from typing import Any

import psycopg
import pytest
from redis import Redis
from sqlalchemy import select

from app.db import transaction
from app.engine.flows.terms import get_current
from app.engine.rules.terms import Mode, Terms
from app.models import Delivery, DeliveryState, Shop
from tests.cli.conftest import Shell
from tests.flows.builders import Till, all_rows, day, order, reading
from tests.webhooks.sending import Sender, example

DOMAIN = "made-up.myshopify.com"


def current(shop: Till) -> Terms:
    """Return the shop's newest terms."""
    return shop.run(lambda session, row: get_current(session, row.id, day(9_999)))


def test_books_that_add_up_exit_0(shop: Till, shell: Shell) -> None:
    shop.tell(order(1))
    result = shell("check-books")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("The books add up: ")


def test_books_that_do_not_add_up_exit_1_and_name_what_is_wrong(
    shop: Till, shell: Shell, admin_connection: "psycopg.Connection[Any]"
) -> None:
    shop.tell(order(1))
    admin_connection.execute("UPDATE postings SET amount_minor = 777 WHERE id = 2")
    result = shell("check-books")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"shop {shop.id}: reward 1 is settled and keeps 200" in result.stderr
    assert "Broken: No account of a customer but owed is below zero" in result.stderr


def test_the_programme_is_set_in_one_command(shop: Till, shell: Shell) -> None:
    words = (
        "--mode",
        "manual",
        "--hold-above",
        "150.00",
        "--cap",
        "50",
        "--minimum-order",
        "10.5",
        "--far-expiry",
        "yes",
        "--undo-seconds",
        "30",
        "--notify-customers",
        "yes",
        "--keep-deliveries-days",
        "7",
    )
    result = shell("program", "set", "--shop", DOMAIN, *words)
    assert result.exit_code == 0, result.output
    now = current(shop)
    assert (now.version, now.hold_above_minor, now.cap_per_order_minor, now.minimum_order_minor) == (
        2, 15_000, 5_000, 1_050,
    )  # fmt: skip
    with reading() as session:
        row = session.get_one(Shop, shop.id)
        assert (row.mode, row.far_expiry_agreed) == (Mode.MANUAL, True)
        assert row.undo_seconds == 30
        assert (row.notify_customers, row.keep_deliveries_days, row.reconcile_minutes) == (True, 7, 15)


def test_who_tells_customers_is_set_by_either_command_and_never_two_do(shop: Till, shell: Shell) -> None:
    def told_by() -> tuple[bool, bool]:
        with reading() as session:
            row = session.get_one(Shop, shop.id)
            return row.mails_customers, row.notify_customers

    for words, expected in (
        (("set", "--notify-customers", "no"), (True, False)),
        (("set", "--notify-customers", "yes"), (False, True)),
        (("mails", "--teller", "us"), (True, False)),
        (("mails", "--teller", "shopify"), (False, True)),
        (("set", "--notify-customers", "no"), (False, False)),
    ):
        name, *options = words
        assert shell("program", name, "--shop", DOMAIN, *options).exit_code == 0
        assert told_by() == expected, words


def test_how_mails_go_out_is_set_in_one_command_and_shown(shop: Till, shell: Shell) -> None:
    words = ("--times", "18:00,9:00", "--quiet", "22:00-7:00", "--reply-to", "shop@example.com")
    more = ("--alerts-to", "olga@example.com,ali@example.com", "--summary", "8:00")
    result = shell("program", "mails", "--shop", DOMAIN, *words, *more)
    assert result.exit_code == 0, result.output
    for line in (
        "teller: us",
        "digest_times: 09:00, 18:00",
        "quiet_from: 22:00",
        "quiet_to: 07:00",
        "reply_to: shop@example.com",
        "alert_addresses: olga@example.com, ali@example.com",
        "summary_time: 08:00",
    ):
        assert line in result.stdout.splitlines()
    none = ("--times", "now", "--quiet", "none", "--reply-to", "none", "--alerts-to", "none", "--summary", "none")
    shown = shell("program", "mails", "--shop", DOMAIN, *none).stdout.splitlines()
    for name in ("digest_times", "reply_to", "alert_addresses", "summary_time"):
        assert f"{name}: " in shown
    rows = all_rows()
    assert shell("program", "mails", "--shop", DOMAIN).stdout.splitlines() == shown
    assert all_rows() == rows
    refused = shell("program", "mails", "--shop", DOMAIN, "--times", "noon")
    assert (refused.exit_code, "is no time of day" in refused.stderr) == (1, True)


def test_none_takes_limits_away_and_what_is_not_named_stays(shop: Till, shell: Shell) -> None:
    shell("program", "set", "--shop", DOMAIN, "--hold-above", "150.00", "--cap", "50", "--minimum-order", "10")
    shell("program", "set", "--shop", DOMAIN, "--cap", "none", "--minimum-order", "none")
    now = current(shop)
    assert (now.version, now.hold_above_minor, now.cap_per_order_minor, now.minimum_order_minor) == (3, 15_000, None, 0)


def test_setting_what_is_so_already_publishes_nothing(shop: Till, shell: Shell) -> None:
    shell("program", "set", "--shop", DOMAIN, "--cap", "50")
    rows = all_rows()
    assert shell("program", "set", "--shop", DOMAIN, "--cap", "50.00").exit_code == 0
    assert all_rows() == rows


def test_waiting_rewards_are_released_when_asked(shop: Till, shell: Shell) -> None:
    shop.set_mode(Mode.MANUAL)
    shop.tell(order(1))
    result = shell("program", "set", "--shop", DOMAIN, "--mode", "automatic", "--waiting", "release")
    assert result.exit_code == 0
    assert shop.settle_due() == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--cap", "12.345"), "12.345 has more decimals than USD, which has 2."),
        (("--cap", "ten"), "'ten' is not an amount"),
        (("--cap", ""), "'' is not an amount"),
        (("--cap", "1e3"), "is not an amount"),
        (("--cap", "0"), "The cap per order must be above zero"),
        (("--hold-above", "-1"), "must not be negative"),
        (("--minimum-order", "-0.01"), "must not be negative"),
        (("--minimum-order", "99999999999999999999"), "is not an amount"),
        (("--reconcile-minutes", "1"), "Look for missed orders every 5 to 1440 minutes; 1 is outside of that."),
        (("--shop", "nobody.myshopify.com"), "No shop nobody.myshopify.com has installed the app."),
    ],
)
def test_a_bad_amount_or_shop_is_one_sentence_and_changes_nothing(
    shop: Till, shell: Shell, words: tuple[str, ...], sentence: str
) -> None:
    rows = all_rows()
    result = shell("program", "set", "--shop", DOMAIN, "--mode", "manual", *words)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert all_rows() == rows


def test_a_worker_handles_what_a_webhook_brought(
    shop: Till, shell: Shell, client: Any, app: Any, redis_client: "Redis"
) -> None:
    shop.set_mode(Mode.MANUAL)
    sender = Sender(client, app.config["SETTINGS"].shopify_client_secret)
    assert sender.send("orders/paid", shop=DOMAIN).status_code == 200
    with reading() as session:
        assert session.scalars(select(Delivery.state)).all() == [DeliveryState.RECEIVED]
    result = shell("work", "--burst")
    assert result.exit_code == 0, result.output
    with reading() as session:
        assert session.scalars(select(Delivery.state)).all() == [DeliveryState.HANDLED]
    answer = shell("inspect", "order", example("orders/paid")["id"], "--json")
    assert '"state": "in_review"' in answer.stdout
    assert '"topic": "orders/paid"' in answer.stdout
    # Nothing is left, not even what failed.
    assert list(redis_client.scan_iter("rq:job:*")) == []


def test_a_queue_nobody_fills_is_refused(shell: Shell) -> None:
    result = shell("work", "--burst", "--queues", "inbox,parcels")
    assert result.exit_code == 2
    assert "There is no queue parcels; the queues are inbox, transfers, chores, mails." in result.stderr


def test_a_failing_command_leaves_no_transaction_open(shop: Till, shell: Shell) -> None:
    shell("inspect", "order", "404")
    with transaction() as session:
        assert session.get_one(Shop, shop.id).domain == DOMAIN
