"""What people do for a customer: credit by hand, agreeing to it, forgiving, a tier, a look at the account."""

from collections.abc import Callable
from typing import Any

from flask import g, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import Schema
from sqlalchemy.orm import Session

from app.admin import answers, bp
from app.admin.customer_forms import ByHand, GivenTier, by_hand_schema, reason_schema, sentences, tier_schema
from app.admin.customer_page import Said, check_known, render_customer
from app.admin.display import format_money
from app.admin.forms import FormError, load
from app.admin.people import needs
from app.admin.queries.adjustments import find_customer_of
from app.admin.queries.keyset import LARGEST_ID
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import account_statements, adjust, tiers
from app.engine.rules.roles import Duty
from app.engine.rules.states import TransferKind
from app.errors import NotAllowed, NotFound, Refused
from app.languages import translate
from app.models import AdjustmentState
from app.queue import CHORES, TRANSFERS, enqueue_once

#: Carries a form's deed out in a transaction and returns what to say.
Deed = Callable[[Session, Any], str]


def _(sentence: str, **values: str) -> str:
    """Return a sentence in the reader's language."""
    return str(gettext(sentence, **values))


@bp.post("/customers/<int:customer_id>/adjust")
@needs(Duty.MANAGE)
def adjust_credit(customer_id: int) -> ResponseReturnValue:
    """Give or take credit by hand; above the terms' limit a second person has to agree."""

    def deed(session: Session, form: ByHand) -> str:
        row = adjust.propose(
            session, g.shop.id, customer_id, form.kind, form.amount_minor, form.reason_code, form.note, g.actor,
            utcnow(), form.key,
        )  # fmt: skip
        amount = format_money(row.amount_minor, row.currency)
        if row.state is AdjustmentState.PROPOSED:
            return _("%(amount)s wait for a second person.", amount=amount)
        if row.kind is TransferKind.CREDIT:
            return _("%(amount)s given.", amount=amount)
        return _("%(amount)s taken.", amount=amount)

    return _carry_out(customer_id, "adjust", by_hand_schema(g.shop.currency), deed)


@bp.post("/adjustments/<int:adjustment_id>/agree")
@needs(Duty.MANAGE)
def agree_to_adjustment(adjustment_id: int) -> ResponseReturnValue:
    """Book what somebody else proposed."""

    def deed(session: Session, _form: Any) -> str:
        row = adjust.agree(session, g.shop.id, adjustment_id, g.actor, utcnow())
        return _("Agreed: %(amount)s are booked.", amount=format_money(row.amount_minor, row.currency))

    return _carry_out(_whose(adjustment_id), "agree", None, deed)


@bp.post("/adjustments/<int:adjustment_id>/decline")
@needs(Duty.MANAGE)
def decline_adjustment(adjustment_id: int) -> ResponseReturnValue:
    """Close a proposal with a reason."""

    def deed(session: Session, form: dict[str, Any]) -> str:
        adjust.decline(session, g.shop.id, adjustment_id, g.actor, utcnow(), form["reason"])
        return _("Declined; nothing was booked.")

    return _carry_out(_whose(adjustment_id), "decline", reason_schema, deed)


@bp.post("/customers/<int:customer_id>/forgive")
@needs(Duty.MANAGE)
def forgive_owed(customer_id: int) -> ResponseReturnValue:
    """Ask no more for what a customer owes."""

    def deed(session: Session, form: dict[str, Any]) -> str:
        minor = adjust.forgive_owed(
            session, g.shop.id, customer_id, form["reason"], g.actor, utcnow(), seen_minor=form["seen_minor"]
        )
        return _("%(amount)s are not owed any more.", amount=format_money(minor, g.shop.currency))

    return _carry_out(customer_id, "forgive", reason_schema, deed)


@bp.post("/customers/<int:customer_id>/tier")
@needs(Duty.MANAGE)
def assign_tier(customer_id: int) -> ResponseReturnValue:
    """Give a customer a tier by hand."""

    def deed(session: Session, form: GivenTier) -> str:
        tiers.assign(
            session, g.shop.id, [customer_id], form.tier, form.reason, g.actor, utcnow(),
            ends_at=form.ends_at, is_locked=form.is_locked, seen=form.seen,
        )  # fmt: skip
        return _("The customer has the tier %(name)s by hand now.", name=form.tier)

    return _carry_out(customer_id, "tier", tier_schema, deed)


@bp.post("/customers/<int:customer_id>/tier/end")
@needs(Duty.MANAGE)
def end_tier(customer_id: int) -> ResponseReturnValue:
    """End what was given by hand, so that the spend decides again."""

    def deed(session: Session, form: dict[str, Any]) -> str:
        why, seen = form["reason"], form["seen"]
        tiers.end_assignment(session, g.shop.id, [customer_id], why, g.actor, utcnow(), seen=seen)
        return _("What they spend decides their tier again.")

    return _carry_out(customer_id, "end", reason_schema, deed)


@bp.post("/customers/<int:customer_id>/look")
@needs(Duty.DECIDE)
def look_at_account(customer_id: int) -> ResponseReturnValue:
    """Have the customer's account in Shopify read now."""

    def deed(session: Session, _form: Any) -> str:
        account_statements.look_again(session, g.shop.id, customer_id, g.actor, utcnow())
        return _("The account is being read.")

    return _carry_out(customer_id, "look", None, deed, wake=_read_accounts)


def _send() -> None:
    enqueue_once(TRANSFERS, "send_transfers", g.shop.id)


def _read_accounts() -> None:
    enqueue_once(CHORES, "import_statements", g.shop.id)


def _carry_out(
    customer_id: int,
    name: str,
    schema: Schema | None,
    deed: Deed,
    wake: Callable[[], None] | None = None,
) -> ResponseReturnValue:
    """Do what a form asks and show the customer as they are then; on an error with what was typed."""
    check_known(customer_id)
    try:
        form = load(schema, request.form) if schema else None
        with transaction() as session:
            done = deed(session, form)
    except FormError as error:
        return _refuse(customer_id, name, 422, sentences(error))
    except (NotFound, NotAllowed):
        raise
    except Refused as error:
        return _refuse(customer_id, name, 409, {"form": translate(error)})
    (wake or _send)()
    if not answers.wants_html():
        return answers.as_json({"done": done})
    return answers.add_toast(make_response(render_customer(customer_id)), done)


def _refuse(customer_id: int, name: str, status: int, errors: dict[str, str]) -> ResponseReturnValue:
    message = next(iter(errors.values()))
    if not answers.wants_html():
        return answers.as_json({"error": message}, status)
    page = render_customer(customer_id, Said(name, request.form, errors))
    return answers.add_toast(make_response(page, status), message, is_error=True)


def _whose(adjustment_id: int) -> int:
    customer_id = None
    if adjustment_id <= LARGEST_ID:
        customer_id = find_customer_of(db.session(), g.shop.id, adjustment_id)
    if customer_id is None:
        raise NotFound("There is no such credit or debit by hand in this shop.")
    return customer_id
