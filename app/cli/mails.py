"""``flask mails``: see what was sent, send it again, take in what came back, and let addresses be written to again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import click
from flask.cli import AppGroup
from sqlalchemy import select

from app.cli.frame import ACTOR, get_shop, sentences_for_absent_servers
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import mails
from app.engine.rules.mailing import Bounce, address_key
from app.engine.rules.messages import MailState
from app.errors import BoomerangError
from app.mail import bounces
from app.models import Mail, MailStop
from app.queue import MAILS, enqueue_once

mails_group = AppGroup("mails", help="List mails, send them again, take in what came back, lift stops.")
_of_shop = click.option("--shop", "domain", required=True, help="The shop's domain.")
_mail = click.argument("mail_id", type=click.IntRange(1, 2**63 - 1))
MOST = 100
_CAME_OF_IT = {
    Bounce.STOPPED: "refused; its address gets no mails any more",
    Bounce.REFUSED: "refused; the address itself is not to blame, and goes on getting mails",
    Bounce.DELAYED: "late, and still on its way",
    Bounce.OLD_NEWS: "as it was: it is not one that is thought to have arrived",
}


@mails_group.command("list")
@_of_shop
@click.option("--state", type=click.Choice([state.value for state in MailState]), help="Only those in this state.")
@click.option("--to", "address", help="Only those to this address.")
@sentences_for_absent_servers()
def list_mails(domain: str, state: str | None, address: str | None) -> None:
    """List the newest mails: number, state, when it was made, to whom, its subject, and what went wrong."""
    with transaction() as session:
        which = [Mail.shop_id == get_shop(session, domain).id]
        which += [] if state is None else [Mail.state == MailState(state)]
        which += [] if address is None else [Mail.address_key == address_key(address)]
        rows = session.scalars(select(Mail).where(*which).order_by(Mail.id.desc()).limit(MOST))
        lines = [_tell(row) for row in rows]
    click.echo("\n".join(lines or ["There are no such mails."]))


@mails_group.command("show")
@_mail
@_of_shop
@sentences_for_absent_servers()
def show_mail(mail_id: int, domain: str) -> None:
    """Show mail MAIL_ID with its text."""
    with transaction() as session:
        shop_id = get_shop(session, domain).id
        row = session.scalars(select(Mail).where(Mail.shop_id == shop_id, Mail.id == mail_id)).one_or_none()
        if row is None:
            raise click.ClickException(f"This shop has no mail {mail_id}.")
        told = f"{_tell(row)}\n\n{row.text or 'Its words are kept no longer.'}"
    click.echo(told)


@mails_group.command("send-again")
@_mail
@_of_shop
@sentences_for_absent_servers()
def send_again(mail_id: int, domain: str) -> None:
    """Send mail MAIL_ID once more: a refused one, a kept one, or one of which nobody knows whether it arrived."""
    with _sentences(), transaction() as session:
        shop_id = get_shop(session, domain).id
        mails.send_again(session, shop_id, mail_id, ACTOR, utcnow())
    enqueue_once(MAILS, "send_mails", shop_id)
    click.echo(f"Mail {mail_id} is about to be sent again.")


@mails_group.command("stops")
@_of_shop
@sentences_for_absent_servers()
def list_stops(domain: str) -> None:
    """List the newest addresses that get no mails, or none of a kind, and why."""
    with transaction() as session:
        shop_id = get_shop(session, domain).id
        rows = session.scalars(
            select(MailStop).where(MailStop.shop_id == shop_id).order_by(MailStop.id.desc()).limit(MOST)
        )
        lines = [f"{row.address_key}  {row.saying or 'everything'}  {row.reason}  {row.at:%Y-%m-%d}" for row in rows]
    click.echo("\n".join(lines or ["Every address gets mails."]))


@mails_group.command("allow")
@click.argument("address")
@_of_shop
@sentences_for_absent_servers()
def allow(address: str, domain: str) -> None:
    """Let ADDRESS get mails again, whoever stopped them."""
    with transaction() as session:
        shop_id = get_shop(session, domain).id
        was_stopped = bool(mails.read_stops(session, shop_id, address))
        mails.allow_address(session, shop_id, address, ACTOR, utcnow())
    click.echo(f"{address} gets mails again." if was_stopped else f"Nothing kept mails from {address}.")


@mails_group.command("bounced")
@click.argument("report", type=click.File("rb"), default="-")
@click.option("--shop", "domain", help="Only mails of this shop; needed where the report does not return our mail.")
@sentences_for_absent_servers()
def bounced(report: BinaryIO, domain: str | None) -> None:
    """Take in a report of non-delivery, by default from the standard input, as a mail server pipes it in."""
    raw = report.read(bounces.MOST_BYTES + 1)
    shop_id = None
    if domain is not None:
        with transaction() as session:
            shop_id = get_shop(session, domain).id
    with _sentences():
        mail_id, bounce = bounces.take_report(raw, mails, shop_id, utcnow())
    click.echo(f"Mail {mail_id} is {_CAME_OF_IT[bounce]}.")


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except BoomerangError as error:
        raise click.ClickException(str(error)) from error


def _tell(row: Mail) -> str:
    why = f"  ({row.error})" if row.error else ""
    return f"{row.id}  {row.state}  {row.created_at:%Y-%m-%d %H:%M}  {row.address or '(removed)'}  {row.subject}{why}"
