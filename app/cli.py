"""The ``flask`` commands: worker, clock, inspect, check-books, program, and those of files of their own."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty
from rq.worker import DequeueStrategy

from app.cli_books import check_books
from app.cli_drift import drift, repeated_transfer
from app.cli_frame import ACTOR, get_shop, sentences_for_absent_servers
from app.cli_history import import_history
from app.cli_money import adjust_group, statement
from app.cli_reconcile import reconcile_command
from app.cli_terms import terms_group
from app.cli_tiers import tiers_group
from app.cli_webhooks import prune_command, replay_command
from app.clock import utcnow
from app.config import current_settings
from app.db import transaction
from app.engine.flows import program, terms
from app.engine.rules.money import MoneyError, to_minor
from app.engine.rules.terms import Mode
from app.errors import BoomerangError
from app.inspection import inspect_customer, inspect_order
from app.queue import QUEUES, blocking_connection
from app.schedule import run_clock


def init_app(app: Flask) -> None:
    """Add the commands to the app."""
    groups = (program_group, terms_group, tiers_group, adjust_group)
    for command in (
        work,
        clock,
        inspect,
        check_books,
        import_history,
        drift,
        repeated_transfer,
        statement,
        reconcile_command,
        replay_command,
        prune_command,
        *groups,
    ):
        app.cli.add_command(command)


class _Worker(SimpleWorker):
    """Runs jobs in its own process: a job is one drain of many rows, and a fork for each would cost more than it."""

    death_penalty_class = TimerDeathPenalty


@click.command()
@click.option("--queues", default=",".join(QUEUES), show_default=True, help="Which queues; they take turns.")
@click.option("--burst", is_flag=True, help="Stop when nothing is left to do.")
@sentences_for_absent_servers()
def work(queues: str, burst: bool) -> None:
    """Run a worker: it drains the inbox and sends transfers."""
    names = [name.strip() for name in queues.split(",")]
    unknown = sorted(set(names) - set(QUEUES))
    if unknown:
        raise click.UsageError(f"There is no queue {', '.join(unknown)}; the queues are {', '.join(QUEUES)}.")
    connection = blocking_connection(current_settings().redis_url)
    worker = _Worker(names, connection=connection, serializer=JSONSerializer)
    # In turns, or what the platform brings all day would keep from ever being sent what the books owe.
    worker.work(burst=burst, logging_level="WARNING", dequeue_strategy=DequeueStrategy.ROUND_ROBIN)


@click.command()
def clock() -> None:
    """Run the clock: it asks for whatever the tables say is left to do."""
    run_clock()


inspect = AppGroup("inspect", help="Show everything known about an order or a customer.")


@inspect.command("order")
@click.argument("shopify_id", type=int)
@click.option("--shop", help="The shop's domain, where several have the same id.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@sentences_for_absent_servers()
def inspect_order_command(shopify_id: int, shop: str | None, as_json: bool) -> None:
    """Show an order: reward, explanation, entries, transfers, deliveries."""
    with transaction() as session:
        _show(lambda: inspect_order(session, shopify_id, shop), as_json)


@inspect.command("customer")
@click.argument("shopify_id", type=int)
@click.option("--shop", help="The shop's domain, where several have the same id.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@sentences_for_absent_servers()
def inspect_customer_command(shopify_id: int, shop: str | None, as_json: bool) -> None:
    """Show a customer: balances, rewards, entries, transfers."""
    with transaction() as session:
        _show(lambda: inspect_customer(session, shopify_id, shop), as_json)


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


def _show(inspected: Callable[[], dict[str, object]], as_json: bool) -> None:
    try:
        data = inspected()
    except BoomerangError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(data, indent=None if as_json else 2))
