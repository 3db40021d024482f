"""The review queue and the decisions about a reward."""

from collections.abc import Callable
from typing import Any

from flask import Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from app.admin import answers, bp
from app.admin.display import format_money
from app.admin.forms import Decision, FormError, decision_schema, load, reject_schema
from app.admin.orders import render_order
from app.admin.people import needs
from app.admin.queries.orders import badge_of, list_transfer_states
from app.admin.queries.reviews import Review, count_waiting, find_review, list_reviews
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import review
from app.engine.rules.roles import Duty
from app.errors import NotFound, Refused
from app.models import Reward
from app.queue import TRANSFERS, enqueue_once

_LARGEST_ID = 2**63 - 1


@bp.get("/reviews")
def reviews() -> ResponseReturnValue:
    """Show the waiting rewards, oldest first."""
    after = request.args.get("after", 0, type=int)
    queue = list_reviews(db.session(), g.shop.id, after=min(max(after, 0), _LARGEST_ID))
    return render_template(
        "admin/reviews.html", queue=queue, waiting=count_waiting(db.session(), g.shop.id), is_first=after <= 0
    )


@bp.post("/reviews/<int:reward_id>/approve")
@needs(Duty.DECIDE)
def approve(reward_id: int) -> ResponseReturnValue:
    """Settle a reward, as the person saw it."""
    return _decide(reward_id, review.approve, "Approved")


@bp.post("/reviews/<int:reward_id>/reject")
@needs(Duty.DECIDE)
def reject(reward_id: int) -> ResponseReturnValue:
    """Deny a reward, with a reason."""
    return _decide(reward_id, review.reject, "Rejected", needs_reason=True)


@bp.post("/reviews/<int:reward_id>/hold")
@needs(Duty.DECIDE)
def hold(reward_id: int) -> ResponseReturnValue:
    """Set a reward aside."""
    return _decide(reward_id, review.hold, "Held")


@bp.post("/reviews/<int:reward_id>/reopen")
@needs(Duty.DECIDE)
def reopen(reward_id: int) -> ResponseReturnValue:
    """Put a rejected reward back into review."""
    return _decide(reward_id, review.reopen, "Reopened")


def _decide(
    reward_id: int, flow: Callable[..., Reward], done: str, *, needs_reason: bool = False
) -> ResponseReturnValue:
    if reward_id > _LARGEST_ID:
        raise NotFound("There is no such reward in this shop.")
    try:
        form: Decision = load(reject_schema if needs_reason else decision_schema, request.form)
        extra = {"reason": form.reason} if needs_reason else {}
        with transaction() as session:
            flow(session, g.shop.id, reward_id, form.seen_version, g.actor, utcnow(), **extra)
    except NotFound:
        raise
    except FormError as error:
        return _answer(reward_id, 422, str(error), is_error=True)
    except Refused as error:
        return _answer(reward_id, 409, str(error), is_error=True)
    enqueue_once(TRANSFERS, "send_transfers", g.shop.id)
    return _answer(reward_id, 200, done)


def _answer(reward_id: int, status: int, message: str, *, is_error: bool = False) -> Response:
    """Answer with what the reward is now: the order's page, the queue's row, or JSON."""
    found = find_review(db.session(), g.shop.id, reward_id)
    if found is None:
        raise NotFound("There is no such reward in this shop.")
    if not answers.wants_html():
        return answers.as_json(_as_data(found, message if is_error else None), status)
    notice = message if is_error else None
    if request.form.get("view") == "order":
        response = make_response(render_order(found.order.shopify_id, notice), status)
    else:
        response = answers.show(
            "admin/review_answer.html",
            status,
            review=found,
            notice=notice,
            waiting=count_waiting(db.session(), g.shop.id),
        )
    toast = message if is_error else f"{message}: {_amount(found)} for {found.order.name}"
    return answers.add_toast(response, toast, is_error=is_error)


def _amount(found: Review) -> str:
    return format_money(found.reward.kept_minor, found.reward.currency)


def _as_data(found: Review, error: str | None) -> dict[str, Any]:
    reward = found.reward
    states = list_transfer_states(db.session(), g.shop.id, [reward.id])
    badge = badge_of(reward, states)
    data = {"state": reward.state.value, "badge": badge and badge.value, "version": reward.version}
    return data if error is None else {**data, "error": error}
