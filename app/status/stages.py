"""What is wrong with the pace: stages of cashback's way that take longer than the shop allows."""

from collections.abc import Sequence
from datetime import datetime

from babel.dates import format_timedelta
from flask_babel import gettext as _
from flask_babel import ngettext

from app.engine.flows.journey import SlowStage
from app.engine.rules.messages import Stage
from app.languages import current_locale
from app.sentences import marked
from app.status.cause import Cause, lasted

_SLOW = {
    Stage.PAID: marked("Customers take longer than %(limit)s to pay."),
    Stage.TRIGGERED: marked("Shopify takes longer than %(limit)s to tell of a paid order."),
    Stage.RECEIVED: marked("Webhooks take longer than %(limit)s from Shopify to this server."),
    Stage.DECIDED: marked("Orders wait longer than %(limit)s until their cashback is computed."),
    Stage.RELEASED: marked("Cashback that is due waits longer than %(limit)s to be released."),
    Stage.SENT: marked("Released cashback waits longer than %(limit)s to be sent to Shopify."),
    Stage.CONFIRMED: marked("It takes longer than %(limit)s until Shopify confirms a credit."),
    Stage.TOLD: marked("It takes longer than %(limit)s until customers are told of their cashback."),
}
_WORKERS = marked("Check that the clock and enough workers are running; what waits is done as soon as they are.")
_SHOPIFY = marked(
    "Check that a worker is running and that Shopify answers; credits are sent as fast as Shopify allows."
)
_WAY = marked("Check that this server can be reached from outside; orders whose webhooks never come are looked for.")
_MAILS = marked("Look under Mails at what waits and why.")
_ADVICE = {
    Stage.TRIGGERED: (_WAY, "/deliveries"),
    Stage.RECEIVED: (_WAY, "/deliveries"),
    Stage.DECIDED: (_WORKERS, "/deliveries?state=received"),
    Stage.RELEASED: (_WORKERS, "/orders?badge=scheduled"),
    Stage.SENT: (_SHOPIFY, "/orders?badge=sending"),
    Stage.CONFIRMED: (_SHOPIFY, "/orders?badge=sending"),
    Stage.TOLD: (_MAILS, "/mails"),
}
#: A stage is slow because of these, and one trouble is named once.
_BECAUSE_OF = {
    Stage.DECIDED: {"inbox_late"},
    Stage.SENT: {"no_token", "token_refused", "scope_missing"},
    Stage.CONFIRMED: {"no_token", "token_refused", "scope_missing", "transfers_unknown"},
    Stage.TOLD: {"mail_server_away"},
}


def tell_slow_stages(found: Sequence[SlowStage], others: Sequence[Cause], now: datetime) -> list[Cause]:
    """Return what is too slow, and not because of another cause, in the order of the stages."""
    named = {cause.key.partition(":")[0] for cause in others}
    return [_tell(slow, now) for slow in found if not named & _BECAUSE_OF.get(slow.stage, set())]


def _tell(slow: SlowStage, now: datetime) -> Cause:
    locale = current_locale()
    sentences = [_(_SLOW[slow.stage], limit=format_timedelta(slow.limit, locale=locale))]
    if slow.most_within is not None:
        most = format_timedelta(slow.most_within, locale=locale)
        sentences.append(_("In the last 24 hours 95 of 100 took up to %(most)s.", most=most))
    if slow.oldest_at is not None:
        age = lasted(slow.oldest_at, now)
        sentences.append(
            ngettext(
                "%(num)s waits there now, for %(age)s.",
                "%(num)s wait there now, the oldest for %(age)s.",
                slow.standing,
                age=age,
            )
        )
    advice, room = _ADVICE.get(slow.stage, (_WORKERS, None))
    return Cause(f"stage_slow:{slow.stage}", " ".join(sentences), _(advice), room, is_grave=False)
