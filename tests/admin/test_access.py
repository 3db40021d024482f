"""Who may do what: what each route asks for, that it is asked, and that every flow asks once more.

That nobody comes in without proof stands in ``test_guard.py``, that nobody reaches into another shop in
``tests/house/test_no_door_between_shops.py``.
"""

import ast
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app.admin.people import duty_of
from app.db import transaction
from app.engine.rules.roles import Duty, Role, may
from tests.admin.factories import Visitor, order, reward_of, tell
from tests.admin.test_guard import admin_rules
from tests.flows.builders import all_rows
from tests.house.sources import calls, python_files, tree
from tests.house.test_no_door_between_shops import FORM
from tests.people import hire

#: What is asked of whoever sends a form, and of the few pages that are more than a look.
ASKED = {
    Duty.LOOK: """
        POST /rules/try, POST /settings/language, POST /settings/mails/templates/approve/approve/preview""",
    Duty.DECIDE: """
        POST /activity/export, POST /calculations/export, POST /customers/export, POST /ledger/export,
        POST /orders/export, POST /statements/5/export, POST /tiers/log/export, POST /customers/5/look,
        POST /reviews/5/adjust, POST /reviews/5/approve, POST /reviews/5/hold, POST /reviews/5/reject,
        POST /reviews/5/release, POST /reviews/5/reopen, POST /reviews/5/undo, POST /reviews/decide/approve,
        POST /reviews/preview/approve, POST /reviews/undo""",
    Duty.MANAGE: """
        POST /accounts/read, POST /accounts/repeats/5/seen, POST /adjustments/5/agree, POST /adjustments/5/decline,
        POST /customers/5/adjust, POST /customers/5/forgive, POST /customers/5/tier, POST /customers/5/tier/end,
        POST /customers/tier, POST /deliveries/5/replay, POST /first-run/close, POST /first-run/mode,
        POST /first-run/step, POST /imports, POST /imports/cancel, POST /imports/pause, POST /imports/resume,
        POST /ledger/check,
        GET /orders/5/process, POST /orders/5/ask, POST /orders/5/process, POST /privacy/5/done, POST /privacy/5/file,
        POST /rules,
        POST /settings/began, POST /settings/business, POST /settings/connection, POST /settings/far-expiry,
        POST /settings/mode, POST /settings/pause, POST /settings/permissions, POST /settings/resume,
        POST /settings/undo, POST /settings/mails, POST /settings/mails/alerts, POST /settings/mails/secret,
        POST /settings/mails/templates/approve/approve, POST /settings/mails/templates/approve/approve/reset,
        POST /settings/mails/templates/approve/approve/test, POST /mails/tell, POST /mails/5/again,
        POST /mails/5/stop, POST /mails/5/allow, POST /customers/5/mails, POST /terms/5/call-off,
        POST /terms/text, POST /tiers, GET /tiers/edit, POST /tiers/edit,
        POST /tiers/preview, POST /tiers/recalculate, POST /transfers/5/decide, POST /transfers/5/retry""",
    Duty.OWN: "POST /settings/staff/5, POST /settings/staff/newcomers",
}
#: Public functions of the flows that take an actor and ask nothing of them, and why.
UNASKED = {
    "flows/terms.py publish_default": "whoever installs the app does it, before anybody has a role",
    "flows/exports.py note_export": "the door asked before the first row left, and what has left is noted in any case",
    "flows/review.py preview_totals": "it changes nothing, and counts only what the person may approve",
}
#: What asks, for its callers.
ASKERS = {"check_may", "check_may_approve", "open_decision"}


def asked() -> dict[str, Duty]:
    """Return what is asked, by method and path."""
    return {route.strip(): duty for duty, routes in ASKED.items() for route in routes.split(",")}


def path_of(rule: Rule) -> str:
    return re.sub(r"<\w+>", "approve", re.sub(r"<int:\w+>", "5", rule.rule))


