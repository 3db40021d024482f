"""``flask import-history``: import a shop's past orders, or see what that would come to."""

import time

import click
from sqlalchemy.orm import Session

from app.cli.frame import ACTOR, get_shop, sentences_for_absent_servers
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import imports
from app.engine.rules.money import Money
from app.errands.history import import_step, stop_collecting
from app.errors import BoomerangError
from app.models import HistoryImport, ImportState, Shop, ShopToken, Window
from app.shopify.scopes import is_granted

_PAUSE_SECONDS = 1.0
_VERBS = ("start", "status", "pause", "resume", "cancel")


@click.command("import-history")
@click.option("--shop", "domain", required=True, help="The shop's domain.")
@click.option("--window", type=click.Choice([window.value for window in Window]), help="How far back.")
@click.option("--dry-run", is_flag=True, help="Only count what it would come to.")
@click.option("--reward-past", is_flag=True, help="Orders from before the programme earn, too.")
@click.option("--background", is_flag=True, help="Leave it to the workers instead of waiting for its end.")
@click.option("--do", "verb", type=click.Choice(_VERBS), default="start", show_default=True, help="What to do.")
@sentences_for_absent_servers()
def import_history(
    domain: str, window: str | None, dry_run: bool, reward_past: bool, background: bool, verb: str
) -> None:
    """Import a shop's past orders: their spend counts for tiers. One that was interrupted is gone on with."""
    try:
        with transaction() as session:
            shop = get_shop(session, domain)
            shop_id = shop.id
            row = _do(session, shop, verb, window, dry_run=dry_run, reward_past=reward_past)
            told = [] if row is None else _tell(row, shop.currency)
    except BoomerangError as error:
        raise click.ClickException(str(error)) from error
    if verb == "cancel":
        stop_collecting(shop_id)
    if verb != "start":
        click.echo("\n".join(told or ["Nothing was imported yet."]))
    elif background:
        click.echo("The workers import it from here; --do status says how far they are.")
    else:
        _carry(shop_id)


def _do(
    session: Session, shop: Shop, verb: str, window: str | None, *, dry_run: bool, reward_past: bool
) -> HistoryImport | None:
    now = utcnow()
    match verb:
        case "status":
            return imports.find_newest(session, shop.id)
        case "pause":
            return imports.pause(session, shop.id, ACTOR, now)
        case "resume":
            return imports.resume(session, shop.id, ACTOR, now)
        case "cancel":
            return imports.cancel(session, shop.id, ACTOR, now)
    running = imports.find_running(session, shop.id)
    if running is not None and window is None:
        return running
    if window is None:
        raise click.ClickException(f"Say how far back with --window: {', '.join(Window)}.")
    token = session.get(ShopToken, shop.id)
    sees_all = token is not None and is_granted("read_all_orders", token.scope)
    wanted = Window(window)
    return imports.ask(
        session, shop.id, wanted, ACTOR, now, sees_all=sees_all, is_dry_run=dry_run, rewards_past=reward_past
    )


def _carry(shop_id: int) -> None:
    """Carry the import to its end here, saying now and then how far it is."""
    said: list[str] = []
    while True:
        more = import_step(shop_id, lasts=imports.TURN)
        with transaction(shop_id) as session:
            row = imports.find_newest(session, shop_id)
            told = [] if row is None else _tell(row, session.get_one(Shop, shop_id).currency)
            state = None if row is None else row.state
            rests = row is not None and row.paused_at is not None
        if told != said:
            click.echo("\n".join(told))
            said = told
        if state is None or state.is_over or rests:
            break
        if not more:
            time.sleep(_PAUSE_SECONDS)
    if state is not ImportState.FINISHED and not rests:
        raise click.exceptions.Exit(1)


def _tell(row: HistoryImport, currency: str) -> list[str]:
    """Return how far an import is, and what it came to, in sentences."""
    said = [_progress(row)]
    if row.error:
        said.append(row.error)
    said += [f"  left out: {note}" for note in row.notes]
    if row.summary is not None:
        said += _summary(row, currency)
    return said


def _progress(row: HistoryImport) -> str:
    if row.paused_at is not None:
        return f"Paused by {row.paused_by} after {row.seen_orders:,} orders; --do resume goes on."
    match row.state:
        case ImportState.ASKED:
            return "Shopify is about to be asked."
        case ImportState.COLLECTING:
            return f"Shopify has collected {row.collected:,} orders so far."
        case ImportState.IMPORTING:
            rate, left = imports.orders_per_second(row), imports.seconds_left(row)
            pace = "" if rate is None else f", {rate:,} a second"
            rest = "" if left is None else f", about {left // 60}:{left % 60:02} minutes left"
            return f"{row.seen_orders:,} of {row.collected:,} orders{pace}{rest}."
    return f"{'The dry run' if row.is_dry_run else 'The import'} is {row.state} after {row.seen_orders:,} orders."


def _summary(row: HistoryImport, currency: str) -> list[str]:
    told = row.summary or {}

    def money(minor: int) -> str:
        return str(Money(minor, currency))

    lines = [
        f"{told['orders']:,} orders, of which {told['known']:,} were known already and"
        f" {told['unreadable']:,} were left out.",
        f"{told['customers']:,} customers with a net spend of {money(told['spend_minor'])}"
        f"{' by these orders' if row.is_dry_run else ' in all'}:",
    ]
    lines += [
        f"  {name}: {tier['customers']:,} customers, {money(tier['spend_minor'])}"
        for name, tier in told["tiers"].items()
    ]
    granted = f"{told['rewards']:,} past orders, {money(told['granted_minor'])} of cashback"
    if row.is_dry_run:
        lines.append(f"If asked, about: {granted}. Limits, holds and what only the catalogue knows may make it less.")
    elif row.rewards_past:
        lines.append(f"Rewarded: {granted}.")
    return lines
