"""``flask program``: the mode, the simplest terms, and how a shop lives with Shopify."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import click
from flask.cli import AppGroup

from app.cli.frame import ACTOR, get_shop, sentences_for_absent_servers
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import program, terms
from app.engine.rules.money import MoneyError, to_minor
from app.engine.rules.terms import Mode
from app.errors import BoomerangError

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
@click.option("--notify-customers", type=bool, help="Whether Shopify writes to customers about each credit.")
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
            asked = {name: value for name, value in connection.items() if value is not None}
            program.set_connection(session, row.id, replace(program.get_connection(row), **asked), ACTOR, now)
            if mode is not None:
                program.set_mode(session, row.id, Mode(mode), program.Waiting(waiting), ACTOR, now)
    except (BoomerangError, MoneyError) as error:
        raise click.ClickException(str(error)) from error


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise click.ClickException(f"{text!r} is no moment; write it like 2027-01-31T00:00+01:00.") from error


def _minor(text: str | None, currency: str, otherwise: int | None) -> int | None:
    if text is None:
        return otherwise
    return None if text == "none" else to_minor(text, currency)
