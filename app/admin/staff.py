"""The people who work with the app: who they are, and what each may."""

from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from app.admin import answers, bp
from app.admin.forms import FormError, load
from app.admin.people import needs
from app.admin.queries.staff import find_colleague, list_colleagues
from app.admin.settings_forms import newcomers_schema, role_schema
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import staff
from app.engine.rules.money import to_decimal_string
from app.engine.rules.roles import Duty, Role, may
from app.engine.seen import ChangedMeanwhile, mark
from app.errors import NotAllowed, NotFound, Refused
from app.languages import translate
from app.models import StaffMember

_LARGEST_ID = 2**63 - 1
#: What a role is called, and what it is for.
ROLE_WORDS = {
    Role.VIEWER: (lazy_gettext("Viewer"), lazy_gettext("Sees every page and changes nothing.")),
    Role.APPROVER: (
        lazy_gettext("Approver"),
        lazy_gettext("Decides about cashback, each time up to a limit if one is set."),
    ),
    Role.MANAGER: (lazy_gettext("Manager"), lazy_gettext("Decides without a limit, and runs the programme.")),
    Role.OWNER: (lazy_gettext("Owner"), lazy_gettext("Does everything, and says who may do what.")),
}
#: What is allowed by each duty, as the table of roles has it.
DUTY_WORDS = {
    Duty.LOOK: lazy_gettext("See every page"),
    Duty.DECIDE: lazy_gettext("Approve, reject, hold and adjust cashback"),
    Duty.MANAGE: lazy_gettext("Change the programme, give credit by hand, import, pause"),
    Duty.OWN: lazy_gettext("Say who may do what"),
}


@bp.get("/settings/staff")
def show_staff() -> ResponseReturnValue:
    """List everybody who has opened the app."""
    return _show_list()


@bp.post("/settings/staff/newcomers")
@needs(Duty.OWN)
def set_newcomers_role() -> ResponseReturnValue:
    """Say what people become who open the app for the first time."""
    try:
        form = load(newcomers_schema, request.form)
        with transaction() as session:
            staff.set_newcomers_role(session, g.shop.id, form["role"], g.actor, utcnow(), seen=form["seen"])
    except NotAllowed:
        raise
    except ChangedMeanwhile as error:
        return _show_list(409, error=translate(error))
    except (FormError, Refused) as error:
        return _show_list(422, error=translate(error))
    return _show_list(toast=_("Saved"))


@bp.get("/settings/staff/<int:member_id>")
def show_member(member_id: int) -> ResponseReturnValue:
    """Show one person with their role."""
    return _show_member(_get_member(member_id))


@bp.post("/settings/staff/<int:member_id>")
@needs(Duty.OWN)
def set_role(member_id: int) -> ResponseReturnValue:
    """Give a person a role, and an approver a limit."""
    member = _get_member(member_id)
    try:
        form = load(role_schema(g.shop.currency), request.form)
        _check_own(member, form)
        with transaction() as session:
            staff.set_role(
                session, g.shop.id, member.shopify_id, form["role"], form["limit"], g.actor, utcnow(), seen=form["seen"]
            )
    except NotAllowed:
        raise
    except ChangedMeanwhile as error:
        return _show_member(member, 409, error=translate(error))
    except FormError as error:
        return _show_member(member, 422, error=translate(error), wrong=error.errors)
    except Refused as error:
        return _show_member(member, 422, error=translate(error), wrong={})
    return _show_member(member, toast=_("Saved"))


def _get_member(member_id: int) -> StaffMember:
    member = find_colleague(db.session(), g.shop.id, member_id) if member_id <= _LARGEST_ID else None
    if member is None:
        raise NotFound("There is no such person in this shop; they appear once they have opened the app.")
    return member


def _check_own(member: StaffMember, form: dict[str, Any]) -> None:
    """Let nobody give up their own role as owner without having been told what that means."""
    if member.shopify_id == g.staff_id and form["role"] is not Role.OWNER and not form["confirmed"]:
        raise FormError({"confirmed": [_("This is your own role: say that you know what you give up.")]})


def _show_list(status: int = 200, *, toast: str | None = None, error: str | None = None) -> ResponseReturnValue:
    colleagues = list_colleagues(db.session(), g.shop.id)
    if not answers.wants_html():
        people = [_as_json(one.member) for one in colleagues]
        return answers.as_json({"error": error} if error else {"staff": people}, status)
    response = answers.show(
        "admin/staff.html",
        status,
        colleagues=colleagues,
        role_words=ROLE_WORDS,
        duties={words: [role for role in Role if may(role, duty)] for duty, words in DUTY_WORDS.items()},
        newcomers_seen=mark({"role": g.shop.newcomers_role}),
        error=error,
    )
    message = toast or error
    return answers.add_toast(response, message, is_error=error is not None) if message else response


def _show_member(
    member: StaffMember,
    status: int = 200,
    *,
    toast: str | None = None,
    error: str | None = None,
    wrong: dict[str, Any] | None = None,
) -> ResponseReturnValue:
    """Show a person; ``wrong`` says by field what cannot be taken of what was typed, and that it is to be kept."""
    if not answers.wants_html():
        return answers.as_json({"errors": wrong or error} if error else _as_json(member), status)
    is_kept = wrong is not None
    response = answers.show(
        "admin/staff_member.html",
        status,
        member=member,
        role_words=ROLE_WORDS,
        role=request.form.get("role", "") if is_kept else member.role.value,
        limit=request.form.get("limit", "") if is_kept else _limit_text(member),
        seen=request.form.get("seen", "") if is_kept else mark(staff.what_they_are(member)),
        errors={name: translate(said[0]) for name, said in (wrong or {}).items()},
        error=error if not wrong else None,
    )
    message = toast or error
    return answers.add_toast(response, message, is_error=error is not None) if message else response


def _limit_text(member: StaffMember) -> str:
    limit = member.approve_up_to_minor
    return "" if limit is None else to_decimal_string(limit, g.shop.currency)


def _as_json(member: StaffMember) -> dict[str, Any]:
    return {"id": member.id, "name": member.name, **staff.what_they_are(member)}
