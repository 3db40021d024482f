"""``flask staff``: who may do what, and a way back where no owner is left at the desk."""

from app.db import transaction
from app.engine.rules.roles import Role
from app.engine.staffing import find_member
from tests.cli.conftest import Shell
from tests.flows.builders import Till
from tests.people import hire

DOMAIN = "made-up.myshopify.com"


def test_everybody_is_listed_with_number_role_and_limit(shell: Shell, shop: Till) -> None:
    with transaction() as session:
        hire(session, shop.id, "50", Role.APPROVER, 500)
    told = shell("staff", "list", "--shop", DOMAIN)
    assert "50  Sam 50 Staff <staff50@example.com>: approver, up to 5.00 USD" in told.output
    assert "42  Sam 42 Staff <staff42@example.com>: owner\n" in told.output


def test_a_role_is_given_from_the_command_line(shell: Shell, shop: Till) -> None:
    with transaction() as session:
        hire(session, shop.id, "50", Role.VIEWER)
    for _ in range(2):
        told = shell("staff", "set-role", "--shop", DOMAIN, "--limit", "7.50", "50", "approver")
        assert (told.exit_code, "approver, up to 7.50 USD" in told.output) == (0, True)
    assert shell("staff", "set-role", "--shop", DOMAIN, "50", "owner").exit_code == 0
    with transaction() as session:
        row = find_member(session, shop.id, "50")
        assert row is not None
        assert (row.role, row.approve_up_to_minor) == (Role.OWNER, None)


def test_what_cannot_be_done_is_said_in_a_sentence(shell: Shell, shop: Till) -> None:
    for words, sentence in (
        (("51", "owner"), "There is no such person here"),
        (("--limit", "much", "42", "approver"), "Error:"),
        (("--limit", "-1", "42", "approver"), "0 or more"),
    ):
        told = shell("staff", "set-role", "--shop", DOMAIN, *words)
        assert (told.exit_code, sentence in told.output) == (1, True), told.output
    for person in ("1", "7", "8", "9", "43"):
        shell("staff", "set-role", "--shop", DOMAIN, person, "viewer")
    told = shell("staff", "set-role", "--shop", DOMAIN, "42", "viewer")
    assert "Somebody must be the owner" in told.output
