"""``flask reconcile``: look now for what webhooks never told, and say what was found."""

import click

from app.cli.frame import get_shop, sentences_for_absent_servers
from app.db import transaction
from app.errands.reconciliation import reconcile_turn
from app.errors import BoomerangError
from app.models import ReconcileRun


@click.command("reconcile")
@click.option("--shop", required=True, help="The shop's domain.")
@sentences_for_absent_servers()
def reconcile_command(shop: str) -> None:
    """Ask Shopify which orders changed, and make good what no webhook told. Goes on where the last look ended."""
    with transaction() as session:
        shop_id = get_shop(session, shop).id
    try:
        run = reconcile_turn(shop_id, lasts=None)
    except BoomerangError as error:
        raise click.ClickException(f"{error} What was found so far is kept; the rest is looked at later.") from error
    if run is not None:
        click.echo(_summary(run))


def _summary(run: ReconcileRun) -> str:
    sentences = [
        f"Looked at {_count(run.orders_seen, 'order')} changed since {run.from_at:%Y-%m-%d %H:%M:%S} UTC,"
        f" up to {run.reached_at:%Y-%m-%d %H:%M:%S} UTC.",
        f"Missed webhooks made good: {_count(run.orders_missed, 'order')}, {_count(run.refunds_missed, 'refund')}.",
    ]
    if run.orders_unreadable:
        sentences.append(f"Not readable: {_count(run.orders_unreadable, 'order')}. {run.trouble}")
    return "\n".join(sentences)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
