"""``flask inspect``: one order or customer with everything known about it."""

import json
from collections.abc import Callable

import click
from flask.cli import AppGroup

from app.cli.frame import sentences_for_absent_servers
from app.db import transaction
from app.errors import BoomerangError
from app.inspection import inspect_customer, inspect_order

inspect_group = AppGroup("inspect", help="Show everything known about an order or a customer.")


@inspect_group.command("order")
@click.argument("shopify_id", type=int)
@click.option("--shop", help="The shop's domain, where several have the same id.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@sentences_for_absent_servers()
def inspect_order_command(shopify_id: int, shop: str | None, as_json: bool) -> None:
    """Show an order: reward, explanation, entries, transfers, deliveries."""
    with transaction() as session:
        _show(lambda: inspect_order(session, shopify_id, shop), as_json)


@inspect_group.command("customer")
@click.argument("shopify_id", type=int)
@click.option("--shop", help="The shop's domain, where several have the same id.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@sentences_for_absent_servers()
def inspect_customer_command(shopify_id: int, shop: str | None, as_json: bool) -> None:
    """Show a customer: balances, rewards, entries, transfers."""
    with transaction() as session:
        _show(lambda: inspect_customer(session, shopify_id, shop), as_json)


def _show(inspected: Callable[[], dict[str, object]], as_json: bool) -> None:
    try:
        data = inspected()
    except BoomerangError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(data, indent=None if as_json else 2))
