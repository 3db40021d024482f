"""``flask drift``: what Shopify's store-credit accounts hold against what the books say."""

import sys
from collections.abc import Sequence
from datetime import timedelta
from threading import Event

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.cli.frame import ACTOR, get_shop, sentences_for_absent_servers
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import account_statements
from app.engine.rules.money import to_decimal_string
from app.errors import BoomerangError
from app.models import CreditAccount, CreditMoveRow, Customer, Shop
from app.shopify import statement

#: How long one run reads before it tells how far it is.
TURN = timedelta(seconds=10)
WAIT_FOR_ALLOWANCE_SECONDS = 2


@click.command("drift")
@click.option("--shop", "domain", help="Only this shop, by its domain.")
@click.option("--anew", is_flag=True, help="Read every account now, not only those whose time has come.")
@click.option("--stored", is_flag=True, help="Read nothing; show what is known already.")
@sentences_for_absent_servers()
def drift(domain: str | None, anew: bool, stored: bool) -> None:
    """Read store-credit accounts in Shopify and compare; exit 1 and list what differs."""
    with transaction() as session:
        if domain is None:
            installed = session.scalars(select(Shop).where(Shop.uninstalled_at.is_(None)).order_by(Shop.id))
            shops = [(row.id, row.domain) for row in installed]
        else:
            shops = [(get_shop(session, domain).id, domain)]
    troubles = [] if stored else [trouble for shop in shops if (trouble := _read(*shop, anew=anew)) is not None]
    for trouble in troubles:
        click.echo(trouble, err=True)
    different, repeated, compared = [], [], 0
    for shop_id, _ in shops:
        with transaction(shop_id) as session:
            different += _list_different(session, shop_id)
            repeated += _list_repeated(session, shop_id)
            compared += _count_compared(session, shop_id)
    _show(("shop", "customer", "books", "Shopify", "drift", "since"), different)
    _show(("shop", "move", "customer", "amount", "transaction", "looks like transfer"), repeated)
    click.echo(
        f"{compared} accounts compared; {len(different)} differ; {len(repeated)} transactions look like a transfer "
        "carried out twice."
    )
    if different or repeated or troubles:
        sys.exit(1)


@click.command("repeated-transfer")
@click.argument("move_id", type=int)
@click.option("--shop", "domain", required=True, help="The shop's domain.")
@click.option("--reason", required=True, help="What was done about it.")
@sentences_for_absent_servers()
def repeated_transfer(move_id: int, domain: str, reason: str) -> None:
    """Say that somebody looked at a transaction that looks like a transfer carried out twice."""
    try:
        with transaction() as session:
            shop = get_shop(session, domain)
            account_statements.mark_repeat_seen(session, shop.id, move_id, ACTOR, reason, utcnow())
    except BoomerangError as error:
        raise click.ClickException(str(error)) from error


def _read(shop_id: int, domain: str, *, anew: bool) -> str | None:
    """Read a shop's accounts until none is due; return what stopped it."""
    if anew:
        with transaction(shop_id) as session:
            account_statements.ask_for_all(session, session.get_one(Shop, shop_id), utcnow())
    read = 0
    while True:
        report = statement.import_due(shop_id, books=account_statements, run_for=TURN)
        read += report.read
        if report.stopped_by is not None:
            return f"{domain}: the accounts could not all be read: {report.stopped_by}"
        if not (report.is_more or report.is_throttled):
            return None
        if sys.stderr.isatty():
            click.echo(f"{domain}: {read} accounts read", err=True)
        if report.is_throttled:
            Event().wait(WAIT_FOR_ALLOWANCE_SECONDS)


def _list_different(session: Session, shop_id: int) -> list[tuple[str, ...]]:
    rows = session.execute(
        select(CreditAccount, Customer.shopify_id, Shop.domain)
        .join(Customer, Customer.id == CreditAccount.customer_id)
        .join(Shop, Shop.id == CreditAccount.shop_id)
        .where(CreditAccount.shop_id == shop_id, CreditAccount.drift_minor != 0)
        .order_by(CreditAccount.id)
    )
    lines: list[tuple[str, ...]] = []
    for row, customer_id, domain in rows:
        held, differs = row.balance_minor or 0, row.drift_minor or 0
        books, shopify, drift_text = (_text(minor, row.currency) for minor in (held - differs, held, differs))
        since = "" if row.drift_since is None else f"{row.drift_since:%Y-%m-%d %H:%M} UTC"
        lines.append((domain, str(customer_id), books, shopify, drift_text, since))
    return lines


def _list_repeated(session: Session, shop_id: int) -> list[tuple[str, ...]]:
    rows = session.execute(
        select(CreditMoveRow, Customer.shopify_id, Shop.domain)
        .join(Customer, Customer.id == CreditMoveRow.customer_id)
        .join(Shop, Shop.id == CreditMoveRow.shop_id)
        .where(
            CreditMoveRow.shop_id == shop_id,
            CreditMoveRow.repeats_transfer_id.is_not(None),
            CreditMoveRow.repeat_seen_at.is_(None),
        )
        .order_by(CreditMoveRow.id)
    )
    return [
        (
            domain,
            str(row.id),
            str(customer_id),
            _text(row.amount_minor, row.currency),
            row.key,
            str(row.repeats_transfer_id),
        )
        for row, customer_id, domain in rows
    ]


def _count_compared(session: Session, shop_id: int) -> int:
    compared = select(func.count()).where(CreditAccount.shop_id == shop_id, CreditAccount.drift_minor.is_not(None))
    return session.scalar(compared) or 0


def _text(minor: int, currency: str) -> str:
    return f"{to_decimal_string(minor, currency)} {currency}"


def _show(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> None:
    """Print a table, its columns as wide as they must be."""
    if not lines:
        return
    widths = [max(len(cell) for cell in column) for column in zip(head, *lines, strict=True)]
    for line in (head, *lines):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    click.echo()
