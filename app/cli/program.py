"""``flask program``: the mode, the simplest terms, how a shop lives with Shopify, and how it tells its customers."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from app.cli.frame import ACTOR, get_shop, sentences_for_absent_servers
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import mail_settings, program, terms
from app.engine.rules.mail_choices import Teller, read_time, read_times, split_words
from app.engine.rules.money import MoneyError, to_minor
from app.engine.rules.terms import Mode
from app.errors import BoomerangError
from app.models import Shop

program_group = AppGroup("program", help="Show or change a shop's programme.")


@program_group.command("set")
@click.option("--shop", required=True, help="The shop's domain.")
@click.option("--mode", type=click.Choice([mode.value for mode in Mode]))
@click.option("--waiting", type=click.Choice([w.value for w in program.Waiting]), default="keep", show_default=True)
@click.option(
    "--hold-above", help="Hold orders whose eligible amount is above this, such as 150.00; 'none' for no hold."
)
@click.option("--cap", help="Most cashback per order, such as 50.00; 'none' for no cap.")
@click.option("--minimum-order", help="Smallest eligible amount that earns, such as 10.00.")
@click.option(
    "--began-at", help="When the programme began, such as 2027-01-31T00:00+01:00; older orders earn only if asked for."
)
@click.option("--far-expiry", type=bool, help="Agree to a far expiry as each transfer's fingerprint.")
@click.option(
    "--notify-customers", type=bool, help="Whether Shopify writes to customers about each credit; then we do not."
)
@click.option("--undo-seconds", type=int, help="For how long an approval can be undone before the credit is made.")
@click.option("--reconcile-minutes", type=int, help="How often orders are looked for whose webhooks never came.")
@click.option("--keep-deliveries-days", type=int, help="How long the bodies of handled deliveries are kept.")
@sentences_for_absent_servers()
def program_set(
    shop: str,
    mode: str | None,
    waiting: str,
    hold_above: str | None,
    cap: str | None,
    minimum_order: str | None,
    began_at: str | None,
    far_expiry: bool | None,
    undo_seconds: int | None,
    notify_customers: bool | None,
    **connection: Any,
) -> None:
    """Switch the mode or publish new terms from the command line."""
    now = utcnow()
    try:
        with transaction() as session:
            row = get_shop(session, shop)
            current = terms.get_current(session, row.id, now)
            wanted = replace(
                current,
                hold_above_minor=_minor(hold_above, row.currency, current.hold_above_minor),
                cap_per_order_minor=_minor(cap, row.currency, current.cap_per_order_minor),
                minimum_order_minor=_minor(minimum_order, row.currency, current.minimum_order_minor) or 0,
            )
            if wanted != current:
                terms.publish(session, row.id, wanted, ACTOR, now)
            if began_at is not None:
                program.set_began(session, row.id, _moment(began_at), ACTOR, now)
            if far_expiry is not None:
                program.set_far_expiry(session, row.id, far_expiry, ACTOR, now)
            if undo_seconds is not None:
                program.set_undo(session, row.id, undo_seconds, ACTOR, now)
            if notify_customers is not None:
                _let_shopify_tell(session, row, notify_customers, now)
            asked = {name: value for name, value in connection.items() if value is not None}
            program.set_connection(session, row.id, replace(program.get_connection(row), **asked), ACTOR, now)
            if mode is not None:
                program.set_mode(session, row.id, Mode(mode), program.Waiting(waiting), ACTOR, now)
    except (BoomerangError, MoneyError) as error:
        raise click.ClickException(str(error)) from error


@program_group.command("mails")
@click.option("--shop", required=True, help="The shop's domain.")
@click.option("--teller", type=click.Choice([one.value for one in Teller]), help="Who tells customers.")
@click.option("--times", "digest_times", help="When customers are told, such as 09:00,18:00; 'now' for at once.")
@click.option("--quiet", help="Hours in which customers get no mails, such as 21:00-08:00; 'none' for none.")
@click.option("--reply-to", help="Where customers' answers go; 'none' for nowhere.")
@click.option("--alerts-to", help="Addresses told of trouble, such as a@example.com,b@example.com; 'none' for none.")
@click.option("--summary", help="When the day's summary goes there, such as 08:00; 'none' for never.")
@sentences_for_absent_servers()
def program_mails(
    shop: str,
    teller: str | None,
    digest_times: str | None,
    quiet: str | None,
    reply_to: str | None,
    alerts_to: str | None,
    summary: str | None,
) -> None:
    """Change how customers and the merchant are told; what is not named stays. Prints how it is then."""
    now = utcnow()
    asked: dict[str, Any] = {}
    if teller is not None:
        asked["teller"] = Teller(teller)
    if digest_times is not None:
        asked["digest_times"] = () if digest_times == "now" else read_times(digest_times)
    if quiet is not None:
        begin, _dash, end = ("00:00-00:00" if quiet == "none" else quiet).partition("-")
        asked |= {"quiet_from": read_time(begin), "quiet_to": read_time(end)}
    if reply_to is not None:
        asked["reply_to"] = _or_none(reply_to)
    alerts: dict[str, Any] = {}
    if alerts_to is not None:
        alerts["alert_addresses"] = split_words(_or_none(alerts_to))
    if summary is not None:
        alerts["summary_time"] = read_time(_or_none(summary))
    try:
        with transaction() as session:
            row = get_shop(session, shop)
            telling = replace(mail_settings.get_telling(session, row), **asked)
            mail_settings.set_telling(session, row.id, telling, ACTOR, now)
            alerting = replace(mail_settings.get_alerting(session, row.id), **alerts)
            mail_settings.set_alerting(session, row.id, alerting, ACTOR, now)
    except BoomerangError as error:
        raise click.ClickException(str(error)) from error
    for name, value in {**asdict(telling), **asdict(alerting)}.items():
        click.echo(f"{name}: {', '.join(map(str, value)) if isinstance(value, tuple) else value}")


def _let_shopify_tell(session: Session, row: Shop, is_wanted: bool, now: datetime) -> None:
    """Have Shopify tell customers, or no longer; whoever else does stays unless Shopify takes over."""
    telling = mail_settings.get_telling(session, row)
    if is_wanted:
        telling = replace(telling, teller=Teller.SHOPIFY)
    elif telling.teller is Teller.SHOPIFY:
        telling = replace(telling, teller=Teller.NOBODY)
    mail_settings.set_telling(session, row.id, telling, ACTOR, now)


def _or_none(text: str) -> str:
    return "" if text == "none" else text


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise click.ClickException(f"{text!r} is no moment; write it like 2027-01-31T00:00+01:00.") from error


def _minor(text: str | None, currency: str, otherwise: int | None) -> int | None:
    if text is None:
        return otherwise
    return None if text == "none" else to_minor(text, currency)
