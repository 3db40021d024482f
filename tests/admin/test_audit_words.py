"""Every action that the code writes into the audit trail has its words, and what changed is told without code."""

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest
from flask import g

from app.admin.audit_pairs import tell_changes
from app.admin.audit_words import ACTION_WORDS, NAME_WORDS
from app.db import db
from app.models import AuditEvent, Shop
from tests.admin.factories import Visitor

APP = Path(__file__).parents[2] / "app"
FILES = [(path, ast.parse(path.read_text())) for path in (APP / "engine").rglob("*.py")]
#: Methods of these names take no action; they are of other things.
OTHERS = {("wire.py", "close"), ("aim.py", "record"), ("account_statements.py", "close")}


def takers() -> dict[str, set[int]]:
    """Return the functions with a parameter ``action``, and at which place of a call it stands."""
    found: dict[str, set[int]] = {}
    for _, tree in FILES:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                names = [one.arg for one in node.args.args]
                if "action" in names:
                    place = names.index("action") - (names[0] == "self")
                    found.setdefault(node.name, set()).add(place)
    return found


def literals(node: ast.AST) -> set[str]:
    """Return the names of actions that an argument may be."""
    texts = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return {text for text in texts if text.replace("_", "").isalpha()}


def written_actions() -> set[str]:
    places = takers()
    actions: set[str] = set()
    for path, tree in FILES:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if (path.name, name) in OTHERS:
                continue
            for place in places.get(name, ()):
                if place < len(node.args) and isinstance(node.args[place], ast.Constant | ast.IfExp):
                    actions |= literals(node.args[place])
    return actions


def exported_lists() -> set[str]:
    """Return what lists are exported, by the first argument of ``export_csv``."""
    found: set[str] = set()
    for path in (APP / "admin").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "export_csv":
                found |= literals(node.args[0])
    return found


def test_every_action_of_the_code_has_words() -> None:
    actions = written_actions()
    assert {"approve", "set_mode", "pause", "find_drift", "end_drift", "assign_tier"} <= actions, "The search is blind."
    assert actions - ACTION_WORDS.keys() == set(), "Say these in app/admin/audit_words.py."


def test_every_exported_list_has_words() -> None:
    lists = exported_lists()
    assert {"ledger", "activity"} <= lists
    assert {f"export_{name}" for name in lists} - ACTION_WORDS.keys() == set()


def event(action: str, before: Mapping[str, object], after: Mapping[str, object]) -> AuditEvent:
    return AuditEvent(
        action=action, before=dict(before), after=dict(after), actor="system", subject="shop", subject_id=1
    )


@pytest.mark.parametrize(
    ("action", "before", "after", "told"),
    [
        ("set_mode", {"mode": "manual"}, {"mode": "automatic", "released": 0}, "Mode: Manual → Automatic"),
        ("set_mode", {"mode": "manual"}, {"mode": "automatic", "released": 3}, "Released from the queue: 3"),
        ("adjust", {"state": "held", "amount_minor": 100}, {"state": "held", "amount_minor": 250}, "$1.00 → $2.50"),
        ("hold", {"state": "in_review"}, {"state": "held", "hold_reason": "by_staff"}, "Held because: by hand"),
        ("set_role", {"role": "viewer"}, {"role": "owner", "person": "staff:42"}, "Person: Sam 42 Staff"),
        ("pause", {"paused": False}, {"paused": True}, "Paused: no → yes"),
        ("end_tier_assignment", {"given": [{"tier": "owner", "ends_at": None, "is_locked": True}]}, {"given": []},
         "Given: Tier: owner; Locked: yes → nothing"),
        ("change_scopes", {"scopes": ["a"]}, {"scopes": ["a", "b<"]}, "Permissions: a → a, b&lt;"),
        ("set_began", {"began_at": None}, {"began_at": "2026-01-01T00:00:00+00:00"}, "Began: nothing → <time"),
        ("set_began", {"began_at": None}, {"began_at": "some day"}, "Began: nothing → some day"),
        ("publish_terms", {"version": 3}, {"version": 4, "currency": "USD"}, "Version: 3 → 4"),
        ("publish_terms", {"version": None}, {"version": 1}, "Version: 1"),
        ("set_business_figures", {}, {"margin_bps": 4250}, "Margin: 42.5 %"),
        ("save_mail_template", {}, {"name": "tier_changed", "language": "de"}, "Name: Another tier was reached"),
        ("set_mails", {"switched_off": []}, {"switched_off": ["expiring"]}, "nothing → Credit ends soon"),
        ("new_in_later_versions", {}, {"colour": "blue"}, "colour: blue"),
    ],
)  # fmt: skip
def test_before_and_after_are_told_in_words(
    visitor: Visitor, action: str, before: dict[str, object], after: dict[str, object], told: str
) -> None:
    with visitor.client.application.test_request_context():
        g.shop = db.session.query(Shop).one()
        changes = tell_changes(event(action, before, after), "USD")
        lines = [f"{one.name}: {'' if one.before is None else f'{one.before} → '}{one.after}" for one in changes]
    assert any(told in line for line in lines), lines
    assert not any("_minor" in line or "USD" in line for line in lines)


def test_what_stayed_as_it_was_is_not_told(visitor: Visitor) -> None:
    same = {"state": "held", "hold_reason": None}
    with visitor.client.application.test_request_context():
        assert tell_changes(event("adjust", same, {"state": "held"}), "USD") == []


def test_the_names_that_dictionaries_of_the_engine_hold_have_words() -> None:
    names: set[str] = set()
    for _, tree in FILES:
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg in ("before", "after") and isinstance(node.value, ast.Dict):
                names |= {str(key.value) for key in node.value.keys if isinstance(key, ast.Constant)}
    assert {"state", "mode", "drift_minor"} <= names, "The search is blind."
    assert names - NAME_WORDS.keys() - {"customer_id", "move"} == set(), "Say these in app/admin/audit_words.py."
