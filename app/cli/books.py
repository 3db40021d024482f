"""``flask check-books``: every invariant of the books, one after the other."""

import sys
from time import monotonic

import click

from app.cli.frame import get_shop, sentences_for_absent_servers
from app.db import is_exempt, transaction
from app.engine.flows.check_books import INVARIANTS, check_invariant


@click.command("check-books")
@click.option("--shop", help="Only this shop's books, by its domain.")
@click.option("--progress/--quiet", default=None, help="Say what was looked at.  [default: on a terminal]")
@sentences_for_absent_servers()
def check_books(shop: str | None, progress: bool | None) -> None:
    """Check that the books add up; exit 1 and name what does not."""
    is_told = sys.stderr.isatty() if progress is None else progress
    shop_id = None
    if shop is not None:
        with transaction() as session:
            shop_id = get_shop(session, shop).id
    # Not bound to the shop: whether a row names one of another shop can only be seen by who sees both.
    findings = 0
    for number, invariant in enumerate(INVARIANTS, start=1):
        begun = monotonic()
        # Each in a transaction of its own: the database cleans up nothing that an open one might still look at.
        with transaction() as session:
            for finding in check_invariant(session, invariant, shop_id):
                findings += 1
                click.echo(f"shop {finding.shop_id}: {finding.detail}. Broken: {finding.invariant}.", err=True)
        if is_told:
            click.echo(f"{number}/{len(INVARIANTS)} ({monotonic() - begun:.1f} s): {invariant}", err=True)
    with transaction() as session:
        if is_exempt(session):
            click.echo(
                "Row-level security does not hold back the user of DATABASE_URL; use one that is no superuser, so that "
                "the database, too, keeps shops apart.",
                err=True,
            )
    if findings:
        sys.exit(1)
    click.echo(f"The books add up: {len(INVARIANTS)} invariants hold.")
