"""Decisions about many rewards at once: what they would come to, what became of each, and taking them back."""

from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from app.admin import answers, bp
from app.admin.forms import FormError, load
from app.admin.people import needs
from app.admin.queries.reviews import Review, find_reviews, list_picks
from app.admin.review_forms import Many, many_schema, read_wanted
from app.admin.review_words import say_done_to_many
from app.admin.reviews import render_desk, undo_of
from app.clock import utcnow
from app.db import db, transaction
from app.engine.flows import review
from app.engine.flows.review import Outcome, Verb
from app.engine.rules.roles import Duty
from app.engine.rules.states import DECIDABLE
from app.errors import NotFound, Refused
from app.languages import translate
from app.queue import TRANSFERS, enqueue_once


class Result(NamedTuple):
    """What became of one of many: the reward as it is now (None: there is none), and why it was left alone."""

    pick: str
    review: Review | None
    refused: str | None
    #: One approval of two.
    is_first: bool


class Results(NamedTuple):
    """What became of many, the refused ones first, and what it came to."""

    sentence: str
    rows: list[Result]
    refused: int


@bp.post("/reviews/preview/<verb>")
@needs(Duty.DECIDE)
def preview_many(verb: str) -> ResponseReturnValue:
    """Ask whether some rewards are to be decided about, with what that would come to."""
    wanted_verb = _verb(verb)
    form = _read()
    picks = form.picks
    if form.all:
        wanted, _ = read_wanted()
        # What is shown now is what is decided about: whatever changes meanwhile is refused.
        picks = [review.Pick(*row) for row in list_picks(db.session(), g.shop.id, wanted, review.MOST_PICKS)]
    totals = review.preview_totals(db.session(), g.shop.id, picks, wanted_verb, g.actor, utcnow())
    return render_template("admin/review_confirm.html", verb=verb, picks=picks, totals=totals)


@bp.post("/reviews/decide/<verb>")
@needs(Duty.DECIDE)
def decide_many(verb: str) -> ResponseReturnValue:
    """Decide about some rewards, and say what became of each."""
    flows: dict[Verb, Callable[..., list[Outcome]]] = {
        Verb.APPROVE: review.approve_many,
        Verb.REJECT: review.reject_many,
        Verb.HOLD: review.hold_many,
    }
    wanted_verb = _verb(verb)
    form = _read()
    extra = {} if wanted_verb is Verb.APPROVE else {"reason": form.reason}
    return _carry_out(form, verb, flows[wanted_verb], **extra)


@bp.post("/reviews/undo")
@needs(Duty.DECIDE)
def undo_many() -> ResponseReturnValue:
    """Take back the last decisions about some rewards, as far as that can be."""
    return _carry_out(_read(), "undo", review.undo_many)


def _verb(text: str) -> Verb:
    if text not in list(Verb):
        raise NotFound("Nothing of this name can be done with many at once.")
    return Verb(text)


def _read() -> Many:
    data: dict[str, Any] = request.form.to_dict()
    try:
        form: Many = load(many_schema, {**data, "pick": request.form.getlist("pick")})
    except FormError as error:
        raise Refused(error.args[0]) from error
    return form


def _carry_out(form: Many, deed: str, flow: Callable[..., list[Outcome]], **extra: str) -> Response:
    with transaction() as session:
        outcomes = flow(session, g.shop.id, form.picks, g.actor, utcnow(), **extra)
    enqueue_once(TRANSFERS, "send_transfers", g.shop.id)
    now = find_reviews(db.session(), g.shop.id, [pick.reward_id for pick in form.picks])
    rows = [_result(outcome, now.get(outcome.reward_id)) for outcome in outcomes]
    done = [row for row in rows if row.refused is None and row.review is not None]
    refused = [row for row in rows if row.refused is not None]
    finished = [row.review for row in done if row.review is not None and not row.is_first]
    minor = sum(one.reward.kept_minor for one in finished)
    sentence = say_done_to_many(deed, len(finished), minor, g.shop.currency)
    if not answers.wants_html():
        return answers.as_json({"done": len(done), "refused": {row.pick: row.refused for row in refused}})
    page = render_desk(
        results=Results(sentence, [*refused, *done], len(refused)),
        undo=None if deed == "undo" else undo_of([row.review for row in done if row.review is not None], sentence),
        undone=frozenset(row.review.reward.id for row in done if row.review) if deed == "undo" else frozenset(),
        ticked={row.review.reward.id: row.refused for row in refused if row.review is not None},
    )
    return answers.add_toast(make_response(page), sentence, is_error=bool(refused))


def _result(outcome: Outcome, found: Review | None) -> Result:
    pick = f"{outcome.reward_id}:{found.reward.version if found else 0}"
    if outcome.refused is not None:
        return Result(pick, found, translate(outcome.refused), is_first=False)
    return Result(
        pick, found, None, is_first=found is not None and found.is_seconded and found.reward.state in DECIDABLE
    )
