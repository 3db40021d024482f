"""Nobody gets from one shop into another: every address and every command is tried with the other shop's ids.

The routes and commands are found by asking the app, so a new one is tried, too; one with an id whose kind is not
known here fails until it is listed. Each attempt is made twice: as the app runs, and with a user of the database whom
row-level security does not hold back, so that the conditions of our own queries are seen to be enough.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import click
import psycopg
import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import make_url
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app import create_app
from app.clock import utcnow
from app.config import Settings
from app.db import db, is_exempt, transaction
from app.engine.flows import review, terms
from app.engine.rules.facts import CustomerFact
from app.models import Shop, ShopToken
from tests.admin.factories import BIG, DOMAIN, OTHER, Visitor, make_shop, order, reward_of, tell
from tests.house.two_shops import fill, id_in, snapshot

#: Whose number a part of an address is.
ROUTE_IDS = {
    "reward_id": ("rewards", "id"),
    "transfer_id": ("transfers", "id"),
    "shopify_id": ("orders", "shopify_id"),
    "number": ("terms_versions", "version"),
    "delivery_id": ("inbox", "id"),
    "request_id": ("privacy_requests", "id"),
    "statement_id": ("statements", "id"),
    "adjustment_id": ("adjustments", "id"),
    "customer_id": ("customers", "id"),
    "member_id": ("staff_members", "id"),
    "import_id": ("history_imports", "id"),
    "move_id": ("credit_moves", "id"),
    "mail_id": ("mails", "id"),
}
#: Parts of an address that are no numbers, with one they may be.
ROUTE_WORDS = {"verb": "approve", "template": "earned", "language": "de"}
#: Whose number an argument or option of a command is; by the command where its name says too little.
COMMAND_IDS = {
    "inspect order shopify_id": ("orders", "shopify_id"),
    "inspect customer shopify_id": ("customers", "shopify_id"),
    "statement number": ("statements", "id"),
    "move_id": ("credit_moves", "id"),
    "customer": ("customers", "shopify_id"),
    "customers": ("customers", "shopify_id"),
    "adjustment": ("adjustments", "id"),
    "delivery": ("inbox", "id"),
    "seen": ("terms_versions", "version"),
    "mail_id": ("mails", "id"),
}
#: Numbers that are no ids.
COUNTS = {"reconcile_minutes", "keep_deliveries_days", "undo_seconds"}
#: Commands of the installation, which are about no shop.
OF_NO_SHOP = {"work", "clock"}
#: What commands need that is no id: texts they would refuse otherwise, before they have looked at anything.
WORDS = {"amount": "1.00", "older": "1", "newer": "1", "file": "TERMS", "tier": "Gold"}
#: Addresses that answer 404 to their own people, too, with what is made up here.
LEADS_NOWHERE_YET = ("/file", "/seen")  # no file was made for the person's request, and no transfer was made twice
FORM = {"reason": "Because.", "arrived": "true", "transaction_id": "1", "agreed": "true", "mode": "automatic"}
FORM |= {"waiting": "release", "reconcile_minutes": "20", "keep_deliveries_days": "20", "body": "{}", "text": "{}"}


@dataclass(frozen=True)
class World:
    """Anton's shop, in which we are, and Bertha's, into which we try to look."""

    app: Flask
    anton: Visitor
    bertha: Visitor
    bertha_id: int
    superuser: "psycopg.Connection[Any]"

    def rows(self) -> dict[str, list[str]]:
        """Return all that is Bertha's."""
        return snapshot(self.superuser, self.bertha_id)

    def id_of(self, kind: tuple[str, str]) -> int:
        """Return a number of Bertha's."""
        return id_in(self.superuser, kind[0], self.bertha_id, kind[1])


@pytest.fixture(params=["both walls", "the first wall alone"])
def world(
    request: pytest.FixtureRequest,
    settings: Settings,
    server_urls: tuple[str, str],
    redis_client: "Redis",
    admin_connection: "psycopg.Connection[Any]",
) -> Iterator[World]:
    """Have two shops with a reward, a transfer and much else each."""
    if request.param == "the first wall alone":
        database = make_url(settings.database_url).database
        everything = make_url(server_urls[0]).set(database=database).render_as_string(hide_password=False)
        settings = replace(settings, database_url=everything)
    app = create_app(settings)
    app.config["TESTING"] = True
    with app.app_context():
        with transaction() as session:
            assert is_exempt(session) == (request.param != "both walls")
        for number, (domain, name) in enumerate(((DOMAIN, "Anton"), (OTHER, "Bertha")), start=1):
            shop_id = make_shop(domain)
            _give_token(app, shop_id)
            person = CustomerFact(BIG + number, f"{name}@example.com".lower(), f"{name} Example")
            # Two orders: one whose cashback was sent, and then one that waits for a decision.
            facts = [order(10 * number + n, customer=person, name=f"#{name}{n}") for n in (1, 2)]
            tell(shop_id, *facts)
            sent = reward_of(facts[0])
            with transaction() as session:
                review.approve(session, shop_id, sent.id, sent.version, "staff:1", utcnow())
                if name == "Bertha":
                    current = terms.get_current(session, shop_id, utcnow())
                    terms.publish(session, shop_id, replace(current, minimum_order_minor=5), "Bertha", utcnow())
        fill(admin_connection, shop_id, "Bertha")
        db.session.remove()
        yield World(app, Visitor(app), Visitor(app, OTHER), shop_id, admin_connection)
        db.session.remove()
        db.engine.dispose()


