"""The review desk: the queue, and the decisions about one reward."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from flask import Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema

from app.admin import answers, bp
from app.admin.filters import asked_text, link
from app.admin.forms import FormError, decision_schema, load, reject_schema
from app.admin.order_page import render_order
from app.admin.people import needs
from app.admin.queries.orders import badge_of, list_transfer_states
from app.admin.queries.reviews import (
    Review,
    Wanted,
    count_wanted,
    find_review,
    list_recent_reasons,
    list_reviews,
)
from app.admin.review_forms import AGES, amount_schema, hold_schema, read_wanted
from app.admin.review_words import STATE_WORDS, late, plain_amount, say_done
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import review, terms
from app.engine.rules.roles import Duty
from app.engine.rules.states import DECIDABLE, RewardState
from app.errors import NotAllowed, NotFound, Refused
from app.languages import translate
from app.models import Reward
from app.queue import TRANSFERS, enqueue_once

_LARGEST_ID = 2**63 - 1
#: What a template of the desk needs to speak about a reward.
WORDS: dict[str, Any] = {"late": late, "state_words": STATE_WORDS}
bp.add_app_template_filter(plain_amount)


class Undo(NamedTuple):
    """What can be taken back: a sentence that says what it was, what it was about, and the seconds that are left."""

    sentence: str
    picks: list[review.Pick]
    seconds: int | None


@bp.get("/reviews")
def reviews() -> ResponseReturnValue:
    """Show what waits for a decision, longest waiting first unless it is wanted otherwise."""
    return render_desk()


@bp.post("/reviews/<int:reward_id>/approve")
@needs(Duty.DECIDE)
def approve(reward_id: int) -> ResponseReturnValue:
    """Let a reward go, as the person saw it."""
    return _decide(reward_id, review.approve, "approve")


@bp.post("/reviews/<int:reward_id>/reject")
@needs(Duty.DECIDE)
def reject(reward_id: int) -> ResponseReturnValue:
    """Deny a reward, with a reason."""
    return _decide(reward_id, review.reject, "reject", reject_schema)


@bp.post("/reviews/<int:reward_id>/hold")
@needs(Duty.DECIDE)
def hold(reward_id: int) -> ResponseReturnValue:
    """Set a reward aside, with a reason or without."""
    return _decide(reward_id, review.hold, "hold", hold_schema)


@bp.post("/reviews/<int:reward_id>/release")
@needs(Duty.DECIDE)
def release(reward_id: int) -> ResponseReturnValue:
    """Let a held reward go on."""
    return _decide(reward_id, review.release_hold, "release")


@bp.post("/reviews/<int:reward_id>/reopen")
@needs(Duty.DECIDE)
def reopen(reward_id: int) -> ResponseReturnValue:
    """Put a rejected reward back into review."""
    return _decide(reward_id, review.reopen, "reopen")


@bp.post("/reviews/<int:reward_id>/undo")
@needs(Duty.DECIDE)
def undo(reward_id: int) -> ResponseReturnValue:
    """Take back the decision made last about a reward."""
    return _decide(reward_id, review.undo, "undo")


@bp.post("/reviews/<int:reward_id>/adjust")
@needs(Duty.DECIDE)
def adjust(reward_id: int) -> ResponseReturnValue:
    """Set another amount, with a reason."""
    return _decide(reward_id, review.adjust, "adjust", amount_schema(g.shop.currency))


def render_desk(**news: Any) -> str:
    """Return the desk as this request looks at it, with what was just done."""
    wanted, chosen = read_wanted()
    session, after = db.session(), asked_text("after")
    queue = list_reviews(session, g.shop.id, wanted, after)
    waiting = count_wanted(session, g.shop.id, Wanted(g.actor))
    return render_template(
        "admin/reviews.html",
        queue=queue,
        waiting=waiting,
        matching=count_wanted(session, g.shop.id, wanted) if wanted.is_narrowed else waiting,
        wanted=wanted,
        chosen=chosen,
        after=after,
        start=link("/reviews", chosen) if after else None,
        more=None if queue.after is None else link("/reviews", chosen, after=queue.after),
        ages=AGES,
        tiers=[tier.name for tier in terms.get_current(session, g.shop.id, utcnow()).tiers],
        reasons=list_recent_reasons(session, g.shop.id),
        most_picks=review.MOST_PICKS,
        **WORDS,
        **{"results": None, "undo": None, "undone": frozenset(), "ticked": {}, **news},
    )


def _decide(
    reward_id: int, flow: Callable[..., Reward], deed: str, schema: Schema = decision_schema
) -> ResponseReturnValue:
    if reward_id > _LARGEST_ID:
        raise NotFound("There is no such reward in this shop.")
    try:
        form = load(schema, request.form)
        extra = {"reason": form.reason} if schema is not decision_schema else {}
        if deed == "adjust":
            extra["amount_minor"] = form.amount
        with transaction() as session:
            flow(session, g.shop.id, reward_id, form.seen_version, actor=g.actor, now=utcnow(), **extra)
    except NotFound:
        raise
    except FormError as error:
        return _answer(reward_id, 422, error=translate(error))
    except NotAllowed as error:
        return _answer(reward_id, 403, error=translate(error))
    except Refused as error:
        return _answer(reward_id, 409, error=translate(error))
    enqueue_once(TRANSFERS, "send_transfers", g.shop.id)
    return _answer(reward_id, 200, deed)


def _answer(reward_id: int, status: int, deed: str = "", *, error: str | None = None) -> Response:
    """Answer with what the reward is now: the order's page, the queue's row, or JSON."""
    found = find_review(db.session(), g.shop.id, reward_id)
    if found is None:
        raise NotFound("There is no such reward in this shop.")
    if not answers.wants_html():
        return answers.as_json(_as_data(found, error), status)
    reward = found.reward
    if deed in ("approve", "release") and reward.first_approved_at and reward.state in DECIDABLE and found.is_seconded:
        deed = "approve_first"
    done = error or say_done(deed, reward.kept_minor, reward.currency, found.order.name)
    if request.form.get("view") == "order":
        response = make_response(render_order(found.order.shopify_id, error), status)
    else:
        response = answers.show(
            "admin/review_answer.html",
            status,
            review=found,
            notice=error,
            waiting=count_wanted(db.session(), g.shop.id, Wanted(g.actor)),
            undo=None if error or deed == "undo" else undo_of([found], done),
            **WORDS,
        )
    return answers.add_toast(response, done, is_error=error is not None)


def undo_of(found: list[Review], sentence: str) -> Undo | None:
    """Return what of some rewards can be taken back, or None."""
    can = [one.reward for one in found if one.reward.undo_to or one.reward.state is RewardState.REJECTED]
    if not can:
        return None
    now = utcnow()
    ends = [reward.undo_until for reward in can if reward.undo_until is not None]
    seconds = max(-(-(min(ends) - now) // timedelta(seconds=1)), 0) if ends else None
    return Undo(sentence, [review.Pick(reward.id, reward.version) for reward in can], seconds)


def _as_data(found: Review, error: str | None) -> dict[str, Any]:
    reward = found.reward
    states = list_transfer_states(db.session(), g.shop.id, [reward.id])
    badge = badge_of(reward, states)
    data = {"state": reward.state.value, "badge": badge and badge.value, "version": reward.version}
    if reward.undo_until is not None:
        data["undo_until"] = reward.undo_until.isoformat()
    return data if error is None else {**data, "error": error}
