"""``flask tiers``: list a shop's tiers, give them by hand, recalculate everybody's, preview other terms."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.cli.frame import ACTOR, get_shop, sentences_for_absent_servers
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import tier_preview, tier_runs, tiers
from app.engine.flows.terms import get_current
from app.engine.rules.money import Money, rate_text
from app.engine.rules.terms import Terms
from app.errors import BoomerangError
from app.models import Customer, Shop, TierRun
from app.terms_document import BadDocument, flatten, load, read

tiers_group = AppGroup("tiers", help="List tiers, give them by hand, recalculate and preview them.")
_of_shop = click.option("--shop", "domain", required=True, help="The shop's domain.")
_reason = click.option("--reason", required=True, help="Why; it is kept and shown.")
_customers = click.argument("customers", type=click.IntRange(1, 2**63 - 1), nargs=-1, required=True)


@tiers_group.command("list")
@_of_shop
def list_tiers(domain: str) -> None:
    """List the tiers in force, with how many customers are shown with each."""
    with _at_the_terminal(domain) as (session, shop):
        named = (Customer.shop_id == shop.id, Customer.deleted_at.is_(None))
        counted = session.execute(select(Customer.tier_name, func.count()).where(*named).group_by(Customer.tier_name))
        counts = dict(counted.all())
        for tier in get_current(session, shop.id, utcnow()).tiers:
            start, count = Money(tier.threshold_minor, shop.currency), counts.pop(tier.name, 0)
            click.echo(f"{tier.name}: from {start}, {rate_text(tier.rate_bps)}, {_customers_of(count)}")
        for name, count in counts.items():
            click.echo(f"{name or 'Not looked at yet'}: {_customers_of(count)}")


@tiers_group.command("recalculate")
@_of_shop
def recalculate(domain: str) -> None:
    """Look at the tiers of all customers now; a run that was interrupted is gone on with."""
    with _at_the_terminal(domain) as (session, shop):
        begun = tier_runs.find_unfinished(session, shop.id)
        run_id = begun or tier_runs.start_run(session, shop.id, ACTOR, utcnow()).id
    if begun is not None:
        click.echo("Going on with a run that was not finished.")
    more = True
    while more:
        with _at_the_terminal(domain) as (session, shop):
            more = tier_runs.recalculate(session, shop, run_id, utcnow())
            run = session.get_one(TierRun, run_id)
            told = f"{_customers_of(run.customers)} looked at, {run.moved} moved"
    click.echo(f"{told}.")


@tiers_group.command("preview")
@_of_shop
@click.argument("file")
def preview(domain: str, file: str) -> None:
    """Show who would move, and the cost, if the terms in FILE (- for standard input) were in force now."""
    with _at_the_terminal(domain) as (session, shop):
        told = tier_preview.preview(session, shop.id, _read_terms(file, shop), utcnow())
    for move in told.moves:
        click.echo(f"{move.before} to {move.after}: {_customers_of(move.customers)}")
    more = "more" if told.extra_minor >= 0 else "less"
    click.echo(f"{sum(move.customers for move in told.moves)} of {_customers_of(told.customers)} would move.")
    click.echo(f"About {Money(abs(told.extra_minor), told.currency)} {more} cashback a month.")
    for mover in told.sample:
        spend = Money(mover.spend_minor, told.currency)
        click.echo(f"  customer {mover.shopify_id}: {mover.before} to {mover.after}, {spend} spent")


@tiers_group.command("assign")
@_of_shop
@click.option("--tier", required=True, help="Which tier.")
@_reason
@click.option("--until", help="When it ends, such as 2027-01-31T00:00+01:00; it does not if left out.")
@click.option("--lock", is_flag=True, help="Nothing but a person moves them while it lasts, up or down.")
@_customers
def assign(domain: str, tier: str, reason: str, until: str | None, lock: bool, customers: tuple[int, ...]) -> None:
    """Give CUSTOMERS (Shopify's ids) a tier."""
    ends_at = None if until is None else _moment(until)
    with _at_the_terminal(domain) as (session, shop):
        ids = _ids_of(session, shop, customers)
        given = tiers.assign(session, shop.id, ids, tier, reason, ACTOR, utcnow(), ends_at=ends_at, is_locked=lock)
    click.echo(f"{_customers_of(given)} given {tier}.")


@tiers_group.command("end")
@_of_shop
@_reason
@_customers
def end(domain: str, reason: str, customers: tuple[int, ...]) -> None:
    """End what CUSTOMERS (Shopify's ids) were given by hand; their spend decides again."""
    with _at_the_terminal(domain) as (session, shop):
        ids = _ids_of(session, shop, customers)
        ended = tiers.end_assignment(session, shop.id, ids, reason, ACTOR, utcnow())
    click.echo(f"Ended for {_customers_of(ended)}.")


@contextmanager
def _at_the_terminal(domain: str) -> Iterator[tuple[Session, Shop]]:
    """Open a transaction for a shop; what is refused becomes one sentence a line."""
    try:
        with sentences_for_absent_servers(), transaction() as session:
            yield session, get_shop(session, domain)
    except BadDocument as error:
        lines = [f"{where}: {sentence}" if where else sentence for where, sentence in flatten(error.errors)]
        raise click.ClickException("\n".join(lines)) from error
    except BoomerangError as error:
        raise click.ClickException(str(error)) from error


def _read_terms(file: str, shop: Shop) -> Terms:
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error
    return load(read(text), shop.currency)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise click.ClickException(f"{text!r} is no moment; write it like 2027-01-31T00:00+01:00.") from error


def _ids_of(session: Session, shop: Shop, shopify_ids: tuple[int, ...]) -> list[int]:
    which = select(Customer.shopify_id, Customer.id).where(
        Customer.shop_id == shop.id, Customer.shopify_id.in_(shopify_ids)
    )
    known: dict[int, int] = dict(session.execute(which).all())
    unknown = sorted(set(shopify_ids) - known.keys())
    if unknown:
        raise click.ClickException(f"{shop.domain} knows no customer {', '.join(map(str, unknown))}.")
    return list(known.values())


def _customers_of(count: int) -> str:
    return f"{count} customer" if count == 1 else f"{count} customers"
