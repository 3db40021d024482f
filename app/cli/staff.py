"""``flask staff``: see who may do what, and give roles where no owner can get at the admin any more."""

import click
from flask.cli import AppGroup

from app.cli.frame import ACTOR, get_shop, sentences_for_absent_servers
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import staff
from app.engine.rules.money import Money, MoneyError, to_minor
from app.engine.rules.roles import Role
from app.errors import BoomerangError
from app.models import StaffMember

staff_group = AppGroup("staff", help="List the people who work with the app, and give them roles.")
_of_shop = click.option("--shop", "domain", required=True, help="The shop's domain.")


@staff_group.command("list")
@_of_shop
@sentences_for_absent_servers()
def list_staff(domain: str) -> None:
    """List everybody who has opened the app, with the number they have in Shopify."""
    with transaction() as session:
        shop = get_shop(session, domain)
        lines = [_tell(row, shop.currency) for row in staff.list_staff(session, shop.id)]
    click.echo("\n".join(lines or ["Nobody has opened the app yet."]))


@staff_group.command("set-role")
@_of_shop
@click.option("--limit", help="The most an approver may approve, such as 50.00; without it there is no limit.")
@click.argument("person")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@sentences_for_absent_servers()
def set_role(domain: str, limit: str | None, person: str, role: str) -> None:
    """Give PERSON, by their number in Shopify, a ROLE."""
    try:
        with transaction() as session:
            shop = get_shop(session, domain)
            up_to_minor = None if limit is None else to_minor(limit, shop.currency)
            row = staff.set_role(session, shop.id, person, Role(role), up_to_minor, ACTOR, utcnow())
            told = _tell(row, shop.currency)
    except (BoomerangError, MoneyError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(told)


def _tell(row: StaffMember, currency: str) -> str:
    limit = "" if row.approve_up_to_minor is None else f", up to {Money(row.approve_up_to_minor, currency)}"
    email = f" <{row.email}>" if row.email else ""
    return f"{row.shopify_id}  {row.name or 'without a name'}{email}: {row.role}{limit}"
