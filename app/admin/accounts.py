"""Store-credit accounts in Shopify against the books: what differs, what was found, and what waits for a person."""

from flask import Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import answers, bp
from app.admin.filters import asked_choice, asked_id, asked_text, asked_window, link, links
from app.admin.people import needs
from app.admin.queries.account_lists import find_import, list_accounts, list_doubts, list_moves, list_repeats
from app.admin.queries.keyset import LARGEST_ID
from app.clock import utcnow
from app.db import db, transaction
from app.engine.decisions import checked_reason
from app.engine.flows import account_statements
from app.engine.rules.facts import MoveKind
from app.engine.rules.roles import Duty
from app.errors import NotFound, Refused
from app.languages import translate
from app.queue import CHORES, enqueue_once
from app.status.accounts import find_accounts

_PATH, _CHANGES = "/accounts", "/accounts/changes"


@bp.get("/accounts")
def accounts() -> ResponseReturnValue:
    """Show what is known about the accounts; those that differ, unless all are asked for."""
    return _render()


@bp.get("/accounts/changes")
def account_changes() -> ResponseReturnValue:
    """Show what was found on accounts besides our own transfers."""
    kind = asked_choice("kind", MoveKind)
    page = list_moves(db.session(), g.shop.id, kind, asked_window())
    chosen = {"kind": str(kind or "")}
    return render_template("admin/account_changes.html", page=page, chosen=chosen, **links(_CHANGES, chosen, page))


@bp.post("/accounts/read")
@needs(Duty.MANAGE)
def read_accounts() -> ResponseReturnValue:
    """Have all accounts read again now."""
    with transaction() as session:
        account_statements.look_at_all(session, g.shop.id, g.actor, utcnow())
    enqueue_once(CHORES, "import_statements", g.shop.id)
    return _answer(200, _("All accounts are read again now; that may take some minutes."))


@bp.post("/accounts/repeats/<int:move_id>/seen")
@needs(Duty.MANAGE)
def see_repeat(move_id: int) -> ResponseReturnValue:
    """Note that a person looked at what seems to be a transfer carried out twice, and what they did about it."""
    if move_id > LARGEST_ID:
        raise NotFound("There is no such move in this shop that looks like one of its transfers a second time.")
    try:
        reason = checked_reason(request.form.get("reason", ""))
    except Refused as error:
        return _answer(422, translate(error), move_id=move_id)
    with transaction() as session:
        account_statements.mark_repeat_seen(session, g.shop.id, move_id, g.actor, reason, utcnow())
    return _answer(200, _("Noted: somebody looked at it."))


def _answer(status: int, message: str, *, move_id: int = 0) -> Response:
    is_error = status >= 400
    if not answers.wants_html():
        return answers.as_json({"error": message} if is_error else {"done": message}, status)
    response = make_response(_render(message if is_error else "", move_id), status)
    return answers.add_toast(response, message, is_error=is_error)


def _render(problem: str = "", move_id: int = 0) -> str:
    session, shop = db.session(), g.shop
    found = find_accounts(session, shop)
    everybody = asked_text("show") == "all"
    page = list_accounts(session, shop, differing=not everybody, before=asked_id("before"), after=asked_id("after"))
    chosen = {"show": "all" if everybody else ""}
    return render_template(
        "admin/accounts.html",
        found=found,
        reading=find_import(session, shop.id),
        doubts=list_doubts(session, shop.id),
        repeats=list_repeats(session, shop.id),
        page=page,
        everybody=everybody,
        problem=problem,
        at_fault=move_id,
        typed=request.form.get("reason", ""),
        now=utcnow(),
        newer=page.newer and link(_PATH, chosen, before=page.newer),
        older=page.older and link(_PATH, chosen, after=page.older),
    )
