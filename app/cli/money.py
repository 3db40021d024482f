"""``flask adjust``: credit and debit by hand. ``flask statement``: what one customer earned, spent and has."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import click
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.cli.frame import ACTOR, get_shop, sentences_for_absent_servers
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import adjust, statements
from app.engine.rules.money import Money, MoneyError, to_minor
from app.engine.rules.statements import Amounts
from app.engine.rules.states import TransferKind
from app.errors import BoomerangError
from app.models import Adjustment, Customer, ReasonCode, Shop

adjust_group = AppGroup("adjust", help="Give or take credit by hand, agree to it, forgive what is owed.")
_of_shop = click.option("--shop", "domain", required=True, help="The shop's domain.")
_by = click.option("--by", required=True, help="Who decides; a second person is somebody else.")
_reason = click.option("--reason", required=True, help="Why; it is kept and shown.")
_customer = click.argument("customer", type=click.IntRange(1, 2**63 - 1))
_adjustment = click.argument("adjustment", type=click.IntRange(1, 2**63 - 1))


@adjust_group.command("propose")
@_customer
@click.argument("kind", type=click.Choice([kind.value for kind in TransferKind]))
@click.argument("amount")
@_of_shop
@_by
@click.option("--reason", "reason_code", type=click.Choice([code.value for code in ReasonCode]), required=True)
@click.option("--note", default="", help="In your own words; kept and shown to staff.")
@click.option("--key", help="A name for it: the same key again does nothing a second time.")
def propose(
    customer: int, kind: str, amount: str, domain: str, by: str, reason_code: str, note: str, key: str | None
) -> None:
    """Give a CUSTOMER (Shopify's id) credit, or take it (debit): an AMOUNT such as 12.34."""
    with _at_the_terminal(domain) as (session, shop):
        adjustment = adjust.propose(
            session,
            shop.id,
            _id_of(session, shop, customer),
            TransferKind(kind),
            to_minor(amount, shop.currency),
            ReasonCode(reason_code),
            note,
            _actor(by),
            utcnow(),
            key or uuid4().hex,
        )
        _show(adjustment)


@adjust_group.command("agree")
@_adjustment
@_of_shop
@_by
def agree(adjustment: int, domain: str, by: str) -> None:
    """Agree to an ADJUSTMENT (its number) that somebody else proposed."""
    with _at_the_terminal(domain) as (session, shop):
        _show(adjust.agree(session, shop.id, adjustment, _actor(by), utcnow()))


@adjust_group.command("decline")
@_adjustment
@_of_shop
@_by
@_reason
def decline(adjustment: int, domain: str, by: str, reason: str) -> None:
    """Decline an ADJUSTMENT (its number) that waits for a second person."""
    with _at_the_terminal(domain) as (session, shop):
        _show(adjust.decline(session, shop.id, adjustment, _actor(by), utcnow(), reason))


@adjust_group.command("forgive")
@_customer
@_of_shop
@_by
@_reason
def forgive(customer: int, domain: str, by: str, reason: str) -> None:
    """Ask no more for what a CUSTOMER (Shopify's id) owes."""
    with _at_the_terminal(domain) as (session, shop):
        minor = adjust.forgive_owed(session, shop.id, _id_of(session, shop, customer), reason, _actor(by), utcnow())
        click.echo(f"{Money(minor, shop.currency)} is not owed any more.")


@click.command("statement")
@_customer
@_of_shop
@click.option("--number", type=click.IntRange(1, 2**63 - 1), help="Which statement; without it the newest.")
def statement(customer: int, domain: str, number: int | None) -> None:
    """Show a statement of a CUSTOMER (Shopify's id), and which others there are."""
    with _at_the_terminal(domain) as (session, shop):
        known = statements.list_statements(session, shop.id, _id_of(session, shop, customer))
        if not known:
            raise click.ClickException("Nothing was booked for this customer yet, so there is no statement.")
        if number is not None and number not in {row.id for row in known}:
            raise click.ClickException(f"This customer has no statement {number}.")
        read = statements.read_statement(session, shop.id, number or known[0].id)
        click.echo(f"Statement {read.statement_id}: from {read.starts_at.isoformat()} to {read.ends_at.isoformat()}")
        click.echo(_line("", ("pending", "available", "owed")))
        click.echo(_line("opening", _texts(read.figures.opening, read.currency)))
        for line, amounts in read.figures.lines.items():
            click.echo(_line(line, _texts(amounts, read.currency)))
        click.echo(_line("closing", _texts(read.figures.closing, read.currency)))
        for reward in read.rewards:
            kept = Money(reward.granted_minor - reward.reversed_minor, read.currency)
            click.echo(f"Order {reward.order_name}: reward {reward.reward_id}, {reward.state}, {kept}")
        click.echo(f"Statements of this customer: {', '.join(str(row.id) for row in known)}")


@contextmanager
def _at_the_terminal(domain: str) -> Iterator[tuple[Session, Shop]]:
    """Open a transaction for a shop; what is refused becomes a sentence."""
    try:
        with sentences_for_absent_servers(), transaction() as session:
            yield session, get_shop(session, domain)
    except (BoomerangError, MoneyError) as error:
        raise click.ClickException(str(error)) from error


def _id_of(session: Session, shop: Shop, shopify_id: int) -> int:
    which = (Customer.shop_id == shop.id, Customer.shopify_id == shopify_id)
    customer_id = session.scalar(select(Customer.id).where(*which))
    if customer_id is None:
        raise click.ClickException(f"{shop.domain} knows no customer {shopify_id}.")
    return customer_id


def _actor(name: str) -> str:
    return f"{ACTOR}:{name}"


def _show(adjustment: Adjustment) -> None:
    amount = Money(adjustment.amount_minor, adjustment.currency)
    click.echo(f"Adjustment {adjustment.id}: {adjustment.kind} of {amount}, {adjustment.state}.")


def _texts(amounts: Amounts, currency: str) -> tuple[str, str, str]:
    minors = (amounts.pending_minor, amounts.available_minor, amounts.owed_minor)
    pending, available, owed = (str(Money(minor, currency)) for minor in minors)
    return pending, available, owed


def _line(name: str, cells: tuple[str, str, str]) -> str:
    return f"{name:<14}" + "".join(f"{cell:>16}" for cell in cells)
