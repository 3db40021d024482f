"""``flask replay`` and ``flask prune``: failed deliveries once more, and bodies that are kept no longer."""

import click

from app.cli.frame import ACTOR, get_shop, sentences_for_absent_servers
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import deliveries
from app.errors import BoomerangError
from app.models import Shop
from app.queue import INBOX, enqueue_once


@click.command("replay")
@click.option("--shop", required=True, help="The shop's domain.")
@click.option("--delivery", type=int, help="Only this one, by its number.")
@click.option("--topic", help="Only those of this topic.")
@sentences_for_absent_servers()
def replay_command(shop: str, delivery: int | None, topic: str | None) -> None:
    """Put failed deliveries back to those that wait, once what made them fail is mended."""
    with transaction() as session:
        shop_id = get_shop(session, shop).id
        numbers = deliveries.list_failed(session, shop_id, topic) if delivery is None else [delivery]
    for number in numbers:
        try:
            with transaction(shop_id) as session:
                deliveries.replay(session, shop_id, number, ACTOR, utcnow())
        except BoomerangError as error:
            raise click.ClickException(str(error)) from error
    if numbers:
        enqueue_once(INBOX, "drain_inbox")
    click.echo(f"{len(numbers)} deliver{'y waits' if len(numbers) == 1 else 'ies wait'} to be handled again.")


@click.command("prune")
@click.option("--shop", required=True, help="The shop's domain.")
@sentences_for_absent_servers()
def prune_command(shop: str) -> None:
    """Remove the bodies of deliveries that were handled longer ago than the shop keeps them; the log stays."""
    with transaction() as session:
        shop_id = get_shop(session, shop).id
    removed = 0
    while True:
        with transaction(shop_id) as session:
            some = deliveries.prune(session, session.get_one(Shop, shop_id), utcnow())
        if some == 0:
            break
        removed += some
    click.echo(f"{removed} {'body' if removed == 1 else 'bodies'} removed.")