def _give_token(app: Flask, shop_id: int) -> None:
    with transaction() as session:
        session.get_one(ShopToken, shop_id).access_token = app.extensions["vault"].encrypt("a-made-up-token")


def attempts(world: World) -> list[tuple[str, str, bool]]:
    """Return each method and address of the admin, filled with Bertha's ids, and whether there are any in it."""
    found = []
    for rule in world.app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] == "admin":
            path = _path(world, rule)
            has_ids = bool(rule.arguments - ROUTE_WORDS.keys())
            found += [(method, path, has_ids) for method in {"GET", "POST"} & (rule.methods or set())]
    return sorted(found)


def _path(world: World, rule: Rule) -> str:
    def number(match: "re.Match[str]") -> str:
        name = match[1].rpartition(":")[2]
        if name in ROUTE_WORDS:
            return ROUTE_WORDS[name]
        assert name in ROUTE_IDS, f"{rule}: say in ROUTE_IDS what a {name} is"
        return str(world.id_of(ROUTE_IDS[name]))

    return re.sub(r"<([^>]+)>", number, rule.rule)


def ask(world: World, visitor: Visitor, method: str, path: str) -> TestResponse:
    """Make a request, with all that a form of ours may ask for."""
    if method == "GET":
        return visitor.fetch(path, search="example", after="0", start="2")
    return visitor.post(path, {**FORM, "seen_version": str(world.id_of(("rewards", "version")))})


def test_no_address_leads_into_another_shop(world: World) -> None:
    before, tried = world.rows(), attempts(world)
    for method, path, has_ids in tried:
        answer = ask(world, world.anton, method, path)
        assert "bertha" not in answer.text.lower(), (method, path)
        if has_ids:
            assert answer.status_code == 404, (method, path, answer.status_code)
        assert world.rows() == before, (method, path)
    assert sum(has_ids for _, _, has_ids in tried) >= 8


def test_the_same_addresses_lead_their_own_people_somewhere(world: World) -> None:
    for method, path, has_ids in attempts(world):
        if has_ids and not path.endswith(LEADS_NOWHERE_YET):
            answer = ask(world, world.bertha, method, path)
            assert answer.status_code in (200, 303, 409, 422), (method, path, answer.status_code)
    assert "bertha" in ask(world, world.bertha, "GET", "/orders").text.lower()


def commands(app: Flask) -> dict[str, click.Command]:
    """Return the app's own commands by what one types."""
    found: dict[str, click.Command] = {}

    def walk(command: click.Command, words: tuple[str, ...]) -> None:
        if isinstance(command, click.Group):
            for name, inner in command.commands.items():
                walk(inner, (*words, name))
        elif (command.callback or walk).__module__.startswith("app."):
            found[" ".join(words)] = command

    walk(app.cli, ())
    return found


def test_every_command_is_about_a_shop_that_can_be_named_or_about_none(app: Flask) -> None:
    named = {name for name, command in commands(app).items() if any("--shop" in p.opts for p in command.params)}
    assert commands(app).keys() - named == OF_NO_SHOP
    assert len(named) >= 15


def _typed(world: World, name: str, command: click.Command, terms_file: str) -> list[str]:
    """Return what follows the command's name: Anton's shop, and Bertha's ids."""
    words = ["--shop", DOMAIN]
    for parameter in command.params:
        which = parameter.name or ""
        kind = COMMAND_IDS.get(f"{name} {which}", COMMAND_IDS.get(which))
        if "--shop" in parameter.opts or which in COUNTS or (not parameter.required and kind is None):
            is_number = isinstance(parameter.type, click.types.IntParamType | click.IntRange)
            assert not is_number or which in COUNTS, f"{name}: say in COMMAND_IDS what {which} is"
            continue
        if kind is not None:
            value = str(world.id_of(kind))
        elif isinstance(parameter.type, click.Choice):
            value = str(parameter.type.choices[0])
        else:
            value = WORDS.get(which, "Because.").replace("TERMS", terms_file)
        words += [value] if isinstance(parameter, click.Argument) else [parameter.opts[0], value]
    return words


def test_no_command_about_a_shop_shows_or_changes_another(world: World, tmp_path: Any) -> None:
    shell = world.app.test_cli_runner()
    terms_file = tmp_path / "terms.json"
    terms_file.write_text(shell.invoke(args=["terms", "show", "--shop", DOMAIN]).output)
    before = world.rows()
    for name, command in commands(world.app).items():
        if name not in OF_NO_SHOP:
            words = [*name.split(), *_typed(world, name, command, str(terms_file))]
            told = shell.invoke(args=words)
            assert "Usage:" not in told.output, (words, told.output)
            assert told.exception is None or isinstance(told.exception, SystemExit), (words, told.exception)
            assert "bertha" not in told.output.lower(), words
            assert world.rows() == before, words
    with transaction() as session:
        assert session.get_one(Shop, world.bertha_id).domain == OTHER
