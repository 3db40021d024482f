"""``flask terms``: a shop's terms as a document; show, check, publish, compare and list them."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec
from zoneinfo import ZoneInfo

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from app.cli.frame import ACTOR, get_shop, sentences_for_absent_servers
from app.clock import utcnow
from app.db import transaction
from app.engine.flows import terms
from app.engine.rules.terms import Terms
from app.engine.rules.terms_diff import diff_terms
from app.errors import BoomerangError
from app.models import Shop
from app.terms_document import BadDocument, flatten, load, nest, read, write

P = ParamSpec("P")
_NUMBER = re.compile(r"[0-9]{1,18}")
_STATES = {"in_force": "in force", "scheduled": "scheduled", "past": "past", "replaced": "replaced, never in force"}

terms_group = AppGroup("terms", help="Show, check, publish and compare a shop's terms as a document.")


def parse_moment(text: str) -> datetime:
    """Return an instant written in ISO 8601 with its time zone; end the command with a sentence for others."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no moment; write it like 2027-01-01T00:00+01:00.") from error
    if at.tzinfo is None:
        raise click.BadParameter(f"{text} has no time zone; write it like 2027-01-01T00:00+01:00.")
    return at


def _command(name: str) -> Callable[[Callable[Concatenate[Session, Shop, P], None]], click.Command]:
    """Make a command of the group out of a function of a session and the shop that ``--shop`` names."""

    def decorate(function: Callable[Concatenate[Session, Shop, P], None]) -> click.Command:
        @wraps(function)
        def run(shop: str, *args: P.args, **kwargs: P.kwargs) -> None:
            with sentences_for_absent_servers(), _refusals_as_errors(), transaction() as session:
                function(session, get_shop(session, shop), *args, **kwargs)

        option = click.option("--shop", required=True, help="The shop's domain.")
        command: click.Command = terms_group.command(name)(option(run))
        return command

    return decorate


@_command("show")
@click.option(
    "--at",
    type=parse_moment,
    metavar="MOMENT",
    help="In force at this moment, such as 2027-01-01T00:00+01:00; now if left out.",
)
def show(session: Session, shop: Shop, at: datetime | None) -> None:
    """Write the terms in force as a document that `publish` takes."""
    found = terms.get_current(session, shop.id, at or utcnow())
    click.echo(f"Version {found.version}.", err=True)
    click.echo(write(found), nl=False)


@_command("check")
@click.argument("file")
def check(session: Session, shop: Shop, file: str) -> None:
    """Say what is wrong with the terms in FILE (- for standard input), and change nothing."""
    wanted = _read_file(file, shop)
    terms.check(session, shop, wanted, utcnow())
    click.echo("These terms may be published.")


@_command("publish")
@click.argument("file")
@click.option(
    "--from",
    "begins",
    type=parse_moment,
    metavar="MOMENT",
    help="In force from this moment on, such as 2027-01-01T00:00+01:00; at once if left out.",
)
@click.option("--seen", type=int, help="The newest version you looked at; refused where there is a newer one by now.")
def publish(session: Session, shop: Shop, file: str, begins: datetime | None, seen: int | None) -> None:
    """Publish the terms in FILE (- for standard input) as the next version."""
    wanted, now = _read_file(file, shop), utcnow()
    before = terms.find_newest(session, shop.id)
    published = terms.publish(session, shop.id, wanted, ACTOR, now, begins, seen_version=seen)
    if published.version <= before:
        click.echo(f"Nothing to publish: version {published.version} says the same.")
    else:
        zone = ZoneInfo(shop.timezone)
        click.echo(f"Published as version {published.version}, from {_told(begins or now, zone)}.")


@_command("diff")
@click.argument("older")
@click.argument("newer")
def diff(session: Session, shop: Shop, older: str, newer: str) -> None:
    """Say what changes from OLDER to NEWER; each is the number of a version, or a file."""
    one, other = (_find(session, shop, name) for name in (older, newer))
    changes = diff_terms(one, other, ZoneInfo(shop.timezone))
    for change in changes:
        click.echo(change.sentence)
    if not changes:
        click.echo("Nothing changes.")


@_command("list")
def list_all(session: Session, shop: Shop) -> None:
    """List all versions, newest first."""
    zone = ZoneInfo(shop.timezone)
    for version in terms.list_versions(session, shop.id, utcnow()):
        by = f"published {_told(version.published_at, zone)} by {version.published_by}"
        click.echo(f"{version.number}  from {_told(version.effective_from, zone)}  {_STATES[version.state]}  {by}")


@contextmanager
def _refusals_as_errors() -> Iterator[None]:
    """End the command with the sentences of what was refused, one a line."""
    try:
        yield
    except BadDocument as error:
        raise click.ClickException("\n".join(_lines(error.errors))) from error
    except terms.BadTerms as error:
        raise click.ClickException("\n".join(_lines(nest(error.problems)))) from error
    except BoomerangError as error:
        raise click.ClickException(str(error)) from error


def _lines(errors: Any) -> list[str]:
    return [f"{where}: {sentence}" if where else sentence for where, sentence in flatten(errors)]


def _find(session: Session, shop: Shop, name: str) -> Terms:
    return terms.get_version(session, shop.id, int(name)) if _NUMBER.fullmatch(name) else _read_file(name, shop)


def _read_file(name: str, shop: Shop) -> Terms:
    try:
        text = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise click.ClickException(f"{name} cannot be read: {error.strerror}.") from error
    return load(read(text), shop.currency)


def _told(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"