def deeds(app: Flask) -> Iterator[tuple[str, str, object]]:
    """Yield the method, path and view of every form's route, and of pages that are more than a look."""
    for rule, method in admin_rules(app):
        view = app.view_functions[rule.endpoint]
        if method != "GET" or duty_of(view) is not Duty.LOOK:
            yield method, path_of(rule), view


def test_what_every_route_asks_for_is_written_down(app: Flask) -> None:
    assert {f"{method} {path}": duty_of(view) for method, path, view in deeds(app)} == asked()


def test_every_form_says_what_it_asks_for(app: Flask) -> None:
    for method, path, view in deeds(app):
        assert isinstance(getattr(view, "duty", None), Duty), f"{method} {path} has no @needs(Duty.…)"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER, Role.MANAGER])
def test_whoever_may_not_is_refused_and_changes_nothing(app: Flask, shop_id: int, role: Role) -> None:
    fact = order(1)
    tell(shop_id, fact)
    reward_id = reward_of(fact).id
    with transaction() as session:
        hire(session, shop_id, "50", role)
    visitor, before, refused = Visitor(app, staff="50"), all_rows(), 0
    for route, duty in asked().items():
        if may(role, duty):
            continue
        method, _, path = route.partition(" ")
        form = {**FORM, "seen_version": "1", "rewards": f"{reward_id}.1"}
        # Both with an id that nobody has, and with one of the shop's own.
        for address in {path, path.replace("/5", f"/{reward_id}")}:
            for htmx in (True, False):
                answer = visitor.post(address, form, htmx=htmx) if method == "POST" else visitor.fetch(address)
                assert answer.status_code == 403, (role, route, answer.status_code)
                refused += 1
    assert all_rows() == before
    assert refused >= 2 * len(ASKED[Duty.OWN].split(","))


@pytest.mark.parametrize("role", list(Role))
def test_whoever_may_is_not_refused_for_their_role(app: Flask, shop_id: int, role: Role) -> None:
    with transaction() as session:
        hire(session, shop_id, "50", role)
    for route, duty in asked().items():
        method, _, path = route.partition(" ")
        # Owners first take their own rights away with these, by what the form says.
        if may(role, duty) and method == "POST" and duty is not Duty.OWN:
            assert Visitor(app, staff="50").post(path).status_code != 403, (role, route)


def flow_functions() -> Iterator[tuple[str, ast.FunctionDef, bool]]:
    """Yield the name of every public function of a flow that takes an actor, and whether it asks for a duty.

    A function asks itself, or lets another one of its module ask.
    """
    for file in python_files("app/engine/flows"):
        functions = {node.name: node for node in tree(file).body if isinstance(node, ast.FunctionDef)}
        asking: set[str] = set()
        while found := {name for name, node in functions.items() if name not in asking and _asks(node, asking)}:
            asking |= found
        for name, node in functions.items():
            arguments = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
            if not name.startswith("_") and "actor" in arguments:
                yield f"flows/{file.rpartition('/')[2]} {name}", node, name in asking


def _asks(node: ast.FunctionDef, asking: set[str]) -> bool:
    names = {name for name, _ in calls(node)}
    return bool(names & (ASKERS | asking))


def test_every_flow_that_a_person_starts_asks_for_their_duty() -> None:
    silent = {name for name, _, asks in flow_functions() if not asks}
    assert silent == UNASKED.keys()
    assert len(list(flow_functions())) >= 45


def test_a_decision_is_not_opened_without_asking() -> None:
    (opening,) = (node for node in tree("app/engine/decisions.py").body if getattr(node, "name", "") == "open_decision")
    assert "check_may" in {name for name, _ in calls(opening)}


def test_a_flow_asks_before_it_reads_or_writes_anything_else() -> None:
    for name, node, asks in flow_functions():
        first = next(statement for statement in node.body if not _is_docstring(statement))
        if asks and any(called.startswith("check_may") for called, _ in calls(node)):
            assert any(called.startswith("check_may") for called, _ in calls(first)), name


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
